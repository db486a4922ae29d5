"""Generating the texts of a plan that are not in the folder yet, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from thermoscope.decode.generate import Progress, generate
from thermoscope.models.base import Model
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import Store
from thermoscope.sampling.effects import Effects


def make(model: Model, plan: Plan, store: Store, on_progress: Callable[[Progress], None] | None = None) -> int:
    """Generate the chunks that are missing from the folder, and keep each as soon as it is whole.

    Parameters
    ----------
    model
        The model of the plan.
    plan
        What there is to be.
    store
        The folder, which may hold some of it.
    on_progress
        Called after every step with how much of what was missing at the start is done.

    Returns
    -------
    int
        How many texts were made.
    """
    missing = [chunk for chunk in plan.chunks() if not store.has(chunk)]
    sizes = [len(chunk.seeds) * len(plan.settings) for chunk in missing]
    most = sum(sizes) * plan.max_new_tokens
    done = Progress(0, sum(sizes), 0, most, 0)
    for chunk, size in zip(missing, sizes, strict=True):
        latest = Progress(0, size, 0, size * plan.max_new_tokens, 0)

        def tell(state: Progress, before: Progress = done) -> None:
            nonlocal latest
            latest = state
            if on_progress is not None:
                on_progress(
                    replace(
                        before,
                        finished=before.finished + state.finished,
                        tokens=before.tokens + state.tokens,
                        forward_rows=before.forward_rows + state.forward_rows,
                    )
                )

        effects = Effects()
        samples = generate(
            model,
            plan.prompts[chunk.prompt],
            plan.settings,
            seeds=chunk.seeds,
            max_new_tokens=plan.max_new_tokens,
            stop=plan.stop,
            max_rows=plan.max_rows,
            effects=effects,
            on_progress=tell,
        )
        store.add(chunk, samples, {setting.id: effects.idle(setting) for setting in plan.settings})
        # texts that ended early leave less to do
        done = replace(
            done,
            finished=done.finished + size,
            tokens=done.tokens + latest.tokens,
            most_tokens=done.most_tokens - size * plan.max_new_tokens + latest.tokens,
            forward_rows=done.forward_rows + latest.forward_rows,
        )
    return sum(sizes)
