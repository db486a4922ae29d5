"""What every test has: one thread (tiny tensors gain nothing from more), no network, no colour from outside.

Hypothesis runs without deadlines and with the same examples each time. Tests of every room may run the command line.
"""

from __future__ import annotations

import os

# before torch and the hub's client are imported
os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from tests.tiny_cli import cli, no_model, tiny_model  # noqa: E402

__all__ = ["cli", "no_model", "tiny_model"]

settings.register_profile("thermoscope", deadline=None, derandomize=True)
settings.load_profile("thermoscope")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Set up the libraries, where tests run: the process that hands them out to others needs none."""
    if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
        return
    import torch
    from transformers.utils import logging

    from thermoscope.cpu import probe

    torch.set_num_threads(1)
    probe.use_loops()  # they are what most tests are about; what is used instead has tests of its own
    logging.disable_progress_bar()
