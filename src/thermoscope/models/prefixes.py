"""Logits after contexts that begin as earlier ones did, as a text does that somebody types: only what is new is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from thermoscope.models.rows import CachedRows, shared

if TYPE_CHECKING:
    from torch import Tensor

    from thermoscope.models.base import Model

#: Contexts that are kept at most, and the share of the free memory that they may take.
_MOST_KEPT, _SHARE = 64, 0.125
#: A row has room for this many tokens or a doubling of it, so that a text may grow in it.
_ROOM = 256


class _Kept:
    """A row, and the tokens that it holds."""

    def __init__(self, rows: CachedRows, length: int, size: int) -> None:
        self.rows, self.length, self.size = rows, length, size
        self.context: Sequence[int] = ()


class Prefixes:
    """Rows of one model, each with the context that was last asked for in it.

    Models without a key/value cache run every context whole.

    Attributes
    ----------
    tokens_run
        Tokens that went through the model so far.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kept: list[_Kept] = []  # the latest last
        self.tokens_run = 0

    def logits(self, contexts: Sequence[Sequence[int]]) -> list[Tensor]:
        """The model's float32 logits (V,) after each context (at least one token).

        A context of which at least half is known goes on from there. All others go through the model together, and
        one that is alone is kept.
        """
        known = [self._longest(context) for context in contexts]
        found = {n: self._resumed(kept, contexts[n]) for n, kept in enumerate(known) if kept is not None}
        new = [n for n, kept in enumerate(known) if kept is None]
        if new:
            found.update(zip(new, self._added([contexts[n] for n in new]), strict=True))
        return [found[number] for number in range(len(contexts))]

    def _longest(self, context: Sequence[int]) -> _Kept | None:
        """The row that has most of a context, if it has half of it and room for all."""
        fitting = [kept for kept in self._kept if kept.length >= len(context)]
        best = max(fitting, key=lambda kept: shared(kept.context, context), default=None)
        return best if best is not None and 2 * shared(best.context, context) >= len(context) else None

    def _resumed(self, kept: _Kept, context: Sequence[int]) -> Tensor:
        done = min(shared(kept.context, context), len(context) - 1)
        self._kept.remove(kept)
        logits = kept.rows.resume(context, done)[0]
        kept.context = tuple(context)
        self._kept.append(kept)
        self.tokens_run += len(context) - done
        return logits

    def _added(self, contexts: Sequence[Sequence[int]]) -> Sequence[Tensor]:
        self.tokens_run += sum(map(len, contexts))
        if len(contexts) == 1 and (kept := self._room(len(contexts[0]))) is not None:
            logits = kept.rows.add(contexts)
            kept.context = tuple(contexts[0])
            self._kept.append(kept)
            return list(logits)
        ordered = sorted(
            range(len(contexts)), key=lambda n: len(contexts[n])
        )  # those of one length go through together
        rows = self._model.rows(capacity=len(contexts), length=max(map(len, contexts)))
        logits = rows.add([contexts[n] for n in ordered])
        return [logits[ordered.index(n)] for n in range(len(contexts))]

    def _room(self, length: int) -> _Kept | None:
        """A new row with room to grow, in place of the oldest if there are too many; None where none can be kept."""
        most = self._model.context_length or 2**20
        room = min(_ROOM * 2 ** max(0, (length - 1) // _ROOM).bit_length(), most)
        size = self._model.row_bytes(room)
        allowed = self._model.free_bytes() * _SHARE
        while self._kept and (len(self._kept) >= _MOST_KEPT or sum(k.size for k in self._kept) + size > allowed):
            self._kept.pop(0)
        if size > allowed:
            return None
        rows = self._model.rows(capacity=1, length=room)
        return _Kept(rows, room, size) if isinstance(rows, CachedRows) else None
