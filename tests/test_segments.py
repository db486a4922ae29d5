"""Words and characters of any script."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.segments import complete, first_border, last_border, word_spans

FAMILY, FLAG = "👨\u200d👩\u200d👧", "🇩🇪"


def words(text: str) -> list[str]:
    return [text[a:b] for a, b in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat's (well-known) 3.14, naïve_x.", ["The", "cat's", "(well-known)", "3.14,", "naïve_x."]),
        ("한국어 문장입니다, (서울)", ["한국어", "문장입니다,", "(서울)"]),
        ("私は「東京タワー」へ、行く。", ["私", "は", "「東", "京", "タワー」", "へ、", "行", "く。"]),
        ("中文,字", ["中", "文,", "字"]),
        ("foo日本bar", ["foo", "日", "本", "bar"]),
        ("สวัสดี กำ", ["ส", "วั", "ส", "ดี", "กำ"]),
        ("مرحبا، «بالعالم»", ["مرحبا،", "«بالعالم»"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        (f"{FAMILY}{FAMILY}! {FLAG}🇫🇷 e\u0301a", [FAMILY, f"{FAMILY}!", FLAG, "🇫🇷", "e\u0301a"]),
        ("  \n", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "Cf"]), max_size=40))
def test_words_are_the_text_without_its_spaces_and_cut_no_character(text: str) -> None:
    assert "".join(words(text)) == "".join(text.split())
    borders = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    for piece in regex.finditer(r"\S+", text):
        inside = {a for a, _ in word_spans(text) if piece.start() < a < piece.end()}
        assert inside <= borders | {piece.start() + at for at in _borders_in(piece.group())}


def _borders_in(piece: str) -> set[int]:
    return {found.end() for found in regex.finditer(r"\X", piece)}


@given(
    st.text(st.sampled_from([*"aé日한", "\u0301", "\u200d", "👨", "👩", "🇩", "🇪", "\r", "\n", "\ufffd"]), max_size=20)
)
def test_borders_are_the_nearest_places_between_characters(text: str) -> None:
    borders = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    if text.isascii():
        borders = set(range(len(text) + 1))
    for at in range(len(text) + 1):
        assert first_border(text, at) == min(b for b in borders if b >= at)
        assert last_border(text, at) == max(b for b in borders if b <= at)


def test_a_text_cut_within_a_character() -> None:
    assert complete("ab\ufffd\ufffd") == "ab"
    assert complete("a\ufffdb") == "a\ufffdb"
    assert complete("\ufffd") == complete("") == ""
