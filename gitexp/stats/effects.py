"""Descriptive effect sizes and summaries; ddof = 1 everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from gitexp.stats.results import as_values


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
    j = math.exp(float(gammaln(df / 2.0) - gammaln((df - 1.0) / 2.0))) / math.sqrt(df / 2.0)
    return j * d


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
