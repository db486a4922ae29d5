import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope import InputError, SamplingParams, ThermoscopeError
from thermoscope.errors import ParameterError
from thermoscope.params import ORDERS, STAGES

temperatures = st.floats(0, 1e308) | st.integers(0, 10**6)
top_ks = st.none() | st.integers(1, 2**63 - 1)
top_ps = st.none() | st.floats(0, 1, exclude_min=True)
min_ps = st.none() | st.floats(0, 1)
orders = st.permutations(list(STAGES)) | st.sampled_from(sorted(ORDERS))
settings = st.builds(SamplingParams, temperature=temperatures, top_k=top_ks, top_p=top_ps, min_p=min_ps, order=orders)


def message(**values: object) -> str:
    with pytest.raises(ParameterError) as caught:
        SamplingParams(**values)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


def test_nothing_set_is_pure_sampling():
    params = SamplingParams()
    assert params.temperature == 1.0
    assert (params.top_k, params.top_p, params.min_p) == (None, None, None)
    assert params.active_stages == ()
    assert params.order == ("temperature", "top_k", "top_p", "min_p")


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
        ({"order": "vllm"}, "order must be one of transformers, llama.cpp", "got 'vllm'", "top_p"),
        ({"order": ["top_q"]}, "order has the unknown stage 'top_q'", "top_q", "the stages are temperature"),
        ({"order": ["{x}"]}, "order has the unknown stage '{x}'", "{x}", "the stages are temperature"),
        ({"order": [["top_k"]]}, "order has the unknown stage ['top_k']", "top_k", "the stages are"),
        ({"order": ["top_k", "top_p", "top_k"]}, "order has the stage 'top_k' twice", "top_k", "once"),
        ({"order": 3}, "order must be a list of stages", "got 3", "temperature"),
        ({"order": None}, "order must be a list of stages", "got None", "temperature"),
        ({"order": {"top_k", "top_p"}}, "order must be a list of stages", "top_k", "temperature"),
        ({"top_q": 0.9}, "unknown sampling parameter 'top_q'", "top_q", "temperature, top_k, top_p, min_p"),
        ({"self": 1}, "unknown sampling parameter 'self'", "self", "temperature, top_k, top_p, min_p"),
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
    same = all(getattr(a, name) == getattr(b, name) for name in SamplingParams.model_fields)
    assert (a == b) is same
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
        dynatemp_range: float | None = None
        dynatemp_exponent: float = 1.0

    now = SamplingParams(temperature=0.7, top_k=5)
    identity, text = now.id, str(now)
    monkeypatch.setitem(STAGES, "temperature", ("temperature", "dynatemp_range", "dynatemp_exponent"))
    assert Later(temperature=0.7, top_k=5).id == identity
    assert str(Later(temperature=0.7, top_k=5)) == text
    on = Later(dynatemp_range=0.5)
    assert on.active_stages == ("temperature",)
    assert on.id != Later().id and str(on) == "temperature=1 dynatemp_range=0.5"


def test_active_stages_run_in_the_given_order():
    params = SamplingParams(temperature=0.7, min_p=0.1, top_k=5, order="llama.cpp")
    assert params.active_stages == ("top_k", "min_p", "temperature")
    assert SamplingParams(temperature=1, top_p=0.9).active_stages == ("top_p",)
    assert SamplingParams(top_p=1.0, min_p=0).active_stages == ("top_p", "min_p")


def test_order_may_be_any_list():
    listed = SamplingParams(order=["top_k", "top_p", "min_p", "temperature"])
    assert listed == SamplingParams(order="llama.cpp")
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
    assert (str(a) == str(b)) is (a.id == b.id and (a.min_p, a.top_p, a.top_k) == (b.min_p, b.top_p, b.top_k))
