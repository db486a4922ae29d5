"""``inspect``: one next-token distribution, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from thermoscope.checks import at_least_one, whole_number
from thermoscope.decode.generate import generate
from thermoscope.decode.records import records_of
from thermoscope.decode.request import check_model, prompt_ids
from thermoscope.engines.model_config import own_settings
from thermoscope.errors import InputError
from thermoscope.models.base import Model
from thermoscope.ran.provenance import WhatRan, inspect_command, what_ran
from thermoscope.sampling.chain import check_tokens
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, check_seed, prompt_key
from thermoscope.sampling.trace import trace
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES
from thermoscope.settings.values import typed
from thermoscope.words import count

#: Tokens that are listed unless asked otherwise.
TOKENS = 12


@dataclass(frozen=True, slots=True)
class StageView:
    """One column: the distribution after a stage ("model": before all of them).

    ``does`` is what is set there (``top_p=0.9``); ``removed_mass`` the share of the one before that it removed.
    """

    stage: str
    does: str
    survivors: int
    entropy_nats: float
    removed_mass: float


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token: its rank in the model's own distribution (ties share the better), its probability in each column."""

    token_id: int
    text: str
    rank: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What ``inspect`` found.

    Attributes
    ----------
    prompt, params, seed
        As asked.
    step
        How many tokens were generated before this distribution.
    text
        Those tokens.
    stages
        The model, then each active stage in the order in which they run.
    tokens
        The most probable tokens before and after, the drawn one among them; by the model's rank.
    drawn
        The token that this seed draws here.
    xtc_acts
        Whether XTC's coin said yes at this step; None if XTC is off.
    ran
        What ran, and the command that reproduces it.
    """

    prompt: str
    params: SamplingParams
    seed: int
    step: int
    text: str
    stages: tuple[StageView, ...]
    tokens: tuple[TokenView, ...]
    drawn: int
    xtc_acts: bool | None
    ran: WhatRan

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = {name: getattr(self, name) for name in self.__slots__}
        record["params"] = self.params.to_record()
        record["stages"] = [asdict(stage) for stage in self.stages]
        record["tokens"] = [asdict(token) for token in self.tokens]
        record["ran"] = self.ran.to_dict()
        return {"format": "thermoscope.inspection/1", **record}

    def to_json(self, *, indent: int | None = 2) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent, allow_nan=False)


def inspect(
    model: Model,
    prompt: str,
    params: SamplingParams | None = None,
    *,
    at_step: int = 0,
    seed: int = 0,
    tokens: int = TOKENS,
) -> Inspection:
    """Show the distribution of one next token before and after every stage of a setting.

    Parameters
    ----------
    model
        From ``load_model``.
    prompt
        The prompt.
    params
        The setting; by default ``SamplingParams()``.
    at_step
        How many tokens of the text that this setting and seed give come first.
    seed
        The seed: of the text, of XTC's coin and of the token drawn.
    tokens
        How many tokens to list, by probability before and after.

    Raises
    ------
    InputError
        A value breaks its rule, or the text ends before ``at_step``.
    PromptError
        The prompt is empty or does not fit.
    """
    check_model(model)
    setting = SamplingParams() if params is None else params
    if not isinstance(setting, SamplingParams):
        raise InputError(f"params must be SamplingParams; got {params!r:.60}; write SamplingParams(top_k=50)")
    check_tokens(setting, model.vocabulary)
    at_step = whole_number("at_step", at_step, least=0, example="0 for the first token")
    listed = at_least_one("tokens", tokens) or TOKENS
    seed = check_seed(seed)
    before = prompt_ids(model, prompt)
    if model.context_length is not None and len(before) + at_step > model.context_length:
        raise InputError(
            f"at_step and the prompt of {count(len(before), 'token')} must fit the context of {model.context_length} "
            f"tokens; got at_step {at_step}; use at most {model.context_length - len(before)}"
        )
    output: tuple[int, ...] = ()
    drawn_logprobs: tuple[float, ...] = ()
    text = ""
    if at_step:
        sample = generate(model, prompt, setting, seeds=seed, max_new_tokens=at_step)[0]
        ends = sample.finish_reason != "length"
        if ends or len(sample.token_ids) < at_step:
            raise InputError(
                f"at_step must be within the text; got {at_step}, but it ends by itself after "
                f"{len(sample.text_token_ids)} tokens; use a smaller one"
            )
        output, drawn_logprobs, text = sample.token_ids, sample.drawn_logprobs, sample.text
    context = [*before, *output]
    logits = model.rows(capacity=1, length=len(context)).add([context])  # (1, V)
    keys = Keys([(seed, prompt_key(before), len(output))], device=logits.device)
    coin = float(keys.uniform()[0])
    traced = trace(logits[0], setting, prompt_ids=before, output_ids=output, drawn_logprobs=drawn_logprobs, coin=coin)
    of_row = draw(logits, [setting], keys, prompt_ids=[before], output_ids=[output], drawn_logprobs=[drawn_logprobs])
    drawn = int(of_row.tokens[0])
    columns = torch.stack([stage.probabilities for stage in traced], dim=1)  # (V, stages)
    return Inspection(
        prompt=prompt,
        params=setting,
        seed=seed,
        step=len(output),
        text=text,
        stages=tuple(
            StageView(t.stage, _does(setting, t.stage), t.survivors, t.entropy_nats, t.removed_mass) for t in traced
        ),
        tokens=_tokens(model, logits, columns, listed, drawn),
        drawn=drawn,
        xtc_acts=None if setting.xtc_probability is None else coin < setting.xtc_probability,
        ran=what_ran(
            model,
            inspect_command(model, prompt, setting, len(output), seed, listed),
            settings=(setting,),
            seeds=(seed,),
            model_settings=own_settings(model),
        ),
    )


def _does(setting: SamplingParams, stage: str) -> str:
    names = STAGES[stage].names if stage in STAGES else ()
    return " ".join(f"{name}={typed(value)}" for name, value in setting.given.items() if name in names)


def _tokens(
    model: Model, logits: torch.Tensor, columns: torch.Tensor, listed: int, drawn: int
) -> tuple[TokenView, ...]:
    own, last = columns[:, 0], columns[:, -1]
    chosen: list[int] = [drawn]
    for column in (own, last):
        order = torch.sort(column, descending=True, stable=True).indices[:listed].tolist()
        chosen += [token for token in order if token not in chosen and float(column[token]) > 0]
    # of both lists the more probable on average, and the drawn one in any case
    chosen = [drawn, *sorted(chosen[1:], key=lambda token: -float(own[token] + last[token]))[: listed - 1]]
    rows = [
        TokenView(token, _text(model, token), record.rank, tuple(columns[token].tolist()))
        for token, record in zip(chosen, records_of(logits, [0] * len(chosen), chosen), strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.rank, row.token_id)))


def _text(model: Model, token: int) -> str:
    """A token as it reads in a text; special tokens, which have no text, are left empty."""
    ids: Sequence[int] = [token]
    return model.decode(ids)
