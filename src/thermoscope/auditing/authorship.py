"""Whether a model could be the author of a text, at the setting that fits the text best.

Three tests share the error rate, in parts. All rest on what holds whatever the text is, if the model wrote it:

1. The share of probability above each token, plus a random part of its own, is uniform and independent from place to
   place (Rosenblatt 1952). Neyman's smooth test (1937) looks for other shapes of that distribution, for a dependence on
   how open the place is, and on the place before.
2. Tokens that stand in the text already come as often as the model says. People, and other models, repeat the words of
   their subject more often, or less. The difference between what came and what was expected, added up along the text,
   is a martingale: its variance is known without knowing how the text depends on itself.
3. The same sum in the one direction in which people differ from models: they come back to words that the model finds
   unlikely at that place, that it has seldom expected in the text so far, or that followed the word before them there.

Tokens that the fitted truncation would have removed are left out: they were not drawn, but made of several by
tokenising the text anew. The temperature is estimated from the same tokens. The part of the sums that another
temperature would explain is taken out of them, with its variance (a score test with a nuisance parameter; Cox and
Hinkley 1974, section 9.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from thermoscope.auditing.draws import Floats
from thermoscope.auditing.likelihood import Fit
from thermoscope.auditing.text_places import TextPlaces

#: At most this share of a model's own texts is said not to be its own.
AUTHOR_ALPHA = 0.012
#: The parts of it that the three tests have: the smooth test finds least.
_SMOOTH_PART, _ANY_PART, _PEOPLE_PART = 0.14, 0.54, 0.32
#: Polynomials of the smooth test.
_ORDER = 4
#: Features of a token. First its log-probability. For any direction: whether it stands in the text, whether it does
#: behind the token before, whether it stands there though it is unlikely (log-probability). For that of people: if it
#: stands in the text, how unlikely it is and how seldom it was expected so far; whether it stands behind the token
#: before though it is unlikely.
_FEATURES, _UNLIKELY = 7, math.log(0.01)
_ANY, _PEOPLE = slice(1, 4), slice(4, 7)
#: A token that was expected with this log-probability on average is not rare.
_COMMON = -4.0
#: Simulated sets of tokens.
_SIMULATED = 1999


def author_p(texts: Sequence[TextPlaces], best: Fit, *, last: bool) -> float:
    """The p-value of "this model wrote it at the fitted setting": of all tests together (weighted Bonferroni).

    Parameters
    ----------
    texts
        What was read.
    best
        The setting.
    last
        Whether the temperature comes after the truncation.
    """
    kept = [np.array([kept_number(row, best, last=last) for row in _depths(text)]) for text in texts]
    smooth = _smooth_p(texts, kept, best)
    memory, people = _memory_p(texts, kept, best)
    return min(1.0, smooth / _SMOOTH_PART, memory / _ANY_PART, people / _PEOPLE_PART)


def kept_number(depth: Floats, best: Fit, *, last: bool) -> int:
    """How many tokens of a sorted row (of log-probabilities below the largest one) the fitted truncation keeps."""
    if best.family == "none" or best.value is None:
        return len(depth)
    if best.family == "top_k":
        return int(best.value)
    if best.family == "min_p":
        cut = math.log(best.value) * (1.0 if last else best.temperature)
        return max(1, int((depth >= cut - 1e-6).sum()))
    shares = np.exp(depth) if last else np.exp(depth / best.temperature)
    shares = shares / shares.sum()
    return max(1, int((np.cumsum(shares) - shares <= best.value + 1e-9).sum()))


def _depths(text: TextPlaces) -> Floats:
    own = text.logprobs.astype(np.float64)
    return own - own[:, :1]


def _smooth_p(texts: Sequence[TextPlaces], kept: Sequence[np.ndarray], best: Fit) -> float:
    """Neyman's four polynomials of the shares, two of them weighted by how open each place is, and neighbours."""
    from scipy.stats import chi2

    rng = np.random.default_rng(0)
    total, number = np.zeros(_ORDER + 3), 0
    both = [_shares(text, many, best, rng)[:, text.ranks < many] for text, many in zip(texts, kept, strict=True)]
    opened = np.concatenate([entropies for _, entropies in both])
    middle, spread = float(opened.mean()), float(opened.std()) or 1.0
    for shares, entropies in both:
        basis = np.polynomial.legendre.legvander(2 * shares - 1, _ORDER)[:, 1:]
        basis *= np.sqrt(2 * np.arange(1, _ORDER + 1) + 1)
        weighted = basis[:, :2] * ((entropies - middle) / spread)[:, None]
        pairs = float((basis[1:, 0] * basis[:-1, 0]).sum())
        total += np.array([*basis.sum(axis=0), *weighted.sum(axis=0), pairs])
        number += len(shares)
    return float(chi2.sf(float((total**2).sum()) / number, len(total)))


def _shares(text: TextPlaces, kept: np.ndarray, best: Fit, rng: np.random.Generator) -> Floats:
    """(2, P) for each token the probability of all more probable ones, plus a random part of its own; the entropies."""
    found, entropies = np.zeros(len(text.ranks)), np.zeros(len(text.ranks))
    for place, (depth, rank) in enumerate(zip(_depths(text), text.ranks, strict=True)):
        weights = np.exp(depth[: kept[place]] / best.temperature)
        total = weights.sum()
        own = weights[rank] if rank < len(weights) else 0.0
        found[place] = min(1.0, float(weights[:rank].sum() + rng.random() * own) / total)
        entropies[place] = math.log(total) - float(weights @ depth[: kept[place]]) / total / best.temperature
    return np.stack([found, entropies])


def _memory_p(texts: Sequence[TextPlaces], kept: Sequence[np.ndarray], best: Fit) -> tuple[float, float]:
    """The score tests of a memory of the text beside the model: in any direction, and in that of people.

    The first statistic is large where some direction of the features came more or less often than expected, the second
    where those of people came more often. How large they are by chance is simulated: tokens are drawn from the fitted
    distribution at every place, again and again.
    """
    rng = np.random.default_rng(0)
    came, drawn, variance = np.zeros(_FEATURES), np.zeros((_SIMULATED, _FEATURES)), np.zeros((_FEATURES, _FEATURES))
    for text, many in zip(texts, kept, strict=True):
        rare = _rareness(text)
        for place in map(int, np.flatnonzero(text.ranks < many)):
            rank = text.ranks[place]
            logs, features = _place(text, place, int(many[place]), best, rare[place])
            p = np.exp(logs)
            features = features - p @ features
            variance += features.T @ (p[:, None] * features)
            came += features[rank]
            drawn += features[np.minimum(np.searchsorted(np.cumsum(p), rng.random(_SIMULATED)), len(p) - 1)]
    # the first feature is the temperature's: what goes along with it says nothing, as the temperature is fitted
    slope = variance[:, 0] / max(variance[0, 0], 1e-12)
    left = variance - np.outer(slope, variance[0])
    sets = np.vstack([came, drawn])
    scores = sets - sets[:, :1] * slope
    size = np.einsum("bi,ij,bj->b", scores[:, _ANY], np.linalg.pinv(left[_ANY, _ANY]), scores[:, _ANY])
    spread = np.sqrt(np.maximum(np.diag(left)[_PEOPLE], 1e-12))
    along = (scores[:, _PEOPLE] / spread).sum(axis=1)
    return _exceeded(size), _exceeded(along)


def _exceeded(statistic: Floats) -> float:
    """The p-value of the first of some values, the others being simulated."""
    return float((statistic[1:] >= statistic[0] - 1e-9).sum() + 1) / len(statistic)


def _rareness(text: TextPlaces) -> Floats:
    """(P, D) how far the known tokens' mean probability at the places before is below a common one's, nats."""
    expected = np.exp(text.known.astype(np.float64))
    before = np.cumsum(expected, axis=0) - expected
    places = np.arange(1, len(expected) + 1)[:, None]
    rare: Floats = np.maximum(_COMMON - np.log((before + 1e-6) / places), 0.0)
    return rare


def _place(text: TextPlaces, place: int, kept: int, best: Fit, rare: Floats) -> tuple[Floats, Floats]:
    """The kept tokens' log-probabilities at the fitted setting, descending, and their features (kept, F)."""
    row = text.logprobs[place, :kept].astype(np.float64)
    scaled = (row - row[0]) / best.temperature
    logs = scaled - math.log(np.exp(scaled).sum())
    features = np.zeros((kept, _FEATURES))
    features[:, 0] = logs
    seen, followed = text.before(place)
    for column, tokens in ((1, seen), (2, followed)):
        places = np.searchsorted(-text.logprobs[place, :kept], -text.known[place, tokens])
        inside = places < kept
        features[places[inside], column] = 1.0
        if column == 1:
            features[places[inside], 5] = rare[tokens[inside]]
    unlikely = logs < _UNLIKELY
    features[:, 3] = features[:, 1] * unlikely
    features[:, 4] = -features[:, 1] * logs
    features[:, 6] = features[:, 2] * unlikely
    return logs, features
