"""A real llama.cpp server on loopback with the bundled model, as a child process: GGML aborts on what it dislikes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.gguf_of_gpt2 import write
from thermoscope.models.load import BUNDLED

_SERVE = """
import signal, sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = 0
params.n_parallel = int(sys.argv[2])
params.n_ctx = 512 * params.n_parallel
params.cpuparams.n_threads = 1
params.endpoint_props = True
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
"""


@contextmanager
def llama_server(folder: Path, *, slots: int = 4, model: Path | None = None) -> Iterator[str]:
    """The server's address up to ``/v1`` while the block runs.

    Parameters
    ----------
    folder
        Where the model's GGUF file is written.
    slots
        How many texts it makes at once.
    model
        Another GGUF file than the bundled model's.
    """
    if model is None:
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            shutil.copy(BUNDLED / name, folder / name)
        model = write(folder, "float32")
    command = [sys.executable, "-c", _SERVE, str(model), str(slots)]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as child,
    ):
        try:
            assert child.stdout is not None
            address = child.stdout.readline().strip()
            assert address.startswith("http"), (folder / "server.log").read_text(errors="replace")[-2000:]
            yield address.rstrip("/") + "/v1"
        finally:
            child.kill()
