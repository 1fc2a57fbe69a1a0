"""The Mann-Whitney test on the differences of two independent arms, with ties counted by halves.

With the M = n_c n_t differences t_j - c_i and g(x) = #{t - c < x} + #{t - c = x}/2, a shift x is
rejected upward when g(x) <= K-1 and downward when M - g(x) <= K-1: the rule of the signed-rank
test, so test and interval cannot disagree. Null distribution, differences and the Hodges-Lehmann
estimate: Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods, sections 4.1 to
4.3.

A failed trial takes the worst rank, ±inf. Two failed trials of opposite arms are equal whatever the
shift: each such pair counts one half to both sides and has no difference. Everything is compared as
fl(t - c), monotone in both terms, so counts found by bisection are those of the full table.

The null distribution is that without ties. With few and very coarse values the error rate can pass
the level: given the ties it is at most 0.0591 at level 0.05 (8 and 8 values in three groups, the
worst pattern of 4 to 30 per arm that was searched); `permutation.midrank_p` is exact there.
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
    BoolArray,
    FloatArray,
    Interval,
    Result,
    as_values,
    check_level,
    not_estimable,
)

_EXACT_UP_TO = 10_000
"""Differences up to which the null distribution is counted out: 100 values in each arm."""


def mann_whitney(control: npt.ArrayLike, treatment: npt.ArrayLike, *, level: float) -> Result:
    """Mann-Whitney test of treatment against control, the Hodges-Lehmann shift and its interval.

    Ends and estimates that reach failed trials are infinite. When all values are equal nothing can
    be estimated: no p, unbounded interval. The statistic is U of the treatment, the pairs in which
    it is larger.

    Args:
        control: Shape (n_c,), ±inf where the trial failed.
        treatment: Shape (n_t,), likewise.
        level: Two-sided error rate of the interval, in [0, 1).

    >>> mann_whitney([1.0, 2.0, 4.0, 8.0], [11.0, 12.0, 14.0, 18.0], level=0.05).interval
    Interval(low=3.0, high=17.0, low_included=True, high_included=True)
    """
    c = as_values("control", control, infinite=True)
    t = as_values("treatment", treatment, infinite=True)
    check_level(level)
    n = c.size + t.size
    if c.size == 0 or t.size == 0:
        return not_estimable(None, n, level, "an arm has no values yet")
    differences = _Differences(c, t)
    if min(c.min(), t.min()) == max(c.max(), t.max()):
        estimate = 0.0 if differences.total else None
        return not_estimable(estimate, n, level, "all values are equal: nothing to rank")

    g = differences.g(0.0)
    k = rejection_count(c.size, t.size, level)
    interval = _interval(differences, k)
    caveats = []
    if k == 0:
        caveats.append("too few values for an interval at this level")
    if interval.low == interval.high and not interval.low_included:
        caveats.append("most differences are equal: the interval is empty; measure more finely")
    return Result(
        estimate=differences.median(),
        interval=interval,
        p_value=p_value(c.size, t.size, g),
        statistic=c.size * t.size - g,
        df=None,
        n=n,
        level=level,
        caveats=tuple(caveats),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How the differences of every prefix lie about one value.

    Attributes:
        n_c, n_t: Entry k-1 counts the values of each arm among the first k.
        below, equal: Entry k-1 counts the differences of the first k values; two failed trials
            count as equal.
    """

    n_c: tuple[int, ...]
    n_t: tuple[int, ...]
    below: tuple[int, ...]
    equal: tuple[int, ...]

    def g(self, n: int) -> float:
        """#{t - c < theta} + #{t - c = theta}/2 of the first n values."""
        return self.below[n - 1] + self.equal[n - 1] / 2.0

    def above(self, n: int) -> int:
        """#{t - c > theta} of the first n values."""
        return self.n_c[n - 1] * self.n_t[n - 1] - self.below[n - 1] - self.equal[n - 1]

    def crossed(self, n: int, level: float) -> int:
        """+1 when the treatment lies significantly above the value, -1 below, else 0."""
        n_c, n_t = self.n_c[n - 1], self.n_t[n - 1]
        k = rejection_count(n_c, n_t, level)
        g = self.g(n)
        if g <= k - 1:
            return 1
        if n_c * n_t - g <= k - 1:
            return -1
        return 0


def pair_counts(values: FloatArray, is_treatment: BoolArray, theta: float) -> PairCounts:
    """The counts for every prefix, in O(n log n) comparisons.

    Args:
        values: Shape (n,), in replay order; ±inf where the trial failed.
        is_treatment: Shape (n,).
        theta: The value to compare with, finite.
    """
    control: list[float] = []
    treatment: list[float] = []
    counts: list[tuple[int, int, int, int]] = []
    below = equal = 0
    for x, treated in zip(values.tolist(), is_treatment.tolist(), strict=True):
        if treated:  # x - c < theta where c - x > -theta
            less, same = _about(control, x, -theta)
            below += len(control) - less - same
            insort(treatment, x)
        else:
            less, same = _about(treatment, x, theta)
            below += less
            insort(control, x)
        equal += same
        counts.append((len(control), len(treatment), below, equal))
    n_c, n_t, n_below, n_equal = zip(*counts, strict=True) if counts else ((), (), (), ())
    return PairCounts(n_c=n_c, n_t=n_t, below=n_below, equal=n_equal)


def shift_at_least(
    values: FloatArray, is_treatment: BoolArray, counts: PairCounts, n: int, x: float
) -> bool:
    """Whether the Hodges-Lehmann shift of the first n values is at least x.

    Args:
        counts: `pair_counts(values, is_treatment, x)`; decides alone unless x falls between the
            middle two differences.
    """
    differences = _Differences(values[:n][~is_treatment[:n]], values[:n][is_treatment[:n]])
    below = counts.below[n - 1]
    if 2 * below == differences.total:
        return differences.middle() >= x
    return 2 * below < differences.total


def shift_at_most(
    values: FloatArray, is_treatment: BoolArray, counts: PairCounts, n: int, x: float
) -> bool:
    """Whether the Hodges-Lehmann shift of the first n values is at most x."""
    differences = _Differences(values[:n][~is_treatment[:n]], values[:n][is_treatment[:n]])
    above = counts.above(n)
    if 2 * above == differences.total:
        return differences.middle() <= x
    return 2 * above < differences.total


def p_value(n_c: int, n_t: int, g: float) -> float:
    """min(1, 2 P(U <= ceil(min(g, M - g)))) for g = g(0) of n_c and n_t values."""
    return min(1.0, 2.0 * _null_probability(n_c, n_t, math.ceil(min(g, n_c * n_t - g))))


@lru_cache(maxsize=8192)
def rejection_count(n_c: int, n_t: int, level: float) -> int:
    """K, the largest k with 2 P(U <= k-1) <= level; 0 when so few values can never reject.

    U is the tie-free null of the Mann-Whitney statistic: exact up to 10,000 differences, beyond
    that normal with continuity correction.

    >>> rejection_count(3, 3, 0.05), rejection_count(4, 4, 0.05)
    (0, 1)
    """
    if min(n_c, n_t) < 1 or level <= 0.0:
        return 0
    if n_c * n_t <= _EXACT_UP_TO:
        cdf = _lower_cdf(min(n_c, n_t), max(n_c, n_t))
        return int(np.searchsorted(cdf, level / 2.0, side="right"))
    mean, sd = _null_moments(n_c, n_t)
    k = max(0, math.floor(mean + sd * float(ndtri(level / 2.0)) + 0.5))
    # the quantile and the probability round separately; p_value uses the probability
    while k > 0 and 2.0 * _null_probability(n_c, n_t, k - 1) > level:
        k -= 1
    while 2.0 * _null_probability(n_c, n_t, k) <= level:
        k += 1
    return k


class _Differences:
    """All t_j - c_i that are not of two failed trials, found by bisection.

    Attributes:
        total: Their number.
        undecided: Pairs of two failed trials, equal whatever the shift.
    """

    def __init__(self, control: FloatArray, treatment: FloatArray) -> None:
        self._control = np.sort(control)
        self._treatment = treatment
        self.undecided = sum(
            int(np.sum(control == worst)) * int(np.sum(treatment == worst))
            for worst in (math.inf, -math.inf)
        )
        self.total = control.size * treatment.size - self.undecided

    def g(self, x: float) -> float:
        """#{t - c < x} + #{t - c = x}/2, undecided pairs counted as equal."""
        below = self._preceding(x, np.less)
        equal = self._preceding(x, np.less_equal) - below
        return below + (equal + self.undecided) / 2.0

    def at(self, rank: int) -> float:
        """The difference of that rank, counted from 1: the smallest with so many up to it.

        Bisects the floats themselves, in their order, and therefore ends on the exact difference.
        """
        low, high = position(-math.inf) - 1, position(math.inf)
        while high - low > 1:
            middle = (low + high) // 2
            if self._preceding(float_at(middle), np.less_equal) >= rank:
                high = middle
            else:
                low = middle
        return float_at(high)

    def median(self) -> float | None:
        """Their median; None without any, or between two opposite infinities."""
        if self.total == 0:
            return None
        middle = self.middle()
        return None if math.isnan(middle) else middle

    def middle(self) -> float:
        """The middle difference or the mean of the middle two; nan of opposite infinities."""
        lower = self.at((self.total + 1) // 2)
        upper = self.at(self.total // 2 + 1) if self.total % 2 == 0 else lower
        return lower if lower == upper else lower / 2.0 + upper / 2.0

    def _preceding(self, x: float, precedes: np.ufunc) -> int:
        """Differences with precedes(t - c, x).

        A bisection for all t at once: along rising c the differences fall, so that those preceding
        x come last. Two failed trials give nan, which precedes nothing and lies where it must.
        """
        n = self._control.size
        low = np.zeros(self._treatment.size, dtype=np.int64)
        high = np.full(self._treatment.size, n, dtype=np.int64)
        with np.errstate(invalid="ignore"):
            for _ in range(n.bit_length()):
                middle = np.minimum((low + high) // 2, n - 1)
                left = precedes(self._treatment - self._control[middle], x) | (low >= high)
                low = np.where(left, low, middle + 1)
                high = np.where(left, np.minimum(middle, high), high)
        return int((n - low).sum())


def _about(ordered: list[float], x: float, theta: float) -> tuple[int, int]:
    """How many y - x lie below theta, and how many are equal to it or of two failed trials."""
    if theta == 0.0 or math.isinf(x):  # no rounding: the difference is zero only when y is x
        start = bisect_left(ordered, x)
        return start, bisect_right(ordered, x, lo=start) - start
    start = bisect_left(ordered, theta, key=(-x).__add__)
    return start, bisect_right(ordered, theta, lo=start, key=(-x).__add__) - start


def _interval(differences: _Differences, k: int) -> Interval:
    """The shifts that are not rejected: g(x) > K-1 and M - g(x) > K-1.

    The undecided pairs give one half each to both sides, so the differences need to give less.
    """
    if k == 0:
        return UNBOUNDED
    rank = math.floor(k - 1 - differences.undecided / 2.0) + 1
    if rank < 1:
        return UNBOUNDED
    low, high = differences.at(rank), differences.at(differences.total + 1 - rank)
    total = differences.total + differences.undecided
    return Interval(
        low=low,
        high=high,
        low_included=math.isfinite(low) and differences.g(low) > k - 1,
        high_included=math.isfinite(high) and total - differences.g(high) > k - 1,
    )


def _null_probability(n_c: int, n_t: int, u: int) -> float:
    """P(U <= u) without ties; 1 for u in the upper half, of which no test asks."""
    if u < 0:
        return 0.0
    if n_c * n_t <= _EXACT_UP_TO:
        cdf = _lower_cdf(min(n_c, n_t), max(n_c, n_t))
        return float(cdf[u]) if u < cdf.size else 1.0
    mean, sd = _null_moments(n_c, n_t)
    return float(ndtr((u + 0.5 - mean) / sd))


def _null_moments(n_c: int, n_t: int) -> tuple[float, float]:
    return n_c * n_t / 2.0, math.sqrt(n_c * n_t * (n_c + n_t + 1) / 12.0)


@lru_cache(maxsize=512)
def _lower_cdf(m: int, n: int) -> FloatArray:
    """P(U <= u) for u = 0 … mn/2, m <= n.

    The counts are the coefficients of the Gaussian binomial, the product over i = 1 … m of
    (1 - q^(n+i)) / (1 - q^i): Mann and Whitney (1947), Ann. Math. Stat. 18, 50, and Andrews (1976),
    The Theory of Partitions, section 3.2. Each factor times i / (n+i) keeps the sum at one.
    Coefficients of low powers depend on lower ones alone, so the small tail loses no digits.
    """
    size = m * n // 2 + 1
    pmf = np.zeros(size)
    pmf[0] = 1.0
    for i in range(1, m + 1):
        if n + i < size:
            pmf[n + i :] -= pmf[: -(n + i)].copy()
        rows = -(-size // i)
        padded = np.zeros(rows * i)
        padded[:size] = pmf
        pmf = np.cumsum(padded.reshape(rows, i), axis=0).reshape(-1)[:size] * (i / (n + i))
    return np.cumsum(pmf)
