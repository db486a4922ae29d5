"""A place in a text: what a setting makes of the next token's distribution there, and which token a seed draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.sampling.trace import Traced, traces
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
        return float(Keys([(seed, *self.noise)], device=self.logits.device).uniform()[0])

    def traced(self, setting: SamplingParams, seed: int) -> list[Traced]:
        """The model's distribution, then the one after each stage, with this seed's coin."""
        return traced_together([self], setting, [seed])[0]

    def drawn(self, setting: SamplingParams, seeds: Sequence[int]) -> list[int]:
        """The token that each seed draws from the last of them, as a text at this place would."""
        return _drawn([self], [0] * len(seeds), setting, seeds)

    @property
    def noise(self) -> tuple[int, int]:
        """What the noise of this place is keyed by, beside a seed."""
        return prompt_key(self.prompt_ids), len(self.output_ids)


def traced_together(
    places: Sequence[TokenContext], setting: SamplingParams, seeds: Sequence[int]
) -> list[list[Traced]]:
    """What ``traced`` gives at several places of one model, each with its own seed."""
    return traces(
        torch.cat([place.logits for place in places]), setting,
        prompt_ids=[place.prompt_ids for place in places], output_ids=[place.output_ids for place in places],
        drawn_logprobs=[place.drawn_logprobs for place in places],
        kept_logprobs=[place.kept_logprobs for place in places],
        coins=[place.coin(seed) if setting.xtc_probability else 0.0 for place, seed in zip(places, seeds, strict=True)],
        end_ids=places[0].end_ids,
    )  # fmt: skip


def drawn_together(places: Sequence[TokenContext], setting: SamplingParams, seeds: Sequence[int]) -> list[int]:
    """The token that its seed draws at each of several places of one model."""
    return _drawn(places, range(len(places)), setting, seeds)


def _drawn(
    places: Sequence[TokenContext], source: Sequence[int], setting: SamplingParams, seeds: Sequence[int]
) -> list[int]:
    """The tokens that seeds draw, each at the place that ``source`` gives for it."""
    logits = torch.cat([place.logits for place in places])
    at, noise = [places[number] for number in source], [place.noise for place in places]
    keys = Keys([(seed, *noise[number]) for number, seed in zip(source, seeds, strict=True)], device=logits.device)
    made = draw(
        logits, [setting] * len(at), keys, source=torch.tensor(source, device=logits.device),
        prompt_ids=[place.prompt_ids for place in at], output_ids=[place.output_ids for place in at],
        drawn_logprobs=[place.drawn_logprobs for place in at], kept_logprobs=[place.kept_logprobs for place in at],
        end_ids=places[0].end_ids,
    )  # fmt: skip
    tokens: list[int] = made.tokens.tolist()
    return tokens
