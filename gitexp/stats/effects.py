"""Descriptive effect sizes and summaries; ddof = 1 everywhere.

The interval of a standardized effect holds the effects under which a t as large as the observed one
is not rare: Steiger and Fouladi (1997), Noncentrality interval estimation, in Harlow, Mulaik and
Steiger (eds), What if there were no significance tests, section 9.4. It excludes zero exactly when
the t-test of the same data rejects: Student's for arms, the paired one for pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from gitexp.stats.noncentral_t import SMALLEST_TAIL, noncentrality_at
from gitexp.stats.results import UNBOUNDED, Interval, as_values, check_level


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One arm in numbers.

    Attributes:
        sd: With ddof = 1; None for a single value.
    """

    n: int
    mean: float
    sd: float | None
    median: float
    minimum: float
    maximum: float


def summary(values: npt.ArrayLike) -> Summary | None:
    """The values in numbers; None without values.

    Args:
        values: Shape (n,), finite.

    >>> summary([1.0, 2.0, 6.0])
    Summary(n=3, mean=3.0, sd=2.6457513110645907, median=2.0, minimum=1.0, maximum=6.0)
    """
    x = as_values("values", values)
    if x.size == 0:
        return None
    return Summary(
        n=x.size,
        mean=float(x.mean()),
        sd=float(x.std(ddof=1)) if x.size > 1 else None,
        median=float(np.median(x)),
        minimum=float(x.min()),
        maximum=float(x.max()),
    )


def cohens_d(control: npt.ArrayLike, treatment: npt.ArrayLike) -> float | None:
    """Treatment minus control in pooled standard deviations; None when there is no spread.

    Cohen (1988), Statistical Power Analysis, eq. 2.5.1 and 2.5.2, for independent arms.

    Args:
        control, treatment: Shapes (n_c,) and (n_t,), finite, raw scale.
    """
    c, t = as_values("control", control), as_values("treatment", treatment)
    df = c.size + t.size - 2
    if min(c.size, t.size) == 0 or df < 1:
        return None
    if np.ptp(c) == 0.0 and np.ptp(t) == 0.0:
        return None
    squares = float(np.sum((c - c.mean()) ** 2) + np.sum((t - t.mean()) ** 2))
    if squares == 0.0:  # a spread too small for its square
        return None
    return float(t.mean() - c.mean()) / math.sqrt(squares / df)


def hedges_g(control: npt.ArrayLike, treatment: npt.ArrayLike) -> float | None:
    """Cohen's d without its small-sample bias; None when that is None or the arms hold 3 values.

    J(v) d with J(v) = Gamma(v/2) / (sqrt(v/2) Gamma((v-1)/2)), v = n_c + n_t - 2: Hedges (1981),
    J. Educ. Stat. 6, 107, eq. 6e.
    """
    d = cohens_d(control, treatment)
    df = np.size(control) + np.size(treatment) - 2
    if d is None or df < 2:
        return None
    return _correction(df) * d


def d_z(d: npt.ArrayLike) -> float | None:
    """Mean of the paired differences in their own standard deviations; None without spread.

    Another quantity than Cohen's d of the arms: Cohen (1988), section 2.3.5.

    Args:
        d: Shape (n,), finite.
    """
    x = as_values("d", d)
    if x.size < 2 or np.ptp(x) == 0.0:
        return None
    sd = float(x.std(ddof=1))
    return float(x.mean()) / sd if sd > 0.0 else None  # its square may be too small for a number


def cohens_d_interval(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float
) -> Interval | None:
    """The interval of Cohen's d; None when that is None.

    Args:
        control, treatment: Shapes (n_c,) and (n_t,), finite, raw scale.
        level: Two-sided error rate, in [0, 1).
    """
    check_level(level)
    d = cohens_d(control, treatment)
    if d is None:
        return None
    n_c, n_t = np.size(control), np.size(treatment)
    return _standardized(d, scale=math.sqrt(n_c * n_t / (n_c + n_t)), df=n_c + n_t - 2, level=level)


def hedges_g_interval(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float
) -> Interval | None:
    """The interval of Hedges' g, that of d times the same correction; None when g is None."""
    interval = cohens_d_interval(control, treatment, level=level)
    df = np.size(control) + np.size(treatment) - 2
    if interval is None or df < 2:
        return None
    j = _correction(df)
    return replace(interval, low=j * interval.low, high=j * interval.high)


def d_z_interval(d: npt.ArrayLike, *, level: float) -> Interval | None:
    """The interval of d_z; None when that is None.

    Args:
        d: Shape (n,), finite.
        level: Two-sided error rate, in [0, 1).
    """
    check_level(level)
    effect = d_z(d)
    if effect is None:
        return None
    n = np.size(d)
    return _standardized(effect, scale=math.sqrt(n), df=n - 1, level=level)


def _correction(df: int) -> float:
    """J(df) of Hedges."""
    return math.exp(float(gammaln(df / 2.0) - gammaln((df - 1.0) / 2.0))) / math.sqrt(df / 2.0)


def _standardized(effect: float, *, scale: float, df: int, level: float) -> Interval:
    """The effects e under which the observed t is not rare, of noncentrality scale * e."""
    if level / 2.0 < SMALLEST_TAIL:
        return UNBOUNDED
    t = scale * effect
    return Interval(
        low=-noncentrality_at(-t, df=df, tail=level / 2.0) / scale,
        high=noncentrality_at(t, df=df, tail=level / 2.0) / scale,
    )
