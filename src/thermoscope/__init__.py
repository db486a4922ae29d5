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
    from thermoscope.decode.explore import spectrum
    from thermoscope.decode.generate import generate
    from thermoscope.decode.sample import Sample
    from thermoscope.decode.spectrum import Spectrum
    from thermoscope.experiment.compare import compare
    from thermoscope.experiment.comparison import Comparison
    from thermoscope.experiment.inspection import inspect
    from thermoscope.metrics.steps import step_measures
    from thermoscope.metrics.table import measure
    from thermoscope.models.load import load_model
    from thermoscope.params import SamplingParams
    from thermoscope.report.records.build import comparison_report, run_report
    from thermoscope.report.records.schema import Report
    from thermoscope.sampling.chain import probabilities

# Read when torch is loaded. By default its threads wait in a loop for milliseconds: beside another busy process that
# is ten times slower, and it takes a core from the compiled loops. So many turns are some ten microseconds.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

_LAZY = {
    "Comparison": "thermoscope.experiment.comparison",
    "Report": "thermoscope.report.records.schema",
    "Sample": "thermoscope.decode.sample",
    "SamplingParams": "thermoscope.params",
    "Spectrum": "thermoscope.decode.spectrum",
    "compare": "thermoscope.experiment.compare",
    "comparison_report": "thermoscope.report.records.build",
    "generate": "thermoscope.decode.generate",
    "inspect": "thermoscope.experiment.inspection",
    "load_model": "thermoscope.models.load",
    "measure": "thermoscope.metrics.table",
    "probabilities": "thermoscope.sampling.chain",
    "run_report": "thermoscope.report.records.build",
    "spectrum": "thermoscope.decode.explore",
    "step_measures": "thermoscope.metrics.steps",
}

__all__ = [
    "Comparison",
    "InputError",
    "ModelError",
    "Report",
    "Sample",
    "SamplingParams",
    "Spectrum",
    "ThermoscopeError",
    "__version__",
    "compare",
    "comparison_report",
    "generate",
    "inspect",
    "load_model",
    "measure",
    "probabilities",
    "run_report",
    "spectrum",
    "step_measures",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
