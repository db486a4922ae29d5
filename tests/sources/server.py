"""A server on loopback that answers as its script says: well, late, wrongly, or not at all."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What a handler may do: gets the request's body and how often this very body came; writes the answer itself.
Behaviour = Callable[["Handler", dict[str, Any], int], None]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = json.dumps(body, sort_keys=True)
        with self.server.lock:
            self.server.asked[key] += 1
            number = self.server.asked[key]
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        try:
            self.server.behaviour(self, body, number)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def do_GET(self) -> None:
        self.give({"data": [{"id": "only-model"}]})

    def give(self, found: Any, status: int = 200, **headers: str) -> None:
        """Answer with JSON."""
        self.raw(json.dumps(found).encode(), status, **headers)

    def raw(self, content: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        """Answer with bytes; ``length`` is what the header claims."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        """Close without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


class Server(ThreadingHTTPServer):
    """The server, with a count of what was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.now = self.most = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no fault."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Server]:
    """A server while the block runs."""
    server = Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def text_of(body: dict[str, Any]) -> str:
    """What a well-behaved server answers: the prompt's own words, its temperature and seed."""
    prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    setting = json.loads(body["generation_config"]) if "generation_config" in body else body
    return f" {prompt} {setting['temperature']:g} {body.get('seed')}"


def answer(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A good answer on either route, with log-probabilities in the form of the chat route."""
    text = text_of(body)
    words = text.replace(" ", "\0 ").strip("\0").split("\0")
    content = [{"token": word, "bytes": list(word.encode()), "logprob": -0.5 * i} for i, word in enumerate(words)]
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": {"content": content}}
    choice |= {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 3, "completion_tokens": len(words)}
    return {"choices": [choice | more], "usage": usage}


def good(handler: Handler, body: dict[str, Any], number: int) -> None:
    """Answer at once."""
    handler.give(answer(body))


def slow(seconds: float) -> Behaviour:
    """Answer after a while."""

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        time.sleep(seconds)
        handler.give(answer(body))

    return behave
