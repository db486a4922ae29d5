"""How much a model thinks: passed on as it is, by the name that each engine has for it, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thermoscope.engines.export import Exported, export
from thermoscope.engines.reading import read
from thermoscope.engines.registry import ENGINES
from thermoscope.errors import InputError, ParameterError
from thermoscope.sampling.chain import settings_of
from thermoscope.settings.params import SamplingParams


def body(exported: Exported) -> dict[str, Any]:
    """The last request's body among the snippets."""
    texts = [one.text for one in exported.snippets if one.language == "json" and "request" in one.title]
    return dict(json.loads(texts[-1]))


@pytest.mark.parametrize(
    ("engine", "given", "fields"),
    [
        ("openai", {"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}),
        ("vllm", {"reasoning_effort": "max"}, {"reasoning_effort": "max"}),
        ("vllm", {"thinking_budget": 0}, {"thinking_token_budget": 0}),
        ("llama.cpp", {"thinking_budget": 9}, {"thinking_budget_tokens": 9}),
        ("sglang", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("ollama", {"reasoning_effort": "high"}, {"think": "high"}),
        ("ollama", {"reasoning_effort": "none"}, {"think": False}),
        ("text-generation-webui", {"reasoning_effort": "medium"}, {"reasoning_effort": "medium"}),
        ("anthropic", {"thinking_budget": 1024}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("anthropic", {"thinking_budget": 0}, {"thinking": {"type": "disabled"}}),
        ("anthropic", {"reasoning_effort": "xhigh"}, {"output_config": {"effort": "xhigh"}}),
    ],
)
def test_each_engine_has_its_own_name_for_it(engine: str, given: dict[str, Any], fields: dict[str, Any]) -> None:
    exported = export(SamplingParams(temperature=0.5, **given), engine, strict=True)
    sent = body(exported)
    assert {name: sent[name] for name in fields} == fields
    assert [v.kind for v in exported.verdicts] == ["exact", "exact"]


@pytest.mark.parametrize("engine", [name for name, of in ENGINES.items() if of.opaque])
def test_the_fields_of_a_request_have_every_opaque_parameter_beside_the_others(engine: str) -> None:
    given = {"reasoning_effort": "low", "thinking_budget": 2048}
    known = ENGINES[engine].opaque
    setting = SamplingParams(temperature=0.5, **{name: given[name] for name in known})
    fields = export(setting, engine).request_fields
    assert fields.pop("temperature") == 0.5 and "model" not in fields
    body = {ENGINES[engine].inside: fields} | fields
    assert {name: known[name].value(body) for name in known} == {name: given[name] for name in known}


def test_gemini_has_it_inside_its_configuration() -> None:
    params = SamplingParams(temperature=0.5, reasoning_effort="low", thinking_budget=512)
    config = body(export(params, "gemini"))["generationConfig"]
    assert config["temperature"] == 0.5
    assert config["thinkingConfig"] == {"thinkingLevel": "low", "thinkingBudget": 512}


@pytest.mark.parametrize("engine", [name for name, of in ENGINES.items() if of.opaque])
@pytest.mark.parametrize("given", [{"reasoning_effort": "low"}, {"thinking_budget": 2048}, {"thinking_budget": 0}])
def test_what_is_sent_in_one_body_comes_back(engine: str, given: dict[str, Any]) -> None:
    if not given.keys() <= ENGINES[engine].opaque.keys() or ENGINES[engine].opaque[next(iter(given))].request:
        return
    params = SamplingParams(temperature=0.5, **given)
    back = read(json.dumps(body(export(params, engine))), engine)
    assert back.params.given == params.given
    assert not {"thinking", "thinkingConfig", "reasoning_effort", "thinking_token_budget"} & set(back.aside)


def test_what_is_none_of_our_values_stays_aside() -> None:
    for value in (-1, 1.5, True, "many", {"a": 1}):
        back = read(json.dumps({"temperature": 0.5, "max_tokens": 3, "thinking_token_budget": value}), "vllm")
        assert back.params == SamplingParams(temperature=0.5, order=back.params.order)
        assert "thinking_token_budget" in back.aside
    back = read('{"temperature": 0.5, "reasoning_effort": "huge"}', "openai")
    assert back.params.reasoning_effort is None and back.aside == ("reasoning_effort",)


def test_an_engine_without_it_and_a_value_that_it_refuses_are_said() -> None:
    params = SamplingParams(reasoning_effort="minimal")
    (verdict,) = export(params, "mlx-lm").verdicts
    assert (verdict.parameter, verdict.kind) == ("reasoning_effort", "not there")
    (verdict,) = export(params, "anthropic").verdicts
    assert (verdict.kind, verdict.note) == ("different", "must be one of low, medium, high, xhigh and max there")
    (verdict,) = export(SamplingParams(thinking_budget=1023), "anthropic").verdicts
    assert (verdict.kind, verdict.note) == ("different", "must be at least 1024 there")
    with pytest.raises(InputError, match="reasoning_effort is not there"):
        export(params, "mlx-lm", strict=True)


def test_it_is_part_of_a_settings_identity_and_of_no_distribution() -> None:
    plain, low, high = (SamplingParams(reasoning_effort=level) for level in (None, "low", "high"))
    assert len({plain, low, high}) == len({plain.id, low.id, high.id}) == 3
    assert plain.id == SamplingParams().id
    assert SamplingParams.from_json(low.to_json()) == low
    assert str(low) == "temperature=1 reasoning_effort=low"
    assert low.active_stages == plain.active_stages


def test_values_have_their_rules() -> None:
    with pytest.raises(ParameterError, match=r"must be one of 'none', .* got 'hard'; write low, medium or high"):
        SamplingParams(reasoning_effort="hard")  # type: ignore[arg-type]
    for wrong in (-1, 0.5, True, "9"):
        with pytest.raises(ParameterError, match="thinking_budget must be"):
            SamplingParams(thinking_budget=wrong)  # type: ignore[arg-type]


def test_a_model_that_runs_here_refuses_it() -> None:
    with pytest.raises(ParameterError, match=r"thinking_budget is for models behind an endpoint; got 3 .*chat-option"):
        settings_of(SamplingParams(thinking_budget=3), 100)
    assert settings_of(SamplingParams(thinking_budget=3)) == [SamplingParams(thinking_budget=3)]
