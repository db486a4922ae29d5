"""Slices of work, and the exponential that goes through vector registers."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from thermoscope.compiled import compiled, exp, over_slices


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 7, 100])
def test_slices_cover_all_items_once(items: int, threads: int) -> None:
    done: list[tuple[int, int, str]] = []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        over_slices(lambda first, last: done.append((first, last, threading.current_thread().name)), items, work=2**40)
    finally:
        torch.set_num_threads(before)
    assert sorted(n for first, last, _ in done for n in range(first, last)) == list(range(items))
    assert threads == 1 or len(done) >= min(items, threads)
    assert len({name for _, _, name in done}) <= threads


def test_a_slow_helper_is_not_waited_for_but_for_what_it_has_begun() -> None:
    """The other thread takes one slice and keeps it; the rest is done here meanwhile, and all of it once."""
    begun, go_on, here = threading.Event(), threading.Event(), threading.get_ident()
    done: list[int] = []

    def treat(first: int, last: int) -> None:
        if threading.get_ident() != here:
            begun.set()
            assert go_on.wait(10)
        else:
            assert begun.wait(10)
            if len(done) == 6:
                go_on.set()
        done.extend(range(first, last))

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        over_slices(treat, 8, work=2**40)
    finally:
        torch.set_num_threads(before)
    assert sorted(done) == list(range(8))


def test_calls_from_several_threads_at_once_each_do_their_own_work() -> None:
    counts = [np.zeros(1000, np.int64) for _ in range(8)]

    def treat(own: np.ndarray, first: int, last: int) -> None:
        own[first:last] += 1

    def call(own: np.ndarray) -> None:
        for _ in range(50):
            over_slices(treat, 1000, own, work=2**40)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        callers = [threading.Thread(target=call, args=(own,)) for own in counts]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    finally:
        torch.set_num_threads(before)
    assert all((own == 50).all() for own in counts)


def test_little_work_stays_on_one_thread() -> None:
    done: list[int] = []
    over_slices(lambda *_: done.append(threading.get_ident()), 100, work=10)
    assert done == [threading.get_ident()]


def test_an_error_on_another_thread_is_raised() -> None:
    def fails(first: int, _: int) -> None:
        if first:
            raise ValueError("from slice 2")

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(ValueError, match="slice 2"):
            over_slices(fails, 2, work=2**40)
    finally:
        torch.set_num_threads(before)


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
