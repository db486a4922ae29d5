"""Rows of a transformers model: with the in-place cache where the architecture allows it, without where not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from thermoscope.cpu import attention
from thermoscope.models.cache import RowCache
from thermoscope.models.own.network import OwnNetwork
from thermoscope.models.written_steps import Step, step_of

#: Tokens of a row that tries the cache, at most.
_LONGEST_PROBE = 1024
#: Tokens of prompts that go through the model at once: what one pass may need of memory beside the cache.
_PREFILL_TOKENS = 2**14
#: Tokens of one context that go through at once.
_CHUNK = 2048
#: New tokens of a row that are written out at most: from about so many on the modules are as quick.
_FEW = 16


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two contexts begin with alike."""
    ends = min(len(one), len(other))
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), ends)


class CachedRows:
    """Rows that keep keys and values in a ``RowCache``; rows of different lengths share a step.

    With ``kernel`` the network's attention must be ours (``attention.NAME``), and a step goes through our kernel;
    with ``direct`` a step does not go through the network's modules at all.
    """

    #: From how many tokens on that contexts begin with alike they are run once.
    share_from = 16

    def __init__(
        self,
        network: Any,
        capacity: int,
        length: int,
        *,
        kernel: bool = False,
        direct: Step | None = None,
    ) -> None:
        self._network = network
        self._kernel = kernel
        self._direct = direct
        self._config = network.config.get_text_config()
        self._cache = cache_for(network)(self._config.num_hidden_layers, capacity, length)
        self._cache_word = cache_word(network)

    def __len__(self) -> int:
        return len(self._cache.state.lengths)

    def add(self, contexts: Sequence[Sequence[int]]) -> Tensor:
        """Append one row per context; return their logits (N, V).

        Contexts of one length go through together, long ones in chunks, and what all begin with once.
        """
        logits: list[Tensor] = []
        state = self._cache.state
        state.adding = True
        first, shared = len(state.lengths), self._shared(contexts)
        try:
            if shared:
                self._prefill([contexts[0][:shared]], 0)
            for length, alike in groupby(contexts, key=len):
                group = list(alike)
                at_once = max(1, _PREFILL_TOKENS // min(length, _CHUNK))
                for start in range(0, len(group), at_once):
                    some, rows = group[start : start + at_once], len(state.lengths)
                    if shared:
                        with torch.inference_mode():
                            self._cache.share(first, range(max(rows, first + 1), rows + len(some)), shared)
                    logits.append(self._prefill(some, shared))
                    state.lengths += [length] * len(some)
        finally:
            state.adding, state.prefix = False, 0
        return torch.cat(logits)

    def resume(self, context: Sequence[int], kept: int) -> Tensor:
        """Make the only row this context, whose first ``kept`` tokens (fewer than all) it has; return logits (1, V)."""
        state = self._cache.state
        state.lengths = [kept]
        if kept and len(context) - kept == 1:
            return self.step(torch.tensor([context[-1]], device=self._network.device))
        if kept and len(context) - kept <= _FEW and self._direct is not None:
            places = torch.arange(kept, len(context))
            with torch.inference_mode():
                bounds = self._by_layer(self._bounds, places)
                logits = self._direct.follow(torch.tensor(context[kept:]), places, bounds, self._cache).float()
            state.lengths = [len(context)]
            return logits
        state.lengths, state.adding = [], True
        try:
            logits = self._prefill([context], kept)
            state.lengths = [len(context)]
        finally:
            state.adding, state.prefix = False, 0
        return logits

    def _shared(self, contexts: Sequence[Sequence[int]]) -> int:
        """How many tokens all contexts begin with, if that is worth a pass of its own; at least one is left over."""
        if len(contexts) < 2:
            return 0
        words = sorted(map(tuple, contexts))
        least, most = words[0], words[-1]  # in the order of a dictionary: what these two share, all do
        ends = min(len(context) for context in contexts) - 1
        same = min(shared(least, most), ends)
        return same if same >= self.share_from else 0

    def _prefill(self, contexts: Sequence[Sequence[int]], done: int) -> Tensor:
        """Run contexts of one length from token ``done`` on, the rows before it being there; logits (N, V)."""
        length = len(contexts[0])
        for start in range(done, length, _CHUNK):
            end = min(start + _CHUNK, length)
            self._cache.state.prefix = start
            ids = torch.tensor([list(context[start:end]) for context in contexts], device=self._network.device)
            logits = self._forward(ids, torch.arange(start, end, device=ids.device)[None], None)
        return logits

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token to every row, tokens (R,); return the logits (R, V)."""
        state = self._cache.state
        with torch.inference_mode():
            logits = self._next(tokens)
        state.lengths = [length + 1 for length in state.lengths]
        return logits

    def _next(self, tokens: Tensor) -> Tensor:
        """Logits (R, V) behind one more token for every row, whose key and value are written."""
        state = self._cache.state
        lengths = torch.tensor(state.lengths, device=tokens.device)
        if self._direct is not None:
            return self._direct(tokens, lengths, self._by_layer(self._bounds, lengths), self._cache).float()
        if self._kernel:
            state.positions = lengths.numpy()
            try:
                return self._forward(tokens[:, None], lengths[:, None], self._by_layer(self._bounds, lengths))
            finally:
                state.positions = None
        longest = max(state.lengths)
        if min(state.lengths) < longest:
            return self._masked_step(tokens, lengths, longest + 1)
        return self._forward(tokens[:, None], lengths[:, None], None)

    def _masked_step(self, tokens: Tensor, lengths: Tensor, columns: int) -> Tensor:
        """The same for the first N slots, tokens (N,), of lengths (N,), looking at the first ``columns`` positions.

        Logits (N, V). Nothing in it depends on a number that only the device knows.
        """
        state = self._cache.state
        state.index, state.columns = (torch.arange(len(tokens), device=tokens.device), lengths), columns
        try:
            look = self._by_layer(partial(self._mask, columns=columns), lengths)
            return self._forward(tokens[:, None], lengths[:, None], look)
        finally:
            state.index = state.columns = None

    def select(self, sources: Sequence[int]) -> None:
        """Make row j a copy of what row ``sources[j]`` was."""
        with torch.inference_mode():  # the blocks were made in it
            self._cache.select(sources)

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor | dict[str, Tensor] | None) -> Tensor:
        with torch.inference_mode():
            output = self._network(
                input_ids=ids,
                position_ids=positions.expand(ids.shape),
                attention_mask=mask,
                use_cache=True,
                logits_to_keep=1,
                **{self._cache_word: self._cache},
            )
        logits: Tensor = output.logits[:, -1].float()
        return logits

    def _by_layer(self, make: Callable[[Tensor, int | None], Tensor], lengths: Tensor) -> Tensor | dict[str, Tensor]:
        """What ``make`` gives for the layers' window of attention; one for each type of layer if there are several."""
        window = getattr(self._config, "sliding_window", None)
        types = set(getattr(self._config, "layer_types", None) or ())
        if not window or types == {"full_attention"}:
            return make(lengths, None)
        if types:
            return {"full_attention": make(lengths, None), "sliding_attention": make(lengths, window)}
        return make(lengths, window)

    def _mask(self, lengths: Tensor, window: int | None, *, columns: int) -> Tensor:
        """What each row may look at of the first positions: its own and the new one. Additive, (R, 1, 1, columns)."""
        places = torch.arange(columns, device=lengths.device)
        masked = places > lengths[:, None]  # (R, columns)
        if window:
            masked |= places <= lengths[:, None] - window
        zeros = torch.zeros(masked.shape, dtype=self._network.dtype, device=masked.device)
        return zeros.masked_fill_(masked, torch.finfo(zeros.dtype).min)[:, None, None]

    def _bounds(self, lengths: Tensor, window: int | None) -> Tensor:
        """The same for our kernel: from which position up to which, (R, 1, 1, 2), int64."""
        high = lengths + 1
        low = (high - window).clamp(min=0) if window else torch.zeros_like(high)
        return torch.stack([low, high], dim=-1)[:, None, None]


class PlainRows:
    """Rows that remember their tokens alone and run the whole context at each step: slow, and always right."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._contexts: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._contexts)

    def add(self, contexts: Sequence[Sequence[int]]) -> Tensor:
        """Append one row per context; return their logits (N, V)."""
        self._contexts += [list(context) for context in contexts]
        return self._logits(self._contexts[-len(contexts) :])

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token to every row, tokens (R,); return the logits (R, V)."""
        for context, token in zip(self._contexts, tokens.tolist(), strict=True):
            context.append(token)
        return self._logits(self._contexts)

    def select(self, sources: Sequence[int]) -> None:
        """Make row j a copy of what row ``sources[j]`` was."""
        self._contexts = [list(self._contexts[source]) for source in sources]

    def _logits(self, contexts: Sequence[list[int]]) -> Tensor:
        by_length: dict[int, list[int]] = {}
        for row, context in enumerate(contexts):
            by_length.setdefault(len(context), []).append(row)
        parts, order = [], []
        for rows in by_length.values():
            ids = torch.tensor([contexts[row] for row in rows], device=self._network.device)
            with torch.inference_mode():
                parts.append(self._network(input_ids=ids, use_cache=False).logits[:, -1].float())
            order += rows
        return torch.cat(parts)[torch.tensor(order, device=parts[0].device).argsort()]


def cache_for(network: Any) -> type[RowCache]:
    """The class of cache that a network takes."""
    if isinstance(network, OwnNetwork):
        return RowCache
    from thermoscope.models.transformers_cache import TransformersRowCache

    return TransformersRowCache


def cache_word(network: Any) -> str:
    """What a network calls its cache: ``cache`` from transformers 5.24 on, ``past_key_values`` before."""
    return "cache" if "cache" in inspect.signature(type(network).forward).parameters else "past_key_values"


def _unknown_windows(config: Any) -> list[int]:
    """Widths of local attention that the config states under other names than ``sliding_window``."""
    named = {name: value for name, value in vars(config).items() if "window" in name or "chunk" in name}
    named.pop("sliding_window", None)
    most = getattr(config, "max_position_embeddings", None) or _LONGEST_PROBE
    return [min(v, most - 4, _LONGEST_PROBE) for v in named.values() if type(v) is int and v > 0] or [0]


def rotation_border(network: Any) -> float:
    """The most tokens up to which a row's rotary positions don't depend on the longest row; mostly infinity.

    "longrope" and "dynamic" change all rotations once a row of the batch outgrows the original context, so from
    there on rows must not share a batch with others of another length, nor keep keys from before.
    """
    config = network.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [kind for kind in rope.values() if isinstance(kind, dict)] or [rope]  # one, or one per type of layer
    borders = [
        kind.get("original_max_position_embeddings")
        or getattr(config, "original_max_position_embeddings", None)
        or config.max_position_embeddings
        for kind in kinds
        if kind.get("rope_type") in ("longrope", "dynamic")
    ]
    return min(borders, default=float("inf"))


def _ordinary(number: int, vocabulary: int) -> int:
    """The id of a token from the middle of a vocabulary.

    Tokens at the ends are special or were hardly seen in training. On SmolLM2's first ones bfloat16 is noise: logits
    are off by half of the largest however they are computed, and right ways were taken for wrong.
    """
    return vocabulary // 4 + number * 617 % max(1, vocabulary // 2)


def cache_works(network: Any, vocabulary: int, **how: Any) -> str | None:
    """Try the cache on a few tokens against whole contexts: None if logits agree, else what went wrong.

    Rows of different lengths are added, stepped, forked and stepped again, so an architecture whose positions,
    masks or state don't allow that is found out here and not in a text. One row outgrows every window of local
    attention that the masks here don't know (GPT-Neo's is 256 tokens, and counted from the longest row). ``how`` is
    what ``CachedRows`` is told.
    """
    longest = max(4, *(window + 2 for window in _unknown_windows(network.config.get_text_config())))
    first, second, alike = (
        [[_ordinary(n, vocabulary) for n in numbers] for numbers in part]
        for part in (((1, 2), range(3, longest + 3)), ((5, 7, 1),), ((1, 2, 3, 6), (1, 2, 3, 4, 6)))
    )
    try:
        cached, plain = CachedRows(network, 5, longest + 2, **how), PlainRows(network)
        cached.share_from = 2
        pairs = [(cached.add(first), plain.add(first))]
        for rows in (cached, plain):
            rows.select([1, 0, 1])
        tokens = torch.tensor(second[0], device=network.device)
        pairs.extend((cached.step(tokens), plain.step(tokens)) for _ in range(2))
        pairs.append((cached.add(alike), plain.add(alike)))
    except Exception as error:  # whatever an unknown architecture may raise
        return f"{type(error).__name__}: {error}".splitlines()[0]
    tolerance = 1e-3 if network.dtype == torch.float32 else 0.1
    for ours, theirs in pairs:
        difference = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6))
        if not difference <= tolerance:
            return f"its logits differ by {difference:.2g} of the largest"
    return None


@dataclass(frozen=True, slots=True)
class Decoding:
    """How rows of a network are decoded: found by trying, the fastest first.

    Attributes
    ----------
    cache
        Whether rows keep keys and values; else every step runs the whole context.
    kernel
        Whether a step's attention is ours.
    direct
        A step without the network's modules, if it gives their logits.
    notes
        What this architecture does not allow, a sentence each.
    """

    cache: bool
    kernel: bool
    direct: Step | None
    notes: tuple[str, ...]


def decoding_of(network: Any, vocabulary: int) -> Decoding:
    """Find the fastest way that gives the network's own logits; sets the attention that it takes."""
    notes: list[str] = []
    if isinstance(network, OwnNetwork):
        return _own_decoding(network)
    if network.device.type == "cpu" and network.dtype in attention.KERNEL_TYPES:
        usual = network.config._attn_implementation
        fault: str | None = f"it is made for {usual} attention"
        if usual == "sdpa":
            direct = step_of(network)
            if direct is not None:
                fault = cache_works(network, vocabulary, direct=direct)
                if fault is None:
                    return Decoding(cache=True, kernel=True, direct=direct, notes=())
                notes.append(f"a step by transformers' modules and not by ours for this architecture ({fault})")
            attention.register()
            network.set_attn_implementation(attention.NAME)
            fault = cache_works(network, vocabulary, kernel=True)
        if fault is None:
            return Decoding(cache=True, kernel=True, direct=None, notes=tuple(notes))
        network.set_attn_implementation(usual)
        notes.append(f"attention by torch and not by our kernel for this architecture ({fault})")
    fault = cache_works(network, vocabulary)
    if fault is None:
        return Decoding(cache=True, kernel=False, direct=None, notes=tuple(notes))
    return Decoding(
        cache=False,
        kernel=False,
        direct=None,
        notes=(f"no key/value cache for this architecture, so every step runs the whole context ({fault})",),
    )


def _own_decoding(network: OwnNetwork) -> Decoding:
    """The way of a network of our own, for which nothing has to be tried: our step where the layers are packed."""
    direct = step_of(network) if network.dtype in attention.KERNEL_TYPES else None
    return Decoding(cache=True, kernel=direct is not None, direct=direct, notes=())
