"""What is asked of whole rows of logits: compiled loops for float32 on the CPU, torch elsewhere, the same results.

Shapes: R rows, V vocabulary, B draws.
"""

from __future__ import annotations

import torch
from torch import Tensor

from thermoscope.cpu import probe

#: Elements of a row's comparison that torch may hold at once.
_ELEMENTS = 2**25
#: From so many tokens of one row on, sorting the row is quicker than comparing each of them with all of it.
_SORTED_FROM = 32
#: Nats below the largest from which on a token counts nothing; its exponential is still a normal float32.
_NO_MASS = -87.0


def summaries(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Log of the sum of exponentials and entropy in nats of each row, (R,) and (R,) float64; logits (R, V) float32.

    A log-probability is a logit minus the first. Tokens at -inf count nothing.
    """
    if not compiled_for(logits):
        top = logits.amax(dim=-1)
        log_totals, entropies = _sums(logits - top[:, None])
        return top.double() + log_totals, entropies
    from thermoscope.cpu import vocabulary_loops
    from thermoscope.cpu.compiled import over_slices

    rows = logits.contiguous()
    totals, entropies = torch.empty(2, len(rows), dtype=torch.float64)
    largest = rows.amax(dim=-1)
    arrays = (rows.numpy(), largest.numpy(), totals.numpy(), entropies.numpy())
    over_slices(vocabulary_loops.summarise, len(rows), *arrays, work=rows.numel())
    return totals, entropies


def tempered_entropies(logits: Tensor, rows: Tensor, temperatures: Tensor) -> Tensor:
    """Entropy (B,) float64, nats, of ``softmax(l / t)`` of the rows ``rows`` (B,) of logits (R, V) at t (B,) > 0."""
    if compiled_for(logits):
        from thermoscope.cpu import vocabulary_loops
        from thermoscope.cpu.compiled import over_slices
        from thermoscope.cpu.logit_rows import coldness

        given = logits.contiguous()
        totals, means = torch.empty(2, len(rows), dtype=torch.float64)
        columns = (given.amax(dim=-1), rows, coldness(temperatures), totals, means)
        arrays = (given.numpy(), *(column.numpy() for column in columns))
        over_slices(vocabulary_loops.masses, len(rows), *arrays, work=len(rows) * given.shape[1])
        entropies: Tensor = totals.log() - means
        return entropies
    found = torch.empty(len(rows), dtype=torch.float64, device=logits.device)
    step = max(1, _ELEMENTS // logits.shape[-1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        below = logits[rows[part]]
        below -= below.amax(dim=-1, keepdim=True)
        found[part] = _sums(below.div_(temperatures[part, None].clamp(min=1e-30).to(below.dtype)))[1]
    return found


def _sums(below: Tensor) -> tuple[Tensor, Tensor]:
    """Log of the sum of exponentials and entropy of rows whose largest is 0, float64; they are written over."""
    below.clamp_(min=_NO_MASS)
    each = below.exp()
    totals = each.sum(dim=-1).double()
    return totals.log(), totals.log() - torch.linalg.vecdot(each, below).double() / totals


def ranks(logits: Tensor, source: Tensor, tokens: Tensor) -> Tensor:
    """Ranks (B,) of tokens (B,) in the rows ``source`` (B,) of logits (R, V): 1 + how many are larger."""
    vocabulary = logits.shape[-1]
    pairs, inverse = torch.unique(source * vocabulary + tokens, return_inverse=True)
    of, which = pairs // vocabulary, pairs % vocabulary
    count = len(pairs)
    if len(logits) == 1 and count > _SORTED_FROM:  # many tokens of one row
        ascending = logits[0].sort().values
        return (1 + vocabulary - torch.searchsorted(ascending, logits[0, which], right=True))[inverse]
    found = torch.empty(count, dtype=torch.int64, device=logits.device)
    if not compiled_for(logits):
        step = max(1, _ELEMENTS // vocabulary)
        for start in range(0, count, step):
            row, token = of[start : start + step], which[start : start + step]
            found[start : start + step] = 1 + (logits[row] > logits[row, token][:, None]).sum(dim=-1)
    else:
        from thermoscope.cpu import vocabulary_loops
        from thermoscope.cpu.compiled import over_slices

        arrays = (logits.contiguous().numpy(), of.numpy(), which.numpy(), found.numpy())
        over_slices(vocabulary_loops.rank, count, *arrays, work=count * vocabulary)
    return found[inverse]


def at_least(logits: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of each row that reach its threshold (R,), (R, K) float64, and their token ids (R, K), ascending.

    K is the largest number in a row; rows with fewer are filled up with token 0 at -inf.
    """
    if compiled_for(logits):
        from thermoscope.cpu.logit_rows import Rows

        return Rows(logits, torch.arange(len(logits))).reaching(thresholds)
    reach = logits >= thresholds[:, None]
    counts = reach.sum(dim=-1)
    rows, tokens = reach.nonzero(as_tuple=True)  # row by row, tokens ascending
    ids = torch.zeros((len(logits), int(counts.max())), dtype=torch.int64, device=logits.device)
    ids[rows, torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]] = tokens
    there = torch.arange(ids.shape[1], device=ids.device) < counts[:, None]
    return logits.gather(1, ids).double().masked_fill(~there, float("-inf")), ids


def compiled_for(logits: Tensor) -> bool:
    """Whether compiled loops treat such logits."""
    return logits.device.type == "cpu" and logits.dtype == torch.float32 and probe.loops("sampling")


def drawn_by_loops(logits: Tensor) -> bool:
    """Whether compiled loops draw from such logits."""
    plain = logits.device.type == "cpu" and logits.dtype in (torch.float32, torch.float64)
    return plain and probe.loops("sampling")
