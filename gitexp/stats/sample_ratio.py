"""Whether trials fell to the arms as they were meant to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, gammaln

from gitexp.stats.results import FloatArray
from gitexp.stats.signals import Check, Evidence, Signal, checked, unchecked

_FEWEST_EXPECTED = 5.0
"""Expected trials in an arm below which chi-square is not to be trusted (Cochran 1954)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquare:
    """Pearson's statistic of counts against what was expected of them."""

    statistic: float
    df: int
    p_value: float


def chi_square(counts: Sequence[int], shares: Sequence[float]) -> ChiSquare:
    """Pearson's chi-square of the counts against the shares.

    sum (observed - expected)^2 / expected on k - 1 degrees of freedom: Pearson (1900).

    Args:
        counts: Trials per arm, at least one in all.
        shares: Planned share of each arm, positive; only their ratios matter.

    Raises:
        ValueError: for other shapes or ranges.
    """
    x, theta = _counts(counts, shares)
    if not x.sum():
        raise ValueError("counts must not all be zero")
    expected = theta * x.sum()
    statistic = float(np.sum((x - expected) ** 2 / expected))
    df = x.size - 1
    return ChiSquare(statistic=statistic, df=df, p_value=float(chdtrc(df, statistic)))


def sample_ratio(
    counts: Sequence[int], shares: Sequence[float], *, threshold: float = 0.001
) -> Check:
    """Whether the counts of a finished plan are those that were planned.

    For one look: at every look it would fire on a third of the sound experiments; then use
    `running_sample_ratio`. The value is the first arm's observed share. Two arms by the exact
    binomial test, more by chi-square.

    Args:
        counts: Trials per arm.
        shares: Planned share of each arm, positive; only their ratios matter.

    Raises:
        ValueError: for other shapes or ranges.

    >>> round(sample_ratio([48, 72], [1, 1]).p_value, 6)
    0.035324
    """
    from scipy.stats import binomtest

    x, theta = _counts(counts, shares)
    n = int(x.sum())
    if n == 0:
        return unchecked(threshold, "no trial yet")
    share = float(x[0] / n)
    if x.size == 2:
        exact = binomtest(int(x[0]), n, float(theta[0]))
        return checked(share, float(exact.pvalue), threshold)
    few = float(theta.min()) * n < _FEWEST_EXPECTED
    why = (f"fewer than {_FEWEST_EXPECTED:.0f} trials expected in an arm: p is approximate",)
    return checked(share, chi_square(counts, shares).p_value, threshold, why if few else ())


def running_sample_ratio(
    counts: Sequence[int], shares: Sequence[float], *, alpha: float = 0.001
) -> Evidence:
    """Whether trials fall to the arms in their shares, however often one looks.

    E = B(a + x) / B(a) / prod theta^x with B the multivariate beta function and a = 1 for each
    arm: the sequential multinomial test of Lindon and Malek (2022), arXiv 2011.03567. It starts at
    1 and its mean stays 1, so in a sound experiment it ever reaches 1/alpha with probability alpha
    at most. The value is the first arm's observed share.

    Args:
        counts: Trials per arm, each assigned by its own draw.
        shares: The shares of that draw, positive; only their ratios matter.

    Raises:
        ValueError: unless 0 < alpha < 1, or for other shapes or ranges.

    >>> running_sample_ratio([40, 10], [1, 1]).signal
    <Signal.RAISED: 'raised'>
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie in (0, 1), not {alpha}")
    x, theta = _counts(counts, shares)
    n = float(x.sum())
    if n == 0:
        return Evidence(
            value=None,
            e_value=None,
            threshold=1.0 / alpha,
            signal=Signal.NOT_ESTIMABLE,
            caveats=("not estimable: no trial yet",),
        )
    log_e = (
        float(np.sum(gammaln(x + 1.0)))
        - float(gammaln(n + x.size))
        + float(gammaln(x.size))
        - float(x @ np.log(theta))
    )
    return Evidence(
        value=float(x[0]) / n,
        e_value=math.exp(log_e) if log_e < 700.0 else math.inf,
        threshold=1.0 / alpha,
        signal=Signal.RAISED if log_e >= -math.log(alpha) else Signal.QUIET,
    )


def _counts(counts: Sequence[int], shares: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """The counts, and the shares scaled to add up to 1."""
    x, theta = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if x.ndim != 1 or x.size < 2 or x.shape != theta.shape:
        raise ValueError(f"need a share for each of two or more counts, not {counts} and {shares}")
    if not np.all((x >= 0.0) & (x == np.floor(x)) & np.isfinite(x)):
        raise ValueError(f"counts must be whole and not negative, not {counts}")
    if not np.all((theta > 0.0) & np.isfinite(theta)):
        raise ValueError(f"shares must be positive, not {shares}")
    return x, theta / theta.sum()
