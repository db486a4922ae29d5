"""Where the texts of a branch end."""

from __future__ import annotations

import pytest

from tests.fakes import END, FakeModel
from thermoscope.decode import ending as module
from thermoscope.decode.branch import Branch
from thermoscope.decode.ending import Ending, Endings


def close(text: str, limits: list[int], *, stop: tuple[str, ...] = (), ends: bool = False):
    """What is left in the branch, what ended, and how; a member is its limit."""
    branch = Branch((1,), 0, [*text.encode(), *([END] if ends else [])], list(limits))
    ended, ending = Endings(FakeModel(), stop).close(branch, lambda limit: limit)
    return branch.members, ended, ending


def test_nothing_ends_before_its_limit() -> None:
    assert close("abc", [4, 5]) == ([4, 5], [], None)


def test_members_with_a_smaller_limit_end_first() -> None:
    ending = Ending("abc", tuple(b"abc"), "length", (1, 2, 3))
    assert close("abc", [4, 3, 5, 2]) == ([4, 5], [3, 2], ending)


def test_an_end_of_text_ends_all_and_has_no_text() -> None:
    ending = Ending("ab", (97, 98, END), "end_of_text", (1, 2, 2))
    assert close("ab", [9, 3], ends=True) == ([], [9, 3], ending)
    assert close("", [9], ends=True) == ([], [9], Ending("", (END,), "end_of_text", (0,)))


def test_a_stop_string_ends_all_and_is_cut_off() -> None:
    ending = Ending("a", tuple(b"abc"), "stop", (1, 1, 1))
    assert close("abc", [9, 3], stop=("x", "bc")) == ([], [9, 3], ending)


@pytest.mark.parametrize("most", [1, 2, 50_000])
def test_pieces_that_are_forgotten_change_nothing(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PIECES", most)
    endings, text = Endings(FakeModel(), ()), "naïve café — 日本 🚀 " * 3
    for _ in range(2):
        tokens = list(text.encode())
        _, ending = endings.close(Branch((1,), 0, tokens, [1]), lambda limit: limit)
        assert ending is not None
        whole = [len(bytes(tokens[:n]).decode(errors="ignore")) for n in range(1, len(tokens) + 1)]
        assert (ending.text, list(ending.text_ends)) == (text, whole)
