"""Words: numbers, lists and endings as people read them, and turns of phrase that reports keep off."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import thermoscope
from thermoscope.decode.sample import FinishReason
from thermoscope.words import ENDINGS, count, ending, first_upper, joined, nearest, quoted, short

SOURCE = Path(thermoscope.__file__).parent
#: Rooms whose sentences people read first.
ROOMS = ("report", "comparison")
TURNS = (
    "was there before", "were there before", "cut at the limit", "make it again", "makes it again", "be told apart",
    "the likeliest", "one and the same", "comes to its end", "doing.", "not there", "says nothing", "95 %",
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"), (0, "0"), (0.0004, "0"), (0.0005, "0.001"), (0.0371, "0.037"), (0.31, "0.310"),
        (0.9994, "0.999"), (0.9996, "1.00"), (3.125, "3.12"), (31.25, "31.2"), (99.96, "100"), (312.4, "312"),
        (9999.4, "9999"), (12_345, "1.2e4"), (-0.0371, "-0.037"), (-12.34, "-12.3"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_their_zero(value: float | None, shown: str) -> None:
    assert short(value) == shown


def test_lists_and_counts() -> None:
    assert [joined(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [count(n, "text") for n in (0, 1, 2, 1440)] == ["0 texts", "1 text", "2 texts", "1,440 texts"]
    assert [first_upper(text) for text in ("", "a b", "É")] == ["", "A b", "É"]


def test_every_finish_reason_has_its_words() -> None:
    assert set(ENDINGS) == set(get_args(FinishReason))


def strings(path: Path) -> list[str]:
    """What a module says: its string constants, docstrings and parts of f-strings included."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_reports_are_plain() -> None:
    found = []
    for room in ROOMS:
        for path in (SOURCE / room).rglob("*"):
            if path.suffix == ".py":
                said = [text for text in strings(path) if text != "not there"]  # a verdict's value, shown otherwise
            elif path.suffix in (".j2", ".js"):
                said = [path.read_text(encoding="utf-8")]
            else:
                continue
            found += [(path.name, turn) for text in said for turn in TURNS if turn in text]
    assert found == []


class Unwritable:
    """What can't be written out."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb", r"'a\nb'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (10**5000, "an integer of about 4983 digits"),
        ([10**5000], "a list"),
        (Unwritable(), "a Unwritable"),
    ],
    ids=lambda value: type(value).__name__,  # pytest can't write out integers of so many digits
)
def test_what_was_given_is_quoted_on_one_short_line(value: object, shown: str) -> None:
    assert quoted(value) == shown


def test_a_long_name_is_near_to_none() -> None:
    assert nearest("top_b", ["top_p"]) == " (did you mean 'top_p'?)"
    assert nearest("top_p" * 10_000, ["top_p"]) == ""
    assert ending("length", "日\ufffd") == "reached the limit within a character"
    assert ending("stop", "日") == "ended at a stop string"
