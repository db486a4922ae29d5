"""The commands ``audit`` and ``temperature``: output, exit codes, and bad input in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.auditing.fake import FakeClient, endpoint
from tests.auditing.test_protocol import ignore
from thermoscope.auditing import protocol
from thermoscope.cli.app import app
from thermoscope.errors import InputError


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeClient], None]:
    def serve(client: FakeClient) -> None:
        monkeypatch.setattr(protocol, "_endpoint", lambda *_: endpoint(client))

    return serve


def run(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_the_finding_comes_first_and_lines_are_short(served: Callable[[FakeClient], None]) -> None:
    served(FakeClient(ignore))
    result = run("audit", "vllm/fake", "--fresh", "--budget", "800")
    lines = result.output.splitlines()
    assert lines[0] == "Accepted but ignored: temperature, temperature (chat)."
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("temperature ") and "ignored" in line for line in lines) == 7  # 2 of the chat route
    assert "ignored: always 0.8" in result.output
    assert result.exit_code == 1


def test_json_has_every_row(served: Callable[[FakeClient], None]) -> None:
    served(FakeClient())
    result = run("audit", "vllm/fake", "--fresh", "--budget", "400", "--json")
    found = json.loads(result.stdout)
    assert found["honoured"] is True
    assert {row["sent"] for row in found["rows"] if row["parameter"] == "temperature"} == {
        0.3, 0.7, 1.0, 1.5, 2.0, "nothing",
    }  # fmt: skip
    assert result.exit_code == 0


def test_strict_fails_where_a_default_is_added(served: Callable[[FakeClient], None]) -> None:
    served(FakeClient(lambda body: {"min_p": 0.1, **body}))
    words = ("audit", "vllm/fake", "--fresh", "--send", "temperature=1", "--budget", "600")
    assert run(*words).exit_code == 0
    assert run(*words, "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("audit", "gpt2"), "an audit is of an endpoint"),
        (("audit", "vllm/x", "--route", "native"), "--route must be chat or completions"),
        (("audit", "vllm/x", "--send", "temperature"), "must be written key=value"),
        (("audit", "vllm/x", "--fresh", "--cache", "y"), "--fresh keeps no answers"),
        (("audit", "vllm/x", "--budget", "5", "--fresh"), "at least 200 requests"),
        (("temperature", "/no/such/file"), "can't be read"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], message: str) -> None:
    result = run(*words)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_the_temperature_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(" there was a little girl who loved to play in the park. One day she saw a big tree.")
    result = run("temperature", str(file), "--prompt", "Once upon a time")
    assert result.exit_code == 0
    assert "T = " in result.output.splitlines()[0]
    assert "Author: " in result.output


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "text.bin"
    file.write_bytes(b"abc\xff\xfe")
    assert "must be UTF-8" in str(run("temperature", str(file)).exception)
