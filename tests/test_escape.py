"""What is shown for characters that would move a cursor, reorder a line or hide."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.escape import escape, shown

FAMILY = "👩\u200d🚀"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, naïve, 日本 🚀", "plain, naïve, 日本 🚀"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\rb\tc\x00d\x7f", "a\\rb\\tc\\x00d\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),  # C1: CSI in one character, next line
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("zero\u200bwidth\u2060\ufeff", "zero\\u200bwidth\\u2060\\ufeff"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("half \ud83d", "half \\ud83d"),
        ("tag \U000e0041", "tag \\U000e0041"),  # invisible copies of ASCII
        ("filler \u3164", "filler \\u3164"),
        ("two\nlines", "two\nlines"),
        ("no\xa0break", "no\xa0break"),
    ],
)
def test_escape(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_nothing_need_be_kept() -> None:
    assert escape("a\nb", keep="") == "a\\nb"


@pytest.mark.parametrize("text", [FAMILY, "می\u200cخواهم", "क्\u200dष", "❤\ufe0f"])
def test_joiners_stay_where_they_join(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize("text", ["a\u200db", "\u200da", "日\u200d\u200d", "日 \u200c"])
def test_joiners_with_nothing_to_join_are_shown(text: str) -> None:
    assert "\\u200" in escape(text)


def test_ascii_only() -> None:
    assert escape("naïve 日 🚀\n", ascii_only=True) == "na\\xefve \\u65e5 \\U0001f680\n"


@given(st.text(st.characters()) | st.text("a日\u200c\u200d\u202e\x1b\n\t\ud800é🚀"))
def test_no_unsafe_character_is_left(text: str) -> None:
    out = escape(text)
    for before, c in zip(["", *out], out, strict=False):
        if c == "\n":
            continue
        if c in "\u200c\u200d":
            assert unicodedata.category(before)[0] in "LMS" and not before.isascii()
        else:
            assert unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), hex(ord(c))
    assert len(shown(text)) == len(text)
    assert escape(text, ascii_only=True).isascii()
    assert escape(out) == out
