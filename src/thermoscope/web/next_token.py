"""The distribution of one next token: what the page needs to reshape it itself while a slider moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic_core import to_json
from torch import Tensor

from thermoscope.comparison.context import TokenContext, drawn_together, traced_together
from thermoscope.comparison.inspection import inspect, stage_words
from thermoscope.decode.request import prompt_ids
from thermoscope.errors import InputError
from thermoscope.sampling.chain import check_setting
from thermoscope.sampling.trace import Traced
from thermoscope.web.schemas import Draws, DrawsRequest, NextTokenRequest, Place
from thermoscope.web.settings import setting_of

if TYPE_CHECKING:
    from thermoscope.comparison.inspected import Inspection
    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams
    from thermoscope.web.models import Models

_Array = np.ndarray[Any, Any]

#: Bins of the tail: with each one's mean of exp(logit) any temperature from 0.3 to 3 has its mass within 1 %.
BINS = 64
#: Tokens that are listed because they are probable after all stages.
_LEFT = 32
#: Probabilities of a stage that are computed together at most.
_ELEMENTS = 2**20
#: Tokens that a report lists at most.
_REPORTED = 50


def answers(models: Models, asked: Sequence[NextTokenRequest]) -> list[bytes]:
    """The distributions at some places, raw and after each stage: a ``NextToken`` each, as JSON; errors as ``inspect``.

    What is alike is computed together: one pass of a model for its places, and the stages of a setting.
    """
    places, settings = _places(models, asked), [_setting(models, one) for one in asked]
    alike: dict[tuple[str, int], list[int]] = {}
    for number, one in enumerate(asked):
        alike.setdefault((one.model, id(settings[number])), []).append(number)
    made: dict[int, bytes] = {}
    for (name, _), numbers in alike.items():
        step, setting = max(1, _ELEMENTS // models.model(name).vocabulary), settings[numbers[0]]
        for start in range(0, len(numbers), step):
            turn = numbers[start : start + step]
            some = _answers(models, [asked[number] for number in turn], [places[number] for number in turn], setting)
            made.update(zip(turn, some, strict=True))
    return [made[number] for number in range(len(asked))]


def _answers(
    models: Models, asked: Sequence[NextTokenRequest], here: Sequence[TokenContext], setting: SamplingParams
) -> list[bytes]:
    """Those of one model at one setting."""
    seeds = [one.seed for one in asked]
    traced, drawn = traced_together(here, setting, seeds), drawn_together(here, setting, seeds)
    logits = torch.cat([place.logits for place in here])  # (N, V)
    last = torch.stack([stages[-1].probabilities for stages in traced])
    most = min(max(one.top for one in asked), logits.shape[1])
    raw, left = torch.topk(logits, most).indices.tolist(), torch.topk(last, min(_LEFT, most))
    probable = [
        [token for token, share in zip(*row, strict=True) if share > 0]
        for row in zip(left.indices.tolist(), left.values.tolist(), strict=True)
    ]
    return [
        _answer(models, one, place, setting, stages, token, list(dict.fromkeys((*largest[: one.top], *others))))
        for one, place, stages, token, largest, others in zip(asked, here, traced, drawn, raw, probable, strict=True)
    ]


def _answer(
    models: Models,
    asked: NextTokenRequest,
    here: TokenContext,
    setting: SamplingParams,
    traced: Sequence[Traced],
    drawn: int,
    listed: Sequence[int],
) -> bytes:
    """The fields of ``NextToken``, written at once: models of their hundreds of rows would take most of the time."""
    model, logits = models.model(asked.model), here.logits[0].cpu().numpy()
    ids, above = _by_logit(logits, np.array(listed))
    columns = np.stack([stage.probabilities.cpu().numpy()[ids] for stage in traced], axis=1)  # (listed, stages)
    tokens: list[int] = ids.tolist()
    rows = zip(
        tokens, models.texts(asked.model, tokens), logits[ids].tolist(), above.tolist(), columns.tolist(), strict=True
    )
    fields = {
        "model": model.name,
        "pieces": models.texts(asked.model, here.output_ids),
        "context_tokens": len(here.prompt_ids) + len(here.output_ids),
        "vocabulary": model.vocabulary,
        "tokens": [
            {"id": token, "text": text, "logit": logit, "rank": 1 + larger, "probabilities": probabilities}
            for token, text, logit, larger, probabilities in rows
        ],
        "tail": _tail(logits, ids),
        "stages": [
            _stage(setting, one, share) for one, share in zip(traced, columns.sum(axis=0).tolist(), strict=True)
        ],
        "drawn": drawn,
        "ends": [token for token in tokens if token in model.end_of_text],
    }
    return to_json(fields, inf_nan_mode="null")


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


def draws(models: Models, asked: DrawsRequest) -> Draws:
    """How often each token is drawn there with the seeds 0 to n - 1."""
    (here,), setting = _places(models, [asked]), _setting(models, asked)
    drawn = torch.tensor(here.drawn(setting, range(asked.draws)))
    ids, counts = torch.unique(drawn, return_counts=True)
    pairs = sorted(zip(ids.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return Draws(counts=pairs)


def _setting(models: Models, asked: NextTokenRequest | DrawsRequest) -> SamplingParams:
    """The setting of a request, which its model can have."""
    setting = setting_of(asked.settings)
    check_setting(setting, models.model(asked.model).vocabulary)
    return setting


def _places(models: Models, asked: Sequence[Place]) -> list[TokenContext]:
    """The places of some requests; those of one model go through it together."""
    tokens = [_tokens(models.model(place.model), place) for place in asked]
    logits: dict[int, Tensor] = {}
    for name in {place.model for place in asked}:
        numbers = [number for number, place in enumerate(asked) if place.model == name]
        contexts = [[*tokens[number][0], *tokens[number][1]] for number in numbers]
        logits.update(zip(numbers, models.logits(name, contexts), strict=True))
    return [
        TokenContext(ids, output, logits[number][None], models.model(asked[number].model).end_of_text)
        for number, (ids, output) in enumerate(tokens)
    ]


def _tokens(model: Model, asked: Place) -> tuple[list[int], list[int]]:
    """The tokens of a place: those of its prompt, and those after it."""
    ids, tokens = prompt_ids(model, asked.prompt), list(asked.tokens)
    if any(not 0 <= token < model.vocabulary for token in tokens):
        raise InputError(f"tokens must be ids from 0 to {model.vocabulary - 1}; got {tokens}")
    if model.context_length is not None and len(ids) + len(tokens) >= model.context_length:
        raise InputError(f"the model's context of {model.context_length} tokens is full; shorten the text")
    return ids, tokens


def _by_logit(logits: _Array, listed: _Array) -> tuple[_Array, _Array]:
    """The tokens in the order of their logits (V,), of equals the lower id first, and how many are larger than each."""
    ids = listed[np.lexsort((listed, -logits[listed]))]
    theirs = logits[ids]
    ascending = np.sort(logits[logits >= theirs[-1]])
    return ids, len(ascending) - np.searchsorted(ascending, theirs, side="right")


def _tail(logits: _Array, listed: _Array) -> list[dict[str, float]]:
    """The logits (V,) of all tokens that are not listed, in bins of equal width: ``TailBin``."""
    left = np.isfinite(logits)
    left[listed] = False
    others = logits[left].astype(np.float64)
    if not len(others):
        return []
    low, high = float(others.min()), float(others.max())
    width = (high - low) / BINS or 1.0
    bins = np.minimum((others - low) / width, BINS - 1).astype(np.int64)
    counts = np.bincount(bins, minlength=BINS).tolist()
    masses = np.bincount(bins, weights=np.exp(others - high), minlength=BINS).tolist()
    return [
        {"logit": high + math.log(mass / number), "count": number}
        for number, mass in zip(counts, masses, strict=True)
        if number and mass > 0
    ]


def _stage(setting: SamplingParams, traced: Traced, listed: float) -> dict[str, str | float]:
    """A ``StageRow``; ``listed`` is the probability of all tokens that are listed."""
    return {
        "name": traced.stage,
        "does": stage_words(setting, traced.stage),
        "survivors": traced.survivors,
        "entropy_nats": traced.entropy_nats,
        "removed_mass": traced.removed_mass,
        "tail": max(0.0, 1.0 - listed),
    }
