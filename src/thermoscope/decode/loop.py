"""The loop: merged decoding of many samples at once.

Samples of one prompt with the same tokens so far are one *branch*, one row for the model. Each step draws a token
for every sample of every branch; a branch forks where they differ. New branches are admitted as others finish.
Neither merging nor the number of rows in flight is seen by a text: its tokens depend on its own logits, setting,
seed and position alone.

Shapes: R branches in flight, M samples in flight (M >= R), V vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from thermoscope.cpu import probe
from thermoscope.decode.branch import Branch, BranchesInFlight, branches_of
from thermoscope.decode.drawing import draw_step, sample_of
from thermoscope.decode.ending import Endings
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import Request
from thermoscope.decode.sample import Sample
from thermoscope.models.base import Model
from thermoscope.sampling.chain import check_logits
from thermoscope.sampling.effects import Effects


@dataclass(slots=True)
class Work:
    """What the model had to do, in rows: one row is one token of one branch (prompts not counted)."""

    forward_rows: int = 0
    tokens: int = 0
    finished: int = 0


class Decoder:
    """Makes the requested samples; ``decode`` yields them as they are finished.

    Parameters
    ----------
    model
        Where logits come from.
    requests
        The samples to make.
    stop
        Stop strings.
    max_rows
        The most rows in flight.
    merge
        Whether samples with the same tokens so far share a row. The texts are the same either way.
    effects
        Where to note which stages of the settings changed anything.
    on_token
        Called with (number of the request, token id, its record) for each token that is drawn.
    """

    def __init__(
        self,
        model: Model,
        requests: Sequence[Request],
        *,
        stop: Sequence[str],
        max_rows: int,
        merge: bool = True,
        effects: Effects | None = None,
        on_token: Callable[[int, int, TokenRecord], None] | None = None,
    ) -> None:
        self._model = model
        self._requests = requests
        self._max_rows = max_rows
        self._merge = merge
        self._effects = effects
        self._on_token = on_token
        self._endings = Endings(model, stop)
        self._waiting = self._first_branches()
        self.work = Work()

    def decode(self) -> Iterator[list[tuple[int, Sample]]]:
        """After every step, yield (number of the request, its sample) for those that it finished."""
        if not self._requests:
            return
        flight: BranchesInFlight[int] = BranchesInFlight(
            self._model,
            capacity=min(self._max_rows, len(self._requests)),
            length=max(len(r.prompt_ids) + r.max_new_tokens for r in self._requests),
        )
        while flight.branches or self._waiting:
            logits = flight.admit(self._admitted(flight.branches))
            check_logits(logits)
            finished, forks = self._advance(flight.branches, logits)
            first = bool(finished) and not self.work.finished
            self.work.finished += len(finished)
            yield finished
            if first:
                probe.text_is_there(sum(r.max_new_tokens - len(r.records) for r in self._requests))
            flight.replace(forks)
            flight.step()
            self.work.forward_rows = flight.forward_rows

    def _first_branches(self) -> deque[Branch[int]]:
        """One branch per distinct prompt and beginning, or several if it has more samples than rows may be in flight.

        Samples of one seed stay together: they are what is compared, and what shares rows the longest.
        """
        seeds = {seed: place for place, seed in enumerate(dict.fromkeys(r.seed for r in self._requests))}
        numbers = sorted(range(len(self._requests)), key=lambda number: seeds[self._requests[number].seed])
        begun: dict[tuple[int, ...], list[int]] = {}
        for number in numbers:
            begun.setdefault(self._requests[number].begin, []).append(number)
        first: deque[Branch[int]] = deque()
        for begin, members in begun.items():
            for branch in branches_of(members, lambda number: self._requests[number].prompt_ids, self._max_rows):
                branch.tokens = list(begin)
                first.append(branch)
        return first

    def _admitted(self, active: Sequence[Branch[int]]) -> list[Branch[int]]:
        """The waiting branches that come next, while there is room for all that they may fork into."""
        room = self._max_rows - sum(len(branch.members) for branch in active)
        admitted: list[Branch[int]] = []
        while self._waiting and len(self._waiting[0].members) <= room:
            admitted.append(self._waiting.popleft())
            room -= len(admitted[-1].members)
        return admitted

    def _advance(
        self, active: Sequence[Branch[int]], logits: Tensor
    ) -> tuple[list[tuple[int, Sample]], list[tuple[Branch[int], int]]]:
        """Draw for every sample; return the finished ones, and the branches that go on, each with its row."""
        drawn = self._draw(active, logits)
        finished: list[tuple[int, Sample]] = []
        forks: list[tuple[Branch[int], int]] = []
        for row, branch in enumerate(active):
            groups: dict[int | tuple[int, int], list[int]] = {}
            for number in branch.members:
                token = drawn[number]
                groups.setdefault(token if self._merge else (token, number), []).append(number)
            for members in groups.values():
                fork = branch.fork(drawn[members[0]], members)
                ended, ending = self._endings.close(fork, lambda number: self._requests[number].max_new_tokens)
                if ending is not None:
                    finished += [(number, sample_of(self._requests[number], ending)) for number in ended]
                if fork.members:
                    forks.append((fork, row))
        return finished, forks

    def _draw(self, active: Sequence[Branch[int]], logits: Tensor) -> dict[int, int]:
        """Draw a token for every sample in flight and record it; token by number of the sample."""
        numbers = [number for branch in active for number in branch.members]
        owner = [row for row, branch in enumerate(active) for _ in branch.members]
        requests = [self._requests[number] for number in numbers]
        keys, texts = [active[row].key for row in owner], [active[row].tokens for row in owner]
        tokens = draw_step(logits, owner, requests, keys, texts, end_ids=self._model.end_of_text, effects=self._effects)
        self.work.tokens += len(numbers)
        if self._on_token is not None:
            for number, token, request in zip(numbers, tokens, requests, strict=True):
                self._on_token(number, token, request.records[-1])
        return dict(zip(numbers, tokens, strict=True))
