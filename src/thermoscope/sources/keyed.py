"""The rows of an engine's batch whose tokens are drawn here: which they are, what they ask for, and their draw.

Nothing of the engine is imported. ``sources/vllm.py`` puts this into vLLM.

Shapes: R rows of the batch, V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from thermoscope.decode.drawing import draw_step
from thermoscope.decode.request import Request
from thermoscope.errors import InputError, ParameterError
from thermoscope.sampling.chain import check_logits
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.noise import check_seed, prompt_key
from thermoscope.settings.params import SamplingParams
from thermoscope.words import nearest, quoted

#: The arguments of a request: its setting as JSON, its seed, and the number of a request that was made in this process.
SETTING, SEED, NUMBER = "thermoscope", "thermoscope_seed", "thermoscope_request"
#: Where a request's state is kept: among its arguments, which live as long as it does, out of the batch as well.
_STATE = "_thermoscope_state"
#: What the engine's own sampling must be left at, since it would do nothing.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "temperature": (1.0, 0.0),
    "top_p": (1.0,),
    "top_k": (0, -1),
    "min_p": (0.0,),
    "presence_penalty": (0.0,),
    "frequency_penalty": (0.0,),
    "repetition_penalty": (1.0,),
}


@dataclass(slots=True)
class MadeHere:
    """A request of this process: its records grow where they can be read, and what its stages do is noted.

    ``end_ids`` are the tokens that end its text, for ``min_new_tokens``.
    """

    request: Request
    effects: Effects | None = None
    end_ids: frozenset[int] = frozenset()


#: The requests of this process, by number.
MADE_HERE: dict[int, MadeHere] = {}


@lru_cache(maxsize=4096)
def _setting(text: str) -> SamplingParams:
    """The setting of a request's JSON."""
    setting = SamplingParams.from_json(text)
    if setting.logit_bias:
        raise ParameterError(
            f"{SETTING} must not hold logit_bias; got {quoted(dict(setting.logit_bias))}; send it as the request's own "
            "logit_bias, which is checked against the vocabulary and added before the stages"
        )
    if setting.min_new_tokens:
        raise ParameterError(
            f"{SETTING} must not hold min_new_tokens; got {setting.min_new_tokens}; send it as the request's own "
            "min_tokens, since the engine knows which tokens end a text"
        )
    return setting


def check_arguments(params: Any) -> None:
    """Check what a request asks for; ``params`` is the engine's own, with ``extra_args``.

    Raises
    ------
    InputError
        An argument is unknown, missing or breaks its rule, or the engine's own sampling is set beside it.
    """
    given: Mapping[str, Any] = params.extra_args or {}
    ours = [name for name in given if name.startswith("thermoscope")]
    if not ours:
        return
    for name in ours:
        if name not in (SETTING, SEED, NUMBER):
            known = (SETTING, SEED)
            raise InputError(f"{name} is unknown{nearest(name, known)}; known are {', '.join(known)}; leave it out")
    _refuse_own_sampling(params)
    if NUMBER in given:
        if given[NUMBER] not in MADE_HERE:
            raise InputError(f"{NUMBER} must be a request of this process; got {quoted(given[NUMBER])}; leave it out")
        return
    if SETTING not in given:
        raise InputError(f"{SEED} needs a setting beside it; got none; add {SETTING} as JSON, such as '{{}}'")
    if not isinstance(given[SETTING], str):
        written = quoted(json.dumps(given[SETTING], default=str))
        raise InputError(f"{SETTING} must be a text of JSON; got {quoted(given[SETTING])}; write {written}")
    _setting(given[SETTING])
    check_seed(given.get(SEED, 0))


def _refuse_own_sampling(params: Any) -> None:
    for name, neutral in _NEUTRAL.items():
        value = getattr(params, name, None)
        if value is not None and value not in neutral:
            raise InputError(
                f"{name} of the request must be {neutral[0]} beside {SETTING}; got {quoted(value)}; put it into "
                f"{SETTING}, or start the server with --generation-config vllm if it is the model's default"
            )


def _request(params: Any, prompt_ids: Sequence[int] | None) -> MadeHere | None:
    """The request that is behind an engine's parameters; None for one that is not ours."""
    given: dict[str, Any] | None = params.extra_args
    if not given or (SETTING not in given and NUMBER not in given):
        return None
    if NUMBER in given:
        return MADE_HERE[given[NUMBER]]
    if prompt_ids is None:
        raise InputError(f"{SETTING} needs a prompt of tokens; got embeddings; send text or token ids")
    if _STATE not in given:
        request = Request("", tuple(prompt_ids), _setting(given[SETTING]), check_seed(given.get(SEED, 0)), 0)
        given[_STATE] = MadeHere(request)
    state: MadeHere = given[_STATE]
    return state


@dataclass(slots=True)
class _Row:
    """A row of the batch: its request, the key of its prompt, and the engine's own list of its tokens."""

    state: MadeHere
    key: int
    output_ids: list[int]
    recorded: bool


class KeyedRows:
    """The rows of a batch whose requests have a setting and a seed of ours; all others are left as they are."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def update(
        self,
        removed: Sequence[int],
        added: Sequence[tuple[int, Any, Sequence[int] | None, list[int]]],
        moved: Sequence[tuple[int, int, Any]],
    ) -> None:
        """Follow the batch, as vLLM tells it.

        Parameters
        ----------
        removed
            Rows whose request is gone or waits.
        added
            Row, parameters, tokens of the prompt, and the list that the request's new tokens are appended to.
        moved
            From, to, and a direction: ``SWAP``, or one way.
        """
        for row in removed:
            self._rows.pop(row, None)
        for row, params, prompt_ids, output_ids in added:
            self._rows.pop(row, None)
            state = _request(params, prompt_ids)
            if state is not None:
                key = prompt_key(state.request.prompt_ids)
                self._rows[row] = _Row(state, key, output_ids, NUMBER in params.extra_args)
        for source, target, direction in moved:
            first, second = self._rows.pop(source, None), self._rows.pop(target, None)
            if first is not None:
                self._rows[target] = first
            if second is not None and direction.name == "SWAP":
                self._rows[source] = second

    def draw(self, logits: Tensor) -> Tensor:
        """Draw a token for every row of ours; the logits (R, V) then leave it as the only one, in place.

        A row is drawn for whenever the engine asks. Where it throws the token away (a prompt that it reads in
        pieces, a text that it computes again), the records of that place are written over the next time.

        Raises
        ------
        BadLogitsError
            A row of ours holds NaN or +inf, or no finite value.
        InputError
            The tokens so far are not known yet.
        """
        for recorded in (True, False):
            groups: dict[tuple[int, frozenset[int]], list[int]] = {}
            for number, row in self._rows.items():
                if row.recorded is recorded:
                    groups.setdefault((id(_watching(row.state)), row.state.end_ids), []).append(number)
            for numbers in groups.values():
                self._draw_some(logits, sorted(numbers), recorded)
        return logits

    def _draw_some(self, logits: Tensor, numbers: list[int], recorded: bool) -> None:
        rows = [self._rows[number] for number in numbers]
        for row in rows:
            _rewind(row)
        at = torch.tensor(numbers, device=logits.device)
        check_logits(logits if len(numbers) == len(logits) else logits[at])
        tokens = draw_step(
            logits,
            numbers,
            [row.state.request for row in rows],
            [row.key for row in rows],
            [row.output_ids for row in rows],
            end_ids=rows[0].state.end_ids,
            effects=_watching(rows[0].state),
            recorded=recorded,
        )
        logits[at] = float("-inf")
        logits[at, torch.tensor(tokens, device=logits.device)] = 0.0


def _watching(state: MadeHere) -> Effects | None:
    """Where what a request's stages do is to be noted; None once all is known."""
    effects, setting = state.effects, state.request.params
    if effects is None or not any(effects.pending(stage, [setting]) for stage in setting.active_stages):
        return None
    return effects


def _rewind(row: _Row) -> None:
    """Take the records back to the tokens that the engine has kept."""
    request, there = row.state.request, len(row.output_ids)
    if there and row.output_ids[-1] < 0:
        raise InputError("the tokens so far must be known before the draw; start vLLM with --no-async-scheduling")
    request.forget(there)
    setting = request.params
    if len(request.drawn_logprobs) < there and (setting.mirostat_tau, setting.adaptive_target) != (None, None):
        raise InputError(
            "mirostat and adaptive-p need how the text's tokens were drawn, which is not known of a text that was "
            "begun before; leave them out"
        )
