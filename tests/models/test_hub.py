"""Models by name, from a hub of our own: the hub's client and transformers speak to it as to the real one."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from tests.tiny_cli import environment, process
from thermoscope import inspect, load_model
from thermoscope.errors import ModelNotFoundError
from thermoscope.models.where import Where, on_the_hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/tiny"


class Hub(ThreadingHTTPServer):
    """A hub with one model; ``asked`` lists what is requested, and with ``status`` it answers nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.folder = folder
        self.asked: list[str] = []
        self.status: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """What is asked of a model's files and of the model itself, and "not found" for all else."""

    server: Hub

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        api, file = f"/api/models/{NAME}", self.server.folder / path.rpartition("/")[2]
        if self.server.status is not None:
            self.give(self.server.status, b"", body)
        elif path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
            self.give(200, json.dumps({"id": NAME, "sha": COMMIT, "siblings": []}).encode(), body)
        elif path.startswith("/api/") and not path.startswith(f"{api}/tree/"):
            self.give(404, b"", body, {"X-Error-Code": "RepoNotFound"})
        elif path.startswith(f"/{NAME}/resolve/") and file.is_file():
            content = file.read_bytes()
            tag = hashlib.sha256(content).hexdigest()
            self.give(200, content, body, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})
        else:
            self.give(404, b"", body, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

    def give(self, status: int, content: bytes, body: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def hub(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, running."""
    hub = Hub(tiny_model)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    yield hub
    hub.shutdown()
    hub.server_close()
    thread.join()


def inspected(endpoint: str, home: Path, name: str) -> dict[str, Any]:
    """What ``inspect`` says of a model, in a process that knows this hub alone and keeps its models in ``home``."""
    known = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    ran = process("inspect", "Once", "--json", "--model", name, env=environment() | known)
    said = [line for line in ran.stderr.splitlines() if not line.endswith(b" s so far")]  # on a slow machine
    assert (ran.returncode, said) == (0, [])
    record: dict[str, Any] = json.loads(ran.stdout)
    return record


@pytest.mark.slow
def test_a_model_by_name_is_fetched_once_and_needs_no_hub_then(hub: Hub, tiny_model: Path, tmp_path: Path) -> None:
    first = inspected(hub.address, tmp_path, NAME)
    assert (first["ran"]["model"], first["ran"]["revision"]) == (NAME, COMMIT)
    here = json.loads(inspect(load_model(tiny_model), "Once").to_json())["tokens"]
    for token, same in zip(first["tokens"], here, strict=True):  # loops are compiled here, and may not be there
        assert token["probabilities"] == pytest.approx(same["probabilities"], rel=1e-6)
        assert {**token, "probabilities": None} == {**same, "probabilities": None}
    hub.asked.clear()
    assert inspected(hub.address, tmp_path, NAME) == first
    there = {path.name for path in tiny_model.iterdir()}
    fetched = {path.rpartition("/")[2] for path in hub.asked if path.startswith("GET ")}
    assert not fetched & there
    assert inspected("http://127.0.0.1:9", tmp_path, NAME) == first  # where nobody answers


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_the_hub_is_asked_once(revision: str | None, hub: Hub) -> None:
    assert on_the_hub(NAME, revision) == Where(NAME, revision, offline=False)
    assert len([path for path in hub.asked if "/api/models/" in path]) == 1


def test_a_hub_that_can_not_be_reached(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert on_the_hub("someone/else", "v1") == Where("someone/else", "v1", offline=True)


def test_a_name_that_the_hub_does_not_have(hub: Hub) -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'someone/else' here or on the hub"):
        load_model("someone/else")


def test_a_hub_that_is_out_of_order_is_left_to_its_client(hub: Hub) -> None:
    hub.status = 503
    assert on_the_hub(NAME, "v1") == Where(NAME, "v1", offline=False)
