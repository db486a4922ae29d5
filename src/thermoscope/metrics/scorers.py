"""Kinds of scorers, by name: what ``--score`` and a use case's ``[score]`` can say, each one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thermoscope.errors import InputError
from thermoscope.metrics.answers import Scorer, exact, matching
from thermoscope.metrics.isolated import function_in
from thermoscope.registry import Registry
from thermoscope.words import nearest, quoted


@dataclass(frozen=True, slots=True)
class ScorerKind:
    """A kind of scorer.

    Attributes
    ----------
    name
        What it is asked for by: ``--score NAME`` or ``--score NAME:ARGUMENT``.
    meaning
        One line.
    make
        From what is after the colon ("" if nothing is) to the scorer.
    argument
        What is to be after the colon, as help shows it; "" if nothing.
    needs_answer
        Whether a scorer with this argument compares with the expected answer.
    check
        Raises ``InputError`` if what is after the colon breaks a rule; nothing is run or loaded for it.
    field
        What the argument is called in the table ``[score]`` of a use case.
    names_file
        Whether the argument begins with the path of a file, which a use case has beside its own.
    """

    name: str
    meaning: str
    make: Callable[[str], Scorer]
    argument: str = ""
    needs_answer: Callable[[str], bool] = lambda _: False
    check: Callable[[str], object] = lambda _: None
    field: str = "argument"
    names_file: bool = False

    @property
    def usage(self) -> str:
        """How it is asked for."""
        return f"{self.name}:{self.argument}" if self.argument else self.name


#: Every kind of scorer, by name.
SCORERS = Registry(ScorerKind, "scorer", built_in=["thermoscope.metrics.scorers"])


def register_scorer(kind: ScorerKind) -> ScorerKind:
    """Add a kind of scorer: ``--score`` and use cases can name it.

    Raises
    ------
    InputError
        Its name is taken.
    """
    return SCORERS.register(kind)


def scorer_named(name: str) -> ScorerKind:
    """The kind of this name.

    Raises
    ------
    InputError
        There is none.
    """
    if name not in SCORERS:
        raise InputError(f"a scorer must be one of {', '.join(SCORERS)}; got {quoted(name)}{nearest(name, SCORERS)}")
    return SCORERS[name]


def parse_scorer(word: str) -> tuple[ScorerKind, str]:
    """The kind and the argument of ``NAME``, ``NAME:ARGUMENT``, ``FILE.py:FUNCTION`` or ``MODULE:FUNCTION``.

    Raises
    ------
    InputError
        There is no such kind, or its argument is missing, too much or wrong.
    """
    name, colon, argument = word.partition(":")
    if name not in SCORERS and _names_function(word):
        name, argument = "function", word
    elif name not in SCORERS or bool(SCORERS[name].argument) != bool(argument) or (colon and not argument):
        usages = [kind.usage.removeprefix("function:") for kind in SCORERS.values()]
        raise InputError(f"--score must be {', '.join(usages[:-1])} or {usages[-1]}; got {quoted(word)}")
    SCORERS[name].check(argument)
    return SCORERS[name], argument


def function_of(how: str) -> Scorer:
    """The function ``FILE.py:NAME`` or ``MODULE:NAME``, which runs in a process of its own.

    Raises
    ------
    InputError
        The file or module can't be read or fails, or has no such function.
    """
    path, name = _path_and_name(how)
    scorer = function_in(path, name)
    scorer.check()
    return scorer


def _names_function(how: str) -> bool:
    """Whether this is a function by its file or module, and not a kind of scorer with its argument."""
    path, _, name = how.rpartition(":")
    module = all(part.isidentifier() for part in path.split("."))
    return path.endswith(".py") or (module and name.isidentifier() and path not in SCORERS)


def _path_and_name(how: str) -> tuple[str, str]:
    path, _, name = how.rpartition(":")
    if not name or not _names_function(how):
        raise InputError(f"a scorer's function must be given as FILE.py:FUNCTION; got {quoted(how)}; write it so")
    return path, name


ENTRIES = (
    ScorerKind("exact", "1 if the text is the answer, both normalised, else 0", lambda _: exact,
               needs_answer=lambda _: True),
    ScorerKind("regex", "1 if the pattern occurs in the text, else 0; {answer} in it is the expected answer", matching,
               argument="PATTERN", needs_answer=lambda pattern: "{answer}" in pattern, check=matching, field="pattern"),
    ScorerKind("function", "a function of the text and the expected answer or None", function_of,
               argument="FILE.py:FUNCTION", check=_path_and_name, field="function", names_file=True),
)  # fmt: skip
