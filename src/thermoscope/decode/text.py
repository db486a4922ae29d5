"""From token ids to text while it grows: where each token ends, and where a stop string begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: What a decoder writes for bytes that are not a character yet.
_REPLACEMENT = "\ufffd"
#: Tokens of context that a piece is decoded with: enough for any character and for leading-space rules.
_CONTEXT = 8


def text_ends(decode: Callable[[Sequence[int]], str], token_ids: Sequence[int], text: str) -> tuple[int, ...]:
    """For each token, how many characters of ``text`` are there once it is drawn.

    Bytes of an unfinished character count from the token that finishes it. Ends never decrease and never pass
    the end of ``text`` (which may have been cut at a stop string).

    Parameters
    ----------
    decode
        Token ids to text.
    token_ids
        The tokens of one text.
    text
        What they decode to, possibly cut.
    """
    ends: list[int] = []
    done, start = 0, 0  # characters before token number ``start``; from there on, decode afresh
    for position in range(1, len(token_ids) + 1):
        piece = decode(token_ids[start:position])
        complete = len(piece.rstrip(_REPLACEMENT)) if position < len(token_ids) else len(piece)
        ends.append(done + complete)
        if position - start >= 2 * _CONTEXT and complete == len(piece):
            head = decode(token_ids[start : position - _CONTEXT])
            # a cut is safe where both sides decode to what they are together
            if head + decode(token_ids[position - _CONTEXT : position]) == piece:
                done, start = done + len(head), position - _CONTEXT
    for i in range(1, len(ends)):
        ends[i] = max(ends[i], ends[i - 1])
    return tuple(min(end, len(text)) for end in ends)


def find_stop(decode: Callable[[Sequence[int]], str], token_ids: Sequence[int], stop: Sequence[str]) -> int | None:
    """Where in the text the first stop string begins, or None; looked for at the end, where the last token came.

    Parameters
    ----------
    decode
        Token ids to text.
    token_ids
        The tokens so far.
    stop
        Stop strings, none empty.
    """
    tail = decode(token_ids[-(max(len(s.encode()) for s in stop) + _CONTEXT) :])
    if not any(s in tail for s in stop):
        return None
    text = decode(token_ids)
    found = [at for at in (text.find(s) for s in stop) if at >= 0]
    return min(found, default=None)
