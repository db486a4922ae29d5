"""Growing the trees of spectra: which contexts the model computes, and what becomes of their intervals.

A *branch* is one context, one row for the model, with the intervals of temperature (of one seed or several) whose
texts have these tokens so far. Each step finds the envelope of every interval of every branch and splits it. Branches
beyond what fits wait without a row, as their tokens alone, and are computed anew when there is room.

Shapes: R branches in flight, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.decode.generate import Progress
from thermoscope.decode.records import Records
from thermoscope.decode.sample import FinishReason
from thermoscope.decode.text import find_stop, text_ends
from thermoscope.models.base import Model, Rows
from thermoscope.spectra.envelope import Segment
from thermoscope.spectra.halflines import Plan
from thermoscope.spectra.leaf import Node
from thermoscope.spectra.split import Interval, split
from thermoscope.spectra.steps import Context, Step, Stepper
from thermoscope.spectra.tree import Tree

#: Pieces of text that are remembered: texts share their prefixes.
_MOST_PIECES = 200_000


@dataclass(slots=True)
class Member:
    """An interval of one tree, at the node that its texts have come to."""

    tree: Tree
    node: int
    interval: Interval


@dataclass(slots=True)
class Branch:
    """One context and the intervals that share it."""

    prompt_ids: tuple[int, ...]
    tokens: list[int]
    members: list[Member]


class Explorer:
    """Grows the trees."""

    def __init__(
        self,
        model: Model,
        trees: Sequence[Tree],
        plan: Plan,
        stop: Sequence[str],
        resolution: float,
        capacity: int,
        *,
        watch: bool = False,
    ) -> None:
        self._model, self._trees = model, trees
        self._stop, self._resolution, self._capacity = stop, resolution, capacity
        self._active: list[Branch] = []
        #: Branches without a row, the next to go on last: the longest come first, so that texts get finished.
        self._waiting: list[Branch] = []
        self.stepper = Stepper(plan, model.vocabulary, watch=watch)
        self._pieces: dict[tuple[int, ...], str] = {}
        self._tokens = self._forward_rows = 0

    def run(self, whole: Interval, length: int, on_progress: Callable[[Progress], None] | None) -> None:
        """Grow every tree over the whole interval until all leaves are finished."""
        by_prompt: dict[tuple[int, ...], Branch] = {}
        for tree in self._trees:
            branch = by_prompt.setdefault(tree.prompt_ids, Branch(tree.prompt_ids, [], []))
            branch.members.append(Member(tree, -1, whole))
            tree.open = 1
        self._waiting = list(by_prompt.values())[::-1]
        rows = self._model.rows(capacity=self._capacity, length=length)
        stepped: Tensor | None = None
        while self._active or self._waiting:
            logits = self._admit(rows, stepped)
            stay = _in_place(self._advance(logits))
            self._active = [branch for branch, _ in stay]
            rows.select([source for _, source in stay])
            tokens = [branch.tokens[-1] for branch in self._active]
            if on_progress is not None:
                on_progress(self._progress())
            stepped = rows.step(torch.tensor(tokens, device=logits.device)) if tokens else None
            self._forward_rows += len(tokens)

    def _progress(self) -> Progress:
        going = [
            (tree.limit - len(branch.tokens))
            for branch in (*self._active, *self._waiting)
            for tree in (member.tree for member in branch.members)
        ]
        done = sum(len(tree.leaves) for tree in self._trees)
        return Progress(done, done + len(going), self._tokens, self._tokens + sum(going), self._forward_rows)

    def _admit(self, rows: Rows, stepped: Tensor | None) -> Tensor:
        """Give rows to waiting branches once half of the rows are free; logits (R, V) of all in flight."""
        parts = [] if stepped is None else [stepped]
        if self._waiting and len(self._active) <= self._capacity // 2:
            room = self._capacity - len(self._active)
            admitted = [self._waiting.pop() for _ in range(min(room, len(self._waiting)))]
            parts.append(rows.add([[*branch.prompt_ids, *branch.tokens] for branch in admitted]))
            self._forward_rows += len(admitted)
            self._active += admitted
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _advance(self, logits: Tensor) -> list[tuple[Branch, int]]:
        """One token further: finished leaves go to their trees; what goes on comes back with its row."""
        records = Records(logits)
        contexts = [
            Context(
                branch.prompt_ids,
                branch.members[0].tree.key,
                branch.tokens,
                [(m.tree.seed, m.interval.exact_low, m.interval.exact_high) for m in branch.members],
            )
            for branch in self._active
        ]
        grown: list[tuple[Branch, int]] = []
        for step in self.stepper.steps(logits, contexts):
            branch = self._active[step.row]
            by_token: dict[int, list[Member]] = {}
            for member, segments in zip(branch.members, step.segments, strict=True):
                for grown_member, token in self._grow(member, step, segments, records):
                    by_token.setdefault(token, []).append(grown_member)
            for token, members in by_token.items():
                self._tokens += len(members)
                fork = Branch(branch.prompt_ids, [*branch.tokens, token], members)
                if self._goes_on(fork):
                    grown.append((fork, step.row))
        self._waiting += [fork for fork, _ in grown[self._capacity :]]
        return grown[: self._capacity]

    def _grow(
        self, member: Member, step: Step, segments: Sequence[Segment], records: Records
    ) -> Iterator[tuple[Member, int]]:
        """Split a member; yield what it becomes, each with its token, recorded as a node of the tree."""
        tree = member.tree
        greedy = int(step.logits.argmax()) if member.interval.zero else None
        parts = split(member.interval, segments, greedy, self._resolution)
        tree.open += len(parts) - 1
        for column, interval in parts:
            token = step.token(column)
            logprob, rank, entropy = records.of(step.row, token)
            tree.nodes.append(
                Node(
                    parent=member.node,
                    position=0 if member.node < 0 else tree.nodes[member.node].position + 1,
                    token_id=token,
                    low=interval.low,
                    high=interval.high,
                    exact_low=interval.exact_low,
                    exact_high=interval.exact_high,
                    logit=float(step.logits[column]),
                    noise=float(step.noise[tree.seed][column]),
                    logprob=logprob,
                    rank=rank,
                    entropy=entropy,
                )
            )
            yield Member(tree, len(tree.nodes) - 1, interval), token

    def _goes_on(self, branch: Branch) -> bool:
        """Close the leaves of a branch that ends here; whether any interval goes on."""
        reason: FinishReason | None = None
        cut: int | None = None
        tokens = branch.tokens
        if tokens[-1] in self._model.end_of_text:
            reason = "end_of_text"
        elif self._stop and (cut := find_stop(self._model.decode, tokens, self._stop)) is not None:
            reason = "stop"
        ending = [m for m in branch.members if reason or len(tokens) >= m.tree.limit]
        if ending:
            # the end-of-text token has no text, even where the tokenizer doesn't count it as special
            spoken = tokens[:-1] if reason == "end_of_text" else tokens
            text = self._model.decode(spoken)[:cut]
            ends = text_ends(self._piece, spoken, text) + (len(text),) * (len(tokens) - len(spoken))
            for member in ending:
                member.tree.finish(member.node, member.interval, text, ends, tuple(tokens), reason or "length")
            branch.members = [m for m in branch.members if not (reason or len(tokens) >= m.tree.limit)]
        return bool(branch.members)

    def _piece(self, token_ids: Sequence[int]) -> str:
        """The text of a few tokens, remembered: leaves share most of theirs."""
        key = tuple(token_ids)
        text = self._pieces.get(key)
        if text is None:
            if len(self._pieces) >= _MOST_PIECES:
                self._pieces.clear()
            text = self._pieces[key] = self._model.decode(key)
        return text


def _in_place(grown: list[tuple[Branch, int]]) -> list[tuple[Branch, int]]:
    """Order branches so that as many as can keep their row; the others fill the gaps."""
    places: list[tuple[Branch, int] | None] = [None] * len(grown)
    others = []
    for item in grown:
        if item[1] < len(grown) and places[item[1]] is None:
            places[item[1]] = item
        else:
            others.append(item)
    rest = iter(others)
    return [next(rest) if place is None else place for place in places]
