"""llama.cpp's server for tests: started on a GGUF file, asked for tokens and log-probabilities."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("llama_server.py")


@lru_cache
def python() -> str | None:
    """A Python that has xllamacpp: $THERMOSCOPE_LLAMA, or the one that runs this; None if neither has it."""
    for program in (os.environ.get("THERMOSCOPE_LLAMA"), sys.executable):
        if (
            program
            and subprocess.run([program, "-c", "import xllamacpp"], capture_output=True, check=False).returncode == 0
        ):
            return program
    return None


class Server:
    """A running server."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def _ask(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)

    def complete(self, prompt: list[int], **fields: Any) -> dict[str, Any]:
        """What the server answers where it goes on from a prompt."""
        return dict(self._ask("/completion", prompt=prompt, cache_prompt=False, **fields))

    def tokens(self, text: str) -> list[int]:
        """Token ids of a text, special tokens recognised and the usual ones added."""
        return list(self._ask("/tokenize", content=text, add_special=True, parse_special=True)["tokens"])

    def logprobs(self, prompt: list[int], vocabulary: int, plain: int) -> dict[int, float]:
        """Log-probabilities of every token after a prompt; ``plain`` is a token whose text is complete on its own.

        The server leaves log-probabilities out where a token is half a character; a bias, which they do not show,
        makes it choose another.
        """
        answer = self._ask(
            "/completion", prompt=prompt, n_predict=1, n_probs=vocabulary, temperature=0.0,
            logit_bias=[[plain, 1000.0]], cache_prompt=False,
        )  # fmt: skip
        return {one["id"]: one["logprob"] for one in answer["completion_probabilities"][0]["top_logprobs"]}


@contextlib.contextmanager
def serving(path: Path, context: int = 256, slots: int = 1) -> Iterator[Server]:
    """llama.cpp's server on a file, for as long as it is needed; ``slots`` texts of ``context`` tokens at once."""
    program = python()
    assert program is not None
    process = subprocess.Popen(
        [program, str(SERVER), str(path), str(context), str(slots)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = next((line.split()[1] for line in process.stdout if line.startswith("address ")), None)
        assert address is not None, "the server did not start"
        yield Server(address)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=30)
