"""``spectrum``: grows all texts of a prompt and a seed between two temperatures, as a tree of contexts.

A *branch* is one context, one row for the model, with the intervals of temperature (of one seed or several) whose
texts have these tokens so far. Each step finds the envelope of every interval of every branch and splits it. Branches
beyond what fits wait without a row, as their tokens alone, and are computed anew when there is room.

Shapes: R branches in flight, V vocabulary, K candidates that the stages before temperature leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thermoscope.decode.envelope import Segment
from thermoscope.decode.generate import Progress
from thermoscope.decode.halflines import Plan, plan_for
from thermoscope.decode.request import as_list, at_least_one, new_tokens, prompt_ids, seed_list, stop_strings
from thermoscope.decode.sample import FinishReason
from thermoscope.decode.spectrum import Leaf, Node, Spectrum
from thermoscope.decode.split import Interval, split
from thermoscope.decode.steps import Context, Step, Stepper
from thermoscope.decode.text import find_stop, text_ends
from thermoscope.errors import InputError, Interrupted, ModelMemoryError
from thermoscope.models.base import Model, Rows
from thermoscope.params import SamplingParams
from thermoscope.sampling.chain import check_logits
from thermoscope.sampling.noise import prompt_key

#: The most rows in flight by default.
_MOST_ROWS = 256
#: Scores at larger temperatures would overflow.
_HOTTEST = 1e100
#: Pieces of text that are remembered: texts share their prefixes.
_MOST_PIECES = 200_000


def spectrum(
    model: Model,
    prompts: str | Sequence[str],
    *,
    temperature: tuple[float, float] = (0.0, 1.5),
    params: SamplingParams | None = None,
    seeds: int | Sequence[int] = 0,
    max_new_tokens: int | None = None,
    max_length: int | None = None,
    stop: str | Sequence[str] = (),
    resolution: float = 1e-3,
    max_leaves: int | None = None,
    max_rows: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Spectrum]:
    """Find every text between two temperatures, and the exact temperature at which each word changes.

    Parameters
    ----------
    model
        From ``load_model``.
    prompts
        One prompt, or several.
    temperature
        The lower and the upper end, 0 <= low < high. 0 is greedy.
    params
        The other parameters; its own temperature is not used.
    seeds, max_new_tokens, max_length, stop, max_rows
        As in ``generate``.
    resolution
        Intervals narrower than this are not split any further: one text stands for all of it, and the leaf says
        where it is exact. 0 splits without end.
    max_leaves
        The most leaves of each spectrum; the budget is shared out by width, and what is merged is said as above.
        By default there is no limit.
    on_progress
        Called after every step; its samples are the leaves so far.

    Returns
    -------
    list of Spectrum
        Prompts x seeds, the last varying fastest.

    Raises
    ------
    InputError
        A value breaks its rule, or the setting has a stage that does not keep the spectrum exact.
    PromptError
        A prompt is empty or does not fit.
    BadLogitsError
        The model gave NaN.
    ModelMemoryError
        The rows in flight need more memory than there is.
    Interrupted
        A KeyboardInterrupt that carries the list of spectra that were finished.
    """
    low, high = _range(temperature)
    setting = SamplingParams() if params is None else params
    if not isinstance(setting, SamplingParams):
        raise InputError(f"params must be one SamplingParams; got {setting!r:.60}")
    plan = plan_for(setting)
    _check_resolution(resolution)
    most = at_least_one("max_leaves", max_leaves)
    texts, numbers, stops = as_list("prompts", prompts, str), seed_list(seeds), stop_strings(stop)
    if not texts:
        raise InputError("prompts must not be empty; give at least one")
    trees = []
    for text in texts:
        ids = tuple(prompt_ids(model, text))
        limit = new_tokens(model, len(ids), max_new_tokens, max_length)
        trees += [_Tree(text, ids, seed, limit) for seed in numbers]
    length = max(len(tree.prompt_ids) + tree.limit for tree in trees)
    capacity = at_least_one("max_rows", max_rows) or max(
        1, min(_MOST_ROWS, model.free_bytes() // 2 // model.row_bytes(length))
    )
    explorer = _Explorer(model, trees, plan, stops, float(resolution), capacity)

    def finished(tree: _Tree) -> Spectrum:
        nodes, leaves = tree.sorted()
        return Spectrum(
            prompt=tree.prompt,
            seed=tree.seed,
            prompt_tokens=len(tree.prompt_ids),
            params=setting.replace(temperature=SamplingParams().temperature),
            low=low,
            high=high,
            max_new_tokens=tree.limit,
            stop=stops,
            resolution=float(resolution),
            max_leaves=most,
            nodes=nodes,
            leaves=leaves,
            model=model.name,
            revision=model.revision,
            dtype=model.dtype,
            device=model.device,
        )

    try:
        explorer.run(Interval(low, high, low, high, low == 0, most), length, on_progress)
    except KeyboardInterrupt:
        raise Interrupted([finished(tree) for tree in trees if tree.open == 0]) from None
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise ModelMemoryError(
            f"out of memory on {model.device} while decoding; use fewer rows at a time (max_rows), shorter texts, "
            "or a smaller model"
        ) from error
    return [finished(tree) for tree in trees]


def _range(temperature: tuple[float, float]) -> tuple[float, float]:
    """The ends of the range, checked."""
    try:
        low, high = temperature
    except (TypeError, ValueError):
        raise InputError(
            f"temperature must be two numbers, low and high; got {temperature!r:.60}; use (0, 1.5)"
        ) from None
    low, high = (SamplingParams(temperature=end).temperature for end in (low, high))
    if not low < high <= _HOTTEST:
        raise InputError(
            f"temperatures must go up, from low to high of at most {_HOTTEST:g}; got {low:g} to {high:g}; "
            "use (0, 1.5), or generate for one temperature"
        )
    return low, high


def _check_resolution(resolution: float) -> None:
    if isinstance(resolution, bool) or not isinstance(resolution, int | float) or not 0 <= resolution < math.inf:
        raise InputError(f"resolution must be a finite number of at least 0; got {resolution!r}; use 0.001")


class _Tree:
    """One spectrum while it grows."""

    def __init__(self, prompt: str, ids: tuple[int, ...], seed: int, limit: int) -> None:
        self.prompt, self.prompt_ids, self.seed, self.limit = prompt, ids, seed, limit
        self.key = prompt_key(ids)
        self.nodes: list[Node] = []
        self.leaves: list[Leaf] = []
        #: Intervals that are not finished.
        self.open = 0

    def path(self, node: int) -> tuple[int, ...]:
        """The numbers of the nodes from the first token to this one."""
        found = []
        while node >= 0:
            found.append(node)
            node = self.nodes[node].parent
        return tuple(reversed(found))

    def finish(
        self,
        node: int,
        interval: Interval,
        text: str,
        ends: tuple[int, ...],
        tokens: tuple[int, ...],
        why: FinishReason,
    ) -> None:
        """Keep a finished leaf."""
        self.leaves.append(
            Leaf(
                low=interval.low,
                high=interval.high,
                exact_low=interval.exact_low,
                exact_high=interval.exact_high,
                exact_at_low=interval.zero,
                text=text,
                token_ids=tokens,
                finish_reason=why,
                text_ends=ends,
                path=self.path(node),
            )
        )
        self.open -= 1

    def sorted(self) -> tuple[tuple[Node, ...], tuple[Leaf, ...]]:
        """Nodes by position and temperature, and leaves by temperature, whatever the order they were found in."""
        order = sorted(range(len(self.nodes)), key=lambda n: (self.nodes[n].position, self.nodes[n].high))
        number = {old: new for new, old in enumerate(order)} | {-1: -1}
        nodes = tuple(replace(self.nodes[old], parent=number[self.nodes[old].parent]) for old in order)
        leaves = sorted(self.leaves, key=lambda leaf: leaf.high)
        return nodes, tuple(replace(leaf, path=tuple(number[n] for n in leaf.path)) for leaf in leaves)


@dataclass(slots=True)
class _Member:
    """An interval of one tree, at the node that its texts have come to."""

    tree: _Tree
    node: int
    interval: Interval


@dataclass(slots=True)
class _Branch:
    """One context and the intervals that share it."""

    prompt_ids: tuple[int, ...]
    tokens: list[int]
    members: list[_Member]


class _Explorer:
    """Grows the trees."""

    def __init__(
        self, model: Model, trees: Sequence[_Tree], plan: Plan, stop: Sequence[str], resolution: float, capacity: int
    ) -> None:
        self._model, self._trees = model, trees
        self._stop, self._resolution, self._capacity = stop, resolution, capacity
        self._active: list[_Branch] = []
        #: Branches without a row, the next to go on last: the longest come first, so that texts get finished.
        self._waiting: list[_Branch] = []
        self._stepper = Stepper(plan, model.vocabulary)
        self._pieces: dict[tuple[int, ...], str] = {}
        self._tokens = self._forward_rows = 0

    def run(self, whole: Interval, length: int, on_progress: Callable[[Progress], None] | None) -> None:
        """Grow every tree over the whole interval until all leaves are finished."""
        by_prompt: dict[tuple[int, ...], _Branch] = {}
        for tree in self._trees:
            branch = by_prompt.setdefault(tree.prompt_ids, _Branch(tree.prompt_ids, [], []))
            branch.members.append(_Member(tree, -1, whole))
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

    def _advance(self, logits: Tensor) -> list[tuple[_Branch, int]]:
        """One token further: finished leaves go to their trees; what goes on comes back with its row."""
        records = _Records(logits)
        contexts = [
            Context(
                branch.prompt_ids,
                branch.members[0].tree.key,
                branch.tokens,
                [(m.tree.seed, m.interval.exact_low, m.interval.exact_high) for m in branch.members],
            )
            for branch in self._active
        ]
        grown: list[tuple[_Branch, int]] = []
        for step in self._stepper.steps(logits, contexts):
            branch = self._active[step.row]
            by_token: dict[int, list[_Member]] = {}
            for member, segments in zip(branch.members, step.segments, strict=True):
                for grown_member, token in self._grow(member, step, segments, records):
                    by_token.setdefault(token, []).append(grown_member)
            for token, members in by_token.items():
                self._tokens += len(members)
                fork = _Branch(branch.prompt_ids, [*branch.tokens, token], members)
                if self._goes_on(fork):
                    grown.append((fork, step.row))
        self._waiting += [fork for fork, _ in grown[self._capacity :]]
        return grown[: self._capacity]

    def _grow(
        self, member: _Member, step: Step, segments: Sequence[Segment], records: _Records
    ) -> Iterator[tuple[_Member, int]]:
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
            yield _Member(tree, len(tree.nodes) - 1, interval), token

    def _goes_on(self, branch: _Branch) -> bool:
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


class _Records:
    """What the model itself thinks of the tokens of one step, at T = 1 and untruncated.

    Row by row, so that a row of a large vocabulary stays in the cache of the core that works on it.

    Parameters
    ----------
    logits : Tensor (R, V), float32
    """

    def __init__(self, logits: Tensor) -> None:
        self._logits: NDArray[np.float32] = logits.cpu().numpy()
        self._rows: dict[int, tuple[float, float]] = {}
        self._ranks: dict[tuple[int, int], int] = {}
        for row, line in enumerate(self._logits):
            largest = line.max()
            if not np.isfinite(largest):
                check_logits(logits)  # says what is wrong
            below = line - largest
            weights = np.exp(below)
            total = float(weights.sum())
            np.maximum(below, np.finfo(np.float32).min, out=below)  # 0 * -inf has no value, 0 * the least number is 0
            entropy = math.log(total) - float(weights @ below) / total
            self._rows[row] = float(largest) + math.log(total), entropy

    def of(self, row: int, token: int) -> tuple[float, int, float]:
        """Log-probability and rank of a token in a row, and the row's entropy."""
        line, (log_total, entropy) = self._logits[row], self._rows[row]
        rank = self._ranks.get((row, token))
        if rank is None:
            rank = self._ranks[row, token] = 1 + int(np.count_nonzero(line > line[token]))
        return float(line[token]) - log_total, rank, entropy


def _in_place(grown: list[tuple[_Branch, int]]) -> list[tuple[_Branch, int]]:
    """Order branches so that as many as can keep their row; the others fill the gaps."""
    places: list[tuple[_Branch, int] | None] = [None] * len(grown)
    others = []
    for item in grown:
        if item[1] < len(grown) and places[item[1]] is None:
            places[item[1]] = item
        else:
            others.append(item)
    rest = iter(others)
    return [next(rest) if place is None else place for place in places]
