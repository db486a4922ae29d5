"""``inspect``: one next-token distribution, stage by stage; ``inspect_temperatures``: one at several temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from thermoscope.checks import at_least_one, whole_number
from thermoscope.comparison.context import TokenContext
from thermoscope.comparison.inspected import (
    Inspection,
    StageView,
    TemperatureInspection,
    TemperatureView,
    TokenView,
)
from thermoscope.decode.generate import generate
from thermoscope.decode.records import records_of
from thermoscope.decode.request import check_model, prompt_ids
from thermoscope.decode.sample import Sample
from thermoscope.engines.model_config import own_settings
from thermoscope.errors import InputError
from thermoscope.models.base import Model
from thermoscope.ran.provenance import WhatRan, inspect_command, what_ran
from thermoscope.sampling.chain import check_setting
from thermoscope.sampling.noise import check_seed
from thermoscope.sampling.trace import Traced
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES
from thermoscope.settings.values import typed
from thermoscope.words import count

#: Tokens that are listed unless place otherwise.
TOKENS = 12


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
    setting = _setting(params)
    place = _place_at(model, prompt, setting, at_step, seed)
    listed = at_least_one("tokens", tokens) or TOKENS
    traced, drawn = place.reshaped(setting)
    columns = torch.stack([stage.probabilities for stage in traced], dim=1)  # (V, stages)
    return Inspection(
        prompt=prompt,
        params=setting,
        seed=place.seed,
        step=len(place.context.output_ids),
        text=place.text,
        stages=tuple(
            StageView(t.stage, stage_words(setting, t.stage), t.survivors, t.entropy_nats, t.removed_mass)
            for t in traced
        ),
        tokens=_tokens(model, place.context.logits, columns, listed, [drawn]),
        drawn=drawn,
        xtc_acts=None if setting.xtc_probability is None else place.context.coin(place.seed) < setting.xtc_probability,
        ran=_ran(model, prompt, [setting], place, listed),
    )


def inspect_temperatures(
    model: Model,
    prompt: str,
    temperatures: Sequence[float],
    params: SamplingParams | None = None,
    *,
    at_step: int = 0,
    seed: int = 0,
    tokens: int = TOKENS,
) -> TemperatureInspection:
    """Show the distribution of one next token at several temperatures, after all stages of a setting.

    Parameters
    ----------
    model
        From ``load_model``.
    prompt
        The prompt.
    temperatures
        The temperatures.
    params
        The other parameters; by default ``SamplingParams()``.
    at_step
        How many tokens of the text that the first temperature and the seed give come first.
    seed
        The seed: of the text, of XTC's coin and of the tokens drawn.
    tokens
        How many tokens to list, by their probability on average.

    Raises
    ------
    InputError
        A value breaks its rule, or the text ends before ``at_step``.
    PromptError
        The prompt is empty or does not fit.
    """
    settings = varied({"temperature": list(temperatures)}, _setting(params))
    place = _place_at(model, prompt, settings[0], at_step, seed)
    listed = at_least_one("tokens", tokens) or TOKENS
    made = [place.reshaped(setting) for setting in settings]
    columns = torch.stack([traced[-1].probabilities for traced, _ in made], dim=1)  # (V, temperatures)
    return TemperatureInspection(
        prompt=prompt,
        seed=place.seed,
        step=len(place.context.output_ids),
        text=place.text,
        temperatures=tuple(
            TemperatureView(setting.temperature, traced[-1].survivors, traced[-1].entropy_nats, drawn)
            for setting, (traced, drawn) in zip(settings, made, strict=True)
        ),
        params=settings[0],
        tokens=_tokens(model, place.context.logits, columns, listed, list(dict.fromkeys(drawn for _, drawn in made))),
        ran=_ran(model, prompt, settings, place, listed),
    )


def _setting(params: SamplingParams | None) -> SamplingParams:
    setting = SamplingParams() if params is None else params
    if not isinstance(setting, SamplingParams):
        raise InputError(f"params must be SamplingParams; got {params!r:.60}; write SamplingParams(top_k=50)")
    return setting


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a text, the text up to there, and the seed that it is looked at with."""

    context: TokenContext
    text: str
    seed: int

    def reshaped(self, setting: SamplingParams) -> tuple[Sequence[Traced], int]:
        """The distribution after each stage of a setting, and the token that the seed draws from the last."""
        return self.context.traced(setting, self.seed), self.context.drawn(setting, [self.seed])[0]


def _place_at(model: Model, prompt: str, setting: SamplingParams, at_step: int, seed: int) -> _Place:
    """The place after so many tokens of a setting's text."""
    check_model(model)
    check_setting(setting, model.vocabulary)
    at_step = whole_number("at_step", at_step, least=0, example="0 for the first token")
    seed = check_seed(seed)
    before = prompt_ids(model, prompt)
    if model.context_length is not None and len(before) + at_step > model.context_length:
        raise InputError(
            f"at_step and the prompt of {count(len(before), 'token')} must fit the context of {model.context_length} "
            f"tokens; got at_step {at_step}; use at most {model.context_length - len(before)}"
        )
    sample: Sample | None = None
    if at_step:
        (sample,) = generate(model, prompt, setting, seeds=[seed], max_new_tokens=at_step)
        if sample.finish_reason != "length" or len(sample.token_ids) < at_step:
            raise InputError(
                f"at_step must be within the text; got {at_step}, but it ends by itself after "
                f"{len(sample.text_token_ids)} tokens; use a smaller one"
            )
    output = () if sample is None else sample.token_ids
    tokens = [*before, *output]
    logits = model.rows(capacity=1, length=len(tokens)).add([tokens])  # (1, V)
    context = TokenContext(before, output, logits, model.end_of_text)
    if sample is None:
        return _Place(context, "", seed)
    told = replace(context, drawn_logprobs=sample.drawn_logprobs, kept_logprobs=sample.kept_logprobs)
    return _Place(told, sample.text, seed)


def _ran(model: Model, prompt: str, settings: Sequence[SamplingParams], place: _Place, listed: int) -> WhatRan:
    return what_ran(
        model,
        inspect_command(model, prompt, settings, len(place.context.output_ids), place.seed, listed),
        settings=tuple(settings),
        seeds=(place.seed,),
        model_settings=own_settings(model),
    )


def stage_words(setting: SamplingParams, stage: str) -> str:
    """What a setting has set of a stage, such as ``top_p=0.9``; "" for a stage that is off, and for "model"."""
    names = STAGES[stage].names if stage in STAGES else ()
    return " ".join(f"{name}={typed(value)}" for name, value in setting.given.items() if name in names)


def _tokens(
    model: Model, logits: torch.Tensor, columns: torch.Tensor, listed: int, drawn: Sequence[int]
) -> tuple[TokenView, ...]:
    """The most probable tokens of the first and the last column, and those that are drawn in any case."""
    first, last = columns[:, 0], columns[:, -1]
    chosen = list(drawn)
    for column in (first, last):
        order = torch.sort(column, descending=True, stable=True).indices[:listed].tolist()
        chosen += [token for token in order if token not in chosen and float(column[token]) > 0]
    # of both lists the more probable on average
    rest = sorted(chosen[len(drawn) :], key=lambda token: -float(first[token] + last[token]))
    chosen = [*drawn, *rest[: max(0, listed - len(drawn))]]
    rows = [
        TokenView(token, _text(model, token), record.rank, tuple(columns[token].tolist()))
        for token, record in zip(chosen, records_of(logits, [0] * len(chosen), chosen), strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.rank, row.token_id)))


def _text(model: Model, token: int) -> str:
    """A token as it reads in a text; special tokens, which have no text, are left empty."""
    ids: Sequence[int] = [token]
    return model.decode(ids)
