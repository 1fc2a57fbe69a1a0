"""Equivalence by two one-sided t-tests, descriptive: Schuirmann (1987), J. Pharmacokin. 15, 657.

Equivalent at level a when both tests reject, which is when the interval at level 2a lies inside the
region.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt
from scipy.special import stdtr

from gitexp.stats.results import Result, as_values
from gitexp.stats.student import paired_t, welch


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """Both one-sided tests against the ends of the region.

    Attributes:
        t_low, p_low: Of an effect at or below the lower end; small p: it lies above.
        t_high, p_high: Of an effect at or above the upper end; small p: it lies below.
        df: Degrees of freedom of both.
    """

    t_low: float
    p_low: float
    t_high: float
    p_high: float
    df: float

    @property
    def p_value(self) -> float:
        """Of the effect outside the region: the larger of the two."""
        return max(self.p_low, self.p_high)


def paired_equivalence(d: npt.ArrayLike, *, region: tuple[float, float]) -> Equivalence | None:
    """Whether the mean difference lies inside the region; None where `paired_t` is not estimable.

    Args:
        d: Shape (n,), finite, one difference per block.
        region: (low, high), low < high.

    Raises:
        ValueError: for an empty region.
    """
    values = as_values("d", d)
    low, high = _checked(region)
    return _both(paired_t(values - low, level=0.05), paired_t(values - high, level=0.05))


def welch_equivalence(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, region: tuple[float, float]
) -> Equivalence | None:
    """Whether the difference of means lies inside the region; None where `welch` is not estimable.

    Args:
        control, treatment: Shapes (n_c,) and (n_t,), finite.
        region: (low, high), low < high.

    Raises:
        ValueError: for an empty region.
    """
    values = as_values("treatment", treatment)
    low, high = _checked(region)
    return _both(
        welch(control, values - low, level=0.05), welch(control, values - high, level=0.05)
    )


def _both(low: Result, high: Result) -> Equivalence | None:
    """The one-sided tests, from two-sided ones against the ends."""
    if low.statistic is None or low.df is None or high.statistic is None:
        return None
    return Equivalence(
        t_low=low.statistic,
        p_low=float(stdtr(low.df, -low.statistic)),
        t_high=high.statistic,
        p_high=float(stdtr(low.df, high.statistic)),
        df=low.df,
    )


def _checked(region: tuple[float, float]) -> tuple[float, float]:
    low, high = region
    if not low < high:
        raise ValueError(f"region must have low < high, not {region}")
    return low, high
