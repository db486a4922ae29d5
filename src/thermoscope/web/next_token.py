"""The distribution of one next token: what the page needs to reshape it itself while a slider moves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from thermoscope.comparison.context import TokenContext
from thermoscope.comparison.inspection import inspect, stage_words
from thermoscope.decode.request import prompt_ids
from thermoscope.errors import InputError, ThermoscopeError
from thermoscope.sampling.chain import check_setting
from thermoscope.sampling.passes import ranks
from thermoscope.sampling.trace import Traced
from thermoscope.web.schemas import Draws, DrawsRequest, NextToken, NextTokenRequest, Place, StageRow, TailBin
from thermoscope.web.settings import setting_of

if TYPE_CHECKING:
    from thermoscope.comparison.inspected import Inspection
    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams
    from thermoscope.web.models import Models

#: Bins of the tail: with each one's mean of exp(logit) any temperature from 0.3 to 3 has its mass within 1 %.
BINS = 64
#: Tokens that a report lists at most.
_REPORTED = 50


def next_token(models: Models, asked: NextTokenRequest) -> NextToken:
    """The distribution at a place, raw and after each stage; errors as in ``inspect``."""
    model, here, setting = _asked(models, asked, asked.settings)
    with _one_thread():
        return _answer(models, asked, model, here, setting)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One row is so little that threads would wait for each other longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _answer(
    models: Models, asked: NextTokenRequest, model: Model, here: TokenContext, setting: SamplingParams
) -> NextToken:
    traced, logits = here.traced(setting, asked.seed), here.logits[0]
    top = _listed(logits, traced, asked.top)
    columns = torch.stack([stage.probabilities[top] for stage in traced], dim=1)  # (top, stages)
    ids = top.tolist()
    rows = zip(
        ids, models.texts(asked.model, ids), logits[top].tolist(),
        ranks(here.logits, torch.zeros_like(top), top).tolist(), columns.tolist(), strict=True,
    )  # fmt: skip
    names = ("id", "text", "logit", "rank", "probabilities")
    return NextToken.model_validate({  # which makes hundreds of rows in one go
        "model": model.name,
        "pieces": models.texts(asked.model, here.output_ids),
        "context_tokens": len(here.prompt_ids) + len(here.output_ids),
        "vocabulary": model.vocabulary,
        "tokens": [dict(zip(names, row, strict=True)) for row in rows],
        "tail": _tail(logits, top),
        "stages": [_stage(setting, one, columns[:, place]) for place, one in enumerate(traced)],
        "drawn": here.drawn(setting, [asked.seed])[0],
        "ends": [token for token in ids if token in model.end_of_text],
    })  # fmt: skip


def inspected(models: Models, asked: NextTokenRequest) -> Inspection:
    """The same by ``thermoscope.inspect``, whose prompt has all of the text.

    Raises
    ------
    InputError
        As one prompt the text is other tokens.
    """
    model, setting = models.model(asked.model), setting_of(asked.settings)
    ids, tokens = _tokens(model, asked)
    prompt = asked.prompt + "".join(models.texts(asked.model, tokens))
    if prompt_ids(model, prompt) != [*ids, *tokens]:
        raise InputError(
            "a report is of a prompt, and as a prompt this text is other tokens; undo them or write them into it"
        )
    return inspect(model, prompt, setting, seed=asked.seed, tokens=min(asked.top, _REPORTED))


def prepare(models: Models, asked: Sequence[Place]) -> None:
    """Run the places of several requests through their models together; what is wrong with one is told to it alone."""
    contexts: dict[str, list[list[int]]] = {}
    for place in asked:
        with contextlib.suppress(ThermoscopeError):
            ids, tokens = _tokens(models.model(place.model), place)
            contexts.setdefault(place.model, []).append([*ids, *tokens])
    for name, some in contexts.items():
        with contextlib.suppress(ThermoscopeError):
            models.logits(name, some)


def draws(models: Models, asked: DrawsRequest) -> Draws:
    """How often each token is drawn there with the seeds 0 to n - 1."""
    _, here, setting = _asked(models, asked, asked.settings)
    drawn = torch.tensor(here.drawn(setting, range(asked.draws)))
    ids, counts = torch.unique(drawn, return_counts=True)
    pairs = sorted(zip(ids.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return Draws(counts=pairs)


def _asked(models: Models, asked: Place, settings: Mapping[str, Any]) -> tuple[Model, TokenContext, SamplingParams]:
    """The model of a request, its place in a text, and its setting."""
    model, setting = models.model(asked.model), setting_of(settings)
    ids, tokens = _tokens(model, asked)
    check_setting(setting, model.vocabulary)
    (logits,) = models.logits(asked.model, [[*ids, *tokens]])
    return model, TokenContext(ids, tokens, logits[None], model.end_of_text), setting


def _tokens(model: Model, asked: Place) -> tuple[list[int], list[int]]:
    """The tokens of a place: those of its prompt, and those after it."""
    ids, tokens = prompt_ids(model, asked.prompt), list(asked.tokens)
    if any(not 0 <= token < model.vocabulary for token in tokens):
        raise InputError(f"tokens must be ids from 0 to {model.vocabulary - 1}; got {tokens}")
    if model.context_length is not None and len(ids) + len(tokens) >= model.context_length:
        raise InputError(f"the model's context of {model.context_length} tokens is full; shorten the text")
    return ids, tokens


def _listed(logits: Tensor, traced: Sequence[Traced], top: int) -> Tensor:
    """The tokens with the largest logits, before and after all stages, by their raw logit."""
    most = min(top, len(logits))
    raw = torch.topk(logits, most).indices
    last = traced[-1].probabilities
    left = torch.topk(last, min(32, len(last)))
    ids = torch.unique(torch.cat([raw, left.indices[left.values > 0]]))
    order = torch.argsort(logits[ids], descending=True, stable=True)
    listed: Tensor = ids[order]
    return listed


def _tail(logits: Tensor, listed: Tensor) -> list[TailBin]:
    """The logits of all other tokens, in bins of equal width."""
    left = torch.ones_like(logits, dtype=torch.bool)
    left[listed] = False
    others = logits[left & torch.isfinite(logits)].double()
    if not len(others):
        return []
    low, high = float(others.min()), float(others.max())
    width = (high - low) / BINS or 1.0
    bins = ((others - low) / width).long().clamp(max=BINS - 1)
    counts = torch.bincount(bins, minlength=BINS)
    masses = torch.bincount(bins, weights=torch.exp(others - high), minlength=BINS)
    return [
        TailBin(logit=high + math.log(mass / number), count=number)
        for number, mass in zip(counts.tolist(), masses.tolist(), strict=True)
        if number and mass > 0
    ]


def _stage(setting: SamplingParams, traced: Traced, listed: Tensor) -> StageRow:
    return StageRow(
        name=traced.stage,
        does=stage_words(setting, traced.stage),
        survivors=traced.survivors,
        entropy_nats=traced.entropy_nats,
        removed_mass=traced.removed_mass,
        tail=max(0.0, 1.0 - float(listed.sum())),
    )
