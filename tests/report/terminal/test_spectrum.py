"""A spectrum in the terminal, and its forks in words."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.fakes import FakeModel
from thermoscope import SamplingParams, Spectrum, spectrum, step_measures
from thermoscope.ran.of_spectrum import spectrum_command, what_ran
from thermoscope.report.forks import changed, reason, sentence, widest
from thermoscope.report.terminal.spectrum import print_at, print_spectra
from thermoscope.spectra.fork import Fork
from thermoscope.spectra.leaf import Leaf


def shown(found: list[Spectrum], width: int = 80, encoding: str = "utf-8", at: float | None = None) -> str:
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)
    console = Console(file=buffer, width=width, color_system=None, force_terminal=False)
    if at is None:
        print_spectra(found, step_measures(found), what_ran(FakeModel(), found), console)
    else:
        print_at(found[0], at, console)
    buffer.seek(0)
    return buffer.read()


class Plain(FakeModel):
    """Words only, so that what is printed can be compared."""

    def decode(self, token_ids):
        return "".join((" red", " blue", " cold", " warm", " sun", ".")[token % 6] for token in token_ids)


@pytest.fixture(scope="module")
def found() -> list[Spectrum]:
    return spectrum(Plain(), "Once", seeds=range(2), max_new_tokens=25)


def test_it_fits_80_columns_and_says_the_main_things(found):
    text = shown(found)
    body = text.split("What ran")[0]
    assert max(map(len, body.splitlines())) <= 80
    assert f"Seed 0: {len(found[0].leaves)} texts between T=0 and T=1.5, {len(found[0].forks)} forks" in text
    assert f"Seed 1: {len(found[1].leaves)} texts" in text
    assert "- at T=" in text
    assert sentence(found[0].forks[0], found[0])[:30] in text
    assert f"and {len(found[0].forks) - 10} more at higher temperatures" in text
    assert "Means over 2 seeds" in text


def test_the_axis_shows_forks_and_texts_where_they_are(found):
    lines = shown(found[:1]).splitlines()
    start = next(i for i, line in enumerate(lines) if "┴" in line)
    axis, names = lines[start][2:], lines[start + 1][2:]
    columns = len(axis)
    for number, name in zip(widest(found[0], 6), "ABCDEF", strict=False):
        leaf = found[0].leaves[number]
        middle = (leaf.low + leaf.high) / 2
        assert names[min(int(middle / 1.5 * columns), columns - 1)] == name
    marked = sum(character in "┴┻" for character in axis)
    assert marked == len({min(int(fork.temperature / 1.5 * columns), columns - 1) for fork in found[0].forks})


@pytest.mark.parametrize("width", [40, 80, 200])
def test_any_width_and_a_terminal_without_unicode(found, width):
    assert shown(found, width, "ascii").isascii()


def test_the_text_at_one_temperature(found):
    text = shown(found, at=0.8)
    leaf = found[0].leaf(0.8)
    assert " ".join(leaf.text.split()) in " ".join(text.split())
    assert "below: at T=" in text
    assert "above: at T=" in text


def test_one_text_has_no_forks():
    text = shown(spectrum(FakeModel(end_bias=1000.0), "x", max_new_tokens=2))
    assert "1 text between T=0 and T=1.5, 0 forks" in text
    assert "(no text)" in text


def test_what_was_merged_is_said():
    few = spectrum(Plain(), "Once", max_new_tokens=25, max_leaves=4)
    text = " ".join(shown(few).split())
    assert "cover intervals that were not split further" in text
    assert "% of the range is exact" in text
    merged = few[0].merged[0]
    outside = merged.low if not merged.is_exact(merged.low) and merged.low > 0 else merged.high
    if not few[0].leaf(outside).is_exact(outside):
        assert "not split further: the text is exact from" in " ".join(shown(few, at=outside).split())


def fork(**values: object) -> Fork:
    base = {"temperature": 0.61324, "below": 0, "position": 6, "cause": "crossing", "token_before": 1, "token_after": 2,
            "logit_before": 2.0, "logit_after": 1.0, "noise_before": 0.0, "noise_after": 1.0, "word": 7,
            "word_before": "lost", "word_after": "bright"}  # fmt: skip
    return Fork(**{**base, **values})  # type: ignore[arg-type]


def test_sentences(found):
    some = found[0]
    assert sentence(fork(), some) == "at T=0.6132, word 7: 'lost' becomes 'bright'"
    assert sentence(fork(word_after=""), some).endswith("'lost' becomes the end of the text")
    assert "which truncation removes below" in sentence(fork(cause="admitted"), some)
    assert sentence(fork(cause="tie", temperature=0.0), some).startswith("just above T=0, word 7")
    assert "were not explored" in sentence(fork(cause="merged"), some)
    assert sentence(fork(word_before="a\x1b[2J\n"), some).count("\x1b") == 0
    assert "2.000 for both" in reason(fork(temperature=1.0))


def leaf(text: str) -> Leaf:
    return Leaf(0, 1, 0, 1, False, text, (), "length", (), ())


def test_changed_words():
    before = leaf("the old cat sat on a mat")
    after = leaf("the new cat sat on the red mat")
    assert [after.text[a:b] for a, b in changed(after, before)] == ["new", "the red"]
    assert changed(after, None) == []
    assert changed(after, after) == []
    assert changed(leaf(""), before) == []


def test_the_command_makes_it_again():
    params = SamplingParams(top_p=0.9, min_p=0.1, order="llama.cpp")
    found = spectrum(FakeModel(), "it's -x", params=params, seeds=[3, 9], max_new_tokens=2, stop="e f", max_leaves=7)
    assert spectrum_command(found) == (
        "thermoscope spectrum --low 0.0 --high 1.5 --top-p 0.9 --min-p 0.1 --order llama.cpp --seed 3 --seed 9 "
        "--max-new-tokens 2 --resolution 0.001 --max-leaves 7 '--stop=e f' --model fake --revision 1 --device cpu "
        "--dtype float32 -- 'it'\"'\"'s -x'"
    )
