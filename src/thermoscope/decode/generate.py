"""``generate``: the public way from prompts, settings and seeds to samples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from thermoscope.checks import at_least_one
from thermoscope.decode.batch import rows_in_flight
from thermoscope.decode.loop import Decoder
from thermoscope.decode.memory import memory_errors_explained
from thermoscope.decode.notebook import shown
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import Request, go_on, requests_for, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import InputError
from thermoscope.models.base import Model
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams

_log = logging.getLogger(__name__)


def generate(
    model: Model,
    prompts: str | Sequence[str],
    params: SamplingParams | Sequence[SamplingParams] | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    merge: bool = True,
    effects: Effects | None = None,
    begin: Sequence[int] = (),
    earlier: Sequence[Sample] = (),
    on_sample: Callable[[int, Sample], None] | None = None,
    on_token: Callable[[int, int, TokenRecord], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Sample]:
    """Generate one text per prompt, setting and seed.

    A token is a pure function of (model, prompt, setting, seed, position): what else is generated beside a text
    does not change it (up to rounding of the model's own arithmetic in different batch shapes).

    Parameters
    ----------
    model
        From ``load_model``.
    prompts
        One prompt, or several.
    params
        One setting, or several; by default ``SamplingParams()``.
    seeds
        How many seeds, from 0 on, or a list of them: ``seeds=3`` are the seeds 0, 1 and 2, as ``--seeds 3`` is at the
        shell; ``seeds=[3]`` is the one seed 3.
    max_new_tokens, max_length
        The most new tokens per text, or the most tokens with the prompt counted (as in transformers). Give one;
        with neither it is 200 new tokens, or what the context leaves.
    stop
        A text ends where one of these strings begins.
    max_rows
        The most rows in flight. By default half of the free memory is used, for at most 256 rows; above 64, only as
        many as measurably decode faster.
    merge
        Whether samples with the same tokens so far share a row of the model.
    effects
        Records which stages of the settings changed anything (``sampling.effects``).
    begin
        Token ids that every text begins with, as if they had been drawn: they count as new tokens, and the noise of
        what follows is that of its position. Their records are unknown: NaN, and rank 0.
    earlier
        What the same call gave with fewer tokens: its texts are gone on with, and are in the end what this call gives
        without them. ``begin`` must be left out.
    on_sample
        Called with (index in the result, sample) as soon as a sample is finished, so that an interrupt loses none.
    on_token
        Called with (index in the result, token id, the model's own record of it) for each token that is drawn.
    on_progress
        Called after every step; without it a notebook shows a progress bar.

    Returns
    -------
    list of Sample
        Prompts x settings x seeds, the last varying fastest.

    Raises
    ------
    PromptError
        A prompt is empty or does not fit.
    InputError
        A seed, a length, a stop string, ``begin``, ``earlier`` or ``max_rows`` breaks its rule, or a seed is given
        twice.
    BadLogitsError
        The model gave NaN.
    ModelMemoryError
        The rows in flight need more memory than there is.
    """
    requests = requests_for(model, prompts, params, seeds, max_new_tokens, max_length, begin)
    stops = stop_strings(stop)
    if earlier and begin:
        raise InputError("give begin or earlier, not both; leave one out")
    samples = go_on(requests, earlier) if earlier else {}
    numbers = [number for number in range(len(requests)) if number not in samples]
    asked = [requests[number] for number in numbers]
    rows = _rows(model, asked, max_rows)
    _log.info("texts: %d, at most %d rows at a time", len(asked), min(rows, len(asked)))
    tell_token = None if on_token is None else lambda number, *token: on_token(numbers[number], *token)
    decoder = Decoder(model, asked, stop=stops, max_rows=rows, merge=merge, effects=effects, on_token=tell_token)
    ended, there = len(samples), sum(len(sample.token_ids) for sample in earlier)
    most = sum(request.max_new_tokens for request in requests)
    if on_sample is not None:
        for number, sample in samples.items():
            on_sample(number, sample)
    with memory_errors_explained(model), shown("generating", on_progress) as tell:
        for finished in decoder.decode():
            for place, sample in finished:
                samples[numbers[place]] = sample
                if on_sample is not None:
                    on_sample(numbers[place], sample)
            if tell is not None:
                work = decoder.work
                tell(Progress(ended + work.finished, len(requests), there + work.tokens, most, work.forward_rows))
    return [samples[number] for number in sorted(samples)]


def _rows(model: Model, requests: Sequence[Request], max_rows: int | None) -> int:
    """How many rows may be in flight: as given, or as many as decode faster."""
    given = at_least_one("max_rows", max_rows)
    if given is not None or not requests:
        return given or 1
    longest = max(len(request.prompt_ids) + request.max_new_tokens for request in requests)
    return rows_in_flight(model, longest, len(requests))
