"""Which stages of a setting did anything: noted while tokens are drawn, so that a parameter without effect is named."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import TRUNCATIONS

#: A logit that moves by less than this, nats, relative to the largest has not moved.
_STILL = 1e-9


class Effects:
    """For each setting and stage whether it changed a distribution, and of how many that is known.

    A stage that has changed one is not looked at again: what acts costs nothing to watch.
    """

    def __init__(self) -> None:
        self._settings: dict[int, SamplingParams] = {}  # keeps them alive, so that an id stays theirs
        self._acted: set[tuple[int, str]] = set()
        self._seen: set[tuple[int, str]] = set()

    def pending(self, stage: str, settings: Sequence[SamplingParams]) -> bool:
        """Whether for any of these settings the stage is not yet known to change anything."""
        return any((id(setting), stage) not in self._acted for setting in settings)

    def note(
        self, stage: str, settings: Sequence[SamplingParams], before: Tensor, after: Tensor, width: Tensor | None
    ) -> None:
        """Compare the logits (B, K) before and after a stage.

        ``width`` (B,) is how many tokens each row had before, where columns were left out of ``before``.
        """
        survives = after > float("-inf")
        left = survives.sum(dim=-1)
        acted = left < ((before > float("-inf")).sum(dim=-1) if width is None else width)  # (B,)
        if stage not in TRUNCATIONS and not bool(acted.all()):
            moved = _relative(after) - _relative(before)
            acted |= (moved.abs() > _STILL).masked_fill_(~survives, False).any(dim=-1)
        self.record(stage, settings, acted)

    def record(self, stage: str, settings: Sequence[SamplingParams], acted: Tensor) -> None:
        """Note for which rows (B,) a stage changed the distribution."""
        for setting, did in zip(settings, acted.tolist(), strict=True):
            self._settings[id(setting)] = setting
            self._seen.add((id(setting), stage))
            if did:
                self._acted.add((id(setting), stage))

    def update(self, other: Effects) -> None:
        """Add what was noted elsewhere, perhaps in another process."""
        for number, setting in other._settings.items():
            self._settings[id(setting)] = setting
            self._seen |= {(id(setting), stage) for at, stage in other._seen if at == number}
            self._acted |= {(id(setting), stage) for at, stage in other._acted if at == number}

    def idle(self, setting: SamplingParams) -> tuple[str, ...]:
        """The stages of a setting that ran and never changed a distribution."""
        ids = [number for number, known in self._settings.items() if known == setting]
        acted = {stage for number, stage in self._acted if number in ids}
        seen = {stage for number, stage in self._seen if number in ids}
        return tuple(stage for stage in setting.active_stages if stage in seen - acted)


def _relative(logits: Tensor) -> Tensor:
    """Logits (B, K) with each row's largest at 0, float64; what is removed far below."""
    wide = logits.double()
    shifted = wide - wide.max(dim=-1, keepdim=True).values
    return shifted.clamp(min=torch.finfo(torch.float64).min / 2)
