"""Student's t for pairs and Welch's t for independent arms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from gitexp.stats.results import (
    UNBOUNDED,
    BoolArray,
    FloatArray,
    Interval,
    Result,
    as_values,
    check_level,
    not_estimable,
)

_NO_SPREAD = 1e-12
"""Ranges smaller than this, relative to the largest value, are rounding of equal values."""
_UNDERFLOW = 1e-60
"""Ranges smaller than this would vanish when squared twice."""


def paired_t(d: npt.ArrayLike, *, level: float) -> Result:
    """One-sample t-test of the differences against zero, with the interval of their mean.

    Not estimable from fewer than two blocks or from equal differences: no p, unbounded interval.

    Args:
        d: Shape (n,), finite, one difference (treatment minus control) per block.
        level: Two-sided error rate of the interval, in [0, 1).

    >>> paired_t([1.0, 2.0, 3.0], level=0.05).estimate
    2.0
    """
    values = as_values("d", d)
    check_level(level)
    n = values.size
    if n == 0:
        return not_estimable(None, n, level, "no complete block yet")
    moments = running_moments(values)
    mean = float(moments.mean[-1])
    if n < 2:
        return not_estimable(mean, n, level, "need at least 2 complete blocks")
    if not moments.has_spread[-1]:
        why = "all differences are zero" if not values.any() else "no spread in the differences"
        return not_estimable(mean, n, level, why)
    se = float(moments.sd[-1]) / math.sqrt(n)
    return t_result(mean, se, float(n - 1), n, level)


def welch(control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float) -> Result:
    """Welch's t-test of mean(treatment) - mean(control) for independent arms.

    df = (a+b)^2 / (a^2/(n_1-1) + b^2/(n_2-1)) with a, b the squared standard errors: Welch (1947),
    Biometrika 34, 28. Not estimable from fewer than two values in an arm or two constant arms.

    Args:
        control: Shape (n_c,), finite.
        treatment: Shape (n_t,), finite.
        level: Two-sided error rate of the interval, in [0, 1).
    """
    c, t = as_values("control", control), as_values("treatment", treatment)
    check_level(level)
    n = c.size + t.size
    if c.size == 0 or t.size == 0:
        return not_estimable(None, n, level, "an arm has no values yet")
    moments_c, moments_t = running_moments(c), running_moments(t)
    effect = float(moments_t.mean[-1] - moments_c.mean[-1])
    if min(c.size, t.size) < 2:
        return not_estimable(effect, n, level, "need at least 2 values in each arm")
    if not (moments_c.has_spread[-1] or moments_t.has_spread[-1]):
        return not_estimable(effect, n, level, "no spread in either arm")
    se, df = welch_error(moments_c.sd[-1:], c.size, moments_t.sd[-1:], t.size)
    return t_result(effect, float(se[0]), float(df[0]), n, level)


def welch_error(
    sd_c: FloatArray, n_c: npt.ArrayLike, sd_t: FloatArray, n_t: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Standard error of the difference of means and Welch's degrees of freedom."""
    count_c, count_t = np.asarray(n_c, dtype=np.float64), np.asarray(n_t, dtype=np.float64)
    a, b = sd_c**2 / count_c, sd_t**2 / count_t
    df = (a + b) ** 2 / (a**2 / (count_c - 1.0) + b**2 / (count_t - 1.0))
    return np.sqrt(a + b), df


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean, sd (ddof = 1) and whether there is any spread, for every prefix.

    Attributes:
        mean, sd, has_spread: Shape (n,); the sd of one value is nan.
    """

    mean: FloatArray
    sd: FloatArray
    has_spread: BoolArray


def running_moments(values: FloatArray) -> Moments:
    """The moments of every prefix, by Welford (1962), Technometrics 4, 419.

    A prefix's moments are the same whatever follows it, to the last bit.
    """
    mean = np.empty(values.size)
    squares = np.empty(values.size)
    m = m2 = 0.0
    for i, x in enumerate(values.tolist()):
        delta = x - m
        m += delta / (i + 1)
        m2 += delta * (x - m)
        mean[i] = m
        squares[i] = m2
    df = np.arange(values.size, dtype=np.float64)
    df[:1] = np.nan
    top = np.maximum.accumulate(values)
    bottom = np.minimum.accumulate(values)
    rounding = _NO_SPREAD * np.maximum(np.abs(top), np.abs(bottom))
    has_spread = top - bottom > np.maximum(rounding, _UNDERFLOW)
    return Moments(mean=mean, sd=np.sqrt(squares / df), has_spread=has_spread)


def t_p_value(t: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided p of t."""
    return np.asarray(2.0 * stdtr(df, -np.abs(t)), dtype=np.float64)


def t_quantile(level: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Two-sided critical t of the level; inf at level 0."""
    half = np.asarray(level, dtype=np.float64) / 2.0
    quantile = -stdtrit(np.asarray(df, dtype=np.float64), np.where(half > 0.0, half, 0.5))
    return np.where(half > 0.0, quantile, np.inf)


def t_result(effect: float, se: float, df: float, n: int, level: float) -> Result:
    """The result of t = effect / se with df degrees of freedom."""
    radius = float(t_quantile(level, df)) * se
    t = effect / se
    return Result(
        estimate=effect,
        interval=Interval(low=effect - radius, high=effect + radius) if level > 0.0 else UNBOUNDED,
        p_value=2.0 * float(stdtr(df, -abs(t))),
        statistic=t,
        df=df,
        n=n,
        level=level,
    )
