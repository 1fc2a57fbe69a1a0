"""All looks of two rates, replayed from their successes in order.

A failed trial has no value of its own here: whoever calls counts it as the bad outcome.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gitexp.stats.boundaries import Boundary
from gitexp.stats.exact_rates import boschloo, mcnemar
from gitexp.stats.looks import Look, check_region, check_used
from gitexp.stats.proportions import PairedCounts
from gitexp.stats.replay_arms import harmonic_looks
from gitexp.stats.results import BoolArray, Result
from gitexp.stats.stratified import harmonic_counts


def replay_mcnemar(
    control: npt.ArrayLike,
    treatment: npt.ArrayLike,
    *,
    boundary: Boundary,
    region: tuple[float, float],
) -> tuple[Look, ...]:
    """Every look of McNemar's exact test that n complete pairs allow, in order.

    Args:
        control, treatment: Shape (n,), 0 or 1, one pair per entry in replay order.
        boundary: Looks, in pairs, and their nominal levels.
        region: As in `replay`, a difference of rates.

    Raises:
        ValueError: for other shapes or values, or a region without 0.
    """
    c, t = _pairs(control, treatment)
    check_region(region)
    return tuple(
        _look(n, n, _mcnemar_of(c[:n], t[:n], level=level), region)
        for n, level in zip(boundary.looks, boundary.nominal, strict=True)
        if n <= c.size
    )


def replay_boschloo(
    values: npt.ArrayLike,
    is_treatment: npt.ArrayLike,
    *,
    boundary: Boundary,
    region: tuple[float, float],
) -> tuple[Look, ...]:
    """Every look of Boschloo's exact test; looks fall as in `replay_welch`.

    Args:
        values: Shape (n,), 0 or 1, in replay order.
        is_treatment: Shape (n,), the arm of each value.
        boundary: Looks, in harmonic n, and their nominal levels.
        region: As in `replay`, a difference of rates.

    Raises:
        ValueError: for other shapes or values, or a region without 0.
    """
    x, arm = _arms(values, is_treatment)
    check_region(region)
    return tuple(
        _look(n, end + 1, _boschloo_of(x[: end + 1], arm[: end + 1], level=level), region)
        for n, end, level in harmonic_looks(harmonic_counts(arm, None), boundary)
    )


def result_at_mcnemar(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, used: int, level: float
) -> Result:
    """McNemar's exact test of the first `used` pairs; otherwise as `result_at`."""
    c, t = _pairs(control, treatment)
    check_used(used, c.size)
    return _mcnemar_of(c[:used], t[:used], level=level)


def result_at_boschloo(
    values: npt.ArrayLike, is_treatment: npt.ArrayLike, *, used: int, level: float
) -> Result:
    """Boschloo's exact test of the first `used` values; otherwise as `result_at`."""
    x, arm = _arms(values, is_treatment)
    check_used(used, x.size)
    return _boschloo_of(x[:used], arm[:used], level=level)


def _look(n: int, used: int, result: Result, region: tuple[float, float]) -> Look:
    """What the result at a look's own level shows."""
    low, high = region
    estimate, p = result.estimate, result.p_value
    crossed = 0
    if estimate is not None and p is not None and 0.0 < result.level >= p:
        crossed = 1 if estimate > 0.0 else -1
    return Look(
        n=n,
        used=used,
        nominal=result.level,
        crossed=crossed,
        p_value=p,
        reaches=estimate is not None
        and ((crossed > 0 and estimate >= high) or (crossed < 0 and estimate <= low)),
        inside=low < result.interval.low and result.interval.high < high,
    )


def _mcnemar_of(c: BoolArray, t: BoolArray, *, level: float) -> Result:
    counts = PairedCounts(
        both=int(np.sum(c & t)),
        only_treatment=int(np.sum(t & ~c)),
        only_control=int(np.sum(c & ~t)),
        neither=int(np.sum(~c & ~t)),
    )
    return mcnemar(counts, level=level)


def _boschloo_of(x: BoolArray, arm: BoolArray, *, level: float) -> Result:
    n_t = int(arm.sum())
    control = (int(np.sum(x & ~arm)), arm.size - n_t)
    return boschloo(control, (int(np.sum(x & arm)), n_t), level=level)


def _pairs(control: npt.ArrayLike, treatment: npt.ArrayLike) -> tuple[BoolArray, BoolArray]:
    c, t = _successes("control", control), _successes("treatment", treatment)
    if c.shape != t.shape:
        raise ValueError(f"pairs need one shape, not {c.shape} and {t.shape}")
    return c, t


def _arms(values: npt.ArrayLike, is_treatment: npt.ArrayLike) -> tuple[BoolArray, BoolArray]:
    x, arm = _successes("values", values), np.asarray(is_treatment, dtype=np.bool_)
    if arm.shape != x.shape:
        raise ValueError(f"is_treatment must have the shape of values, {x.shape}, not {arm.shape}")
    return x, arm


def _successes(name: str, values: npt.ArrayLike) -> BoolArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not shape {array.shape}")
    other = (array != 0.0) & (array != 1.0)
    if other.any():
        raise ValueError(f"{name} must be 0 or 1, but holds {array[other][0]}")
    return np.asarray(array == 1.0, dtype=np.bool_)
