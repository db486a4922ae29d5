"""The loop: merged decoding of many samples at once.

Samples of one prompt with the same tokens so far are one *branch*, one row for the model. Each step draws a token
for every sample of every branch; a branch forks where they differ. New branches are admitted as others finish.
Neither merging nor the number of rows in flight is seen by a text: its tokens depend on its own logits, setting,
seed and position alone.

Shapes: R branches in flight, M samples in flight (M >= R), V vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from thermoscope.decode.request import Request
from thermoscope.decode.sample import FinishReason, Sample
from thermoscope.decode.text import find_stop, text_ends
from thermoscope.models.base import Model, Rows
from thermoscope.sampling.chain import check_logits
from thermoscope.sampling.draw import draw
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.sampling.passes import ranks, summaries


@dataclass(slots=True)
class _Branch:
    """Samples, by number, that share a prompt and the tokens so far."""

    prompt_ids: tuple[int, ...]
    key: int
    members: list[int]
    tokens: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """What the model had to do, in rows: one row is one token of one branch (prompts not counted)."""

    forward_rows: int = 0
    tokens: int = 0
    finished: int = 0


class Decoder:
    """Makes the requested samples; ``run`` yields them as they are finished.

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
    ) -> None:
        self._model = model
        self._requests = requests
        self._stop = stop
        self._max_rows = max_rows
        self._merge = merge
        self._effects = effects
        self._active: list[_Branch] = []
        self._waiting = self._first_branches()
        self.work = Work()

    def run(self) -> Iterator[list[tuple[int, Sample]]]:
        """After every step, yield (number of the request, its sample) for those that it finished."""
        if not self._requests:
            return
        length = max(len(r.prompt_ids) + r.max_new_tokens for r in self._requests)
        rows = self._model.rows(capacity=min(self._max_rows, len(self._requests)), length=length)
        stepped: Tensor | None = None
        while self._active or self._waiting:
            logits = self._admit(rows, stepped)
            check_logits(logits)
            finished, sources, tokens = self._advance(logits)
            self.work.finished += len(finished)
            yield finished
            rows.select(sources)
            stepped = rows.step(torch.tensor(tokens, device=logits.device)) if tokens else None
            self.work.forward_rows += len(tokens)

    def _first_branches(self) -> deque[_Branch]:
        """One branch per distinct prompt, or several if it has more samples than rows may be in flight.

        Samples of one seed stay together: they are what is compared, and what shares rows the longest.
        """
        seeds = {seed: place for place, seed in enumerate(dict.fromkeys(r.seed for r in self._requests))}
        by_prompt: dict[tuple[int, ...], list[int]] = {}
        for number in sorted(range(len(self._requests)), key=lambda number: seeds[self._requests[number].seed]):
            by_prompt.setdefault(self._requests[number].prompt_ids, []).append(number)
        return deque(
            _Branch(ids, prompt_key(ids), members[start : start + self._max_rows])
            for ids, members in by_prompt.items()
            for start in range(0, len(members), self._max_rows)
        )

    def _admit(self, rows: Rows, stepped: Tensor | None) -> Tensor:
        """Start waiting branches while there is room for all that they may fork into; logits (R, V) of all."""
        room = self._max_rows - sum(len(branch.members) for branch in self._active)
        admitted: list[_Branch] = []
        while self._waiting and len(self._waiting[0].members) <= room:
            admitted.append(self._waiting.popleft())
            room -= len(admitted[-1].members)
        parts = [] if stepped is None else [stepped]
        if admitted:
            parts.append(rows.add([branch.prompt_ids for branch in admitted]))
            self._active += admitted
        return parts[0] if len(parts) == 1 else torch.cat(parts)  # a copy of all logits takes milliseconds

    def _advance(self, logits: Tensor) -> tuple[list[tuple[int, Sample]], list[int], list[int]]:
        """Draw for every sample; return the finished ones, and for each row to come its source row and token."""
        drawn = self._draw(logits)
        finished: list[tuple[int, Sample]] = []
        stay: list[tuple[_Branch, int]] = []
        for row, branch in enumerate(self._active):
            groups: dict[int | tuple[int, int], list[int]] = {}
            for number in branch.members:
                token = drawn[number]
                groups.setdefault(token if self._merge else (token, number), []).append(number)
            for members in groups.values():
                fork = _Branch(branch.prompt_ids, branch.key, members, [*branch.tokens, drawn[members[0]]])
                going = self._finish(fork, finished)
                if going:
                    fork.members = going
                    stay.append((fork, row))
        ordered = _in_place(stay)
        self._active = [branch for branch, _ in ordered]
        return finished, [row for _, row in ordered], [branch.tokens[-1] for branch in self._active]

    def _draw(self, logits: Tensor) -> dict[int, int]:
        """Draw a token for every sample in flight and record it; token by number of the sample."""
        numbers = [number for branch in self._active for number in branch.members]
        owner = [row for row, branch in enumerate(self._active) for _ in branch.members]
        source = torch.tensor(owner, device=logits.device)  # (M,)
        requests = [self._requests[number] for number in numbers]
        keys = Keys(
            [(r.seed, self._active[row].key, len(r.ranks)) for r, row in zip(requests, owner, strict=True)],
            device=logits.device,
        )
        result = draw(
            logits,
            [r.params for r in requests],
            keys,
            source=source,
            prompt_ids=[r.prompt_ids for r in requests],
            output_ids=[self._active[row].tokens for row in owner],
            drawn_logprobs=[r.drawn_logprobs for r in requests],
            effects=self._effects,
        )
        tokens = result.tokens
        log_totals, entropies = summaries(logits)
        columns = (
            logits[source, tokens] - log_totals[source],
            result.logprobs,
            entropies[source],
            ranks(logits, source, tokens),
        )
        records = zip(requests, *(column.tolist() for column in columns), strict=True)
        for request, logprob, drawn_logprob, entropy, rank in records:
            request.logprobs.append(logprob)
            request.drawn_logprobs.append(drawn_logprob)
            request.entropies.append(entropy)
            request.ranks.append(rank)
        self.work.tokens += len(numbers)
        return dict(zip(numbers, tokens.tolist(), strict=True))

    def _finish(self, branch: _Branch, finished: list[tuple[int, Sample]]) -> list[int]:
        """Close the samples of a branch that end here; return the numbers of those that go on."""
        reason: FinishReason | None = None
        cut: int | None = None
        if branch.tokens[-1] in self._model.end_of_text:
            reason = "end_of_text"
        elif self._stop and (cut := find_stop(self._model.decode, branch.tokens, self._stop)) is not None:
            reason = "stop"
        going: list[int] = []
        ending: list[int] = []
        for number in branch.members:
            long_enough = len(branch.tokens) >= self._requests[number].max_new_tokens
            (ending if reason or long_enough else going).append(number)
        if ending:
            # the end-of-text token has no text, even where the tokenizer doesn't count it as special
            spoken = branch.tokens[:-1] if reason == "end_of_text" else branch.tokens
            text = self._model.decode(spoken)[:cut]
            ends = text_ends(self._model.decode, spoken, text) + (len(text),) * (len(branch.tokens) - len(spoken))
            finished.extend(
                (number, self._sample(number, branch.tokens, text, ends, reason or "length")) for number in ending
            )
        return going

    def _sample(self, number: int, tokens: list[int], text: str, ends: tuple[int, ...], reason: FinishReason) -> Sample:
        request = self._requests[number]
        return Sample(
            prompt=request.prompt,
            params=request.params,
            seed=request.seed,
            text=text,
            token_ids=tuple(tokens),
            finish_reason=reason,
            logprobs=tuple(request.logprobs),
            drawn_logprobs=tuple(request.drawn_logprobs),
            entropies=tuple(request.entropies),
            ranks=tuple(request.ranks),
            text_ends=ends,
            prompt_tokens=len(request.prompt_ids),
        )


def _in_place(stay: list[tuple[_Branch, int]]) -> list[tuple[_Branch, int]]:
    """Order branches so that as many as can keep their row: only forks and the last rows move into the gaps."""
    places: list[tuple[_Branch, int] | None] = [None] * len(stay)
    homeless: list[tuple[_Branch, int]] = []
    for item in stay:
        row = item[1]
        if row < len(stay) and places[row] is None:
            places[row] = item
        else:
            homeless.append(item)
    rest = iter(homeless)
    return [place if place is not None else next(rest) for place in places]
