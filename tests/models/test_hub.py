"""Models by name, from a hub of our own: the hub's client and transformers speak to it as to the real one."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from thermoscope import generate, load_model
from thermoscope.errors import ModelNotFoundError, ModelUnreachableError
from thermoscope.models.load import _on_the_hub, _Where

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
        self.server.asked.append(path)
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
def hub(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, running, and nothing of it on this machine yet."""
    hub = Hub(tiny_model)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield hub
    hub.shutdown()
    hub.server_close()
    thread.join()


def text(name: str | Path, **how: str) -> str:
    return generate(load_model(name, **how), "Once", max_new_tokens=6)[0].text


def test_a_model_by_name_is_fetched_once(hub: Hub, tiny_model: Path) -> None:
    model = load_model(NAME)
    assert (model.name, model.revision) == (NAME, COMMIT)
    assert generate(model, "Once", max_new_tokens=6)[0].text == text(tiny_model)
    hub.asked.clear()
    assert load_model(NAME).revision == COMMIT
    there = {path.name for path in tiny_model.iterdir()}
    assert hub.asked.count(f"/api/models/{NAME}") == 1
    assert not [path for path in hub.asked if path.rpartition("/")[2] in there]


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_a_revision(revision: str, hub: Hub) -> None:
    assert load_model(NAME, revision=revision).revision == COMMIT


def test_what_is_on_this_machine_is_taken_without_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = text(NAME)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    hub.asked.clear()
    model = load_model(NAME)
    assert model.revision == COMMIT
    assert text(NAME) == before
    assert not hub.asked
    with pytest.raises(ModelUnreachableError, match="is not on this machine and the hub can't be reached"):
        load_model("someone/else")


def test_a_name_that_the_hub_does_not_have(hub: Hub) -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'someone/else' here or on the hub"):
        load_model("someone/else")


def test_a_hub_that_is_out_of_order_is_left_to_its_client(hub: Hub) -> None:
    hub.status = 503
    assert _on_the_hub(NAME, "v1") == _Where(NAME, "v1", offline=False)
