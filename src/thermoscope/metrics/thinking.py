"""Thinking: what a reasoning model writes before its answer, told apart from it.

A block of thinking stands at the beginning of a text, between a mark that opens it and one that closes it. Some chat
templates write the opening mark into the prompt, so that a text has the closing mark alone; a text that was cut while
its model was thinking has no closing mark, and is thinking to its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np

from thermoscope.checks import one_of
from thermoscope.decode.sample import Sample
from thermoscope.metrics.ragged import Array, Ragged

#: What is done with thinking. "apart": measures are of the answers, and the thinking is measured for itself; "drop":
#: measures are of the answers alone; "keep": a text is measured as a whole.
Thinking = Literal["apart", "drop", "keep"]
USUAL: Thinking = "apart"
#: Marks that open and close a block, by those who use them.
MARKS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),  # DeepSeek R1, Qwen3, QwQ, SmolLM3, GLM 4.5, MiniMax, Nemotron, Kimi
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral, Ministral
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss
)
#: Finds any of them: most texts have none.
_ANY_MARK = re.compile("|".join(re.escape(mark) for pair in MARKS for mark in pair))
#: The marks of thinking that a server gives apart from the text.
OPEN, CLOSE = MARKS[0]
#: Names of the records that a sample has for each token.
_RECORDS = ("token_ids", "logprobs", "drawn_logprobs", "entropies", "tempered_entropies", "ranks", "text_ends",
            "kept_logprobs")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A block of thinking in a text, in characters.

    Attributes
    ----------
    start, stop
        Where the thinking begins and ends, without its marks and the white space at its edges.
    answer
        Where the answer begins; the length of the text if there is none.
    closed
        Whether the closing mark is there; if not, the text was cut while its model was thinking.
    """

    start: int
    stop: int
    answer: int
    closed: bool


def thinking_mode(given: str, name: str = "thinking") -> Thinking:
    """What is to be done with thinking, checked; ``name`` is what it is called in an error.

    Raises
    ------
    InputError
        It is none of the three.
    """
    return cast(Thinking, one_of(name, given, get_args(Thinking)))


def thinking_words(thinking: Thinking) -> tuple[str, ...]:
    """The options of the command line that ask for it; none for what is usual."""
    return () if thinking == USUAL else (f"--thinking={thinking}",)


def opens_thinking(of: Any, prompt: str) -> bool:
    """Whether a model or a source sees a prompt that ends by opening a block of thinking; false if it can't say."""
    seen = getattr(of, "seen", None)
    shown = None if seen is None else seen(prompt)
    return shown is not None and str(shown).rstrip().endswith(tuple(mark for mark, _ in MARKS))


def find_block(text: str, *, opened: bool = False) -> Block | None:
    """The block of thinking at the beginning of a text; None if there is none.

    Parameters
    ----------
    text
        The text, without its prompt.
    opened
        Whether the prompt has the opening mark already.
    """
    if not opened and _ANY_MARK.search(text) is None:
        return None
    lead = len(text) - len(text.lstrip())
    for mark, closing in MARKS:
        if text.startswith(mark, lead):
            return _block(text, lead + len(mark), closing)
    first = min(((at, closing) for _, closing in MARKS if (at := text.find(closing)) >= 0), default=None)
    if first is not None and not any(mark in text[: first[0]] for mark, _ in MARKS):
        return _block(text, 0, first[1])
    return _block(text, 0, None) if opened else None


def _block(text: str, start: int, closing: str | None) -> Block:
    at = -1 if closing is None else text.find(closing, start)
    stop = len(text) if at < 0 or closing is None else at
    answer = len(text) if at < 0 or closing is None else at + len(closing)
    inside, after = text[start:stop], text[answer:]
    start += len(inside) - len(inside.lstrip())
    return Block(start, max(start, start + len(inside.strip())), answer + len(after) - len(after.lstrip()), at >= 0)


def thinking_of(sample: Sample, block: Block) -> Sample:
    """The thinking of a text as a sample; it ends as the text does where it is not closed, else at a stop string."""
    first, last = _tokens(sample.text_ends, block.start, block.stop)
    text, reason = sample.text[block.start : block.stop], "stop" if block.closed else sample.finish_reason
    return _part(sample, text, slice(first, last if block.closed else None), block.start, reason)


def answer_of(sample: Sample, block: Block) -> Sample:
    """The answer of a text as a sample; of a text that is all thinking an empty one."""
    first, _ = _tokens(sample.text_ends, block.answer, len(sample.text))
    return _part(sample, sample.text[block.answer :], slice(first, None), block.answer, sample.finish_reason)


def first_token(sample: Sample, block: Block) -> int:
    """The place of the answer's first token in the sample."""
    return _tokens(sample.text_ends, block.answer, len(sample.text))[0]


def _part(sample: Sample, text: str, tokens: slice, start: int, reason: Any) -> Sample:
    records: dict[str, Any] = {name: getattr(sample, name)[tokens] for name in _RECORDS}
    records["text_ends"] = tuple(max(0, end - start) for end in records["text_ends"])
    return replace(sample, text=text, finish_reason=reason, **records)


def _tokens(ends: Sequence[int] | Array, start: int, stop: int) -> tuple[int, int]:
    """The range of tokens that hold the characters from ``start`` to ``stop``, those on an edge included."""
    first = int(np.searchsorted(ends, start, side="right"))
    if stop <= start:
        return first, first
    return first, min(len(ends), int(np.searchsorted(ends, stop, side="left")) + 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """Texts as columns, N rows each; the records of a model are None without one.

    The names are those of ``Texts``, which is made from them.
    """

    strings: list[str]
    tokens: Ragged
    ends: Ragged
    logprobs: Ragged | None = None
    entropies: Ragged | None = None
    tempered_entropies: Ragged | None = None

    def named(self) -> dict[str, Any]:
        """The columns by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def part(self, rows: Sequence[int], characters: Sequence[tuple[int, int]]) -> Columns:
        """Some of the texts, of each a range of characters with the tokens that hold them."""
        ranges = [
            _tokens(self.ends.row(row)[: self.tokens.lengths[row]], start, stop)
            for row, (start, stop) in zip(rows, characters, strict=True)
        ]
        first = np.array([a for a, _ in ranges], dtype=np.int64)
        counts = np.array([b - a for a, b in ranges], dtype=np.int64)
        chosen, begins = np.array(rows, dtype=np.int64), np.array([a for a, _ in characters], dtype=np.int64)

        def column(of: Ragged | None) -> Ragged | None:
            if of is None:
                return None
            # a text that nothing precedes has no record of its first token
            unrecorded = np.maximum(self.tokens.lengths[chosen] - of.lengths[chosen], 0)
            skipped = np.maximum(unrecorded - first, 0)
            at = of.starts[chosen] + np.maximum(first - unrecorded, 0)
            return of.spans(at, np.maximum(counts - skipped, 0))

        ends = self.ends.spans(self.ends.starts[chosen] + first, counts)
        moved = np.maximum(ends.values - np.repeat(begins, counts), 0)
        return Columns(
            strings=[self.strings[row][a:b] for row, (a, b) in zip(rows, characters, strict=True)],
            tokens=self.tokens.spans(self.tokens.starts[chosen] + first, counts),
            ends=Ragged(moved, ends.starts),
            logprobs=column(self.logprobs),
            entropies=column(self.entropies),
            tempered_entropies=column(self.tempered_entropies),
        )


def split(columns: Columns, blocks: Sequence[Block | None], thinking: Thinking) -> tuple[Columns, list[int], Columns]:
    """The texts to measure, and the thinking to measure apart: the rows that hold some, and of each the thinking.

    There are none of the latter unless ``thinking`` is "apart"; the former are the answers unless it is "keep".
    """
    if thinking == "keep" or not any(blocks):
        return columns, [], columns.part([], [])
    sizes = [len(text) for text in columns.strings]
    answers = [(0 if block is None else block.answer, size) for block, size in zip(blocks, sizes, strict=True)]
    thoughts = {row: (block.start, block.stop) for row, block in enumerate(blocks) if block is not None}
    if thinking == "drop":
        thoughts = {}
    return (
        columns.part(range(len(sizes)), answers),
        list(thoughts),
        columns.part(list(thoughts), list(thoughts.values())),
    )


def said_of(blocks: Sequence[Block | None], thinking: Thinking) -> str | None:
    """What a reader must know of thinking in some texts, a sentence; None if there is none."""
    there = [block for block in blocks if block is not None]
    if not there:
        return None
    cut, number = sum(not block.closed for block in there), len(there)
    holds = f"{number} of {len(blocks)} {'text holds' if len(blocks) == 1 else 'texts hold'} thinking"
    closed = f", {cut} of them cut before an answer" if cut else ""
    what = {
        "apart": "measures are of the answers, and the thinking is measured apart",
        "drop": "measures are of the answers, and the thinking is left out",
        "keep": "measures are of thinking and answer as one text",
    }[thinking]
    others = ", ".join(mode for mode in get_args(Thinking) if mode != thinking)
    return f"{holds}{closed}: {what} (--thinking; also {others})."
