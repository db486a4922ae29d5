"""Slices of work, and the exponential that goes through vector registers."""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from thermoscope.cpu import compiled as module
from thermoscope.cpu import sources
from thermoscope.cpu.compiled import compiled, exp, over_slices, sliced

_thread = ctypes.CDLL(None).pthread_self if hasattr(ctypes.CDLL(None), "pthread_self") else None
if _thread is not None:
    _thread.restype, _thread.argtypes = ctypes.c_int64, []


@pytest.fixture(params=["torch's threads", "a pool"], autouse=True)
def _both_kinds_of_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "a pool":
        monkeypatch.setattr(module, "_forked", [True])
    module.openmp_parallel.cache_clear()
    yield
    module.openmp_parallel.cache_clear()


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@sliced()
def _add(counts, firsts, number, first, last):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        counts[i] += number
    firsts[first] = 1


@sliced(cache=False)
def _stay(threads, looks, first, last):  # type: ignore[no-untyped-def]
    """Note the thread of each item, after a while."""
    total = 0.0
    for i in range(first, last):
        for j in range(looks):
            total += np.sin(j + total)
        threads[i] = _thread()
    if total == 0.1:
        threads[0] = 0


def _arrays(items: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(items + 1, np.int64), np.zeros(items + 1, np.int64)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 7, 100])
def test_slices_cover_all_items_once(items: int, threads: int) -> None:
    torch.set_num_threads(threads)
    counts, firsts = _arrays(items)
    over_slices(_add, items, counts, firsts, 3, work=2**40)
    assert counts.tolist() == [3] * items + [0]
    assert threads == 1 or firsts[:items].sum() >= min(items, threads)


@pytest.mark.skipif(_thread is None, reason="no pthreads here")
@pytest.mark.parametrize("threads", [2, 3])
def test_the_slices_are_shared_among_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    found = np.zeros(12, np.int64)
    over_slices(_stay, 12, found, 300_000, work=2**40)
    assert 2 <= len(set(found.tolist())) <= threads


def test_calls_from_several_threads_at_once_each_do_their_own_work() -> None:
    arrays = [_arrays(1000) for _ in range(8)]

    def call(counts: np.ndarray, firsts: np.ndarray) -> None:
        torch.set_num_threads(3)
        for _ in range(50):
            over_slices(_add, 1000, counts, firsts, 1, work=2**40)

    callers = [threading.Thread(target=call, args=pair) for pair in arrays]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all((counts[:1000] == 50).all() for counts, _ in arrays)


def test_little_work_is_one_slice() -> None:
    counts, firsts = _arrays(100)
    over_slices(_add, 100, counts, firsts, 1, work=10)
    assert firsts.tolist() == [1] + [0] * 100


def test_threads_and_torch_s_own_operations_take_turns() -> None:
    counts, firsts = _arrays(1000)
    a = torch.ones(300, 300)
    for _ in range(20):
        over_slices(_add, 1000, counts, firsts, 1, work=2**40)
        assert float((a @ a)[7, 7]) == 300
    assert (counts[:1000] == 20).all()


@sliced()
def _fails(values, first, last):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        if values[i] < 0:
            raise MemoryError("no room")
        values[i] += 1


def test_a_slice_that_fails_is_told() -> None:
    values = np.array([0, 0, -1, 0, 0, 0, 0, 0])
    with pytest.raises(MemoryError):
        over_slices(_fails, 8, values, work=2**40)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    """OpenMP's don't survive a fork, and it waits for them for ever."""
    counts, firsts = _arrays(100)
    over_slices(_add, 100, counts, firsts, 1, work=2**40)
    child = os.fork()
    if not child:
        over_slices(_add, 100, counts, firsts, 1, work=2**40)
        os._exit(0 if (counts[:100] == 2).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


@compiled()
def _exps(x, out):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        out[i] = exp(x[i])


def test_the_exponential() -> None:
    x = -np.concatenate([[0.0], np.logspace(-8, np.log10(80), 20_000)]).astype(np.float32)
    out = np.empty_like(x)
    _exps(x, out)
    want = np.exp(x.astype(np.float64))
    assert out[0] == 1
    assert float(np.abs(out / want - 1).max()) < 3e-7
    _exps(np.array([-1e30, -np.inf], np.float32), out)
    assert (out[:2] < 1e-37).all()


def test_every_file_of_loops_counts_for_what_numba_keeps() -> None:
    here = Path(module.__file__).parent
    counted = {path for pattern in sources.SOURCES for path in here.glob(pattern)}
    loops = re.compile(r"^(@compiled\(|@sliced\(|@intrinsic|from numba|from llvmlite)", flags=re.MULTILINE)
    written = {path for path in here.rglob("*.py") if loops.search(path.read_text(encoding="utf-8"))}
    assert counted == written | {here / "plain_texts.py"}  # text_loops.py takes numbers from it
    assert exp.py_func.__qualname__ == f"exp_{sources.state_of_sources()}"
