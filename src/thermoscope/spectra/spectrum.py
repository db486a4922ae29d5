"""The records of a spectrum: all texts of one prompt and seed between two temperatures, as a tree of tokens.

Intervals of temperature are open below and closed above, ``(low, high]``; the lowest one includes its lower end.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from thermoscope.decode.sample import Sample
from thermoscope.errors import InputError
from thermoscope.fragment import clipped, fragment, shown, soft, table
from thermoscope.settings.params import SamplingParams
from thermoscope.shown import Page, as_pandas
from thermoscope.spectra.fork import Fork, fork_between
from thermoscope.spectra.leaf import Leaf, Node
from thermoscope.words import count, ending

if TYPE_CHECKING:
    import pyarrow

FORMAT = "thermoscope.spectrum/1"
#: Texts that a notebook shows: the widest.
MOST_SHOWN = 8


@dataclass(frozen=True, repr=False)
class Spectrum(Page):
    """Every text of one prompt and seed between two temperatures.

    Attributes
    ----------
    prompt, seed, prompt_tokens
        As in ``Sample``.
    params
        The setting; its temperature is not used.
    low, high
        The range of temperatures.
    max_new_tokens, stop, resolution, max_leaves
        As asked.
    nodes
        The tree: every token with the number of the one before it, parents first. Texts share their prefixes.
    leaves
        The texts in order of temperature; they cover the range without gap or overlap.
    model, revision, dtype, device
        What made the logits.
    """

    prompt: str
    seed: int
    prompt_tokens: int
    params: SamplingParams
    low: float
    high: float
    max_new_tokens: int
    stop: tuple[str, ...]
    resolution: float
    max_leaves: int | None
    nodes: tuple[Node, ...]
    leaves: tuple[Leaf, ...]
    model: str
    revision: str | None
    dtype: str
    device: str

    def __repr__(self) -> str:
        return (
            f"Spectrum(prompt={clipped(self.prompt)!r}, seed={self.seed}, low={self.low:g}, high={self.high:g}, "
            f"texts={len(self.leaves)})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: where the text changes, and the texts that hold over the widest ranges."""
        by_width = sorted(range(len(self.leaves)), key=lambda n: -self.leaves[n].width)
        widest = [self.leaves[n] for n in sorted(by_width[:MOST_SHOWN])]
        rows = [
            [
                f"{leaf.low:.4f} to {leaf.high:.4f}",
                f"{leaf.width / (self.high - self.low):.1%}",
                shown(leaf.text),
                f"{len(leaf.token_ids)}, {ending(leaf.finish_reason, leaf.text)}",
            ]
            for leaf in widest
        ]
        texts = f"Seed {self.seed}: {count(len(self.leaves), 'text')} between T={self.low:g} and T={self.high:g}"
        exact = "" if self.exact_share > 1 - 1e-12 else f"; {self.exact_share:.2%} of the range is exact"
        many = len(self.leaves) > len(widest)
        return fragment(
            self.prompt,
            soft(f"{texts}{exact}"),
            self._strip(),
            soft(f"The {len(widest)} texts that hold over the widest ranges of temperature:") if many else "",
            table(("T", "share", "text", "tokens"), rows),
        )

    def table(self) -> pyarrow.Table:
        """One row per text: prompt, seed, the temperatures ``low`` to ``high`` at which it holds, text, tokens."""
        import pyarrow as pa

        return pa.Table.from_pylist([
            {"prompt": self.prompt, "seed": self.seed, "low": leaf.low, "high": leaf.high, "text": leaf.text,
             "finish_reason": leaf.finish_reason, "tokens": len(leaf.token_ids)}
            for leaf in self.leaves
        ])  # fmt: skip

    def to_pandas(self) -> Any:
        """``table`` as a pandas DataFrame; InputError where pandas is not installed."""
        return as_pandas(self.table())

    def _strip(self) -> str:
        """The range of temperatures as a picture: one block per text, shaded in turn."""

        def x(temperature: float) -> float:
            return 1000 * (temperature - self.low) / (self.high - self.low)

        blocks = "".join(
            f'<rect x="{x(leaf.low):.2f}" y="0" width="{x(leaf.high) - x(leaf.low):.2f}" height="20" '
            f'fill="currentColor" fill-opacity="{0.45 if n % 2 else 0.15}"/>'
            for n, leaf in enumerate(self.leaves)
        )
        return (
            f'<svg viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label="where the text changes" '
            f'style="display: block; width: 100%; height: 1.2em; margin: 0.3em 0">{blocks}</svg>'
            '<div style="display: flex; justify-content: space-between; opacity: 0.75">'
            f"<span>T={self.low:g}</span><span>T={self.high:g}</span></div>"
        )

    def leaf(self, temperature: float) -> Leaf:
        """The leaf at a temperature.

        Raises
        ------
        InputError
            The temperature is outside the range.
        """
        if not self.low <= temperature <= self.high:
            raise InputError(
                f"a temperature must be in the spectrum's range {self.low:g} to {self.high:g}; got {temperature:g}; "
                "make a spectrum of a wider range"
            )
        return self.leaves[bisect_left(self._highs, temperature)]

    def at(self, temperature: float) -> Sample:
        """The text at a temperature as ``generate`` gives it.

        Its ``drawn_logprobs`` are NaN, and it has no ``tempered_entropies``: the distribution at just this temperature
        needs every logit of every step, which a spectrum does not keep.
        ``spectrum.leaf(temperature).is_exact(temperature)`` says whether this is the text at just this temperature or
        that of a merged interval.

        Raises
        ------
        InputError
            The temperature is outside the range.
        """
        return self.sample(self.leaf(temperature), temperature)

    def sample(self, leaf: Leaf, temperature: float | None = None) -> Sample:
        """A leaf as a ``Sample``, at the given temperature or in its middle."""
        if temperature is None:
            temperature = leaf.exact_low + (leaf.exact_high - leaf.exact_low) / 2
        path = [self.nodes[number] for number in leaf.path]
        return Sample(
            prompt=self.prompt,
            params=self.params.replace(temperature=temperature),
            seed=self.seed,
            text=leaf.text,
            token_ids=leaf.token_ids,
            finish_reason=leaf.finish_reason,
            logprobs=tuple(node.logprob for node in path),
            drawn_logprobs=(math.nan,) * len(path),
            entropies=tuple(node.entropy for node in path),
            ranks=tuple(node.rank for node in path),
            text_ends=leaf.text_ends,
            prompt_tokens=self.prompt_tokens,
        )

    @property
    def exact_share(self) -> float:
        """The share of the range at which the text is exact: 1 if nothing was merged."""
        return math.fsum(leaf.exact_high - leaf.exact_low for leaf in self.leaves) / (self.high - self.low)

    @property
    def merged(self) -> tuple[Leaf, ...]:
        """The leaves that stand for temperatures at which the text may be another."""
        return tuple(leaf for leaf in self.leaves if leaf.exact_high - leaf.exact_low < leaf.width)

    @cached_property
    def forks(self) -> tuple[Fork, ...]:
        """Every temperature at which the text changes, in order: one between each two neighbouring leaves."""
        pairs = enumerate(pairwise(self.leaves))
        return tuple(fork_between(number, below, above, self.nodes) for number, (below, above) in pairs)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each node the numbers of those after it, in order of temperature."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            if node.parent >= 0:
                found[node.parent].append(number)
        return tuple(tuple(sorted(numbers, key=lambda n: self.nodes[n].high)) for numbers in found)

    @cached_property
    def _highs(self) -> list[float]:
        return [leaf.high for leaf in self.leaves]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold: nodes as one list per field, forks for reading alone."""
        record: dict[str, Any] = {"format": FORMAT}
        record |= {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("params", "nodes", "leaves")}
        record["params"] = self.params.model_dump(mode="json")
        record["exact_share"] = self.exact_share
        record["leaves"] = [asdict(leaf) for leaf in self.leaves]
        record["forks"] = [asdict(fork) for fork in self.forks]
        record["nodes"] = {f.name: [getattr(node, f.name) for node in self.nodes] for f in fields(Node)}
        return record

    def to_json(self, *, indent: int | None = None) -> str:
        """``to_dict`` as JSON; ``from_json`` reads it back to an equal spectrum."""
        return json.dumps(_strict(self.to_dict()), ensure_ascii=False, indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Spectrum:
        """Parse the JSON of ``to_json``.

        Raises
        ------
        InputError
            The text is not JSON, or not a spectrum.
        """
        try:
            record = json.loads(text)
            if not isinstance(record, dict) or record.get("format") != FORMAT:
                raise ValueError(f"the format is not {FORMAT}")
            names = [f.name for f in fields(cls)]
            values = {name: record[name] for name in names}
            columns = [record["nodes"][f.name] for f in fields(Node)]
            values["nodes"] = tuple(Node(*_with_infinities(row)) for row in zip(*columns, strict=True))
            values["leaves"] = tuple(_leaf(leaf) for leaf in record["leaves"])
            values |= {"params": SamplingParams(**record["params"]), "stop": tuple(record["stop"])}
            return cls(**values)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            fault = f"{type(error).__name__}: {error}"
            raise InputError(f"a spectrum must be JSON as to_json writes it; got {fault:.200}") from None


#: JSON has no word for it, and a token that a penalty bans has it as logit.
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def _strict(value: Any) -> Any:
    """The value with infinities as words and NaN as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def _leaf(record: dict[str, Any]) -> Leaf:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()}
    return Leaf(**values)


def _with_infinities(row: Sequence[Any]) -> Iterator[Any]:
    return (_INFINITIES[value] if isinstance(value, str) else value for value in row)
