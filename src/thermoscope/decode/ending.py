"""Where texts end: end-of-text tokens, stop strings and limits, and what the text is then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from thermoscope.decode.branch import Branch
from thermoscope.decode.sample import FinishReason
from thermoscope.decode.text import find_stop, text_ends
from thermoscope.models.base import Model

Member = TypeVar("Member")
#: Pieces of text that are remembered: texts share their prefixes.
_MOST_PIECES = 50_000


@dataclass(frozen=True, slots=True)
class Ending:
    """What a text is once it has ended; the fields are those of ``Sample``."""

    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    text_ends: tuple[int, ...]


class Endings:
    """Ends the texts of branches.

    Parameters
    ----------
    model
        Whose tokens they are.
    stop
        Stop strings.
    """

    def __init__(self, model: Model, stop: Sequence[str]) -> None:
        self._model, self._stop = model, stop
        self._pieces: dict[tuple[int, ...], str] = {}

    def close(self, branch: Branch[Member], limit: Callable[[Member], int]) -> tuple[list[Member], Ending | None]:
        """Take the members whose text ends with the last token out of a branch; return them and their text.

        ``limit`` gives the most new tokens of a member.
        """
        tokens = branch.tokens
        reason: FinishReason | None = None
        cut: int | None = None
        if tokens[-1] in self._model.end_of_text:
            reason = "end_of_text"
        elif self._stop and (cut := find_stop(self._model.decode, tokens, self._stop)) is not None:
            reason = "stop"
        ended: list[Member] = []
        others: list[Member] = []
        for member in branch.members:
            (ended if reason or len(tokens) >= limit(member) else others).append(member)
        branch.members = others
        return ended, self._ending(tokens, reason or "length", cut) if ended else None

    def _ending(self, tokens: Sequence[int], reason: FinishReason, cut: int | None) -> Ending:
        # the end-of-text token has no text, even where the tokenizer does not count it as special
        spoken = tokens[:-1] if reason == "end_of_text" else tokens
        text = self._model.decode(spoken)[:cut]
        ends = text_ends(self._piece, spoken, text) + (len(text),) * (len(tokens) - len(spoken))
        return Ending(text, tuple(tokens), reason, ends)

    def _piece(self, token_ids: Sequence[int]) -> str:
        """The text of a few tokens."""
        key = tuple(token_ids)
        text = self._pieces.get(key)
        if text is None:
            if len(self._pieces) >= _MOST_PIECES:
                self._pieces.clear()
            text = self._pieces[key] = self._model.decode(key)
        return text
