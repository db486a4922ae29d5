"""Keyed noise: Gumbel variates that are a pure function of (seed, prompt, position, token id).

The generator is Philox4x64-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as
1, 2, 3", SC11), counter-based: no state, any variate without the ones before it, the same integers on any device.

    key      (seed, 0)
    counter  (1 + token id div 4, position, prompt key, 0)
    token    takes word (token id mod 4) of the four that come out

Draws that belong to a step and not to a token have 1 as the last word of the counter: (1, position, prompt key, 1),
of which the first word is the coin that XTC throws.

A 64-bit word w becomes u = (w div 2^12 + 1/2) / 2^52 and the noise -ln(-ln u), in float64: from -3.6 to 36.7, so
the probability of any token is right to about 2^-53.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from thermoscope.cpu import probe
from thermoscope.errors import InputError
from thermoscope.words import quoted

MAX_SEED = 2**64 - 1
_ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW32 = 0xFFFFFFFF


def _signed(word: int) -> int:
    """The int64 with the same bits as an unsigned 64-bit word."""
    return word - 2**64 if word >= 2**63 else word


def _multiply(a: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """High and low words of the 128-bit products of unsigned 64-bit words, held in int64 (which wraps)."""
    a0, a1, m0, m1 = a & _LOW32, (a >> 32) & _LOW32, m & _LOW32, (m >> 32) & _LOW32
    middle = a1 * m0 + ((a0 * m0 >> 32) & _LOW32)
    other = (middle & _LOW32) + a0 * m1
    return a1 * m1 + ((middle >> 32) & _LOW32) + ((other >> 32) & _LOW32), a * m


def philox(counter: Tensor, key: Tensor) -> Tensor:
    """Philox4x64-10.

    Parameters
    ----------
    counter : Tensor (4, ...), int64
        Unsigned 64-bit words, by their bits.
    key : Tensor (2, ...), int64
        The same; the other dimensions broadcast against the counter's.

    Returns
    -------
    Tensor (4, ...), int64
        Four words per counter.
    """
    weyl, multipliers = (
        torch.tensor([_signed(word) for word in words], device=counter.device).view(2, *[1] * (counter.ndim - 1))
        for words in (_WEYL, _MULTIPLIERS)
    )
    even, odd = counter[0::2], counter[1::2]  # words 0 and 2, words 1 and 3
    for _ in range(_ROUNDS):
        high, low = _multiply(even, multipliers)
        even, odd = high.flip(0) ^ odd ^ key, low.flip(0)
        key = key + weyl
    return torch.stack([even[0], odd[0], even[1], odd[1]])


def prompt_key(token_ids: Sequence[int]) -> int:
    """The 64 bits that stand for a prompt: BLAKE2b of its token ids as little-endian 32-bit words."""
    data = np.asarray(token_ids, dtype="<u4").tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def check_seed(seed: int) -> int:
    """Return the seed if it is a whole number from 0 to 2^64 - 1, else raise InputError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputError(f"a seed must be a whole number; got {quoted(seed)}; use 0, 1, 2, ...")
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"a seed must be from 0 to 2^64 - 1; got {quoted(seed)}; use 0, 1, 2, ...")
    return int(seed)


class Keys:
    """The (seed, prompt key, position) triples of some rows, B in all.

    Rows that share a triple share its noise and the work.
    """

    def __init__(self, triples: Sequence[tuple[int, int, int]], device: torch.device | str = "cpu") -> None:
        self._distinct = list(dict.fromkeys(triples))
        number = {triple: n for n, triple in enumerate(self._distinct)}
        self._number = torch.tensor([number[triple] for triple in triples], dtype=torch.int64, device=device)
        self._device = self._number.device

    def gumbel(self, rows: Tensor, ids: Tensor, vocabulary: int) -> Tensor:
        """Noise (N, K), float64, of the token ids (N, K) for the rows (N,)."""
        if self._device.type == "cpu" and probe.loops("sampling"):
            from thermoscope.cpu import draw_loops

            uniforms = torch.empty(ids.shape, dtype=torch.float64)
            draw_loops.uniforms_of_tokens(self._triples(), self._number[rows].numpy(), ids.numpy(), uniforms.numpy())
            return _gumbel(uniforms)
        words = self._philox(self._number[rows], (ids >> 2) + 1)  # (4, N, K)
        return _gumbel(_uniform(words.gather(0, (ids & 3)[None])[0]))

    def gumbel_all(self, rows: Tensor, vocabulary: int) -> Tensor:
        """Noise (N, V), float64, of every token for the rows (N,)."""
        numbers, places = torch.unique(self._number[rows], return_inverse=True)
        if self._device.type == "cpu" and probe.loops("sampling"):
            return _gumbel(self._uniforms_of_rows(numbers, vocabulary))[places]
        blocks = torch.arange(1, (vocabulary + 3) // 4 + 1, device=self._device)[None]
        words = self._philox(numbers, blocks).movedim(0, -1).flatten(1)[:, :vocabulary]
        return _gumbel(_uniform(words))[places]

    def triples(self, rows: Tensor) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint64]], Tensor]:
        """The distinct triples of the rows (N,), (G, 3), and which of them each row has, (N,). On the CPU."""
        numbers, places = torch.unique(self._number[rows], return_inverse=True)
        return self._triples()[numbers.numpy()], places

    def uniform(self) -> Tensor:
        """One variate in (0, 1) per row (B,), float64, that belongs to the step and to no token."""
        numbers = torch.arange(len(self._distinct), device=self._device)
        words = self._philox(numbers, torch.ones(1, 1, dtype=torch.int64, device=self._device), stream=1)
        return _uniform(words[0, :, 0])[self._number]

    def _philox(self, numbers: Tensor, blocks: Tensor, *, stream: int = 0) -> Tensor:
        """Words (4, N, K) of the blocks (N or 1, K) under the triples (N,)."""
        words = torch.tensor([[_signed(word) for word in triple] for triple in self._distinct], device=self._device)
        seed, prompt, position = (words[numbers, i, None].expand(-1, blocks.shape[1]) for i in range(3))
        none = torch.zeros_like(seed)
        counter = torch.stack([blocks.expand_as(seed), position, prompt, none + stream])
        return philox(counter, torch.stack([seed, none]))

    def _uniforms_of_rows(self, numbers: Tensor, vocabulary: int) -> Tensor:
        """Uniform variates (N, V) of every token under the triples (N,), by compiled code."""
        from thermoscope.cpu import draw_loops
        from thermoscope.cpu.compiled import over_slices

        uniforms = torch.empty((len(numbers), vocabulary), dtype=torch.float64)
        arrays = (self._triples()[numbers.numpy()], uniforms.numpy())
        over_slices(draw_loops.uniforms_of_rows, len(numbers), *arrays, work=4 * uniforms.numel())
        return uniforms

    def _triples(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
        """Seed, prompt key and position of the distinct triples, (N, 3)."""
        return np.array(self._distinct, dtype=np.uint64).reshape(-1, 3)


def _uniform(words: Tensor) -> Tensor:
    """64-bit words, by their bits in int64, to uniform variates in (0, 1), float64."""
    return ((words >> 12) & (2**52 - 1)).double().add_(0.5).mul_(2.0**-52)


def _gumbel(uniforms: Tensor) -> Tensor:
    """Uniform variates, float64, to standard Gumbel variates, in place."""
    return uniforms.log_().neg_().log_().neg_()
