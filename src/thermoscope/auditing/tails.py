"""What the tokens beyond the listed ones weigh at another temperature than 1, where their mass at T=1 is known.

Beyond the last of K listed tokens probabilities are taken to fall with the rank as a power law (Zipf), down to the
rank 200 K: its exponent is the one with which they have the mass that the list lacks at T=1. On the bundled model's
distributions with 20 listed tokens (3.6 nats), the mass at T=0.7 comes out as 0.046 where 0.052 is right, and 0.70 for
0.67 at T=1.5; as many tokens as the last listed one would give 0.098 and 0.47.
"""

from __future__ import annotations

import math

import numpy as np

from thermoscope.auditing.draws import Draws, Floats

#: How far the power law reaches, as a multiple of the listed tokens.
_REACH = math.log(200.0)
#: The steepest power law, and halvings of the range in which its exponent is sought.
_STEEPEST, _HALVINGS = 64.0, 50


def unlisted(draws: Draws, temperatures: Floats) -> Floats:
    """The weight (T, P) of all tokens beyond the list, where the most probable one has the weight 1.

    Parameters
    ----------
    draws
        The places.
    temperatures : array (T,)
        At which it is wanted; at T=1 it is exact.
    """
    number = np.isfinite(draws.logprobs).sum(axis=1)
    depth = draws.depth[np.arange(len(number)), number - 1]
    last = number * np.exp(draws.logprobs[np.arange(len(number)), number - 1])
    mass = np.divide(draws.tail, last, out=np.zeros_like(last), where=last > 0)
    low, high = np.zeros_like(mass), np.full_like(mass, _STEEPEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        heavier = _integral(middle) > mass
        low, high = np.where(heavier, middle, low), np.where(heavier, high, middle)
    exponents = (low + high) / 2
    scale = number * mass / _integral(exponents)  # 1 per token but where no power law has the mass
    found: Floats = scale * np.exp(depth / temperatures[:, None]) * _integral(exponents / temperatures[:, None])
    return found


def _integral(exponents: Floats) -> Floats:
    """Of u to the minus each exponent, from 1 to the reach."""
    z = 1 - exponents
    near = np.abs(z) < 1e-9
    return np.where(near, _REACH, np.expm1(z * _REACH) / np.where(near, 1.0, z))
