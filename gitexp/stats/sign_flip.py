"""The sign-flip process: evidence against a centre that holds for any noise, at any time.

The order of the arms within a block is drawn at random, so without an effect the sign of d_i is a
fair coin whatever its size. A bet on the sign at odds exp(x) / cosh(x), x any odd function of d_i
chosen from what is known of the sizes so far, then multiplies the stake by one on average. With
x_i = lambda clip(d_i / s_i, ±3), s_i = 1.4826 median |d_1 … d_i|, the product of these bets,
averaged over a few lambda, exceeds 1/alpha at any time with probability alpha at most (Ville's
inequality). The bets are those of de la Peña (1999), Annals of Probability 27, 537, for symmetric
variables; Ramdas, Ruf, Larsson and Koolen (2020), arXiv 2009.03167, section 5.

Blocks in which only one arm failed are d = ±inf and count as the largest bet, x = ±3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gitexp.stats.results import FloatArray, Interval
from gitexp.stats.signed_rank import estimate_at_least, estimate_at_most, walsh_counts

LAMBDAS = (0.1, 0.2, 0.4, 0.8, 1.6)

_CLIP = 3.0
_MAD_TO_SD = 1.4826
_FAR = 1e8
_BISECTIONS = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip:
    """The evidence of every prefix against one centre, by its side.

    Attributes:
        up, down: Shape (n,), ln E of the bets that the values lie above the centre, and below it.
    """

    up: FloatArray
    down: FloatArray

    @property
    def both(self) -> FloatArray:
        """ln E over the bets on both sides, their average."""
        return np.logaddexp(self.up, self.down) - math.log(2.0)


def sign_flip(d: FloatArray, centre: float) -> SignFlip:
    """The process for every prefix of d, whatever follows it.

    Args:
        d: Shape (n,), in replay order; ±inf where only one arm failed.
        centre: Finite.
    """
    bets = np.array(LAMBDAS)[:, None] * _standardized(d - centre)
    return SignFlip(up=_log_e(bets), down=_log_e(-bets))


class FlipTest:
    """Sign-flip tests of every prefix against one centre."""

    def __init__(self, values: FloatArray, centre: float) -> None:
        self._values, self._centre = values, centre
        found = sign_flip(values, centre)
        self._up, self._down, self._both = found.up.tolist(), found.down.tolist(), found.both
        self._counts = walsh_counts(values, centre)

    def log_e(self, n: int) -> float:
        """ln E_n; 0 where the bets and the estimate do not lie on the same side.

        Bets made early, on a small scale, can outweigh a later change of sides.
        """
        return float(self._both[n - 1]) if self._side(n) else 0.0

    def crossed(self, n: int, alpha: float) -> int:
        """+1 when the first n blocks lie significantly above the centre, -1 below, else 0."""
        return self._side(n) if self._both[n - 1] >= -math.log(alpha) else 0

    def crossed_one_sided(self, n: int, sign: int, alpha: float) -> bool:
        """Whether the bets on that side alone reach 1/alpha."""
        log_e = self._up[n - 1] if sign > 0 else self._down[n - 1]
        return log_e >= -math.log(alpha) and self._side(n) == sign

    def estimate_is_at_least(self, n: int) -> bool:
        """Whether the Hodges-Lehmann estimate of the first n blocks is the centre or more."""
        return estimate_at_least(self._values, self._counts, n, self._centre)

    def estimate_is_at_most(self, n: int) -> bool:
        """Whether it is the centre or less."""
        return estimate_at_most(self._values, self._counts, n, self._centre)

    def _side(self, n: int) -> int:
        """The side that both the bets and the estimate favour; 0 when they differ."""
        up, down = self._up[n - 1], self._down[n - 1]
        if up > down and not self.estimate_is_at_most(n):
            return 1
        if down > up and not self.estimate_is_at_least(n):
            return -1
        return 0


def flip_interval(
    values: FloatArray, *, estimate: float, alpha: float, split: float, one_sided: bool
) -> Interval:
    """The centres that the sign-flip process does not reject; `split` as in `_lower_limit`."""
    low = _lower_limit(values, estimate=estimate, alpha=alpha, split=split, one_sided=one_sided)
    high = -_lower_limit(
        -values, estimate=-estimate, alpha=alpha, split=-split, one_sided=one_sided
    )
    return Interval(
        low=low,
        high=high,
        low_included=math.isfinite(low),
        high_included=math.isfinite(high),
    )


def earliest_flip_crossing(*, alpha: float) -> int:
    """Blocks from which the two-sided process can cross at all: all bets are the largest ones."""
    n = 1
    while sign_flip(np.full(n, np.inf), 0.0).both[-1] < -math.log(alpha):
        n += 1
    return n


def running_median(values: FloatArray) -> FloatArray:
    """The median of every prefix, in O(n log n).

    Goes backwards: from a sorted, linked list of all values the latest is taken out, step by step,
    and the middle moves by one place at most.
    """
    n = values.size
    order = np.argsort(values, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    places, ordered = place.tolist(), values[order].tolist()
    before, after = list(range(-1, n - 1)), list(range(1, n + 1))
    medians = [0.0] * n
    middle = (n - 1) // 2  # of an even number, the lower one
    for size in range(n, 0, -1):
        low = ordered[middle]
        is_even = size % 2 == 0
        medians[size - 1] = (low + ordered[after[middle]]) / 2.0 if is_even else low
        out = places[size - 1]
        if is_even and out <= middle:
            middle = after[middle]
        elif not is_even and out >= middle:
            middle = before[middle]
        if before[out] >= 0:
            after[before[out]] = after[out]
        if after[out] < n:
            before[after[out]] = before[out]
    return np.array(medians)


def _lower_limit(
    d: FloatArray, *, estimate: float, alpha: float, split: float, one_sided: bool
) -> float:
    """The smallest centre that is not rejected as too low; inf where it lies among failed blocks.

    A centre below the estimate is rejected when ln E reaches ln(1/alpha) and more of it comes from
    the bets upward. The search goes outward from the estimate; an end is a centre not rejected, to
    1e-10 of its distance. `split` itself is always on the side where its own test puts it. The
    upper limit of d is the negative of the lower limit of -d.

    Far below all values x is 1/1.4826 throughout. Where even that is not enough to reject, there
    are too few blocks for a limit, unless `split` is rejected.

    Args:
        estimate: The centre that is not rejected, infinite where failed blocks dominate it.
        split: A centre whose own test the limit must agree with.
        one_sided: Whether the bets upward count alone.
    """

    def is_rejected(centre: float) -> bool:
        found = sign_flip(d, centre)
        log_e = found.up if one_sided else found.both
        return bool(log_e[-1] >= -math.log(alpha) and found.up[-1] > found.down[-1])

    if estimate == -math.inf:
        return -math.inf
    measured = d[np.isfinite(d)]
    top = estimate
    if estimate == math.inf:
        top = float(measured.max()) if measured.size else split
        if is_rejected(top):
            return math.inf

    distances = np.abs(measured - top)
    reach = float(distances.max(initial=0.0)) or max(abs(top), abs(top - split), 1.0)
    accepted, rejected = top, top - _FAR * reach
    if split < top and is_rejected(split):
        rejected = split
    elif is_rejected(rejected):
        accepted = min(top, split)
    else:
        return -math.inf
    step = (float(np.median(distances)) if measured.size else 0.0) or reach
    while accepted - step > rejected:
        if is_rejected(accepted - step):
            rejected = accepted - step
            break
        accepted -= step
        step *= 2.0
    for _ in range(_BISECTIONS):
        middle = (accepted + rejected) / 2.0
        if is_rejected(middle):
            rejected = middle
        else:
            accepted = middle
    return accepted


def _standardized(d: FloatArray) -> FloatArray:
    """clip(d_i / s_i, ±3); where most values are zero, the others count as ±3."""
    scale = _MAD_TO_SD * running_median(np.abs(d))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = np.clip(d / scale, -_CLIP, _CLIP)
    x = np.where(np.isinf(d), np.copysign(_CLIP, d), x)
    return np.where(d == 0.0, 0.0, x)


def _log_e(bets: FloatArray) -> FloatArray:
    """ln of the mean over lambda of the products of exp(x) / cosh(x) = 2 / (1 + exp(-2x))."""
    products = np.cumsum(math.log(2.0) - np.logaddexp(0.0, -2.0 * bets), axis=1)
    return np.asarray(
        np.logaddexp.reduce(products, axis=0) - math.log(len(LAMBDAS)), dtype=np.float64
    )
