"""Error rates of the signed-rank test without chance: all signs in all orders.

Without ties and with symmetric noise the signs of the blocks ordered by size are a uniform chain:
the sign of block n is a fair coin, its place among the n sizes is uniform, both independent of what
was before. So the state after n blocks is one of 2^n strings of signs, whatever the noise.
"""

from __future__ import annotations

import numpy as np

from gitexp.stats.boundaries import Boundary
from gitexp.stats.results import FloatArray, IntArray
from gitexp.stats.signed_rank import rejection_count

MOST_BLOCKS = 22
"""The states of more do not fit a small machine."""


def crossing_probability(plan: Boundary) -> float:
    """P(the signed-rank test crosses at any look), no effect, symmetric noise without ties.

    Raises:
        ValueError: for more than 22 blocks.
    """
    if plan.looks[-1] > MOST_BLOCKS:
        raise ValueError(f"at most {MOST_BLOCKS} blocks, not {plan.looks[-1]}")
    level = dict(zip(plan.looks, plan.nominal, strict=True))
    alive = np.ones(1)
    for n in range(1, plan.looks[-1] + 1):
        alive = _with_a_block(alive, n)
        if n in level:
            k, v = rejection_count(n, level[n]), _statistic(n)
            alive[(v <= k - 1) | (n * (n + 1) // 2 - v <= k - 1)] = 0.0
    return 1.0 - float(alive.sum())


def _with_a_block(mass: FloatArray, n: int) -> FloatArray:
    """Bit r of a state is the sign of the block with rank r+1; the new block takes any rank."""
    grown = np.zeros(2**n)
    for rank in range(n):
        before = mass.reshape(-1, 1, 2**rank)
        grown.reshape(-1, 2, 2**rank)[:] += before / (2.0 * n)
    return grown


def _statistic(n: int) -> IntArray:
    """V, the sum of the ranks with a positive sign, for every state."""
    v = np.zeros(1, dtype=np.int64)
    for rank in range(1, n + 1):
        v = np.concatenate((v, v + rank))
    return v
