"""A normal random walk that is stopped once it has gone too far to either side.

The recursion of Armitage, McPherson and Rowe (1969, JRSS A 132, 235) on Gauss-Legendre nodes. The
walk has no drift and both limits are the same, so the two signs share one node.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from gitexp.stats.results import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Walkers:
    """Where the walks that still go on are.

    Attributes:
        nodes: Shape (m,), distances |S|, increasing.
        masses: Shape (m,), probability at each, of both signs together.
    """

    nodes: FloatArray
    masses: FloatArray


START = Walkers(nodes=np.zeros(1), masses=np.ones(1))


def limit_reached_by(walkers: Walkers, *, step: float, due: float, guess: float) -> float:
    """The b with P(|S| >= b) = due after a normal step of that standard deviation.

    Newton on the logarithm of the probability, which is concave in b and so is approached from
    one side; halving keeps it inside the bracket where the logarithm is too flat or too steep.
    """
    nodes, masses = walkers.nodes, walkers.masses
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


def advance(walkers: Walkers, *, step: float, reach: float, width: float) -> Walkers:
    """The walkers after a normal step, those beyond `reach` removed.

    `width` is the narrowest kernel the new nodes must resolve.
    """
    # Three nodes per kernel width give 1e-9; multiples of 16 let the rule be reused.
    count = 16 * min(math.ceil((16.0 + 3.0 * reach / width) / 16.0), 128)
    x, weights = _gauss_legendre(count)
    at = reach * x
    kernel = _phi((at[:, None] - walkers.nodes) / step) + _phi((at[:, None] + walkers.nodes) / step)
    return Walkers(nodes=at, masses=reach * weights * (kernel @ walkers.masses) / step)


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(count)
    return (x + 1.0) / 2.0, weights / 2.0


def _phi(z: FloatArray) -> FloatArray:
    """The standard normal density."""
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), dtype=np.float64)
