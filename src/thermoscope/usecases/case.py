"""A use case: prompts, objective, reference and scoring of a purpose, as data."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from thermoscope.errors import InputError
from thermoscope.files.parsing import json_value
from thermoscope.files.reading import most_texts, read_text, shown
from thermoscope.models.chat import written
from thermoscope.usecases.score import Score

if TYPE_CHECKING:
    from thermoscope.metrics.answers import Scorer

#: Where the use cases are that come with Thermoscope.
FOLDER = Path(__file__).parent

Objective = Literal["creative", "technical", "human-like", "task"]


class Prompt(BaseModel):
    """One prompt of a use case; messages become the text that stands for them (``models.chat.written``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1)]
    held_out: bool = False
    answer: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _messages_as_text(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "messages" not in given:
            return given
        messages = given["messages"]
        if "text" in given:
            raise ValueError("a prompt has a text or messages, not both; leave one out")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise ValueError("messages must be a list of tables with role and content")
        return {name: value for name, value in given.items() if name != "messages"} | {"text": written(messages)}


class UseCase(BaseModel):
    """A purpose that settings are measured for.

    Attributes
    ----------
    name
        That of the file, without ``.toml``.
    title, description
        What it is, in a few words and in a few sentences.
    objective
        What is wanted of the texts: see ``docs/measuring.md``.
    max_new_tokens
        Length of the texts unless another is asked for.
    answer_pattern
        A regular expression that finds the answer in a text, for ``agreement``.
    prompts, score
        What is asked, and how the texts are scored.
    reference
        File name of text by people, or (``.json``) of its statistics, beside the use case's own file.
    source
        The file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    objective: Objective
    max_new_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    answer_pattern: str | None = None
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1, strict=False)]
    score: Score | None = None
    reference: str | None = None
    source: Annotated[Path, Field(exclude=True)]

    @property
    def open_prompts(self) -> tuple[Prompt, ...]:
        """The prompts that settings are chosen on."""
        return tuple(prompt for prompt in self.prompts if not prompt.held_out)

    @property
    def held_out_prompts(self) -> tuple[Prompt, ...]:
        """The prompts that a choice is confirmed on."""
        return tuple(prompt for prompt in self.prompts if prompt.held_out)

    @property
    def name_or_path(self) -> str:
        """What ``load`` takes to load it again: the name of a bundled use case, or the path of its file."""
        return self.name if self.source.parent == FOLDER else str(self.source)

    def reference_statistics(self) -> dict[str, Any] | None:
        """The reference statistics, or None if the use case has none.

        Raises
        ------
        InputError
            The file is named but can't be read.
        """
        if self.reference is None or not self.reference.endswith(".json"):
            return None
        path = self.source.parent / self.reference
        what = f"the reference of {self.name}"
        found = json_value(read_text(path, what), shown(path))
        if not isinstance(found, dict):
            raise InputError(f"{shown(path)}: {what} must be an object of statistics; make it again, or leave it out")
        return found

    def reference_text(self) -> str | None:
        """The reference text, or None if the use case has none.

        Raises
        ------
        InputError
            The file is named but can't be read.
        """
        if self.reference is None or self.reference.endswith(".json"):
            return None
        return read_reference(self.source.parent / self.reference)

    def scorer(self) -> Scorer | None:
        """The scorer of the table ``[score]``, or None without one; a file that it names is beside the use case's own.

        Raises
        ------
        InputError
            The file can't be read, or has no such function.
        """
        if self.score is None:
            return None
        from thermoscope.metrics.scorers import scorer_named

        kind, argument = scorer_named(self.score.kind), self.score.argument
        return kind.make(str(self.source.parent / argument) if kind.names_file else argument)

    @property
    def content_id(self) -> str:
        """Sixteen hexadecimal digits that change with anything in the file that matters."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_reference(path: Path) -> str:
    """A text that others are compared with.

    Raises
    ------
    InputError
        It can't be read.
    """
    return read_text(path, "a reference", most=most_texts())
