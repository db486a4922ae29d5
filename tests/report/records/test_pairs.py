from itertools import product

import pytest

from tests.report.records.made import pair, source, text
from thermoscope.report.records.pairs import arranged, between
from thermoscope.report.records.settings import listed
from thermoscope.report.records.source import Source
from thermoscope.settings.params import SamplingParams

SETTINGS = [SamplingParams(temperature=t) for t in (0.5, 0.9)]


def run(
    add: float, *, prompts: tuple[str, ...] = ("one", "two", "three"), settings=SETTINGS, seeds=(0, 1), **how
) -> Source:
    """rep_4 is 0.1 per prompt + 0.01 per seed + 0.001 per setting + ``add``."""
    base = {"one": 0.0, "two": 0.1, "three": 0.2, "four": 0.3}
    texts = [
        text(p, s, n, rep_4=base[prompts[p]] + 0.01 * seeds[n] + 0.001 * s + add * (p + 1))
        for p, s, n in product(range(len(prompts)), range(len(settings)), range(len(seeds)))
    ]
    groups = [
        {"prompt": p, "setting": s, "self_bleu": 0.2 + add}
        for p, s in product(range(len(prompts)), range(len(settings)))
    ]
    return source(settings, texts=texts, prompts=prompts, seeds=seeds, groups=groups, **how)


def compare(first: Source, second: Source):
    _, settings = listed([first, second], ["a", "b"])
    rows, notes = between(first, second, settings)
    return arranged(rows), notes


def test_verdicts_are_by_the_band() -> None:
    rows = [
        pair("rep_4", 0, 1, 0.2, 0.1, 0.3), pair("rep_4", 0, 2, -0.2, -0.3, -0.1), pair("rep_4", 1, 2, 0.1, -0.1, 0.3),
        pair("rep_4", 2, 3, 0.1, None, None), pair("perplexity", 0, 1, 1.2, 0.9, 1.5, "ratio"),
        pair("perplexity", 0, 2, 0.8, 0.7, 0.9, "ratio"),
        pair("perplexity", 0, 3, 1.0, 0.0, 0.0, "ratio") | {"effect": None},
    ]  # fmt: skip
    found = {d.measure: d for d in arranged(rows)}
    assert [p.told for p in found["rep_4"].pairs] == ["higher", "lower", "can't be told", "unknown"]
    assert [p.told for p in found["perplexity"].pairs] == ["can't be told", "lower"]  # against 1; unknown ones left out


def test_two_runs_are_paired_by_prompt_and_seed() -> None:
    found, notes = compare(run(0.0), run(0.05))
    by_name = {d.measure: d for d in found}
    rep = by_name["rep_4"]
    assert [(p.a, p.b) for p in rep.pairs] == [(0, 2), (1, 3)]
    assert [p.effect for p in rep.pairs] == pytest.approx([0.1, 0.1])  # (0.05 + 0.10 + 0.15) / 3
    assert [(p.units, p.texts) for p in rep.pairs] == [(3, 6), (3, 6)]
    assert by_name["self_bleu"].pairs[0].effect == pytest.approx(0.05)
    assert notes == []


def test_only_what_both_have_is_paired_and_that_is_said() -> None:
    found, notes = compare(run(0.0), run(0.05, prompts=("three", "four"), seeds=(1, 2), limit=30, model="big"))
    rep = next(d for d in found if d.measure == "rep_4")
    assert [(p.units, p.texts) for p in rep.pairs] == [(1, 1), (1, 1)]
    assert rep.pairs[0].effect == pytest.approx(0.05)  # prompt "three", seed 1
    assert rep.pairs[0].told == "unknown"
    assert "self_bleu" not in {d.measure for d in found}  # over all seeds of a run
    assert [note.split()[0] for note in notes] == ["Differences", "Differences", "Measures", "The", "Perplexity"]


def test_settings_belong_together_by_identity_or_by_place() -> None:
    other = [SamplingParams(temperature=t, top_p=0.9) for t in (0.9, 1.1)]
    found, notes = compare(run(0.0), run(0.05, settings=other))
    assert [(p.a, p.b) for p in found[0].pairs] == [(1, 2)]  # both at T=0.9
    assert "Only 1 setting could be matched between the two runs." in notes


def test_nothing_in_common_is_said() -> None:
    assert compare(run(0.0), run(0.0, prompts=("four",)))[1] == [
        "The runs have no prompt in common, so no differences between them are paired."
    ]
    assert "no seed" in compare(run(0.0), run(0.0, seeds=(7,)))[1][0]
    assert "no setting" in compare(run(0.0), run(0.0, settings=[SamplingParams(temperature=2.0)]))[1][0]
