"""Kendall's tau of values against their order, without scipy.stats, which takes a second to load.

Every analysis asks for it, and `run` analyses after every block.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln, ndtr

from gitexp.stats.results import FloatArray, IntArray

_EXACT_UP_TO = 33
"""Values up to which p is exact where none are equal."""


def tau_against_order(values: FloatArray) -> tuple[float, float]:
    """Tau-b and its two-sided p.

    Kendall (1938), Biometrika 30, 81; with ties Kendall (1970), Rank Correlation Methods, chapters
    3 and 4. Exact without ties up to 33 values, else normal without continuity correction.

    Args:
        values: Shape (n,), in their order, not all equal; infinite ones may be among them.

    >>> tau_against_order(np.array([1.0, 2.0, 3.0, 4.0]))[0]
    1.0
    """
    _, ranks, counts = np.unique(values, return_inverse=True, return_counts=True)
    n, ties = values.size, counts[counts > 1].astype(np.float64)
    pairs, tied = n * (n - 1) // 2, float(np.sum(ties * (ties - 1.0))) / 2.0
    inversions = _inversions(ranks)
    score = pairs - tied - 2 * inversions
    tau = score / math.sqrt(pairs * (pairs - tied))
    if ties.size == 0 and n <= _EXACT_UP_TO:
        return tau, _exact(n, min(inversions, pairs - inversions))
    variance = n * (n - 1) * (2 * n + 5) - float(np.sum(ties * (ties - 1.0) * (2.0 * ties + 5.0)))
    return tau, 2.0 * float(ndtr(-abs(score) / math.sqrt(variance / 18.0)))


def _inversions(ranks: IntArray) -> int:
    """How many pairs stand the wrong way round: bit by bit, by the highest in which they differ."""
    total = 0
    for bit in reversed(range(int(ranks.max()).bit_length())):
        above, is_one = ranks >> (bit + 1), (ranks >> bit) & 1
        ones_before = np.cumsum(is_one) - is_one
        zeros = np.flatnonzero(is_one == 0)
        first = np.searchsorted(above, above[zeros])  # of those with the same higher bits
        total += int(np.sum(ones_before[zeros] - ones_before[first]))
        ranks = ranks[np.argsort(ranks >> bit, kind="stable")]
    return total


def _exact(n: int, inversions: int) -> float:
    """Twice the share of the orders of n values that have at most so many inversions."""
    ways = np.zeros(inversions + 1)
    ways[0] = 1.0
    for m in range(2, n + 1):
        # the m-th value stands before 0 to m - 1 of the others
        total = np.cumsum(ways)
        total[m:] -= np.cumsum(ways)[:-m]
        ways = total
    return min(1.0, 2.0 * float(np.exp(np.log(ways.sum()) - gammaln(n + 1.0))))
