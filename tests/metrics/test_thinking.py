"""Thinking told apart from answers: where it is, which tokens hold it, and what is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handmade import sample
from thermoscope import InputError, measure, measure_files
from thermoscope.comparison.compare import blocks, compared_texts
from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.thinking import MARKS, Columns, answer_of, find_block, said_of, split, thinking_of

THOUGHT = ["<think>", "\n", "hm", " hm", "\n", "</think>", "\n\n", "Hi", " you", "!"]


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>\nhm ok\n</think>\n\nHello", "hm ok", "Hello"),
        ("hm</think>Hi", "hm", "Hi"),  # the prompt has the opening mark
        ("<think>\ncut here", "cut here", ""),
        ("<think></think>a", "", "a"),
        ("<think>\n\n</think>\n\n", "", ""),
        (" \n[THINK]a b[/THINK] c", "a b", "c"),
        ("<seed:think>x</seed:think>y", "x", "y"),
        ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "a", "b"),
        ("<think>a</think>b</think>c", "a", "b</think>c"),  # the first closing mark ends it
    ],
)
def test_where_thinking_is(text, thinking, answer):
    block = find_block(text)
    assert (text[block.start : block.stop], text[block.answer :]) == (thinking, answer)
    assert block.closed == (text != "<think>\ncut here")


@pytest.mark.parametrize("text", ["", "plain", "Write <think>x</think> around it.", "think>", "a </thought"])
def test_where_there_is_none(text):
    assert find_block(text) is None


def test_a_text_that_was_cut_while_the_prompt_had_begun_its_thinking():
    assert find_block("hm", opened=False) is None
    block = find_block("hm ", opened=True)
    assert (block.start, block.stop, block.answer, block.closed) == (0, 2, 3, False)
    assert find_block("hm</think>x", opened=True) == find_block("hm</think>x")


@given(st.text(), st.text(), st.sampled_from(MARKS))
def test_any_text_between_marks(inside, after, marks):
    inside, after = (part for part in (inside, after))
    if any(mark in inside + after for pair in MARKS for mark in pair):
        return
    text = marks[0] + inside + marks[1] + after
    block = find_block(text)
    assert text[block.start : block.stop] == inside.strip()
    assert text[block.answer :] == after.lstrip()


def test_the_tokens_of_each_part():
    whole = sample(THOUGHT, finish="end_of_text")
    block = find_block(whole.text)
    thinking, answer = thinking_of(whole, block), answer_of(whole, block)
    assert (thinking.text, thinking.token_ids) == ("hm hm", whole.token_ids[2:4])
    assert thinking.text_ends == (2, 5)
    assert thinking.text_token_ids == thinking.token_ids
    assert (answer.text, answer.token_ids) == ("Hi you!", whole.token_ids[7:])
    assert answer.text_token_ids == whole.token_ids[7:10]  # without the end of the text
    assert answer.text_ends == (2, 6, 7, 7)
    assert len(answer.logprobs) == len(answer.entropies) == len(answer.ranks) == 4


def test_a_token_on_an_edge_belongs_to_what_is_in_it():
    """``</think>\\n\\nHi`` as the last token of a block: the answer has it, the thinking has its own."""
    whole = sample(["<think>hm", " so", "</think>\n\nHi", " you"])
    block = find_block(whole.text)
    assert thinking_of(whole, block).token_ids == whole.token_ids[:2]
    assert answer_of(whole, block).token_ids == whole.token_ids[2:]
    assert answer_of(whole, block).text_ends == (2, 6)


def test_a_text_that_is_all_thinking():
    whole = sample(["<think>", "hm", " hm"])
    block = find_block(whole.text)
    assert (answer_of(whole, block).text, answer_of(whole, block).text_token_ids) == ("", ())
    assert thinking_of(whole, block).token_ids == whole.token_ids[1:]
    assert thinking_of(whole, block).finish_reason == "length"


def columns(*texts, shorter=0):
    """Texts as columns, one token per piece; ``shorter`` records are missing at the beginning of each."""
    samples = [sample(pieces) for pieces in texts]
    numbers = [[float(i) for i in range(shorter, len(s.token_ids))] for s in samples]
    return Columns(
        [s.text for s in samples],
        Ragged.of([s.token_ids for s in samples], np.int64),
        Ragged.of([s.text_ends for s in samples], np.int64),
        Ragged.of(numbers, np.float64),
    )


@pytest.mark.parametrize("shorter", [0, 1, 3])
def test_columns_are_cut_as_samples_are(shorter):
    plain = ["An", " answer"]
    given_, texts = columns(THOUGHT, plain, ["<think>", "hm"], shorter=shorter), [THOUGHT, plain, ["<think>", "hm"]]
    found = [find_block(text) for text in given_.strings]
    answers, rows, thoughts = split(given_, found, "apart")
    assert answers.strings == ["Hi you!", "An answer", ""]
    assert rows == [0, 2]
    assert thoughts.strings == ["hm hm", "hm"]
    for row, (pieces, block) in enumerate(zip(texts, found, strict=True)):
        want = sample(pieces) if block is None else answer_of(sample(pieces), block)
        assert answers.tokens.row(row).tolist() == list(want.token_ids)
        assert answers.ends.row(row).tolist() == list(want.text_ends)
    assert answers.logprobs.row(0).tolist() == [7.0, 8.0, 9.0]
    assert thoughts.logprobs.row(0).tolist() == [n for n in (2.0, 3.0) if n >= shorter]


def test_what_is_not_asked_for_is_not_split():
    given_ = columns(THOUGHT, ["a"])
    found = [find_block(text) for text in given_.strings]
    assert split(given_, found, "keep")[0] is given_
    assert split(given_, [None, None], "apart")[0] is given_
    answers, rows, thoughts = split(given_, found, "drop")
    assert (answers.strings, rows, thoughts.strings) == (["Hi you!", "a"], [], [])


def test_measures_are_of_the_answer_and_the_thinking_has_its_own():
    looped = ["<think>", *[" so", " what"] * 4, "</think>", "Hi", " you"]
    plain = ["Hi", " you"]
    apart = measure([sample(looped), sample(plain)], length=50).to_pydict()
    assert apart["tokens"] == [2, 2]
    assert apart["loop"] == [None, None]  # too short to loop
    assert apart["thinking_tokens"] == [8, None]
    assert apart["thinking_loop"] == [1, None]
    dropped = measure([sample(looped), sample(plain)], length=50, thinking="drop").to_pydict()
    assert dropped == {name: values for name, values in apart.items() if not name.startswith("thinking_")}
    kept = measure([sample(looped), sample(plain)], length=50, thinking="keep").to_pydict()
    assert kept["tokens"] == [12, 2]
    with pytest.raises(InputError, match="thinking must be one of apart, drop, keep; got 'no'"):
        measure([sample(plain)], thinking="no")


def test_compared_texts_keep_their_places():
    pieces = ["<think>", "hm", "</think>", *["a", " b", " c"] * 4]
    finished = {0: sample(pieces)}
    found = blocks(finished, opened=False)
    (text,) = compared_texts(finished, 1, None, found, "apart")
    assert text.sample.text == "".join(pieces)
    assert (text.loop.tokens, text.loop.start) == (3, 3)
    assert text.repeated[0][0] >= 3
    assert text.measures["tokens"] == 12
    assert text.thinking["tokens"] == 1
    (dropped,) = compared_texts(finished, 1, None, found, "drop")
    assert dropped.thinking is None
    assert dropped.measures == text.measures
    (kept,) = compared_texts(finished, 1, None, found, "keep")
    assert kept.measures["tokens"] == 15


def test_texts_from_files(tmp_path: Path):
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"text": "<think>so what so what so what</think>Hi you"}\n{"text": "<think>cut"}\n{"text": "Hi you"}\n'
    )
    found = measure_files(path)
    table = found.texts().to_pydict()
    assert table["tokens"] == [2, 0, 2]
    assert table["thinking_tokens"] == [6, 1, None]
    assert {row["measure"]: row["mean"] for row in found.thinking}["tokens"] == 3.5
    assert found.notes[0] == (
        "2 of 3 texts hold thinking, 1 of them cut before an answer: measures are of the answers, and the thinking is "
        "measured apart (--thinking; also drop, keep)."
    )
    assert "--thinking" not in found.ran.command
    kept = measure_files(path, thinking="keep")
    assert "--thinking=keep" in kept.ran.command
    assert kept.thinking == ()


def test_nothing_is_said_of_texts_without_thinking():
    assert said_of([None, None], "apart") is None
    assert said_of([find_block("<think>a</think>b")], "drop").startswith("1 of 1 text holds thinking: measures are of")
