"""Looks and results that hold at any time, without a credible maximum.

Every look tests at alpha: the evidence E_n exceeds 1/alpha at any look at all with probability
alpha at most, so that looking, pausing and stopping cost nothing. Otherwise everything is as in
`replay`, the t-mixture taking the place of t, and the sign-flip process that of the ranks.

p is min(1, 1/E_n) of the look itself, not the smallest so far: it then belongs to the same blocks
as the estimate and the interval, and p <= alpha exactly when the interval excludes no change. At
the first look that crosses, the two are the same.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gitexp.stats.looks import Look, check_region, check_used
from gitexp.stats.replay import (
    PairedTest,
    leading_zeros,
    with_failures,
    without_failed,
)
from gitexp.stats.results import UNBOUNDED, FloatArray, IntArray, Interval, Result
from gitexp.stats.sign_flip import FlipTest, earliest_flip_crossing, flip_interval
from gitexp.stats.signed_rank import signed_rank_of
from gitexp.stats.student import paired_t
from gitexp.stats.t_mixture import TMixture, earliest_t_crossing, tuned_phi


def replay_always_valid(
    d: npt.ArrayLike,
    both_ok: npt.ArrayLike,
    *,
    test: PairedTest,
    alpha: float,
    min_blocks: int,
    max_blocks: int,
    region: tuple[float, float],
    good: int,
) -> tuple[Look, ...]:
    """Every look that n complete blocks allow: one after each from `min_blocks`, two at least.

    Failed blocks count as in `replay`: the largest bet in the sign-flip process; under 't' they
    leave, and while the treatment has failed more often than the control, that process must cross
    as well in the good direction.

    Args:
        d, both_ok, region, good: As in `replay`.
        test: 't' for the t-mixture, 'signed-rank' for the sign-flip process.
        alpha: Two-sided error rate of all looks together, in (0, 1): the nominal level of each.
        max_blocks: The last look; the t-mixture is tuned for it.

    Raises:
        ValueError: as `replay`, and for alpha or blocks outside these ranges.
    """
    values = with_failures(d, both_ok)
    check_region(region)
    _check_plan(test, alpha, max_blocks)
    if not 1 <= min_blocks <= max_blocks:
        raise ValueError(
            f"min_blocks must lie between 1 and max_blocks ({max_blocks}), not {min_blocks}"
        )
    if good not in (1, -1):
        raise ValueError(f"good must be 1 or -1, not {good}")
    looks = np.arange(max(min_blocks, 2), min(max_blocks, values.size) + 1)
    if looks.size == 0:
        return ()
    seen = values[: looks[-1]]
    if test == "signed-rank":
        return _replay_flips(seen, looks, alpha, region)
    return _replay_t(seen, looks, alpha, tuned_phi(max_blocks), region, good)


def result_always_valid(
    d: npt.ArrayLike,
    both_ok: npt.ArrayLike,
    *,
    test: PairedTest,
    used: int,
    alpha: float,
    max_blocks: int,
) -> Result:
    """Estimate, p and the interval of the confidence sequence after the first `used` blocks.

    The interval holds at whatever look it is read. Its ends are where E_n reaches 1/alpha: excluded
    from it under 't', whose estimate is the mean. Under 'signed-rank' the estimate is the
    Hodges-Lehmann one, and `statistic` is ln E_n.

    Args:
        d, both_ok, test, alpha, max_blocks: As in `replay_always_valid`.
        used: Leading blocks to use, 0 … n.

    Raises:
        ValueError: as `replay_always_valid`, and for `used` outside 0 … n.
    """
    values = with_failures(d, both_ok)
    check_used(used, values.size)
    _check_plan(test, alpha, max_blocks)
    if test == "signed-rank":
        return _flip_result(values[:used], alpha)
    measured = values[:used][np.isfinite(values[:used])]
    return without_failed(_t_result(measured, alpha, tuned_phi(max_blocks)), used=used)


def earliest_always_valid_look(*, test: PairedTest, alpha: float, max_blocks: int) -> int:
    """Blocks at the first look that could cross at all, however large the effect.

    >>> earliest_always_valid_look(test="signed-rank", alpha=0.05, max_blocks=200)
    7
    """
    _check_plan(test, alpha, max_blocks)
    if test == "signed-rank":
        return earliest_flip_crossing(alpha=alpha)
    return earliest_t_crossing(alpha=alpha, phi=tuned_phi(max_blocks))


def _replay_flips(
    values: FloatArray, looks: IntArray, alpha: float, region: tuple[float, float]
) -> tuple[Look, ...]:
    low, high = region
    zero = FlipTest(values, 0.0)
    at_low = FlipTest(values, low) if low < 0.0 else zero
    at_high = FlipTest(values, high) if high > 0.0 else zero
    zeros = leading_zeros(values)

    def look(n: int) -> Look:
        if n <= zeros:
            return _empty_look(n, alpha)
        crossed = zero.crossed(n, alpha)
        return Look(
            n=n,
            used=n,
            nominal=alpha,
            crossed=crossed,
            p_value=_p_of(zero.log_e(n)),
            reaches=(crossed > 0 and at_high.estimate_is_at_least(n))
            or (crossed < 0 and at_low.estimate_is_at_most(n)),
            inside=low < high and at_low.crossed(n, alpha) > 0 and at_high.crossed(n, alpha) < 0,
        )

    return tuple(look(n) for n in looks.tolist())


def _replay_t(
    values: FloatArray,
    looks: IntArray,
    alpha: float,
    phi: float,
    region: tuple[float, float],
    good: int,
) -> tuple[Look, ...]:
    low, high = region
    measured = np.isfinite(values)
    mixture = TMixture(values[measured], phi)
    means, log_e, radii = mixture.mean, mixture.log_e(), mixture.radius(alpha)
    sizes = np.cumsum(measured).tolist()
    lost = np.cumsum(np.where(measured, 0.0, -good * np.sign(values))).tolist()
    flips = None if measured.all() else FlipTest(values, 0.0)

    def look(n: int) -> Look:
        last = sizes[n - 1] - 1
        if last < 0 or not mixture.estimable[last]:
            return _empty_look(n, alpha)
        mean, radius = float(means[last]), float(radii[last])
        crossed = int(np.sign(mean)) if abs(mean) >= radius else 0
        if crossed == good and flips and lost[n - 1] > 0 and flips.crossed(n, alpha) != good:
            crossed = 0
        return Look(
            n=n,
            used=n,
            nominal=alpha,
            crossed=crossed,
            p_value=_p_of(float(log_e[last])),
            reaches=(crossed > 0 and mean >= high) or (crossed < 0 and mean <= low),
            # the ends are rejected themselves
            inside=mean - radius >= low and mean + radius <= high,
        )

    return tuple(look(n) for n in looks.tolist())


def _flip_result(values: FloatArray, alpha: float) -> Result:
    ranked = signed_rank_of(values, level=0.0)
    if ranked.estimate is None or ranked.p_value is None:
        return replace(ranked, level=alpha)
    log_e = FlipTest(values, 0.0).log_e(values.size)
    interval = flip_interval(
        values, estimate=ranked.estimate, alpha=alpha, split=0.0, one_sided=False
    )
    caveats = []
    if values.max() == values.min():
        caveats.append("no spread: all differences are equal")
    if interval.low == -math.inf and interval.high == math.inf:
        caveats.append("too few blocks for an interval at this level")
    return Result(
        estimate=ranked.estimate,
        interval=interval,
        p_value=_p_of(log_e),
        statistic=log_e,
        df=None,
        n=values.size,
        level=alpha,
        caveats=tuple(caveats),
    )


def _t_result(measured: FloatArray, alpha: float, phi: float) -> Result:
    by_t = paired_t(measured, level=alpha)
    if by_t.estimate is None or by_t.p_value is None:
        return by_t
    mixture = TMixture(measured, phi)
    radius = float(mixture.radius(alpha)[-1])
    interval = UNBOUNDED
    caveats = by_t.caveats
    if math.isfinite(radius):
        interval = Interval(
            low=by_t.estimate - radius,
            high=by_t.estimate + radius,
            low_included=False,
            high_included=False,
        )
    else:
        caveats = (*caveats, "too few blocks for an interval at this level")
    return replace(
        by_t, interval=interval, p_value=_p_of(float(mixture.log_e()[-1])), caveats=caveats
    )


def _empty_look(n: int, alpha: float) -> Look:
    """A look at which nothing can be estimated."""
    return Look(n=n, used=n, nominal=alpha, crossed=0, p_value=None, reaches=False, inside=False)


def _p_of(log_e: float) -> float:
    """min(1, 1/E)."""
    return math.exp(-max(log_e, 0.0))


def _check_plan(test: PairedTest, alpha: float, max_blocks: int) -> None:
    if test not in ("signed-rank", "t"):
        raise ValueError(f"test must be 'signed-rank' or 't', not {test!r}")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie in (0, 1), not {alpha}")
    if max_blocks < 1:
        raise ValueError(f"max_blocks must be at least 1, not {max_blocks}")
