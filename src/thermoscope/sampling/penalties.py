"""Penalties: what depends on the tokens that are already there. Logits (B, V) in, logits (B, V) out.

Unlike the filters these need the columns to be the whole vocabulary. Arithmetic is float64 at the places of the tokens
that are there, rounded once to the type of the logits (float32 at least); nothing else is touched. Nothing loops over
tokens in Python: compiled loops do on the CPU, elsewhere the tokens of all rows are one flat list of (row, token)
pairs. Tokens that the logits have no column for are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from thermoscope.sampling import passes
from thermoscope.sampling.filters import NEG_INF

_Array = np.ndarray[tuple[int], np.dtype[np.int64]]
#: So many of a row's first tokens nearly always show that not all are banned.
_GLANCE = 256
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

    def last(self, numbers: Sequence[int | None]) -> Tokens:
        """The last so many tokens of each row, all where the number is None."""
        if all(number is None for number in numbers):
            return self
        cut = [a if n is None else a[max(0, len(a) - n) :] for a, n in zip(self.arrays, numbers, strict=True)]
        return Tokens(cut, self.device)

    def places(self, vocabulary: int) -> Tensor:
        """Places (N,) in the flat logits (B * V), one per token of a row: ``row * V + token``."""
        arrays = list(self.arrays)
        rows = np.repeat(np.arange(len(arrays), dtype=np.int64), [len(array) for array in arrays])
        tokens = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)
        there = (tokens >= 0) & (tokens < vocabulary)
        flat = rows * vocabulary + tokens
        return torch.from_numpy(flat if there.all() else flat[there]).to(self.device)

    @cached_property
    def flat(self) -> tuple[_Array, _Array]:
        """The tokens (N,) of all rows, and where each row's begin and end, (B + 1,)."""
        starts = np.zeros(len(self.arrays) + 1, dtype=np.int64)
        np.cumsum([len(array) for array in self.arrays], out=starts[1:])
        return np.concatenate(self.arrays) if len(self.arrays) else np.empty(0, dtype=np.int64), starts

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
        biased = flat[at].double() + torch.tensor(values, dtype=torch.float64, device=out.device)
        flat[at] = _rounded(biased, out.dtype)
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
    if passes.drawn_by_loops(out):
        _loop("repetition", out, present, penalty[:, 0].double())
        return out
    places = present.places(logits.shape[-1])
    flat = out.view(-1)
    l, r = flat[places].double(), penalty[:, 0].double()[places // logits.shape[-1]]  # noqa: E741
    flat[places] = _rounded(
        torch.where(l < 0, l * r, l / r), out.dtype
    )  # the same value wherever a token is there twice
    return out


def encoder_repetition(logits: Tensor, penalty: Tensor, prompt: Tokens) -> Tensor:
    """Divide the negative logits of the prompt's tokens by the penalty, multiply the others.

    transformers' EncoderRepetitionPenaltyLogitsProcessor (``generation/logits_process.py``): above 1 it favours what
    the prompt says. It is the repetition penalty's inverse over the prompt alone.

    Parameters
    ----------
    logits : Tensor (B, V)
    penalty : Tensor (B, 1), > 0
    prompt
        The prompt; a token counts once however often it is there.
    """
    return repetition(logits, 1 / penalty, prompt)


def min_new_tokens(logits: Tensor, least: Sequence[int], ends: Sequence[int], generated: Tokens) -> Tensor:
    """Remove the tokens that end a text from rows whose text is still too short.

    transformers' MinNewTokensLengthLogitsProcessor, vLLM's ``min_tokens``, and for a number that no text reaches
    llama.cpp's ``ignore_eos``. A row of which nothing would be left stays as it is.

    Parameters
    ----------
    logits : Tensor (B, V)
    least
        The fewest tokens of each row.
    ends
        The tokens that end a text.
    generated
        The text so far, without the prompt.
    """
    out = _copy(logits)
    columns = [token for token in ends if token < logits.shape[-1]]
    short = [row for row, (n, text) in enumerate(zip(least, generated.arrays, strict=True)) if len(text) < n]
    if columns and short:
        rows = torch.tensor(short, device=out.device)
        banned = out[rows]
        banned[:, columns] = NEG_INF
        left = banned.amax(dim=-1) > NEG_INF
        out[rows[left]] = banned[left]
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
    if passes.drawn_by_loops(out):
        _loop("presence_frequency", out, generated, presence[:, 0].double(), frequency[:, 0].double())
        return out
    places, counts = torch.unique(generated.places(logits.shape[-1]), return_counts=True)
    rows = places // logits.shape[-1]
    flat = out.view(-1)
    flat[places] = _rounded(flat[places].double() - (presence[rows, 0] + frequency[rows, 0] * counts), out.dtype)
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
    out = _copy(logits)
    if passes.drawn_by_loops(out):
        _loop("no_repeat_ngram", out, context, torch.tensor(size))
    else:
        _ban_ngrams(out, size, context)
    glance = (out[:, :_GLANCE].amax(dim=-1) == NEG_INF).nonzero()[:, 0]
    nothing = glance[out[glance].amax(dim=-1) == NEG_INF]
    out[nothing] = logits[nothing].to(out.dtype)
    return out


def _ban_ngrams(out: Tensor, size: Sequence[int], context: Tokens) -> None:
    """Put -inf into the logits (B, V) of tokens that would complete an n-gram of the context, n of each row."""
    tokens, _ = context.padded  # (B, L)
    length, vocabulary = tokens.shape[1], out.shape[-1]
    sizes = torch.tensor(size, device=out.device)
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
    penalty = (multiplier[of, 0] * base[of, 0] ** (longest - allowed[of, 0])).clamp(max=1e300)
    flat = out.view(-1)
    flat[places] = _rounded(flat[places].double() - penalty, out.dtype)
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
    """The logits in float32, or in float64 if they are, never the same memory."""
    kind = logits.dtype if logits.dtype == torch.float64 else torch.float32
    return logits.to(kind, copy=True, memory_format=torch.contiguous_format)


def _rounded(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Logits (N,), float64, in another type: what was finite stays so, because a penalty removes no token."""
    most = torch.finfo(dtype).max
    return torch.where(values == NEG_INF, NEG_INF, values.clamp(-most, most)).to(dtype)


def _loop(name: str, out: Tensor, tokens: Tokens, *values: Tensor) -> None:
    """Change logits (B, V) in place by a compiled loop, which takes one of each of the values (B,) per row."""
    from thermoscope.cpu import penalty_loops
    from thermoscope.cpu.compiled import over_slices

    flat, starts = tokens.flat
    kernel = getattr(penalty_loops, name)
    most = torch.finfo(out.dtype).max
    arrays = (out.numpy(), flat, starts, *(value.numpy() for value in values))
    over_slices(kernel, len(out), most, *arrays, work=4 * len(flat))
