"""A proxy on loopback that spoils some of a server's answers: busy, out of order, cut short, or lost on the way.

Each request is spoiled at most twice, by faults that its own content decides, then answered as the server answers it.
"""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.sources.server import Handler, serving

#: The faults, and how many of 100 requests have none, one or two of them.
FAULTS = ("busy", "out of order", "hung up at once", "answer lost", "half an answer", "no JSON")
SHARES = (60, 30, 10)


@dataclass
class Proxy:
    """What a proxy has seen.

    Attributes
    ----------
    url
        Its address up to ``/v1``.
    asked
        How often each request came.
    injected
        How often each fault was made.
    delivered
        How often each request was answered whole.
    """

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)


@contextmanager
def spoiling(upstream: str) -> Iterator[Proxy]:
    """A proxy before a server (its address up to ``/v1``) while the block runs."""
    found, lock = Proxy(), threading.Lock()

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        key = json.dumps(body, sort_keys=True)
        faults = _faults(key)
        fault = faults[number - 1] if number <= len(faults) else None
        with lock:
            found.asked[key] += 1
            if fault is not None:
                found.injected[fault] += 1
        if fault in _BEFORE:
            _BEFORE[fault](handler)
            return
        status, content = _ask(f"{upstream}{handler.path.removeprefix('/v1')}", body)
        if fault == "answer lost":
            handler.hang_up()
        elif fault == "half an answer":
            handler.raw(content[: len(content) // 2], status, length=len(content))
            handler.hang_up()
        elif fault == "no JSON":
            handler.raw(content[:-2], status)
        else:
            with lock:
                found.delivered[key] += status == 200
            handler.raw(content, status)

    with serving(behave) as server:
        found.url = server.url
        yield found


def _busy(handler: Handler) -> None:
    handler.give({"error": {"message": "slow down"}}, 429, Retry_After="0.05")


def _out_of_order(handler: Handler) -> None:
    handler.give({"error": {"message": "out of order"}}, 500)


_BEFORE: dict[str | None, Callable[[Handler], None]] = {
    "busy": _busy,
    "out of order": _out_of_order,
    "hung up at once": Handler.hang_up,
}


def _faults(key: str) -> list[str]:
    """What happens to a request, one fault for each time that it comes."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    number, share = divmod(number, 100)
    count = 0 if share < SHARES[0] else 1 if share < SHARES[0] + SHARES[1] else 2
    chosen = []
    for _ in range(count):
        number, which = divmod(number, len(FAULTS))
        chosen.append(FAULTS[which])
    return chosen


def _ask(url: str, body: dict[str, Any]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
