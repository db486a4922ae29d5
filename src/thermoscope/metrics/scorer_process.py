"""The process in which scorers and patterns run: what they print, how long they take and how they end is their own.

Run as a file, with the standard library alone, so that it starts at once. Standard input is one line of JSON that says
what to do and then a line per text; standard output one line of JSON per text, after a first that says that all is
ready. Whoever starts it decides how long to wait (``isolated.py``).
"""

from __future__ import annotations

import importlib
import json
import math
import numbers
import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

#: Characters of an error's own text that are passed on.
_MOST_SAID = 200


class NotANumberError(ValueError):
    """A scorer gave something else than a number or None; the message is a rule and what was got."""


def as_score(value: Any) -> float | None:
    """What a scorer returned as a number.

    Raises
    ------
    NotANumberError
        It is none, not finite, or an integer that no float can hold.
    """
    if value is None:
        return None
    if hasattr(value, "__await__"):
        if hasattr(value, "close"):
            value.close()
        raise NotANumberError("must be an ordinary function, as nothing waits for its result; got an async one")
    if not isinstance(value, numbers.Real) and type(value).__name__ not in ("bool", "bool_"):
        raise NotANumberError(f"must return a number or None; got {_clipped(_repr(value), 60)}")
    try:
        number = float(value)
    except OverflowError:
        raise NotANumberError("must return a number below 1e308 in size; got a larger one") from None
    if not math.isfinite(number):
        raise NotANumberError(f"must return a number, or None where it can't know; got {number}")
    return number


def refusal(called: str, text: str, error: BaseException | dict[str, str]) -> str:
    """One line on what a scorer does for a text.

    Parameters
    ----------
    called
        What the scorer is called.
    text
        The text, as it is quoted.
    error
        What was raised, or what ``told`` makes of it.
    """
    said = told(error) if isinstance(error, BaseException) else error
    if "rule" in said:
        return f"{called} {said['rule']} for {text}"
    return f"{called} fails on {text} ({said['error']})"


def told(error: BaseException) -> dict[str, str]:
    """An error of somebody else's function, on one line: the rule that is broken, or what was raised."""
    if isinstance(error, SystemExit):
        return {"rule": f"must return a number or None; got sys.exit({_clipped(_repr(error.code), 40)})"}
    if isinstance(error, NotANumberError):
        return {"rule": str(error)}
    return {"error": _clipped(" ".join(f"{type(error).__name__}: {error}".split()), _MOST_SAID)}


class _AbsentError(Exception):
    """A file has no function of this name."""


def loaded_function(path: str, name: str) -> Callable[[str, str | None], Any]:
    """The function of a file that ends in .py, or of a module.

    Raises
    ------
    _AbsentError
        It has no such function.
    ModuleNotFoundError
        There is no such module.
    """
    if path.endswith(".py"):
        found = runpy.run_path(path).get(name)
    else:
        found = getattr(importlib.import_module(path), name, None)
    if not callable(found):
        raise _AbsentError(name)
    function: Callable[[str, str | None], Any] = found
    return function


def matcher(pattern: str) -> Callable[[str, str | None], float | None]:
    """A scorer: 1 if the pattern occurs in the text, else 0; ``{answer}`` in it stands for the expected answer."""

    def score(text: str, answer: str | None) -> float | None:
        if "{answer}" not in pattern:
            return float(re.search(pattern, text) is not None)
        if answer is None:
            return None
        return float(re.search(pattern.replace("{answer}", re.escape(answer)), text) is not None)

    return score


def extractor(pattern: str) -> Callable[[str, str | None], str]:
    """What finds the answer in a text: the last match of a pattern, its first group if it has one; "" if none."""
    compiled = re.compile(pattern)

    def find(text: str, _: str | None) -> str:
        last = None
        for last in compiled.finditer(text):  # noqa: B007  (the last is what is wanted)
            pass
        return "" if last is None else last[1 if compiled.groups else 0] or ""

    return find


def _work(task: dict[str, str]) -> Callable[[str, str | None], Any]:
    if task["kind"] == "function":
        function = loaded_function(task["path"], task["name"])
        return lambda text, answer: as_score(function(text, answer))
    return matcher(task["pattern"]) if task["kind"] == "match" else extractor(task["pattern"])


def _answers(requests: TextIO, results: TextIO) -> None:
    """Write a line for the task and one per text; an error in the first ends it."""

    def tell(**said: Any) -> None:
        results.write(json.dumps(said) + "\n")
        results.flush()

    own = os.getpid()
    task = json.loads(requests.readline())
    sys.path[:] = task["sys_path"]
    try:
        work = _work(task)
    except _AbsentError as error:
        return tell(absent=str(error))
    except ModuleNotFoundError as error:
        if error.name is not None and task.get("path", "").startswith(error.name):
            return tell(no_module=error.name)
        return tell(**told(error))
    except BaseException as error:  # whatever a file does as it is loaded
        if isinstance(error, OSError) and Path(str(error.filename)).absolute() == Path(task["path"]).absolute():
            return tell(unreadable=error.strerror)
        return tell(**told(error))
    tell(ready=True)
    for line in requests:
        text, answer = json.loads(line)
        try:
            value = work(text, answer)
        except BaseException as error:  # whatever a scorer does
            tell(**told(error))
            continue
        finally:
            if os.getpid() != own:  # the scorer forked, and this is what it left behind
                os._exit(0)
        results.write(json.dumps(value) + "\n")
        results.flush()
    return None


def _repr(value: object) -> str:
    try:
        return " ".join(repr(value).split())
    except Exception:  # somebody else's class
        return f"an object of type {type(value).__name__}"


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _main() -> None:
    """Take the standard streams for the protocol, and leave others in their places to whatever is scored by."""
    with (
        os.fdopen(os.dup(0), encoding="ascii") as requests,
        os.fdopen(os.dup(1), "w", encoding="ascii") as results,
    ):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # what a scorer prints is seen, and is no part of the result
        sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8", closefd=False), sys.stderr
        _answers(requests, results)


if __name__ == "__main__":
    _main()
