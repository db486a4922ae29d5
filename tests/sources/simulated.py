"""Workers whose clock and engine are replaced: pieces take a random time, workers die with some and come back."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from thermoscope.sources.placing import Outcome


class SimulatedWorkers:
    """They are ``Workers``; time passes only in ``next``.

    Parameters
    ----------
    number
        How many workers there are.
    seconds
        Mean time of a piece; times are between half and one and a half of it.
    chance_of_death
        Of a worker with each piece, at a random moment of it.
    away_s
        How long a worker that died is away.
    deadly
        Pieces that always kill their worker.
    failing
        Errors of pieces.
    answer
        What a call gives, in place of ``function(source, *arguments)``; without it None.
    seed
        Of the random numbers.
    """

    def __init__(
        self,
        number: int,
        *,
        seconds: float,
        chance_of_death: float = 0.0,
        away_s: float = 30.0,
        deadly: frozenset[int] = frozenset(),
        failing: Mapping[int, Exception] | None = None,
        answer: Callable[..., Any] | None = None,
        seed: int = 0,
    ) -> None:
        self._random = random.Random(seed)
        self._number, self._seconds, self._chance, self._away = number, seconds, chance_of_death, away_s
        self._deadly, self._failing, self._answer = deadly, dict(failing or {}), answer
        self._calls: dict[int, tuple[Any, ...]] = {}
        self._queues: list[deque[int]] = [deque() for _ in range(number)]
        self._there = set(range(number))
        #: (time, order, worker, piece or None where a worker comes back, whether it dies)
        self._events: list[tuple[float, int, int, int | None, bool]] = []
        self._lost: deque[int] = deque()
        self._order = 0
        self._pending = 0
        self.clock = 0.0
        self.deaths = self.most_pending = 0

    @property
    def alive(self) -> int:
        """How many are there."""
        return len(self._there)

    def ideal_s(self, pieces: int) -> float:
        """How long so many pieces take workers that never wait, what dies with them made again."""
        lost_s = self._chance / (1 - self._chance) * (self._seconds / 2 + self._away)
        return pieces * (self._seconds + lost_s) / self._number

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue a piece at the least busy worker."""
        while not self._there:
            self._step()
        worker = min(self._there, key=lambda one: len(self._queues[one]))
        self._queues[worker].append(number)
        self._calls[number] = (function, *arguments)
        self._pending += 1
        self.most_pending = max(self.most_pending, self._pending)
        if len(self._queues[worker]) == 1:
            self._begin(worker)

    def next(self) -> Outcome:
        """Let time pass until a piece is made, has failed, or is lost."""
        while True:
            if self._lost:
                self._pending -= 1
                return Outcome(self._lost.popleft(), lost=True)
            outcome = self._step()
            if outcome is not None:
                self._pending -= 1
                return outcome

    def close(self) -> None:
        """Nothing is left running."""

    def _step(self) -> Outcome | None:
        self.clock, _, worker, number, dies = heapq.heappop(self._events)
        if number is None:
            self._there.add(worker)
            return None
        queue = self._queues[worker]
        queue.popleft()
        if dies:
            self.deaths += 1
            self._lost.extend((number, *queue))
            queue.clear()
            self._there.discard(worker)
            self._event(self._away, worker, None, dies=False)
            return None
        if queue:
            self._begin(worker)
        call = self._calls.pop(number)
        error = self._failing.get(number)
        return Outcome(number, None if error or self._answer is None else self._answer(*call), error)

    def _begin(self, worker: int) -> None:
        number = self._queues[worker][0]
        seconds = self._seconds * self._random.uniform(0.5, 1.5)
        dies = number in self._deadly or self._random.random() < self._chance
        self._event(seconds * self._random.random() if dies else seconds, worker, number, dies=dies)

    def _event(self, seconds: float, worker: int, number: int | None, *, dies: bool) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.clock + seconds, self._order, worker, number, dies))
