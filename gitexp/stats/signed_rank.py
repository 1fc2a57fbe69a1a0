"""The signed-rank test on the Walsh averages, with ties counted by halves.

With w the M = n(n+1)/2 averages (d_i + d_j)/2, i <= j, and g(x) = #{w < x} + #{w = x}/2, a shift x
is rejected upward when g(x) <= K-1 and downward when M - g(x) <= K-1. The interval is what is not
rejected, so test and interval cannot disagree, ties or not. Null distribution, Walsh averages and
the Hodges-Lehmann estimate: Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods,
sections 3.1 to 3.3.

A block in which only one arm failed has no difference; it takes the worst rank, d = ±inf or ±1e6.
Everything is compared as fl(d_i + d_j) against 2 theta: the rounded sum is monotone in both terms,
so counts found by bisection are those of the full table of sums, to the last bit.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from gitexp.stats.floats import float_at, position
from gitexp.stats.results import (
    UNBOUNDED,
    FloatArray,
    Interval,
    Result,
    as_values,
    check_level,
    not_estimable,
)

WORST_RANK = 1e6
"""d of a block in which only one arm failed, signed by who it harms; ±inf means the same."""

_EXACT_UP_TO = 200
_DIRECT_UP_TO = 600
"""Blocks up to which all sums are written out; more are selected by bisection."""


def signed_rank(d: npt.ArrayLike, *, level: float) -> Result:
    """Signed-rank test of d against zero, the Hodges-Lehmann estimate and its interval.

    Ends and estimates that reach failed blocks are infinite. Without any difference (all d = 0)
    nothing can be estimated: no p, unbounded interval.

    Args:
        d: Shape (n,), one difference per block; ±1e6 or ±inf where only one arm failed.
        level: Two-sided error rate of the interval, in [0, 1).

    >>> signed_rank([-3.0, -1.0, -2.0, -4.0, -6.0, -5.0], level=0.05).interval
    Interval(low=-6.0, high=-1.0, low_included=True, high_included=True)
    """
    return signed_rank_of(coded(as_values("d", d, infinite=True)), level=level)


def signed_rank_of(d: FloatArray, *, level: float) -> Result:
    """`signed_rank` where only ±inf marks failed blocks, and ±1e6 is a measurement."""
    check_level(level)
    n = d.size
    if n == 0:
        return not_estimable(None, n, level, "no complete block yet")
    if not d.any():
        return not_estimable(0.0, n, level, "all differences are zero: nothing to rank")

    values, limit = with_stand_ins(d)
    sums = _sums_of(values)
    below, equal = sums.count(0.0)
    g = below + equal / 2.0
    interval = _interval(sums, rejection_count(n, level), limit)
    caveats = []
    if values.max() == values.min():
        caveats.append("no spread: all differences are equal")
    if rejection_count(n, level) == 0:
        caveats.append("too few blocks for an interval at this level")
    if interval.low == interval.high and not interval.low_included:
        caveats.append("most differences are equal: the interval is empty; measure more finely")
    return Result(
        estimate=_unbounded_beyond(_median(sums), limit),
        interval=interval,
        p_value=p_value(n, g),
        statistic=sums.total - g,
        df=None,
        n=n,
        level=level,
        caveats=tuple(caveats),
    )


def rank_interval(d: FloatArray, *, level: float) -> Interval:
    """The interval of `signed_rank_of` alone, also where all differences are zero."""
    values, limit = with_stand_ins(d)
    return _interval(_sums_of(values), rejection_count(d.size, level), limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalshCounts:
    """How the Walsh averages of every prefix lie about one value.

    Attributes:
        below, equal: Entry k-1 counts the averages of the first k blocks.
    """

    below: tuple[int, ...]
    equal: tuple[int, ...]

    def g(self, n: int) -> float:
        """#{w < theta} + #{w = theta}/2 of the first n blocks."""
        return self.below[n - 1] + self.equal[n - 1] / 2.0

    def crossed(self, n: int, level: float) -> int:
        """+1 when the first n blocks lie significantly above the value, -1 below, else 0."""
        k = rejection_count(n, level)
        g = self.g(n)
        if g <= k - 1:
            return 1
        if n * (n + 1) // 2 - g <= k - 1:
            return -1
        return 0


def walsh_counts(d: npt.ArrayLike, theta: float) -> WalshCounts:
    """The counts for every prefix of d, in O(n log n) comparisons.

    Args:
        d: Shape (n,), in replay order; ±inf where only one arm failed.
        theta: The value to compare with.
    """
    values, _ = with_stand_ins(as_values("d", d, infinite=True), theta)
    twice = 2.0 * theta
    ordered: list[float] = []
    below: list[int] = []
    equal: list[int] = []
    n_below = n_equal = 0
    for x in values.tolist():
        insort(ordered, x)
        if twice == 0.0:  # no rounding: a sum is zero only when the terms are opposite
            start = bisect_left(ordered, -x)
            stop = bisect_right(ordered, -x, lo=start)
        else:
            start = bisect_left(ordered, twice, key=x.__add__)
            stop = bisect_right(ordered, twice, lo=start, key=x.__add__)
        n_below += start
        n_equal += stop - start
        below.append(n_below)
        equal.append(n_equal)
    return WalshCounts(below=tuple(below), equal=tuple(equal))


def estimate_at_least(d: FloatArray, counts: WalshCounts, n: int, x: float) -> bool:
    """Whether the Hodges-Lehmann estimate of the first n blocks is at least x.

    Args:
        counts: `walsh_counts(d, x)`; decides alone unless x falls between the middle two averages.
    """
    total = n * (n + 1) // 2
    below = counts.below[n - 1]
    if 2 * below == total:
        return _median_of(d[:n], x) >= x
    return 2 * below < total


def estimate_at_most(d: FloatArray, counts: WalshCounts, n: int, x: float) -> bool:
    """Whether the Hodges-Lehmann estimate of the first n blocks is at most x."""
    total = n * (n + 1) // 2
    above = total - counts.below[n - 1] - counts.equal[n - 1]
    if 2 * above == total:
        return _median_of(d[:n], x) <= x
    return 2 * above < total


def coded(d: FloatArray) -> FloatArray:
    """d with ±inf for the worst ranks ±1e6."""
    return np.where(np.abs(d) == WORST_RANK, np.copysign(np.inf, d), d)


def with_stand_ins(d: FloatArray, *values: float) -> tuple[FloatArray, float]:
    """d with finite numbers for ±inf, and the largest size that is a measurement.

    The numbers are so large that an average with one of them lies beyond every measurement and
    beyond the given values, whatever the metric's unit. Two opposite failures average to zero.
    """
    failed = np.isinf(d)
    if not failed.any():
        return d, math.inf
    limit = float(np.max(np.abs(d[~failed]), initial=0.0))
    stand_in = max(WORST_RANK, 8.0 * max(limit, *(abs(v) for v in (0.0, *values))))
    return np.where(failed, np.copysign(stand_in, d), d), limit


def p_value(n: int, g: float) -> float:
    """min(1, 2 P(V <= ceil(min(g, M - g)))) for g = g(0) of n blocks."""
    total = n * (n + 1) // 2
    return min(1.0, 2.0 * _null_probability(n, math.ceil(min(g, total - g))))


@lru_cache(maxsize=8192)
def rejection_count(n: int, level: float) -> int:
    """K, the largest k with 2 P(V <= k-1) <= level; 0 when n blocks can never reject.

    V is the tie-free null of the signed-rank statistic: exact up to 200 blocks, beyond that normal
    with continuity correction.
    """
    if n < 1 or level <= 0.0:
        return 0
    if n <= _EXACT_UP_TO:
        return int(np.searchsorted(_null_cdf(n), level / 2.0, side="right"))
    mean, sd = _null_moments(n)
    k = max(0, math.floor(mean + sd * float(ndtri(level / 2.0)) + 0.5))
    # the quantile and the probability round separately; p_value uses the probability
    while k > 0 and 2.0 * _null_probability(n, k - 1) > level:
        k -= 1
    while 2.0 * _null_probability(n, k) <= level:
        k += 1
    return k


class _Table:
    """All sums d_i + d_j, i <= j, written out."""

    def __init__(self, values: FloatArray) -> None:
        i, j = np.triu_indices(values.size)
        self._sums = np.sort(values[i] + values[j])
        self.total = self._sums.size

    def count(self, x: float) -> tuple[int, int]:
        """How many sums lie below x, and how many are equal to it."""
        start = int(np.searchsorted(self._sums, x, side="left"))
        return start, int(np.searchsorted(self._sums, x, side="right")) - start

    def at(self, rank: int) -> float:
        """The sum of that rank, counted from 1."""
        return float(self._sums[rank - 1])


class _Bisection:
    """The same without the table, for many blocks."""

    def __init__(self, values: FloatArray) -> None:
        self._ordered = np.sort(values)
        self.total = values.size * (values.size + 1) // 2

    def count(self, x: float) -> tuple[int, int]:
        below = self._preceding(x, np.less)
        return below, self._preceding(x, np.less_equal) - below

    def at(self, rank: int) -> float:
        """The smallest float with at least `rank` sums up to it.

        Bisects the floats themselves, in their order, and therefore ends on the exact sum.
        """
        low = position(2.0 * float(self._ordered[0])) - 1
        high = position(2.0 * float(self._ordered[-1]))
        while high - low > 1:
            middle = (low + high) // 2
            if self._preceding(float_at(middle), np.less_equal) >= rank:
                high = middle
            else:
                low = middle
        return float_at(high)

    def _preceding(self, x: float, precedes: np.ufunc) -> int:
        """Pairs i <= j with precedes(ordered[i] + ordered[j], x).

        A bisection of all i at once: numpy's own searches for x - ordered[i], which rounds
        differently from the sum.
        """
        n = self._ordered.size
        low = np.zeros(n, dtype=np.int64)
        high = np.full(n, n, dtype=np.int64)
        for _ in range(n.bit_length()):
            middle = np.minimum((low + high) // 2, n - 1)
            right = precedes(self._ordered + self._ordered[middle], x) & (low < high)
            low = np.where(right, middle + 1, low)
            high = np.where(right, high, np.minimum(middle, high))
        return int(np.maximum(low - np.arange(n), 0).sum())


def _sums_of(values: FloatArray) -> _Table | _Bisection:
    return _Table(values) if values.size <= _DIRECT_UP_TO else _Bisection(values)


def _interval(sums: _Table | _Bisection, k: int, limit: float) -> Interval:
    """The shifts that are not rejected: from w_(K) to w_(M+1-K)."""
    if k == 0:
        return UNBOUNDED
    low, high = sums.at(k), sums.at(sums.total + 1 - k)
    below, equal = sums.count(low)
    low_included = below + equal / 2.0 > k - 1
    below, equal = sums.count(high)
    high_included = sums.total - (below + equal / 2.0) > k - 1
    low, high = _unbounded_beyond(low / 2.0, limit), _unbounded_beyond(high / 2.0, limit)
    return Interval(
        low=low,
        high=high,
        low_included=low_included and math.isfinite(low),
        high_included=high_included and math.isfinite(high),
    )


def _median_of(d: FloatArray, x: float) -> float:
    """The median of the Walsh averages; where it is unbounded, some number beyond x."""
    values, _ = with_stand_ins(d, x)
    return _median(_sums_of(values))


def _median(sums: _Table | _Bisection) -> float:
    """The median of the Walsh averages."""
    lower = sums.at((sums.total + 1) // 2)
    upper = sums.at(sums.total // 2 + 1) if sums.total % 2 == 0 else lower
    return (lower + upper) / 4.0


def _unbounded_beyond(x: float, limit: float) -> float:
    return x if abs(x) <= limit else math.copysign(math.inf, x)


def _null_probability(n: int, v: int) -> float:
    """P(V <= v) without ties."""
    if v < 0:
        return 0.0
    if n <= _EXACT_UP_TO:
        cdf = _null_cdf(n)
        return float(cdf[min(v, cdf.size - 1)])
    mean, sd = _null_moments(n)
    return float(ndtr((v + 0.5 - mean) / sd))


def _null_moments(n: int) -> tuple[float, float]:
    return n * (n + 1) / 4.0, math.sqrt(n * (n + 1) * (2 * n + 1) / 24.0)


@lru_cache(maxsize=_EXACT_UP_TO + 1)
def _null_cdf(n: int) -> FloatArray:
    return np.cumsum(_null_pmf(n))


@lru_cache(maxsize=_EXACT_UP_TO + 1)
def _null_pmf(n: int) -> FloatArray:
    """P(V = v) for v = 0 … n(n+1)/2, from the one of n-1: rank n is positive or not."""
    if n == 0:
        return np.ones(1)
    smaller = _null_pmf(n - 1) / 2.0
    pmf = np.zeros(smaller.size + n)
    pmf[: smaller.size] += smaller
    pmf[n:] += smaller
    return pmf
