"""How the texts of a run are measured: what the use case says, and what was asked for beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer, compile_pattern
from thermoscope.metrics.embedding import Embedder, embedder_named
from thermoscope.metrics.scorers import parse_scorer
from thermoscope.metrics.thinking import USUAL, Thinking, thinking_mode
from thermoscope.statistics.reference_text import enough_windows, text_id
from thermoscope.usecases.case import UseCase, read_reference


@dataclass(frozen=True, slots=True)
class Measuring:
    """How the texts of a run are measured. Measuring them differently does not need new texts.

    Attributes
    ----------
    use_case
        Objective, reference, answers and their pattern.
    embedder
        For the embedding measures, or None.
    scorer
        For ``score``, or None.
    asked
        What was asked for by name, as ``measuring_of`` takes it: ``embedder``, ``scorer``, ``answer_pattern``,
        ``reference``, ``thinking``.
    reference
        Text by people to compare with, in place of the use case's.
    objects
        Which of these were given as Python objects, which neither a command nor a file can name.
    """

    use_case: UseCase
    embedder: Embedder | None = None
    scorer: Scorer | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    reference: str | None = None

    @property
    def thinking(self) -> Thinking:
        """What is done with the thinking of a reasoning model."""
        return thinking_mode(self.asked.get("thinking", USUAL))

    @property
    def reference_text(self) -> str | None:
        """The text by people that texts are compared with, if there is one."""
        return self.use_case.reference_text() if self.reference is None else self.reference

    @property
    def words(self) -> tuple[str, ...]:
        """The options of ``thermoscope measure`` that ask for the same."""
        options = {
            "embedder": "--embedding-model",
            "scorer": "--score",
            "reference": "--reference",
            "answer_pattern": "--answer-pattern",
            "thinking": "--thinking",
        }
        return tuple(f"{option}={self.asked[name]}" for name, option in options.items() if name in self.asked)

    @property
    def notes(self) -> list[str]:
        """A sentence for each object that a command can't name."""
        return [f"{name} was given as a Python object, which the command does not name." for name in self.objects]

    def to_dict(self) -> dict[str, Any]:
        """What decides whether stored tables still apply."""
        return {
            "use_case": self.use_case.content_id,
            "reference_text": None if (text := self.reference_text) is None else text_id(text),
            "embedder": None if self.embedder is None else self.embedder.name,
            "scorer": self.scorer is not None,
            "asked": dict(self.asked),
            "objects": list(self.objects),
        }


def measuring_of(
    use_case: UseCase,
    embedder: Embedder | str | None = None,
    scorer: Scorer | str | None = None,
    answer_pattern: str | None = None,
    reference: str | Path | None = None,
    thinking: str | None = None,
) -> Measuring:
    """How texts of a use case are measured; parameters and errors as in ``run``."""
    given = {
        "embedder": embedder,
        "scorer": scorer,
        "answer_pattern": answer_pattern,
        "reference": None if reference is None else str(reference),
        "thinking": None if thinking in (None, USUAL) else thinking_mode(thinking),
    }
    text = None if reference is None else read_reference(Path(reference))
    if text is not None:
        enough_windows(text)  # what is wrong with it is said before anything is generated
    if answer_pattern is not None:
        compile_pattern(answer_pattern)
        use_case = use_case.model_copy(update={"answer_pattern": answer_pattern})
    if scorer is None:
        scorer = use_case.scorer()
    elif isinstance(scorer, str):
        kind, argument = parse_scorer(scorer)
        if kind.needs_answer(argument) and all(prompt.answer is None for prompt in use_case.prompts):
            raise InputError(
                f"the scorer {scorer} compares with expected answers; no prompt of {use_case.name} has one; "
                "add answers, or choose another scorer"
            )
        scorer = kind.make(argument)
    elif not callable(scorer):
        raise InputError(
            f"scorer must be a function of (text, answer), or as --score takes it; got {type(scorer).__name__}"
        )
    if embedder is None or isinstance(embedder, str):
        embedder = embedder_named(embedder)
    return Measuring(
        use_case,
        embedder,
        scorer,
        asked={name: value for name, value in given.items() if isinstance(value, str)},
        objects=tuple(name for name, value in given.items() if value is not None and not isinstance(value, str)),
        reference=text,
    )
