"""An audit that is killed in the middle goes on where it was."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.auditing.fake import FakeClient
from tests.sources.server import Handler, serving
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.cli.app import app

#: The most requests under way: those that the kill takes away after they were answered.
AT_ONCE = 4


def asked_again(body: Mapping[str, Any]) -> bool:
    """Whether a request is one of those that see whether a seed gives one text: asked more than once on purpose."""
    return bool(body["seed"] == 77 and body["max_tokens"] > 1)


@pytest.mark.server
def test_a_killed_audit_asks_nothing_twice(tmp_path: Path) -> None:
    behind, lock, enough = FakeClient(), threading.Lock(), threading.Event()

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        with lock:
            behind.asked[json.dumps(body, sort_keys=True)] += 1
            found = behind._answer(body)
            if behind.asked.total() == 150:
                enough.set()
        handler.give(found)

    with serving(behave) as server:
        words = [
            "audit", "vllm/fake", f"--base-url={server.url}", "--budget=200", f"--at-once={AT_ONCE}",
            f"--cache={tmp_path / 'answers.sqlite'}", "--json", *(f"--prompt={prompt}" for prompt in BEGINNINGS[:8]),
        ]  # fmt: skip
        command = [sys.executable, "-m", "thermoscope", *words]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert enough.wait(120)
        first.kill()
        assert first.wait() < 0
        before = behind.asked.total()
        again = CliRunner().invoke(app, words)
    assert again.exit_code == 0, again.output
    found = json.loads(again.stdout)
    assert found["requests"] == behind.asked.total() - before
    bodies = [(json.loads(body), times) for body, times in behind.asked.items()]
    seeded = [times for body, times in bodies if "seed" in body and not asked_again(body)]
    assert sum(times - 1 for times in seeded) <= AT_ONCE
    assert found["cached"] >= before - AT_ONCE
