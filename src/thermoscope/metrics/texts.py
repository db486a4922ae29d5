"""Many texts as columns: what measures are taken on.

Texts are sorted by setting, then prompt, each in the order of first appearance, so that the texts of one prompt and
setting (a *group*) and the groups of one setting are neighbours. N texts, G groups, F settings.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from thermoscope.decode.sample import Sample
from thermoscope.metrics.answers import Scorer, compile_pattern, extract
from thermoscope.metrics.embedding import Embedder, unit
from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Array, Ragged, mix, starts_of


class Texts:
    """Columns of texts, cut to a common length.

    Parameters
    ----------
    tokens
        Token ids of each text, N rows.
    strings
        The N texts.
    prompts, settings
        For each text its prompt and its setting.
    seeds
        For each text its seed, if seeds are known: the texts of a group are in the order of seeds then, so that those
        of two settings are paired by seed. None: in the order given.
    ends
        For each token, how many characters of its text are there with it; N rows.
    logprobs, entropies, tempered_entropies
        Records of each token, N rows; None where there is no model to take them from. Those of tokens that are not in
        ``tokens``, such as an end-of-text token or what a stop string cut off, are left out. A text that nothing
        precedes has no record of its first token, so its row is one shorter.
    length
        The common length: only so many tokens of each text count. None: all of them.
    embedder
        What turns texts into vectors, if embedding measures are wanted.
    scorer, answers
        The user's scorer, and for each text the expected answer or None.
    answer_pattern
        A regular expression that finds the answer in a text cut to the common length; None takes the whole text.
    tokens_kept
        Whether there are ``tokens``; if not, their rows are empty and measures that read them are unknown.
    """

    def __init__(
        self,
        *,
        tokens: Ragged,
        strings: Sequence[str],
        prompts: Sequence[str],
        settings: Sequence[Hashable],
        seeds: Sequence[Hashable] | None = None,
        ends: Ragged | None = None,
        logprobs: Ragged | None = None,
        entropies: Ragged | None = None,
        tempered_entropies: Ragged | None = None,
        length: int | None = None,
        embedder: Embedder | None = None,
        scorer: Scorer | None = None,
        answers: Sequence[str | None] | None = None,
        answer_pattern: str | None = None,
        tokens_kept: bool = True,
    ) -> None:
        self.length, self.tokens_kept = length, tokens_kept
        self.embedder, self.scorer = embedder, scorer
        #: why a text has no score, a line for each that the scorer failed on; filled as ``score`` is taken
        self.score_failures: list[str] = []
        self.setting_names, setting = _codes(settings)
        self.prompt_names, prompt = _codes(prompts)
        #: (N,) place of each text in what was given
        self.order = np.lexsort((prompt, setting) if seeds is None else (_codes(seeds)[1], prompt, setting))
        setting, prompt = setting[self.order], prompt[self.order]
        new = np.append(True, (setting[1:] != setting[:-1]) | (prompt[1:] != prompt[:-1]))[: len(setting)]
        first = np.flatnonzero(new)
        #: (G,) number of texts of each group, its setting and its prompt
        self.groups = np.diff(np.append(first, len(setting)))
        self.group_setting, self.group_prompt = setting[first], prompt[first]
        self._strings, self._answers, self._answer_pattern = strings, answers, answer_pattern
        if answer_pattern is not None:
            compile_pattern(answer_pattern)  # says now, not after all other measures, that it is wrong

        self._uncut = tokens.lengths[self.order]
        self.tokens = tokens.take(self.order).cut(length)

        def column(rows: Ragged | None) -> Ragged | None:
            if rows is None:
                return None
            rows = rows.take(self.order)
            unrecorded = np.maximum(self._uncut - rows.lengths, 0)
            return rows.spans(rows.starts[:-1], np.maximum(self.tokens.lengths - unrecorded, 0))

        self.ends = None if ends is None else ends.take(self.order)
        self.logprobs, self.entropies = column(logprobs), column(entropies)
        self.tempered_entropies = column(tempered_entropies)

    @classmethod
    def from_samples(cls, samples: Sequence[Sample], length: int | None = None, **how: Any) -> Texts:
        """From generated samples, cut to ``length``, or to the shortest length that one was cut at by its limit."""
        if length is None:
            length = common_length(samples)
        return cls(
            tokens=Ragged.of([s.text_token_ids for s in samples], np.int64),
            strings=[s.text for s in samples],
            prompts=[s.prompt for s in samples],
            settings=[s.params for s in samples],
            ends=Ragged.of([s.text_ends[: len(s.text_token_ids)] for s in samples], np.int64),
            logprobs=Ragged.of([s.logprobs for s in samples], np.float64),
            entropies=Ragged.of([s.entropies for s in samples], np.float64),
            tempered_entropies=Ragged.of([s.tempered_entropies for s in samples], np.float64),
            length=length,
            **how,
        )

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def mixed(self) -> Ragged:
        """Token ids as well-mixed 64-bit numbers."""
        return mix(self.tokens)

    @cached_property
    def ngrams(self) -> Ngrams:
        """The n-grams of the texts in numbers."""
        return Ngrams.of(self.mixed, self.groups)

    @cached_property
    def full(self) -> Array:
        """(N,) bool: whether the text reaches the common length; without one, whether all have the same length."""
        if self.length is not None:
            return self._uncut >= self.length
        return np.full(len(self), len(np.unique(self._uncut)) <= 1)

    @cached_property
    def strings(self) -> list[str]:
        """The texts, cut to the common length."""
        strings = [self._strings[i] for i in self.order.tolist()]
        kept = self.tokens.lengths
        long = np.flatnonzero(self._uncut > kept)
        if self.ends is not None and len(long):
            last = np.maximum(self.ends.starts[:-1][long] + kept[long] - 1, 0)
            stops = np.where(kept[long] > 0, self.ends.values[last], 0)
            for i, stop in zip(long.tolist(), stops.tolist(), strict=True):
                strings[i] = strings[i][:stop]
        return strings

    @cached_property
    def extracted(self) -> list[str]:
        """The answer in each text, cut to the common length: the whole text unless a pattern says otherwise."""
        return extract(self.strings, self._answer_pattern)

    @property
    def answers(self) -> list[str | None]:
        """The expected answer of each text."""
        given = self._answers
        return [None] * len(self) if given is None else [given[i] for i in self.order.tolist()]

    @property
    def prompt_of(self) -> Array:
        """(N,) number of each text's prompt in ``prompt_names``."""
        return np.repeat(self.group_prompt, self.groups)

    @cached_property
    def vectors(self) -> tuple[Array, Array]:
        """Embeddings of length 1 of the prompts (P, D) and the texts (N, D); an empty text has none (NaN)."""
        assert self.embedder is not None
        both = self.embedder.encode([*map(str, self.prompt_names), *self.strings])
        vectors = unit(both)
        split = len(self.prompt_names)
        vectors[split:][[not text.strip() for text in self.strings]] = np.nan
        vectors[:split][[not str(prompt).strip() for prompt in self.prompt_names]] = np.nan
        return vectors[:split], vectors[split:]

    def group_rows(self) -> list[slice]:
        """The places of each group's texts."""
        edges = starts_of(self.groups).tolist()
        return [slice(low, high) for low, high in pairwise(edges)]

    def setting_counts(self) -> Array:
        """(F,) number of groups of each setting."""
        return np.bincount(self.group_setting, minlength=len(self.setting_names))

    def in_given_order(self, values: Array) -> Array:
        """One value per text, back in the order in which the texts were given."""
        back = np.empty_like(values)
        back[self.order] = values
        return back


def common_length(samples: Sequence[Sample]) -> int | None:
    """The shortest length that one was cut at by its limit; None if none was."""
    return min((len(s.token_ids) for s in samples if s.finish_reason == "length"), default=None)


def _codes(values: Sequence[Hashable]) -> tuple[list[Any], Array]:
    """The different values in order of first appearance, and the number of each one's."""
    numbers: dict[Hashable, int] = {}
    # the texts of a setting share its object, and hashing a setting takes far longer than looking an object up
    values = list(values)
    of_object = {id(value): value for value in values}
    codes = {key: numbers.setdefault(value, len(numbers)) for key, value in of_object.items()}
    return list(numbers), np.array([codes[id(value)] for value in values], dtype=np.int64)
