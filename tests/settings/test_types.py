"""What a type checker says of right and wrong calls, and what pydantic's other doors let through."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path

import pytest

from thermoscope.errors import ParameterError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams

ROOT = Path(__file__).parents[2]
CALLS = """
from thermoscope import SamplingParams

SamplingParams(temperature=1, top_k=5, order="llama.cpp", logit_bias={5: -1.0}, dry_multiplier=1, dry_breakers=[1])
SamplingParams(order=["temperature", "top_p"], top_p=None).replace(top_p=0.5)
SamplingParams(tempratur=1)
SamplingParams(top_k="x")
SamplingParams(temperature="0.7")
SamplingParams(0.7)
"""
#: As a user has it, without pydantic's plugin; what settings are not made of is not read, which would take a minute.
CONFIGURATION = """
[mypy]
strict = true
follow_imports = skip
[mypy-thermoscope,thermoscope.settings.*,thermoscope.errors,thermoscope.words,pydantic.*]
follow_imports = silent
"""


def test_wrong_calls_are_errors_for_mypy(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "calls.py").write_text(CALLS)
    (tmp_path / "mypy.ini").write_text(CONFIGURATION)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", str(tmp_path / "cache"), "calls.py"],
        cwd=tmp_path, capture_output=True, text=True, env={"MYPYPATH": str(ROOT / "src"), "PATH": ""}, timeout=300,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("calls.py:")]
    wrong = {int(line.split(":")[1]) for line in lines if ": error:" in line}
    assert wrong == {6, 7, 8, 9}, done.stdout + done.stderr
    assert any('Unexpected keyword argument "tempratur"' in line for line in lines)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SamplingParams.model_validate({"temperature": -1}),
        lambda: SamplingParams.model_validate({"tempratur": 1}),
        lambda: SamplingParams.model_validate([1, 2]),
        lambda: SamplingParams.model_validate_json('{"top_p": 2}'),
        lambda: SamplingParams.model_validate_json("{"),
        lambda: SamplingParams.model_validate_strings({"top_p": "2"}),
        lambda: SamplingParams(temperature=0.7).model_copy(update={"temperature": -3}),
        lambda: SamplingParams(temperature=0.7).model_copy(update={"top_q": 1}),
        lambda: SamplingParams(temperature=[]),
        lambda: SamplingParams(temperature={}),
        lambda: SamplingParams(top_k=10**5000),
        lambda: SamplingParams(temperature=10**5000),
        lambda: SamplingParams(logit_bias={10**5000: 1.0}),
        lambda: SamplingParams(logit_bias={"9" * 5000: 1.0}),
        lambda: SamplingParams(order=[["temperature"]]),
        lambda: SamplingParams(order=5),
    ],
)
def test_no_door_lets_a_bad_value_through(make) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_good_values_come_through_every_door() -> None:
    setting = SamplingParams(temperature=0.7, top_k=5)
    assert SamplingParams.model_validate({"temperature": 0.7, "top_k": 5}) == setting
    assert SamplingParams.model_validate_json('{"temperature": 0.7, "top_k": 5}') == setting
    assert setting.model_copy() == setting
    assert setting.model_copy(update={"top_k": 9}) == SamplingParams(temperature=0.7, top_k=9)


def test_settings_that_do_the_same_are_one() -> None:
    """The place of stages that are off does not count; values and the order of what is on do."""
    for name in ORDERS:
        same = SamplingParams(temperature=0.5, order=name)
        assert same == SamplingParams(temperature=0.5)
        assert hash(same) == hash(SamplingParams(temperature=0.5))
        assert same.id == SamplingParams(temperature=0.5).id
    first, last = (SamplingParams(temperature=0.5, top_p=0.9, order=name) for name in ("transformers", "llama.cpp"))
    assert first != last
    assert first.id != last.id
    assert len({first, last, SamplingParams(temperature=0.5, top_p=0.9, order="vllm")}) == 2
    assert SamplingParams(top_p=1) != SamplingParams()  # asked for, though it does nothing
    assert SamplingParams() != "temperature=1"


def test_it_shows_itself() -> None:
    setting = SamplingParams(temperature=0.7, top_p=0.9, order="llama.cpp")
    assert repr(setting) == "SamplingParams(temperature=0.7 top_p=0.9 order=llama.cpp)"
    shown = setting._repr_html_()
    assert f"<caption>setting {setting.id}</caption>" in shown
    for name, value in (("temperature", "0.7"), ("top_p", "0.9"), ("order", "llama.cpp")):
        assert f"<tr><th>{name}</th><td>{value}</td></tr>" in shown
    many = SamplingParams(temperature=0.5, top_p=0.9, order=["top_p", "temperature"])._repr_html_()
    assert html.escape("top_p,temperature") in many
