"""Filters: one pure function each, logits (B, K) in, logits (B, K) out, removed tokens at -inf.

B rows, K candidate tokens (the vocabulary, or a part of it in ascending order of token id). Parameters come as
one value per row, (B, 1), so that rows with different settings share a batch. Arithmetic is float64 whatever the type
of the logits; filters that only remove tokens give back the type that they got. At least one token per row
survives each filter. No filter's result for a row depends on the other rows, nor on how many removed candidates
stand beside the surviving ones: sums run in a fixed order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.sampling import passes

NEG_INF = float("-inf")
#: Over more float32 candidates, what decides about them is computed in float32: they are a model's own logits.
NARROW = 8192
#: So many of the largest logits hold the nucleus of most distributions, and so many that of all but the flattest.
_HEADS = (256, 2048)


@dataclass(frozen=True, slots=True)
class Masses:
    """What decides about candidates that are a part of those to decide about: sums over all of these.

    Attributes
    ----------
    total : Tensor (B, 1), float64, or None
        The sum of ``exp(l - max)``.
    mean : Tensor (B, 1), float64, or None
        The mean of ``l - max`` under the distribution.
    sigma : Tensor (B, 1), float64, or None
        The standard deviation of finite logits.
    """

    total: Tensor | None = None
    mean: Tensor | None = None
    sigma: Tensor | None = None

    def of_rows(self, rows: Tensor) -> Masses:
        """Those of the given rows (N,)."""
        return Masses(*(None if x is None else x[rows] for x in (self.total, self.mean, self.sigma)))

    @property
    def log_total(self) -> Tensor:
        """The logarithm of the total (B, 1): the surprise of the most probable candidate, nats."""
        assert self.total is not None
        return self.total.log()

    @property
    def entropy(self) -> Tensor:
        """The entropy (B, 1), nats."""
        assert self.mean is not None
        return self.log_total - self.mean


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
    shifted = logits.to(torch.float64, copy=True)  # arithmetic on two types at once is many times slower
    shifted -= shifted.amax(dim=-1, keepdim=True)  # (B, K), the largest at 0
    greedy = t == 0
    if not bool(greedy.any()):
        return shifted.div_(t)
    cold = shifted / torch.where(greedy, 1.0, t)
    best = torch.arange(logits.shape[-1], device=logits.device) == shifted.argmax(dim=-1, keepdim=True)
    return torch.where(greedy, torch.where(best, 0.0, NEG_INF).to(cold.dtype), cold)


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


def top_p(logits: Tensor, p: Tensor, of: Masses | None = None) -> Tensor:
    """Keep the smallest set of the most probable tokens whose mass reaches p (Holtzman et al. 2020, section 3.1).

    The token that crosses p stays. p counts the mass that earlier stages have left. Among tokens of equal
    probability at the edge the higher ids stay (in transformers that is left to its sort, which is not stable).

    Parameters
    ----------
    logits : Tensor (B, K)
    p : Tensor (B, 1) in (0, 1]; 1 keeps every token
    of
        Where the logits are only those that can stay: ``total`` of all.

    Notes
    -----
    Whether the mass "reaches" p is decided at the precision of float32, that of the model's logits: ten equal
    tokens at p = 0.7 give seven, whatever the last bit of the sum says.
    """
    if of is not None or logits.shape[-1] <= NARROW:
        return _nucleus(logits, p, None if of is None else of.total)
    kept, sure = _nucleus_of_head(logits, p, _HEADS[0])
    for head in _HEADS[1:]:  # flatter rows, whose nucleus may be wider
        if not bool(sure.all()):
            again = (~sure).nonzero()[:, 0]
            kept[again], sure[again] = _nucleus_of_head(logits[again], p[again], head)
    if not bool(sure.all()):
        kept[~sure] = _nucleus(logits[~sure], p[~sure])
    return kept


def _nucleus(logits: Tensor, p: Tensor, total: Tensor | None = None) -> Tensor:
    """top_p by sorting all candidates; the largest ones of candidates with a ``total`` (B, 1) are enough."""
    ascending, order = torch.sort(logits, dim=-1, stable=True)
    exact = ascending.double()
    upto = (exact - exact[:, -1:]).exp_().cumsum_(dim=-1)  # the largest counts 1
    keep = _within(upto, shares(logits)[2] if total is None else total, p)
    return logits.masked_fill(~torch.empty_like(keep).scatter_(-1, order, keep), NEG_INF)


def _nucleus_of_head(logits: Tensor, p: Tensor, head: int) -> tuple[Tensor, Tensor]:
    """top_p by sorting the largest ``head`` candidates alone, and for which rows (B,) that is sure to be right.

    It is where the least of the kept candidates is larger than the least of the head: whatever is outside the head
    then comes after all that is kept.
    """
    places = torch.topk(logits, head, dim=-1).indices
    _, _, total = shares(logits)
    places = places.sort(dim=-1).values
    ascending, order = torch.sort(logits.gather(-1, places), dim=-1, stable=True)
    exact = ascending.double()
    keep = _within((exact - exact[:, -1:]).exp_().cumsum_(dim=-1), total, p)
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
    below = logits - logits.amax(dim=-1, keepdim=True)  # rounded once, to the type of the logits
    return logits.masked_fill(below.float() < p.log().float(), NEG_INF)


def dynamic_temperature(logits: Tensor, t: Tensor, spread: Tensor, exponent: Tensor) -> Tensor:
    """The temperature (B, 1) of each row: from t - spread (0 at least) to t + spread, by its relative entropy.

    ``low + (high - low) * (H / ln n)^exponent``, H the entropy of the n candidates that are left, as in llama.cpp's
    ``llama_sampler_temp_ext_apply``. One candidate has no entropy: it gets t.

    Parameters
    ----------
    logits : Tensor (B, K)
    t : Tensor (B, 1), >= 0
    spread : Tensor (B, 1), >= 0
    exponent : Tensor (B, 1), > 0
    """
    count = (logits > NEG_INF).sum(dim=-1, keepdim=True)
    relative = masses(logits).entropy / count.clamp(min=2).log()
    low = (t - spread).clamp(min=0)
    dynamic = low + (t + spread - low) * relative.clamp(0, 1) ** exponent
    return torch.where((count > 1) & (spread > 0), dynamic, t)


def top_n_sigma(logits: Tensor, n: Tensor, of: Masses | None = None) -> Tensor:
    """Keep logits of at least max - n * sigma, sigma the standard deviation of those left (Tang et al. 2024, 3.2).

    Parameters
    ----------
    logits : Tensor (B, K)
    n : Tensor (B, 1), > 0
    of
        Where the logits are only those that can stay: ``sigma`` of all.
    """
    wide = logits.double()
    below = wide - wide.amax(dim=-1, keepdim=True)  # (B, K), the largest at 0
    if of is not None and of.sigma is not None:
        sigma = of.sigma
    else:
        there = logits > NEG_INF
        count = there.sum(dim=-1, keepdim=True)
        mean = ordered_sum(below.masked_fill(~there, 0.0)) / count
        sigma = (ordered_sum((below - mean).square_().masked_fill_(~there, 0.0)) / count).sqrt()
    return logits.masked_fill(below.float() < (-n * sigma).float(), NEG_INF)


def heads(width: int) -> list[int]:
    """How many of the largest candidates to look at, one after the other, until they are enough."""
    return [*(head for head in _HEADS if head < width), width]


def typical_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keep the tokens whose surprise is nearest to the entropy, up to mass p (Meister et al. 2023, section 4).

    The token that crosses p stays, and with it all that are as near.

    Parameters
    ----------
    logits : Tensor (B, K)
    p : Tensor (B, 1) in (0, 1]; 1 keeps every token
    """
    below, each, total = shares(logits)
    # -ln p - H = ln total - below - (ln total - mean of below)
    distance = (below - mean_below(below, each, total).to(below.dtype)).abs_()  # (B, K), infinite where removed
    first, *more = heads(logits.shape[-1])
    furthest, reached = _reach(distance, each, total, p, first)
    for head in more:
        if not bool(reached.all()):
            rows = (~reached).nonzero()[:, 0]
            furthest[rows], reached[rows] = _reach(distance[rows], each[rows], total[rows], p[rows], head)
    return logits.masked_fill((distance > furthest) & (p < 1), NEG_INF)


def _reach(distance: Tensor, each: Tensor, total: Tensor, p: Tensor, head: int) -> tuple[Tensor, Tensor]:
    """Distance (B, 1) at which the nearest of ``head`` candidates have mass p, and for which rows (B,) they do."""
    near, places = torch.topk(distance, head, dim=-1, largest=False)
    mass = each.gather(-1, places).double().cumsum_(dim=-1).div_(total)
    enough = mass.float() >= p.float()
    reached = enough.any(dim=-1)
    first = torch.where(reached, enough.int().argmax(dim=-1), head - 1)
    return near.gather(-1, first[:, None]), reached


def epsilon_cutoff(logits: Tensor, epsilon: Tensor, of: Masses | None = None) -> Tensor:
    """Keep tokens of at least this probability (Hewitt et al. 2022, section 4.2); the most probable ones in any case.

    Parameters
    ----------
    logits : Tensor (B, K)
    epsilon : Tensor (B, 1) in [0, 1)
    of
        Where the logits are only those that can stay: ``total`` of all.
    """
    of = masses(logits) if of is None else of
    return at_least(logits, epsilon_least(epsilon, of))


def eta_cutoff(logits: Tensor, eta: Tensor, of: Masses | None = None) -> Tensor:
    """Keep tokens of at least min(eta, sqrt(eta) * exp(-H)), H the entropy (Hewitt et al. 2022, section 4.3).

    Parameters
    ----------
    logits : Tensor (B, K)
    eta : Tensor (B, 1) in [0, 1)
    of
        Where the logits are only those that can stay: ``total`` and ``mean`` of all.
    """
    of = masses(logits) if of is None else of
    return at_least(logits, eta_least(eta, of))


def top_a(logits: Tensor, a: Tensor, of: Masses | None = None) -> Tensor:
    """Keep tokens of at least a times the square of the largest probability (KoboldAI, 2022).

    Parameters
    ----------
    logits : Tensor (B, K)
    a : Tensor (B, 1) in [0, 1]; 0 keeps every token
    of
        Where the logits are only those that can stay: ``total`` of all.
    """
    of = masses(logits) if of is None else of
    return at_least(logits, top_a_least(a, of))


def xtc(logits: Tensor, fires: Tensor, threshold: Tensor) -> Tensor:
    """Where the coin says so, drop all tokens that reach the threshold but the least probable of them.

    If fewer than two reach it, nothing happens. (p-e-w, text-generation-webui pull request 6335, 2024.)

    Parameters
    ----------
    logits : Tensor (B, K)
    fires : Tensor (B, 1), bool
    threshold : Tensor (B, 1) in [0, 1]

    Notes
    -----
    Of equally probable least ones the highest id stays.
    """
    below = logits - logits.amax(dim=-1, keepdim=True)  # rounded once, to the type of the logits
    reach = (below.float() >= epsilon_least(threshold, masses(logits)).float()) & (logits > NEG_INF)
    least = logits.masked_fill(~reach, float("inf")).flip(-1).argmin(dim=-1, keepdim=True)
    stays = torch.arange(logits.shape[-1], device=logits.device) == logits.shape[-1] - 1 - least
    return logits.masked_fill(reach & ~stays & fires & (reach.sum(dim=-1, keepdim=True) > 1), NEG_INF)


def mirostat(logits: Tensor, mu: Tensor, of: Masses | None = None) -> Tensor:
    """Keep tokens with a surprise of at most mu bits (Basu et al. 2021, algorithm 2); the most probable in any case.

    Parameters
    ----------
    logits : Tensor (B, K)
    mu : Tensor (B, 1), bits
    of
        Where the logits are only those that can stay: ``total`` of all.
    """
    of = masses(logits) if of is None else of
    return at_least(logits, mirostat_least(mu, of))


def epsilon_least(epsilon: Tensor, of: Masses) -> Tensor:
    """What ``l - max`` must be (B, 1) for a probability of epsilon (B, 1)."""
    return epsilon.log() + of.log_total


def eta_least(eta: Tensor, of: Masses) -> Tensor:
    """What ``l - max`` must be (B, 1) for the probability that eta (B, 1) and the entropy ask for."""
    return torch.minimum(eta.log(), eta.log() / 2 - of.entropy) + of.log_total


def top_a_least(a: Tensor, of: Masses) -> Tensor:
    """What ``l - max`` must be (B, 1) for a times the square of the largest probability, which is 1 / total."""
    return a.log() - of.log_total


def mirostat_least(mu: Tensor, of: Masses) -> Tensor:
    """What ``l - max`` must be (B, 1) for a surprise of mu (B, 1) bits."""
    return of.log_total - mu * math.log(2)


def masses(logits: Tensor) -> Masses:
    """``total`` and ``mean`` of candidates (B, K)."""
    if passes.compiled_for(logits) and logits.shape[-1] > NARROW:
        from thermoscope.cpu.logit_rows import Rows

        one = torch.ones(len(logits), dtype=torch.float64)
        total, mean = Rows(logits, torch.arange(len(logits))).masses(one)
        return Masses(total[:, None], mean[:, None])
    below, each, total = shares(logits)
    return Masses(total, mean_below(below, each, total))


def at_least(logits: Tensor, least: Tensor) -> Tensor:
    """Keep candidates that are at least so far below the largest, compared at float32; the largest in any case."""
    below = logits - logits.amax(dim=-1, keepdim=True)  # rounded once, to the type of the logits
    return logits.masked_fill(below.float() < least.clamp(max=0).float(), NEG_INF)


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-probabilities (B, K), float64, of logits (B, K)."""
    wide = logits.double()
    return wide - log_total(wide)


def shares(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What decides about candidates (B, K): ``l - max``, its exponential, and the sum of those (B, 1) in float64.

    Over a wide vocabulary in float32 the first two are float32 as well: the precision of the model's logits, and the
    one at which filters compare.
    """
    wide = logits.float() if logits.dtype != torch.float64 and logits.shape[-1] > NARROW else logits.double()
    below = wide - wide.amax(dim=-1, keepdim=True)
    each = below.exp()
    return below, each, ordered_sum(each.double())


def mean_below(below: Tensor, each: Tensor, total: Tensor) -> Tensor:
    """The mean (B, 1) of ``l - max`` under the distribution: less it, ``log(total)`` is the entropy."""
    return ordered_sum((below.clamp(min=-1e4) * each).double()) / total


def entropy(logp: Tensor) -> Tensor:
    """Entropy (B, 1), nats, of log-probabilities (B, K); removed candidates add nothing."""
    finite = logp.clamp(min=torch.finfo(logp.dtype).min)  # 0 * -inf has no value, 0 * the least number is 0
    return -ordered_sum(finite.exp() * finite)


def ordered_sum(values: Tensor) -> Tensor:
    """Sum (B, 1) of each row in the order of the columns, so that zeros beside them don't change its last bit."""
    return values.cumsum(dim=-1)[:, -1:]


def log_total(logits: Tensor) -> Tensor:
    """``log(sum(exp(logits)))`` of each row, (B, K) to (B, 1).

    Summed in the order of the columns, where removed candidates add zeros: torch's own sum goes in a tree whose
    shape depends on K, and a row's last bit would then depend on the settings of the other rows.
    """
    largest = logits.max(dim=-1, keepdim=True).values
    weights = (logits - largest).exp_()
    return largest + weights.cumsum_(dim=-1)[:, -1:].log()
