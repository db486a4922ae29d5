"""The envelopes of many contexts: the chain up to temperature, the noise, and the envelope of every interval."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thermoscope.sampling.chain import process
from thermoscope.sampling.effects import Effects
from thermoscope.sampling.noise import Keys
from thermoscope.spectra.envelope import Floats, Lines, Segment, envelope, envelopes
from thermoscope.spectra.halflines import TemperatureSplit

#: Bytes of float64 logits that one pass may hold, and of noise that is kept.
_PASS_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Context:
    """What a row of logits belongs to, and the intervals that go through it.

    Attributes
    ----------
    prompt_ids, key, tokens
        The prompt, its key for the noise, and the tokens so far.
    intervals
        (seed, low, high) of each; empty, low = high = 0, where T = 0 alone is asked for.
    """

    prompt_ids: Sequence[int]
    key: int
    tokens: Sequence[int]
    intervals: Sequence[tuple[int, float, float]]


@dataclass(frozen=True, slots=True)
class ContextEnvelopes:
    """What was found for one context.

    Attributes
    ----------
    row
        Number of the context.
    logits : (K,)
        Logits just before temperature.
    ids : (K,) or None
        The token of each column; None if the columns are the whole vocabulary.
    noise : seed -> (K,)
    segments
        The envelope of each interval; empty for an empty interval.
    """

    row: int
    logits: Lines
    ids: NDArray[np.int64] | None
    noise: dict[int, Floats]
    segments: list[list[Segment]]

    def token(self, column: int) -> int:
        """The token id of a column."""
        return column if self.ids is None else int(self.ids[column])


class EnvelopeFinder:
    """Finds the envelopes of contexts under one setting.

    Parameters
    ----------
    setting, vocabulary
        The setting, split at its temperature, and V.
    end_ids
        The tokens that end a text.
    watch
        Whether to note which stages change anything.
    """

    def __init__(
        self, setting: TemperatureSplit, vocabulary: int, *, end_ids: Iterable[int] = (), watch: bool = False
    ) -> None:
        self._setting, self._vocabulary = setting, vocabulary
        self._end_ids = tuple(end_ids)
        self._effects = Effects() if watch else None
        self._cutting: set[str] = set()
        self._kept: OrderedDict[tuple[int, int, int], Floats] = OrderedDict()

    @property
    def acted(self) -> frozenset[str]:
        """The stages that changed a distribution at some temperature, so far; of a finder that watches."""
        assert self._effects is not None
        before = self._setting.before
        return frozenset(set(before.active_stages) - set(self._effects.idle(before)) | self._cutting)

    def find(self, logits: Tensor, contexts: Sequence[Context]) -> Iterator[ContextEnvelopes]:
        """Yield one ``ContextEnvelopes`` per context (R in all); logits (R, V) are the model's own."""
        at_once = max(1, _PASS_BYTES // (8 * self._vocabulary))
        for start in range(0, len(contexts), at_once):
            turn = contexts[start : start + at_once]
            for rows, lines, ids in self._lines(logits[start : start + at_once], turn):
                members = [turn[row] for row in rows]
                noise = [self._noise_of(c, None if ids is None else ids[b]) for b, c in enumerate(members)]
                envelopes_of = self._of_lines if self._setting.admits_all else self._of_half_lines
                segments = envelopes_of(lines, members, noise, shared=ids is None)
                for b, row in enumerate(rows):
                    yield ContextEnvelopes(
                        start + row, lines[b], None if ids is None else ids[b], noise[b], segments[b]
                    )

    def _lines(
        self, logits: Tensor, contexts: Sequence[Context]
    ) -> Iterator[tuple[list[int], Lines, NDArray[np.int64] | None]]:
        """Logits just before temperature (B, K) of some rows, with their ids, as ``Processed`` has them."""
        if not self._setting.before.active_stages:  # the model's own, which need no copy in float64
            yield list(range(len(contexts))), logits.cpu().numpy(), None
            return
        for part in process(
            logits,
            [self._setting.before] * len(contexts),
            prompt_ids=[context.prompt_ids for context in contexts],
            output_ids=[context.tokens for context in contexts],
            end_ids=self._end_ids,
            effects=self._effects,
        ):
            yield part.rows.tolist(), part.logits.cpu().numpy(), None if part.ids is None else part.ids.cpu().numpy()

    def _noise_of(self, context: Context, ids: NDArray[np.int64] | None) -> dict[int, Floats]:
        """The noise of a context's columns, by seed."""
        found = {}
        for seed in dict.fromkeys(seed for seed, _, _ in context.intervals):
            noise = self._row((seed, context.key, len(context.tokens)))
            found[seed] = noise if ids is None else noise[ids]
        return found

    def _row(self, key: tuple[int, int, int]) -> Floats:
        """The noise (V,) of a (seed, prompt key, position); contexts of the same length share it."""
        noise = self._kept.get(key)
        if noise is None:
            noise = Keys([key]).gumbel_all(torch.zeros(1, dtype=torch.int64), self._vocabulary)[0].numpy()
            self._kept[key] = noise
            while len(self._kept) > max(1, _PASS_BYTES // noise.nbytes):
                self._kept.popitem(last=False)
        return noise

    def _of_lines(
        self, lines: Lines, contexts: Sequence[Context], noise: Sequence[dict[int, Floats]], *, shared: bool
    ) -> list[list[list[Segment]]]:
        """Envelopes of lines: those with the same noise go together."""
        found: list[list[list[Segment]]] = [[[] for _ in context.intervals] for context in contexts]
        groups: dict[tuple[int, int, int], list[tuple[int, int, float, float]]] = {}
        for b, context in enumerate(contexts):
            for m, (seed, low, high) in enumerate(context.intervals):
                if low < high:
                    key = (seed, context.key, len(context.tokens)) if shared else (seed, -1, -1)
                    groups.setdefault(key, []).append((b, m, low, high))
        for (seed, _, _), group in groups.items():
            rows = [b for b, _, _, _ in group]
            if shared:
                of, slopes = lines, noise[rows[0]][seed]
            else:
                of, slopes = lines[rows], np.stack([noise[b][seed] for b in rows])
                rows = list(range(len(group)))
            result = envelopes(of, slopes, rows, [low for _, _, low, _ in group], [high for _, _, _, high in group])
            for (b, m, _, _), segments in zip(group, result, strict=True):
                found[b][m] = segments
        return found

    def _of_half_lines(
        self, lines: Lines, contexts: Sequence[Context], noise: Sequence[dict[int, Floats]], *, shared: bool
    ) -> list[list[list[Segment]]]:
        """Envelopes of half-lines, one by one."""
        found = []
        for b, context in enumerate(contexts):
            line = lines[b].astype(np.float64, copy=False)
            admission = self._setting.admission(line)
            if self._effects is not None and not self._cutting.issuperset(self._setting.after):
                ends = [(low, high) for _, low, high in context.intervals if low < high]
                if ends:
                    self._cutting |= admission.cutting(min(low for low, _ in ends), max(high for _, high in ends))
            found.append(
                [
                    envelope(line, noise[b][seed], low, high, admission) if low < high else []
                    for seed, low, high in context.intervals
                ]
            )
        return found
