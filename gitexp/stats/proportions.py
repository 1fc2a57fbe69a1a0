"""Intervals of rates and of their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri

from gitexp.stats.results import Interval, check_level


def wilson(successes: int, trials: int, *, level: float) -> Interval:
    """The score interval of a rate: Wilson (1927), JASA 22, 209.

    Without trials, or at level 0, it is [0, 1].

    Args:
        level: Two-sided error rate, in [0, 1).

    Raises:
        ValueError: unless 0 <= successes <= trials.

    >>> i = wilson(3, 60, level=0.05)
    >>> round(i.low, 4), round(i.high, 4)
    (0.0171, 0.137)
    """
    check_counts(successes, trials)
    if trials == 0 or check_level(level) == 0.0:
        return Interval(low=0.0, high=1.0)
    z = -float(ndtri(level / 2.0))
    p = successes / trials
    scale = 1.0 + z * z / trials
    centre = (p + z * z / (2.0 * trials)) / scale
    radius = z * math.sqrt(p * (1.0 - p) / trials + z * z / (4.0 * trials**2)) / scale
    # at 0 and at all successes the score limit is the rate itself; rounding would miss it
    return Interval(
        low=0.0 if successes == 0 else centre - radius,
        high=1.0 if successes == trials else centre + radius,
    )


def clopper_pearson(successes: int, trials: int, *, level: float) -> Interval:
    """The exact interval of a rate: Clopper and Pearson (1934), Biometrika 26, 404.

    Without trials, or at level 0, it is [0, 1].

    Args:
        level: Two-sided error rate, in [0, 1).

    Raises:
        ValueError: unless 0 <= successes <= trials.

    >>> i = clopper_pearson(3, 60, level=0.05)
    >>> round(i.low, 4), round(i.high, 4)
    (0.0104, 0.1392)
    """
    check_counts(successes, trials)
    if trials == 0 or check_level(level) == 0.0:
        return Interval(low=0.0, high=1.0)
    failures = trials - successes
    # the upper end is one less the lower end of the failures, which keeps the digits of both
    return Interval(
        low=float(betaincinv(successes, failures + 1, level / 2.0)) if successes else 0.0,
        high=1.0 - float(betaincinv(failures, successes + 1, level / 2.0)) if failures else 1.0,
    )


def newcombe(control: tuple[int, int], treatment: tuple[int, int], *, level: float) -> Interval:
    """The hybrid score interval of p_treatment - p_control for independent arms.

    Newcombe (1998), Statistics in Medicine 17, 873, method 10. Without trials in an arm it says
    nothing about that arm's rate.

    Args:
        control, treatment: (successes, trials).
        level: Two-sided error rate, in [0, 1).

    Raises:
        ValueError: as `wilson`.
    """
    p_c, p_t = _rate(control), _rate(treatment)
    c, t = wilson(*control, level=level), wilson(*treatment, level=level)
    if p_c is None or p_t is None:
        return Interval(low=t.low - c.high, high=t.high - c.low)
    difference = p_t - p_c
    return Interval(
        low=difference - math.hypot(p_t - t.low, c.high - p_c),
        high=difference + math.hypot(t.high - p_t, p_c - c.low),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCounts:
    """How pairs of a control and a treatment came out.

    Attributes:
        both, only_treatment, only_control, neither: Pairs by which of the two succeeded.
    """

    both: int
    only_treatment: int
    only_control: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_treatment + self.only_control + self.neither


def newcombe_paired(counts: PairedCounts, *, level: float) -> Interval:
    """The hybrid score interval of p_treatment - p_control for pairs.

    Newcombe (1998), Statistics in Medicine 17, 2635, method 10: the score intervals of both rates,
    joined by their correlation with a continuity correction. Without pairs, or at level 0, [-1, 1].

    Args:
        level: Two-sided error rate, in [0, 1).
    """
    n = counts.n
    if n == 0 or check_level(level) == 0.0:
        return Interval(low=-1.0, high=1.0)
    treated, controlled = counts.both + counts.only_treatment, counts.both + counts.only_control
    t, c = wilson(treated, n, level=level), wilson(controlled, n, level=level)
    p_t, p_c = treated / n, controlled / n
    phi = _correlation(counts, treated, controlled)

    def radius(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2.0 * phi * one * other + other * other))

    difference = (counts.only_treatment - counts.only_control) / n
    return Interval(
        low=difference - radius(p_t - t.low, c.high - p_c),
        high=difference + radius(t.high - p_t, p_c - c.low),
    )


def check_counts(successes: int, trials: int) -> None:
    """Refuse impossible counts.

    Raises:
        ValueError: unless 0 <= successes <= trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and trials ({trials}), not {successes}")


def _correlation(counts: PairedCounts, treated: int, controlled: int) -> float:
    """Newcombe's phi: moved towards zero by n/2 pairs of products when positive."""
    n = counts.n
    spread = treated * (n - treated) * controlled * (n - controlled)
    if spread == 0:
        return 0.0
    product = float(counts.both * counts.neither - counts.only_treatment * counts.only_control)
    if product > 0.0:
        product = max(0.0, product - n / 2.0)
    return product / math.sqrt(spread)


def _rate(counts: tuple[int, int]) -> float | None:
    successes, trials = counts
    return successes / trials if trials else None
