"""A real llama.cpp server on loopback with the bundled model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import llama_client
from tests.gguf_of_gpt2 import write
from thermoscope.models.load import BUNDLED


@contextmanager
def llama_server(folder: Path, *, slots: int = 4, model: Path | None = None, weights: str = "float32") -> Iterator[str]:
    """The server's address up to ``/v1`` while the block runs.

    Parameters
    ----------
    folder
        Where the model's GGUF file is written.
    slots
        How many texts it makes at once.
    model
        Another GGUF file than the bundled model's.
    weights
        The type of the bundled model's: one of ``gguf_of_gpt2.KINDS``.
    """
    if model is None:
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            shutil.copy(BUNDLED / name, folder / name)
        model = write(folder, weights)
    with llama_client.serving(model, 512, slots) as server:
        yield f"{server.address}/v1"
