"""Who may ask the playground, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.web.serving import parsed, served
from thermoscope.web.guard import MOST_BYTES, POLICY


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:8017"}, 200),
        ({"host": "rebound.example"}, 421),
        ({"host": "127.0.0.1.example:80"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
def test_only_this_machines_own_page_may_ask(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    answer = client.get("/api/state", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY
    if status != 200:
        assert set(answer.json()) == {"error"}


def test_the_pages_own_origin_may_ask(client: httpx.Client, address: str) -> None:
    assert client.get("/api/state", headers={"origin": address}).status_code == 200


def test_requests_are_bounded(client: httpx.Client) -> None:
    said = client.post("/api/next-token", content=b"x" * (MOST_BYTES + 1))
    assert said.status_code == 413

    def chunks() -> Iterator[bytes]:  # a body that does not say how long it is
        for _ in range(MOST_BYTES // 1024 + 2):
            yield b"x" * 1024

    with pytest.raises(httpx.HTTPError):
        client.post("/api/next-token", content=chunks()).raise_for_status()


def test_another_host_needs_its_token(tmp_path: Path) -> None:
    with served(tmp_path, hosts=None, token="secret") as address, httpx.Client(base_url=address) as client:
        assert client.get("/api/state").status_code == 401
        assert client.get("/").status_code == 401
        assert client.get("/?token=wrong").status_code == 401
        bearer = {"authorization": "Bearer secret"}
        assert client.get("/api/state", headers=bearer, timeout=60).status_code == 200
        assert client.get("/api/state", headers={"authorization": "Bearer wrong"}).status_code == 401
        login = client.get("/?token=secret&x=1")
        assert (login.status_code, login.headers["location"]) == (303, "/?x=1")
        assert "HttpOnly" in login.headers["set-cookie"]
        assert client.get("/api/state").status_code == 200  # by its cookie
        away = client.get("//evil.example/?token=secret")
        assert not away.headers.get("location", "").startswith("//")


def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "/api/next-token" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert client.get("/openapi.json").json()["info"]["title"] == "Thermoscope"


@contextmanager
def begun(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own, and its address."""
    command = [sys.executable, "-m", "thermoscope", "serve", "--model", "bundled", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    assert process.returncode != -signal.SIGABRT


@pytest.mark.slow
def test_sigterm_ends_streams_cleanly() -> None:
    body = {"prompt": "Once", "settings": {"a": {}}, "seeds": 8, "max_new_tokens": 400}
    with begun("--port", "0") as (process, address):
        with httpx.stream("POST", f"{address}api/compare", json=body, timeout=60) as answer:
            lines = parsed(answer.iter_lines())
            next(lines)
            process.send_signal(signal.SIGTERM)
            rest = list(lines)  # the stream ends as streams do, not broken off
        assert rest[-1] == ("stopped", {"why": "the server is closing"})
        assert process.wait(20) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "thermoscope", "serve", "--port", port], capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "another --port" in done.stderr


def test_another_host_prints_an_address_with_a_token() -> None:
    with begun("--host", "0.0.0.0", "--port", "0") as (_, address):
        port = address.split(":")[2].split("/")[0]
        bearer = {"authorization": f"Bearer {address.split('token=')[1]}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert client.get("/api/models").status_code == 401  # what no model has to be loaded for
            assert client.get("/api/models", headers=bearer).status_code == 200
