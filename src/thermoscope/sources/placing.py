"""Pieces of work given to workers: what is lost with a worker is given to another, and every result is taken once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from thermoscope.errors import ModelError

#: How often a piece is given to a worker that dies before one gives up: the piece itself may be what kills them.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one piece.

    Attributes
    ----------
    number
        Which piece it is.
    value
        What was made; None where it was not.
    error
        What the worker raised; None if it raised nothing.
    lost
        Whether the worker died with it.
    """

    number: int
    value: Any = None
    error: Exception | None = None
    lost: bool = False


class Workers(Protocol):
    """Processes somewhere, each of which holds a source. One thread uses them."""

    @property
    def alive(self) -> int:
        """How many can be given pieces now."""

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Let the least busy worker call ``function(source, *arguments)``; it may have to wait for the others."""

    def next(self) -> Outcome:
        """Wait until one of the submitted pieces is made, has failed, or is lost; every submitted piece comes once.

        Raises
        ------
        ModelError
            No worker is left, and none can be started.
        """

    def close(self) -> None:
        """Stop all workers."""


def place(
    workers: Workers,
    pieces: int,
    submit: Callable[[int], None],
    take: Callable[[int, Any], None],
) -> None:
    """Have all pieces made, in any order.

    While there are more pieces than workers, a second one waits at each worker, which hides the time that results
    take to be written. Memory holds only what is under way.

    Parameters
    ----------
    workers
        Who makes them.
    pieces
        How many there are; they are numbered from 0.
    submit
        Gives the piece of a number to ``workers``.
    take
        Called with (number, what was made) once for each piece, as they come.

    Raises
    ------
    ModelError
        Several workers died with the same piece, or none is left. All other pieces were made and taken.
    Exception
        What a worker raised first: no piece is begun after that, and those under way are taken.
    """
    waiting = deque(range(pieces))
    losses: Counter[int] = Counter()
    under_way = 0
    failure: Exception | None = None
    given_up: list[int] = []
    while True:
        while waiting and failure is None and under_way < _room(workers.alive, len(waiting)):
            submit(waiting.popleft())
            under_way += 1
        if not under_way:
            break
        outcome = workers.next()
        under_way -= 1
        if outcome.lost:
            losses[outcome.number] += 1
            if losses[outcome.number] < ATTEMPTS:
                waiting.appendleft(outcome.number)
            else:
                given_up.append(outcome.number)
        elif outcome.error is not None:
            failure = failure or outcome.error
        else:
            take(outcome.number, outcome.value)
    if failure is not None:
        raise failure
    if given_up:
        raise ModelError(
            f"{ATTEMPTS} workers died one after the other with piece {given_up[0]} of {pieces}, so it may not fit "
            "their memory; choose smaller --max-rows, and the same command goes on where it was"
        )


def _room(alive: int, waiting: int) -> int:
    """How many pieces may be under way: at least one, so that somebody waits for a worker to come back."""
    return max(1, alive * (2 if waiting > alive else 1))
