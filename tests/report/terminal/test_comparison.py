"""The report at several widths, with and without colour, on terminals that know Unicode and on those that don't."""

from __future__ import annotations

import io

import pytest
import regex
from rich.cells import cell_len
from rich.console import Console

from tests.handmade import comparison, sample
from thermoscope.comparison.comparison import Comparison
from thermoscope.report.terminal.comparison import print_comparison

LOOP = [" The", " end", " came", *[" and", " went"] * 4]
STORY = [" The", " ship", " flew", " on", " to", " a", " far", " star", "."]


def two(**ran: object) -> Comparison:
    return comparison(
        sample(LOOP, temperature=0.2, prompt="Once upon"), sample(STORY, temperature=0.9, logprob=-2), **ran
    )


def lines(what: Comparison, width: int = 80, *, encoding: str = "utf-8", color: str | None = None) -> list[str]:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, write_through=True, newline="\n")
    console = Console(file=out, width=width, color_system=color, force_terminal=color is not None)  # type: ignore[arg-type]
    print_comparison(what, console)
    return [line.rstrip() for line in raw.getvalue().decode(encoding).split("\n")]


def test_side_by_side() -> None:
    assert lines(two())[:18] == [
        "Prompt: Once upon",
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓",
        "┃ T=0.2                                 ┃ T=0.9                                ┃",
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩",
        "│  The end came ⟳and went ‹and went and │  The ▸ship flew on to a far star.    │",
        "│ went and went›                        │                                      │",
        "├───────────────────────────────────────┼──────────────────────────────────────┤",
        "│ rep_4       0.38                      │ rep_4       0.00                     │",
        "│ loop        2 tokens × 4              │ loop        none                     │",
        "│ perplexity  2.72                      │ perplexity  7.39                     │",
        "│ entropy     2.00 nats                 │ entropy     2.00 nats                │",
        "│ tokens      11, reached the limit     │ tokens      9, reached the limit     │",
        "└───────────────────────────────────────┴──────────────────────────────────────┘",
        "▸ differs from the text before · ‹…› repeated from earlier · ⟳ start of a loop",
        "",
        "Reading",
        "- T=0.2 ends in a loop of 2 tokens, repeated 4 times.",
        "- T=0.9 hardly repeats itself: no 4-gram occurs twice.",
    ]


def test_a_text_too_short_to_loop() -> None:
    short = comparison(sample(["The", " end", "."]))
    assert "rep_4 unknown · loop unknown · perplexity 2.72 · entropy 2.00 nats" in lines(short)


def test_stacked_where_columns_would_be_narrow() -> None:
    out = lines(two(), 40)
    assert out[1].startswith("T=0.2 ─")
    assert any(line.startswith("T=0.9 ─") for line in out)
    assert not any("│" in line for line in out)
    assert out[4:7] == [
        "rep_4 0.38 · loop 2 tokens × 4",
        "perplexity 2.72 · entropy 2.00 nats",
        "tokens 11, reached the limit",
    ]


@pytest.mark.parametrize(("width", "temperatures", "beside"), [(80, 2, 1), (80, 3, 0), (120, 3, 1), (120, 1, 0)])
def test_beside_each_other_where_there_is_room(width: int, temperatures: int, beside: int) -> None:
    texts = [sample(STORY, temperature=0.1 + i) for i in range(temperatures)]
    assert any("┃" in line for line in lines(comparison(*texts), width)) == bool(beside)


HARD = {
    "wide": ["日本語の文章は" * 12, "🚀" * 50, "👩\u200d🚀 "],
    "long words": ["x" * 300, " ", "y" * 90],
    "control characters": ["\x1b[2J" * 30, "\r\t\u202e"],
    "empty": [],
    "line ends": ["\n\n", "a", "\n\n\n\n", "b", "\n"],
    "mixed": ["ab 日本 " * 20],
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_line_is_longer_than_the_terminal(name: str, width: int, encoding: str) -> None:
    texts = [sample(HARD[name], temperature=t, prompt="日本\x1b[2J" * 30, seed=s) for t in (0.2, 0.9) for s in (0, 1)]
    what = comparison(*texts, seeds=(0, 1), stop=("\n" * 30,), notes=("a note " * 30,), model="/a/path" * 30)
    out = lines(what, width, encoding=encoding)
    assert max(map(cell_len, out)) <= width
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for line in out for c in line)
    if encoding != "utf-8":
        assert all(line.isascii() for line in out)


#: A text of each kind of script, as tokens: what repeats is there twice.
SCRIPTS = {
    "Korean": ["옛날 ", "옛적에 ", "우주선이 ", "있었", "습니다. "] * 9,
    "Japanese": ["昔々、", "ある", "ところ", "に", "宇宙船", "が", "ありました。"] * 9,
    "Thai": ["กาล", "ครั้ง", "หนึ่ง", "นาน", "มา", "แล้ว", "มี", "ยาน", "อวกาศ", "กำลัง"] * 9,
    "Arabic": ["كان ", "يا ", "ما ", "كان، ", "سفينةٌ ", "فضائيّة "] * 9,
    "emoji": ["👨", "\u200d", "👩", "\u200d👧", "❤", "\ufe0f", "👍", "🏽"] * 9,
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_of_any_script_fit_and_break_no_character(script: str, width: int) -> None:
    pieces = SCRIPTS[script]
    texts = [sample(pieces, temperature=0.2), sample([*pieces[:3], "x", *pieces[4:]], temperature=0.9)]
    what = comparison(*texts)
    out = lines(what, width)
    assert max(map(cell_len, out)) <= width
    characters = set(regex.findall(r"\X", "".join(text.text for text in texts)))
    signs = set("▸‹›⟳│┃ -·…")
    body = out[next(i for i, line in enumerate(out) if line[:1] in "┡T") + 1 :]
    body = body[: next(i for i, line in enumerate(body) if "rep_4" in line)]
    body = [line for line in body if not set(line) & set("├─")]
    assert set(regex.findall(r"\X", "".join(body))) <= characters | signs


def test_a_text_that_is_cut_within_a_character_says_so() -> None:
    out = "\n".join(lines(comparison(sample(["日", "本", "\ufffd"])), 80))
    assert "\ufffd" not in out
    assert "tokens 3, reached the limit within a character" in out
    only = "\n".join(lines(comparison(sample(["\ufffd"])), 80))
    assert "(no text)" in only and "within a character" in only


def test_nothing_of_a_long_text_is_left_out() -> None:
    words = [f" w{i}" for i in range(400)]
    for width in (40, 80):
        out = " ".join(lines(comparison(sample(words), sample(words, temperature=0.1)), width))
        assert all(f"w{i} " in out for i in range(400))


def test_colour_only_where_it_is_asked_for() -> None:
    assert not any("\x1b" in line for line in lines(two()))
    assert any("\x1b[1;35m▸" in line for line in lines(two(), color="standard"))


def test_markup_in_a_text_is_text() -> None:
    markup = "[bold]x[/bold] [/] [link=http://x]y :rocket:"
    out = "\n".join(lines(comparison(sample([markup], prompt=markup), model="[red]m[/]", notes=("[/]",)), 120))
    assert out.count(markup) == 2
    assert "[red]m[/]" in out and "note      [/]" in out


def test_a_prompt_is_shown_on_one_line_escaped() -> None:
    assert lines(comparison(sample(STORY, prompt="a\nb\x1b[2J\u202e")))[0] == r"Prompt: a\nb\x1b[2J\u202e"


def test_missing_and_empty_texts() -> None:
    out = lines(comparison(sample([], temperature=0.2), temperatures=(0.2, 0.9)))
    assert any("(no text)" in line and "not finished" in line for line in out)
    assert any("rep_4       unknown" in line for line in out)


def test_seeds_have_their_own_tables() -> None:
    texts = [sample(STORY, temperature=t, seed=s) for t in (0.2, 0.9) for s in (3, 5)]
    out = lines(comparison(*texts, seeds=(3, 5)))
    assert "seed 3" in out and "seed 5" in out
    assert "seeds         3, 5; the same noise for every setting" in out
    assert not any(line.startswith("seed ") for line in lines(two()))


def test_seeds_without_a_finished_text_are_left_out() -> None:
    out = lines(comparison(sample(STORY, seed=5), seeds=(3, 5, 7), temperatures=(0.2, 0.7)))
    assert "seed 5" in out
    assert "seed 3" not in out and "seed 7" not in out
    assert sum(line.count("not finished") for line in out) == 1


def test_a_legend_only_where_there_are_signs() -> None:
    assert not any("was there before ·" in line or "▸" in line for line in lines(comparison(sample(STORY))))


def test_what_does_nothing_is_named() -> None:
    from thermoscope.settings.params import SamplingParams

    out = "\n".join(lines(two(settings=(SamplingParams(top_p=1, min_p=0.1, temperature=0.2),))))
    assert "with      top_p=1 (keeps every token), min_p=0.1, all other" in out


def test_values_are_written_in_full() -> None:
    from thermoscope.settings.params import SamplingParams

    out = "\n".join(lines(two(settings=(SamplingParams(top_k=1234567, top_p=0.99999999, temperature=0.12345678),))))
    assert "T=0.12345678 (" in out
    assert "with      top_k=1234567, top_p=0.99999999, all other" in out


@pytest.mark.parametrize(("top_k", "told"), [(None, True), (50, False)])
def test_the_top_k_of_transformers_is_told_where_ours_is_off(top_k: int | None, told: bool) -> None:
    from dataclasses import replace

    from thermoscope.settings.params import SamplingParams

    what = replace(two(), settings=(SamplingParams(top_k=top_k, temperature=0.2),))
    assert told == ("would apply top_k=50" in " ".join(lines(what)))


def test_the_command_can_be_copied() -> None:
    prompt = "'It'\"'\"'s a \\ prompt of some length, with  spaces'"
    command = f"thermoscope compare -t 0.2 -t 0.9 --seed 0 --max-new-tokens 200 --stop='a  b' --device cpu -- {prompt}"
    out = lines(two(command=command), 60)
    told = out[out.index("To reproduce") + 1 :]
    assert max(map(len, told)) <= 60
    assert "\n".join(told).strip().replace(" \\\n", " ") == command
    long = "x" * 100
    assert long in lines(two(command=f"thermoscope compare -- {long}"), 40)  # a word is not broken
