"""Servers of other engines on loopback: those that are installed in a Python of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

#: Seconds that a server may take to start.
PATIENCE_S = 300


@dataclass(frozen=True)
class Engine:
    """How an engine's server is started.

    Attributes
    ----------
    provider
        What it is called in a model's name.
    variable
        The environment variable that names a Python which has it; without one the Python that runs this is tried.
    needs
        The import that says whether it is there.
    command
        What that Python is given before the model's folder.
    arguments
        What it is given after it.
    environment
        What it needs to know.
    """

    provider: str
    variable: str
    needs: str
    command: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


ENGINES = {
    engine.provider: engine
    for engine in (
        Engine(
            "transformers", "THERMOSCOPE_TRANSFORMERS", "fastapi, uvicorn, openai, transformers.cli.serve",
            ("-m", "transformers.cli.transformers", "serve"), ("--device", "cpu"),
        ),
        Engine(
            "vllm", "THERMOSCOPE_VLLM", "vllm", ("-W", "ignore", "-m", "vllm.entrypoints.openai.api_server", "--model"),
            ("--enforce-eager", "--dtype", "float32", "--max-model-len", "512", "--max-num-seqs", "16"),
            {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_NO_USAGE_STATS": "1"},
        ),
    )
}  # fmt: skip


@lru_cache
def program(provider: str) -> str | None:
    """The Python that has the engine; None where it is not installed."""
    engine = ENGINES[provider]
    python = os.environ.get(engine.variable) or sys.executable
    done = subprocess.run([python, "-c", f"import {engine.needs}"], capture_output=True, check=False)
    return None if done.returncode else python


@contextmanager
def engine_server(provider: str, folder: Path) -> Iterator[str]:
    """The server's address up to ``/v1`` while the block runs; ``folder`` is the model, and its name there."""
    engine, python, port = ENGINES[provider], program(provider), _free_port()
    assert python is not None, f"{provider} is not installed"
    process = subprocess.Popen(
        [python, *engine.command, str(folder), "--host", "127.0.0.1", "--port", str(port), *engine.arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"OMP_NUM_THREADS": "1", **os.environ, "HF_HUB_OFFLINE": "1", **engine.environment},
        start_new_session=True,  # it may start processes of its own, which end with it
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", provider)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str, provider: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, f"the server of {provider} ended before it answered"
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(f"the server of {provider} did not answer within {PATIENCE_S} s")
