"""The tests of gitexp.stats for many experiments at once.

The rules are those of gitexp.stats.signed_rank and gitexp.stats.student, and their arithmetic is
too, operation by operation, so that ties fall alike to the last bit. `proof.py` compares the two.

Arrays have one row per block and one column per experiment: a look needs one row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gitexp.stats.results import BoolArray, FloatArray, IntArray
from gitexp.stats.signed_rank import WORST_RANK, rejection_count
from gitexp.stats.student import t_p_value, t_quantile

_NO_SPREAD = 1e-12
_UNDERFLOW = 1e-60
MOST_BLOCKS = 255
"""More would overflow the counters of `_twice_g`."""


class RankTest:
    """The signed-rank test on the Walsh averages, ties by halves.

    Args:
        d: Shape (experiments, blocks); ±inf where only one arm failed.
        theta: The value to test against.
    """

    def __init__(self, d: FloatArray, theta: float = 0.0) -> None:
        self._twice_g = _twice_g(d, theta)
        self._leading_zeros = np.where(d.any(axis=1), np.argmax(d != 0.0, axis=1), d.shape[1])

    def estimable(self, n: int) -> BoolArray:
        return np.asarray(n > self._leading_zeros)

    def g(self, n: int) -> FloatArray:
        """#{w < theta} + #{w = theta}/2 of the first n blocks."""
        return np.asarray(self._twice_g[n - 1] / 2.0)

    def crossed(self, n: int, level: float) -> IntArray:
        return self.rejected(n, rejection_count(n, level))

    def rejected(self, n: int, k: int | IntArray) -> IntArray:
        """`crossed` with K given, one for all experiments or one for each."""
        twice_g, most = self._twice_g[n - 1], n * (n + 1)
        above, below = twice_g <= 2 * (k - 1), most - twice_g <= 2 * (k - 1)
        return np.where(above, 1, np.where(below, -1, 0))

    def covers(self, used: IntArray, level: FloatArray) -> BoolArray:
        """Whether the interval of the first `used` blocks holds theta, per experiment."""
        every = np.arange(used.size)
        counts = zip(used.tolist(), level.tolist(), strict=True)
        k = np.array([rejection_count(n, level_n) for n, level_n in counts])
        twice_g, most = self._twice_g[used - 1, every], used * (used + 1)
        inside = (twice_g > 2 * (k - 1)) & (most - twice_g > 2 * (k - 1))
        return np.asarray(inside | (used <= self._leading_zeros))


class TTest:
    """Student's t on d, blocks with one failed arm left out.

    Args:
        d: Shape (experiments, blocks); ±inf where only one arm failed.
        theta: The value to test against.
    """

    def __init__(self, d: FloatArray, theta: float = 0.0) -> None:
        values = np.ascontiguousarray(d.T)
        measured = np.isfinite(values)
        self._size = np.cumsum(measured, axis=0)
        self._mean, sd, spread = _running_moments(values, measured)
        self._estimable = spread & (self._size > 1)
        self._theta = theta
        self._p: dict[int, FloatArray] = {}  # each costs most of a look
        with np.errstate(divide="ignore", invalid="ignore"):
            self._se = sd / np.sqrt(self._size)

    def estimable(self, n: int) -> BoolArray:
        return np.asarray(self._estimable[n - 1])

    def p_value(self, n: int) -> FloatArray:
        """Two-sided; 1 where there is none."""
        if n not in self._p:
            ok = self._estimable[n - 1]
            t = (self._mean[n - 1] - self._theta) / np.where(ok, self._se[n - 1], 1.0)
            df = np.where(ok, self._size[n - 1] - 1, 1).astype(np.float64)
            self._p[n] = np.where(ok, t_p_value(t, df), 1.0)
        return self._p[n]

    def crossed(self, n: int, level: float) -> IntArray:
        crossed = (self.p_value(n) <= level) & (level > 0.0)
        return np.where(crossed, np.sign(self._mean[n - 1] - self._theta), 0.0).astype(np.int64)

    def covers(self, used: IntArray, level: FloatArray) -> BoolArray:
        """Whether the interval of the first `used` blocks holds theta, per experiment."""
        at = used - 1, np.arange(used.size)
        ok = self._estimable[at]
        df = np.where(ok, self._size[at] - 1, 1).astype(np.float64)
        radius = t_quantile(level, df) * np.where(ok, self._se[at], 1.0)
        low, high = self._mean[at] - radius, self._mean[at] + radius
        return np.asarray(~ok | (level == 0.0) | ((low <= self._theta) & (self._theta <= high)))


def lost(d: FloatArray, good: int) -> BoolArray:
    """Where the treatment has failed more often than the control, shape (blocks, experiments)."""
    failures = np.where(np.isinf(d), np.sign(d), 0.0).T
    return np.asarray(np.cumsum(failures, axis=0) * good < 0.0)


def _twice_g(d: FloatArray, theta: float) -> IntArray:
    """2 g of every prefix, shape (blocks, experiments): a whole number, ties and all.

    Block n adds the averages (d_j + d_n)/2, j <= n, which are compared as fl(d_j + d_n) with
    2 theta.
    """
    blocks = d.shape[1]
    if blocks > MOST_BLOCKS:
        raise ValueError(f"at most {MOST_BLOCKS} blocks, not {blocks}")
    values = np.ascontiguousarray(_with_stand_ins(d, theta).T)
    twice = 2.0 * theta
    added = np.empty(values.shape, dtype=np.int64)
    for n in range(blocks):
        sums = values[: n + 1] + values[n]
        added[n] = _count(sums < twice)
        added[n] += _count(sums <= twice)
    return np.cumsum(added, axis=0)


def _count(where: BoolArray) -> npt.NDArray[np.uint8]:
    """True entries per column; bytes add up several times faster than the default."""
    counts: npt.NDArray[np.uint8] = np.add.reduce(where.view(np.uint8), axis=0, dtype=np.uint8)
    return counts


def _with_stand_ins(d: FloatArray, theta: float) -> FloatArray:
    """`gitexp.stats.signed_rank.with_stand_ins` for every experiment."""
    failed = np.isinf(d)
    limit = np.max(np.where(failed, 0.0, np.abs(d)), axis=1, initial=0.0)
    stand_in = np.maximum(WORST_RANK, 8.0 * np.maximum(limit, abs(theta)))
    return np.where(failed, np.copysign(stand_in[:, None], d), d)


def _running_moments(
    values: FloatArray, measured: BoolArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Mean, sd and whether there is spread after every block, of what was measured.

    `gitexp.stats.student.running_moments` (Welford) for every experiment.
    """
    mean, squares = np.empty(values.shape), np.empty(values.shape)
    m, m2 = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    size = np.zeros(values.shape[1])
    finite = np.where(measured, values, 0.0)
    for n, (x, here) in enumerate(zip(finite, measured, strict=True)):
        size = size + here
        delta = x - m
        m = np.where(here, m + delta / np.maximum(size, 1.0), m)
        m2 = np.where(here, m2 + delta * (x - m), m2)
        mean[n], squares[n] = m, m2
    top = np.maximum.accumulate(np.where(measured, values, -np.inf), axis=0)
    bottom = np.minimum.accumulate(np.where(measured, values, np.inf), axis=0)
    df = np.cumsum(measured, axis=0) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.sqrt(squares / df)
        rounding = _NO_SPREAD * np.maximum(np.abs(top), np.abs(bottom))
        spread = top - bottom > np.maximum(rounding, _UNDERFLOW)
    return mean, sd, spread
