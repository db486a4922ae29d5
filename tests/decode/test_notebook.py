"""Progress bars where a notebook's kernel runs, and nowhere else."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tests.fakes import FakeModel
from thermoscope.decode import notebook
from thermoscope.decode.generate import generate
from thermoscope.decode.progress import Progress


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


def test_what_a_bar_says() -> None:
    assert notebook.bar("a <b>", None, 0.0) == "a &lt;b&gt; <progress></progress>"
    state = Progress(finished=1, samples=3, tokens=10, most_tokens=40, forward_rows=10)
    said = 'generating <progress value="10" max="40"></progress> 1 of 3 texts, about 6 s left'
    assert notebook.bar("generating", state, 2.0) == said


def test_the_callers_own_function_is_told_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "in_notebook", lambda: True)
    told: list[Progress] = []
    generate(FakeModel(), "Once", max_new_tokens=4, on_progress=told.append)
    assert told[-1].finished == 1
