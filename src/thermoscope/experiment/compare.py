"""``compare``: one prompt at several temperatures under the same noise, measured and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from thermoscope.decode.generate import Progress, generate
from thermoscope.decode.request import new_tokens, prompt_ids, seed_list, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import InputError, Interrupted
from thermoscope.experiment.comparison import ComparedText, Comparison
from thermoscope.experiment.plan import at_temperatures
from thermoscope.experiment.provenance import WhatRan, compare_command, versions
from thermoscope.experiment.reading import read
from thermoscope.metrics.registry import measure_text
from thermoscope.metrics.repetition import find_loop, repeated_passages
from thermoscope.models.base import Model
from thermoscope.params import SamplingParams


def compare(
    model: Model,
    prompt: str,
    temperatures: Sequence[float],
    *,
    params: SamplingParams | None = None,
    seeds: int | Sequence[int] = 0,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Comparison:
    """Compare one prompt at several temperatures, everything else fixed, the random noise shared.

    Parameters
    ----------
    model
        From ``load_model``.
    prompt
        The prompt.
    temperatures
        At least one; no two equal. Each is the neighbour of the one after it.
    params
        The other parameters; its own temperature is not used.
    seeds, max_new_tokens, max_length, stop, max_rows, on_progress
        As in ``generate``.

    Raises
    ------
    InputError
        A value breaks its rule (see ``generate`` and ``SamplingParams``), or a temperature is given twice.
    Interrupted
        A KeyboardInterrupt that carries the comparison of the texts that were finished.
    """
    settings = at_temperatures(temperatures, params)
    numbers = tuple(seed_list(seeds))
    if len(set(numbers)) < len(numbers):
        twice = next(seed for i, seed in enumerate(numbers) if seed in numbers[:i])
        raise InputError(f"each seed may be given once; got {twice} twice; leave one out")
    stops = stop_strings(stop)
    limit = new_tokens(model, len(prompt_ids(model, prompt)), max_new_tokens, max_length)
    finished: dict[int, Sample] = {}

    def result() -> Comparison:
        ran = WhatRan(
            settings=settings,
            seeds=numbers,
            max_new_tokens=limit,
            stop=stops,
            model=model.name,
            revision=model.revision,
            dtype=model.dtype,
            device=model.device,
            notes=model.notes,
            versions=versions(),
            command=compare_command(model, prompt, settings, numbers, limit, stops),
        )
        texts = compared_texts(finished, len(numbers))
        return Comparison(prompt, settings, numbers, texts, tuple(read(settings, numbers, texts)), ran)

    try:
        generate(
            model,
            prompt,
            settings,
            seeds=numbers,
            max_new_tokens=limit,
            stop=stops,
            max_rows=max_rows,
            on_sample=finished.__setitem__,
            on_progress=on_progress,
        )
    except KeyboardInterrupt:
        raise Interrupted(result()) from None
    return result()


def compared_texts(finished: Mapping[int, Sample], seeds: int) -> tuple[ComparedText, ...]:
    """Measure the finished texts, by their number in settings x seeds, and hold each against its neighbour."""
    texts = []
    for number in sorted(finished):
        sample, before = finished[number], finished.get(number - seeds)
        ids = sample.text_token_ids
        texts.append(
            ComparedText(
                sample=sample,
                measures=measure_text(sample),
                loop=find_loop(ids),
                repeated=tuple(repeated_passages(ids)),
                shared_tokens=None if before is None else _shared(before.token_ids, sample.token_ids),
            )
        )
    return tuple(texts)


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two texts have in common from the start."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
