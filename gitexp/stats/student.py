"""Student's t for pairs, and Welch's and Student's t for independent arms."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the t-tests of independent arms use of one arm.

    Attributes:
        sd: With ddof = 1, not negative; None for a single value, 0 without spread.

    Raises:
        ValueError: for a negative n or sd.
    """

    n: int
    mean: float
    sd: float | None

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"n must not be negative, but is {self.n}")
        if self.sd is not None and not self.sd >= 0.0:
            raise ValueError(f"sd must not be negative, but is {self.sd}")


def figures(name: str, values: npt.ArrayLike) -> Figures:
    """The figures of the values; of none the mean is nan.

    Raises:
        ValueError: quoting the name, unless the values have shape (n,) and are finite.
    """
    x = as_values(name, values)
    if x.size == 0:
        return Figures(n=0, mean=math.nan, sd=None)
    moments = running_moments(x)
    sd = None
    if x.size > 1:
        sd = float(moments.sd[-1]) if moments.has_spread[-1] else 0.0
    return Figures(n=x.size, mean=float(moments.mean[-1]), sd=sd)


def welch(control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float) -> Result:
    """Welch's t-test of mean(treatment) - mean(control) for independent arms.

    Not estimable from fewer than two values in an arm or two constant arms.

    Args:
        control: Shape (n_c,), finite.
        treatment: Shape (n_t,), finite.
        level: Two-sided error rate of the interval, in [0, 1).
    """
    return welch_of(figures("control", control), figures("treatment", treatment), level=level)


def welch_of(control: Figures, treatment: Figures, *, level: float) -> Result:
    """Welch's t-test from the figures of the arms; otherwise as `welch`."""
    check_level(level)
    n = control.n + treatment.n
    if min(control.n, treatment.n) == 0:
        return not_estimable(None, n, level, "an arm has no values yet")
    effect = treatment.mean - control.mean
    if control.sd is None or treatment.sd is None:
        return not_estimable(effect, n, level, "need at least 2 values in each arm")
    if max(control.sd, treatment.sd) < _UNDERFLOW:
        return not_estimable(effect, n, level, "no spread in either arm")
    se, df = welch_error(np.array(control.sd), control.n, np.array(treatment.sd), treatment.n)
    return t_result(effect, float(se), float(df), n, level)


def student(control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float) -> Result:
    """Student's t-test of mean(treatment) - mean(control), both arms with one variance.

    Not estimable from fewer than three values in all or two constant arms.

    Args:
        control: Shape (n_c,), finite.
        treatment: Shape (n_t,), finite.
        level: Two-sided error rate of the interval, in [0, 1).
    """
    return student_of(figures("control", control), figures("treatment", treatment), level=level)


def student_of(control: Figures, treatment: Figures, *, level: float) -> Result:
    """Student's t-test from the figures of the arms; otherwise as `student`."""
    check_level(level)
    n = control.n + treatment.n
    if min(control.n, treatment.n) == 0:
        return not_estimable(None, n, level, "an arm has no values yet")
    effect = treatment.mean - control.mean
    if n < 3:
        return not_estimable(effect, n, level, "need at least 3 values")
    sd = pooled_sd(control, treatment)
    if sd < _UNDERFLOW:
        return not_estimable(effect, n, level, "no spread in either arm")
    return t_result(effect, sd * math.sqrt(1 / control.n + 1 / treatment.n), n - 2.0, n, level)


def pooled_sd(control: Figures, treatment: Figures) -> float:
    """The sd both arms share, of at least three values: Student (1908), Biometrika 6, 1.

    The root of ((n_c-1) s_c^2 + (n_t-1) s_t^2) / (n_c + n_t - 2).
    """
    squares = sum((arm.n - 1) * (arm.sd or 0.0) ** 2 for arm in (control, treatment))
    return math.sqrt(squares / (control.n + treatment.n - 2))


def welch_error(
    sd_c: FloatArray, n_c: npt.ArrayLike, sd_t: FloatArray, n_t: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Standard error of the difference of means and Welch's degrees of freedom.

    df = (a+b)^2 / (a^2/(n_c-1) + b^2/(n_t-1)) with a, b the squared standard errors: Welch (1947),
    Biometrika 34, 28.
    """
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
