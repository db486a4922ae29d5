"""Charts: what is in the specification, what the words and tables beside them say, and where labels go."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tests.report import made
from thermoscope.report.charts import charts
from thermoscope.report.charts.contrasts import choices, header, table, turned, unchanged
from thermoscope.report.charts.drawing import DARK, LIGHT, Drawing, ticks, vega_lite
from thermoscope.report.charts.figures import (
    constant,
    curve_figure,
    estimated,
    frontier_figure,
    frontier_labels,
    frontier_numbers,
    interval,
)
from thermoscope.report.charts.labels import Label, _box, _covered, placed
from thermoscope.report.records.schema import Curve, Difference, Differences, Point, Report
from thermoscope.report.records.settings import neighbours
from thermoscope.statistics.verdicts import outcome_shown


def spec_of(drawing: Drawing) -> dict:
    return vega_lite(drawing.chart, [drawing], LIGHT)


def curve_spec(report: Report, curve: Curve) -> dict:
    """The specification of a measure that has one chart."""
    ((_, drawing),) = charts.curve_charts(report, curve, charts.series_of(report))
    return spec_of(drawing)


def encodings(spec: dict, channel: str) -> list[dict]:
    return [layer["encoding"][channel] for layer in spec["layer"] if channel in layer["encoding"]]


def test_a_curve_has_every_number_of_its_record():
    report = made.report()
    curve = report.curves[3]
    spec = curve_spec(report, curve)
    rows = spec["datasets"]["curve-perplexity"]
    assert [row["x"] for row in rows] == list(made.TEMPERATURES)
    for row, point in zip(rows, curve.points, strict=True):
        for name, value in (("mean", point.mean), ("low", point.low), ("b0", point.band_low), ("b1", point.band_high)):
            assert row[name] == pytest.approx(value, rel=1e-4)
    assert {y["scale"]["type"] for y in encodings(spec, "y")} == {"log"}


def test_a_share_begins_at_nought_and_ends_at_one_at_most():
    report = made.report()
    domain = encodings(curve_spec(report, report.curves[0]), "y")[0]["scale"]["domain"]
    assert domain[0] == 0
    assert max(p.band_high for p in report.curves[0].points) <= domain[1] <= 1


def test_series_differ_in_colour_and_in_shape_and_dash():
    report = made.two_runs()
    spec = curve_spec(report, report.curves[0])
    for channel in ("color", "shape", "strokeDash"):
        scale = encodings(spec, channel)[0]["scale"]
        assert scale["domain"] == ["stories", "explanations"]
        assert len({json.dumps(value) for value in scale["range"]}) == 2
        assert encodings(spec, channel)[0]["legend"] is None  # the page has one for all charts


def test_many_series_are_small_multiples_with_the_same_axes():
    report = made.grid()
    panels = charts.curve_charts(report, report.curves[0], charts.series_of(report))
    assert [name for name, _ in panels] == ["top_k=5", "top_k=20", "top_k=50"]
    specs = [spec_of(drawing) for _, drawing in panels]
    for channel in ("x", "y"):
        assert len({json.dumps(encodings(spec, channel)[0]["scale"]) for spec in specs}) == 1
    for n, (name, drawing) in enumerate(panels):
        (rows,) = drawing.data.values()
        assert {row["series"] for row in rows} == {name}
        assert encodings(specs[n], "color")[0]["scale"] == encodings(specs[0], "color")[0]["scale"]


def test_a_shape_and_a_colour_mean_one_thing_on_a_page():
    series = charts.Series(tuple(map(str, range(30))))
    looks = [series.look(name) for name in series.names]
    assert not {shape for _, shape, _ in looks} & {shape for shape, _ in charts.TOLD_LOOKS.values()}
    assert len({(colour, shape) for colour, shape, _ in looks}) == 30
    report = made.two_runs()
    found = report.differences[0]
    told = spec_of(charts.differences_chart(report, found, choices(report, found)[0]))
    assert {colour["expr"] for colour in encodings(told, "color")[0]["scale"]["range"]} == {"ink", "soft"}
    frontier = spec_of(charts.frontier_chart(report, report.frontier, charts.series_of(report)))
    curve = curve_spec(report, report.curves[0])
    for channel in ("color", "shape"):
        assert encodings(frontier, channel)[0]["scale"] == encodings(curve, channel)[0]["scale"]


def test_a_measure_that_does_not_change_is_one_line():
    report = made.report(made.settings(temperatures=(0.3, 0.9)), prompts=2, seeds=2)
    points = tuple(Point(n, 0.0, 0.0, 0.1 + n / 10, None, None, 2, 4) for n in range(2))
    curve = Curve("loop_rate", "", "share", "more repetitive", "loops", points)
    assert constant(report, curve) == "loop_rate: 0 at every setting (95% intervals within 0 to 0.200)."
    assert constant(report, report.curves[0]) == ""
    assert constant(made.one_setting(), made.one_setting().curves[0]) == ""
    nothing = Difference(0, 1, 0.0, None, None, None, None, 2, 4, "unknown")
    assert unchanged(Differences("loop_rate", "difference", (nothing,))) == (
        "loop_rate: no difference between any two settings."
    )
    assert unchanged(report.differences[0]) == ""


def test_a_band_that_stops_says_why():
    report = made.report(made.settings(temperatures=(0.3, 0.6, 0.9)), prompts=2, seeds=2)
    first, *rest = report.curves[0].points
    bare = {"low": None, "high": None, "band_low": None, "band_high": None}
    curve = replace(
        report.curves[0], points=(first, *(replace(p, **bare, units=u) for p, u in zip(rest, (12, 1), strict=True)))
    )
    assert curve_figure(report, curve).caption.endswith(
        "The band stops at T=0.6, where all values are the same; the band stops at T=0.9, where fewer than two "
        "prompts have a value."
    )
    assert "stops" not in curve_figure(report, report.curves[0]).caption


def test_colours_are_parameters_that_light_and_dark_have_in_common():
    assert LIGHT.keys() == DARK.keys()
    spec = curve_spec(made.two_runs(), made.two_runs().curves[0])
    named = {param["name"] for param in spec["params"]}
    assert named == LIGHT.keys()
    assert "#" not in json.dumps(spec["layer"])


def test_settings_without_an_axis_are_rows_by_name():
    report = made.report(axis=None, prompts=1, seeds=1)
    spec = curve_spec(report, report.curves[0])
    assert encodings(spec, "y")[0]["sort"] == [setting.label for setting in report.settings]
    one = made.one_setting()
    assert encodings(curve_spec(one, one.curves[0]), "y")[0]["field"] == "setting"


def test_a_bound_that_is_unknown_is_left_out():
    report = made.report(prompts=1, seeds=1)
    bare = replace(report.curves[0], points=tuple(Point(n, 0.0, None, None, None, None, 1, 1) for n in range(15)))
    rows = curve_spec(report, bare)["datasets"]["curve-rep_4"]
    assert {row["low"] for row in rows} == {None}
    assert curve_figure(report, bare).rows[0][1:3] == ("0", "unknown")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (2, 600, [3, 10, 30, 100, 300]),
        (0.8, 2.6, [1, 1.5, 2, 2.5]),
        (0.9, 1.1, [0.9, 0.95, 1, 1.05, 1.1]),
        (1e-4, 1e6, [1e-4, 1e-2, 1, 100, 1e4, 1e6]),
        (2, 90, [2, 5, 10, 20, 50]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_a_tables_numbers_are_the_records():
    report = made.report()
    figure = curve_figure(report, report.curves[3])
    for row, point in zip(figure.rows, report.curves[3].points, strict=True):
        assert row == (
            report.settings[point.setting].label,
            estimated(point.mean, point.low, point.high),
            interval(point.band_low, point.band_high),
            "12",
            "96",
        )
    assert len(figure.header) == 5


def test_the_words_of_a_curve_are_made_from_its_numbers():
    report = made.report(made.settings(temperatures=(0.1, 0.5, 0.9)), prompts=1, seeds=1)
    points = tuple(Point(n, mean, None, None, None, None, 1, 1) for n, mean in enumerate((2.0, 8.25, 4.5)))
    alt = curve_figure(report, Curve("perplexity", "", "log", "less likely", "exp of something", points)).alt
    assert alt == (
        "perplexity over temperature, log scale: exp of something. from 2.00 at T=0.1 to 4.50 at T=0.9; "
        "lowest 2.00 at T=0.1, highest 8.25 at T=0.5; 3 settings. The table below has all numbers."
    )


def test_the_words_of_the_frontier():
    report = made.report()
    figure = frontier_figure(report, report.frontier)
    best = [report.settings[p.setting].label for p in report.frontier.points if p.on_frontier]
    assert f"On the frontier: {', '.join(best)}." in figure.alt
    assert f"loop: {', '.join(r[0] for r in figure.rows if 'too many' in r[3])}." in figure.alt
    assert len(best) == 14  # T=1.5 is no more varied than T=1.4 and less likely
    spec = spec_of(charts.frontier_chart(report, report.frontier, charts.series_of(report)))
    rows = spec["datasets"]["frontier"]
    assert [row["on"] for row in rows] == [p.on_frontier for p in report.frontier.points]
    assert [row["label"].endswith(" (loops)") for row in rows] == [p.loops for p in report.frontier.points]
    assert all(row["label"] and row["wide"] and row["narrow"] for row in rows)


def test_points_with_long_names_are_numbered():
    report = made.grid()
    listed = frontier_numbers(report, report.frontier)
    assert [label for _, label in listed] == [setting.label for setting in report.settings]
    for label, point in zip(frontier_labels(report, report.frontier), report.frontier.points, strict=True):
        assert label == f"{point.setting + 1}" + (" (loops)" if point.loops else "")
    assert frontier_numbers(made.report(), made.report().frontier) == []


def test_neighbours_or_against_any_setting():
    report = made.report(made.settings(temperatures=(0.3, 0.1, 0.2)), prompts=1, seeds=1)
    found = report.differences[0]
    chosen = choices(report, found)
    assert [c.name for c in chosen] == ["neighbours", "against T=0.3", "against T=0.1", "against T=0.2"]
    assert chosen[0].names == ("T=0.1 → 0.2", "T=0.2 → 0.3")
    assert chosen[2].names == ("T=0.3", "T=0.2")
    stored = {(p.a, p.b): p for p in found.pairs}
    assert chosen[1].pairs == (stored[0, 1], stored[0, 2])
    assert chosen[2].pairs[0].effect == -stored[0, 1].effect
    assert (stored[0, 1].told, chosen[2].pairs[0].told) == ("higher", "lower")


def test_a_difference_from_the_other_side():
    pair = Difference(1, 2, 4.0, 2.0, 8.0, 1.25, 16.0, 12, 96, "higher")
    assert turned(pair, "ratio") == Difference(2, 1, 0.25, 0.125, 0.5, 1 / 16, 0.8, 12, 96, "lower")
    assert turned(turned(pair, "difference"), "difference") == pair
    unknown = replace(pair, low=None, high=None, band_low=None, band_high=None, told="unknown")
    assert turned(unknown, "ratio") == replace(unknown, a=2, b=1, effect=0.25)


def test_neighbours_are_in_one_series():
    report = made.grid()
    assert neighbours(report.settings) == [(n, n + 1) for n in range(11) if n % 4 != 3]
    assert choices(report, report.differences[0])[0].names[3] == "T=0.3 → 0.6, top_k=20"


def test_two_runs_are_compared_place_by_place():
    report = made.two_runs()
    (only,) = choices(report, report.differences[0])
    assert only.name == "explanations against stories"
    assert only.names == ("T=0.1", "T=0.4", "T=0.7", "T=1", "T=1.3")


def test_differences_in_words_and_in_a_table():
    report = made.report(made.settings(temperatures=(0.1, 0.2, 0.3, 0.4)), prompts=1, seeds=1)
    pairs = (
        Difference(0, 1, 0.5, 0.4, 0.6, 0.3, 0.7, 12, 96, "higher"),
        Difference(1, 2, -0.25, -0.4, -0.1, -0.5, -0.05, 12, 95, "lower"),
        Difference(2, 3, 0.0, -0.1, 0.1, -0.2, 0.2, 12, 94, "can't be told"),
    )
    found = Differences("rep_4", "difference", pairs)
    shown = choices(report, found)[0]
    assert shown.alt == (
        "Paired differences of rep_4, neighbours, compared with 0: higher in 1 of 3 (T=0.1 → 0.2); lower in 1 of 3 "
        "(T=0.2 → 0.3); no clear difference in 1 of 3 (T=0.3 → 0.4). Smallest −0.250 (T=0.2 → 0.3), largest "
        "0.500 (T=0.1 → 0.2). The table below has all numbers."
    )
    assert table(shown)[1] == ("T=0.2 → 0.3", "−0.250 (−0.400 to −0.100)", "−0.500 to −0.050", "12", "95", "lower")
    assert len(header(report, found)) == len(table(shown)[0])


def test_what_is_told_is_told_by_shape():
    report = made.report()
    found = report.differences[3]
    spec = spec_of(charts.differences_chart(report, found, choices(report, found)[0]))
    (shape,) = encodings(spec, "shape")
    assert len(set(shape["scale"]["range"])) == len(shape["scale"]["domain"]) == 4
    assert [row["told"] for row in spec["datasets"]["pairs"]] == [
        outcome_shown(p.told) for p in choices(report, found)[0].pairs
    ]
    low, high = (next(p["value"] for p in spec["params"] if p["name"] == name) for name in ("low", "high"))
    assert 0 < low < 1 < high


def test_labels_keep_off_points_lines_and_each_other():
    labels = [Label(f"T={n}", n / 14, math.sqrt(n / 14)) for n in range(15)]
    line = [(label.x, label.y) for label in labels]
    places = placed(labels, 600, 300, line)
    assert len(places) == len(labels)
    boxes = [_box(place, label.x * 600, (1 - label.y) * 300, 6.2 * len(label.text))
             for place, label in zip(places, labels, strict=True)]  # fmt: skip
    assert not [(a, b) for n, a in enumerate(boxes) for b in boxes[:n] if _covered(a, [b]) > 0]
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= 600 and box[3] <= 300 for box in boxes)


def test_every_point_has_a_label_even_where_there_is_no_room():
    assert len(placed([Label("a" * 200, 0.5, 0.5)], 600, 300)) == 1
    crowded = placed([Label(f"T={n}", 0.5, 0.5) for n in range(40)], 260, 380)
    assert len(set(crowded)) >= 10
    assert placed([Label("one", 0.5, 0.5)], 600, 300)[0] == placed([Label("one", 0.5, 0.5)], 600, 300)[0]
