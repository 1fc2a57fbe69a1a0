"""What a test says: an estimate with its interval, and why there may be none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The values a test does not reject.

    Attributes:
        low, high: Ends; -inf and inf where the data set no limit.
        low_included, high_included: Whether the end itself is among the values not rejected.
            With heavy ties both ends may be one excluded value: the interval is empty.

    >>> 0.0 in Interval(low=0.0, high=1.0, low_included=False, high_included=True)
    False
    """

    low: float
    high: float
    low_included: bool = True
    high_included: bool = True

    def __contains__(self, value: float) -> bool:
        above = self.low < value or (self.low_included and value == self.low)
        below = value < self.high or (self.high_included and value == self.high)
        return above and below

    @property
    def is_bounded(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)


UNBOUNDED = Interval(low=-math.inf, high=math.inf, low_included=False, high_included=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One test at one level.

    Attributes:
        estimate: Treatment minus control, in the units of the data; None without data, infinite
            when failed arms dominate it.
        interval: At `level`.
        p_value: Two-sided, of no effect, not adjusted for looks; None when not estimable.
        statistic: t where there are degrees of freedom; V or U of ranks, ln E of the sign-flip
            process; None when not estimable, and of exact tests of rates.
        df: Degrees of freedom of t; None for ranks.
        n: Blocks, or values, that entered.
        level: Two-sided error rate of the interval (0.05 makes the 95 % interval).
        caveats: Why something is missing and what would help.
    """

    estimate: float | None
    interval: Interval
    p_value: float | None
    statistic: float | None
    df: float | None
    n: int
    level: float
    caveats: tuple[str, ...] = ()


def not_estimable(estimate: float | None, n: int, level: float, why: str) -> Result:
    """The result of too little data, or of data without spread: no p, no limits, and why."""
    return Result(
        estimate=estimate,
        interval=UNBOUNDED,
        p_value=None,
        statistic=None,
        df=None,
        n=n,
        level=level,
        caveats=(f"not estimable: {why}",),
    )


def as_values(name: str, values: npt.ArrayLike, *, infinite: bool = False) -> FloatArray:
    """The values as a one-dimensional float array.

    Args:
        infinite: Whether ±inf may occur.

    Raises:
        ValueError: for another shape, or values that are not numbers.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not shape {array.shape}")
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    if bad.any():
        raise ValueError(f"{name} must be numbers, but holds {array[bad][0]}")
    return array


def check_level(level: float) -> float:
    """The level itself.

    Raises:
        ValueError: unless 0 <= level < 1. Zero is a look that has nothing to spend yet.
    """
    if not 0.0 <= level < 1.0:
        raise ValueError(f"level must lie in [0, 1), not {level}")
    return level
