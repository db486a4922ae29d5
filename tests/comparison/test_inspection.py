"""``inspect``: one distribution stage by stage."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.fakes import FakeModel
from thermoscope import InputError, SamplingParams, inspect, inspect_temperatures, probabilities
from thermoscope.decode.generate import generate
from thermoscope.report.forms import render
from thermoscope.report.terminal.inspection import print_inspection


def test_each_column_is_the_chain_up_to_there() -> None:
    model = FakeModel()
    params = SamplingParams(temperature=0.7, top_k=20, top_p=0.8, repetition_penalty=1.5)
    found = inspect(model, "Once", params)
    assert [stage.stage for stage in found.stages] == ["model", "repetition", "temperature", "top_k", "top_p"]
    assert [stage.does for stage in found.stages][1:3] == ["repetition_penalty=1.5", "temperature=0.7"]
    logits = model.next_token_logits("Once")[None].double()
    context = {"prompt_ids": [model.encode("Once")]}
    parts = [
        SamplingParams(), SamplingParams(repetition_penalty=1.5),
        SamplingParams(repetition_penalty=1.5, temperature=0.7),
        params.replace(top_p=None), params,
    ]  # fmt: skip
    for number, part in enumerate(parts):
        p = probabilities(logits, part, **context)[0]
        view = found.stages[number]
        assert view.survivors == int((p > 0).sum())
        assert view.entropy_nats == pytest.approx(float(-(p * p.clamp(min=1e-300).log()).sum()))
        for token in found.tokens:
            assert token.probabilities[number] == pytest.approx(float(p[token.token_id]))
    before = probabilities(logits, params.replace(top_p=None), **context)[0]
    after = probabilities(logits, params, **context)[0]
    assert found.stages[-1].removed_mass == pytest.approx(float(before[after == 0].sum()))


def test_ranks_are_the_models_own_and_the_drawn_token_is_there() -> None:
    model = FakeModel()
    found = inspect(model, "Once", SamplingParams(temperature=3.0), seed=5, tokens=4)
    own = torch.softmax(model.next_token_logits("Once").double(), dim=-1)
    assert [token.rank for token in found.tokens] == [1 + int((own > own[t.token_id]).sum()) for t in found.tokens]
    assert len(found.tokens) == 4
    assert found.drawn in [token.token_id for token in found.tokens]
    assert found.drawn == generate(model, "Once", SamplingParams(temperature=3.0), seeds=[5])[0].token_ids[0]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=1.3, frequency_penalty=0.8),
        SamplingParams(mirostat_tau=3.0, mirostat_eta=0.9),
        SamplingParams(xtc_probability=0.5, xtc_threshold=0.02),
        SamplingParams(dry_multiplier=2.0, no_repeat_ngram_size=2),
    ],
    ids=str,
)
def test_along_a_text_the_token_drawn_is_the_texts(params: SamplingParams) -> None:
    model = FakeModel(memory=2)
    text = generate(model, "Once", params, seeds=[4], max_new_tokens=20)[0]
    for step in (0, 1, 7, 13):
        found = inspect(model, "Once", params, seed=4, at_step=step)
        assert found.step == step
        assert found == inspect(model, "Once", params, seed=4, at_step=np.int64(step))
        assert found.drawn == text.token_ids[step]
        drawn = next(token for token in found.tokens if token.token_id == found.drawn)
        assert drawn.rank == text.ranks[step]
        assert drawn.probabilities[0] == pytest.approx(math.exp(text.logprobs[step]), rel=1e-5)
        assert found.stages[0].entropy_nats == pytest.approx(text.entropies[step], abs=1e-5)
        last = drawn.probabilities[-1]
        assert last == pytest.approx(torch.tensor(text.drawn_logprobs[step]).exp().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"at_step": -1}, "at_step must be a whole number of at least 0; got -1"),
        ({"at_step": True}, "at_step must be a whole number"),
        ({"at_step": 1.0}, "at_step must be a whole number"),
        ({"at_step": np.int64(-1)}, "at_step must be a whole number"),
        ({"tokens": 0}, "tokens must be a whole number of at least 1"),
        ({"seed": -1}, "a seed must be from 0"),
        ({"params": 0.7}, "params must be SamplingParams; got 0.7"),
    ],
)
def test_bad_input(how: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as caught:
        inspect(FakeModel(), "Once", **how)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_a_text_that_ends_before() -> None:
    with pytest.raises(InputError, match=r"at_step must be within the text; got 50, but it ends by itself after \d+"):
        inspect(FakeModel(end_bias=12.0), "Once", at_step=50)


def test_a_step_beyond_the_context_names_what_was_asked_and_what_fits() -> None:
    model = FakeModel(context_length=20)
    prompt = len(model.encode("Once"))
    with pytest.raises(InputError) as caught:
        inspect(model, "Once", at_step=600)
    assert str(caught.value) == (
        f"at_step and the prompt of {prompt} tokens must fit the context of 20 tokens; got at_step 600; "
        f"use at most {20 - prompt}"
    )
    assert inspect(model, "Once", at_step=20 - prompt).step == 20 - prompt


def test_numpys_whole_numbers_are_whole_numbers() -> None:
    model = FakeModel()
    found = inspect(model, "Once", at_step=np.int64(1), seed=3)  # type: ignore[arg-type]
    same = inspect(model, "Once", at_step=1, seed=3)
    assert (found.step, found.text, found.drawn) == (1, same.text, same.drawn)
    assert json.loads(found.to_json())["step"] == 1


def printed(params: SamplingParams, *, width: int = 80, encoding: str = "utf-8") -> str:
    import io

    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)
    print_inspection(inspect(FakeModel(), "Once é", params), Console(file=file, width=width, color_system=None))
    file.seek(0)
    return file.read()


def test_the_terminal() -> None:
    params = SamplingParams(
        temperature=0.7, top_k=9, top_p=0.9, min_p=0.01, repetition_penalty=1.1, xtc_probability=0.5, typical_p=0.9
    )
    for width in (80, 60, 140):
        text = printed(params, width=width)
        assert max(map(len, text.splitlines())) <= width
        for name in ("model", "repetition", "temperature", "top_k", "top_p", "min_p", "typical_p", "xtc"):
            assert name in text
        assert "█" in text
        assert "XTC acts at this step." in text or "XTC does not act at this step." in text
    plain = printed(params, encoding="ascii")
    assert plain.isascii() and "#" in plain


def test_json() -> None:
    record = json.loads(inspect(FakeModel(), "Once", SamplingParams(top_k=3)).to_json())
    assert record["format"] == "thermoscope.inspection/1"
    assert record["stages"][1]["survivors"] == 3
    assert record["params"]["top_k"] == 3


def test_one_distribution_at_several_temperatures_is_each_ones_own() -> None:
    model = FakeModel()
    params = SamplingParams(top_k=20, repetition_penalty=1.3)
    found = inspect_temperatures(model, "Once", [0.2, 0.7, 1.5], params, seed=3, tokens=8)
    logits = model.next_token_logits("Once")[None].double()
    for n, view in enumerate(found.temperatures):
        setting = params.replace(temperature=view.temperature)
        p = probabilities(logits, setting, prompt_ids=[model.encode("Once")])[0]
        for token in found.tokens:
            assert token.probabilities[n] == pytest.approx(float(p[token.token_id]))
        assert view.survivors == int((p > 0).sum())
        alone = inspect(model, "Once", setting, seed=3)
        assert (view.drawn, view.entropy_nats) == (alone.drawn, alone.stages[-1].entropy_nats)
        assert view.drawn in [token.token_id for token in found.tokens]
    assert [view.temperature for view in found.temperatures] == [0.2, 0.7, 1.5]
    entropies = [view.entropy_nats for view in found.temperatures]
    assert entropies == sorted(entropies)
    assert len(found.tokens) == 8
    record = json.loads(found.to_json())
    assert record["format"] == "thermoscope.temperatures/1"
    assert "-t 0.2 -t 0.7 -t 1.5" in found.ran.command


def test_all_temperatures_look_at_the_text_of_the_first() -> None:
    model = FakeModel(memory=2)
    found = inspect_temperatures(model, "Once", [0.4, 1.8], seed=4, at_step=6)
    first = inspect(model, "Once", SamplingParams(temperature=0.4), seed=4, at_step=6)
    assert (found.text, found.step) == (first.text, 6)
    assert found.temperatures[0].drawn == first.drawn


@pytest.mark.parametrize(
    ("temperatures", "said"),
    [
        ([], "temperatures must not be empty"),
        ([0.7, 0.7], "each temperature may be given once"),
        ([0.7, -1.0], "temperature must be"),
    ],
)
def test_temperatures_that_break_a_rule(temperatures: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        inspect_temperatures(FakeModel(), "Once", temperatures)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_temperatures_are_printed_with_bars_of_one_scale(width: int) -> None:
    import io

    found = inspect_temperatures(FakeModel(), "Once", [0.1, 0.7, 1.5])
    file = io.StringIO()
    print_inspection(found, Console(file=file, width=width, color_system=None))
    lines = file.getvalue().splitlines()
    tables = [line for line in lines if line.lstrip().split(" ")[0].isdecimal()]
    assert all(len(line) <= width for line in lines[: lines.index("What ran")])
    top = max(found.tokens, key=lambda token: token.probabilities[0])
    longest = max(tables, key=lambda line: line.count("█"))
    assert repr(top.text)[1:-1].strip() in longest
    assert all(f"T={t}" in "".join(lines) for t in ("0.1", "0.7", "1.5"))
    assert any("the same noise at every temperature, draws" in line for line in lines)


def test_pages_of_inspections_have_a_bar_for_every_probability_and_escape_everything() -> None:
    hostile = "<img src=x>\u202e {{ 7*7 }}"
    for found in (
        inspect_temperatures(FakeModel(), hostile, [0.1, 1.5]),
        inspect(FakeModel(), hostile, SamplingParams(top_k=5)),
    ):
        page = render(found, "html")
        assert isinstance(page, str)
        assert "<img" not in page and "\u202e" not in page
        columns = len(found.tokens[0].probabilities)
        widths = re.findall(r'class="bar" style="width: ([\d.]+)%"', page)
        most = max(p for token in found.tokens for p in token.probabilities)
        expected = [100 * p / most for token in found.tokens for p in token.probabilities]
        assert [float(width) for width in widths] == pytest.approx(expected, abs=0.006)
        assert len(widths) == columns * len(found.tokens)
        assert 'data-copy="command"' in page
        assert render(found, "json") == found.to_json() + "\n"
