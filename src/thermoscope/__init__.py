"""Thermoscope shows, measures and compares what decoding parameters do to the text of a language model.

The public names are those of ``__all__``; everything else may change. Heavy libraries are imported when a name
that needs them is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from thermoscope._version import __version__
from thermoscope.errors import InputError, ModelError, ThermoscopeError

if TYPE_CHECKING:
    from thermoscope.auditing.audit import Audit
    from thermoscope.auditing.protocol import audit
    from thermoscope.auditing.text_temperature import TextTemperature, temperature_of
    from thermoscope.comparison.compare import compare
    from thermoscope.comparison.comparison import Comparison
    from thermoscope.comparison.inspection import inspect
    from thermoscope.decode.generate import generate
    from thermoscope.decode.sample import Sample
    from thermoscope.engines.dialect import Dialect, Snippet
    from thermoscope.engines.export import Exported, export
    from thermoscope.engines.registry import register_engine
    from thermoscope.metrics.registry import Measure, register_measure
    from thermoscope.metrics.scorers import ScorerKind, register_scorer
    from thermoscope.metrics.steps import step_measures
    from thermoscope.metrics.table import measure
    from thermoscope.models.load import load_model
    from thermoscope.report.forms import render, save
    from thermoscope.report.records.build import comparison_report, run_report
    from thermoscope.report.records.schema import Report
    from thermoscope.sampling.chain import probabilities
    from thermoscope.settings.params import SamplingParams
    from thermoscope.spectra.explore import spectrum
    from thermoscope.spectra.spectrum import Spectrum

# Read when torch is loaded. By default its threads wait in a loop for milliseconds: beside another busy process that
# is ten times slower, and it takes a core from the compiled loops. So many turns are some ten microseconds.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

_LAZY = {
    "Audit": "thermoscope.auditing.audit",
    "audit": "thermoscope.auditing.protocol",
    "TextTemperature": "thermoscope.auditing.text_temperature",
    "temperature_of": "thermoscope.auditing.text_temperature",
    "Exported": "thermoscope.engines.export",
    "export": "thermoscope.engines.export",
    "Dialect": "thermoscope.engines.dialect",
    "Measure": "thermoscope.metrics.registry",
    "ScorerKind": "thermoscope.metrics.scorers",
    "Snippet": "thermoscope.engines.dialect",
    "register_engine": "thermoscope.engines.registry",
    "register_measure": "thermoscope.metrics.registry",
    "register_scorer": "thermoscope.metrics.scorers",
    "Comparison": "thermoscope.comparison.comparison",
    "Report": "thermoscope.report.records.schema",
    "Sample": "thermoscope.decode.sample",
    "SamplingParams": "thermoscope.settings.params",
    "Spectrum": "thermoscope.spectra.spectrum",
    "compare": "thermoscope.comparison.compare",
    "comparison_report": "thermoscope.report.records.build",
    "generate": "thermoscope.decode.generate",
    "inspect": "thermoscope.comparison.inspection",
    "load_model": "thermoscope.models.load",
    "measure": "thermoscope.metrics.table",
    "probabilities": "thermoscope.sampling.chain",
    "render": "thermoscope.report.forms",
    "run_report": "thermoscope.report.records.build",
    "save": "thermoscope.report.forms",
    "spectrum": "thermoscope.spectra.explore",
    "step_measures": "thermoscope.metrics.steps",
}

__all__ = [
    "Audit",
    "Comparison",
    "Dialect",
    "Exported",
    "InputError",
    "Measure",
    "ModelError",
    "Report",
    "Sample",
    "SamplingParams",
    "ScorerKind",
    "Snippet",
    "Spectrum",
    "TextTemperature",
    "ThermoscopeError",
    "__version__",
    "audit",
    "compare",
    "comparison_report",
    "export",
    "generate",
    "inspect",
    "load_model",
    "measure",
    "probabilities",
    "register_engine",
    "register_measure",
    "register_scorer",
    "render",
    "run_report",
    "save",
    "spectrum",
    "step_measures",
    "temperature_of",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
