"""The stages: what each takes from a setting and from the rows, and the function that it calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from thermoscope.errors import InputError
from thermoscope.sampling import filters, newer_filters, penalties
from thermoscope.sampling.filters import Masses
from thermoscope.sampling.penalties import Tokens
from thermoscope.settings.params import SamplingParams


@dataclass(frozen=True)
class StageRows:
    """What a stage may look at beside the logits: the rows that it works on, all with the stage switched on.

    Attributes
    ----------
    settings
        One per row, B in all.
    prompt_ids, output_ids
        The tokens of the prompt and of the text so far, one list per row; None if the caller has none.
    drawn_logprobs
        Log-probability, nats, of each token of the text under the distribution that it was drawn from.
    kept_logprobs
        The same before adaptive-p, which makes the last of it.
    coins
        One uniform variate in (0, 1) per row, which decides whether XTC acts: it acts below its probability.
    device
        Where the logits are.
    end_ids
        The tokens that end a text.
    masses
        Sums over all candidates, for a filter that gets only those that it can keep.
    """

    settings: Sequence[SamplingParams]
    prompt_ids: Sequence[Sequence[int]] | None
    output_ids: Sequence[Sequence[int]] | None
    drawn_logprobs: Sequence[Sequence[float]] | None
    coins: Tensor | None
    device: torch.device
    end_ids: Sequence[int] = ()
    masses: Masses | None = None
    kept_logprobs: Sequence[Sequence[float]] | None = None

    def column(self, name: str) -> Tensor:
        """A parameter of every row as a tensor (B, 1), float64; 0 where it is None."""
        values = [[getattr(setting, name) or 0] for setting in self.settings]
        return torch.tensor(values, dtype=torch.float64, device=self.device)

    @cached_property
    def context(self) -> Tokens:
        """Prompt and text so far."""
        return Tokens.of(self.prompt_ids or self._none, self.output_ids, device=self.device)

    @cached_property
    def prompt(self) -> Tokens:
        """The prompt."""
        return Tokens.of(self.prompt_ids or self._none, device=self.device)

    @cached_property
    def generated(self) -> Tokens:
        """The text so far."""
        return Tokens.of(self.output_ids or self._none, device=self.device)

    def values(self, name: str) -> list[int | None]:
        """A parameter of every row, None where it is off."""
        return [getattr(setting, name) for setting in self.settings]

    @property
    def has_dynamic_temperature(self) -> bool:
        """Whether a row's temperature depends on its entropy."""
        return any(setting.dynatemp_range for setting in self.settings)

    @property
    def _none(self) -> Sequence[Sequence[int]]:
        return [()] * len(self.settings)


def temperature_column(logits: Tensor, rows: StageRows) -> Tensor:
    """The temperature (B, 1), float64, of each row of logits (B, K)."""
    t = rows.column("temperature")
    if rows.has_dynamic_temperature:
        t = filters.dynamic_temperature(logits, t, rows.column("dynatemp_range"), rows.column("dynatemp_exponent"))
    return t


def _dry(logits: Tensor, rows: StageRows) -> Tensor:
    multiplier, base, allowed = (rows.column(name) for name in ("dry_multiplier", "dry_base", "dry_allowed_length"))
    breakers = [setting.dry_breakers or () for setting in rows.settings]
    return penalties.dry(logits, multiplier, base, allowed, breakers, rows.context.last(rows.values("dry_last_n")))


def _xtc(logits: Tensor, rows: StageRows) -> Tensor:
    if rows.coins is None and any(setting.xtc_probability for setting in rows.settings):
        raise InputError("XTC needs a coin for each row; give coins, or use probabilities, which needs none")
    coins = torch.ones(len(rows.settings), device=rows.device) if rows.coins is None else rows.coins
    return filters.xtc(logits, coins[:, None] < rows.column("xtc_probability"), rows.column("xtc_threshold"))


def mirostat_column(rows: StageRows) -> Tensor:
    """Mirostat's largest surprise (B, 1), bits, for the next token of each row."""
    drawn = rows.drawn_logprobs or [()] * len(rows.settings)
    mu = [[mirostat_mu(setting, logprobs)] for setting, logprobs in zip(rows.settings, drawn, strict=True)]
    return torch.tensor(mu, dtype=torch.float64, device=rows.device)


def mirostat_mu(setting: SamplingParams, drawn_logprobs: Sequence[float]) -> float:
    """Mirostat's largest surprise, bits, for the next token: 2 tau, less eta * (surprise - tau) for each token drawn.

    Parameters
    ----------
    setting
        With ``mirostat_tau``.
    drawn_logprobs
        Log-probability, nats, of each token of the text under the distribution that it was drawn from.
    """
    tau, eta = setting.mirostat_tau or 0.0, setting.mirostat_eta
    return 2 * tau - eta * (-math.fsum(drawn_logprobs) / math.log(2) - tau * len(drawn_logprobs))


def _adaptive_p(logits: Tensor, rows: StageRows) -> Tensor:
    kept = rows.kept_logprobs or [()] * len(rows.settings)
    aims = [[adaptive_aim(setting, logprobs)] for setting, logprobs in zip(rows.settings, kept, strict=True)]
    return newer_filters.adaptive_p(logits, torch.tensor(aims, dtype=torch.float64, device=rows.device))


def adaptive_aim(setting: SamplingParams, kept_logprobs: Sequence[float]) -> float:
    """The probability that adaptive-p aims for at the next token: twice the target, less the mean so far.

    Parameters
    ----------
    setting
        With ``adaptive_target``.
    kept_logprobs
        Log-probability, nats, of each token of the text before adaptive-p.

    Notes
    -----
    llama.cpp keeps a weighted sum that begins at target / (1 - decay) and a weight that begins, and so stays, at
    1 / (1 - decay): their quotient is this mean.
    """
    target, decay = setting.adaptive_target or 0.0, setting.adaptive_decay
    mean = target
    for logprob in kept_logprobs:
        mean = decay * mean + (1 - decay) * math.exp(logprob)
    return min(max(2 * target - mean, 0.0), 1.0)


#: stage -> function of (logits (B, K), the rows) that gives the logits (B, K) after it
FUNCTIONS: Mapping[str, Callable[[Tensor, StageRows], Tensor]] = {
    "logit_bias": lambda logits, rows: penalties.logit_bias(logits, [dict(s.logit_bias or ()) for s in rows.settings]),
    "encoder_repetition": lambda logits, rows: penalties.encoder_repetition(
        logits, rows.column("encoder_repetition_penalty"), rows.prompt
    ),
    "repetition": lambda logits, rows: penalties.repetition(
        logits, rows.column("repetition_penalty"), rows.context.last(rows.values("repetition_last_n"))
    ),
    "penalties": lambda logits, rows: penalties.presence_frequency(
        logits, rows.column("presence_penalty"), rows.column("frequency_penalty"),
        rows.generated.last(rows.values("penalties_last_n")),
    ),
    "no_repeat_ngram": lambda logits, rows: penalties.no_repeat_ngram(
        logits, [setting.no_repeat_ngram_size or 0 for setting in rows.settings], rows.context
    ),
    "min_new_tokens": lambda logits, rows: penalties.min_new_tokens(
        logits, [setting.min_new_tokens or 0 for setting in rows.settings], rows.end_ids, rows.generated
    ),
    "dry": _dry,
    "top_n_sigma": lambda logits, rows: filters.top_n_sigma(logits, rows.column("top_n_sigma"), rows.masses),
    "min_k": lambda logits, rows: newer_filters.min_k(logits, rows.column("min_k")),
    "temperature": lambda logits, rows: filters.temperature(logits, temperature_column(logits, rows)),
    "smoothing": lambda logits, rows: newer_filters.smoothing(
        logits, rows.column("smoothing_factor"), rows.column("smoothing_curve")
    ),
    "top_k": lambda logits, rows: filters.top_k(logits, rows.column("top_k")),
    "top_p": lambda logits, rows: filters.top_p(logits, rows.column("top_p"), rows.masses),
    "min_p": lambda logits, rows: filters.min_p(logits, rows.column("min_p")),
    "p_less": lambda logits, rows: newer_filters.p_less(logits, rows.column("p_less"), rows.column("p_less_norm")),
    "top_h": lambda logits, rows: newer_filters.top_h(logits, rows.column("top_h")),
    "typical_p": lambda logits, rows: filters.typical_p(logits, rows.column("typical_p")),
    "epsilon_cutoff": lambda logits, rows: filters.epsilon_cutoff(logits, rows.column("epsilon_cutoff"), rows.masses),
    "eta_cutoff": lambda logits, rows: filters.eta_cutoff(logits, rows.column("eta_cutoff"), rows.masses),
    "top_a": lambda logits, rows: filters.top_a(logits, rows.column("top_a"), rows.masses),
    "xtc": _xtc,
    "mirostat": lambda logits, rows: filters.mirostat(logits, mirostat_column(rows), rows.masses),
    "adaptive_p": _adaptive_p,
}  # fmt: skip
