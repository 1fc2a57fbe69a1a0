"""The beta-binomial mixture: a rate's interval that holds after any number of trials."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaln

from gitexp.stats.results import BoolArray, FloatArray, IntArray

_NO_RATE = 1e-12
"""Rates below this are none."""


def rate_sequence(
    successes: IntArray, trials: IntArray, *, alpha: float, best_at: int
) -> tuple[FloatArray, FloatArray]:
    """Ends of the interval of a rate after each number of trials, all of them at once.

    The rates p at which the beta-binomial mixture ratio stays below 1/alpha,

        E(p) = B(pm + x, (1-p)m + n-x) / B(pm, (1-p)m) / (p^x (1-p)^(n-x)),

    x successes in n trials: a mixture of the likelihood ratios against p, weighted by a beta
    distribution about p itself, so that it exceeds 1/alpha at any n with probability alpha at most.
    Howard, Ramdas, McAuliffe and Sekhon (2021), Annals of Statistics 49, 1055, proposition 7, with
    the m of their software confseq. ln E is convex in p, for each factor ln(m + i/p) is, and at the
    observed rate E <= 1: what stays below is one interval.

    Args:
        successes, trials: Shape (k,), cumulative.
        alpha: Two-sided error rate of all of them together, in (0, 1).
        best_at: Number of trials at which the interval is narrowest; fixed beforehand.

    Raises:
        ValueError: unless 0 <= successes <= trials.

    >>> low, high = rate_sequence(np.array([3]), np.array([60]), alpha=0.05, best_at=60)
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.0016, 0.176)
    """
    if np.any(successes < 0) or np.any(successes > trials):
        raise ValueError("successes must lie between 0 and trials")
    low = _lower_end(successes, trials, alpha, best_at)
    return low, 1.0 - _lower_end(trials - successes, trials, alpha, best_at)


def _lower_end(x: IntArray, n: IntArray, alpha: float, best_at: int) -> FloatArray:
    reach = -2.0 * math.log(alpha)
    m = max(best_at / (reach + math.log1p(reach)) - 1.0, 1e-3)

    def is_rejected(p: FloatArray) -> BoolArray:
        a, b = p * m, (1.0 - p) * m
        log_e = betaln(a + x, b + n - x) - betaln(a, b) - x * np.log(p) - (n - x) * np.log1p(-p)
        return np.asarray(log_e >= -math.log(alpha))

    accepted = x / np.maximum(n, 1)
    rejected = np.full(x.shape, _NO_RATE)
    is_open = (accepted <= rejected) | ~is_rejected(rejected)
    for _ in range(60):
        middle = np.where(is_open, 0.5, (accepted + rejected) / 2.0)
        out = is_rejected(middle)
        rejected = np.where(out, middle, rejected)
        accepted = np.where(out, accepted, middle)
    return np.where(is_open, 0.0, accepted)
