"""What is exported and the verdicts on it; transformers asked whether it is so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.fakes import FakeModel
from thermoscope import InputError, SamplingParams, probabilities
from thermoscope.engines.dialect import conflicts
from thermoscope.engines.distance import distance, distributions_of, run
from thermoscope.engines.effect import Distance, EngineSetting
from thermoscope.engines.export import export
from thermoscope.engines.registry import ENGINES
from thermoscope.engines.verdict import judge
from thermoscope.settings.stages import STAGE_OF, STAGES

EVERYTHING = SamplingParams(
    logit_bias={3: 1.5}, repetition_penalty=1.2, presence_penalty=0.5, frequency_penalty=0.25, no_repeat_ngram_size=3,
    dry_multiplier=0.8, top_n_sigma=2.0, temperature=0.7, top_k=30, top_p=0.9, min_p=0.02, typical_p=0.95,
    epsilon_cutoff=3e-4, eta_cutoff=2e-3, top_a=0.1, xtc_probability=0.3, mirostat_tau=4.0,
)  # fmt: skip


def kinds(params: SamplingParams, engine: str) -> dict[str, str]:
    return {verdict.parameter: verdict.kind for verdict in export(params, engine).verdicts}


# --- what every dialect must do -------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_every_parameter_gets_a_verdict(engine: str) -> None:
    found = kinds(EVERYTHING, engine)
    assert set(EVERYTHING.given) <= set(found)
    for name, kind in found.items():
        if name != "order":
            absent = name not in ENGINES[engine].names
            assert (kind == "not there") is absent, name


@pytest.mark.parametrize("engine", ENGINES)
def test_every_neutral_value_is_written_out(engine: str) -> None:
    dialect = ENGINES[engine]
    exported = export(SamplingParams(), engine)
    assert exported.exact
    assert exported.verdicts == ()
    shown = next(s.text for s in exported.snippets if s.language == "json" or len(exported.snippets) == 1)

    def written(field: str) -> bool:
        return f'"{field}"' in shown or f"--{field} " in shown

    assert [field for field, value in dialect.neutral.items() if value is not None and not written(field)] == []
    for value in dialect.defaults:  # what would bite is switched off
        assert written(dialect.names[value])


@pytest.mark.parametrize("engine", ENGINES)
def test_names_are_parameters_and_stages_of_ours(engine: str) -> None:
    dialect = ENGINES[engine]
    assert set(dialect.names) <= set(STAGE_OF)
    assert {STAGE_OF[name] for name in dialect.names} <= set(dialect.order) <= set(STAGES)
    assert dialect.version and dialect.source


@pytest.mark.parametrize("engine", ENGINES)
def test_temperature_alone_is_exact_everywhere(engine: str) -> None:
    assert export(SamplingParams(temperature=0.7), engine).exact
    assert export(SamplingParams(temperature=0.7, top_p=1.0, min_p=0.0, repetition_penalty=1.0), engine).exact
    assert export(SamplingParams(temperature=0), engine).exact


@pytest.mark.parametrize("engine", ENGINES)
def test_exact_is_what_the_engine_runs(engine: str) -> None:
    """An export that is called exact runs, in our terms, what we run: same distribution on random logits."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 60, generator=generator).double() * 3
    context = {"prompt_ids": [[1, 2, 3, 1]] * 4, "output_ids": [[4, 1, 2]] * 4, "drawn_logprobs": [[-1.0] * 3] * 4}
    checked = 0
    for values in (
        {"temperature": 0.5}, {"top_p": 0.8},
        {"temperature": 1.5, "top_k": 9}, {"temperature": 1.5, "top_p": 0.8}, {"top_k": 9, "min_p": 0.1},
        {"top_k": 9, "top_p": 0.8, "min_p": 0.1}, {"temperature": 1.5, "top_n_sigma": 1.0},
        {"temperature": 0.5, "top_p": 0.8, "order": "llama.cpp"}, {"repetition_penalty": 1.3, "temperature": 0.5},
        {"temperature": 0, "top_p": 0.5}, {"temperature": 1.2, "typical_p": 0.5, "top_p": 0.9},
    ):  # fmt: skip
        params = SamplingParams(**values)
        verdicts, theirs = judge(params, ENGINES[engine])
        if all(verdict.exact for verdict in verdicts):
            checked += 1
            assert theirs.repetition_counts_prompt or params.repetition_penalty is None
            torch.testing.assert_close(
                probabilities(logits, params, **context), probabilities(logits, theirs.params, **context)
            )
    assert checked


# --- particular facts -----------------------------------------------------------------------------------------


def test_the_order_of_vllm_is_different_where_it_matters() -> None:
    found = kinds(SamplingParams(temperature=0.7, top_k=20, top_p=0.9, min_p=0.1), "vllm")
    assert found == {
        "temperature": "exact", "top_k": "exact", "top_p": "different", "min_p": "different", "order": "different"
    }  # fmt: skip
    assert export(SamplingParams(temperature=0.7, top_k=20, min_p=0.1), "vllm").exact  # these two commute
    assert export(SamplingParams(temperature=0.7, min_p=0.1, top_p=0.9, order="vllm"), "vllm").exact


def test_sglang_takes_top_k_and_top_p_jointly_and_counts_no_prompt() -> None:
    """p = .6 .2 .2, k = 2, p = .7: one token in sequence (.75), two jointly."""
    params = SamplingParams(top_k=2, top_p=0.7)
    verdicts, theirs = judge(params, ENGINES["sglang"])
    assert verdicts[-1].parameter == "order"
    logits = torch.tensor([[0.6, 0.25, 0.15]], dtype=torch.float64).log()
    assert probabilities(logits, params)[0].tolist() == pytest.approx([1, 0, 0])  # .6 of .85 is .706
    assert probabilities(logits, theirs.params)[0].tolist() == pytest.approx([0.6 / 0.85, 0.25 / 0.85, 0])
    (verdict,) = export(SamplingParams(repetition_penalty=1.2), "sglang").verdicts
    assert (verdict.kind, verdict.note) == ("different", "counts generated tokens alone, not the prompt")


def test_llama_cpp_gets_an_explicit_chain() -> None:
    exported = export(SamplingParams(temperature=0.7, top_p=0.9), "llama.cpp")
    assert {v.kind for v in exported.verdicts} == {"exact with an explicit order"}
    flags = next(s.text for s in exported.snippets if s.language == "shell")
    chain = flags.split("--samplers '")[1].split("'")[0].split(";")
    assert chain.index("temperature") < chain.index("top_p")
    assert set(chain) == {"penalties", "dry", "top_n_sigma", "temperature", "top_k", "top_p", "min_p", "typ_p", "xtc"}
    assert "--top-k 0" in flags and "--min-p 0" in flags
    assert {
        v.kind for v in export(SamplingParams(temperature=0.7, top_p=0.9, order="llama.cpp"), "llama.cpp").verdicts
    } == {"exact"}


def test_a_request_to_llama_cpp_has_no_empty_list_of_breakers() -> None:
    """Its server refuses one: without DRY the field is left out, with it one stands there that no text has."""
    off, on = (json.loads(export(SamplingParams(dry_multiplier=x), "llama.cpp").snippets[1].text) for x in (None, 0.8))
    assert "dry_sequence_breakers" not in off
    assert on["dry_sequence_breakers"] == ["\x1f"]


@pytest.mark.parametrize(
    ("values", "engine", "parameter", "note"),
    [
        ({"temperature": 2.5}, "vllm", "temperature", "must be from 0.01 to 2 there; 2.5 is refused or becomes 2"),
        ({"temperature": 0.001}, "vllm", "temperature", "becomes 0.01"),
        ({"temperature": 1.5}, "anthropic", "temperature", "must be from 0 to 1 there"),
        ({"presence_penalty": 3}, "openai", "presence_penalty", "must be from -2 to 2 there"),
        ({"repetition_penalty": 2.5}, "sglang", "repetition_penalty", "must be from 0 to 2 there"),
        ({"frequency_penalty": 1}, "tgi", "frequency_penalty", "has another formula"),
        ({"presence_penalty": 1}, "ollama", "presence_penalty", "counts the prompt as well"),
        ({"mirostat_tau": 5, "top_k": 9}, "llama.cpp", "top_k", "is ignored there together with mirostat"),
        ({"xtc_probability": 0.5}, "text-generation-webui", "xtc_probability", "is skipped there"),
        ({"logit_bias": {1: 200}}, "openai", "logit_bias", "whole numbers from -100 to 100"),
        ({"logit_bias": {1: 0.5}}, "openai", "logit_bias", "whole numbers"),
        ({"temperature": 0.5, "top_p": 0.9}, "anthropic", "top_p", "refused together with temperature"),
        ({"presence_penalty": 2}, "gemini", "presence_penalty", "must be below 2"),
        ({"frequency_penalty": 2.5}, "tgi", "frequency_penalty", "must be from -2 to 2"),
        ({"dry_multiplier": 0.1, "dry_base": 1.01}, "text-generation-webui", "dry_multiplier", "50 tokens"),
    ],
)  # fmt: skip
def test_what_is_different(values: dict[str, object], engine: str, parameter: str, note: str) -> None:
    found = {v.parameter: v for v in export(SamplingParams(**values), engine).verdicts}
    assert found[parameter].kind == "different"
    assert note in found[parameter].note
    with pytest.raises(InputError) as caught:
        export(SamplingParams(**values), engine, strict=True)
    assert parameter in str(caught.value) and "\n" not in str(caught.value)


def test_an_order_that_is_not_documented_is_measured_at_its_worst() -> None:
    exported = export(SamplingParams(temperature=0.5, top_p=0.8), "openai", model=FakeModel())
    order = exported.verdicts[-1]
    assert (order.parameter, order.kind) == ("order", "different")
    assert order.distance == exported.distance is not None
    assert exported.distance is not None and exported.distance.worst > 0
    assert export(SamplingParams(temperature=0.5, top_k=9), "anthropic").exact  # these two commute
    assert export(SamplingParams(temperature=0, logit_bias={5: 1.0}), "openai").exact
    assert export(SamplingParams(top_p=0.5, presence_penalty=0.5), "openai").exact


def test_strict_lets_exact_pass() -> None:
    assert export(SamplingParams(temperature=0.7, top_p=0.9), "transformers", strict=True).exact
    assert export(SamplingParams(temperature=0.7, top_p=0.9), "llama.cpp", strict=True).exact


def test_an_unknown_engine_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        export(SamplingParams(), "vlm")
    assert "unknown engine 'vlm' (did you mean 'vllm'?); the engines are transformers, vllm" in str(caught.value)


def test_conflicts_see_the_order_of_two_truncations() -> None:
    params = SamplingParams(top_k=2, top_p=0.5)
    assert conflicts(params, STAGES_REVERSED) == [("top_k", "top_p")]
    assert conflicts(params.replace(temperature=0), STAGES_REVERSED) == []  # greedy sees neither


STAGES_REVERSED = tuple(reversed(STAGES))


# --- distances ------------------------------------------------------------------------------------------------


def test_total_variation_by_hand() -> None:
    model = FakeModel()
    sample = distributions_of(model, SamplingParams(), prompts=["ab", "cde"])
    assert len(sample.logits) == len(sample.prompt_ids) == len(sample.output_ids) == 24
    p = torch.softmax(sample.logits.double(), dim=-1)
    # top_k=1 keeps the most probable token: what moves is the mass of the others
    away = distance(EngineSetting(SamplingParams()), EngineSetting(SamplingParams(top_k=1)), sample)
    apart = (1 - p.max(dim=-1).values).tolist()
    assert away.worst == pytest.approx(max(apart))
    assert away.distributions == 24
    assert distance(EngineSetting(SamplingParams()), EngineSetting(SamplingParams()), sample) == Distance(0.0, 0.0, 24)


def test_who_counts_the_prompt() -> None:
    sample = distributions_of(FakeModel(), SamplingParams(), prompts=["abcabc"])
    params = SamplingParams(repetition_penalty=1.5, presence_penalty=1.0)
    ours, none, all_ = (
        run(EngineSetting(params, *who), sample) for who in ((True, False), (False, False), (True, True))
    )
    logits = sample.logits.double()
    empty = [[]] * len(logits)
    torch.testing.assert_close(none, probabilities(logits, params, prompt_ids=empty, output_ids=sample.output_ids))
    whole = [[*a, *b] for a, b in zip(sample.prompt_ids, sample.output_ids, strict=True)]
    torch.testing.assert_close(all_, probabilities(logits, params, prompt_ids=empty, output_ids=whole))
    assert not torch.equal(ours, none) and not torch.equal(ours, all_)


def test_differences_are_measured_where_there_are_any() -> None:
    model = FakeModel()
    exported = export(SamplingParams(temperature=0.6, top_p=0.8, min_p=0.1), "ollama", model=model)
    order = next(v for v in exported.verdicts if v.parameter == "order")
    assert order.distance is not None and 0 < order.distance.median <= order.distance.worst <= 1
    assert exported.distance is not None and exported.distance.worst > 0
    assert exported.model == "fake"
    exact = export(SamplingParams(temperature=0.6), "ollama", model=model)
    assert exact.distance is not None and exact.distance.worst == 0
    json.dumps(exported.to_dict())


# --- transformers is asked ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {}, {"temperature": 0.7}, {"temperature": 0}, {"top_k": 7}, {"temperature": 1.4, "top_k": 30, "top_p": 0.9},
        {"min_p": 0.1, "typical_p": 0.9}, {"epsilon_cutoff": 1e-3, "eta_cutoff": 2e-3, "temperature": 1.2},
        {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "temperature": 0.9}, {"logit_bias": {5: 3.0, 9: -4.0}},
        {"temperature": 0, "repetition_penalty": 1.5},
    ],
)  # fmt: skip
def test_generate_itself_runs_what_was_exported(values: dict[str, object], tiny_model: Path) -> None:
    """Its processors, built by its own ``_get_logits_processor`` from the exported JSON, on real logits."""
    from transformers import AutoModelForCausalLM, GenerationConfig

    from thermoscope import load_model

    params = SamplingParams(**values)
    exported = export(params, "transformers")
    assert exported.exact
    model = load_model(tiny_model)
    config = GenerationConfig(**json.loads(exported.snippets[0].text))
    ids = model.encode("Once upon a time, once upon")
    logits = model.next_token_logits("Once upon a time, once upon")[None]
    network = AutoModelForCausalLM.from_pretrained(tiny_model)
    processors = network._get_logits_processor(config, input_ids_seq_length=len(ids))
    scores = processors(torch.tensor([ids]), logits.clone())
    if config.do_sample:
        theirs = torch.softmax(scores, dim=-1)
    else:
        theirs = torch.nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1]).float()
    torch.testing.assert_close(probabilities(logits, params, prompt_ids=[ids]), theirs, rtol=0, atol=1e-6)


def test_anthropic_gets_one_of_temperature_and_top_p():
    """Newer models refuse both in one request; its default temperature is 1."""
    body = json.loads(export(SamplingParams(top_p=0.9), "anthropic").snippets[0].text)
    assert body == {"model": "...", "top_p": 0.9}
    assert json.loads(export(SamplingParams(temperature=0.4), "anthropic").snippets[0].text)["temperature"] == 0.4


def test_openai_gets_whole_biases_as_such():
    assert '"7": -5' in export(SamplingParams(logit_bias={7: -5.0}), "openai").snippets[0].text
    assert "-5.0" not in export(SamplingParams(logit_bias={7: -5.0}), "openai").snippets[0].text


def test_a_dynamic_temperature_stands_alone_in_text_generation_webui():
    """Both warpers would run: the plain one is off, the dynamic one has its place in the order."""
    exported = export(SamplingParams(temperature=0.8, dynatemp_range=0.3, min_p=0.1), "text-generation-webui")
    assert exported.exact
    fields = json.loads(exported.snippets[0].text)
    assert (fields["temperature"], fields["dynatemp_low"], fields["dynatemp_high"]) == (1.0, 0.5, 1.1)
    order = fields["sampler_priority"]
    assert order.index("dynamic_temperature") < order.index("min_p")
