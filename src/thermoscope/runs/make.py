"""Generating the texts of a plan that are not in the folder yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thermoscope.decode.progress import Progress
from thermoscope.decode.sample import Sample
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.sources.base import Batch, Source


def make(source: Source, plan: Plan, store: Store, on_progress: Callable[[Progress], None] | None = None) -> int:
    """Generate the chunks that are missing from the folder, and keep each as soon as it is whole.

    Parameters
    ----------
    source
        The model or the endpoint of the plan.
    plan
        What there is to be.
    store
        The folder, which may hold some of it.
    on_progress
        Called with how much of what was missing at the start is done.

    Returns
    -------
    int
        How many texts were made.

    Raises
    ------
    EndpointError
        An endpoint failed for some texts; the chunks that are whole are kept.
    """
    missing = [chunk for chunk in plan.chunks() if not store.has(chunk)]
    batches = [Batch(plan.prompts[chunk.prompt], plan.settings, chunk.seeds) for chunk in missing]

    def keep(number: int, samples: Sequence[Sample]) -> None:
        effects = batches[number].effects
        store.keep_notes(source.notes)
        store.add(missing[number], samples, {setting.id: effects.idle(setting) for setting in plan.settings})

    source.make(
        batches,
        max_new_tokens=plan.max_new_tokens,
        stop=plan.stop,
        max_rows=plan.max_rows,
        on_batch=keep,
        on_progress=on_progress,
    )
    return sum(map(len, batches))
