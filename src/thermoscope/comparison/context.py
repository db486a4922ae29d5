"""A place in a text: what a setting makes of the next token's distribution there, and which token a seed draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.sampling.trace import Traced, trace
from thermoscope.settings.params import SamplingParams


@dataclass(frozen=True, slots=True)
class TokenContext:
    """What is known before a token is drawn.

    Attributes
    ----------
    prompt_ids, output_ids
        The tokens of the prompt, and those of the text so far.
    logits : Tensor (1, V)
        The model's logits after them, natural-log units.
    end_ids
        The tokens that end a text.
    drawn_logprobs, kept_logprobs
        As in ``Sample``, of the text so far; without them mirostat and adaptive-p are at their start.
    """

    prompt_ids: Sequence[int]
    output_ids: Sequence[int]
    logits: Tensor
    end_ids: frozenset[int]
    drawn_logprobs: Sequence[float] = ()
    kept_logprobs: Sequence[float] = ()

    def coin(self, seed: int) -> float:
        """XTC's coin here, in [0, 1)."""
        return float(self._keys([seed]).uniform()[0])

    def traced(self, setting: SamplingParams, seed: int) -> list[Traced]:
        """The model's distribution, then the one after each stage, with this seed's coin."""
        return trace(
            self.logits[0], setting, prompt_ids=self.prompt_ids, output_ids=self.output_ids,
            drawn_logprobs=self.drawn_logprobs, kept_logprobs=self.kept_logprobs,
            coin=self.coin(seed) if setting.xtc_probability else 0.0, end_ids=self.end_ids,
        )  # fmt: skip

    def drawn(self, setting: SamplingParams, seeds: Sequence[int]) -> list[int]:
        """The token that each seed draws from the last of them, as a text at this place would."""
        number = len(seeds)
        made = draw(
            self.logits, [setting] * number, self._keys(seeds),
            source=torch.zeros(number, dtype=torch.int64, device=self.logits.device),
            prompt_ids=[self.prompt_ids] * number, output_ids=[self.output_ids] * number,
            drawn_logprobs=[self.drawn_logprobs] * number, kept_logprobs=[self.kept_logprobs] * number,
            end_ids=self.end_ids,
        )  # fmt: skip
        tokens: list[int] = made.tokens.tolist()
        return tokens

    def _keys(self, seeds: Sequence[int]) -> Keys:
        """The noise of this place, for each seed."""
        key, position = prompt_key(self.prompt_ids), len(self.output_ids)
        return Keys([(seed, key, position) for seed in seeds], device=self.logits.device)
