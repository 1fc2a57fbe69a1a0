"""All looks of one experiment, replayed from its blocks in order.

Every look is a function of the blocks before it and of the plan alone: who looked when cannot
change it, and later blocks cannot change earlier looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from gitexp.stats.boundaries import Boundary
from gitexp.stats.looks import Look, check_region, check_used, t_looks
from gitexp.stats.results import FloatArray, Result, as_values
from gitexp.stats.signed_rank import (
    estimate_at_least,
    estimate_at_most,
    p_value,
    signed_rank_of,
    walsh_counts,
)
from gitexp.stats.student import paired_t, running_moments

PairedTest = Literal["signed-rank", "t"]


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
    values = with_failures(d, both_ok)
    check_region(region)
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
    values = with_failures(d, both_ok)
    check_used(used, values.size)
    if test == "signed-rank":
        return signed_rank_of(values[:used], level=level)
    if test == "t":
        measured = values[:used][np.isfinite(values[:used])]
        return without_failed(paired_t(measured, level=level), used=used)
    raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")


def without_failed(result: Result, *, used: int) -> Result:
    """A t-test's result, saying how many of the `used` blocks could not enter it."""
    left_out = used - result.n
    if left_out == 0:
        return result
    note = f"{left_out} of {used} blocks with one failed arm are not in the t-test"
    return replace(result, caveats=(*result.caveats, note))


def _replay_ranks(
    values: FloatArray, looks: list[tuple[int, float]], region: tuple[float, float]
) -> tuple[Look, ...]:
    if not looks:
        return ()
    low, high = region
    zero = walsh_counts(values, 0.0)
    at_low = walsh_counts(values, low) if low < 0.0 else zero
    at_high = walsh_counts(values, high) if high > 0.0 else zero
    zeros = leading_zeros(values)
    has_region = low < high  # only spares the work: no value is rejected from both sides

    def look(n: int, level: float) -> Look:
        if n <= zeros:
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
    by_t = t_looks(
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
        return by_t

    lost = np.cumsum(values == -good * np.inf)[n - 1] > np.cumsum(values == good * np.inf)[n - 1]
    ranks = walsh_counts(values, 0.0)
    return tuple(
        replace(look, crossed=0, reaches=False)
        if look.crossed == good and more_lost and ranks.crossed(look.n, look.nominal) != good
        else look
        for look, more_lost in zip(by_t, lost.tolist(), strict=True)
    )


def with_failures(d: npt.ArrayLike, both_ok: npt.ArrayLike) -> FloatArray:
    """d with ±inf in the blocks where only one arm failed.

    Raises:
        ValueError: for other shapes, and for values that do not fit what failed.
    """
    values = as_values("d", d, infinite=True)
    ok = np.asarray(both_ok, dtype=np.bool_)
    if ok.shape != values.shape:
        raise ValueError(f"both_ok must have the shape of d, {values.shape}, not {ok.shape}")
    if not np.isfinite(values[ok]).all():
        raise ValueError("d must be finite where both arms are ok")
    if np.any(values[~ok] == 0.0):
        raise ValueError("d must have a sign where only one arm failed, not 0")
    return np.where(ok, values, np.copysign(np.inf, values))


def leading_zeros(values: FloatArray) -> int:
    """How many values there are before the first that is not zero."""
    return int(np.argmax(values != 0.0)) if values.any() else values.size
