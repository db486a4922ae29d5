"""Growing the trees of spectra: which contexts the model computes, and what becomes of their intervals.

A *branch* is one context, one row for the model, with the intervals of temperature (of one seed or several) whose
texts have these tokens so far. Each step finds the envelope of every interval of every branch and splits it. Branches
beyond what fits wait without a row, as their tokens alone, and are computed anew when there is room.

Shapes: R branches in flight, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from thermoscope.decode.branch import Branch, BranchesInFlight, branches_of
from thermoscope.decode.ending import Endings
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord, records_of
from thermoscope.models.base import Model
from thermoscope.sampling.chain import check_logits
from thermoscope.spectra.context_envelopes import Context, ContextEnvelopes, EnvelopeFinder
from thermoscope.spectra.envelope import Segment
from thermoscope.spectra.halflines import TemperatureSplit
from thermoscope.spectra.leaf import Node
from thermoscope.spectra.split import Interval, split
from thermoscope.spectra.tree import Tree


@dataclass(slots=True)
class Member:
    """An interval of one tree, at the node that its texts have come to."""

    tree: Tree
    node: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a member's interval, the row that it comes from, and the token that it draws there."""

    member: Member
    row: int
    interval: Interval
    token_id: int
    logit: float
    noise: float

    def grow(self, record: TokenRecord) -> Member:
        """Keep the token as a node of the tree; the member at that node."""
        tree, parent = self.member.tree, self.member.node
        tree.nodes.append(
            Node(
                parent=parent,
                position=0 if parent < 0 else tree.nodes[parent].position + 1,
                token_id=self.token_id,
                low=self.interval.low,
                high=self.interval.high,
                exact_low=self.interval.exact_low,
                exact_high=self.interval.exact_high,
                logit=self.logit,
                noise=self.noise,
                logprob=record.logprob,
                rank=record.rank,
                entropy=record.entropy,
            )
        )
        return Member(tree, len(tree.nodes) - 1, self.interval)


class Explorer:
    """Grows the trees."""

    def __init__(
        self,
        model: Model,
        trees: Sequence[Tree],
        setting: TemperatureSplit,
        stop: Sequence[str],
        resolution: float,
        capacity: int,
        *,
        watch: bool = False,
    ) -> None:
        self._trees, self._resolution, self._capacity = trees, resolution, capacity
        length = max(len(tree.prompt_ids) + tree.limit for tree in trees)
        self._flight: BranchesInFlight[Member] = BranchesInFlight(model, capacity=capacity, length=length)
        #: Branches without a row, the next to go on last: the longest come first, so that texts get finished.
        self._waiting: list[Branch[Member]] = []
        self._endings = Endings(model, stop)
        self.finder = EnvelopeFinder(setting, model.vocabulary, end_ids=model.end_of_text, watch=watch)
        self._tokens = self._computed_anew = 0

    def grow(self, interval: Interval, on_progress: Callable[[Progress], None] | None) -> None:
        """Grow every tree over an interval until all leaves are finished."""
        members = [Member(tree, -1, interval) for tree in self._trees]
        self._waiting = branches_of(members, lambda member: member.tree.prompt_ids)[::-1]
        while self._flight.branches or self._waiting:
            logits = self._flight.admit(self._admitted())
            check_logits(logits)
            forks = self._advance(logits)
            self._waiting += [fork for fork, _ in forks[self._capacity :]]
            self._flight.replace(forks[: self._capacity])
            if on_progress is not None:
                on_progress(self._progress())
            self._flight.step()

    def _progress(self) -> Progress:
        going = [
            (tree.limit - len(branch.tokens))
            for branch in (*self._flight.branches, *self._waiting)
            for tree in (member.tree for member in branch.members)
        ]
        done = sum(len(tree.leaves) for tree in self._trees)
        rows = self._flight.forward_rows + self._computed_anew
        return Progress(done, done + len(going), self._tokens, self._tokens + sum(going), rows)

    def _admitted(self) -> list[Branch[Member]]:
        """The waiting branches that get a row: as many as fit, once half of the rows are free."""
        in_flight = len(self._flight.branches)
        if in_flight > self._capacity // 2:
            return []
        admitted = [self._waiting.pop() for _ in range(min(self._capacity - in_flight, len(self._waiting)))]
        self._computed_anew += len(admitted)
        return admitted

    def _advance(self, logits: Tensor) -> list[tuple[Branch[Member], int]]:
        """One token further: finished leaves go to their trees; what goes on comes back with its row."""
        active = self._flight.branches
        contexts = [
            Context(
                branch.prompt_ids,
                branch.key,
                branch.tokens,
                [(m.tree.seed, m.interval.exact_low, m.interval.exact_high) for m in branch.members],
            )
            for branch in active
        ]
        parts = [part for found in self.finder.find(logits, contexts) for part in self._parts(found)]
        records = records_of(logits, [part.row for part in parts], [part.token_id for part in parts])
        groups: dict[tuple[int, int], list[Member]] = {}
        for part, record in zip(parts, records, strict=True):
            groups.setdefault((part.row, part.token_id), []).append(part.grow(record))
        self._tokens += len(parts)
        forks: list[tuple[Branch[Member], int]] = []
        for (row, token), members in groups.items():
            fork = active[row].fork(token, members)
            ended, ending = self._endings.close(fork, lambda member: member.tree.limit)
            if ending is not None:
                for member in ended:
                    member.tree.finish(member.node, member.interval, ending)
            if fork.members:
                forks.append((fork, row))
        return forks

    def _parts(self, found: ContextEnvelopes) -> Iterator[Part]:
        """Split the intervals of a branch."""
        for member, segments in zip(self._flight.branches[found.row].members, found.segments, strict=True):
            yield from self._parts_of(member, found, segments)

    def _parts_of(self, member: Member, found: ContextEnvelopes, segments: Sequence[Segment]) -> Iterator[Part]:
        tree = member.tree
        greedy = int(found.logits.argmax()) if member.interval.zero else None
        parts = split(member.interval, segments, greedy, self._resolution)
        tree.open += len(parts) - 1
        for column, interval in parts:
            logit, noise = float(found.logits[column]), float(found.noise[tree.seed][column])
            yield Part(member, found.row, interval, found.token(column), logit, noise)
