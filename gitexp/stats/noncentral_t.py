"""The noncentral t distribution, solved for its noncentrality.

By hand because `scipy.special.nctdtr` gives nan for many negative t (SciPy 1.17: 1 degree of
freedom, noncentrality 28.75, t = -3) and takes a second for large ones.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainc, gammaincc, ndtr

from gitexp.stats.results import FloatArray

SMALLEST_TAIL = 1e-10

_NODES = 200
_REACH = 9.0
"""Standard deviations beyond which a normal density is dropped."""


def probability(t: float, *, df: int, noncentrality: float) -> float:
    """P(T <= t) of T = (Z + noncentrality) / S, with df S^2 chi-squared: absolute error 1e-13.

    Johnson, Kotz and Balakrishnan (1995), Continuous Univariate Distributions 2, section 31.5:
    integrated over whichever of S and Z varies so little that the other's probability is smooth.

    >>> round(probability(4.8, df=12, noncentrality=3.0), 10)
    0.8901982139
    """
    x, weights = _gauss_legendre()
    if abs(t) <= math.sqrt(2.0 * df):
        sd = 1.0 / math.sqrt(2.0 * df)
        low, high = max(0.0, 1.0 - 11.0 * sd), 1.0 + 13.0 * sd
        s = low + (high - low) * x
        logarithm = (df - 1.0) * np.log(s) - df * s * s / 2.0
        density = weights * np.exp(logarithm - logarithm.max())
        return float(density @ ndtr(t * s - noncentrality) / density.sum())

    zero = min(max(-noncentrality, -_REACH), _REACH)  # where Z + noncentrality changes sign
    low, high = (zero, _REACH) if t > 0.0 else (-_REACH, zero)
    z = low + (high - low) * x
    density = (high - low) * weights * np.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    half = df / 2.0 * ((z + noncentrality) / t) ** 2
    if t > 0.0:
        return float(ndtr(-noncentrality) + density @ gammaincc(df / 2.0, half))
    return float(density @ gammainc(df / 2.0, half))


def noncentrality_at(t: float, *, df: int, tail: float) -> float:
    """The noncentrality under which P(T <= t) is the tail.

    Raises:
        ValueError: unless SMALLEST_TAIL <= tail <= 1/2; below it the digits do not suffice.
    """
    if not SMALLEST_TAIL <= tail <= 0.5:
        raise ValueError(f"tail must lie in [{SMALLEST_TAIL}, 0.5], not {tail}")
    # the probability falls with the noncentrality
    low, high, step = t, t, 1.0 + abs(t) / 8.0
    while probability(t, df=df, noncentrality=low) < tail:
        low, step = low - step, 2.0 * step
    while probability(t, df=df, noncentrality=high) > tail:
        high, step = high + step, 2.0 * step
    if low == high:
        return low

    def excess(noncentrality: float) -> float:
        return probability(t, df=df, noncentrality=noncentrality) - tail

    return float(brentq(excess, low, high, xtol=1e-12, rtol=1e-12))


@lru_cache(maxsize=1)
def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(_NODES)
    return (x + 1.0) / 2.0, weights / 2.0
