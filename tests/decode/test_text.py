import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeModel
from tests.tiny import tokenizer
from thermoscope.decode.text import find_stop, text_ends

decode = FakeModel().decode


def ends(text: str) -> tuple[int, ...]:
    return text_ends(decode, list(text.encode()), text)


def test_one_byte_characters_end_at_their_own_token():
    assert ends("abc") == (1, 2, 3)
    assert ends("") == ()


def test_bytes_of_a_character_count_from_the_one_that_finishes_it():
    assert ends("aé") == (1, 1, 2)
    assert ends("日本") == (0, 0, 1, 1, 1, 2)
    assert ends("🚀!") == (0, 0, 0, 1, 2)


def test_a_text_that_stops_within_a_character_ends_at_its_replacement():
    tokens = list("a🚀".encode())[:-1]
    assert text_ends(decode, tokens, decode(tokens)) == (1, 1, 1, 2)


def test_ends_never_pass_a_text_that_was_cut():
    assert text_ends(decode, list(b"abcdef"), "abc") == (1, 2, 3, 3, 3, 3)


@given(st.text(max_size=60))
def test_ends_are_those_of_the_characters(text):
    """By definition: the characters whose bytes are all there."""
    data = text.encode()
    want = [len(data[:i].decode(errors="ignore")) for i in range(1, len(data) + 1)]
    # a replacement character that the text itself holds is told from an unfinished one only by what follows
    if "\ufffd" not in text:
        assert list(ends(text)) == want
    assert list(ends(text)) == sorted(ends(text))
    assert not text or ends(text)[-1] == len(text)


@given(st.lists(st.integers(0, 255), max_size=80))
def test_ends_of_any_bytes_never_decrease_and_end_with_the_text(tokens):
    text = decode(tokens)
    found = text_ends(decode, tokens, text)
    assert len(found) == len(tokens)
    assert list(found) == sorted(found)
    assert not tokens or found[-1] == len(text)
    assert all(0 <= end <= len(text) for end in found)


@given(st.text(max_size=40))
def test_ends_with_a_real_tokenizer(text):
    ids = tokenizer()(text)["input_ids"]
    decoded = tokenizer().decode(ids)
    found = text_ends(tokenizer().decode, ids, decoded)
    assert list(found) == sorted(found)
    assert not ids or found[-1] == len(decoded)
    for position, end in enumerate(found):
        prefix = tokenizer().decode(ids[: position + 1])
        assert decoded[:end] == prefix[:end]
        assert len(prefix) - end <= prefix.count("\ufffd")


def test_a_long_text_is_decoded_in_pieces():
    text = "naïve 日本 🚀 " * 40
    seen: list[int] = []

    def counting(ids: list[int]) -> str:
        seen.append(len(ids))
        return decode(ids)

    tokens = list(text.encode())
    assert text_ends(counting, tokens, text) == tuple(
        len(text.encode()[:i].decode(errors="ignore")) for i in range(1, len(tokens) + 1)
    )
    assert sum(seen) < 60 * len(tokens)


def stop_at(text: str, *stops: str) -> int | None:
    """Where the text first stops, as it grows byte by byte."""
    tokens = list(text.encode())
    for n in range(1, len(tokens) + 1):
        at = find_stop(decode, tokens[:n], stops)
        if at is not None:
            return at
    return None


@pytest.mark.parametrize(
    ("text", "stops", "at"),
    [
        ("one. two", [". "], 3),
        ("one. two", ["two", "one"], 0),
        ("one. two", ["three"], None),
        ("abcabd", ["abd"], 3),
        ("a日本b", ["日本"], 1),
        ("a日本b", ["本"], 2),
        ("\n\n", ["\n\n"], 0),
        ("aaa", ["a"], 0),
        ("x" * 100 + "yz", ["yz"], 100),
        ("x" * 100 + "y" * 50, ["y" * 50, "xyq"], 100),
        ("ab\x00cd", ["\x00"], 2),
    ],
)
def test_find_stop(text, stops, at):
    assert stop_at(text, *stops) == at


@given(st.text(min_size=1, max_size=30), st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3))
def test_find_stop_is_the_first_that_a_growing_text_holds(text, stops):
    if "\ufffd" in text or any("\ufffd" in stop for stop in stops):
        return
    grown = [text[:n] for n in range(1, len(text) + 1)]
    want = next((min(t.find(s) for s in stops if s in t) for t in grown if any(s in t for s in stops)), None)
    assert stop_at(text, *stops) == want


def test_a_token_that_holds_a_stop_string_twice_stops_at_the_first():
    def words(ids):
        return "".join(["well", " a.b.c", "aaa"][i] for i in ids)

    assert find_stop(words, [0, 1], ["."]) == 6
    assert find_stop(words, [0, 1], [".c", "b", "."]) == 6
    assert find_stop(words, [2], ["aa"]) == 0
