"""Thermoscope shows, measures and compares what decoding parameters do to the text of a language model.

The public names are those of ``__all__``; everything else may change. Heavy libraries are imported when a name
that needs them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from thermoscope._version import __version__
from thermoscope.errors import InputError, Interrupted, ModelError, ThermoscopeError

if TYPE_CHECKING:
    from thermoscope.auditing.audit import Audit, AuditRow
    from thermoscope.auditing.protocol import audit
    from thermoscope.auditing.text_temperature import TextTemperature, TextWindow, temperature_of
    from thermoscope.comparison.compare import compare
    from thermoscope.comparison.comparison import ComparedText, Comparison
    from thermoscope.comparison.inspected import (
        Inspection,
        StageView,
        TemperatureInspection,
        TemperatureView,
        TokenView,
    )
    from thermoscope.comparison.inspection import inspect, inspect_temperatures
    from thermoscope.comparison.passages import Passage
    from thermoscope.decode.generate import generate
    from thermoscope.decode.progress import Progress
    from thermoscope.decode.records import TokenRecord
    from thermoscope.decode.sample import Sample
    from thermoscope.engines.dialect import Dialect, Draft, Remark, Snippet, TextForm
    from thermoscope.engines.effect import Distance, EngineSetting
    from thermoscope.engines.export import Exported, export
    from thermoscope.engines.opaque import Opaque
    from thermoscope.engines.reading import Imported
    from thermoscope.engines.registry import register_engine
    from thermoscope.engines.settings_file import read_settings
    from thermoscope.engines.verdict import Verdict
    from thermoscope.files.remote import Remote
    from thermoscope.files.texts import Found
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.metrics.ngrams import Ngrams
    from thermoscope.metrics.ragged import Ragged
    from thermoscope.metrics.registry import Measure, register_measure
    from thermoscope.metrics.repetition import Loop
    from thermoscope.metrics.scorers import ScorerKind, register_scorer
    from thermoscope.metrics.steps import StepFunction, StepMeasures, step_measures
    from thermoscope.metrics.table import measure
    from thermoscope.metrics.texts import Texts
    from thermoscope.models.base import Model, Rows
    from thermoscope.models.load import load_model
    from thermoscope.ran.provenance import WhatRan
    from thermoscope.recommending.bounds import Bound
    from thermoscope.recommending.folder import open_recommendation
    from thermoscope.recommending.recommend import recommend
    from thermoscope.recommending.recommendation import (
        Candidate,
        Confirmed,
        Estimate,
        ExampleText,
        FamilyCurve,
        FeasibleRange,
        OtherAdvice,
        RangeCurve,
        RangeEdge,
        RangePoint,
        Recommendation,
        SearchRound,
        Spent,
        TurningPoint,
    )
    from thermoscope.report.forms import render, save
    from thermoscope.report.records.build import comparison_report, run_report
    from thermoscope.report.records.schema import (
        Curve,
        Difference,
        Differences,
        Meaning,
        Point,
        Ran,
        Report,
        Setting,
        TextRecord,
    )
    from thermoscope.runs.from_files import measure_files
    from thermoscope.runs.kept_texts import open_measured
    from thermoscope.runs.measured import Measured
    from thermoscope.runs.plan import Chunk, Plan
    from thermoscope.runs.run import Run, open_run, run
    from thermoscope.sampling.chain import probabilities
    from thermoscope.sampling.effects import Effects
    from thermoscope.settings.params import SamplingParams
    from thermoscope.sources.base import Batch, Capabilities, Source, Usage
    from thermoscope.sources.client import Limits
    from thermoscope.sources.cluster import Cluster
    from thermoscope.sources.endpoint import Endpoint, Prices
    from thermoscope.sources.open import open_source, source_on
    from thermoscope.spectra.explore import spectrum
    from thermoscope.spectra.fork import Fork
    from thermoscope.spectra.leaf import Leaf, Node
    from thermoscope.spectra.spectrum import Spectrum
    from thermoscope.statistics.evidence import Evidence
    from thermoscope.statistics.frontier import Frontier, FrontierPoint
    from thermoscope.statistics.reference import Reference
    from thermoscope.usecases.case import Prompt, UseCase
    from thermoscope.usecases.score import Score

_LAZY = {
    "Audit": "thermoscope.auditing.audit",
    "AuditRow": "thermoscope.auditing.audit",
    "Batch": "thermoscope.sources.base",
    "Bound": "thermoscope.recommending.bounds",
    "Candidate": "thermoscope.recommending.recommendation",
    "Capabilities": "thermoscope.sources.base",
    "Chunk": "thermoscope.runs.plan",
    "Cluster": "thermoscope.sources.cluster",
    "ComparedText": "thermoscope.comparison.comparison",
    "Comparison": "thermoscope.comparison.comparison",
    "Confirmed": "thermoscope.recommending.recommendation",
    "Curve": "thermoscope.report.records.schema",
    "Dialect": "thermoscope.engines.dialect",
    "Difference": "thermoscope.report.records.schema",
    "Differences": "thermoscope.report.records.schema",
    "Distance": "thermoscope.engines.effect",
    "Draft": "thermoscope.engines.dialect",
    "Effects": "thermoscope.sampling.effects",
    "Embedder": "thermoscope.metrics.embedding",
    "Endpoint": "thermoscope.sources.endpoint",
    "EngineSetting": "thermoscope.engines.effect",
    "Estimate": "thermoscope.recommending.recommendation",
    "Evidence": "thermoscope.statistics.evidence",
    "ExampleText": "thermoscope.recommending.recommendation",
    "Exported": "thermoscope.engines.export",
    "FamilyCurve": "thermoscope.recommending.recommendation",
    "FeasibleRange": "thermoscope.recommending.recommendation",
    "Fork": "thermoscope.spectra.fork",
    "Found": "thermoscope.files.texts",
    "Frontier": "thermoscope.statistics.frontier",
    "FrontierPoint": "thermoscope.statistics.frontier",
    "Imported": "thermoscope.engines.reading",
    "Inspection": "thermoscope.comparison.inspected",
    "Leaf": "thermoscope.spectra.leaf",
    "Limits": "thermoscope.sources.client",
    "Loop": "thermoscope.metrics.repetition",
    "Meaning": "thermoscope.report.records.schema",
    "Measure": "thermoscope.metrics.registry",
    "Measured": "thermoscope.runs.measured",
    "Model": "thermoscope.models.base",
    "Ngrams": "thermoscope.metrics.ngrams",
    "Node": "thermoscope.spectra.leaf",
    "Opaque": "thermoscope.engines.opaque",
    "OtherAdvice": "thermoscope.recommending.recommendation",
    "Passage": "thermoscope.comparison.passages",
    "Plan": "thermoscope.runs.plan",
    "Point": "thermoscope.report.records.schema",
    "Prices": "thermoscope.sources.endpoint",
    "Progress": "thermoscope.decode.progress",
    "Prompt": "thermoscope.usecases.case",
    "Ragged": "thermoscope.metrics.ragged",
    "Ran": "thermoscope.report.records.schema",
    "RangeCurve": "thermoscope.recommending.recommendation",
    "RangeEdge": "thermoscope.recommending.recommendation",
    "RangePoint": "thermoscope.recommending.recommendation",
    "Recommendation": "thermoscope.recommending.recommendation",
    "Reference": "thermoscope.statistics.reference",
    "Remark": "thermoscope.engines.dialect",
    "Remote": "thermoscope.files.remote",
    "Report": "thermoscope.report.records.schema",
    "Rows": "thermoscope.models.base",
    "Run": "thermoscope.runs.run",
    "Sample": "thermoscope.decode.sample",
    "SamplingParams": "thermoscope.settings.params",
    "Score": "thermoscope.usecases.score",
    "ScorerKind": "thermoscope.metrics.scorers",
    "SearchRound": "thermoscope.recommending.recommendation",
    "Setting": "thermoscope.report.records.schema",
    "Snippet": "thermoscope.engines.dialect",
    "Source": "thermoscope.sources.base",
    "Spectrum": "thermoscope.spectra.spectrum",
    "Spent": "thermoscope.recommending.recommendation",
    "StageView": "thermoscope.comparison.inspected",
    "StepFunction": "thermoscope.metrics.steps",
    "StepMeasures": "thermoscope.metrics.steps",
    "TemperatureInspection": "thermoscope.comparison.inspected",
    "TemperatureView": "thermoscope.comparison.inspected",
    "TextForm": "thermoscope.engines.dialect",
    "TextRecord": "thermoscope.report.records.schema",
    "TextTemperature": "thermoscope.auditing.text_temperature",
    "TextWindow": "thermoscope.auditing.text_temperature",
    "Texts": "thermoscope.metrics.texts",
    "TokenRecord": "thermoscope.decode.records",
    "TokenView": "thermoscope.comparison.inspected",
    "TurningPoint": "thermoscope.recommending.recommendation",
    "Usage": "thermoscope.sources.base",
    "UseCase": "thermoscope.usecases.case",
    "Verdict": "thermoscope.engines.verdict",
    "WhatRan": "thermoscope.ran.provenance",
    "audit": "thermoscope.auditing.protocol",
    "compare": "thermoscope.comparison.compare",
    "comparison_report": "thermoscope.report.records.build",
    "export": "thermoscope.engines.export",
    "generate": "thermoscope.decode.generate",
    "inspect": "thermoscope.comparison.inspection",
    "inspect_temperatures": "thermoscope.comparison.inspection",
    "load_model": "thermoscope.models.load",
    "measure": "thermoscope.metrics.table",
    "measure_files": "thermoscope.runs.from_files",
    "open_measured": "thermoscope.runs.kept_texts",
    "open_recommendation": "thermoscope.recommending.folder",
    "open_run": "thermoscope.runs.run",
    "open_source": "thermoscope.sources.open",
    "probabilities": "thermoscope.sampling.chain",
    "read_settings": "thermoscope.engines.settings_file",
    "recommend": "thermoscope.recommending.recommend",
    "register_engine": "thermoscope.engines.registry",
    "register_measure": "thermoscope.metrics.registry",
    "register_scorer": "thermoscope.metrics.scorers",
    "render": "thermoscope.report.forms",
    "run": "thermoscope.runs.run",
    "run_report": "thermoscope.report.records.build",
    "save": "thermoscope.report.forms",
    "source_on": "thermoscope.sources.open",
    "spectrum": "thermoscope.spectra.explore",
    "step_measures": "thermoscope.metrics.steps",
    "temperature_of": "thermoscope.auditing.text_temperature",
}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
