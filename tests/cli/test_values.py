"""Values as one types them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.cli.values import MOST_SEED, consecutive_seeds, numbers, whole_number
from thermoscope.errors import InputError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["0.7"], [0.7]),
        (["0.3,0.9", "1"], [0.3, 0.9, 1.0]),
        (["0.1:1.5:0.2"], [0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5]),
        (["0.1:0.3:0.1"], [0.1, 0.2, 0.3]),
        (["0:1:0.4"], [0.0, 0.4, 0.8]),
        (["0.5:0.5:1"], [0.5]),
        (["0.2, 0.4:0.6:0.1"], [0.2, 0.4, 0.5, 0.6]),
        (["-1"], [-1.0]),  # a number, if not a temperature
        (["1e-3"], [0.001]),
    ],
)
def test_numbers(words: list[str], expected: list[float]) -> None:
    assert numbers(words, "temperature") == expected


def test_minus_zero_is_zero() -> None:
    assert str(numbers(["-0", "-0.0:0:1"], "temperature")) == "[0.0, 0.0]"


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 60))
def test_a_range_in_hundredths_is_exact(low: int, step: int, more: int) -> None:
    word = f"{low / 100}:{(low + step * more) / 100}:{step / 100}"
    assert numbers([word], "temperature") == [(low + i * step) / 100 for i in range(more + 1)]


@pytest.mark.parametrize(
    "word",
    [
        "abc",
        "",
        "0.3,",
        "0.1:1.5",
        "1:2:3:4",
        "1:0:0.1",
        "0:1:0",
        "0:1:-1",
        "0:inf:1",
        "nan:1:1",
        "sNaN",
        "0:1:1e-9",
        "0:1e999999:1e-999999",
        "0..1",
        "1:2:x",
    ],
)
def test_what_is_no_number_is_refused_in_one_line(word: str) -> None:
    with pytest.raises(InputError, match=r"temperature .*must") as caught:
        numbers([word], "temperature")
    assert "\n" not in str(caught.value)


def test_whole() -> None:
    assert whole_number("12", "--seed") == 12
    assert whole_number(None, "--seed") is None
    for word, least, most in (
        ("1.5", 0, None),
        ("x", 0, None),
        ("-1", 0, None),
        ("0", 1, None),
        ("9", 0, 8),
        ("", 0, 9),
    ):
        with pytest.raises(InputError, match=f"--n must be a whole number .*got {word!r}"):
            whole_number(word, "--n", least=least, most=most)


def test_seeds() -> None:
    assert consecutive_seeds([], None) == [0]
    with pytest.raises(InputError, match="not both"):
        consecutive_seeds([1, 2], 0)
    assert consecutive_seeds([], 3) == [0, 1, 2]
    assert consecutive_seeds([7], 2) == [7, 8]
    assert consecutive_seeds([7, 3], None) == [7, 3]
    assert consecutive_seeds([MOST_SEED], 1) == [MOST_SEED]
    for first, count, says in (([1, 2], 2, "not both"), ([4, 4], None, "4 twice"), ([MOST_SEED], 2, "at most")):
        with pytest.raises(InputError, match=says):
            consecutive_seeds(first, count)
