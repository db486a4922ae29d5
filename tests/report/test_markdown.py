"""Reports as Markdown: the parts in a reader's order, numbers as in the records, nothing read as markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.report.records.made import claim, pair, row, source, text
from thermoscope.report.markdown import markdown
from thermoscope.report.markdown_text import lines, plain
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
        "# A title", "## Texts", "## Measures", "## Differences", "## Settings", "## The article’s claims",
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


#: A reader of Markdown with the extensions of the sites that reports are pasted to.
READER = MarkdownIt("gfm-like", {"linkify": False})
#: What may come out of a quotation of plain text.
PLAIN = {
    "blockquote_open",
    "blockquote_close",
    "paragraph_open",
    "paragraph_close",
    "inline",
    "text",
    "softbreak",
    "hardbreak",
}


def walked(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from walked(token.children or [])


def read(quoted: str) -> tuple[set[str], str]:
    """The kinds of what a reader finds in a quotation, and its text."""
    kinds, shown = set(), ""
    for token in walked(READER.parse(quoted)):
        kinds.add(token.type)
        shown += (
            "\n"
            if token.type in ("softbreak", "hardbreak", "paragraph_close")
            else token.content
            if token.type == "text"
            else ""
        )
    return kinds - {"text_special"}, shown.replace("\u200b", "").replace("\xa0", " ").strip("\n")


def quoted(body: str) -> str:
    return "\n".join(f"> {line}" for line in lines(body).split("\n"))


@pytest.mark.parametrize(
    "line",
    [
        "=====", "---", "- one", "+ one", "* one", "1. one", "12) one", "    code", "\u0020  - one", "# head", "> deep",
        "| a | b |", "***", "___", "~~~", "```", "[x]: http://x.y", "<b>", "&amp;", "a_b_c", "$x$", ":---:", "1\\.",
    ],
)  # fmt: skip
def test_a_line_of_a_text_begins_nothing(line: str) -> None:
    for body in (line, f"before\n{line}", f"before\n{line}\nafter", f"before\n\n{line}"):
        kinds, shown = read(quoted(body))
        assert kinds <= PLAIN, (body, quoted(body))
        assert "".join(shown.split("\n")) == "".join(body.split("\n"))
    assert {token.type for token in READER.parse(f"- {plain(line)}")} <= {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close",
        "bullet_list_close",
    }  # fmt: skip


@given(st.text("ab1 -=+*_#>|~`.)(:@!<&[]$\\\n", max_size=30))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_a_text_is_made_of_it_is_read_as_text(made_of: str) -> None:
    kinds, _ = read(quoted(made_of))
    assert kinds <= PLAIN


@pytest.mark.parametrize(
    ("said", "alive"),
    [
        ("ask @torvalds", r"@\w"), ("see #12 and a/b#12", r"#\d"), ("GH-12", r"GH-\d"), ("gh-7", r"gh-\d"),
        ("!34 %5 ~6 $7 &8", r"[!%~$&]\d"), ("https://x.y/z", r"https:"), ("www.x.y", r"www\."), ("a@b.com", r"@\w"),
        (":smile: :+1: :a_b:", r":[\w+-]+:"), ("mailto:a@b.c", r"mailto:"),
    ],
)  # fmt: skip
def test_no_site_makes_a_link_a_mention_or_an_emoji_of_a_text(said: str, alive: str) -> None:
    shown = "".join(token.content for token in walked(READER.parse(quoted(said))) if token.type.startswith("text"))
    assert not re.search(alive, shown), shown
    assert shown.replace("\u200b", "") == said
