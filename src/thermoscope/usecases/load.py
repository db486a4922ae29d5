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

import re
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from thermoscope.checks import compiled
from thermoscope.errors import InputError
from thermoscope.files.parsing import toml_value
from thermoscope.files.reading import read_text, shown
from thermoscope.files.tables import SUFFIXES, suffix_of
from thermoscope.usecases.case import FOLDER, UseCase
from thermoscope.usecases.prompts import use_case_of_prompts
from thermoscope.usecases.score import Fail, as_argument, check_score
from thermoscope.words import quoted


def bundled() -> list[str]:
    """Names of the use cases that come with Thermoscope."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path) -> UseCase:
    """Load a use case by its name, from a file that ends in ``.toml``, or around a file of prompts.

    A third of the prompts of such a file is held out (``usecases.prompts``).

    Raises
    ------
    InputError
        There is none, or the file breaks a rule; the message names file, line and field.
    """
    given = str(name_or_path)
    path = FOLDER / f"{given}.toml" if given in bundled() else Path(given)
    if suffix_of(path) in SUFFIXES:
        return use_case_of_prompts(path)
    if path.suffix != ".toml":
        raise InputError(
            f"a use case must be one of {', '.join(bundled())}, a .toml file or a file of prompts; got "
            f"{quoted(given)}; thermoscope use-cases new FILE.toml writes one to start from"
        )
    return parse(read_text(path, "a use case"), path)


def parse(text: str, path: Path) -> UseCase:
    """The use case in the text of a file; errors as in ``load``."""
    values = toml_value(text, shown(path))

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
            compiled(case.answer_pattern)
        except ValueError as error:
            got = f"{case.answer_pattern!r} ({error})"
            fail(("answer_pattern",), f"answer_pattern must be a regular expression; got {got}; fix it")
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
