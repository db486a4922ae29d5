"""The runs in a folder: listed, opened, deleted."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path

from thermoscope.errors import InputError, RunError
from thermoscope.runs.catalog import runs_in
from thermoscope.web.schemas import Deleted, RunDetail, RunInfo
from thermoscope.words import quoted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
#: What must be said to delete a run, by its name: made when it is first asked for.
_confirmations: dict[str, str] = {}


def checked(runs: Path, name: str) -> str:
    """The name of a run that is there.

    Raises
    ------
    RunError
        There is none of this name.
    """
    return _known(runs, name).run


def _known(runs: Path, name: str) -> RunInfo:
    """What is known of a run; errors as in ``checked``."""
    found = next((each for each in runs_in(runs) if each["run"] == name), None) if _NAME.fullmatch(name) else None
    if found is None:
        raise RunError(f"there is no run {quoted(name)} in {runs}; open the list of runs again")
    return _info(found)


def listed(runs: Path) -> list[RunInfo]:
    """Every run, the latest first."""
    found = [_info(each) for each in runs_in(runs)]
    return sorted(found, key=lambda run: run.finished or "~", reverse=True)


def detail(runs: Path, name: str) -> RunDetail:
    """A run with what was found; errors as in ``open_run``."""
    from thermoscope.report.records.build import run_finding
    from thermoscope.runs.kept_texts import is_kept, open_measured
    from thermoscope.runs.run import open_run

    info = _known(runs, name)
    path = runs / info.run
    if is_kept(path):
        return RunDetail(**info.model_dump(), findings=list(run_finding(open_measured(path))), command="")
    run = open_run(path)
    findings = list(run_finding(run)) if run.complete else []
    return RunDetail(**info.model_dump(), findings=findings, command=run.command)


def report(runs: Path, name: str) -> Path:
    """The page of a complete run."""
    path = runs / checked(runs, name) / "report.html"
    if not path.is_file():
        raise InputError(f"the run {name} has no report yet; resume it first")
    return path


def delete(runs: Path, name: str, confirm: str) -> Deleted:
    """Delete a run, if what the first request was answered is said again."""
    checked(runs, name)
    word = _confirmations.setdefault(name, secrets.token_hex(4))
    if not secrets.compare_digest(confirm.encode(), word.encode()):
        return Deleted(deleted=False, confirm=word)
    del _confirmations[name]
    shutil.rmtree(runs / name)
    return Deleted(deleted=True)


def _info(known: dict[str, object]) -> RunInfo:
    return RunInfo.model_validate({key: value for key, value in known.items() if key in RunInfo.model_fields})
