"""Filters: one pure function each, logits (B, K) in, logits (B, K) out, removed tokens at -inf.

B rows, K candidate tokens (the vocabulary, or a part of it in ascending order of token id). Parameters come as
one value per row, (B, 1), so that rows with different settings share a batch. At least one token per row
survives each filter. No filter's result for a row depends on the other rows, nor on how many removed candidates
stand beside the surviving ones: sums run in a fixed order.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEG_INF = float("-inf")
#: So many of the largest logits hold the nucleus of all but the flattest distributions.
_HEAD = 1024


def temperature(logits: Tensor, t: Tensor) -> Tensor:
    """Divide logits by the temperature; at 0 only the largest stays, ties to the lowest token id.

    Parameters
    ----------
    logits : Tensor (B, K)
    t : Tensor (B, 1), >= 0

    Notes
    -----
    The row's maximum is subtracted first. Softmax does not see that, and no temperature above 0 can overflow.
    """
    shifted = logits - logits.max(dim=-1, keepdim=True).values  # (B, K), the largest at 0
    greedy = t == 0
    cold = shifted / torch.where(greedy, 1.0, t)
    if not bool(greedy.any()):
        return cold
    best = torch.arange(logits.shape[-1], device=logits.device) == shifted.argmax(dim=-1, keepdim=True)
    return torch.where(greedy, torch.where(best, 0.0, NEG_INF).to(logits.dtype), cold)


def top_k(logits: Tensor, k: Tensor) -> Tensor:
    """Keep the k largest logits of each row, and all ties of the k-th.

    Parameters
    ----------
    logits : Tensor (B, K)
    k : Tensor (B, 1) of integers >= 1; more than K keeps all
    """
    width = logits.shape[-1]
    k = k.clamp(max=width).to(torch.int64)
    largest = torch.topk(logits, int(k.max()), dim=-1).values  # (B, max k), descending
    return logits.masked_fill(logits < largest.gather(-1, k - 1), NEG_INF)


def top_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keep the smallest set of the most probable tokens whose mass reaches p (Holtzman et al. 2020, section 3.1).

    The token that crosses p stays. p counts the mass that earlier stages have left. Among tokens of equal
    probability at the edge the higher ids stay (in transformers that is left to its sort, which is not stable).

    Parameters
    ----------
    logits : Tensor (B, K)
    p : Tensor (B, 1) in (0, 1]; 1 keeps every token

    Notes
    -----
    Whether the mass "reaches" p is decided at the precision of float32, that of the model's logits: ten equal
    tokens at p = 0.7 give seven, whatever the last bit of the sum says.
    """
    if logits.shape[-1] <= 8 * _HEAD:
        return _nucleus(logits, p)
    kept, sure = _nucleus_of_head(logits, p)
    if not bool(sure.all()):  # these rows are so flat that their nucleus may be wider than the head
        kept[~sure] = _nucleus(logits[~sure], p[~sure])
    return kept


def _nucleus(logits: Tensor, p: Tensor) -> Tensor:
    """top_p by sorting all candidates."""
    ascending, order = torch.sort(logits, dim=-1, stable=True)
    upto = torch.exp(ascending - ascending[:, -1:]).cumsum(dim=-1)  # the largest counts 1
    keep = _within(upto, upto[:, -1:], p)
    return logits.masked_fill(~torch.empty_like(keep).scatter_(-1, order, keep), NEG_INF)


def _nucleus_of_head(logits: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """top_p by sorting the largest ``_HEAD`` candidates alone, and for which rows (B,) that is sure to be right.

    It is where the least of the kept candidates is larger than the least of the head: whatever is outside the head
    then comes after all that is kept.
    """
    largest, places = torch.topk(logits, _HEAD, dim=-1)
    total = torch.exp(logits - largest[:, :1]).cumsum_(dim=-1)[:, -1:]
    places = places.sort(dim=-1).values
    ascending, order = torch.sort(logits.gather(-1, places), dim=-1, stable=True)
    keep = _within(torch.exp(ascending - ascending[:, -1:]).cumsum(dim=-1), total, p)
    least = ascending.masked_fill(~keep, float("inf")).min(dim=-1).values
    kept = torch.full_like(logits, NEG_INF)
    kept.scatter_(-1, places.gather(-1, order), ascending.masked_fill(~keep, NEG_INF))
    return kept, least > ascending[:, 0]


def _within(upto: Tensor, total: Tensor, p: Tensor) -> Tensor:
    """Which candidates, in ascending order, stay: before them comes less than p of the total (B, 1).

    ``upto`` (B, K) is the mass of each candidate and the less probable ones.
    """
    above = (upto[:, -1:] - upto) / total  # the share of the more probable candidates
    keep = (above.float() < p.float()) | (p >= 1)
    keep[:, -1] = True
    return keep


def min_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keep tokens with at least p times the largest probability (Nguyen et al. 2025, section 3).

    Parameters
    ----------
    logits : Tensor (B, K)
    p : Tensor (B, 1) in [0, 1]; 0 keeps every token

    Notes
    -----
    ``l - max >= ln p`` needs neither exponentials nor normalisation. Like top_p's mass, it is compared at float32.
    """
    below = logits - logits.max(dim=-1, keepdim=True).values
    return logits.masked_fill(below.float() < p.log().float(), NEG_INF)


def log_total(logits: Tensor) -> Tensor:
    """``log(sum(exp(logits)))`` of each row, (B, K) to (B, 1).

    Summed in the order of the columns, where removed candidates add zeros: torch's own sum goes in a tree whose
    shape depends on K, and a row's last bit would then depend on the settings of the other rows.
    """
    largest = logits.max(dim=-1, keepdim=True).values
    weights = (logits - largest).exp_()
    return largest + weights.cumsum_(dim=-1)[:, -1:].log()
