"""All looks of one experiment, replayed from its blocks in order.

Every look is a function of the blocks before it and of the plan alone: who looked when cannot
change it, and later blocks cannot change earlier looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from gitexp.stats.boundaries import Boundary
from gitexp.stats.results import BoolArray, FloatArray, IntArray, Result, as_values
from gitexp.stats.signed_rank import (
    estimate_at_least,
    estimate_at_most,
    p_value,
    signed_rank_of,
    walsh_counts,
)
from gitexp.stats.student import (
    paired_t,
    running_moments,
    t_p_value,
    t_quantile,
    welch,
    welch_error,
)

PairedTest = Literal["signed-rank", "t"]


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


def replay(
    d: npt.ArrayLike,
    both_ok: npt.ArrayLike,
    *,
    test: PairedTest,
    boundary: Boundary,
    region: tuple[float, float],
    good: int,
) -> tuple[Look, ...]:
    """Every look that n complete blocks allow, in order.

    Blocks in which only one arm failed take the worst rank under the signed-rank test. They leave
    the t-test, whose looks still count all blocks; while the treatment has failed more often than
    the control, t must then be joined by the signed-rank test to cross in the good direction.

    Args:
        d: Shape (n,), treatment minus control per block in replay order; where only one arm failed
            any value of the sign that failure deserves (±1e6, ±inf).
        both_ok: Shape (n,), False where only one arm failed.
        test: 'signed-rank' or 't'.
        boundary: Looks and their nominal levels.
        region: (low, high) with low <= 0 <= high: ± the smallest effect worth having, on the scale
            of d. (0, 0) asks for none.
        good: The sign of d that is an improvement, +1 or -1.

    Raises:
        ValueError: for other shapes, an unknown test, a region without 0 or another sign.
    """
    values = _with_failures(d, both_ok)
    _check_region(region)
    if good not in (1, -1):
        raise ValueError(f"good must be 1 or -1, not {good}")
    looks = [
        (n, level)
        for n, level in zip(boundary.looks, boundary.nominal, strict=True)
        if n <= values.size
    ]
    if test == "signed-rank":
        return _replay_ranks(values, looks, region)
    if test == "t":
        return _replay_t(values, looks, region, good)
    raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")


def replay_welch(
    values: npt.ArrayLike,
    is_treatment: npt.ArrayLike,
    *,
    boundary: Boundary,
    region: tuple[float, float],
) -> tuple[Look, ...]:
    """Every look of two independent arms.

    Information is the harmonic n, h = 2 n_c n_t / (n_c + n_t). A look falls when floor(h) first
    reaches it; where one value reaches two looks at once only the later one is made.

    Args:
        values: Shape (n,), finite, in replay order.
        is_treatment: Shape (n,), the arm of each value.
        boundary: Looks, in harmonic n, and their nominal levels.
        region: As in `replay`.

    Raises:
        ValueError: for other shapes or a region without 0.
    """
    x, arm = _two_arms(values, is_treatment)
    _check_region(region)
    n_t = np.cumsum(arm)
    n_c = np.cumsum(~arm)
    # 2ab/(a+b) in whole numbers, so that the floor is exact
    harmonic = (2 * n_c * n_t) // np.maximum(n_c + n_t, 1)
    ends = np.searchsorted(harmonic, boundary.looks, side="left")  # harmonic never decreases
    reached = [
        k
        for k, end in enumerate(ends)
        if end < x.size and (k + 1 == ends.size or ends[k + 1] != end)
    ]
    if not reached:
        return ()

    at = ends[reached]
    control, treatment = running_moments(x[~arm]), running_moments(x[arm])
    last_c, last_t = n_c[at] - 1, n_t[at] - 1
    spread = control.has_spread[last_c] | treatment.has_spread[last_t]
    estimable = spread & (last_c > 0) & (last_t > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        se, df = welch_error(control.sd[last_c], last_c + 1, treatment.sd[last_t], last_t + 1)
    return _t_looks(
        n=[boundary.looks[k] for k in reached],
        used=at + 1,
        nominal=np.array([boundary.nominal[k] for k in reached]),
        effect=treatment.mean[last_t] - control.mean[last_c],
        se=se,
        df=df,
        estimable=estimable,
        region=region,
    )


def result_at(
    d: npt.ArrayLike, both_ok: npt.ArrayLike, *, test: PairedTest, used: int, level: float
) -> Result:
    """Estimate, interval and p of the first `used` blocks.

    With the level of a look it is the look's repeated interval (Jennison and Turnbull 1989, JRSS B
    51, 305). The p-value is not adjusted for looks.

    Args:
        d, both_ok: As in `replay`.
        used: Leading blocks to use, 0 … n.
        level: Two-sided error rate of the interval.

    Raises:
        ValueError: as `replay`, and for `used` outside 0 … n.
    """
    values = _with_failures(d, both_ok)
    _check_used(used, values.size)
    if test == "signed-rank":
        return signed_rank_of(values[:used], level=level)
    if test == "t":
        measured = values[:used][np.isfinite(values[:used])]
        result = paired_t(measured, level=level)
        left_out = used - measured.size
        if left_out == 0:
            return result
        note = f"{left_out} of {used} blocks with one failed arm are not in the t-test"
        return replace(result, caveats=(*result.caveats, note))
    raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")


def result_at_welch(
    values: npt.ArrayLike, is_treatment: npt.ArrayLike, *, used: int, level: float
) -> Result:
    """Welch's test of the first `used` values; otherwise as `result_at`."""
    x, arm = _two_arms(values, is_treatment)
    _check_used(used, x.size)
    x, arm = x[:used], arm[:used]
    return welch(x[~arm], x[arm], level=level)


def _replay_ranks(
    values: FloatArray, looks: list[tuple[int, float]], region: tuple[float, float]
) -> tuple[Look, ...]:
    if not looks:
        return ()
    low, high = region
    zero = walsh_counts(values, 0.0)
    at_low = walsh_counts(values, low) if low < 0.0 else zero
    at_high = walsh_counts(values, high) if high > 0.0 else zero
    first_difference = _first_nonzero(values)
    has_region = low < high  # only spares the work: no value is rejected from both sides

    def look(n: int, level: float) -> Look:
        if n <= first_difference:
            return Look(
                n=n, used=n, nominal=level, crossed=0, p_value=None, reaches=False, inside=False
            )
        crossed = zero.crossed(n, level)
        if crossed > 0:
            reaches = estimate_at_least(values, at_high, n, high)
        elif crossed < 0:
            reaches = estimate_at_most(values, at_low, n, low)
        else:
            reaches = False
        return Look(
            n=n,
            used=n,
            nominal=level,
            crossed=crossed,
            p_value=p_value(n, zero.g(n)),
            reaches=reaches,
            # by duality: both ends of the region are rejected, each from its own side
            inside=has_region and at_low.crossed(n, level) > 0 and at_high.crossed(n, level) < 0,
        )

    return tuple(look(n, level) for n, level in looks)


def _replay_t(
    values: FloatArray, looks: list[tuple[int, float]], region: tuple[float, float], good: int
) -> tuple[Look, ...]:
    if not looks:
        return ()
    n = np.array([n for n, _ in looks])
    nominal = np.array([level for _, level in looks])
    measured = np.isfinite(values)
    size = np.cumsum(measured)[n - 1]
    if size[-1] == 0:
        return tuple(
            Look(n=n, used=n, nominal=level, crossed=0, p_value=None, reaches=False, inside=False)
            for n, level in looks
        )

    moments = running_moments(values[measured])
    last = np.maximum(size - 1, 0)
    t_looks = _t_looks(
        n=n.tolist(),
        used=n,
        nominal=nominal,
        effect=moments.mean[last],
        se=moments.sd[last] / np.sqrt(last + 1),
        df=last.astype(np.float64),
        estimable=(size > 1) & moments.has_spread[last],
        region=region,
    )
    if measured.all():
        return t_looks

    lost = np.cumsum(values == -good * np.inf)[n - 1] > np.cumsum(values == good * np.inf)[n - 1]
    ranks = walsh_counts(values, 0.0)
    return tuple(
        replace(look, crossed=0, reaches=False)
        if look.crossed == good and more_lost and ranks.crossed(look.n, look.nominal) != good
        else look
        for look, more_lost in zip(t_looks, lost.tolist(), strict=True)
    )


def _t_looks(
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


def _with_failures(d: npt.ArrayLike, both_ok: npt.ArrayLike) -> FloatArray:
    """d with ±inf in the blocks where only one arm failed."""
    values = as_values("d", d, infinite=True)
    ok = np.asarray(both_ok, dtype=np.bool_)
    if ok.shape != values.shape:
        raise ValueError(f"both_ok must have the shape of d, {values.shape}, not {ok.shape}")
    if not np.isfinite(values[ok]).all():
        raise ValueError("d must be finite where both arms are ok")
    if np.any(values[~ok] == 0.0):
        raise ValueError("d must have a sign where only one arm failed, not 0")
    return np.where(ok, values, np.copysign(np.inf, values))


def _two_arms(values: npt.ArrayLike, is_treatment: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    x = as_values("values", values)
    arm = np.asarray(is_treatment, dtype=np.bool_)
    if arm.shape != x.shape:
        raise ValueError(f"is_treatment must have the shape of values, {x.shape}, not {arm.shape}")
    return x, arm


def _check_region(region: tuple[float, float]) -> None:
    low, high = region
    if not (np.isfinite(region).all() and low <= 0.0 <= high):
        raise ValueError(f"region must be finite with low <= 0 <= high, not {region}")


def _check_used(used: int, size: int) -> None:
    if not 0 <= used <= size:
        raise ValueError(f"used must lie between 0 and {size}, not {used}")


def _first_nonzero(values: FloatArray) -> int:
    """Leading zeros of the values."""
    return int(np.argmax(values != 0.0)) if values.any() else values.size
