"""Critical values of a test that is looked at after every block.

Group-sequential boundaries of Lan and DeMets (1983, Biometrika 70, 659) with their O'Brien-
Fleming-type spending function, computed by the recursion of Armitage, McPherson and Rowe (1969,
JRSS A 132, 235) on Gauss-Legendre nodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from gitexp.stats.results import FloatArray
from gitexp.stats.signed_rank import rejection_count

MAX_LOOKS = 200

_NEGLIGIBLE = 1e-15
"""Error rate too small to solve for: the look is skipped and the rate left to the next one."""
_REACH = 8.5
"""Standard deviations beyond which the density is dropped; less than _NEGLIGIBLE lies there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What each look must reach.

    Attributes:
        looks: Numbers of blocks, increasing.
        critical: c_k on the z scale, one per look; inf while nothing is spent.
        nominal: Two-sided level 2(1 - Phi(c_k)) of each look; 0 while nothing is spent.
        alpha: Two-sided error rate of all looks together.
    """

    looks: tuple[int, ...]
    critical: tuple[float, ...]
    nominal: tuple[float, ...]
    alpha: float


@lru_cache(maxsize=256)
def boundary(*, alpha: float, max_blocks: int, min_blocks: int) -> Boundary:
    """The two-sided boundary with a look after every block from `min_blocks` to `max_blocks`.

    More than 200 looks become 200 equally spaced ones, the last at `max_blocks`. A one-sided
    boundary at level a is one half of the two-sided one at 2a.

    Raises:
        ValueError: unless 0 < alpha < 1 and 1 <= min_blocks <= max_blocks.

    >>> b = boundary(alpha=0.05, max_blocks=20, min_blocks=10)
    >>> b.looks[0], round(b.critical[0], 4), round(b.nominal[0], 5)
    (10, 2.9626, 0.00305)
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie in (0, 1), not {alpha}")
    if not 1 <= min_blocks <= max_blocks:
        raise ValueError(
            f"min_blocks must lie between 1 and max_blocks ({max_blocks}), not {min_blocks}"
        )
    count = min(max_blocks - min_blocks + 1, MAX_LOOKS)
    looks = np.rint(np.linspace(min_blocks, max_blocks, count)).astype(np.int64)
    fractions = looks / max_blocks
    critical = critical_values(fractions, obrien_fleming_spending(fractions, alpha=alpha))
    return Boundary(
        looks=tuple(looks.tolist()),
        critical=tuple(critical.tolist()),
        nominal=tuple((2.0 * ndtr(-critical)).tolist()),
        alpha=alpha,
    )


def obrien_fleming_spending(fractions: npt.ArrayLike, *, alpha: float) -> FloatArray:
    """Two-sided error rate that may be spent up to each information fraction.

    4 (1 - Phi(z / sqrt(t))) with z the upper alpha/4 quantile: Lan and DeMets (1983), eq. for
    alpha_1*, applied to each side.

    Args:
        fractions: Shape (k,), each in (0, 1].
    """
    t = np.asarray(fractions, dtype=np.float64)
    return np.asarray(4.0 * ndtr(ndtri(alpha / 4.0) / np.sqrt(t)), dtype=np.float64)


def critical_values(fractions: npt.ArrayLike, cumulative: npt.ArrayLike) -> FloatArray:
    """Critical values c_k on the z scale that spend exactly the cumulative error rates.

    Accurate to 1e-6 for c_k < 6. Where less than 1e-15 is due the value is inf, and what was due
    is left to the next look.

    Args:
        fractions: Shape (k,), information fractions, increasing, positive.
        cumulative: Shape (k,), two-sided error rate spent up to each look, non-decreasing.

    Raises:
        ValueError: for other shapes or orders.
    """
    t = np.asarray(fractions, dtype=np.float64)
    rates = np.asarray(cumulative, dtype=np.float64)
    if t.ndim != 1 or t.size == 0 or t.shape != rates.shape:
        raise ValueError(f"need one rate per fraction, not shapes {t.shape} and {rates.shape}")
    if not (t[0] > 0.0 and np.all(np.diff(t) > 0.0)):
        raise ValueError(f"fractions must be positive and increasing, not {t.tolist()}")
    if rates[0] < 0.0 or np.any(np.diff(rates) < 0.0) or rates[-1] >= 1.0:
        raise ValueError(f"cumulative rates must not decrease, in [0, 1), not {rates.tolist()}")

    steps = np.sqrt(np.diff(t, prepend=0.0))
    critical = np.full(t.size, np.inf)
    # The path so far as masses at |S| = u; the two signs share one node by symmetry.
    nodes, masses = np.zeros(1), np.ones(1)
    spent = 0.0
    guess = -float(ndtri(max(rates[-1], _NEGLIGIBLE) / 2.0)) * math.sqrt(t[-1])
    for k in range(t.size):
        limit = math.inf
        if rates[k] - spent > _NEGLIGIBLE:
            limit = guess = _solve(nodes, masses, steps[k], rates[k] - spent, guess)
            critical[k] = limit / math.sqrt(t[k])
            spent = float(rates[k])
        if k + 1 < t.size:
            reach = min(limit, _REACH * math.sqrt(t[k]))
            nodes, masses = _advance(nodes, masses, steps[k], reach, min(steps[k], steps[k + 1]))
    return critical


def earliest_rank_look(bound: Boundary) -> int | None:
    """Blocks at the first look at which a signed-rank test could cross at all; None if never.

    >>> earliest_rank_look(boundary(alpha=0.05, max_blocks=100, min_blocks=10))
    21
    """
    for n, level in zip(bound.looks, bound.nominal, strict=True):
        if rejection_count(n, level) > 0:
            return n
    return None


def earliest_t_look(bound: Boundary) -> int | None:
    """Blocks at the first look at which a t-test could cross at all; None if never."""
    for n, level in zip(bound.looks, bound.nominal, strict=True):
        if n >= 2 and level > 0.0:
            return n
    return None


def _solve(nodes: FloatArray, masses: FloatArray, step: float, due: float, guess: float) -> float:
    """The b with P(|S| >= b) = due after a normal step from the masses.

    Newton on the logarithm of the probability, which is concave in b and so is approached from
    one side; halving keeps it inside the bracket where the logarithm is too flat or too steep.
    """
    low, high = 0.0, float(nodes[-1]) + 40.0 * step
    b = min(max(guess, low), high)
    for _ in range(200):
        toward, away = (nodes - b) / step, (-nodes - b) / step
        tail = float(masses @ (ndtr(toward) + ndtr(away)))
        if tail > due:
            low = b
        else:
            high = b
        slope = float(masses @ (_phi(toward) + _phi(away))) / step
        move = tail * (math.log(tail) - math.log(due)) / slope if tail > 0.0 < slope else math.inf
        following = b + move
        if not low < following < high:
            following = (low + high) / 2.0
        if abs(following - b) < 1e-12:
            return following
        b = following
    return b


def _advance(
    nodes: FloatArray, masses: FloatArray, step: float, reach: float, width: float
) -> tuple[FloatArray, FloatArray]:
    """The masses after a normal step, those beyond `reach` removed.

    `width` is the narrowest kernel the new nodes must resolve.
    """
    # Three nodes per kernel width give 1e-9; multiples of 16 let the rule be reused.
    count = 16 * min(math.ceil((16.0 + 3.0 * reach / width) / 16.0), 128)
    x, weights = _gauss_legendre(count)
    at = reach * x
    kernel = _phi((at[:, None] - nodes) / step) + _phi((at[:, None] + nodes) / step)
    return at, reach * weights * (kernel @ masses) / step


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(count)
    return (x + 1.0) / 2.0, weights / 2.0


def _phi(z: FloatArray) -> FloatArray:
    """The standard normal density."""
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), dtype=np.float64)
