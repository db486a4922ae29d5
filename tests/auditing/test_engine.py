"""What servers say of themselves: engines, defaults and precision."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.server import Handler, serving
from thermoscope.auditing.engine import Said, recognise
from thermoscope.sources.client import Client

SHOWN = {
    "parameters": 'num_keep      24\ntemperature   0.6\ntop_k         20\nstop   "<|x|>"',
    "details": {"family": "llama", "quantization_level": "Q4_K_M"},
}


class Ollama(Handler):
    """Ollama's routes that say what it is."""

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        if self.path == "/api/version":
            self.give({"version": "0.40.12"})
        elif self.path == "/v1/models":
            self.give({"data": [{"id": "story", "owned_by": "library"}]})
        else:
            self.give({"error": "not found"}, 404)


def test_ollama_says_what_its_model_has() -> None:
    asked = []

    def show(handler: Handler, body: dict[str, Any], number: int) -> None:
        asked.append((handler.path, body))
        handler.give(SHOWN)

    with serving(show) as server:
        server.RequestHandlerClass = Ollama
        found = recognise(Client(server.url), "story")
    assert found == Said("Ollama", {"temperature": 0.6, "top_k": 20.0}, "Q4_K_M")
    assert asked == [("/api/show", {"model": "story"})]


@pytest.mark.parametrize("answer", [{}, {"parameters": 3, "details": []}, {"parameters": "temperature hot\ntop_k"}])
def test_what_is_not_said_is_left_out(answer: dict[str, Any]) -> None:
    with serving(lambda handler, body, number: handler.give(answer)) as server:
        server.RequestHandlerClass = Ollama
        assert recognise(Client(server.url), "story") == Said("Ollama", {})


def test_an_ollama_that_refuses_to_show() -> None:
    with serving(lambda handler, body, number: handler.give({"error": "model not found"}, 404)) as server:
        server.RequestHandlerClass = Ollama
        assert recognise(Client(server.url), "story") == Said("Ollama", {})
