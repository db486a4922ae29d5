"""Scorers and embedders from what was typed or what a use case says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from thermoscope.errors import ModelError

if TYPE_CHECKING:
    from thermoscope.metrics.answers import Scorer
    from thermoscope.metrics.embedding import Embedder
    from thermoscope.usecases.score import Score


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
    """The scorer of a use case; a file that it names is beside the use case's."""
    if score is None:
        return None
    from thermoscope.metrics.scorers import scorer_named

    kind = scorer_named(score.kind)
    return kind.make(str(folder / score.argument) if kind.names_file else score.argument)


def scorer_of(how: str | None) -> Scorer | None:
    """A scorer from what was typed."""
    from thermoscope.metrics.scorers import asked_scorer

    if how is None:
        return None
    kind, argument = asked_scorer(how)
    return kind.make(argument)


def compares_with_answers(how: str) -> bool:
    """Whether a scorer that was typed can say nothing without expected answers."""
    from thermoscope.metrics.scorers import asked_scorer

    kind, argument = asked_scorer(how)
    return kind.needs_answer(argument)
