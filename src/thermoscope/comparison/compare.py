"""``compare``: one prompt at several settings, measured and read: under the same noise where the model runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from thermoscope.comparison.comparison import ComparedText, Comparison
from thermoscope.comparison.passages import shared_tokens
from thermoscope.comparison.reading import read
from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.decode.request import seed_list, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import EndpointError, InputError, Interrupted
from thermoscope.metrics.repetition import find_loop, repeated_passages
from thermoscope.metrics.table import measure_text
from thermoscope.models.base import Model
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.ran.provenance import compare_command, what_ran
from thermoscope.settings.grid import neighbours, varied
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Batch, Source
from thermoscope.sources.opening import source_of


def compare(
    model: Model | Source,
    prompt: str,
    temperatures: Sequence[float] | None = None,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    params: SamplingParams | None = None,
    seeds: int | Sequence[int] = 0,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Comparison:
    """Compare one prompt at several settings, everything else fixed.

    With a model that runs here the settings share their random noise. Behind an endpoint they do not: its texts are
    independent samples, and measures that need the model's own distribution are not known unless it gives them.

    Parameters
    ----------
    model
        From ``load_model``, or an ``Endpoint``.
    prompt
        The prompt.
    temperatures
        At least one; no two equal. Each is the neighbour of the one after it.
    vary
        Values of other parameters, by name (of ``order``, names of orders); with several, or with temperatures as
        well, every combination. A text's neighbour is then the last before it that differs in one parameter alone.
    params
        The other parameters; what is varied is not taken from it.
    seeds, max_new_tokens, max_length, stop, max_rows, on_progress
        As in ``generate``.

    Raises
    ------
    InputError
        A value breaks its rule (see ``generate`` and ``SamplingParams``), or a temperature is given twice.
    EndpointError
        An endpoint answered no request at all, or refuses. If some requests failed, the texts that came are compared,
        and a note says what is missing.
    Interrupted
        A KeyboardInterrupt that carries the comparison of the texts that were finished.
    """
    if temperatures is not None and (isinstance(temperatures, str) or not isinstance(temperatures, Iterable)):
        raise InputError(f"temperatures must be a list of numbers; got {temperatures!r}; write [0.3, 0.9]")
    over: dict[str, Sequence[Any]] = {} if temperatures is None else {"temperature": list(temperatures)}
    settings = varied({**over, **(vary or {})}, params)
    numbers = tuple(seed_list(seeds))
    stops = stop_strings(stop)
    source = source_of(model)
    limit = source.new_tokens([prompt], max_new_tokens, max_length)
    batch = Batch(prompt, source.settings(settings), numbers)
    finished: dict[int, Sample] = {}
    failed: list[str] = []

    def take(_: int, place: int, sample: Sample) -> None:
        finished[place] = sample

    def result() -> Comparison:
        ran = what_ran(
            source,
            compare_command(source, prompt, settings, numbers, limit, stops),
            settings=settings,
            seeds=numbers,
            max_new_tokens=limit,
            stop=stops,
            model_settings=source.own_settings,
            shared_noise=source.can.shared_noise,
            details={} if source.usage is None else source.usage.facts,
        )
        ran = replace(ran, notes=(*ran.notes, *failed))
        texts = compared_texts(finished, len(numbers), neighbours(settings))
        did = (*contradictions(settings), *idle_parameters(settings, batch.effects.idle))
        return Comparison(prompt, settings, numbers, texts, tuple(read(settings, numbers, texts)), ran, did)

    how: dict[str, Any] = {"max_new_tokens": limit, "stop": stops, "max_rows": max_rows}
    try:
        with shown("comparing", on_progress) as tell:
            source.make([batch], **how, on_sample=take, on_progress=tell)
    except KeyboardInterrupt:
        raise Interrupted(result()) from None
    except EndpointError as error:
        if not finished:
            raise
        failed.append(str(error))
    return result()


def compared_texts(
    finished: Mapping[int, Sample], seeds: int, nearest: Sequence[int | None] | None = None
) -> tuple[ComparedText, ...]:
    """Measure the finished texts, by their number in settings x seeds, and hold each against its neighbour.

    ``nearest`` is the number of each setting's neighbour; by default the setting before it.
    """
    texts = []
    for number in sorted(finished):
        setting, seed = divmod(number, seeds)
        neighbour = setting - 1 if nearest is None else nearest[setting]
        sample, before = finished[number], None if neighbour is None else finished.get(neighbour * seeds + seed)
        ids = sample.text_token_ids
        texts.append(
            ComparedText(
                sample=sample,
                measures=measure_text(sample),
                loop=find_loop(ids),
                repeated=tuple(repeated_passages(ids)),
                shared_tokens=None if before is None else shared_tokens(before.token_ids, sample.token_ids),
            )
        )
    return tuple(texts)
