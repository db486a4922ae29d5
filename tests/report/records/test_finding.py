"""The finding: sentences that are right English whatever the numbers and verdicts."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tests.report.records.made import claim, pair, row, source, text
from tests.report.records.test_pairs import run
from thermoscope.report.charts.figures import curve_figure
from thermoscope.report.markdown import markdown
from thermoscope.report.records import between_two
from thermoscope.report.records.build import _report
from thermoscope.report.records.claimed import claimed
from thermoscope.report.records.schema import Ran, Report
from thermoscope.report.records.source import Source
from thermoscope.settings.params import SamplingParams

SETTINGS = [SamplingParams(temperature=t) for t in (0.3, 0.6, 0.9)]
#: At the last setting texts repeat themselves less and are less likely; neighbours are told apart once.
MEASURED = [
    row("rep_4", 0, 0.5, 0.4, 0.6), row("rep_4", 1, 0.3, 0.2, 0.4), row("rep_4", 2, 0.1, 0.05, 0.15),
    row("perplexity", 0, 2.0, 1.8, 2.2), row("perplexity", 1, 3.0, 2.5, 3.5), row("perplexity", 2, 9.0, 8.0, 10.0),
]  # fmt: skip
PAIRS = [
    pair("rep_4", 0, 1, -0.2, -0.3, -0.1), pair("rep_4", 0, 2, -0.4, -0.5, -0.3), pair("rep_4", 1, 2, -0.2, -0.5, 0.1),
    pair("perplexity", 0, 2, 4.5, 4.0, 5.0, "ratio"),
]  # fmt: skip


def one(**how) -> Report:
    values = {"measured": MEASURED, "differences": PAIRS, **how}
    return _report([source(SETTINGS, **values)], ["stories"])


def two(first: Source, second: Source) -> Report:
    return _report([first, second], ["a", "b"])


def test_the_ends_of_the_axis_and_how_sure_that_is() -> None:
    assert one().finding[0] == (
        "From T=0.3 to T=0.9 perplexity rises from 2.00 (1.80 to 2.20) to 9.00 (8.00 to 10.0) and the share of "
        "repeated 4-grams falls from 0.500 (0.400 to 0.600) to 0.100 (0.050 to 0.150) (means with 95% intervals; "
        "6 texts of 3 prompts each)."
    )
    flat = [pair("rep_4", 0, 2, -0.4, -0.9, 0.1), PAIRS[-1]]
    assert "4-grams" not in one(differences=flat).finding[0]  # what is not clear does not lead
    nothing = [flat[0], pair("perplexity", 0, 2, 1.2, 0.8, 1.8, "ratio")]
    assert (
        one(differences=nothing)
        .finding[0]
        .startswith(
            "From T=0.3 to T=0.9 the share of repeated 4-grams goes from 0.500 (0.400 to 0.600) to 0.100 "
            "(0.050 to 0.150), which is no clear difference, and perplexity goes from"
        )
    )


def test_a_score_comes_first_whatever_else_is_clear() -> None:
    scores = [row("score", i, value, value - 0.05, value + 0.05) for i, value in enumerate((0.5, 0.8, 0.45))]
    pairs = [
        pair("score", 0, 1, 0.3, 0.1, 0.5),
        pair("score", 1, 2, -0.35, -0.5, -0.1),
        pair("score", 0, 2, 0.0, -1, 1),
    ]
    made = one(measured=MEASURED + scores, differences=PAIRS + pairs)
    assert made.finding[0] == (
        "From T=0.6 to T=0.9 score falls from 0.800 (0.750 to 0.850) to 0.450 (0.400 to 0.500) "
        "(means with 95% intervals; 6 texts of 3 prompts each)."
    )
    assert [curve.measure for curve in made.curves] == ["score", "perplexity", "rep_4"]
    assert made.differences[0].measure == "score"
    assert made.finding[-1] == "score changed clearly in 2 of 2 steps between neighbouring settings."


def test_a_score_that_shows_nothing_does_not_lead_and_is_said() -> None:
    scores = [row("score", i, value, value - 0.2, value + 0.2) for i, value in enumerate((0.5, 0.6, 0.45))]
    pairs = [pair("score", a, b, 0.1, -0.2, 0.3) for a, b in ((0, 1), (0, 2), (1, 2))]
    made = one(measured=MEASURED + scores, differences=PAIRS + pairs)
    assert made.finding[0].startswith("From T=0.3 to T=0.9 perplexity rises")
    assert made.finding[1] == (
        "Score does not differ clearly between any two settings (0.450 (0.250 to 0.650) at T=0.9, "
        "0.600 (0.400 to 0.800) at T=0.6)."
    )
    alone = one(measured=scores, differences=pairs).finding[0]
    assert alone.startswith("From T=0.3 to T=0.9 score goes from 0.500") and "no clear difference" in alone


def test_values_that_are_unknown_are_counted_and_explained() -> None:
    texts = [text(prompt, setting, seed, ["a"] * (30 if prompt or setting or seed else 5))
             for prompt in range(3) for setting in range(3) for seed in range(2)]  # fmt: skip
    drifts = [row("drift", i, 0.1) | {"texts": 5 if i == 0 else 6} for i in range(3)]
    made = one(measured=drifts, texts=texts)
    assert made.curves[0].missing == (
        "Texts with a value: 5 of 6 at T=0.3; 1 text is too short (drift needs 20 tokens)"
    )
    assert one(measured=[d | {"texts": 6} for d in drifts], texts=texts).curves[0].missing == ""
    looped = [d | {"texts": 5 if i else 6} for i, d in enumerate(drifts)]
    assert one(measured=looped, texts=texts).curves[0].missing == (
        "Texts with a value: 5 of 6 at T=0.6 and 5 of 6 at T=0.9"
    )


def test_claims_about_another_purpose_are_left_out() -> None:
    claims = [claim(name, "not tested") for name in ("low repeats", "0.7 beats 0.9", "too low is as bad as too high")]
    assert [c["name"] for c in one(claims=claims).runs[0].claims] == ["low repeats", "too low is as bad as too high"]
    chat = one(claims=claims, objective="chat")
    assert [c["name"] for c in chat.runs[0].claims] == ["low repeats"]


def test_a_reversed_axis_is_read_from_low_to_high() -> None:
    turned = [SamplingParams(temperature=t) for t in (0.9, 0.3)]
    measured = [row("rep_4", 0, 0.1, 0.0, 0.2), row("rep_4", 1, 0.5, 0.4, 0.6)]
    made = _report([source(turned, measured=measured, differences=[pair("rep_4", 0, 1, 0.4, 0.3, 0.5)])], ["x"])
    assert made.finding[0].startswith("T=0.3 has clearly higher rep_4 than T=0.9: the difference from T=0.9 is 0.400")
    assert made.finding[1].startswith("From T=0.3 to T=0.9 the share of repeated 4-grams falls from 0.500")


def test_the_nearest_to_the_reference_and_what_cant_be_told_from_it() -> None:
    distance = [row("reference_distance", i, value, value / 2, value * 2) for i, value in enumerate((9.0, 1.0, 1.5))]
    pairs = [
        pair("reference_distance", 0, 1, 0.1, 0.05, 0.2, "ratio"),
        pair("reference_distance", 1, 2, 1.5, 0.7, 3.0, "ratio"),
    ]
    said = one(measured=MEASURED + distance, differences=PAIRS + pairs).finding[1]
    assert said == (
        "T=0.6 is closest to the reference, text written by people: its reference_distance is 1.00 (0.500 to 2.00); "
        "T=0.9 is not clearly further away."
    )
    clear = [pairs[0], pair("reference_distance", 1, 2, 1.5, 1.2, 3.0, "ratio")]
    assert (
        one(measured=MEASURED + distance, differences=PAIRS + clear)
        .finding[1]
        .endswith("every other setting is further away.")
    )


def test_a_headline_never_points_at_a_setting_that_fails_a_constraint() -> None:
    distance = [row("reference_distance", i, value, value / 2, value * 2) for i, value in enumerate((9.0, 2.0, 1.0))]
    pairs = [pair("reference_distance", 1, i, 9.0, 5.0, 20.0, "ratio") for i in (0, 2)]
    likely = [row("perplexity", i, value, value, value) for i, value in enumerate((2.0, 5.0, 60.0))]
    entropies = [row("entropy", i, value, value, value) for i, value in enumerate((1.0, 2.0, 3.0))]
    drifts = [row("drift", i, value, value - 0.1, value + 0.1) for i, value in enumerate((-0.5, 0.0, 0.3))]
    said = one(measured=distance + likely + entropies, differences=pairs).finding[1]
    assert said.startswith("T=0.6 is closest") and "T=0.9 is closer in figures, but fails perplexity." in said
    said = one(measured=MEASURED + distance + drifts, differences=pairs).finding[1]
    assert said.startswith("T=0.6 is closest") and "T=0.9 is closer in figures, but fails drift." in said
    assert "T=0.9 is not clearly" not in said and "apart from" not in said
    weak = [row("drift", i, 0.5, 0.4, 0.6) for i in range(3)]
    said = one(measured=MEASURED + distance + weak, differences=pairs).finding[1]
    assert said.startswith("No setting gives text") and said.endswith("too weak to say which setting is best.")


def test_what_limits_the_distance_is_said_with_it_and_beside_it() -> None:
    note = "the reference's windows have 100 tokens, the texts 110"
    distance = [row("reference_distance", i, value, value / 2, value * 2) for i, value in enumerate((9.0, 1.0, 1.5))]
    pairs = [pair("reference_distance", 1, i, 9.0, 5.0, 20.0, "ratio") for i in (0, 2)]
    made = one(measured=MEASURED + distance, differences=PAIRS + pairs, reference=note)
    assert made.finding[1].endswith(
        "every other setting is further away. The reference's windows have 100 tokens, the texts 110."
    )
    assert {c.measure: c.note for c in made.curves if c.note} == {"reference_distance": note}
    assert f"- `reference_distance`: {note}.\n" in markdown(made)
    curve = next(c for c in made.curves if c.measure == "reference_distance")
    assert "The reference's windows have 100 tokens, the texts 110." in curve_figure(made, curve).caption
    both = two(source(SETTINGS, measured=distance, reference=note), source(SETTINGS, measured=distance))
    assert both.curves[0].note == f"a: {note}"
    assert two(*[source(SETTINGS, measured=distance, reference=note)] * 2).curves[0].note == note


def test_loops_are_told_where_there_is_no_reference() -> None:
    more = [row("self_bleu", i, 0.5) for i in range(3)] + [
        row("loop_rate", i, v) for i, v in enumerate((0.4, 0.1, 0.0))
    ]
    assert one(measured=MEASURED + more).finding[1] == (
        "More than one text in twenty ends in a loop at T=0.3 and T=0.6, most often at T=0.3 (0.400)."
    )
    once = more[:3] + [row("loop_rate", i, v) for i, v in enumerate((0.5, 0.0, 0.0))]
    assert one(measured=MEASURED + once).finding[1] == "More than one text in twenty ends in a loop at T=0.3 (0.500)."
    none = [row("self_bleu", i, 0.5) for i in range(3)] + [row("loop_rate", i, 0.0) for i in range(3)]
    assert one(measured=MEASURED + none).finding[1] == (
        "No text ends in a loop (6 texts per setting; too few to rule out rare loops)."
    )
    enough = none[:3] + [row("loop_rate", i, 0.0) | {"texts": 96} for i in range(3)]
    assert one(measured=MEASURED + enough).finding[1] == "No text ends in a loop (96 texts per setting)."
    rare = none[:3] + [row("loop_rate", i, v) for i, v in enumerate((0.04, 0.0, 0.0))]
    assert one(measured=MEASURED + rare).finding[1] == "At every setting, at most one text in twenty ends in a loop."
    people = none[:3] + [row("loop_rate", i, v) for i, v in enumerate((0.08, 0.0, 0.0))]
    assert one(measured=MEASURED + people, loop_limit=0.1).finding[1] == (
        "At no setting do texts end in a loop more often than the reference."
    )


def test_claims_by_verdict() -> None:
    claims = [claim("low repeats", "holds"), claim("high drifts", "does not hold"), claim("b", "does not hold"),
              claim("c", "can't be told"), claim("d", "not tested")]  # fmt: skip
    assert one(claims=claims).claimed == (
        "Of the article's claims, “low repeats” holds; “high drifts” and “b” do not hold; “c” is inconclusive."
    )
    assert one().claimed == ""


def test_neighbours_that_differ_clearly_are_counted() -> None:
    steps = [*PAIRS[:3], pair("rep_4", 0, 2, -0.4, -0.5, -0.3)]
    assert one(differences=steps).finding[-1] == (
        "Repetition (rep_4) changed clearly in 1 of 2 steps between neighbouring settings."
    )
    unclear = [pair("rep_4", a, a + 1, -0.2, -0.5, 0.1) for a in (0, 1)]
    said = "Repetition (rep_4) did not change clearly between neighbouring settings."
    assert one(differences=unclear).finding[-1] == said
    both = _report([source(SETTINGS[:2], measured=MEASURED[:2], differences=unclear[:1])], ["x"])
    assert both.finding[0] == "No clear difference between T=0.3 and T=0.6 in rep_4."


@pytest.mark.parametrize("verdicts", list(product(["holds", "does not hold", "can't be told", "not tested"], repeat=4)))
def test_whatever_the_verdicts_every_group_of_claims_has_its_verb(verdicts: tuple[str, ...]) -> None:
    claims = tuple(claim(f"c{i}", verdict) for i, verdict in enumerate(verdicts))
    made = claimed([Ran("a", "", "", "prompt", (), "", claims, ())])
    if set(verdicts) == {"not tested"}:
        assert made == "None of the article's claims is tested by this run."
        return
    body = re.fullmatch(r"Of the article's claims, (.*)\.", made)
    assert body
    told = {}
    for part in body[1].split("; "):
        names = re.findall("“(c[0-9])”", part)
        listed = ", ".join(f"“{name}”" for name in names[:-1]) + (" and " if names[1:] else "") + f"“{names[-1]}”"
        verb = part.removeprefix(f"{listed} ")
        single, plural = ("holds", "does not hold", "is inconclusive"), ("hold", "do not hold", "are inconclusive")
        verbs = single if len(names) == 1 else plural
        verdict = dict(zip(verbs, ("holds", "does not hold", "can't be told"), strict=True))[verb]
        told |= dict.fromkeys(names, verdict)
    assert told == {f"c{i}": verdict for i, verdict in enumerate(verdicts) if verdict != "not tested"}


def test_one_text_per_setting_says_that_nothing_is_sure() -> None:
    measured = [row("rep_4", 0, 0.5), row("rep_4", 1, 0.1)]
    made = _report([source(SETTINGS[:2], measured=measured, differences=[pair("rep_4", 0, 1, -0.4, None, None)],
                           prompts=("one",), seeds=(0,))], ["x"])  # fmt: skip
    assert made.finding[0].endswith("goes from 0.500 to 0.100 (6 texts each).")
    assert made.finding[-1].startswith("With one text per setting there are no intervals")
    assert made.runs[0].unit == "seed"


def test_one_setting_alone() -> None:
    made = _report([source(SETTINGS[:1], measured=MEASURED[:1])], ["x"])
    assert made.finding[0].startswith("At T=0.3 the share of repeated 4-grams is 0.500 (0.400 to 0.600)")
    assert made.frontier is None


def test_two_runs() -> None:
    claims = [[claim("low repeats", verdict), claim("high drifts", "holds")] for verdict in ("holds", "can't be told")]
    made = two(run(0.0, claims=claims[0]), run(0.05, claims=claims[1]))
    assert made.finding[0] == "b against a: self_bleu is higher at 2 of 2 settings (by 0.050 at T=0.5)."
    unclear = between_two.of_two_runs(
        made.settings, [found for found in made.differences if found.measure == "rep_4"], made.runs, []
    )
    assert unclear == ("b against a: no clear difference in rep_4 at any of the 2 settings that both have.",)
    assert made.claimed == (
        "Of the article's claims, “low repeats” (holds for a, inconclusive for b) comes out differently."
    )
    assert made.notes == ()
    assert len(made.settings) == 4


def test_two_runs_without_a_prompt_in_common_say_so_once() -> None:
    made = two(run(0.0), run(0.0, prompts=("four",)))
    assert made.finding == ("The runs have no prompt in common, so no differences between them are paired.",)
    assert made.notes == ()
    some = two(run(0.0), run(0.05, prompts=("three", "four")))
    assert some.notes == ("Differences are over the 1 prompt that both runs have (of 3 and 2).",)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (("holds", "holds"), ("holds", "holds"), "“c0” and “c1” come out the same for both"),
        (("holds", "not tested"), ("holds", "not tested"), "“c0” comes out the same for both"),
        (("holds", "not tested"), ("holds", "holds"),
         "“c0” comes out the same for both; “c1” is tested only for b"),
        (("holds", "holds"), ("can't be told", "does not hold"),
         "“c0” (holds for a, inconclusive for b) and “c1” (holds for a, does not hold for b) come out differently"),
        (("holds", "can't be told"), ("can't be told", "not tested"),
         "“c0” (holds for a, inconclusive for b) comes out differently; “c1” is tested only for a"),
        (("holds", "not tested"), ("not tested", "holds"), "“c0” is tested only for a; “c1” is tested only for b"),
        (("holds", "holds"), ("not tested", "not tested"), "“c0” and “c1” are tested only for a"),
    ],
)  # fmt: skip
def test_claims_of_two_runs_are_compared_where_both_test_them(
    first: tuple[str, ...], second: tuple[str, ...], said: str
) -> None:
    claims = [[claim(f"c{i}", verdict) for i, verdict in enumerate(verdicts)] for verdicts in (first, second)]
    made = two(run(0.0, claims=claims[0]), run(0.05, claims=claims[1]))
    assert made.claimed == f"Of the article's claims, {said}."


def test_two_runs_that_test_no_claim() -> None:
    claims = [claim("c", "not tested")]
    made = two(run(0.0, claims=claims), run(0.05, claims=claims))
    assert made.claimed == "Neither run tests any of the article's claims."
