"""Score intervals of rates and of their difference."""

from __future__ import annotations

import math

from scipy.special import ndtri

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
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and trials ({trials}), not {successes}")
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


def _rate(counts: tuple[int, int]) -> float | None:
    successes, trials = counts
    return successes / trials if trials else None
