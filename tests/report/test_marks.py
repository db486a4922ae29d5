"""Signs at the right places, and nothing of the text lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handmade import compared, sample
from thermoscope.decode.sample import Sample
from thermoscope.report.marks import ASCII, UNICODE, Signs, legend, marked, visible

ABCD = [" a", " b", " c", " d"]


def shown(*samples: Sample, signs: Signs = UNICODE) -> str:
    """The last of some neighbours with its marks."""
    return marked(compared(*samples)[-1], signs).plain


def test_repeated_passages_are_framed_at_words() -> None:
    assert shown(sample([" x", *ABCD, " y", *ABCD, " z"])) == " x a b c d y ‹a b c d› z"


def test_a_passage_at_the_very_end() -> None:
    assert shown(sample([*ABCD, *ABCD])) == " a b c d ‹a b c d›"


def test_overlapping_passages_are_one() -> None:
    assert shown(sample(["a", *"abcde", "-", *"abcde"])) == "aabcde-‹abcde›"


def test_the_loop_is_marked_where_it_begins() -> None:
    assert shown(sample([" x", *(" a", " b") * 3])) == " x ⟳a b ‹a b a b›"
    assert shown(sample([*(" a", " b") * 3])) == " ⟳a b ‹a b a b›"


def test_the_first_token_that_differs() -> None:
    assert shown(sample([" a", " b"]), sample([" a", " c"])) == " a ▸c"
    assert shown(sample([" b"]), sample([" c"])) == " ▸c"
    assert shown(sample(["b"]), sample(["c", "d"])) == "▸cd"


def test_one_text_has_no_difference() -> None:
    assert shown(sample(ABCD), sample(ABCD)) == " a b c d"


def test_a_text_that_ends_where_the_other_goes_on() -> None:
    assert shown(sample([" a", " b"]), sample([" a"], finish="end_of_text")) == " a▸"
    assert shown(sample([" a"], finish="end_of_text"), sample([" a", " b"])) == " a ▸b"


def test_a_difference_in_the_middle_of_a_repeated_passage() -> None:
    assert shown(sample([*ABCD, " a", " b", " x"]), sample([*ABCD, *ABCD])) == " a b c d ‹a b ▸c d›"


def test_signs_at_one_place_keep_their_order() -> None:
    assert shown(sample([" x"]), sample([" a", " b"] * 3)) == " ▸⟳a b ‹a b a b›"
    assert shown(sample([*ABCD, " x", *ABCD * 3])) == " a b c d x ⟳‹a b c d a b c d a b c d›"


def test_characters_of_several_bytes_and_columns() -> None:
    # the second token of each pair completes the character that the first began
    text = sample(["日", "", "本", "語", "だ", "日", "", "本", "語", "だ"])
    assert shown(text) == "日本語だ‹日本語だ›"


def test_a_text_cut_at_a_stop_string() -> None:
    assert shown(sample([*ABCD, *ABCD, ".", "!"], finish="stop", cut=16)) == " a b c d ‹a b c d›"
    assert shown(sample([*ABCD, *ABCD], finish="stop", cut=15)) == " a b c d ‹a b c› "
    assert shown(sample(["x"]), sample(["ab"], finish="stop", cut=0)) == "▸"


def test_ascii_signs() -> None:
    text = [sample([" x", " é"]), sample([" é", " b"] * 3)]
    assert shown(*text, signs=ASCII) == r" >>(loop)\xe9 b [\xe9 b \xe9 b]"


def test_line_ends_that_would_not_be_seen_are_written_out() -> None:
    assert shown(sample(["\n\n", "a", "\n", "b", "\n\n", "c", "\n\n\n\n", "d", "\n"])) == (
        "\\n\\na\nb\n\nc\\n\\n\\n\\n\nd\\n"
    )
    assert shown(sample(["\n"])) == "\\n"


def test_control_characters_are_escaped_and_markup_is_text() -> None:
    assert shown(sample(["[bold]x[/bold]", "[/]", "\x1b[31m"])) == "[bold]x[/bold][/]\\x1b[31m"


def test_an_escape_belongs_to_its_neighbours_across_tokens() -> None:
    assert shown(sample(["👩", "\u200d🚀"])) == "👩\u200d🚀"


def test_colour_says_what_the_signs_say() -> None:
    text = marked(compared(sample([*ABCD, *ABCD]))[0], UNICODE)
    yellow = [text.plain[span.start : span.end] for span in text.spans if span.style == "yellow"]
    assert "".join(yellow) == "‹a b c d›"


FAMILY = "👨\u200d👩\u200d👧"


def test_no_sign_stands_inside_a_character() -> None:
    """Joiners, marks and vowels that are tokens of their own belong to the character before them."""
    joined = ["👨", "\u200d", "👩", "\u200d👧"]
    assert shown(sample(["a", *joined]), sample(["a", *joined[:2], "👦"])) == "a▸👨\u200d👦"
    assert shown(sample(["e", "\u0301", "x"]), sample(["e", "\u0302", "x"])) == "▸e\u0302x"
    assert shown(sample(["ก", "ำ", "ข"]), sample(["ก", "า", "ข"])) == "ก▸าข"
    assert shown(sample(["x", *joined * 3])) == f"x⟳{FAMILY}‹{FAMILY * 2}›"
    # the repeated passage ends within a character, which is then no part of it
    assert shown(sample([*"abc", "d", *"abc", "d", "\u0301", "e"])) == "abcd‹abc›d\u0301e"


def test_a_character_that_the_end_cuts_in_two_is_not_shown() -> None:
    assert shown(sample(["日", "本", "\ufffd"])) == "日本"
    assert shown(sample(["日"]), sample(["日", "\ufffd"])) == "日▸"
    assert shown(sample(["\ufffd", "a"])) == "\ufffda"  # inside a text it is there


def test_the_legend_explains_the_signs_that_occur() -> None:
    assert legend(compared(sample(ABCD)), UNICODE) == ""
    assert legend(compared(sample(["a"]), sample(["b"])), UNICODE) == "▸ differs from the text before"
    loop = legend(compared(sample(["a", "b"] * 3)), ASCII)
    assert loop == "[...] repeated from earlier | (loop) start of a loop"
    assert legend(compared(sample([" "] * 5)), UNICODE) == ""  # nothing visible is repeated


pieces = st.lists(
    st.sampled_from(["a", " b", "  ", "\n", "日", "", "\x1b", "👩", "\u200d", "\n\n\n", "ab "]), max_size=30
)


@given(pieces, pieces, st.integers(0, 60) | st.none())
@pytest.mark.parametrize("signs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_without_its_signs_the_text_is_whole(
    signs: Signs, before: list[str], after: list[str], cut: int | None
) -> None:
    text = sample(after, finish="length" if cut is None else "stop", cut=cut)
    out = shown(sample(before), text, signs=signs)
    for sign in (signs.differs, signs.opens, signs.closes, signs.loop):
        out = out.replace(sign, "")
    assert out == "".join(visible(text.text, signs))
