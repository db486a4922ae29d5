"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import thermoscope
from tests.tiny_cli import environment

HEAVY = (
    "torch",
    "transformers",
    "pydantic",
    "numpy",
    "rich",
    "tokenizers",
    "huggingface_hub",
    "scipy",
    "pyarrow",
    "duckdb",
    "altair",
)


def loaded(code: str) -> list[str]:
    """The heavy modules that are loaded once some code has run in a fresh interpreter."""
    code += f"\nimport sys; print('loaded', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()[-1].split()[1:]


def test_public_names() -> None:
    assert thermoscope.__all__ == [
        "Audit",
        "AuditRow",
        "Batch",
        "Bound",
        "Candidate",
        "Capabilities",
        "Chunk",
        "Cluster",
        "ComparedText",
        "Comparison",
        "Confirmed",
        "Curve",
        "Dialect",
        "Difference",
        "Differences",
        "Distance",
        "Draft",
        "Effects",
        "Embedder",
        "Endpoint",
        "EngineSetting",
        "Estimate",
        "Evidence",
        "ExampleText",
        "Exported",
        "FamilyCurve",
        "FeasibleRange",
        "Fork",
        "Found",
        "Frontier",
        "FrontierPoint",
        "Imported",
        "InputError",
        "Inspection",
        "Interrupted",
        "Leaf",
        "Limits",
        "Loop",
        "Meaning",
        "Measure",
        "Measured",
        "Model",
        "ModelError",
        "Ngrams",
        "Node",
        "Opaque",
        "OtherAdvice",
        "Passage",
        "Plan",
        "Point",
        "Prices",
        "Progress",
        "Prompt",
        "Ragged",
        "Ran",
        "RangeCurve",
        "RangeEdge",
        "RangePoint",
        "Recommendation",
        "Reference",
        "Remark",
        "Remote",
        "Report",
        "Rows",
        "Run",
        "Sample",
        "SamplingParams",
        "Score",
        "ScorerKind",
        "SearchRound",
        "Setting",
        "Snippet",
        "Source",
        "Spectrum",
        "Spent",
        "StageView",
        "StepFunction",
        "StepMeasures",
        "TemperatureInspection",
        "TemperatureView",
        "TextForm",
        "TextRecord",
        "TextTemperature",
        "TextWindow",
        "Texts",
        "ThermoscopeError",
        "TokenRecord",
        "TokenView",
        "TurningPoint",
        "Usage",
        "UseCase",
        "Verdict",
        "WhatRan",
        "__version__",
        "audit",
        "compare",
        "comparison_report",
        "export",
        "generate",
        "inspect",
        "inspect_temperatures",
        "load_model",
        "measure",
        "measure_files",
        "open_measured",
        "open_recommendation",
        "open_run",
        "open_source",
        "probabilities",
        "read_settings",
        "recommend",
        "register_engine",
        "register_measure",
        "register_scorer",
        "render",
        "run",
        "run_report",
        "save",
        "source_on",
        "spectrum",
        "step_measures",
        "temperature_of",
    ]
    assert dir(thermoscope) == thermoscope.__all__


@pytest.mark.parametrize("name", thermoscope.__all__)
def test_every_public_name_is_there_under_its_own_name(name: str) -> None:
    value = getattr(thermoscope, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AttributeError, match=r"'thermoscope' has no attribute 'temperature'; it has .*SamplingParams"):
        thermoscope.temperature  # noqa: B018


def test_errors_are_one_tree() -> None:
    assert issubclass(thermoscope.InputError, (thermoscope.ThermoscopeError, ValueError))
    assert issubclass(thermoscope.ModelError, thermoscope.ThermoscopeError)


@pytest.mark.parametrize(
    "code",
    [
        "import thermoscope; thermoscope.InputError",
        "from thermoscope.cli.app import _run; import sys; sys.argv = ['thermoscope', '--help']; _run()",
    ],
)
def test_nothing_heavy_is_loaded_unasked(code: str) -> None:
    assert loaded(code) == []


def test_the_help_of_a_command_loads_no_model_library() -> None:
    code = "from thermoscope.cli.app import _run; import sys; sys.argv = ['thermoscope', 'compare', '--help']; _run()"
    assert set(loaded(code)) <= {"pydantic"}  # which typer itself loads to read options


def test_settings_need_no_model_library() -> None:
    assert loaded("import thermoscope; thermoscope.SamplingParams(temperature=0.5)") == ["pydantic"]


def test_sql_on_a_run_needs_no_model_library(tmp_path) -> None:
    code = f"""
from thermoscope.cli.app import _run
import sys
sys.argv = ['thermoscope', 'runs', 'list', {str(tmp_path)!r}]
try:
    _run()
except SystemExit:
    pass
import thermoscope.runs.querying
"""
    assert not set(loaded(code)) & {"torch", "transformers"}
