"""The ratio of two means with the interval of Fieller, descriptive.

The interval holds the ratios r that the t-test of mean(T) - r mean(C) does not reject: Fieller
(1954), JRSS B 16, 175. It is unbounded where the control's mean is not significantly different from
zero. Subtract one for the relative change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gitexp.stats.results import (
    UNBOUNDED,
    Interval,
    Result,
    as_values,
    check_level,
    not_estimable,
)
from gitexp.stats.student import figures, pooled_sd, t_p_value, t_quantile, welch_error

_ZERO = 1e-12
"""Means smaller than this, relative to the spread, are rounding of zero."""
_SMALLEST = 1e-100
"""Means smaller than this have no square."""


def ratio_of_means(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float, pooled: bool = False
) -> Result:
    """mean(treatment) / mean(control) of independent arms.

    The p-value is of a ratio of one, with the degrees of freedom of this interval: Welch's for the
    scaled control, at the estimated ratio (Tamhane and Logan 2004, Biometrical Journal 46, 351), or
    n - 2 when pooled. Welch's own test of no difference takes them at a ratio of one, and so may
    differ in its last digits.

    Args:
        control: Shape (n_c,), finite.
        treatment: Shape (n_t,), finite.
        level: Two-sided error rate of the interval, in [0, 1).
        pooled: Whether both arms have one variance.
    """
    c, t = figures("control", control), figures("treatment", treatment)
    check_level(level)
    n = c.n + t.n
    if min(c.n, t.n) == 0:
        return not_estimable(None, n, level, "an arm has no values yet")
    if c.sd is None or t.sd is None:
        return not_estimable(_ratio(c.mean, t.mean), n, level, "need at least 2 values in each arm")
    if _is_zero(c.mean, c.sd):
        return not_estimable(None, n, level, "the control's mean is zero")
    ratio = t.mean / c.mean
    if c.sd == t.sd == 0.0:
        return not_estimable(ratio, n, level, "no spread in either arm")
    sd_c, sd_t, df = c.sd, t.sd, n - 2.0
    if pooled:
        sd_c = sd_t = pooled_sd(c, t)
    else:
        df = float(welch_error(np.array(ratio * c.sd), c.n, np.array(t.sd), t.n)[1])
    errors = _Errors(
        control=(sd_c / c.mean) ** 2 / c.n, treatment=(sd_t / c.mean) ** 2 / t.n, covariance=0.0
    )
    return _fieller(ratio, errors, df=df, n=n, level=level)


def ratio_of_paired_means(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float
) -> Result:
    """mean(treatment) / mean(control) of pairs.

    The p-value is of a ratio of one: that of the paired t-test.

    Args:
        control, treatment: Shape (n,), finite, one value per block in the same order.
        level: Two-sided error rate of the interval, in [0, 1).

    Raises:
        ValueError: for shapes that differ.
    """
    x, y = as_values("control", control), as_values("treatment", treatment)
    if x.shape != y.shape:
        raise ValueError(f"pairs need one shape, not {x.shape} and {y.shape}")
    check_level(level)
    n = x.size
    if n == 0:
        return not_estimable(None, n, level, "no complete block yet")
    c, t = figures("control", x), figures("treatment", y)
    if c.sd is None or t.sd is None:
        return not_estimable(_ratio(c.mean, t.mean), n, level, "need at least 2 complete blocks")
    if _is_zero(c.mean, c.sd):
        return not_estimable(None, n, level, "the control's mean is zero")
    ratio = t.mean / c.mean
    if figures("differences", y - x).sd == 0.0:
        return not_estimable(ratio, n, level, "no spread in the differences")
    if figures("residuals", y - ratio * x).sd == 0.0:
        return not_estimable(ratio, n, level, "no spread around the ratio")
    scaled = np.cov(x / c.mean, y / c.mean) / n
    errors = _Errors(
        control=float(scaled[0, 0]), treatment=float(scaled[1, 1]), covariance=float(scaled[0, 1])
    )
    return _fieller(ratio, errors, df=n - 1.0, n=n, level=level)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errors:
    """Variances of the means and their covariance, in units of the control's mean."""

    control: float
    treatment: float
    covariance: float

    def at(self, ratio: float) -> float:
        """The variance of mean(T) - ratio mean(C)."""
        return self.treatment - 2.0 * ratio * self.covariance + ratio**2 * self.control


def _fieller(ratio: float, errors: _Errors, *, df: float, n: int, level: float) -> Result:
    """The ratios between the roots of a r^2 - 2 b r + e, in units of the control's mean.

    a = 1 - q^2 var_c, b = ratio - q^2 cov, e = ratio^2 - q^2 var_t, with q the critical t.
    """
    statistic = (ratio - 1.0) / math.sqrt(errors.at(1.0))
    interval = UNBOUNDED
    caveats: tuple[str, ...] = ()
    q2 = float(t_quantile(level, df)) ** 2
    if level > 0.0 and q2 * errors.control < 1.0:
        a = 1.0 - q2 * errors.control
        b = ratio - q2 * errors.covariance
        # b^2 - a e without its cancellation
        loss = errors.control * errors.treatment - errors.covariance**2
        root = math.sqrt(max(0.0, q2 * (errors.at(ratio) - q2 * loss)))
        interval = Interval(low=(b - root) / a, high=(b + root) / a)
    elif level > 0.0:
        caveats = ("the control's mean may be zero: the ratio has no limits",)
    return Result(
        estimate=ratio,
        interval=interval,
        p_value=float(t_p_value(np.array(statistic), np.array(df))),
        statistic=statistic,
        df=df,
        n=n,
        level=level,
        caveats=caveats,
    )


def _is_zero(mean: float, sd: float) -> bool:
    return abs(mean) <= _ZERO * sd or abs(mean) < _SMALLEST


def _ratio(mean_c: float, mean_t: float) -> float | None:
    return None if _is_zero(mean_c, 0.0) else mean_t / mean_c
