"""A small run, as processes of their own make it: what the tests kill."""

from __future__ import annotations

from pathlib import Path

from tests.fakes import FakeModel
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import Plan, plan_run
from thermoscope.runs.store import Store
from thermoscope.settings.grid import varied
from thermoscope.sources.local import LocalSource
from thermoscope.usecases.case import UseCase
from thermoscope.usecases.load import parse

PROMPTS = ("One day", "The fox", "A king", "Snow", "Why?", "The end")
CASE = 'title = "x"\nobjective = "creative"\n' + "".join(f'[[prompts]]\ntext = "{text}"\n' for text in PROMPTS)


def case() -> UseCase:
    return parse(CASE, Path("small.toml"))


def small(model: FakeModel) -> Plan:
    settings = varied({"temperature": [0.3, 0.9], "top_k": [None, 5]})
    return plan_run(LocalSource(model), case(), settings, seeds=range(3), max_new_tokens=24, max_rows=16)


def make(folder: str) -> Store:
    model = FakeModel(end_bias=3.0)
    store = Store(Path(folder))
    carry_out(LocalSource(model), small(model), store, Measuring(case()))
    return store
