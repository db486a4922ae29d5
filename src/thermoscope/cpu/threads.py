"""How many of torch's threads a piece of work is given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread(when: bool = True) -> Iterator[None]:
    """Give what this thread does one thread of torch's, if ``when``: for so little work that several would not help.

    Threads wait for each other awake after every operation. On a machine that has other work as well, such as the
    browser that waits for an answer, one of them is kept from running again and again, and all wait for it.
    """
    threads = torch.get_num_threads()
    if not when or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
