"""Scorers and embedders from what was typed or what a use case says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from thermoscope.errors import InputError, ModelError

if TYPE_CHECKING:
    from thermoscope.metrics.answers import Scorer
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.usecases.load import Score


def embedder_of(name: str | None) -> Embedder | None:
    """The embedding model that was named, or the default one where its library and files are there."""
    from thermoscope.metrics.embedding import SentenceEmbedder, default_embedder

    if name is not None:
        return SentenceEmbedder(name)
    try:
        return default_embedder()
    except ModelError:  # not asked for, and not to be had: the rows say that they are not measured
        return None


def scorer_of_case(score: Score | None, folder: Path) -> Scorer | None:
    """The scorer of a use case; a function's file is beside the use case's."""
    if score is None:
        return None
    if score.kind == "function":
        return _function(str(folder / str(score.function)))
    return scorer_of("exact" if score.kind == "exact" else f"regex:{score.pattern}")


def scorer_of(how: str | None) -> Scorer | None:
    """A scorer from what was typed."""
    from thermoscope.metrics.answers import exact, matching

    if how is None:
        return None
    if how == "exact":
        return exact
    if how.startswith("regex:"):
        return matching(how.removeprefix("regex:"))
    return _function(how)


def _function(how: str) -> Scorer:
    """The function ``FILE.py:NAME``."""
    import runpy

    path, _, name = how.rpartition(":")
    if not path.endswith(".py") or not name:
        raise InputError(f"--score must be exact, regex:PATTERN or FILE.py:FUNCTION; got {how!r}")
    try:
        found = runpy.run_path(path)
    except OSError as error:
        raise InputError(f"the scorer's file can't be read: {path!r} ({error.strerror}); check the path") from None
    except Exception as error:
        raise InputError(f"the scorer's file {path!r} fails ({type(error).__name__}: {error}); mend it") from None
    if not callable(found.get(name)):
        raise InputError(f"the scorer's file {path!r} has no function {name!r}; check the name")
    scorer: Scorer = found[name]
    return scorer
