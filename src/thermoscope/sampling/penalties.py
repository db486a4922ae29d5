"""Penalties: what depends on the tokens that are already there. Logits (B, V) in, float64 logits (B, V) out.

Unlike the filters these need the columns to be the whole vocabulary. Nothing loops over tokens in Python: the
tokens of all rows are one flat list of (row, token) pairs. Tokens that the logits have no column for are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from thermoscope.sampling.filters import NEG_INF

_Array = np.ndarray[tuple[int], np.dtype[np.int64]]
#: Logarithm of the largest float32, where llama.cpp stops the growth of DRY's penalty.
_LOG_LARGEST_FLOAT32 = 88.7228391


@dataclass(frozen=True)
class Tokens:
    """The tokens of some rows: of the text so far, or of the prompt and the text so far.

    Attributes
    ----------
    arrays
        Token ids, one array per row, B in all.
    device
        Where tensors go.
    """

    arrays: Sequence[_Array]
    device: torch.device

    @classmethod
    def of(cls, *parts: Sequence[Sequence[int]] | None, device: torch.device) -> Tokens:
        """The tokens of each row: those of each part that is there, joined.

        Lists that are the same object (a prompt's, for all its rows) are converted once.
        """
        made: dict[int, _Array] = {}
        columns = []
        for part in parts:
            for tokens in part or ():
                if id(tokens) not in made:
                    made[id(tokens)] = np.asarray(tokens, dtype=np.int64).reshape(-1)
            if part is not None:
                columns.append([made[id(tokens)] for tokens in part])
        rows = zip(*columns, strict=True)
        return cls([row[0] if len(row) == 1 else np.concatenate(row) for row in rows], device)

    def places(self, vocabulary: int) -> Tensor:
        """Places (N,) in the flat logits (B * V), one per token of a row: ``row * V + token``."""
        arrays = list(self.arrays)
        rows = np.repeat(np.arange(len(arrays), dtype=np.int64), [len(array) for array in arrays])
        tokens = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)
        there = (tokens >= 0) & (tokens < vocabulary)
        flat = rows * vocabulary + tokens
        return torch.from_numpy(flat if there.all() else flat[there]).to(self.device)

    @cached_property
    def padded(self) -> tuple[Tensor, Tensor]:
        """Tokens (B, L) that end at the last column, with -1 before them, and how many there are (B,)."""
        lengths = [len(array) for array in self.arrays]
        matrix = np.full((len(lengths), max(lengths, default=0)), -1, dtype=np.int64)
        for row, array in zip(matrix, self.arrays, strict=True):
            row[len(row) - len(array) :] = array
        return torch.from_numpy(matrix).to(self.device), torch.tensor(lengths, device=self.device)


def logit_bias(logits: Tensor, biases: Sequence[Mapping[int, float]]) -> Tensor:
    """Add a bias to some tokens of each row.

    Parameters
    ----------
    logits : Tensor (B, V)
    biases
        ``{token: bias}`` of each row, nats; tokens from V on are left out.
    """
    out = _copy(logits)
    vocabulary = logits.shape[-1]
    pairs = [(row * vocabulary + t, b) for row, of in enumerate(biases) for t, b in of.items() if t < vocabulary]
    if pairs:
        places, values = zip(*pairs, strict=True)
        flat = out.view(-1)
        at = torch.tensor(places, device=out.device)
        flat[at] += torch.tensor(values, dtype=out.dtype, device=out.device)
    return out


def repetition(logits: Tensor, penalty: Tensor, present: Tokens) -> Tensor:
    """Multiply the negative logits of tokens that are there by the penalty, divide the others (Keskar et al. 2019).

    Parameters
    ----------
    logits : Tensor (B, V)
    penalty : Tensor (B, 1), > 0
    present
        Prompt and text so far; a token counts once however often it is there.

    Notes
    -----
    Dividing is section 4.1 of the CTRL paper. That negative logits are multiplied instead is what transformers,
    vLLM, SGLang and llama.cpp do: dividing would make such tokens more probable.
    """
    out = _copy(logits)
    places = present.places(logits.shape[-1])
    flat = out.view(-1)
    l, r = flat[places], penalty[:, 0].to(out.dtype)[places // logits.shape[-1]]  # noqa: E741
    flat[places] = torch.where(l < 0, l * r, l / r)  # the same value wherever a token is there twice
    return out


def presence_frequency(logits: Tensor, presence: Tensor, frequency: Tensor, generated: Tokens) -> Tensor:
    """Subtract ``presence * [c > 0] + frequency * c``, c how often a token was generated (OpenAI's definition).

    Parameters
    ----------
    logits : Tensor (B, V)
    presence, frequency : Tensor (B, 1), nats
    generated
        The text so far, without the prompt.
    """
    out = _copy(logits)
    places, counts = torch.unique(generated.places(logits.shape[-1]), return_counts=True)
    rows = places // logits.shape[-1]
    out.view(-1)[places] -= presence[rows, 0] + frequency[rows, 0] * counts
    return out


def no_repeat_ngram(logits: Tensor, size: Sequence[int], context: Tokens) -> Tensor:
    """Remove tokens that would complete an n-gram that is already there (Paulus et al. 2018, section 2.5).

    Parameters
    ----------
    logits : Tensor (B, V)
    size
        n of each row, >= 1.
    context
        Prompt and text so far.

    Notes
    -----
    A row of which nothing would be left stays as it is.
    """
    tokens, _ = context.padded  # (B, L)
    length, vocabulary = tokens.shape[1], logits.shape[-1]
    out = logits.clone()
    sizes = torch.tensor(size, device=logits.device)
    for n in sorted(set(size)):
        if n > length:
            continue
        rows = (sizes == n).nonzero()[:, 0]
        of = tokens[rows]
        last = of[:, n - 1 :]  # (b, L - n + 1): the token that each window of n ends in
        match = last >= 0
        for j in range(n - 1):  # over the n-gram, not over the text
            match &= (of[:, j : length - n + 1 + j] == of[:, length - n + 1 + j, None]) & (
                of[:, j : j + last.shape[1]] >= 0
            )
        at, where = match.nonzero(as_tuple=True)
        token = last[at, where]
        there = token < vocabulary
        out[rows[at[there]], token[there]] = NEG_INF
    nothing = (out.amax(dim=-1) == NEG_INF).nonzero()[:, 0]
    out[nothing] = logits[nothing]
    return out


def dry(
    logits: Tensor,
    multiplier: Tensor,
    base: Tensor,
    allowed: Tensor,
    breakers: Sequence[Sequence[int]],
    context: Tokens,
) -> Tensor:
    """Subtract ``multiplier * base^(L - allowed)`` from tokens that would prolong a repetition of L >= allowed tokens.

    L is the largest number of tokens that stand before an earlier occurrence of the token and also end the context.
    A repetition does not reach across a breaker, and breakers themselves are not penalised.

    Parameters
    ----------
    logits : Tensor (B, V)
    multiplier : Tensor (B, 1), >= 0, nats
    base : Tensor (B, 1), >= 1
    allowed : Tensor (B, 1), >= 1
    breakers
        Token ids of each row.
    context
        Prompt and text so far.

    Notes
    -----
    The rule of llama.cpp's ``llama_sampler_dry_apply`` (src/llama-sampler.cpp, as in llama-cpp-python 0.3.36) with
    breakers of one token each; like there the penalty stops growing where base^x reaches the largest float32.
    """
    out = _copy(logits)
    tokens, lengths = context.padded
    limit = _repeat_limit(tokens, lengths, breakers)  # (B,)
    growth = [int(_LOG_LARGEST_FLOAT32 / math.log(b)) if b > 1.000001 else 0 for b in base[:, 0].tolist()]
    most = allowed[:, 0].long() + torch.tensor(growth, device=out.device)
    rows, ends, repeats = _common_suffixes(tokens, torch.minimum(limit, most))
    enough = repeats >= allowed[rows, 0]
    rows, ends, repeats = rows[enough], ends[enough], repeats[enough]
    token = tokens[rows, ends + 1]
    penalised = token < out.shape[-1]
    if any(breakers):
        listed = _listed(breakers, tokens.device)
        penalised &= ~(token[:, None] == listed[rows]).any(dim=-1)
    rows, repeats, token = rows[penalised], repeats[penalised], token[penalised]
    places, inverse = torch.unique(rows * out.shape[-1] + token, return_inverse=True)
    longest = torch.zeros(len(places), dtype=torch.int64, device=out.device)
    longest.scatter_reduce_(0, inverse, repeats, reduce="amax")
    of = places // out.shape[-1]
    penalty = multiplier[of, 0] * base[of, 0] ** (longest - allowed[of, 0])
    out.view(-1)[places] -= penalty.clamp(max=1e300)
    return out


def _repeat_limit(tokens: Tensor, lengths: Tensor, breakers: Sequence[Sequence[int]]) -> Tensor:
    """How many tokens (B,) at the end of the context come after its last breaker."""
    if not any(breakers):
        return lengths
    listed = _listed(breakers, tokens.device)  # (B, most)
    broken = torch.zeros_like(tokens, dtype=torch.bool)
    for column in range(listed.shape[1]):  # over the list of breakers, not over the text
        broken |= tokens == listed[:, column, None]
    positions = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    last = (broken * positions).amax(dim=-1) if tokens.shape[1] else torch.zeros_like(lengths)
    return torch.minimum(lengths, tokens.shape[1] - last)


def _listed(breakers: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """The breakers of each row (B, most), filled up with -2, which is no token and no padding."""
    width = max(len(of) for of in breakers)
    return torch.tensor([[*of, *[-2] * (width - len(of))] for of in breakers], device=device)


def _common_suffixes(tokens: Tensor, most: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where, before the end, the context (B, L) repeats its own end: rows, positions and lengths, (N,) each.

    Lengths count tokens up to ``most`` (B,). One step per token of the longest repetition, each over the positions
    that still match: the work is the sum of the lengths.
    """
    length = tokens.shape[1]
    if length < 2:
        none = torch.empty(0, dtype=torch.int64, device=tokens.device)
        return none, none, none
    rows, ends = ((tokens[:, :-1] == tokens[:, -1:]) & (most > 0)[:, None]).nonzero(as_tuple=True)
    found, lengths = torch.arange(len(rows), device=rows.device), torch.ones_like(rows)
    alive_rows, alive_ends, step = rows, ends, 1
    while len(found):
        place = alive_ends - step
        going = (place >= 0) & (step < most[alive_rows])
        match = tokens[alive_rows, place.clamp(min=0)] == tokens[alive_rows, length - 1 - step]
        going &= match & (tokens[alive_rows, length - 1 - step] >= 0)
        found, alive_rows, alive_ends = found[going], alive_rows[going], alive_ends[going]
        step += 1
        lengths[found] = step
    return rows, ends, lengths


def _copy(logits: Tensor) -> Tensor:
    """The logits in float64, never the same memory."""
    return logits.to(torch.float64, copy=True, memory_format=torch.contiguous_format)
