import json
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope import InputError, SamplingParams, ThermoscopeError
from thermoscope.errors import ParameterError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.stages import PARAMETERS, SHAPES, STAGE_OF, STAGES, Parameter
from thermoscope.settings.values import number_of

temperatures = st.floats(0, 1e308) | st.integers(0, 10**6)
top_ks = st.none() | st.integers(1, 2**63 - 1)
top_ps = st.none() | st.floats(0, 1, exclude_min=True)
min_ps = st.none() | st.floats(0, 1)
more = {
    "logit_bias": st.none() | st.dictionaries(st.integers(0, 10**6), st.floats(-1e6, 1e6), max_size=3),
    "repetition_penalty": st.none() | st.floats(0, 10, exclude_min=True),
    "presence_penalty": st.none() | st.floats(-2, 2),
    "frequency_penalty": st.none() | st.floats(-2, 2),
    "no_repeat_ngram_size": st.none() | st.integers(1, 20),
    "top_n_sigma": st.none() | st.floats(0, 10, exclude_min=True),
    "typical_p": top_ps,
    "epsilon_cutoff": st.none() | st.floats(0, 1, exclude_max=True),
    "eta_cutoff": st.none() | st.floats(0, 1, exclude_max=True),
    "top_a": min_ps,
}
families = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"dry_multiplier": st.floats(0, 5), "dry_base": st.floats(1, 4)}),
    st.fixed_dictionaries({"dry_multiplier": st.floats(0, 5), "dry_breakers": st.lists(st.integers(0, 99))}),
    st.fixed_dictionaries({"xtc_probability": st.floats(0, 1), "xtc_threshold": st.floats(0, 1)}),
    st.fixed_dictionaries({"mirostat_tau": st.floats(0.1, 9), "mirostat_eta": st.floats(0, 1)}),
)
orders = st.permutations(list(STAGES)) | st.just("transformers")
plain_orders = orders | st.sampled_from(sorted(ORDERS))
settings = st.builds(
    SamplingParams, temperature=temperatures, top_k=top_ks, top_p=top_ps, min_p=min_ps, order=plain_orders
) | st.builds(
    lambda family, values: SamplingParams(**family, **values),
    families,
    st.fixed_dictionaries({"temperature": temperatures, "order": orders}, optional=more),
)


def message(**values: object) -> str:
    with pytest.raises(ParameterError) as caught:
        SamplingParams(**values)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 700
    return text


def test_nothing_set_is_pure_sampling():
    params = SamplingParams()
    assert params.temperature == 1.0
    assert (params.top_k, params.top_p, params.min_p) == (None, None, None)
    assert params.active_stages == ()
    assert params.order == tuple(STAGES)
    windows = {"repetition_last_n", "penalties_last_n", "dry_last_n"}  # None is all tokens
    on = {name for name, value in params if value is not None} - {"temperature", "order"}
    assert on == set(SHAPES) - {"dry_breakers"} - windows


@pytest.mark.parametrize(
    ("values", "rule", "value", "fix"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0", "got -0.1", "use 0 for greedy"),
        ({"temperature": float("nan")}, "temperature must be a finite number", "got nan", "use 0 for greedy"),
        ({"temperature": float("inf")}, "temperature must be a finite number", "got inf", "use 0 for greedy"),
        ({"temperature": "abc"}, "temperature must be a number", "got 'abc'", "use 0 for greedy"),
        ({"temperature": "0.7"}, "temperature must be a number", "got '0.7'", "use 0 for greedy"),
        ({"temperature": True}, "temperature must be a number", "got True", "use 0 for greedy"),
        ({"temperature": None}, "temperature must be a number", "got None", "use 0 for greedy"),
        ({"temperature": 1j}, "temperature must be a number", "got 1j", "use 0 for greedy"),
        ({"temperature": 10**400}, "temperature must be a number below 1e308", "got 1000", "use 0 for greedy"),
        ({"temperature": 10**5000}, "temperature must be a number below 1e308", "digits", "use 0 for greedy"),
        ({"temperature": Fraction(10**400)}, "must be a number below 1e308", "Fraction", "use 0 for greedy"),
        ({"temperature": np.eye(2)}, "temperature must be a number", "array", "use 0 for greedy"),
        ({"top_k": 0}, "top_k must be at least 1", "got 0", "leave it out"),
        ({"top_k": -3}, "top_k must be at least 1", "got -3", "leave it out"),
        ({"top_k": 1.5}, "top_k must be a whole number", "got 1.5", "leave it out"),
        ({"top_k": False}, "top_k must be a number", "got False", "leave it out"),
        ({"top_k": np.True_}, "top_k must be a number", "True", "leave it out"),
        ({"top_k": "50"}, "top_k must be a number", "got '50'", "leave it out"),
        ({"top_k": 2**63}, "top_k must be", "got 9223372036854775808", "leave it out"),
        ({"top_k": 1e30}, "top_k must be", "got 1e+30", "leave it out"),
        ({"top_k": float("inf")}, "top_k must be a finite number", "got inf", "leave it out"),
        ({"top_p": 0}, "top_p must be greater than 0", "got 0", "leave it out"),
        ({"top_p": 1.5}, "top_p must be at most 1", "got 1.5", "leave it out"),
        ({"top_p": -0.0}, "top_p must be greater than 0", "got -0.0", "leave it out"),
        ({"top_p": float("nan")}, "top_p must be", "got nan", "leave it out"),
        ({"min_p": -1e-9}, "min_p must be at least 0", "got -1e-09", "leave it out"),
        ({"min_p": 1.0000001}, "min_p must be at most 1", "got 1.0000001", "leave it out"),
        ({"min_p": [0.1]}, "min_p must be a number", "got [0.1]", "leave it out"),
        ({"order": "exl"}, "order must be one of transformers, vllm, llama.cpp, sglang", "got 'exl'", "top_p"),
        ({"order": ["top_q"]}, "order has the unknown stage 'top_q'", "top_q", "the stages are logit_bias"),
        ({"order": ["{x}"]}, "order has the unknown stage '{x}'", "{x}", "the stages are logit_bias"),
        ({"order": [["top_k"]]}, "order has the unknown stage ['top_k']", "top_k", "the stages are"),
        ({"order": ["top_k", "top_p", "top_k"]}, "order has the stage 'top_k' twice", "top_k", "once"),
        ({"order": 3}, "order must be a list of stages", "got 3", "temperature"),
        ({"order": None}, "order must be a list of stages", "got None", "temperature"),
        ({"order": {"top_k", "top_p"}}, "order must be a list of stages", "top_k", "temperature"),
        ({"top_q": 0.9}, "unknown sampling parameter 'top_q'", "did you mean 'top_p'?", "temperature, dynatemp_range"),
        ({"self": 1}, "unknown sampling parameter 'self'", "self", "temperature, dynatemp_range"),
        ({"repetition_penalty": 0}, "repetition_penalty must be greater than 0", "got 0", "such as 1.1"),
        ({"presence_penalty": "1"}, "presence_penalty must be a number", "got '1'", "such as 0.5"),
        ({"frequency_penalty": float("nan")}, "frequency_penalty must be a finite number", "got nan", "such as 0.5"),
        ({"no_repeat_ngram_size": 0}, "no_repeat_ngram_size must be at least 1", "got 0", "such as 3"),
        ({"dry_multiplier": -1}, "dry_multiplier must be at least 0", "got -1", "such as 0.8"),
        ({"dry_multiplier": 1, "dry_base": 0.9}, "dry_base must be at least 1", "got 0.9", "1.75"),
        ({"dry_multiplier": 1, "dry_breakers": "x"}, "dry_breakers must be a list of token ids", "got 'x'", "[198]"),
        ({"dry_multiplier": 1, "dry_breakers": [-1]}, "dry_breakers must have token ids", "got [-1]", "[198]"),
        ({"top_n_sigma": 0}, "top_n_sigma must be greater than 0", "got 0", "such as 1.5"),
        ({"dynatemp_range": -1}, "dynatemp_range must be at least 0", "got -1", "such as 0.3"),
        ({"dynatemp_range": 0.1, "temperature": 0}, "no meaning at temperature=0", "greedy", "leave one of them out"),
        ({"typical_p": 0}, "typical_p must be greater than 0", "got 0", "such as 0.9"),
        ({"epsilon_cutoff": 1}, "epsilon_cutoff must be less than 1", "got 1", "such as 3e-4"),
        ({"eta_cutoff": -0.1}, "eta_cutoff must be at least 0", "got -0.1", "such as 2e-3"),
        ({"top_a": 1.1}, "top_a must be at most 1", "got 1.1", "such as 0.2"),
        ({"xtc_probability": 2}, "xtc_probability must be at most 1", "got 2", "such as 0.5"),
        ({"mirostat_tau": 0}, "mirostat_tau must be greater than 0", "got 0", "bits such as 5"),
        ({"logit_bias": 3}, "logit_bias must be a mapping from token id to bias", "got 3", "write {50256: -5.0}"),
        ({"logit_bias": {"a": 1}}, "logit_bias must have token ids that are whole numbers", "got {'a': 1}", "write"),
        ({"logit_bias": {1: float("inf")}}, "logit_bias must have finite biases", "got {1: inf}", "write"),
        ({"logit_bias": [(1, 2), (1, 3)]}, "token 1 appears twice", "got [(1, 2)", "write"),
        (
            {"top_k": 5, "order": ["temperature"]},
            "order lacks the stage 'top_k'",
            "top_k is set",
            "add it or leave top_k out",
        ),
        ({"temperature": 0.5, "order": []}, "order lacks the stage 'temperature'", "is set", "add it"),
    ],
)
def test_a_bad_value_is_one_line_with_rule_value_and_fix(values, rule, value, fix):
    text = message(**values)
    assert rule in text
    assert value in text
    assert fix in text


def test_parameter_errors_are_in_the_tree():
    with pytest.raises(ValueError, match="top_p"):
        SamplingParams(top_p=2)
    assert issubclass(ParameterError, InputError)
    assert issubclass(InputError, ThermoscopeError)


@pytest.mark.parametrize(
    ("values", "temperature", "top_k"),
    [
        ({"temperature": 0, "top_k": 1}, 0.0, 1),
        ({"temperature": np.float64(0.5), "top_k": np.int64(7)}, 0.5, 7),
        ({"temperature": np.float32(0.25), "top_k": np.uint8(7)}, 0.25, 7),
        ({"temperature": np.int32(2), "top_k": 50.0}, 2.0, 50),
        ({"temperature": Fraction(1, 2), "top_k": 2**63 - 1}, 0.5, 2**63 - 1),
    ],
)
def test_numbers_of_any_kind_become_plain_ones(values, temperature, top_k):
    params = SamplingParams(**values)
    assert (params.temperature, type(params.temperature)) == (temperature, float)
    assert (params.top_k, type(params.top_k)) == (top_k, int)
    json.dumps(params.model_dump())


def test_immutable():
    params = SamplingParams(temperature=0.5)
    with pytest.raises(ValueError, match="frozen"):
        params.temperature = 0.7
    assert params.temperature == 0.5


@given(settings)
def test_json_round_trip(params):
    text = params.to_json()
    back = SamplingParams.from_json(text)
    assert "\n" not in text
    assert back == params
    assert hash(back) == hash(params)
    assert back.id == params.id
    assert back.to_json() == text
    assert pickle.loads(pickle.dumps(params)) == params


@given(settings, settings)
def test_equal_settings_share_hash_and_id(a, b):
    same = all(getattr(a, name) == getattr(b, name) for name in SamplingParams.model_fields if name != "order")
    assert (a == b) is (same and a.active_stages == b.active_stages)
    if a == b:
        assert hash(a) == hash(b)
        assert a.id == b.id
    if a.id == b.id:
        assert a.active_stages == b.active_stages


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null", '{"top_p": 0}', '{"x": 1}', "[" * 10**5, b"\xff"])
def test_from_json_of_anything_else_is_a_parameter_error(text):
    with pytest.raises(ParameterError) as caught:
        SamplingParams.from_json(text)
    assert "\n" not in str(caught.value)


def test_from_json_reads_a_part_and_an_order_by_name():
    params = SamplingParams.from_json('{"temperature": 0.5, "order": "llama.cpp"}')
    assert params == SamplingParams(temperature=0.5, order=ORDERS["llama.cpp"])
    with pytest.raises(ParameterError, match="finite"):
        SamplingParams.from_json('{"temperature": NaN}')


# The identity is stored with results: these values must never change.
@pytest.mark.parametrize(
    ("values", "identity"),
    [
        ({}, "7a3890529600"),
        ({"temperature": 0}, "d1bb3ae6f40a"),
        ({"temperature": 0.7}, "4fe4eca76468"),
        ({"temperature": 0.7, "top_k": 50}, "bcc40039d2b6"),
        ({"temperature": 1.5, "top_p": 0.9}, "31b8433b52c6"),
        ({"temperature": 1.5, "top_p": 0.9, "order": "llama.cpp"}, "f4dc48420d86"),
        ({"temperature": 0.7, "top_k": 50, "top_p": 0.95, "min_p": 0.05}, "9e6978614035"),
    ],
)
def test_id_is_pinned(values, identity):
    assert SamplingParams(**values).id == identity


def test_id_ignores_stages_that_are_off():
    plain = SamplingParams(temperature=0.7)
    assert SamplingParams(temperature=0.7, top_k=None, min_p=None).id == plain.id
    assert SamplingParams(temperature=0.7, order="llama.cpp").id == plain.id
    assert SamplingParams(temperature=0.7, order=["temperature"]).id == plain.id
    assert SamplingParams(temperature=-0.0).id == SamplingParams(temperature=0).id


def test_id_sees_values_and_the_order_of_stages_that_are_on():
    ids = {
        SamplingParams(temperature=t, top_p=p, order=order).id
        for t in (0.5, 0.7)
        for p in (0.8, 0.9)
        for order in ORDERS
    }
    assert len(ids) == 8


def test_a_parameter_that_a_stage_gets_later_changes_nothing_where_it_is_off(monkeypatch):
    class Later(SamplingParams):
        smoothing: float | None = None

    now = SamplingParams(temperature=0.7, top_k=5)
    identity, text = now.id, str(now)
    later = Parameter("smoothing", "S", "Smooth.", "use a value such as 0.2", ">= 0")
    stage = STAGES["temperature"]
    monkeypatch.setitem(STAGES, "temperature", replace(stage, parameters=(*stage.parameters, later)))
    monkeypatch.setitem(PARAMETERS, "smoothing", later)
    monkeypatch.setitem(STAGE_OF, "smoothing", "temperature")
    assert Later(temperature=0.7, top_k=5).id == identity
    assert str(Later(temperature=0.7, top_k=5)) == text
    on = Later(smoothing=0.5)
    assert on.active_stages == ("temperature",)
    assert on.id != Later().id and str(on) == "temperature=1 smoothing=0.5"


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_what_shapes_a_stage_that_is_off_is_refused(shape):
    whole = {name: 3 for name in SHAPES if name.endswith(("_last_n", "_length"))}
    given = whole | {"dry_breakers": [1], "xtc_threshold": 0.5, "p_less_norm": 0.5, "adaptive_decay": 0.5}
    text, on = message(**{shape: given.get(shape, 1.5)}), " or ".join(SHAPES[shape])
    assert f"{shape} does nothing without {on}; set {on}, or leave {shape} out" in text
    for switch in SHAPES[shape]:
        value = 1.5 if switch == "p_less" else 0.5
        on = SamplingParams(**{shape: given.get(shape, 1.5), switch: value})
        assert on.id != SamplingParams(**{switch: value}).id
    assert f"{shape}=" in str(on)


def test_a_mapping_of_biases_is_kept_in_the_order_of_tokens():
    params = SamplingParams(logit_bias={"7": 2, 3: -0.5})
    assert params.logit_bias == ((3, -0.5), (7, 2.0))
    assert params == SamplingParams(logit_bias=[(7, 2.0), (3, -0.5)])
    assert json.loads(params.to_json())["logit_bias"] == {"3": -0.5, "7": 2.0}
    assert str(params) == "temperature=1 logit_bias=3:-0.5,7:2"
    assert SamplingParams(logit_bias={}) == SamplingParams()
    assert params.replace(temperature=0.5).logit_bias == params.logit_bias


def test_breakers_are_a_set_of_tokens():
    params = SamplingParams(dry_multiplier=0.8, dry_breakers=(t for t in (9, 2, 9)))
    assert params.dry_breakers == (2, 9)
    assert str(params) == "temperature=1 dry_multiplier=0.8 dry_breakers=2,9"


@pytest.mark.parametrize("name", [n for n in ORDERS if n != "transformers"])
def test_an_engines_order_lacks_what_the_engine_lacks(name):
    assert set(ORDERS[name]) < set(STAGES)
    assert "order lacks the stage 'top_a', but top_a is set" in message(top_a=0.1, order=name)


def test_active_stages_run_in_the_given_order():
    params = SamplingParams(temperature=0.7, min_p=0.1, top_k=5, order="llama.cpp")
    assert params.active_stages == ("top_k", "min_p", "temperature")
    assert SamplingParams(temperature=1, top_p=0.9).active_stages == ("top_p",)
    assert SamplingParams(top_p=1.0, min_p=0).active_stages == ("top_p", "min_p")


def test_order_may_be_any_list():
    assert SamplingParams(order=list(ORDERS["llama.cpp"])) == SamplingParams(order="llama.cpp")
    assert SamplingParams(order=(stage for stage in ["top_k"])).order == ("top_k",)


def test_replace_validates():
    params = SamplingParams(temperature=0.7, top_k=50)
    assert params.replace(temperature=0.9) == SamplingParams(temperature=0.9, top_k=50)
    assert params.replace(top_k=None) == SamplingParams(temperature=0.7)
    with pytest.raises(ParameterError, match="top_k"):
        params.replace(top_k=0)
    assert params.temperature == 0.7


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "temperature=1"),
        ({"temperature": 0.7, "top_k": 50}, "temperature=0.7 top_k=50"),
        ({"temperature": 0, "top_p": 0.95, "min_p": 0.05}, "temperature=0 top_p=0.95 min_p=0.05"),
        ({"temperature": 0.70000001, "top_k": 1234567}, "temperature=0.70000001 top_k=1234567"),
        ({"temperature": 0.7, "top_p": 0.9, "order": "llama.cpp"}, "temperature=0.7 top_p=0.9 order=llama.cpp"),
        ({"temperature": 0.7, "order": "llama.cpp"}, "temperature=0.7"),
        (
            {"top_k": 2, "top_p": 0.9, "order": ["top_p", "top_k"]},
            "temperature=1 top_k=2 top_p=0.9 order=top_p,top_k",
        ),
    ],
)
def test_str_is_what_one_would_type(values, text):
    assert str(SamplingParams(**values)) == text


@given(settings, settings)
def test_different_settings_look_different(a, b):
    assert a.id == b.id or str(a) != str(b)
    if a == b:
        assert str(a) == str(b)


def test_one_number_or_the_word_itself() -> None:
    assert number_of("0.95") == 0.95
    assert number_of("50") == 50
    assert repr(number_of("0")) == "0"
    assert number_of("18446744073709551617") == 2**64 + 1
    assert number_of("many") == "many"


class Unwritable:
    """What can't be written out, hashed or compared."""

    __hash__ = None

    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [Unwritable(), [], {"x": []}, {(1, 2): 1}, [[]], [10**5000], 10**5000, object()],
    ids=lambda value: type(value).__name__,  # pytest can't write out integers of so many digits
)
@pytest.mark.parametrize("name", ["temperature", "top_k", "logit_bias", "dry_breakers", "order"])
def test_whatever_is_given_is_taken_or_refused_in_one_line(name, value):
    if value == [] and name in ("logit_bias", "dry_breakers", "order"):
        return
    with pytest.raises(ParameterError) as caught:
        SamplingParams(**{name: value})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("given", [{1: 2}, 5, None, [], "x", {None: 1}])
def test_what_is_no_mapping_of_parameters(given):
    with pytest.raises(ParameterError):
        SamplingParams.model_validate(given)
