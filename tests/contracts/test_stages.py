"""What every stage of sampling must have and keep, over the registry: an entry that lacks a part fails here."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from thermoscope import SamplingParams, generate, probabilities, spectrum
from thermoscope.engines.export import export
from thermoscope.engines.registry import ENGINES
from thermoscope.errors import InputError
from thermoscope.models.load import load_model
from thermoscope.sampling import passes
from thermoscope.sampling.chain import process
from thermoscope.sampling.stages import FUNCTIONS
from thermoscope.settings import params as module
from thermoscope.settings.stages import INERT, PARAMETERS, SHAPES, STAGES, Stage

DOCS = Path(__file__).parents[2] / "docs"
#: Values with which each stage acts on the logits below. A stage without an entry here fails its tests.
ACTING: dict[str, dict[str, Any]] = {
    "logit_bias": {"logit_bias": {3: 4.0, 7: -6.0}},
    "encoder_repetition": {"encoder_repetition_penalty": 1.7},
    "repetition": {"repetition_penalty": 1.7},
    "penalties": {"presence_penalty": 1.0, "frequency_penalty": 0.5},
    "no_repeat_ngram": {"no_repeat_ngram_size": 2},
    "min_new_tokens": {"min_new_tokens": 9},
    "dry": {"dry_multiplier": 1.5},
    "top_n_sigma": {"top_n_sigma": 1.0},
    "min_k": {"min_k": 3.0},
    "temperature": {"temperature": 0.6},
    "smoothing": {"smoothing_factor": 0.3, "smoothing_curve": 2.0},
    "top_k": {"top_k": 5},
    "top_p": {"top_p": 0.7},
    "min_p": {"min_p": 0.2},
    "p_less": {"p_less": 2.0},
    "top_h": {"top_h": 0.4},
    "typical_p": {"typical_p": 0.6},
    "epsilon_cutoff": {"epsilon_cutoff": 0.03},
    "eta_cutoff": {"eta_cutoff": 0.1},
    "top_a": {"top_a": 0.3},
    "xtc": {"xtc_probability": 1.0, "xtc_threshold": 0.05},
    "mirostat": {"mirostat_tau": 1.5},
    "adaptive_p": {"adaptive_target": 0.4},
}
#: Parameters that shape a stage and have no default: all tokens count.
_WINDOWS = {"repetition_last_n", "penalties_last_n", "dry_last_n"}
ROWS, VOCABULARY = 12, 40
PROMPT, OUTPUT = [3, 7, 9], [1, 3, 7, 2, 3, 7]
every_stage = pytest.mark.parametrize("stage", list(STAGES.values()), ids=list(STAGES))


def logits(seed: int = 0) -> torch.Tensor:
    return 2.5 * torch.randn(ROWS, VOCABULARY, generator=torch.Generator().manual_seed(seed))


def after(stage: Stage, of: torch.Tensor, rows: int | None = None, **values: Any) -> torch.Tensor:
    """Processed logits (R, V), -inf where removed, of one stage alone."""
    count = len(of) if rows is None else rows
    setting = SamplingParams(**(values or ACTING[stage.name]))
    out = torch.full((count, of.shape[1]), float("-inf"), dtype=torch.float64)
    parts = process(
        of, [setting] * count, prompt_ids=[PROMPT] * count, output_ids=[OUTPUT] * count,
        drawn_logprobs=[[-1.0] * len(OUTPUT)] * count, coins=torch.full((count,), 0.5), end_ids=[0, 5],
    )  # fmt: skip
    for part in parts:
        left = part.tempered()
        ids = torch.arange(of.shape[1]).expand_as(left) if part.ids is None else part.ids
        for row, columns, kept in zip(part.rows.tolist(), ids, left, strict=True):
            there = kept > float("-inf")
            out[row, columns[there]] = kept[there]
    return out


@every_stage
def test_it_has_every_part(stage: Stage) -> None:
    assert stage.name in FUNCTIONS
    assert stage.name in ACTING
    assert stage.rule
    assert stage.parameters
    assert [p.name for p in stage.parameters if p.shapes is None], "a stage needs a parameter that switches it on"
    for p in stage.parameters:
        assert p.fix, p.name
        assert p.domain, p.name
        assert p.metavar.isupper(), p.name
        assert p.help[0].isupper(), p.name
        assert p.help.endswith((".", "]")), p.name
        assert p.shapes is None or p.shapes in stage.names, p.name
    if "refused" in (stage.before, stage.after):
        assert stage.reason


def test_the_class_and_the_table_agree() -> None:
    """The fields, and the parameters that type checkers see, are those of the table."""
    assert set(PARAMETERS) | {"order"} == set(SamplingParams.model_fields)
    (cls,) = [n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.ClassDef)]
    (guard,) = [node for node in cls.body if isinstance(node, ast.If)]
    (init,) = [node for node in guard.body if isinstance(node, ast.FunctionDef)]
    shown = {a.arg: default for a, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)}
    assert list(shown) == list(SamplingParams.model_fields)
    for name, default in shown.items():
        if name != "order":
            assert ast.literal_eval(default) == SamplingParams.model_fields[name].default, name
    off = {name for name in PARAMETERS if SamplingParams.model_fields[name].default is None}
    assert off == set(PARAMETERS) - set(SHAPES) - {"temperature"} | {"dry_breakers", *_WINDOWS}
    assert inspect.getdoc(SamplingParams) is not None
    assert all(name in inspect.getdoc(SamplingParams) for name in PARAMETERS)  # type: ignore[operator]


@every_stage
def test_it_is_documented_and_on_the_command_line(stage: Stage, cli: Callable[..., Any]) -> None:
    assert f"| `{stage.name}` |" in (DOCS / "stages.md").read_text(encoding="utf-8")
    shown = cli("compare", "--help").out
    for name in stage.names:
        assert f"--{name.replace('_', '-')}" in shown, name


@every_stage
def test_values_that_do_nothing_change_nothing(stage: Stage) -> None:
    for name in stage.names:
        if name in INERT:
            out, before = after(stage, logits(), **{name: INERT[name]}), logits().double()
            torch.testing.assert_close(out - out.amax(dim=-1, keepdim=True), before - before.amax(dim=-1, keepdim=True))


@every_stage
def test_it_acts_and_its_flags_are_true(stage: Stage) -> None:
    before, out = logits().double(), after(stage, logits())
    gone = out == float("-inf")
    assert not torch.equal(before, out)
    assert (~gone).any(dim=-1).all(), "at least one token survives"
    assert bool(gone.any()) == stage.truncates
    if stage.truncates:
        assert torch.equal(out[~gone], before[~gone]), "what stays keeps its logit"
    if stage.keeps_order:
        assert torch.equal(out.argsort(dim=-1), before.argsort(dim=-1))
    if stage.keeps_best:
        assert torch.equal(out.argmax(dim=-1), before.argmax(dim=-1))
    if stage.additive:
        assert torch.allclose(out - before, after(stage, logits() + 1.0) - (before + 1.0), atol=1e-5)


@every_stage
def test_what_was_removed_stays_removed(stage: Stage) -> None:
    of = logits(1)
    of[:, ::3] = float("-inf")
    assert (after(stage, of)[:, ::3] == float("-inf")).all()


@every_stage
@pytest.mark.parametrize("width", [1, 2, 3])
def test_few_tokens_and_ties(stage: Stage, width: int) -> None:
    """One, two and three tokens, equal and not: something is left and it is a distribution."""
    if stage.by_token:
        return  # their tokens are not there; test_filters_by_hand covers them
    setting = SamplingParams(**ACTING[stage.name])
    for row in ([0.0] * width, [float(-i) for i in range(width)]):
        p = probabilities(torch.tensor([row]), setting)
        assert float(p.sum()) == pytest.approx(1)


@every_stage
def test_a_row_alone_is_the_row_in_a_batch(stage: Stage) -> None:
    of = logits(2)
    together = after(stage, of)
    for row in range(ROWS):
        assert torch.equal(after(stage, of[row : row + 1])[0], together[row])


@every_stage
def test_the_plain_path_is_the_compiled_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    of = torch.cat([logits(3)] * 60, dim=1)[:, :2000]  # wide enough for the compiled path
    compiled = after(stage, of)
    monkeypatch.setattr(passes, "compiled_for", lambda _: False)
    monkeypatch.setattr(passes, "drawn_by_loops", lambda _: False)
    plain = after(stage, of)
    assert torch.equal(compiled == float("-inf"), plain == float("-inf"))
    torch.testing.assert_close(compiled, plain, rtol=1e-6, atol=1e-6)


@every_stage
def test_every_engine_has_a_verdict_on_it(stage: Stage) -> None:
    setting = SamplingParams(**ACTING[stage.name])
    for engine in ENGINES:
        said = {verdict.parameter: verdict for verdict in export(setting, engine).verdicts}
        for name in set(setting.given) - set(SHAPES):
            verdict = said[name]
            assert verdict.kind in ("exact", "exact with an explicit order", "different", "not there"), (engine, name)
            assert verdict.kind.startswith("exact") or verdict.note, (engine, name)


@pytest.mark.slow
@every_stage
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_spectrum_admits_it_exactly_or_refuses_it_with_the_reason(stage: Stage, place: str) -> None:
    if stage.name == "temperature":
        return
    model = load_model()
    order = [stage.name, "temperature"] if place == "before" else ["temperature", stage.name]
    setting = SamplingParams(**ACTING[stage.name], order=order)
    admitted = (stage.before if place == "before" else stage.after) != "refused"
    if not admitted:
        with pytest.raises(InputError, match=r"spectrum can.t have the stage") as caught:
            spectrum(model, "Once", params=setting, temperature=(0.3, 1.3), max_new_tokens=6)
        assert stage.reason in str(caught.value)
        return
    (tree,) = spectrum(model, "Once", params=setting, temperature=(0.3, 1.3), max_new_tokens=6)
    for temperature in (0.37, 0.61, 0.83, 1.02, 1.27):
        (text,) = generate(model, "Once", setting.replace(temperature=temperature), max_new_tokens=6)
        assert tree.at(temperature).token_ids == text.token_ids
