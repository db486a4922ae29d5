"""The way back: what was exported is read as the same setting, and what an engine adds by itself is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope import InputError, SamplingParams
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.export import export
from thermoscope.engines.reading import read
from thermoscope.engines.registry import ENGINES
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


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@given(values=st.fixed_dictionaries({}, optional={**COMMON, **MORE}))
def test_what_is_written_is_read_back(engine, values):
    """Every snippet gives what the engine runs of the setting: all of it, but for what is not there."""
    dialect = ENGINES[engine]
    params = SamplingParams(**{n: v for n, v in values.items() if n in dialect.names})
    if params.dynatemp_range and engine == "text-generation-webui" and params.dynatemp_range > params.temperature:
        return
    for snippet in export(params, engine).snippets:
        back = read(snippet.text, engine)
        assert same(back.params.given, meaningful(params).given), snippet.title
        if engine == "llama.cpp" and not dialect.edges(meaningful(params)).keys() - {"order"}:
            assert back.params.active_stages == judge(params, dialect)[1].params.active_stages
        assert not back.added or engine == "anthropic"


def test_an_engine_adds_its_defaults_and_says_so():
    back = read('{"do_sample": true, "temperature": 0.7}', "transformers")
    assert back.params.given == {"temperature": 0.7, "top_k": 50}
    assert back.added == {"top_k": 50}
    assert read("--temp 0.5").params.given == {"temperature": 0.5, "top_k": 40, "top_p": 0.95, "min_p": 0.05}
    assert read("PARAMETER temperature 0.5\n").added == {"top_k": 40, "top_p": 0.9}
    assert read("SamplingParams(temperature=0.5)").added == {}


def test_transformers_without_do_sample_is_greedy_and_says_what_that_ignores():
    back = read('{"temperature": 0.7, "top_p": 0.9, "top_k": 50, "transformers_version": "5"}')
    assert back.engine == "transformers"
    assert back.params.given == {"temperature": 0.0}
    assert back.added == {"temperature": 0}  # and no top_k, which greedy decoding doesn't have
    assert [(r.field, r.value) for r in back.ignored] == [("temperature", 0.7), ("top_p", 0.9), ("top_k", 50)]
    assert {r.note for r in back.ignored} == {"decoding is greedy without do_sample=true"}
    assert back.aside == ("transformers_version",)
    said = read('{"temperature": 0.7, "do_sample": false, "eos_token_id": 2}')
    assert (said.added, [r.field for r in said.ignored]) == ({}, ["temperature"])


@pytest.mark.parametrize(
    ("text", "engine", "given", "ignored"),
    [
        ("--temp 0.5 --samplers temperature --top-k 9", None, {"temperature": 0.5}, {"top_k"}),
        ("--mirostat 2 --mirostat-ent 4 --temp 0.9 --min-p 0.1", None, {"temperature": 0.9, "mirostat_tau": 4},
         {"min_p"}),
        ("--temp 0.5 --top-k 0 --top-p 1 --min-p 0 --mirostat-ent 4 --dry-base 2", None, {"temperature": 0.5},
         {"mirostat_tau", "dry_base"}),
        ("--temp 0.5 --top-k 0 --top-p 1 --min-p 0 --repeat-penalty 1.1 --repeat-last-n 0", None,
         {"temperature": 0.5}, {"repeat_penalty"}),
        ('{"dynatemp_low": 0.5, "dynatemp_high": 1.5, "dynatemp_exponent": 2}', "text-generation-webui", {},
         {"dynatemp_low", "dynatemp_high", "dynatemp_exponent"}),
        ('{"do_sample": false, "dynamic_temperature": true, "dynatemp_high": 1.5}', None, {"temperature": 0},
         {"dynatemp_high"}),
        ('{"parameters": {"do_sample": false, "temperature": 0.5}}', None, {"temperature": 0.5}, {"do_sample"}),
    ],
)  # fmt: skip
def test_what_an_engine_ignores_is_named(text, engine, given, ignored):
    back = read(text, engine)
    assert back.params.given == given
    assert {remark.field for remark in back.ignored} == ignored
    json.dumps(back.to_dict())


def test_what_is_added_is_in_the_setting():
    assert read("--mirostat 2").added == {"temperature": 0.8, "mirostat_tau": 5.0}
    assert read("--samplers 'top_k;temperature'").added == {"temperature": 0.8, "top_k": 40}
    assert read('{"parameters": {"repetition_penalty": 1.1}}').added == {"temperature": 0}  # TGI's do_sample is false


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp", "ollama"])
def test_null_is_as_if_the_field_were_absent(engine):
    fields = dict.fromkeys(ENGINES[engine].neutral) | ({"do_sample": True} if engine == "transformers" else {})
    assert read(json.dumps(fields), engine).added == ENGINES[engine].defaults


@pytest.mark.parametrize(
    ("text", "different"),
    [
        ("--repeat-penalty 1.1 --repeat-last-n -1", {}),
        ("--presence-penalty 0.5 --repeat-last-n -1", {"presence_penalty": "counts the prompt as well"}),
        ("--dry-multiplier 0.8", {"dry_sequence_breakers": "newline, colon, double quote and asterisk"}),
        ("--dry-multiplier 0.8 --dry-sequence-breaker none", {}),
        ("SamplingParams(temperature=2.5)", {"temperature": "must be from 0.01 to 2 there"}),
        ('{"generationConfig": {"temperature": 0.5, "topP": 0.9}}', {}),
    ],
)
def test_what_an_engine_does_otherwise_is_said_and_refused_where_strict(text, different):
    back = read(text)
    assert [remark.field for remark in back.different] == list(different)
    for remark in back.different:
        assert different[remark.field] in remark.note
    if not different:
        assert read(text, strict=True) == back
        return
    with pytest.raises(InputError, match=f"is not exactly one of ours: {next(iter(different))} is different there"):
        read(text, strict=True)


@pytest.mark.parametrize(
    ("text", "window", "added"),
    [
        ("--repeat-penalty 1.1", {"repetition_last_n": 64}, True),
        ("--repeat-penalty 1.1 --repeat-last-n 20", {"repetition_last_n": 20}, False),
        ("--presence-penalty 1 --repeat-last-n 20", {"penalties_last_n": 20}, False),
        ("--repeat-penalty 1.1 --repeat-last-n -1", {}, False),
        ("PARAMETER repeat_penalty 1.1", {"repetition_last_n": 64}, True),
        ('{"mirostat_mode": 0, "repetition_penalty": 1.1}', {"repetition_last_n": 1024}, True),
        ('{"mirostat_mode": 0, "frequency_penalty": 1, "dry_multiplier": 1, "repetition_penalty_range": 9}',
         {"penalties_last_n": 9, "dry_last_n": 9}, False),
        ("--dry-multiplier 0.8", {"dry_last_n": 64}, True),
        ("--dry-multiplier 0.8 --dry-penalty-last-n -1", {}, False),
    ],
)  # fmt: skip
def test_how_far_penalties_look_back(text, window, added):
    back = read(text)
    found = {name: value for name, value in back.params.given.items() if name.endswith("_last_n")}
    assert found == window
    assert window.items() <= back.added.items() or not added


def test_a_window_of_nothing_switches_penalties_off():
    back = read("--repeat-penalty 1.1 --frequency-penalty 1 --repeat-last-n 0")
    assert not {"repetition_penalty", "frequency_penalty"} & back.params.given.keys()
    assert [remark.field for remark in back.ignored] == ["repeat_penalty", "frequency_penalty"]


@pytest.mark.parametrize(
    "text",
    [
        '{"model": "gpt-4o", "messages": [], "store": false, "temperature": 0.5, "response_format": {"type": "text"}}',
        '{"generationConfig": {"temperature": 0.5, "responseMimeType": "text/plain", "responseSchema": null}}',
        "SamplingParams(temperature=0.5, best_of=1, length_penalty=1.0, use_beam_search=False, bad_words=[])",
        '{"prompt": "x", "n_predict": 5, "min_keep": 0, "grammar": "", "temperature": 0.5}',
        '{"do_sample": true, "num_beams": 1, "min_length": 0, "penalty_alpha": 0, "guidance_scale": 1.0, "top_k": 0}',
        '{"inputs": "x", "parameters": {"do_sample": true, "best_of": 1, "watermark": false, "grammar": null}}',
    ],
)
def test_a_neutral_value_says_nothing(text):
    back = read(text)
    assert not back.different
    assert not back.unknown


def test_a_form_that_the_text_must_have_is_named():
    back = read('{"generationConfig": {"temperature": 0.5, "responseMimeType": "application/json"}}')
    assert [remark.field for remark in back.different] == ["responseMimeType"]


def test_vllm_told_to_leave_the_models_settings_alone_has_no_note():
    command = "vllm serve a/b --override-generation-config '{\"temperature\": 0.5}'"
    assert read(command).notes
    for alone in ("--generation-config vllm", "--generation-config=vllm"):
        assert not read(f"{command} {alone}").notes
        assert read(f"{command} {alone}", strict=True).params.temperature == 0.5


def test_biases_of_text_generation_webui():
    back = read('{"prompt": "x", "mirostat_mode": 0, "top_a": 0.1, "logit_bias": {"7": -3.5}}')
    assert (back.engine, back.params.logit_bias) == ("text-generation-webui", ((7, -3.5),))
    written = export(back.params, "text-generation-webui")
    assert written.exact
    assert read(str(written)).params == back.params


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("--ignore-eos --temp 0.5", 131072),
        ('{"prompt": "x", "n_predict": 9, "ignore_eos": true}', 131072),
        ('{"prompt": "x", "mirostat_mode": 0, "ban_eos_token": true}', 131072),
        ("SamplingParams(min_tokens=5)", 5),
        ('{"sampling_params": {"min_new_tokens": 5}}', 5),
        ('{"do_sample": true, "top_k": 50, "min_new_tokens": 5, "epsilon_cutoff": 0}', 5),
        ("--temp 0.5", None),
        ('{"prompt": "x", "n_predict": 9, "ignore_eos": false}', None),
    ],
)
def test_bans_of_the_end(text, tokens):
    back = read(text)
    assert back.params.min_new_tokens == tokens
    assert not back.different


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("--samplers 'adaptive_p;min_p' --adaptive-target 0.3 --min-p 0.1", 0.3),
        ("--samplers 'min_p;adaptive_p' --adaptive-target 0 --min-p 0.1", 0.0),
        ("--samplers 'min_p;adaptive_p' --adaptive-target -1 --min-p 0.1", None),
        ("--adaptive-target 0.3 --min-p 0.1", None),
    ],
)
def test_adaptive_p_runs_last_where_the_chain_names_it(text, target):
    back = read(text)
    assert back.params.adaptive_target == target
    assert back.params.active_stages[-1:] == (("adaptive_p",) if target is not None else back.params.active_stages[-1:])
    assert [remark.field for remark in back.ignored] == (["adaptive_target"] if "samplers" not in text else [])


def test_the_name_generation_config_decides():
    shared = '{"temperature": 0.7, "repetition_penalty": 1.1, "top_p": 0.8}'
    assert read(shared, file_name="generation_config.json").engine == "transformers"
    assert read(shared, "vllm", file_name="generation_config.json").engine == "vllm"
    with pytest.raises(
        InputError, match="transformers, vllm, sglang, tgi or text-generation-webui; add --format"
    ) as caught:
        read(shared, file_name="settings.json")
    assert "--format transformers" in str(caught.value)
    assert read('{"do_sample": true, "foo_bar": 3}', file_name="generation_config.json").unknown == ("foo_bar",)
    with pytest.raises(InputError, match="the transformers setting has 'foo_bar', not known here"):
        read('{"do_sample": true, "foo_bar": 3}', file_name="generation_config.json", strict=True)


def test_temperature_last_is_an_order():
    back = read('{"temperature": 0.7, "min_p": 0.1, "temperature_last": true}')
    assert (back.engine, back.params.active_stages) == ("text-generation-webui", ("min_p", "temperature"))
    assert back.params.order[-1] == "temperature"


def test_what_stands_beside_the_settings_is_named():
    assert read('{"model": "m", "options": {"temperature": 0.5}}').aside == ("model",)
    with pytest.raises(InputError, match="has the field 'temperature' beside its settings"):
        read('{"temperature": 0.3, "options": {"temperature": 0.5}}')


@pytest.mark.parametrize(
    ("text", "engine", "given"),
    [
        ('{"temperature": 0.6, "do_sample": true, "top_k": 0, "top_p": 0.9, "eos_token_id": 2}', "transformers",
         {"temperature": 0.6, "top_p": 0.9}),
        ("vllm.SamplingParams(temperature=0.6, top_k=-1, max_tokens=5)", "vllm", {"temperature": 0.6}),
        ('{"sampling_params": {"temperature": 0.6, "top_k": -1}}', "sglang", {"temperature": 0.6}),
        ("llama-server -m x.gguf --temp 0.6 --top-k 0 --top-p 1 --min-p=0 -c 4096 -l 5-1.5 -l 7+2", "llama.cpp",
         {"temperature": 0.6, "logit_bias": ((5, -1.5), (7, 2.0))}),
        ("FROM llama3\nPARAMETER temperature 0.6\nPARAMETER top_k 5\nPARAMETER top_p 1.0\nPARAMETER num_ctx 4096",
         "ollama", {"temperature": 0.6, "top_k": 5}),
        ('{"inputs": "x", "parameters": {"temperature": 0.6, "top_p": 0.9, "do_sample": true}}', "tgi",
         {"temperature": 0.6, "top_p": 0.9}),
        ('{"model": "m", "messages": [], "temperature": 0.6, "store": true}', "openai", {"temperature": 0.6}),
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
        ('{"foo": 1}', "vllm", "the vllm file has the field 'foo', which we don't know"),
        ('{"temprature": 0.6, "min_p": 0.1}', "vllm", "'temprature'; did you mean 'temperature'?"),
        ('{"a": 1, "b": 2, "c": 3}', "openai", "'a' and 2 more (b, c)"),
        ("--frobnicate 3", None, "the llama.cpp file has the field 'frobnicate'"),
        ("PARAMETER tfs_z 1", None, "the ollama file has the field 'tfs_z'"),
        ('{"temperature": 0.6}', None, "the format is ambiguous"),
        ("{", None, "the settings, line 1: not JSON"),
        ("hello", None, "YAML, SamplingParams(...), flags, a Modelfile or mlx_lm's command; got 'hello'"),
        ("", None, "got an empty file"),
        ("[1, 2]", None, "must be a JSON object"),
        ('{"top_q": 0.6, "min_p": 0.1}', "vllm", "the field 'top_q'; did you mean 'top_p'?"),
        ('{"min_p": 0.1, "min_p": 0.2}', "vllm", "the field 'min_p' is there more than once"),
        ('{"samplers": 5}', None, "samplers must be a list of names, or their letters in the llama.cpp file; got 5"),
        ('{"samplers": ["top_k"], "logit_bias": [1, 2]}', None, "logit_bias must be a list such as [[198, -5.0]]"),
        ('{"logit_bias": [1], "messages": []}', "openai", "logit_bias must be an object"),
        ('{"do_sample": true, "sequence_bias": [1]}', None, "sequence_bias must be a list such as [[[198], -5.0]]"),
        ('{"do_sample": true, "top_k": [1]}', "transformers", "top_k must be a number in the transformers file"),
        ('{"do_sample": "yes"}', "transformers", 'do_sample must be true or false in the transformers file; got "yes"'),
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
        ('{"do_sample": true, "num_beams": 4}', "transformers", "num_beams=4 is none of our stages"),
        ("FROM x\nPARAMETER top_k 5\nPARAMETER temperature\n", None,
         "line 3: a PARAMETER must have a name and a value; got 'PARAMETER temperature'"),
        ("PARAMETER top_k 5\nPARAMETER top_k 6", None, "the field 'top_k' more than once"),
        ("--temp --top-k 40", None, "--temp must have a value; got none"),
        ("--top-k 40 --min-p", None, "--min-p must have a value; got none"),
        ("--temp 0.5 --samplers", None, "--samplers must have a value"),
        ("--temp 0.5 -l", None, "-l must have a value"),
        ("--temp 0.5 --temp 0.6", None, "the field 'temperature' more than once"),
        ("SamplingParams(top_k=5, top_k=6)", None, "the field 'top_k' more than once"),
        ("--dry-multiplier 0.8 --dry-sequence-breaker x", None, "dry_sequence_breakers are texts, ours are tokens"),
        ('{"mirostat_mode": 0, "dry_multiplier": 1, "dry_sequence_breakers": "x"}', None, "are texts, ours are tokens"),
        ('{"temperature": 0.6}', "vlm", "unknown engine 'vlm' (did you mean 'vllm'?)"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_named(text, engine, said):
    with pytest.raises(InputError) as caught:
        read(text, engine)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_out_of_our_range_is_said():
    with pytest.raises(ParameterError, match="top_p must be at most 1"):
        read('{"top_p": 3, "do_sample": true}', "transformers")


def test_sampling_at_temperature_zero_is_greedy_and_said() -> None:
    back = read('{"do_sample": true, "temperature": 0}', "transformers")
    assert back.params.temperature == 0
    assert any(r.field == "do_sample" and "refuses" in r.note for r in back.ignored)


@pytest.mark.parametrize(
    ("text", "engine", "given", "stages"),
    [
        # samplers that the list leaves out run first, and names may have commas between them
        ('{"temperature": 1.5, "min_p": 0.1, "mirostat_mode": 0, "sampler_priority": ["min_p", "top_k"]}', None,
         {"temperature": 1.5, "min_p": 0.1}, ("temperature", "min_p")),
        ('{"temperature": 1.5, "min_p": 0.1, "mirostat_mode": 0, "sampler_priority": "min_p , temperature,top_k"}',
         None, {"temperature": 1.5, "min_p": 0.1}, ("min_p", "temperature")),
        ("temperature: 0.6\ntop_p: 0.95\n", None, {"temperature": 0.6, "top_p": 0.95}, ("temperature", "top_p")),
        ('{"temp": 1.25, "rep_pen": 1, "min_p": 0.1, "dynatemp": false, "min_temp": 0, "max_temp": 2, "nsigma": 0}',
         None, {"temperature": 1.25, "min_p": 0.1}, ("temperature", "min_p")),
        ("mlx_lm.generate --model Q --prompt hi --temp 0.7 --top-p 0.9", None, {"temperature": 0.7, "top_p": 0.9},
         ("top_p", "temperature")),
        ('{"prompt": "", "n_predict": 1, "temperature": 0.7, "top_k": 20, "min_p": 0.05, "samplers": "kmt"}', None,
         {"temperature": 0.7, "top_k": 20, "min_p": 0.05}, ("top_k", "min_p", "temperature")),
        ("llama-cli --temp -1 --sampler-seq kt --top-k 9", None, {"temperature": 0, "top_k": 9},
         ("top_k", "temperature")),
        ('{"options": {}, "model": "m"}', None, {"temperature": 0.8, "top_k": 40, "top_p": 0.9}, None),
        ('{"model": "m", "prompt": "x", "temperature": 0.2, "top_p": 0.5, "num_ctx": 5}', None,
         {"temperature": 0.8, "top_k": 40, "top_p": 0.9}, None),
        ('{"do_sample": true, "top_k": 0, "suppress_tokens": [3], "bad_words_ids": [[4], [5]]}', None,
         {"logit_bias": ((3, -1e4), (4, -1e4), (5, -1e4))}, None),
        ('{"prompt": "x", "n_predict": 1, "logit_bias": [[5, false], [6, -1.5]], "temperature": 1, "top_k": 0,'
         ' "top_p": 1, "min_p": 0}', None, {"logit_bias": ((5, -1e4), (6, -1.5))}, None),
        ("INFO SamplingParams(n=1, temperature=0.7, seed=None, stop=[], bad_words=[], guided_decoding=None)", None,
         {"temperature": 0.7}, None),
    ],
)  # fmt: skip
def test_files_of_the_field_are_read_as_their_engines_read_them(text, engine, given, stages):
    back = read(text, engine)
    assert same(back.params.given, given)
    if stages is not None:
        assert back.params.active_stages == stages


@pytest.mark.parametrize(
    ("text", "masks"),
    [
        ('{"inputs": "x", "parameters": {"do_sample": true, "best_of": 4, "watermark": true, "grammar": {"a": 1}}}',
         {"best_of", "watermark", "grammar"}),
        ('{"prompt": "x", "mirostat_mode": 0, "grammar_string": "a", "custom_token_bans": "1,2"}', {"grammar_string"}),
        ('SamplingParams(min_tokens=5, ignore_eos=True, bad_words=["x"])', {"ignore_eos", "bad_words"}),
        ('{"do_sample": true, "top_k": 50, "min_length": 5, "bad_words_ids": [[1, 2]]}',
         {"min_length", "bad_words_ids"}),
    ],
)  # fmt: skip
def test_what_masks_tokens_is_no_setting_of_ours(text, masks):
    back = read(text)
    assert {remark.field for remark in back.different} == masks
    with pytest.raises(InputError, match="is not exactly one of ours"):
        read(text, strict=True)


def test_a_value_that_is_off_says_nothing_whatever_its_name():
    text = '{"do_sample": true, "temperature": 0.7, "top_k": 50, "new_field": null, "min_length": 0, "another": false}'
    back = read(text, strict=True)
    assert (back.unknown, back.aside, back.different) == ((), (), ())


def test_what_the_model_behind_the_engine_may_set_is_said():
    body = '{"model": "a/b", "messages": [], "temperature": 0.5, "max_tokens": 5}'
    back = read(body)
    assert back.engine == "vllm"
    assert back.notes[0].startswith(
        "top_k, top_p, min_p and repetition_penalty are not in the settings: the server takes"
    )
    with pytest.raises(InputError, match="the vllm setting is not whole"):
        read(body, strict=True)
    assert read("SamplingParams(temperature=0.5)", strict=True).notes == ()
    assert "the model that FROM or the request names may set them" in read("FROM x\nPARAMETER top_k 5").notes[0]


def test_a_modelfile_is_read_by_its_grammar():
    text = 'FROM x\nSYSTEM """a\nPARAMETER top_k 3\nb"""\nPARAMETER penalize_newline true\nPARAMETER stop "a b"\n'
    back = read(text, add_defaults=False)
    assert back.params.given == {}
    assert [(r.field, r.note) for r in back.ignored] == [("penalize_newline", "is deprecated and skipped")]
    assert back.aside == ("stop",)
    assert read("FROM x\nSYSTEM You answer briefly -- and kindly.\n").engine == "ollama"


def test_a_preset_that_is_elsewhere_is_refused():
    with pytest.raises(InputError, match="preset='Creative' takes the place of the file's other fields"):
        read('{"messages": [], "mode": "instruct", "preset": "Creative", "temperature": 1.0}')
