"""Newer filters, as those of ``filters.py``: one pure function each, logits (B, K) in, logits (B, K) out.

Shapes, types and rules are the same as there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from thermoscope.sampling.filters import NEG_INF, at_least, heads, log_probabilities, log_total, masses, top_k


def smoothing(logits: Tensor, factor: Tensor, curve: Tensor) -> Tensor:
    """Lower each logit by a quadratic, and beyond a curve of 1 a cubic, function of its distance from the largest.

    ``max - s ((3 - c) / 2 d^2 - (c - 1) / 2 d^3)`` with ``d = l - max``: quadratic sampling as in
    text-generation-webui (``modules/sampler_hijack.py``, QuadraticSamplingLogitsWarper) and koboldcpp. A factor of 0
    switches it off.

    Parameters
    ----------
    logits : Tensor (B, K)
    factor : Tensor (B, 1), >= 0
    curve : Tensor (B, 1), >= 1
    """
    wide = logits.double()
    below = wide - wide.amax(dim=-1, keepdim=True)
    there = below > NEG_INF
    d = below.masked_fill(~there, 0.0)
    smooth = factor * d.square() * ((curve - 1) / 2 * d - (3 - curve) / 2)
    smooth = smooth.clamp(min=torch.finfo(torch.float64).min).masked_fill_(~there, NEG_INF)
    return torch.where(factor > 0, smooth, below)


def min_k(logits: Tensor, tau: Tensor) -> Tensor:
    """Keep the tokens before the steepest drop of the sorted logits (Ding et al. 2026, arXiv 2604.11012, section 3).

    With logits ``l_1 >= l_2 >= ...`` and R from the first to the last that is left, k is the first i with the largest
    ``(l_i - l_(i+1)) / (R i)``, and at least ``floor(tau / R)``. The k largest stay, with all ties of the k-th.

    Parameters
    ----------
    logits : Tensor (B, K)
    tau : Tensor (B, 1), >= 0; the paper's default is 3
    """
    wide = logits.double()
    there = logits > NEG_INF
    largest = wide.amax(dim=-1, keepdim=True)
    least = wide.masked_fill(~there, float("inf")).amin(dim=-1, keepdim=True)
    spread = largest - least
    k = torch.ones_like(spread)
    open_rows = (spread[:, 0] > 0).nonzero()[:, 0]
    for head in heads(logits.shape[-1]):
        if not len(open_rows):
            break
        rows = torch.topk(wide[open_rows], head, dim=-1).values  # (b, head)
        drops = (rows[:, :-1] - rows[:, 1:]) / torch.arange(1, head, device=logits.device)
        steepest, place = drops.masked_fill(~torch.isfinite(drops), NEG_INF).max(dim=-1)
        k[open_rows, 0] = place.double() + 1
        # what comes after the head drops by no more than this
        later = (rows[:, -1] - least[open_rows, 0]).clamp(min=0) / head
        open_rows = open_rows[steepest < later]
    k = torch.where(spread > 0, torch.maximum(k, (tau / spread).floor()), logits.shape[-1])
    return top_k(logits, k)


def p_less(logits: Tensor, order: Tensor, norm: Tensor) -> Tensor:
    """Keep tokens of at least the chance that two draws agree (Tan et al. 2025, arXiv 2509.23234, section 3).

    That chance is ``L = sum p^2``, the exponential of minus the Renyi entropy of order 2; of another order a it is
    ``(sum p^a)^(1 / (a - 1))``. p-less-norm lowers it by ``(1 - L) / (n - 1)``, the mean chance of each way to differ,
    n tokens left. The most probable token stays in any case: L is at most its probability.

    Parameters
    ----------
    logits : Tensor (B, K)
    order : Tensor (B, 1), > 1
    norm : Tensor (B, 1) in [0, 1]: 0 is p-less, 1 p-less-norm
    """
    logp = log_probabilities(logits)
    count = (logits > NEG_INF).sum(dim=-1, keepdim=True)
    log_agree = log_total(order * logp) / (order - 1)
    agree = log_agree.exp()
    lowered = (agree - norm * (1 - agree) / (count - 1).clamp(min=1)).clamp(min=0)
    least = torch.where(norm > 0, lowered.log(), log_agree)
    return at_least(logits, least - logp.amax(dim=-1, keepdim=True))


def top_h(logits: Tensor, share: Tensor) -> Tensor:
    """Keep the most probable tokens while their own entropy is at most a share of that of all (arXiv 2509.02510).

    H_k, the entropy of the k most probable tokens among themselves, grows with k: the largest k with ``H_k <= share *
    H`` is taken, at least 1. All ties of the k-th stay. (The authors' code looks at the 100 most probable alone.)

    Parameters
    ----------
    logits : Tensor (B, K)
    share : Tensor (B, 1) in (0, 1]; 1 keeps every token
    """
    allowed = share * masses(logits).entropy
    k = torch.full_like(allowed, logits.shape[-1])
    open_rows = (share[:, 0] < 1).nonzero()[:, 0]
    for head in heads(logits.shape[-1]):
        if not len(open_rows):
            break
        rows = torch.topk(logits[open_rows], head, dim=-1).values.double()
        below = rows - rows[:, :1]
        each = below.exp()
        mass = each.cumsum(dim=-1)
        entropies = mass.log() - (each * below.clamp(min=-1e4)).cumsum(dim=-1) / mass  # (b, head), growing
        within = entropies.float() <= allowed[open_rows].float()
        k[open_rows, 0] = within.sum(dim=-1).clamp(min=1).double()
        open_rows = open_rows[within[:, -1]]
    return top_k(logits, k)


def adaptive_p(logits: Tensor, aim: Tensor) -> Tensor:
    """Put the logits of tokens by how near their probability is to an aim (llama.cpp, pull request 17927, 2025).

    ``5 - 10 d^2 / (1 + d)`` with ``d = |p - aim| / 0.3``: quadratic near the aim, linear far from it. Removed tokens
    stay removed. What it aims for follows from the text: ``sampling/stages.py``, ``adaptive_aim``.

    Parameters
    ----------
    logits : Tensor (B, K)
    aim : Tensor (B, 1) in [0, 1]
    """
    logp = log_probabilities(logits)
    d = (logp.exp() - aim).abs() / 0.3
    return (5 - 10 * d.square() / (1 + d)).masked_fill_(logp == NEG_INF, NEG_INF)
