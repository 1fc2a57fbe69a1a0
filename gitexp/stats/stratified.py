"""Welch's t of independent arms measured on several hosts: only values of one host are compared.

The difference of means of each host, weighted by n_t n_c / (n_t + n_c): Cochran (1954), Biometrics
10, 417, section 6. Each host has its own variances, as in Welch's test, and the degrees of freedom
are those of Satterthwaite (1946), Biometrics 2, 110, eq. 17. With one host it is Welch's test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gitexp.stats.results import (
    BoolArray,
    FloatArray,
    IntArray,
    Result,
    as_values,
    check_level,
    not_estimable,
)
from gitexp.stats.student import running_moments, t_result, welch


def stratified_welch(
    values: npt.ArrayLike, is_treatment: npt.ArrayLike, strata: Sequence[str], *, level: float
) -> Result:
    """The stratified t-test of treatment minus control.

    Hosts with fewer than two values in an arm have no variance and do not enter; `n` counts the
    values that do. Not estimable without such a host, or where none has any spread.

    Args:
        values: Shape (n,), finite, on the scale of the comparison.
        is_treatment: Shape (n,), the arm of each value.
        strata: n hosts.
        level: Two-sided error rate of the interval, in [0, 1).

    Raises:
        ValueError: for other shapes.
    """
    x, arm = two_arms(values, is_treatment)
    check_level(level)
    hosts = _indices(strata, x.size)
    if hosts.size == 0 or hosts.max() == 0:
        return welch(x[~arm], x[arm], level=level)
    if arm.all() or not arm.any():
        return not_estimable(None, x.size, level, "an arm has no values yet")
    paths = stratified_paths(x, arm, strata, np.array([x.size - 1]))
    n = int(paths.n[0])
    if n == 0:
        return not_estimable(None, x.size, level, "no host has at least 2 values in each arm")
    effect = float(paths.effect[0])
    if not paths.estimable[0]:
        return not_estimable(effect, n, level, "no spread on any host")
    result = t_result(effect, float(paths.se[0]), float(paths.df[0]), n, level)
    if n == x.size:
        return result
    note = f"{x.size - n} of {x.size} values are of hosts with fewer than 2 values in an arm"
    return replace(result, caveats=(*result.caveats, note))


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedPaths:
    """The stratified difference at each look.

    Attributes:
        effect, se, df: Shape (k,); meaningless where not estimable.
        estimable: Shape (k,).
        n: Shape (k,), values that enter.
    """

    effect: FloatArray
    se: FloatArray
    df: FloatArray
    estimable: BoolArray
    n: IntArray


def stratified_paths(
    x: FloatArray, arm: BoolArray, strata: Sequence[str] | None, at: IntArray
) -> StratifiedPaths:
    """The stratified difference of the first at[k] + 1 values, for each k.

    Args:
        strata: Hosts; None: all values are of one.
        at: Shape (k,), indices, increasing.
    """
    hosts = _indices(strata, x.size)
    arms = [
        [_arm_path(x, (hosts == host) & side, at) for side in (~arm, arm)]
        for host in range(hosts.max(initial=0) + 1)
    ]
    n_c, mean_c, sd_c, spread_c = (
        np.array(rows) for rows in zip(*(c for c, _ in arms), strict=True)
    )
    n_t, mean_t, sd_t, spread_t = (
        np.array(rows) for rows in zip(*(t for _, t in arms), strict=True)
    )
    usable = (n_c > 1) & (n_t > 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # where no host is usable
        weight = np.where(usable, n_c * n_t / (n_c + n_t), 0.0)
        share = weight / weight.sum(axis=0)
        a = np.where(usable, share**2 * sd_c**2 / n_c, 0.0)
        b = np.where(usable, share**2 * sd_t**2 / n_t, 0.0)
        variance = (a + b).sum(axis=0)
        parts = np.where(usable, a**2 / (n_c - 1) + b**2 / (n_t - 1), 0.0)
        return StratifiedPaths(
            effect=np.where(usable, share * (mean_t - mean_c), 0.0).sum(axis=0),
            se=np.sqrt(variance),
            df=variance**2 / parts.sum(axis=0),
            estimable=(usable & (spread_c | spread_t)).any(axis=0),
            n=np.where(usable, n_c + n_t, 0).sum(axis=0),
        )


def harmonic_counts(arm: BoolArray, strata: Sequence[str] | None) -> IntArray:
    """Whole part of the information in every prefix: 2 n_c n_t / (n_c + n_t), summed over hosts."""
    hosts = _indices(strata, arm.size)
    information = np.zeros(arm.size)
    for host in range(hosts.max(initial=-1) + 1):
        n_c = np.cumsum((hosts == host) & ~arm)
        n_t = np.cumsum((hosts == host) & arm)
        information += 2 * n_c * n_t / np.maximum(n_c + n_t, 1)
    # thirds and the like may add up to just below a whole number
    return np.floor(information + 1e-9).astype(np.int64)


def two_arms(
    values: npt.ArrayLike, is_treatment: npt.ArrayLike, *, infinite: bool = False
) -> tuple[FloatArray, BoolArray]:
    """The values and whether each is of the treatment.

    Raises:
        ValueError: unless both have the same shape (n,), and the values are numbers.
    """
    x = as_values("values", values, infinite=infinite)
    arm = np.asarray(is_treatment, dtype=np.bool_)
    if arm.shape != x.shape:
        raise ValueError(f"is_treatment must have the shape of values, {x.shape}, not {arm.shape}")
    return x, arm


def _arm_path(
    x: FloatArray, chosen: BoolArray, at: IntArray
) -> tuple[IntArray, FloatArray, FloatArray, BoolArray]:
    """Count, mean, sd and whether there is spread of the chosen values at each look."""
    n = np.cumsum(chosen, dtype=np.int64)[at]
    if not chosen.any():
        return n, np.full(n.size, np.nan), np.full(n.size, np.nan), np.zeros(n.size, dtype=np.bool_)
    moments = running_moments(x[chosen])
    last = np.maximum(n - 1, 0)
    return n, moments.mean[last], moments.sd[last], moments.has_spread[last]


def _indices(strata: Sequence[str] | None, size: int) -> IntArray:
    """Hosts numbered in the order in which they first appear."""
    if strata is None:
        return np.zeros(size, dtype=np.int64)
    if len(strata) != size:
        raise ValueError(f"need one host per value, not {len(strata)} for {size}")
    number: dict[str, int] = {}
    return np.array([number.setdefault(host, len(number)) for host in strata], dtype=np.int64)
