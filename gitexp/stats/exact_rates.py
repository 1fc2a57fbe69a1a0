"""Exact tests of two rates, each with an interval that agrees with it.

The tests: McNemar for pairs, Boschloo for independent arms. The intervals: the score intervals of
Newcombe, which cover well at any size, but now and then disagree with an exact test about zero.
They are made to agree: where the test does not reject, zero joins the interval, which can only
cover more; where it rejects, the interval ends before zero. That leaves out true differences of
zero or of the other sign, and only when the test errs, so that no difference is left out as often
as the test says, and a true difference of the other sign less often still.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import bdtr, gammaln

from gitexp.stats.proportions import (
    PairedCounts,
    check_counts,
    newcombe,
    newcombe_paired,
)
from gitexp.stats.results import (
    UNBOUNDED,
    FloatArray,
    IntArray,
    Interval,
    Result,
    check_level,
    not_estimable,
)

_BOSCHLOO_UP_TO = 62_500
"""n_c n_t up to which Boschloo's test is made: 250 values in each arm."""
_SAME = 1e-9
"""Probabilities closer than this, relative to each other, are equal."""


def mcnemar(counts: PairedCounts, *, level: float) -> Result:
    """McNemar's exact test of p_treatment - p_control in pairs.

    Twice the smaller tail of the binomial of the pairs that differ: McNemar (1947), Psychometrika
    12, 153, and Mosteller (1952), Biometrics 8, 220. The interval is Newcombe's for pairs. The
    share of the differing pairs has an exact interval of its own, but to carry it over to the
    difference would take their number as known, and cover far too seldom.

    Args:
        level: Two-sided error rate of the interval, in [0, 1).

    >>> mcnemar(
    ...     PairedCounts(both=5, only_treatment=8, only_control=1, neither=6), level=0.05
    ... ).p_value
    0.0390625
    """
    check_level(level)
    n = counts.n
    if n == 0:
        return not_estimable(None, n, level, "no complete pair yet")
    estimate = (counts.only_treatment - counts.only_control) / n
    p = mcnemar_p(counts.only_treatment, counts.only_control)
    interval = newcombe_paired(counts, level=level)
    return _result(estimate, interval, p, n, level, ())


def mcnemar_p(only_treatment: int, only_control: int) -> float:
    """Two-sided p of McNemar's exact test from the pairs that differ."""
    differing = only_treatment + only_control
    return min(1.0, 2.0 * float(bdtr(min(only_treatment, only_control), differing, 0.5)))


def boschloo(control: tuple[int, int], treatment: tuple[int, int], *, level: float) -> Result:
    """Boschloo's exact test of p_treatment - p_control in independent arms.

    The interval is Newcombe's. Beyond 62,500 pairs of values (250 in each arm) the p is twice the
    smaller tail of Fisher's test, which is never smaller than Boschloo's.

    Args:
        control, treatment: (successes, trials).
        level: Two-sided error rate of the interval, in [0, 1).

    Raises:
        ValueError: for impossible counts.
    """
    check_level(level)
    (x_c, n_c), (x_t, n_t) = control, treatment
    p = boschloo_p(control, treatment)
    n = n_c + n_t
    if p is None:
        return not_estimable(None, n, level, "an arm has no values yet")
    caveats: tuple[str, ...] = ()
    if n_c * n_t > _BOSCHLOO_UP_TO:
        caveats = ("many values: twice the smaller tail of Fisher's test",)
    interval = newcombe(control, treatment, level=level)
    return _result(x_t / n_t - x_c / n_c, interval, p, n, level, caveats)


def boschloo_p(control: tuple[int, int], treatment: tuple[int, int]) -> float | None:
    """Two-sided p of Boschloo's test, twice the smaller one-sided one; None without values.

    Boschloo (1970), Statistica Neerlandica 24, 1: the probability of tables with no larger a tail
    of Fisher's test, at the common rate where it is largest.

    Args:
        control, treatment: (successes, trials).

    Raises:
        ValueError: for impossible counts.
    """
    (x_c, n_c), (x_t, n_t) = control, treatment
    check_counts(x_c, n_c)
    check_counts(x_t, n_t)
    if min(n_c, n_t) == 0:
        return None
    one_sided = _boschloo_upward if n_c * n_t <= _BOSCHLOO_UP_TO else _fisher_upward
    direction = x_t * n_c - x_c * n_t
    # downward is upward in failures
    upward = one_sided(x_c, n_c, x_t, n_t) if direction >= 0 else 1.0
    downward = one_sided(n_c - x_c, n_c, n_t - x_t, n_t) if direction <= 0 else 1.0
    return min(1.0, 2.0 * min(upward, downward))


def fisher_p(control: tuple[int, int], treatment: tuple[int, int]) -> float | None:
    """Two-sided p of Fisher's exact test; None without values.

    Fisher (1934), Statistical Methods for Research Workers, section 21.02: the probability of the
    tables that are no more likely, given both totals.

    Args:
        control, treatment: (successes, trials).

    Raises:
        ValueError: for impossible counts.
    """
    (x_c, n_c), (x_t, n_t) = control, treatment
    check_counts(x_c, n_c)
    check_counts(x_t, n_t)
    if min(n_c, n_t) == 0:
        return None
    pmf = np.exp(_log_hypergeometric(n_c, n_t, np.array([x_c + x_t]))[0])
    # of two arms of one size each table has a mirror image, which rounding must not lose
    return min(1.0, float(pmf[pmf <= pmf[x_t] * (1.0 + 1e-7)].sum()))


def _result(
    estimate: float,
    interval: Interval,
    p: float,
    n: int,
    level: float,
    caveats: tuple[str, ...],
) -> Result:
    return Result(
        estimate=estimate,
        interval=reconciled(interval, estimate, rejected=p <= level) if level > 0.0 else UNBOUNDED,
        p_value=p,
        statistic=None,
        df=None,
        n=n,
        level=level,
        caveats=caveats,
    )


def reconciled(interval: Interval, estimate: float, *, rejected: bool) -> Interval:
    """The interval, holding zero exactly when the test did not reject it."""
    if not rejected:
        return Interval(low=min(interval.low, 0.0), high=max(interval.high, 0.0))
    if estimate > 0.0 >= interval.low:
        return Interval(low=0.0, high=interval.high, low_included=False)
    if estimate < 0.0 <= interval.high:
        return Interval(low=interval.low, high=0.0, high_included=False)
    return interval


def _fisher_upward(x_c: int, n_c: int, x_t: int, n_t: int) -> float:
    """P(X_t >= x_t) given both totals."""
    pmf = np.exp(_log_hypergeometric(n_c, n_t, np.array([x_c + x_t]))[0])
    return min(1.0, float(pmf[x_t:].sum()))


@lru_cache(maxsize=4096)
def _boschloo_upward(x_c: int, n_c: int, x_t: int, n_t: int) -> float:
    """The largest probability, over all common rates, of a Fisher tail up to the observed one."""
    n = n_c + n_t
    pmf = np.exp(_log_hypergeometric(n_c, n_t, np.arange(n + 1)))
    tails = np.cumsum(pmf[:, ::-1], axis=1)[:, ::-1]
    observed = float(tails[x_c + x_t, x_t]) * (1.0 + _SAME)
    if observed >= 1.0:
        return 1.0
    # of each total, the probability of the tables as extreme: its largest tail up to the observed
    extreme = np.where(tails <= observed, tails, 0.0).max(axis=1)
    return _largest_mean(extreme)


def _largest_mean(values: FloatArray) -> float:
    """The largest mean of values[S] over all rates of S, binomial of len(values) - 1 trials.

    On the scale of the angle whose squared sine is the rate the binomial has the standard deviation
    1 / (2 sqrt(n)) everywhere: a grid four times as fine misses no peak, and is refined at its top.
    """
    n = values.size - 1
    k = np.arange(n + 1)
    ways = _log_choose(n)

    def means(angles: FloatArray) -> FloatArray:
        log_p, log_q = 2.0 * np.log(np.sin(angles)), 2.0 * np.log(np.cos(angles))
        return np.exp(ways + k * log_p[:, None] + (n - k) * log_q[:, None]) @ values

    step = 1.0 / (8.0 * math.sqrt(n))
    angles = np.arange(step / 2.0, math.pi / 2.0, step)
    found = means(angles)
    top = angles[np.argsort(found)[-3:]]
    for _ in range(4):
        finer = np.clip(
            np.concatenate([np.linspace(a - step, a + step, 17) for a in top]),
            1e-9,
            math.pi / 2.0 - 1e-9,
        )
        found = means(finer)
        top, step = finer[[int(np.argmax(found))]], step / 8.0
    return float(found.max())


def _log_hypergeometric(n_c: int, n_t: int, totals: IntArray) -> FloatArray:
    """ln P(X_t = x | total) for each total and x = 0 … n_t; -inf where impossible."""
    x = np.arange(n_t + 1)
    others = totals[:, None] - x
    possible = (others >= 0) & (others <= n_c)
    others = np.where(possible, others, 0)
    logarithm = (
        _log_choose(n_t)[x] + _log_choose(n_c)[others] - _log_choose(n_c + n_t)[totals][:, None]
    )
    return np.where(possible, logarithm, -np.inf)


@lru_cache(maxsize=256)
def _log_choose(n: int) -> FloatArray:
    """ln of n over k for k = 0 … n."""
    k = np.arange(n + 1)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
