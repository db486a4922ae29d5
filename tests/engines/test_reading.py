"""The way back: what was exported is read as the same setting, and what an engine adds by itself is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope import InputError, SamplingParams
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.export import DIALECTS
from thermoscope.engines.reading import read
from thermoscope.engines.verdict import judge
from thermoscope.errors import ParameterError

COMMON = {"temperature": st.sampled_from([0.3, 0.7, 1.0, 1.9]), "top_p": st.sampled_from([0.2, 0.95])}
MORE = {
    "top_k": st.sampled_from([1, 40]),
    "min_p": st.sampled_from([0.05, 0.5]),
    "typical_p": st.sampled_from([0.5, 0.9]),
    "repetition_penalty": st.sampled_from([0.9, 1.3]),
    "presence_penalty": st.sampled_from([-1.0, 0.5]),
    "frequency_penalty": st.sampled_from([0.25]),
    "logit_bias": st.sampled_from([{5: -1.5}, {7: 2.0, 11: 0.25}]),
    "no_repeat_ngram_size": st.just(3),
    "epsilon_cutoff": st.just(3e-4),
    "eta_cutoff": st.just(2e-3),
    "top_a": st.just(0.2),
    "top_n_sigma": st.just(1.5),
    "dry_multiplier": st.just(0.8),
    "xtc_probability": st.just(0.5),
    "dynatemp_range": st.just(0.25),
}


def same(a, b):
    """Whether two settings' parameters are one, but for the last digit of a number."""
    return a.keys() == b.keys() and all(a[n] == (pytest.approx(b[n]) if isinstance(b[n], float) else b[n]) for n in a)


@pytest.mark.parametrize("engine", DIALECTS)
@given(values=st.fixed_dictionaries({}, optional={**COMMON, **MORE}))
def test_what_is_written_is_read_back(engine, values):
    """Every snippet gives what the engine runs of the setting: all of it, but for what is not there."""
    dialect = DIALECTS[engine]
    params = SamplingParams(**{n: v for n, v in values.items() if n in dialect.names})
    if params.dynatemp_range and engine == "text-generation-webui" and params.dynatemp_range > params.temperature:
        return
    for snippet in params.to(engine).snippets:
        back = read(snippet.text, engine)
        assert same(back.params.given, meaningful(params).given), snippet.title
        if engine == "llama.cpp" and not (params.dynatemp_range and params.top_n_sigma):
            assert back.params.active_stages == judge(params, dialect)[1].params.active_stages
        assert not back.added or engine == "anthropic"


def test_an_engine_adds_its_defaults_and_says_so():
    back = read('{"do_sample": true, "temperature": 0.7}', "transformers")
    assert back.params.given == {"temperature": 0.7, "top_k": 50}
    assert back.added == {"top_k": 50}
    assert read("--temp 0.5").params.given == {"temperature": 0.5, "top_k": 40, "top_p": 0.95, "min_p": 0.05}
    assert read("PARAMETER temperature 0.5\n").added == {"top_k": 40, "top_p": 0.9}
    assert read("SamplingParams(temperature=0.5)").added == {}


def test_transformers_without_do_sample_is_greedy():
    back = read('{"temperature": 0.7, "top_p": 0.9, "transformers_version": "5"}')
    assert back.engine == "transformers"
    assert back.params.given == {"temperature": 0.0}


@pytest.mark.parametrize(
    ("text", "engine", "given"),
    [
        ('{"temperature": 0.6, "do_sample": true, "top_k": 0, "top_p": 0.9}', "transformers",
         {"temperature": 0.6, "top_p": 0.9}),
        ("vllm.SamplingParams(temperature=0.6, top_k=-1, max_tokens=5)", "vllm", {"temperature": 0.6}),
        ('{"sampling_params": {"temperature": 0.6, "top_k": -1}}', "sglang", {"temperature": 0.6}),
        ("llama-server -m x.gguf --temp 0.6 --top-k 0 --top-p 1 --min-p=0 -c 4096 -l 5-1.5 -l 7+2", "llama.cpp",
         {"temperature": 0.6, "logit_bias": ((5, -1.5), (7, 2.0))}),
        ("FROM llama3\nPARAMETER temperature 0.6\nPARAMETER top_k 5\nPARAMETER top_p 1.0\nPARAMETER num_ctx 4096",
         "ollama", {"temperature": 0.6, "top_k": 5}),
        ('{"inputs": "x", "parameters": {"temperature": 0.6, "top_p": 0.9, "do_sample": true}}', "tgi",
         {"temperature": 0.6, "top_p": 0.9}),
        ('{"model": "m", "messages": [], "temperature": 0.6}', "openai", {"temperature": 0.6}),
        ('{"model": "m", "max_tokens": 5, "temperature": 0.6, "stop_sequences": ["x"]}', "anthropic",
         {"temperature": 0.6}),
        ('{"generationConfig": {"temperature": 0.6, "topK": 40}}', "gemini", {"temperature": 0.6, "top_k": 40}),
        ('{"temperature": 0.6, "epsilon_cutoff": 3, "mirostat_mode": 0}', "text-generation-webui",
         {"temperature": 0.6, "epsilon_cutoff": 3e-4}),
    ],
)  # fmt: skip
def test_files_are_told_by_their_form(text, engine, given):
    back = read(text)
    assert back.engine == engine
    assert same(back.params.given, given)
    json.dumps(back.to_dict())


def test_llama_cpps_chain_is_the_order():
    back = read("--samplers 'min_p;temperature' --temp 0.5 --min-p 0.1 --top-k 40")
    assert back.params.active_stages == ("min_p", "temperature")
    assert back.params.top_k is None  # stands in no chain
    mirostat = read("--mirostat 2 --mirostat-ent 4 --temp 0.9 --top-k 40")
    assert mirostat.params.given == {"temperature": 0.9, "mirostat_tau": 4}


@pytest.mark.parametrize(
    ("text", "engine", "said"),
    [
        ('{"temperature": 0.6, "foo": 1}', "vllm", "the vllm file has the field 'foo', which we don't know"),
        ('{"a": 1, "b": 2, "c": 3}', "openai", "'a' and 2 more (b, c)"),
        ("--temp 0.5 --frobnicate 3", None, "the llama.cpp file has the field 'frobnicate'"),
        ("PARAMETER tfs_z 1", None, "the ollama file has the field 'tfs_z'"),
        ('{"temperature": 0.6}', None, "whose format this is can't be told"),
        ("{", None, "must be JSON"),
        ("hello", None, "must be a JSON object, SamplingParams(...), flags or a Modelfile; got 'hello'"),
        ("", None, "got an empty file"),
        ("[1, 2]", None, "must be a JSON object"),
        ('{"top_q": 0.6, "min_p": 0.1}', "vllm", "the field 'top_q', which we don't know (did you mean 'top_p'?)"),
        ('{"min_p": 0.1, "min_p": 0.2}', "vllm", "the field 'min_p' more than once"),
        ('{"samplers": 5}', None, "samplers must be a list of names in the llama.cpp file; got 5"),
        ('{"samplers": ["top_k"], "logit_bias": [1, 2]}', None, "logit_bias must be a list such as [[198, -5.0]]"),
        ('{"logit_bias": [1], "messages": []}', None, "logit_bias must be an object"),
        ('{"do_sample": true, "sequence_bias": [1]}', None, "sequence_bias must be a list such as [[[198], -5.0]]"),
        ('{"do_sample": true, "top_k": [1]}', None, "top_k must be a number in the transformers file; got [1]"),
        ('{"do_sample": "yes"}', None, 'do_sample must be true or false in the transformers file; got "yes"'),
        ('{"mirostat_mode": 0, "epsilon_cutoff": "x"}', None, "epsilon_cutoff must be a number"),
        ('{"dynamic_temperature": true, "dynatemp_low": "x"}', None, "dynatemp_low must be a number"),
        ('{"dynamic_temperature": true, "temperature": 0.5}', None, "temperature=0.5 runs as well as dynamic_temp"),
        ('{"sampler_priority": 3}', None, "sampler_priority must be a list of names"),
        ("SamplingParams(0.5)", None, "by name"),
        ("SamplingParams(temperature=f())", None, "plain values"),
        ("--mirostat 1", None, "mirostat 1 is not one of our stages"),
        ("--samplers 'temperature;foo'", None, "samplers has 'foo'"),
        ('{"sequence_bias": [[[1, 2], 0.5]], "do_sample": true}', None, "must be of single tokens; got [1, 2]"),
        ('{"tfs": 0.9, "mirostat_mode": 0}', None, "tfs=0.9 is none of our stages"),
        ('{"temperature": 0.6}', "vlm", "unknown engine 'vlm' (did you mean 'vllm'?)"),
    ],
)
def test_what_can_not_be_read_is_named(text, engine, said):
    with pytest.raises(InputError) as caught:
        read(text, engine)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_out_of_our_range_is_said():
    with pytest.raises(ParameterError, match="top_p must be at most 1"):
        read('{"top_p": 3, "do_sample": true}', "transformers")
