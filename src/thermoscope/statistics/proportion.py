"""Intervals of means of values from 0 to 1 that come in clusters, and of their differences.

A share near 0 or 1 of a dozen prompts has no interval of the form mean +- error: often all values are the same. The
score interval (Wilson 1927) is one there too. Values of one prompt are alike, so its number of values is the number of
independent values that would know as much (Kish 1965; Franco et al. 2019 compare such intervals). The variance behind
that number is the setting's own, or, where that is larger, the mean of it and what a design effect common to all
settings predicts (a generalised variance function; Wolter 2007, chapter 7): by itself a setting with two loops can't
say how alike prompts are.
Shares that are not 0 or 1, such as rep_4, are treated alike: their variance too is about proportional to share times
(1 - share), so that one of them can be worth several 0/1 values.

K settings, J pairs of them.
"""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.ragged import Array

#: One value is worth at most so many 0/1 values: prompts that hardly differ prove little.
_LEAST_EFFECT = 1e-3


def effective_numbers(share: Array, error: Array, texts: Array, *, most: Array | float) -> Array:
    """(K,) how many independent 0/1 values would know as much of each share; from 1 to ``most``.

    Parameters
    ----------
    share
        (K,) means over prompts of their shares.
    error
        (K,) standard errors of them, from the spread between prompts.
    texts
        (K,) numbers of values.
    most
        The most that a share can be worth: ``texts`` for 0/1 values.
    """
    texts = np.maximum(texts, 1)
    mixed = (share > 0) & (share < 1)
    independent = share * (1 - share) / texts
    predicted = (share * texts + 0.5) / (texts + 1)  # not quite 0 or 1: where all are the same, some might not be
    predicted = predicted * (1 - predicted) / texts
    effect = (error[mixed] ** 2).sum() / independent[mixed].sum() if error[mixed].any() else 1.0
    effect = max(effect, np.min(texts / most, initial=1.0), _LEAST_EFFECT)
    variance = np.where(mixed, np.maximum(error**2, (error**2 + effect * predicted) / 2), effect * predicted)
    numbers: Array = np.clip(predicted * texts / variance, 1, most)
    return numbers


def wilson(share: Array, number: Array, critical: Array | float) -> tuple[Array, Array]:
    """Wilson's score interval (K,) of shares of some number of independent values."""
    square = np.square(critical)
    middle = (share + square / (2 * number)) / (1 + square / number)
    half = critical / (1 + square / number) * np.sqrt(share * (1 - share) / number + square / (4 * number**2))
    return np.where(share <= 0, 0.0, middle - half), np.where(share >= 1, 1.0, middle + half)


def difference(
    effect: Array, a: tuple[Array, Array, Array], b: tuple[Array, Array, Array], correlation: Array
) -> tuple[Array, Array]:
    """The interval (J,) of b - a from those of b and a ("MOVER"; Newcombe 1998, method 10; Zou and Donner 2008).

    Parameters
    ----------
    effect
        (J,) the differences.
    a, b
        Shares and the ends of their intervals, (J,) each.
    correlation
        (J,) of the shares of a and b.
    """

    def reach(x: Array, y: Array) -> Array:
        distance: Array = np.sqrt(np.maximum(x**2 - 2 * correlation * x * y + y**2, 0))
        return distance

    return effect - reach(b[0] - b[1], a[2] - a[0]), effect + reach(b[2] - b[0], a[0] - a[1])
