"""Reports as Markdown: the parts in a reader's order, numbers as in the records, nothing read as markup."""

from __future__ import annotations

import re

from tests.report.records.made import claim, pair, row, source, text
from thermoscope.report.markdown import markdown, plain
from thermoscope.report.records.build import _report
from thermoscope.settings.params import SamplingParams

SETTINGS = [SamplingParams(temperature=t) for t in (0.3, 0.9)]
HOSTILE = "</script> **bold** `code` [x](y) # | <b> \u202e \x07 $a$"


def made(**how) -> str:
    values = {
        "measured": [row("rep_4", 0, 0.5, 0.4, 0.6), row("rep_4", 1, 0.1, None, None)],
        "differences": [pair("rep_4", 0, 1, -0.4, -0.5, -0.3)],
        "claims": [claim("low repeats", "holds")],
        "effective": ("top_k=20 removed nothing.",),
        "texts": [
            text(0, 0, 0, ("Once", " upon", " a", " time", ".\n", "Once", " upon", " a", " time", "!")),
            text(0, 1, 0, ("Once", " more", *(" go", " on") * 3)),
        ],
    }
    return markdown(_report([source(SETTINGS, **{**values, **how})], ["stories"]))


def test_the_parts_stand_in_a_readers_order() -> None:
    heads = re.findall(r"^#+ .*", made(), flags=re.MULTILINE)
    assert heads == [
        "# A title", "## The article's claims", "## Measures", "## Differences", "## Texts", "## Settings",
        "## What the measures mean", "## What ran",
    ]  # fmt: skip
    assert "## Differences" not in made(differences=[])
    assert "claims" not in made(claims=[])


def test_numbers_and_verdicts() -> None:
    page = made()
    assert "| T=0.3 | 0.500 (0.400 to 0.600) |" in page
    assert "| T=0.9 | 0.100 |" in page
    assert "| `rep_4` | 1 of 1 | 1 of 1 |" in page
    assert "- **Low repeats: holds.** Low is more repetitive." in page
    assert r"rep\_4, T=0.3 minus T=0.9: 0.300 (0.200 to 0.400; 12 prompts, n=96), holds" in page
    assert r"- top\_k=20 removed nothing." in page


def test_marks_in_texts() -> None:
    page = made()
    assert "> Once upon a time.\n> ‹Once upon a time›! …" in page
    assert "> Once ▸more ⟳go on ‹go on go on› …" in page
    assert "▸ differs from the text before, ‹…› repeated from earlier, ⟳ start of a loop" in page


def test_nothing_is_read_as_markup() -> None:
    page = made(
        title=HOSTILE, texts=[text(0, 0, 0, (HOSTILE,))], prompts=(HOSTILE, "b", "c"), command=f"x ``` {HOSTILE}"
    )
    body = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    assert "<b>" not in re.sub(r"\\<", "", body)
    assert "**bold**" not in body
    assert "[x](y)" not in body
    assert "\u202e" not in page
    assert "\x07" not in page
    assert page.count("```") == 2
    assert plain("a\nb") == r"a\\nb"
