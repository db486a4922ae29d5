"""The runs in a folder: listed, opened, deleted."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from thermoscope.errors import InputError, RunError, ThermoscopeError
from thermoscope.language.saying import ENGLISH
from thermoscope.recommending.folder import ANSWER, open_recommendation, recommendations_in
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
    found = next((each for each in _all(runs) if each.run == name), None) if _NAME.fullmatch(name) else None
    if found is None:
        raise RunError(f"there is no run {quoted(name)} in {runs}; open the list of runs again")
    return found


def _all(runs: Path) -> list[RunInfo]:
    """Every run and every recommendation."""
    found = [
        RunInfo.model_validate({k: v for k, v in each.items() if k in RunInfo.model_fields}) for each in runs_in(runs)
    ]
    return found + [_recommendation(path) for path in recommendations_in(runs)]


def _recommendation(path: Path) -> RunInfo:
    """What is known of a recommendation: its texts are those of the runs in its folder."""
    made = runs_in(path)
    known: dict[str, Any] = {"run": path.name, "recommendation": True, "state": "not complete"}
    known |= {
        name: sum(run[name] for run in made if isinstance(run[name], int)) for name in ("settings", "texts", "done")
    }
    try:
        answer = open_recommendation(path) if (path / ANSWER).is_file() else None
    except ThermoscopeError:
        return RunInfo(**known | {"state": "unreadable"})
    if answer is not None:
        state = "complete" if answer.complete else "not complete"
        known |= {"name": answer.title, "model": answer.model, "settings": len(answer.candidates), "state": state}
        known["finished"] = max((run["finished"] or "" for run in made), default="") or None
    return RunInfo(**known)


def listed(runs: Path) -> list[RunInfo]:
    """Every run and recommendation, the latest first."""
    found = _all(runs)
    return sorted(found, key=lambda run: run.finished or "~", reverse=True)


def detail(runs: Path, name: str) -> RunDetail:
    """A run with what was found; errors as in ``open_run``."""
    from thermoscope.report.records.build import run_finding
    from thermoscope.runs.kept_texts import is_kept, open_measured
    from thermoscope.runs.run import open_run

    info = _known(runs, name)
    path = runs / info.run
    if info.recommendation:
        answer = open_recommendation(path) if (path / ANSWER).is_file() else None
        found = [] if answer is None else list(answer.finding)
        return RunDetail(**info.model_dump(), findings=found, command="" if answer is None else answer.command)
    if is_kept(path):
        return RunDetail(**info.model_dump(), findings=list(run_finding(open_measured(path))), command="")
    run = open_run(path)
    findings = list(run_finding(run)) if run.complete else []
    return RunDetail(**info.model_dump(), findings=findings, command=run.command)


def report(runs: Path, name: str, language: str) -> str:
    """The page of a complete run, or of a recommendation, in a language."""
    from thermoscope.report.forms import render
    from thermoscope.runs.kept_texts import is_kept, open_measured
    from thermoscope.runs.run import open_run

    info = _known(runs, name)
    path = runs / info.run
    if info.recommendation:
        return str(render(open_recommendation(path), "html", language=language))
    if is_kept(path):
        return str(render(open_measured(path), "html", language=language))
    if not (path / "report.html").is_file():
        raise InputError(f"the run {name} has no report yet; resume it first")
    if language == ENGLISH:
        return (path / "report.html").read_text(encoding="utf-8")
    return str(render(open_run(path), "html", language=language))


def delete(runs: Path, name: str, confirm: str) -> Deleted:
    """Delete a run, if what the first request was answered is said again."""
    checked(runs, name)
    word = _confirmations.setdefault(name, secrets.token_hex(4))
    if not secrets.compare_digest(confirm.encode(), word.encode()):
        return Deleted(deleted=False, confirm=word)
    del _confirmations[name]
    shutil.rmtree(runs / name)
    return Deleted(deleted=True)
