"""What one look at an experiment shows, whatever the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gitexp.stats.results import BoolArray, FloatArray, IntArray
from gitexp.stats.student import t_p_value, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look shows.

    Attributes:
        n: Information at this look: complete blocks; without blocks the planned harmonic n.
        used: Leading entries of the input the look is made of.
        nominal: Two-sided level of this look; 0 while nothing may be spent.
        crossed: +1 when significantly above zero, -1 when below, else 0.
        p_value: Two-sided, not adjusted for looks; None when not estimable.
        reaches: Crossed upward with an estimate at or above the region, or downward at or below.
        inside: The interval of this look's level lies strictly inside the region; never when the
            region is (0, 0).
    """

    n: int
    used: int
    nominal: float
    crossed: int
    p_value: float | None
    reaches: bool
    inside: bool


def t_looks(
    *,
    n: Sequence[int],
    used: IntArray,
    nominal: FloatArray,
    effect: FloatArray,
    se: FloatArray,
    df: FloatArray,
    estimable: BoolArray,
    region: tuple[float, float],
) -> tuple[Look, ...]:
    """The looks of a t-test with one entry per look."""
    low, high = region
    se = np.where(estimable, se, 1.0)
    df = np.where(estimable, df, 1.0)
    p = t_p_value(effect / se, df)
    # p can underflow to 0 and must not cross a look that has nothing to spend
    crossed = np.where(estimable & (nominal > 0.0) & (p <= nominal), np.sign(effect), 0.0)
    reaches = ((crossed > 0) & (effect >= high)) | ((crossed < 0) & (effect <= low))
    radius = t_quantile(nominal, df) * se
    inside = estimable & (effect - radius > low) & (effect + radius < high)
    return tuple(
        Look(
            n=n_k,
            used=used_k,
            nominal=nominal_k,
            crossed=int(crossed_k),
            p_value=p_k if estimable_k else None,
            reaches=reaches_k,
            inside=inside_k,
        )
        for n_k, used_k, nominal_k, crossed_k, p_k, estimable_k, reaches_k, inside_k in zip(
            n,
            used.tolist(),
            nominal.tolist(),
            crossed.tolist(),
            p.tolist(),
            estimable.tolist(),
            reaches.tolist(),
            inside.tolist(),
            strict=True,
        )
    )


def check_region(region: tuple[float, float]) -> None:
    low, high = region
    if not (np.isfinite(region).all() and low <= 0.0 <= high):
        raise ValueError(f"region must be finite with low <= 0 <= high, not {region}")


def check_used(used: int, size: int) -> None:
    if not 0 <= used <= size:
        raise ValueError(f"used must lie between 0 and {size}, not {used}")
