"""Use cases as TOML files: found by name or path, validated with errors that name file, line and field.

title = "Short stories"
objective = "creative"            # creative, technical, human-like or task
max_new_tokens = 150
reference = "my-stories.txt"      # optional: text by people, beside this file (or .json: statistics of such text)

[[prompts]]
text = "Once upon a time"
held_out = true                   # optional: kept for confirming what was found on the others
answer = "..."                    # optional: what a scorer compares with

[[prompts]]                       # a chat of several messages, instead of a text
messages = [{role = "system", content = "Be brief."}, {role = "user", content = "Why?"}]

[score]                           # optional
kind = "regex"                    # what --score takes: exact, regex, function, or a scorer of an installed package
pattern = "{answer}"              # what is after the colon of --score; "function" for functions, else "argument"
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thermoscope.errors import InputError
from thermoscope.models.chat import written
from thermoscope.usecases.score import Fail, Score, as_argument, check_score

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
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: the reference of {self.name} can't be read ({error}); make it or leave it out"
            ) from None
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
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: a reference must be text in UTF-8; it can't be read ({error}); name another"
        ) from None


def bundled() -> list[str]:
    """Names of the use cases that come with Thermoscope."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path) -> UseCase:
    """Load a use case by its name, or from a file that ends in ``.toml``.

    Raises
    ------
    InputError
        There is none, or the file breaks a rule; the message names file, line and field.
    """
    given = str(name_or_path)
    path = FOLDER / f"{given}.toml" if given in bundled() else Path(given)
    if path.suffix != ".toml":
        raise InputError(
            f"a use case must be one of {', '.join(bundled())}, or a .toml file; got {given!r}; "
            "thermoscope use-cases new FILE.toml writes one to start from"
        )
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise InputError(f"{path}: the use case can't be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: a use case must be UTF-8; save it as such") from None
    return parse(text, path)


def parse(text: str, path: Path) -> UseCase:
    """The use case in the text of a file; errors as in ``load``."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = place.group(1) if place and place.group(1) else str(max(1, len(text.splitlines())))
        message = str(error).replace(place.group(0) if place else "", "")
        raise InputError(f"{path}, line {line}: not TOML ({message[:1].lower()}{message[1:]}); mend it") from None

    def fail(field: tuple[str | int, ...], message: str) -> NoReturn:
        raise InputError(f"{path}, line {line_of(text, field)}: {message}")

    for name in ("name", "source"):
        if name in values:
            fail((name,), f"{name} is the file's own; leave it out")
    if isinstance(values.get("score"), dict):
        values["score"] = as_argument(values["score"], fail)
    try:
        case = UseCase(**values, name=path.stem, source=path)
    except ValidationError as error:
        found = error.errors()
        first = next(
            (e for e in found if e["type"] == "extra_forbidden"), found[0]
        )  # a misspelled field is missing too
        raise InputError(f"{path}, line {line_of(text, first['loc'])}: {_rule(first)}") from None
    _check(case, fail)
    return case


def _check(case: UseCase, fail: Fail) -> None:
    """The rules between fields."""
    seen: dict[str, int] = {}
    for number, prompt in enumerate(case.prompts):
        if prompt.text in seen:
            fail(
                ("prompts", number, "text"), f"each prompt may stand once; this is number {seen[prompt.text] + 1} again"
            )
        seen[prompt.text] = number
    if not case.open_prompts:
        fail(("prompts", 0), "prompts must not all be held out; set held_out = false for some")
    if case.answer_pattern is not None:
        try:
            re.compile(case.answer_pattern)
        except re.error as error:
            got = f"{case.answer_pattern!r} ({error})"
            fail(("answer_pattern",), f"answer_pattern must be a regular expression; got {got}; mend it")
    if case.score is not None:
        check_score(case.score, [prompt.answer for prompt in case.prompts], fail)


_RULES = {
    "missing": "{field} is missing; add it",
    "extra_forbidden": "{field} is unknown; check the spelling, or leave it out",
    "string_type": "{field} must be text in quotes; got {input}",
    "string_too_short": "{field} must not be empty; write something",
    "bool_type": "{field} must be true or false; got {input}",
    "int_type": "{field} must be a whole number; got {input}",
    "greater_than_equal": "{field} must be at least {ge}; got {input}",
    "less_than_equal": "{field} must be at most {le}; got {input}",
    "literal_error": "{field} must be one of {expected}; got {input}",
    "too_short": '{field} must not be empty; add [[prompts]] with text = "..."',
    "tuple_type": '{field} must be tables; write [[prompts]] and below it text = "..."',
    "model_type": "{field} must be a table; got {input}",
    "model_attributes_type": "{field} must be a table; got {input}",
}


def _rule(error: Any) -> str:
    """A broken rule of pydantic in Thermoscope's words."""
    field = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    shown = " ".join(repr(error["input"]).split())
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    words = _RULES.get(error["type"], "{field}: " + error["msg"].replace("{", "{{").replace("}", "}}"))
    return str(words.format(field=field, input=shown, **error.get("ctx", {})))


def line_of(text: str, location: tuple[str | int, ...]) -> int:
    """The line where a field is written, or the table that it is missing from; 1 if neither is found.

    Knows tables and arrays of tables with one key per line, which is how use cases are written.
    """
    keys = [part for part in location if isinstance(part, str)]
    numbers = [part for part in location if isinstance(part, int)]
    table, wanted = (keys[0], numbers[0] if numbers else 0) if len(location) > 1 else (None, 0)
    key = keys[-1] if len(keys) > (table is not None) else None
    here: str | None = None
    seen, best = -1, 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*\"?([^\]\"]+?)\"?\s*\]", line):
            here = header.group(1)
            seen += here == (table or key)
            if here == (table or key) and seen == wanted:
                best = number
                if key is None or table is None:
                    return number
        elif key and here == table and (table is None or seen == wanted) and _assigns(line, key):
            return number
    return best


def _assigns(line: str, key: str) -> bool:
    return re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line) is not None
