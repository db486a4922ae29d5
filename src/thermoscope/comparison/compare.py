"""``compare``: one prompt at several settings, measured and read: under the same noise where the model runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from thermoscope.comparison.comparison import ComparedText, Comparison
from thermoscope.comparison.passages import shared_tokens
from thermoscope.comparison.reading import read
from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import seed_list, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import EndpointError, InputError, Interrupted
from thermoscope.metrics.repetition import find_loop, repeated_passages
from thermoscope.metrics.table import measure_text
from thermoscope.metrics.thinking import (
    Block,
    Thinking,
    answer_of,
    find_block,
    first_token,
    opens_thinking,
    said_of,
    thinking_mode,
    thinking_of,
    thinking_words,
)
from thermoscope.models.base import Model
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.ran.provenance import compare_command, what_ran
from thermoscope.settings.grid import SettingsGiven, neighbours, settings_given, varied
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Batch, Source
from thermoscope.sources.local import LocalSource
from thermoscope.sources.open import source_of
from thermoscope.words import count


def compare(
    model: Model | Source,
    prompt: str,
    settings: Iterable[float] | SettingsGiven | None = None,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    params: SamplingParams | None = None,
    seeds: int | Sequence[int] = 1,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    thinking: Thinking = "apart",
    earlier: Comparison | None = None,
    on_sample: Callable[[int, Sample], None] | None = None,
    on_token: Callable[[int, int, TokenRecord], None] | None = None,
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
    settings
        Temperatures, or settings: one, several, or several by name; no two equal. Each is the neighbour of the next.
    vary
        Values of other parameters, by name (of ``order``, names of orders); with several, or with temperatures as
        well, every combination. A text's neighbour is then the last before it that differs in one parameter alone.
    params
        The other parameters beside temperatures; what is varied is not taken from it.
    thinking
        What is done with the thinking of a reasoning model: "apart" measures the answers, and the thinking for itself;
        "drop" the answers alone; "keep" each text as a whole.
    earlier
        What the same call gave with fewer tokens, by a model that runs here: its texts are gone on with, and the result
        is what it is without them.
    seeds, max_new_tokens, max_length, stop, max_rows, on_progress
        As in ``generate``.
    on_sample, on_token
        As in ``generate``, with the index in settings x seeds; an endpoint's tokens are not told one by one.

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
    chosen = _chosen(settings, vary, params)
    numbers = tuple(seed_list(seeds))
    stops, thinking = stop_strings(stop), thinking_mode(thinking)
    source = source_of(model)
    limit = source.new_tokens([prompt], max_new_tokens, max_length)
    batch = Batch(prompt, source.settings(chosen), numbers, earlier=_texts(source, earlier))
    if earlier is not None and earlier.effects is not None:
        batch.effects.update(earlier.effects)
    finished: dict[int, Sample] = {}
    failed: list[str] = []

    def take(_: int, place: int, sample: Sample) -> None:
        finished[place] = sample
        if on_sample is not None:
            on_sample(place, sample)

    def result() -> Comparison:
        ran = what_ran(
            source,
            compare_command(source, prompt, chosen, numbers, limit, stops, thinking_words(thinking)),
            settings=chosen,
            seeds=numbers,
            max_new_tokens=limit,
            stop=stops,
            model_settings=source.own_settings,
            shared_noise=source.can.shared_noise,
            details={} if source.usage is None else source.usage.facts,
        )
        ran = replace(ran, notes=(*ran.notes, *failed))
        found = blocks(finished, opened=opens_thinking(source, prompt))
        texts = compared_texts(finished, len(numbers), neighbours(chosen), found, thinking)
        did = (*contradictions(chosen), *idle_parameters(chosen, batch.effects.idle))
        said = said_of([found[number] for number in sorted(finished)], thinking)
        reading = (*(() if said is None else (said,)), *read(chosen, numbers, texts))
        return Comparison(prompt, chosen, numbers, texts, reading, ran, did, batch.effects)

    how: dict[str, Any] = {"max_new_tokens": limit, "stop": stops, "max_rows": max_rows}
    try:
        with shown("comparing", on_progress) as tell:
            told = None if on_token is None else lambda _, *token: on_token(*token)
            source.make([batch], **how, on_sample=take, on_token=told, on_progress=tell)
    except KeyboardInterrupt:
        raise Interrupted(result()) from None
    except EndpointError as error:
        if not finished:
            raise
        failed.append(str(error))
    return result()


def comparison_of(model: Model | Source, sample: Sample, *, chosen: int = 0, stop: Sequence[str] = ()) -> Comparison:
    """A text that was generated as a comparison of one, so that it can be read and reported like any other.

    Parameters
    ----------
    model
        What made it.
    sample
        The text.
    chosen
        How many of its first tokens were given and not drawn.
    stop
        The strings that it would have ended at.
    """
    source, settings, seeds = source_of(model), (sample.params,), (sample.seed,)
    limit = len(sample.token_ids)
    command = compare_command(source, sample.prompt, settings, seeds, limit, stop)
    ran = what_ran(
        source, command, settings=settings, seeds=seeds, max_new_tokens=limit, stop=tuple(stop),
        model_settings=source.own_settings,
    )  # fmt: skip
    if chosen:
        told = f"the first {count(chosen, 'token')} were chosen and not drawn; the command draws them as well"
        ran = replace(ran, notes=(*ran.notes, told))
    texts = compared_texts({0: sample}, 1)
    return Comparison(sample.prompt, settings, seeds, texts, tuple(read(settings, seeds, texts)), ran)


def blocks(finished: Mapping[int, Sample], *, opened: bool) -> dict[int, Block | None]:
    """The block of thinking of each text, by its number."""
    return {number: find_block(sample.text, opened=opened) for number, sample in finished.items()}


def _texts(source: Source, earlier: Comparison | None) -> tuple[Sample, ...]:
    """The texts to go on with; InputError where the source can't, or some are missing."""
    if earlier is None:
        return ()
    if not isinstance(source, LocalSource):
        raise InputError(f"earlier texts are gone on with by models that run here; {source.name} can't; leave it out")
    if not earlier.complete:
        raise InputError("earlier must have every text; it was interrupted; leave it out")
    return tuple(text.sample for text in earlier.texts)


def _chosen(
    settings: Iterable[float] | SettingsGiven | None,
    vary: Mapping[str, Sequence[Any]] | None,
    params: SamplingParams | None,
) -> tuple[SamplingParams, ...]:
    """The settings of ``compare``; errors as there."""
    if isinstance(settings, str) or not isinstance(settings, Iterable | SamplingParams | None):
        raise InputError(
            f"settings must be a list of temperatures or SamplingParams; got {settings!r}; write [0.3, 0.9]"
        )
    if settings is None:
        return varied(dict(vary or {}), params)
    given = settings if isinstance(settings, SamplingParams | Mapping) else list(settings)
    if isinstance(given, list) and not any(isinstance(value, SamplingParams) for value in given):
        return varied({"temperature": cast("list[float]", given), **(vary or {})}, params)
    if vary or params is not None:
        raise InputError("give settings, or temperatures with vary and params; got both; leave one out")
    return settings_given(cast("SettingsGiven", given))


def compared_texts(
    finished: Mapping[int, Sample],
    seeds: int,
    nearest: Sequence[int | None] | None = None,
    thoughts: Mapping[int, Block | None] | None = None,
    thinking: Thinking = "keep",
) -> tuple[ComparedText, ...]:
    """Measure the finished texts, by their number in settings x seeds, and hold each against its neighbour.

    ``nearest`` is the number of each setting's neighbour; by default the setting before it. ``thoughts`` are the blocks
    of thinking, which count as text where ``thinking`` is "keep".
    """
    texts = []
    for number in sorted(finished):
        setting, seed = divmod(number, seeds)
        neighbour = setting - 1 if nearest is None else nearest[setting]
        sample, before = finished[number], None if neighbour is None else finished.get(neighbour * seeds + seed)
        shared = None if before is None else shared_tokens(before.token_ids, sample.token_ids)
        block = None if thoughts is None or thinking == "keep" else thoughts[number]
        texts.append(_compared(sample, block, shared, apart=thinking == "apart"))
    return tuple(texts)


def _compared(sample: Sample, block: Block | None, shared: int | None, *, apart: bool) -> ComparedText:
    """A text with the measures of its answer; loops and repeated passages are at their places in the whole text."""
    answer = sample if block is None else answer_of(sample, block)
    first = 0 if block is None else first_token(sample, block)
    ids = answer.text_token_ids
    loop = find_loop(ids)
    return ComparedText(
        sample=sample,
        measures=measure_text(answer),
        loop=None if loop is None else replace(loop, start=loop.start + first),
        repeated=tuple((low + first, high + first) for low, high in repeated_passages(ids)),
        shared_tokens=shared,
        answer=None if block is None else answer,
        thinking=measure_text(thinking_of(sample, block)) if apart and block is not None else None,
    )
