from tests.report.records.made import source
from thermoscope.report.records.settings import axis_of, listed, stages_of, value_on_axis
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams


def settings(**values: list) -> list[SamplingParams]:
    name, given = next(iter(values.items()))
    return [SamplingParams(**{name: value}) for value in given]


def test_the_axis_is_the_parameter_with_the_most_numbers() -> None:
    grid = [SamplingParams(temperature=t, top_p=p) for t in (0.5, 0.7, 0.9) for p in (0.9, None)]
    assert axis_of(grid) == "temperature"
    grid = [SamplingParams(temperature=t, top_p=p) for t in (0.5, 0.7) for p in (0.8, 0.9, None)]
    assert axis_of(grid) == "top_p"
    assert axis_of(varied({"order": ["transformers", "llama.cpp"]}, SamplingParams(temperature=0.5, top_p=0.9))) is None
    assert axis_of([SamplingParams(temperature=0.7)]) == "temperature"


def test_what_is_off_stands_where_it_would_do_nothing() -> None:
    assert [value_on_axis(s, "top_p") for s in settings(top_p=[0.5, None])] == [0.5, 1.0]
    assert [value_on_axis(s, "min_p") for s in settings(min_p=[0.1, None])] == [0.1, 0.0]
    assert [value_on_axis(s, "top_k") for s in settings(top_k=[20, None])] == [20.0, None]


def test_labels_series_and_runs() -> None:
    grid = [SamplingParams(temperature=t, top_p=p) for t in (0.5, 0.7, 0.9) for p in (0.9, None)]
    axis, one = listed([source(grid)], ["stories"])
    assert axis == "temperature"
    assert [(s.label, s.x, s.series) for s in one[:2]] == [
        ("T=0.5 top_p=0.9", 0.5, "top_p=0.9"),
        ("T=0.5 top_p off", 0.5, "top_p off"),
    ]
    plain = [SamplingParams(temperature=t) for t in (0.5, 0.7)]
    _, two = listed([source(plain), source(plain)], ["a", "b"])
    assert [(s.run, s.label, s.series) for s in two] == [
        (0, "T=0.5 (a)", "a"), (0, "T=0.7 (a)", "a"), (1, "T=0.5 (b)", "b"), (1, "T=0.7 (b)", "b"),
    ]  # fmt: skip


def test_stages_stand_in_their_order_with_their_values() -> None:
    assert stages_of(SamplingParams()) == ("temperature=1",)
    chosen = SamplingParams(temperature=0.7, top_k=20, repetition_penalty=1.1)
    assert stages_of(chosen) == ("repetition_penalty=1.1", "temperature=0.7", "top_k=20")
    assert stages_of(chosen.replace(order="llama.cpp")) == ("repetition_penalty=1.1", "top_k=20", "temperature=0.7")
