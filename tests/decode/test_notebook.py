"""Progress bars where a notebook's kernel runs, and nowhere else."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.fakes import FakeModel
from thermoscope.decode import notebook
from thermoscope.decode.generate import generate
from thermoscope.decode.progress import Progress
from thermoscope.spectra.explore import spectrum


def ipython(kernel: object) -> SimpleNamespace:
    return SimpleNamespace(get_ipython=lambda: None if kernel is None else SimpleNamespace(kernel=kernel))


@pytest.mark.parametrize(("kernel", "there"), [(None, False), ("kernel", True)])
def test_a_kernel_makes_a_notebook(monkeypatch: pytest.MonkeyPatch, kernel: object, there: bool) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ipython(kernel))
    assert notebook.in_notebook() is there


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not notebook.in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.in_notebook()


def test_a_bar_follows_the_work_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import rich.progress

    told: list[dict[str, object]] = []

    class Bars(rich.progress.Progress):
        def update(self, task: object, **how: object) -> None:  # type: ignore[override]
            told.append(how)

    monkeypatch.setattr(notebook, "in_notebook", lambda: True)
    monkeypatch.setattr(rich.progress, "Progress", Bars)
    generate(FakeModel(), "Once", seeds=[0, 1], max_new_tokens=5)
    assert told[-1] == {"total": 10, "completed": 10, "texts": "2 of 2 texts"}
    told.clear()
    spectrum(FakeModel(), "Once", temperature=(0.5, 1.0), max_new_tokens=3)
    assert told


def test_the_callers_own_function_is_told_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "in_notebook", lambda: True)
    told: list[Progress] = []
    generate(FakeModel(), "Once", max_new_tokens=4, on_progress=told.append)
    assert told[-1].finished == 1
