"""The temperatures at which the text of a spectrum changes, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from thermoscope.segments import last_border, word_spans
from thermoscope.spectra.leaf import Leaf, Node

#: "crossing": two tokens score the same; "admitted": a token enters that truncation kept out; "tie": equal logits,
#: which noise decides above T = 0; "merged": what lies between was not followed (see ``resolution``).
Cause = Literal["crossing", "admitted", "tie", "merged"]
#: Scores nearer than this, relative to their size, are the same.
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Fork:
    """A temperature at which the text changes, and why.

    Attributes
    ----------
    temperature
        Up to it the text is that of leaf number ``below``, above it that of ``below + 1``.
    below
        Number of the leaf just below it.
    position
        Position of the first token that differs.
    cause
        Why the token changes.
    token_before, token_after
        The token below and above the temperature.
    logit_before, logit_after, noise_before, noise_after
        ``logit / T + noise`` is the same for both at a crossing.
    word
        Number of the word that changes, 1 for the first; words are those of ``segments.word_spans``.
    word_before, word_after
        The word below and above, several where a token is several; a piece of text if the change is in white space or
        at the end.
    """

    temperature: float
    below: int
    position: int
    cause: Cause
    token_before: int
    token_after: int
    logit_before: float
    logit_after: float
    noise_before: float
    noise_after: float
    word: int
    word_before: str
    word_after: str


def fork_between(number: int, below: Leaf, above: Leaf, nodes: Sequence[Node]) -> Fork:
    """The fork between leaf ``number`` and the one above it."""
    position = next(i for i, (a, b) in enumerate(zip(below.path, above.path, strict=False)) if a != b)
    before, after = nodes[below.path[position]], nodes[above.path[position]]
    word, word_before, word_after = _changed_word(below, above, position)
    return Fork(
        temperature=below.high,
        below=number,
        position=position,
        cause=_cause(before, after, below.high),
        token_before=before.token_id,
        token_after=after.token_id,
        logit_before=before.logit,
        logit_after=after.logit,
        noise_before=before.noise,
        noise_after=after.noise,
        word=word,
        word_before=word_before,
        word_after=word_after,
    )


def _cause(before: Node, after: Node, temperature: float) -> Cause:
    if before.exact_high != temperature or after.exact_low != temperature:
        return "merged"
    if temperature == 0:
        return "tie"
    old, new = (node.logit + temperature * node.noise for node in (before, after))
    return "crossing" if abs(new - old) <= _SAME * max(1.0, abs(old), abs(new)) else "admitted"


def _changed_word(below: Leaf, above: Leaf, position: int) -> tuple[int, str, str]:
    """Which word of two texts changes at a position: its number, and the word in each.

    Where words have no spaces between them a token may be several: all of them are given.
    """
    number = min(_word_number(below, position), _word_number(above, position))
    before, after = (_words_from(leaf, number, position) for leaf in (below, above))
    if before == after:  # the difference is in white space, or in what the shorter text lacks
        before, after = (_piece(leaf, position) for leaf in (below, above))
    if before == after:  # the tokens are parts of characters: what has become of them
        same = next((i for i, (a, b) in enumerate(zip(below.text, above.text, strict=False)) if a != b), None)
        before, after = (_rest(leaf, len(leaf.text) - 1 if same is None else same) for leaf in (below, above))
    return number, before, after


def _word_number(leaf: Leaf, position: int) -> int:
    """Number, from 1, of the word that a token begins, or goes on with."""
    text = leaf.text
    start = leaf.text_ends[position - 1] if position else 0
    while start < len(text) and text[start].isspace():
        start += 1
    words = word_spans(text)
    begun = sum(first < start for first, _ in words)
    goes_on = any(first < start < last for first, last in words) or (start == len(text) and not text[-1:].isspace())
    return begun + (not goes_on or not begun)


def _words_from(leaf: Leaf, number: int, position: int) -> str:
    """The word of this number, and those joined to it that the token at a position has a part in."""
    words = word_spans(leaf.text)[number - 1 :]
    if not words:
        return ""
    start, end = words[0]
    for first, last in words[1:]:
        if first != end or first >= leaf.text_ends[position]:
            break
        end = last
    return leaf.text[start:end]


def _piece(leaf: Leaf, position: int) -> str:
    start = leaf.text_ends[position - 1] if position else 0
    return leaf.text[start : leaf.text_ends[position]]


def _rest(leaf: Leaf, at: int) -> str:
    """The word at a character, from the beginning of that character on."""
    start = last_border(leaf.text, max(at, 0))
    end = next((last for _, last in word_spans(leaf.text) if last > start), len(leaf.text))
    return leaf.text[start:end]
