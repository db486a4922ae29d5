"""Measures on sentence embeddings, from an optional library; without it they are not measured."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from thermoscope.errors import ModelError
from thermoscope.metrics.ragged import Array

#: The model when none is named: small, fast, widely used and published under Apache-2.0.
DEFAULT_EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
INSTALL = "pip install 'thermoscope[embeddings]'"
#: Texts that are embedded between two reports of progress.
_PIECE = 512


class Embedder(Protocol):
    """What turns texts into vectors."""

    @property
    def name(self) -> str:
        """Name of the model, for what ran."""

    def encode(self, texts: Sequence[str]) -> Array:
        """(N, D) one vector per text, of any length."""


class SentenceEmbedder:
    """A model of the library sentence-transformers.

    Raises
    ------
    ModelError
        The library is not installed, or the model can't be had.
    """

    def __init__(self, name: str = DEFAULT_EMBEDDER, *, device: str | None = None) -> None:
        if not available():
            raise ModelError(f"embedding measures need sentence-transformers; it is not installed; run {INSTALL}")
        from thermoscope.models.quiet import quiet

        self.name = name
        try:
            with quiet():
                from sentence_transformers import SentenceTransformer

                self._model: Any = SentenceTransformer(name, device=device)
        except Exception as error:  # whatever the library, the hub's client or torch raise
            lines = str(error).splitlines() or [type(error).__name__]
            raise ModelError(
                f"the embedding model {name!r} can't be loaded ({lines[0]}); give a local folder or a hub name that "
                "can be reached"
            ) from None

    def encode(self, texts: Sequence[str]) -> Array:
        """(N, D) float32."""
        vectors: Array = np.asarray(self._model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True))
        return vectors


class Watched:
    """An embedder that tells how far it is.

    Parameters
    ----------
    embedder
        What embeds.
    on_progress
        Called with (texts done, texts in all).
    """

    def __init__(self, embedder: Embedder, on_progress: Callable[[int, int], None]) -> None:
        self.name = embedder.name
        self._embedder, self._tell = embedder, on_progress

    def encode(self, texts: Sequence[str]) -> Array:
        """(N, D) as the embedder's, piece by piece."""
        parts = []
        for start in range(0, len(texts), _PIECE):
            self._tell(start, len(texts))
            parts.append(self._embedder.encode(texts[start : start + _PIECE]))
        self._tell(len(texts), len(texts))
        return np.concatenate(parts) if parts else self._embedder.encode(texts)


def available() -> bool:
    """Whether the library for embeddings is installed."""
    return importlib.util.find_spec("sentence_transformers") is not None


def default_embedder() -> SentenceEmbedder | None:
    """The default model where both the library and the model are on this machine; nothing is downloaded unasked."""
    from huggingface_hub import try_to_load_from_cache

    if not available() or not isinstance(try_to_load_from_cache(DEFAULT_EMBEDDER, "modules.json"), str):
        return None
    return SentenceEmbedder()


def embedder_named(name: str | None) -> Embedder | None:
    """The embedding model of this name; without a name the default one, None where it is not on this machine.

    Raises
    ------
    ModelError
        The model that was named can't be had.
    """
    if name is not None:
        return SentenceEmbedder(name)
    try:
        return default_embedder()
    except ModelError:  # not asked for, and not to be had: the rows say that they are not measured
        return None


def how_to_get() -> str:
    """What to do where embeddings are not measured."""
    model = f"--embedding-model {DEFAULT_EMBEDDER}, which downloads it, or a folder"
    return model if available() else f"{INSTALL}, then {model}"


def unit(vectors: Array) -> Array:
    """(N, D) float64, each scaled to length 1; a vector without length becomes NaN."""
    vectors = np.asarray(vectors, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def dispersion(vectors: Array) -> float | None:
    """Mean pairwise cosine distance, self-pairs excluded (Tevet and Berant 2021); None for fewer than two.

    Parameters
    ----------
    vectors
        (N, D) of length 1; those that are NaN are left out.
    """
    there = vectors[~np.isnan(vectors).any(axis=1)]
    n = len(there)
    if n < 2:
        return None
    total = there.sum(axis=0)
    # the squared length of the sum is the sum over all pairs, each vector with itself among them
    return float(1 - (total @ total - (there * there).sum()) / (n * (n - 1)))


def coherences(prompts: Array, texts: Array) -> Array:
    """(N,) cosine of each prompt and its continuation (Su et al. 2022), vectors of length 1; a weak proxy."""
    cosines: Array = np.einsum("nd,nd->n", prompts, texts)
    return cosines
