"""How a use case's texts are scored: any registered kind of scorer, by the same rules as ``--score``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict

from thermoscope.errors import InputError

#: What says that a field of the file is wrong, by its place and why.
Fail = Callable[[tuple[str | int, ...], str], NoReturn]


class Score(BaseModel):
    """How a text is scored.

    Attributes
    ----------
    kind
        The name of a registered kind of scorer: exact, regex, function, or one of an installed package.
    argument
        What ``--score KIND:ARGUMENT`` has after the colon; "" where the kind takes none. The file of a function is
        beside the use case's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: str
    argument: str = ""


def as_argument(table: Mapping[str, Any], fail: Fail) -> dict[str, Any]:
    """The table ``[score]`` with what its kind calls its argument as ``argument``."""
    from thermoscope.metrics.scorers import scorer_named

    name, values = table.get("kind"), dict(table)
    if not isinstance(name, str):
        return values
    try:
        field = scorer_named(name).field
    except InputError as error:
        fail(("score", "kind"), str(error))
    if field in values and "argument" not in values:
        values["argument"] = values.pop(field)
    return values


def check_score(score: Score, answers: Sequence[str | None], fail: Fail) -> None:
    """Fail where the argument is missing, too much or wrong, or one of the prompts' expected answers is missing."""
    from thermoscope.metrics.scorers import scorer_named

    kind = scorer_named(score.kind)
    if kind.argument and not score.argument:
        fail(("score", "kind"), f'score of kind {kind.name} must have {kind.field} = "{kind.argument}"; add it')
    if score.argument and not kind.argument:
        fail(("score", "argument"), f"score of kind {kind.name} takes no argument; leave it out")
    try:
        kind.check(score.argument)
    except InputError as error:
        fail(("score", kind.field), str(error))
    if None in answers and kind.needs_answer(score.argument):
        number = answers.index(None)
        fail(("prompts", number), f"score of kind {kind.name} must have an answer for every prompt; this one has none")
