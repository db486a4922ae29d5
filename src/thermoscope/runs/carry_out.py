"""Carrying out a plan: make, keep, measure, judge, keep."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.errors import RunError
from thermoscope.files.remote import in_words
from thermoscope.metrics.thinking import opens_thinking
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.ran.provenance import versions
from thermoscope.runs.command import run_command
from thermoscope.runs.make import make
from thermoscope.runs.measure import Measurements, measure_run
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import Plan
from thermoscope.runs.reference import Statistics, reference_for, reference_statistics
from thermoscope.runs.store import Store, Stored
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
    reference: Callable[[], Statistics] | None = None,
) -> None:
    """Make, keep, measure and judge what is missing of a plan; parameters and errors as in ``run``.

    ``reference`` gives what ``reference_statistics`` would, where that is known already.
    """
    if _is_done(plan, store, measuring, store.look()):  # no lock: a run on a read-only disk can be opened
        return
    tell_note = on_note or _log.warning
    if unlocked := in_words(store.folder):
        tell_note(unlocked)
    with store.locked():
        stored = store.look()
        plan = plan.resumed(stored.plan, store.folder)
        if stored.plan is None:
            store.begin(plan.to_dict())
        for fault in [*store.clean(list(plan.chunks())), *stored.faults]:
            tell_note(fault)
        command = run_command(plan, store, measuring)
        if stored.manifest is None:
            store.keep_command(command, measuring.to_dict())
        if on_plan is not None and not all(store.has(chunk) for chunk in plan.chunks()):
            on_plan(plan)
        begun = time.perf_counter()
        with shown("generating", on_progress) as tell:
            made = make(source, plan, store, tell)
        measured_from = time.perf_counter()
        before, statistics = stored.measuring
        same = before == measuring.to_dict()
        if made == 0 and same and not stored.faults:
            return
        if not same or statistics is None:
            read = partial(reference_statistics, source, measuring, plan.max_new_tokens, on_stage)
            statistics = (reference or read)()
        compared = reference_for(source, statistics, plan.max_new_tokens)
        found = measure_run(plan, store, measuring, compared, partial(opens_thinking, source), on_stage)
        claims = [claim.to_dict() for claim in judge(found.evidence, measuring.use_case.objective, found.reference)]
        seconds = {
            "generating": round(measured_from - begun, 3),
            "measuring": round(time.perf_counter() - measured_from, 3),
        }
        ran = {
            "texts_made_last": made,
            "seconds_last": seconds,
            "command": command,
            "measuring": measuring.to_dict() | {"reference": None if isinstance(statistics, str) else statistics},
        }
        manifest = _manifest(source, plan, store, measuring, found)
        store.finish(found.tables, claims, manifest | ran)


def _is_done(plan: Plan, store: Store, measuring: Measuring, stored: Stored) -> bool:
    """Whether the folder holds this plan, whole, measured in this way, and as it was written."""
    if stored.plan is None or stored.manifest is None or stored.faults:
        return False
    try:
        there = Plan.from_dict(stored.plan, store.folder)
    except RunError:
        return False
    if plan.difference(there) is not None or plan.tokens != there.tokens:
        return False
    return stored.measuring[0] == measuring.to_dict() and not store.faults(list(plan.chunks()))


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
