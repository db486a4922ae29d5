"""What the audit says of a real server in 20 configurations: what was sent, what was found, and whether it is right.

Run ``python benchmarks/audit_servers.py PROVIDER/MODEL --base-url URL`` against vLLM or another server; without a model
llama.cpp's own server is started on the bundled model. ``--quick`` is one configuration.
``--lies`` puts a proxy before it that lies in one way after the other. Every line is an audit of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sources.llama_server import llama_server

from thermoscope import load_model
from thermoscope.auditing.audit import Audit
from thermoscope.auditing.protocol import audit

Body = dict[str, Any]
#: Everything that truncates or reshapes, switched off, in words that servers of the llama.cpp and vLLM kind share.
OFF: Body = {"top_k": 0, "top_p": 1.0, "min_p": 0.0}
#: What is sent, and what should be found: a verdict for each parameter.
SENT: tuple[tuple[Body, Mapping[str, str]], ...] = (
    *(({"temperature": t, **OFF}, {"temperature": "honoured"}) for t in (0.0, 0.3, 0.5, 0.7, 1.0, 1.3, 1.5, 2.0)),
    *(({"temperature": 1.0, **OFF, "top_k": k}, {"temperature": "honoured", "top_k": "honoured"}) for k in (2, 5, 10)),
    *(({"temperature": 1.0, **OFF, "top_p": p}, {"temperature": "honoured", "top_p": "honoured"}) for p in (0.3, 0.6)),
    *(({"temperature": 1.0, **OFF, "min_p": p}, {"temperature": "honoured", "min_p": "honoured"}) for p in (0.1, 0.3)),
    ({"temperature": 0.7, **OFF, "top_k": 5}, {"temperature": "honoured", "top_k": "honoured"}),
    ({"temperature": 0.7, **OFF, "min_p": 0.1}, {"temperature": "honoured", "min_p": "honoured"}),
    ({"temperature": 1.5, **OFF, "top_k": 3}, {"temperature": "honoured", "top_k": "honoured"}),
    ({"temperature": 1.0}, {"temperature": "honoured"}),
    ({}, {}),
)
#: The same for servers that know no top_k and no min_p.
SENT_PLAIN: tuple[tuple[Body, Mapping[str, str]], ...] = (
    *(
        ({"temperature": t, "top_p": 1.0}, {"temperature": "honoured"})
        for t in (0.0, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.3, 1.5, 1.8, 2.0)
    ),
    *(
        ({"temperature": 1.0, "top_p": p}, {"temperature": "honoured", "top_p": "honoured"})
        for p in (0.3, 0.5, 0.6, 0.8)
    ),
    *(({"temperature": t, "top_p": 0.5}, {"temperature": "honoured", "top_p": "honoured"}) for t in (0.7, 1.5)),
    ({"temperature": 1.0}, {"temperature": "honoured"}),
    ({}, {}),
)
#: What a proxy makes of a request, and what stands in the finding that names it.
LIES: Mapping[str, tuple[Callable[[Body], Body], str]] = {
    "clamps at 1": (lambda b: b | {"temperature": min(b.get("temperature", 1.0), 1.0)}, "Clamped"),
    "ignores temperature": (lambda b: b | {"temperature": 0.6}, "Accepted but ignored"),
    "adds top_p 0.9": (lambda b: b | {"top_p": 0.9}, "Accepted but ignored: top_p"),
    "rescales by 0.3": (lambda b: b | {"temperature": 0.3 * b.get("temperature", 1.0)}, "Rescaled"),
    "drops penalties": (
        lambda b: {k: v for k, v in b.items() if "penalty" not in k}, "Accepted but ignored: presence_penalty"
    ),
    "caches": (lambda b: b, "The server repeats earlier answers"),
}  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--base-url")
    parser.add_argument("--budget", type=int, default=500)
    parser.add_argument("--lies", action="store_true")
    parser.add_argument("--plain", action="store_true", help="send temperature and top_p alone")
    parser.add_argument("--reference", help="the model's weights, for servers without log-probabilities")
    parser.add_argument("--skip", type=int, default=0, help="so many configurations, the first ones")
    parser.add_argument("--quick", action="store_true", help="one configuration, to see that it works")
    asked = parser.parse_args()
    if asked.model is not None:
        table(asked)
        return
    with tempfile.TemporaryDirectory() as folder, llama_server(Path(folder), slots=8) as url:
        asked.model, asked.base_url = "llama-cpp/bundled", url
        table(asked)


def table(asked: argparse.Namespace) -> None:
    """A line per configuration, or per lie."""
    if asked.lies:
        for name, (lie, words) in LIES.items():
            with proxy(asked.base_url, lie, caches=name == "caches") as url:
                found = audit(asked.model, base_url=url, keep=False)
            write(f"| {name} | {found.finding} | {'yes' if words in found.finding else 'NO'} |")
        return
    reference = load_model(asked.reference) if asked.reference else None
    sent = (SENT_PLAIN if asked.plain else SENT)[asked.skip :]
    for body, expected in sent[:1] if asked.quick else sent:
        found = audit(
            asked.model, base_url=asked.base_url, keep=False, budget=asked.budget, send=body or {"n": 1},
            reference=reference,
        )  # fmt: skip
        write(f"| {json.dumps(body)} | {shown(found)} | {'yes' if right(found, expected) else 'NO'} |")


def shown(found: Audit) -> str:
    """The rows of an audit on one line."""
    return "; ".join(f"{row.parameter} {row.effective_text} {row.verdict}" for row in found.rows)


def right(found: Audit, expected: Mapping[str, str]) -> bool:
    """Whether each expected verdict is there and nothing else is said to be disobeyed."""
    verdicts = {row.parameter: row.verdict for row in found.rows}
    return all(verdicts.get(name) == verdict for name, verdict in expected.items()) and not found.broken


@contextmanager
def proxy(url: str, change: Callable[[Body], Body], *, caches: bool) -> Iterator[str]:
    """A server that changes requests and hands them on; with ``caches`` it answers each prompt once."""
    kept: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            key = json.dumps([body.get("prompt"), body.get("messages")])
            if not caches or key not in kept:
                target = url.removesuffix("/v1") + self.path
                request = urllib.request.Request(
                    target, json.dumps(change(body)).encode(), {"Content-Type": "application/json"}
                )
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        kept[key] = answer.read()
                except urllib.error.HTTPError as error:
                    self._give(error.read(), error.code)
                    return
            self._give(kept[key])

        def do_GET(self) -> None:
            self._give(b"{}", 404)

        def _give(self, content: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def write(line: str) -> None:
    """A line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
