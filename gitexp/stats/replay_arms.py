"""All looks of two independent arms, replayed from their values in order.

Information is the harmonic n, h = 2 n_c n_t / (n_c + n_t). A look falls when floor(h) first reaches
it; where one value reaches two looks at once only the later one is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gitexp.stats.boundaries import Boundary
from gitexp.stats.looks import Look, check_region, check_used, t_looks
from gitexp.stats.mann_whitney import (
    mann_whitney,
    p_value,
    pair_counts,
    shift_at_least,
    shift_at_most,
)
from gitexp.stats.results import IntArray, Result
from gitexp.stats.stratified import harmonic_counts, stratified_paths, stratified_welch, two_arms


def replay_welch(
    values: npt.ArrayLike,
    is_treatment: npt.ArrayLike,
    *,
    boundary: Boundary,
    region: tuple[float, float],
    strata: Sequence[str] | None = None,
) -> tuple[Look, ...]:
    """Every look of Welch's test, stratified by host where there are several.

    With several hosts the information is the sum of their harmonic n. A host with fewer than two
    values in an arm counts in it though it does not enter the test: its look may come to nothing.

    Args:
        values: Shape (n,), finite, in replay order.
        is_treatment: Shape (n,), the arm of each value.
        boundary: Looks, in harmonic n, and their nominal levels.
        region: As in `replay`.
        strata: The n hosts; None: all values are of one.

    Raises:
        ValueError: for other shapes or a region without 0.
    """
    x, arm = two_arms(values, is_treatment)
    check_region(region)
    looks = harmonic_looks(harmonic_counts(arm, strata), boundary)
    if not looks:
        return ()
    ends = np.array([end for _, end, _ in looks])
    paths = stratified_paths(x, arm, strata, ends)
    return t_looks(
        n=[n for n, _, _ in looks],
        used=ends + 1,
        nominal=np.array([level for _, _, level in looks]),
        effect=paths.effect,
        se=paths.se,
        df=paths.df,
        estimable=paths.estimable,
        region=region,
    )


def replay_mann_whitney(
    values: npt.ArrayLike,
    is_treatment: npt.ArrayLike,
    *,
    boundary: Boundary,
    region: tuple[float, float],
) -> tuple[Look, ...]:
    """Every look of the Mann-Whitney test; all values must be of one host.

    Args:
        values: Shape (n,), in replay order; ±inf where the trial failed, of the sign that is bad.
        is_treatment, boundary, region: As in `replay_welch`.

    Raises:
        ValueError: for other shapes or a region without 0.
    """
    x, arm = two_arms(values, is_treatment, infinite=True)
    check_region(region)
    looks = harmonic_looks(harmonic_counts(arm, None), boundary)
    if not looks:
        return ()
    low, high = region
    zero = pair_counts(x, arm, 0.0)
    at_low = pair_counts(x, arm, low) if low < 0.0 else zero
    at_high = pair_counts(x, arm, high) if high > 0.0 else zero
    has_region = low < high  # only spares the work: no shift is rejected from both sides

    def look(n: int, end: int, level: float) -> Look:
        used = end + 1
        if zero.equal[end] == zero.n_c[end] * zero.n_t[end]:  # all values are equal
            return Look(
                n=n, used=used, nominal=level, crossed=0, p_value=None, reaches=False, inside=False
            )
        crossed = zero.crossed(used, level)
        if crossed > 0:
            reaches = shift_at_least(x, arm, at_high, used, high)
        elif crossed < 0:
            reaches = shift_at_most(x, arm, at_low, used, low)
        else:
            reaches = False
        return Look(
            n=n,
            used=used,
            nominal=level,
            crossed=crossed,
            p_value=p_value(zero.n_c[end], zero.n_t[end], zero.g(used)),
            reaches=reaches,
            # by duality: both ends of the region are rejected, each from its own side
            inside=has_region
            and at_low.crossed(used, level) > 0
            and at_high.crossed(used, level) < 0,
        )

    return tuple(look(*one) for one in looks)


def result_at_welch(
    values: npt.ArrayLike,
    is_treatment: npt.ArrayLike,
    *,
    used: int,
    level: float,
    strata: Sequence[str] | None = None,
) -> Result:
    """Welch's test of the first `used` values, stratified by host; otherwise as `result_at`."""
    x, arm = two_arms(values, is_treatment)
    check_used(used, x.size)
    hosts = [""] * x.size if strata is None else strata
    return stratified_welch(x[:used], arm[:used], hosts[:used], level=level)


def result_at_mann_whitney(
    values: npt.ArrayLike, is_treatment: npt.ArrayLike, *, used: int, level: float
) -> Result:
    """The Mann-Whitney test of the first `used` values; otherwise as `result_at`."""
    x, arm = two_arms(values, is_treatment, infinite=True)
    check_used(used, x.size)
    x, arm = x[:used], arm[:used]
    return mann_whitney(x[~arm], x[arm], level=level)


def harmonic_looks(harmonic: IntArray, boundary: Boundary) -> list[tuple[int, int, float]]:
    """(n, index of the value that reaches it, nominal level) of each look made.

    Args:
        harmonic: Shape (n,), whole part of the information in every prefix.
    """
    # more hosts never have less information, so the counts never decrease
    ends = np.searchsorted(harmonic, boundary.looks, side="left").tolist()
    following = [*ends[1:], None]
    return [
        (n, end, level)
        for n, end, after, level in zip(
            boundary.looks, ends, following, boundary.nominal, strict=True
        )
        if end < harmonic.size and end != after
    ]
