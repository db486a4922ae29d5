"""Carrying out a plan: make, keep, measure, judge, keep."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.errors import RunError
from thermoscope.files.remote import in_words
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.ran.provenance import versions
from thermoscope.runs.command import run_command
from thermoscope.runs.make import make
from thermoscope.runs.measure import Measurements, Measuring, measure_run, reference_statistics
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.sources.base import Source
from thermoscope.statistics.claims import judge

_log = logging.getLogger(__name__)


def carry_out(
    source: Source,
    plan: Plan,
    store: Store,
    measuring: Measuring,
    *,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Callable[[str, int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    reference: Callable[[], Mapping[str, Any] | str | None] | None = None,
) -> None:
    """Make, keep, measure and judge what is missing of a plan; parameters and errors as in ``run``.

    ``reference`` gives what ``reference_statistics`` would, where that is known already.
    """
    if _is_done(plan, store, measuring):  # asks for no lock: a run that is kept on a read-only disk can be opened
        return
    tell_note = on_note or _log.warning
    if unlocked := in_words(store.folder):
        tell_note(unlocked)
    with store.locked():
        there = store.plan_record()
        plan = plan.resumed(there, store.folder)
        if there is None:
            store.begin(plan.to_dict())
        faults = store.clean(list(plan.chunks()))
        before = _manifest_or_none(store, faults)
        for fault in faults:
            tell_note(fault)
        command = run_command(plan, store, measuring)
        if before is None:
            store.keep_command(command, measuring.to_dict())
        if on_plan is not None and not all(store.has(chunk) for chunk in plan.chunks()):
            on_plan(plan)
        begun = time.perf_counter()
        with shown("generating", on_progress) as tell:
            made = make(source, plan, store, tell)
        measured_from = time.perf_counter()
        stored = {} if before is None else dict(before["measuring"])
        record = stored.pop("reference", None)
        same = stored == measuring.to_dict()
        if made == 0 and same and store.measured(before):
            return
        if not same or record is None:
            record = reference_statistics(source, plan, measuring, on_stage) if reference is None else reference()
        found = measure_run(source, plan, store, measuring, record, on_stage)
        claims = [claim.to_dict() for claim in judge(found.evidence, measuring.use_case.objective, found.reference)]
        seconds = {
            "generating": round(measured_from - begun, 3),
            "measuring": round(time.perf_counter() - measured_from, 3),
        }
        compared = {"reference": None if isinstance(record, str) else record}
        ran = {
            "texts_made_last": made,
            "seconds_last": seconds,
            "command": command,
            "measuring": measuring.to_dict() | compared,
        }
        store.finish(found.tables, claims, _manifest(source, plan, store, measuring, found) | ran)


def _is_done(plan: Plan, store: Store, measuring: Measuring) -> bool:
    """Whether the folder holds this plan, whole, measured in this way, and as it was written."""
    try:
        record, manifest = store.plan_record(), store.manifest()
        if record is None or manifest is None:
            return False
        there = Plan.from_dict(record, store.folder)
        if plan.difference(there) is not None or plan.tokens != there.tokens:
            return False
        same = {name: value for name, value in manifest["measuring"].items() if name != "reference"}
        return same == measuring.to_dict() and store.measured(manifest) and not store.faults(list(plan.chunks()))
    except RunError:
        return False


def _manifest_or_none(store: Store, faults: list[str]) -> dict[str, Any] | None:
    """What ran; None where the run is not complete, or where that can't be read, which is added to the faults."""
    try:
        manifest = store.manifest()
    except RunError as error:
        faults.append(f"{str(error).partition(';')[0]}; the texts are measured again")
        return None
    if manifest is not None and not store.measured(manifest):
        faults.append(f"tables in {store.folder} were changed since they were written; the texts are measured again")
    return manifest


def _manifest(source: Source, plan: Plan, store: Store, measuring: Measuring, found: Measurements) -> dict[str, Any]:
    """What ran, and how to make it again."""
    return {
        "id": plan.id,
        "plan": plan.to_dict(),
        "settings": [setting.to_record() for setting in plan.settings],
        "objective": measuring.use_case.objective,
        "title": measuring.use_case.title,
        "reference": found.reference,
        "texts": found.tables["measures"].num_rows,
        "tokens": sum(store.texts()["tokens"].to_pylist()),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "shared_noise": source.can.shared_noise,
        "spent": {} if source.usage is None else source.usage.facts,
        "notes": [*dict.fromkeys((*source.notes, *store.notes())), *measuring.notes, *found.notes],
        "thinking": list(found.thinking),
        "effective": [*contradictions(plan.settings), *idle_parameters(plan.settings, store.idle_stages)],
        "versions": versions(model=source.dtype is not None),
    }
