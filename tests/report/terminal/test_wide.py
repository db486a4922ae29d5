"""Wide characters, emoji with joiners and combining marks at 80 columns: what stands below each other stays there."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.fakes import FakeModel
from tests.handmade import comparison, sample
from thermoscope.comparison.inspection import inspect, inspect_temperatures
from thermoscope.files.texts import Found
from thermoscope.report.terminal.bullets import bullets
from thermoscope.report.terminal.comparison import print_comparison
from thermoscope.report.terminal.inspection import print_inspection
from thermoscope.report.terminal.run import print_found
from thermoscope.runs.from_files import measure_found
from thermoscope.settings.params import SamplingParams

#: Pieces of text whose letters take two columns, none, or one for several.
WIDE = {
    "Korean": ["옛날 ", "옛적에 ", "우주선이 ", "있었습니다. "],
    "Korean by parts": ["\u1112\u1161\u11ab", "\u1100\u116e\u11a8", "\u110b\u1165 "],
    "Chinese": ["从前，", "有一艘", "飞船。"],
    "emoji with joiners": ["👨\u200d👩\u200d👧", "❤\ufe0f", "👍🏽", "🇰🇷 "],
    "combining marks": ["e\u0301", "n\u0303o\u0302 ", "नमस्ते ", "ครั้ง "],
}


def printed(show: Callable[[Console], None]) -> list[str]:
    raw = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True, newline="\n")
    show(Console(file=raw, width=80))
    raw.seek(0)
    out = [line.rstrip() for line in raw.read().split("\n")]
    assert max(map(cell_len, out)) <= 80
    return out


def at(line: str, pattern: str) -> list[int]:
    """The columns at which matches of a pattern end."""
    return [cell_len(line[: found.end()]) for found in re.finditer(pattern, line)]


@pytest.mark.parametrize("script", WIDE)
def test_the_borders_of_compare_stand_below_each_other(script: str) -> None:
    pieces = WIDE[script]
    texts = [sample([*pieces, f" {t}", *pieces * 9], temperature=t, prompt="".join(pieces)) for t in (0.2, 0.9)]
    out = printed(lambda to: print_comparison(comparison(*texts), to))
    rows = [line for line in out if line.startswith("│")]
    assert len(rows) > 6
    (head,) = (at(line, "┃") for line in out if line.startswith("┃"))
    assert {tuple(at(line, "│")) for line in rows} == {tuple(head)}


class Scripted(FakeModel):
    """Its tokens are pieces of some script."""

    pieces: tuple[str, ...] = ()

    def decode(self, token_ids):  # type: ignore[no-untyped-def]
        return "".join(self.pieces[token % len(self.pieces)] for token in token_ids)


@pytest.mark.parametrize("script", WIDE)
def test_the_columns_of_inspect_stand_below_each_other(script: str) -> None:
    model = Scripted()
    model.pieces = tuple(WIDE[script])
    params = SamplingParams(temperature=0.7, top_k=20)
    for found in (inspect(model, "x", params), inspect_temperatures(model, "x", (0.2, 1.0))):
        out = printed(lambda to, found=found: print_inspection(found, to))  # type: ignore[misc]
        first = next(i for i, line in enumerate(out) if "rank" in line and "token" in line)
        rows = out[first + 1 : first + 1 + len(found.tokens)]
        assert len(rows) > 8
        assert len({cell_len(re.match(r" *\d+ ", row)[0]) for row in rows}) == 1  # type: ignore[index]
        ends = [at(row, r"(?<=\s)(?:<?[\d.]+%|-)(?=\s|$)") for row in rows]
        assert all(len(one) == len(ends[0]) for one in ends)
        assert all(one == other for one, other in pairwise(ends))


@pytest.mark.parametrize("script", WIDE)
def test_the_columns_of_measure_stand_below_each_other(script: str) -> None:
    pieces = WIDE[script]
    names = ["".join(pieces[:2]).strip(), "plain", pieces[0].strip()]
    texts = [f"{piece} one two three four {n}" for _ in names for n, piece in enumerate(pieces * 2)]
    settings = [name for name in names for _ in pieces * 2]
    nothing = [""] * len(texts)
    found = measure_found(Found(texts, nothing, settings, [None] * len(texts), ("texts.jsonl",)))
    out = printed(lambda to: print_found(found, found.summary().to_pylist(), to))
    rows = [next(line for line in out if re.match(rf"{re.escape(name)} +\d", line)) for name in names]
    head = next(line for line in out if line.startswith("setting "))
    columns = at(head, r"\S(?=  |$)")[1:]
    assert len(columns) > 1
    assert [at(row, r"\S(?=  |$)")[-len(columns) :] for row in rows] == [columns] * len(names)


@pytest.mark.parametrize("more", range(12))
def test_a_sentence_with_wide_characters_loses_nothing_where_its_line_is_just_full(more: int) -> None:
    sentence = f"옛날 옛적 {'x' * more} {'y' * 60} and the end of it."
    out = printed(lambda to: to.print(bullets([sentence]), highlight=False))
    assert " ".join(" ".join(out).split()) == f"- {sentence}".replace("  ", " ")
