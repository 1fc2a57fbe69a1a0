"""Permutation tests, descriptive: what the same values would show had the arms been drawn anew.

All arrangements where they can be counted, else a fixed number drawn from a seed: Phipson and Smyth
(2010), Statistical Applications in Genetics and Molecular Biology 9, 39, eq. 2. They show a p and
no interval, and decide nothing.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from gitexp.stats.results import FloatArray, as_values

_SIGNS_UP_TO = 20
_CHOICES_UP_TO = 200_000
_MIDRANKS_UP_TO = 200
_DRAWN = 100_000
_DRAWN_AT_ONCE = 1_000
_SAME = 1e-12
"""Sums closer than this, relative to the largest possible one, are equal."""


def sign_flip_p(d: npt.ArrayLike, *, seed: int) -> float | None:
    """Two-sided p of the mean of the differences over all their signs.

    Fisher (1935), The Design of Experiments, section 21. Exact up to 20 differences. None without
    any difference.

    Args:
        d: Shape (n,), finite, one difference per block.
        seed: Of the drawn signs.

    >>> sign_flip_p([1.0, 2.0, 3.0], seed=1)
    0.25
    """
    values = as_values("d", d)
    if not values.any():
        return None
    values = values / np.max(np.abs(values))
    reach = abs(float(values.sum())) - _SAME * values.size
    if values.size <= _SIGNS_UP_TO:
        sums = np.zeros(1)
        for value in values.tolist():
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(np.abs(sums) >= reach))
    rng = np.random.default_rng(seed)
    extreme = 0
    for _ in range(_DRAWN // _DRAWN_AT_ONCE):
        signs = 2.0 * rng.integers(0, 2, (_DRAWN_AT_ONCE, values.size)) - 1.0
        extreme += int(np.sum(np.abs(signs @ values) >= reach))
    return (1 + extreme) / (1 + _DRAWN)


def difference_of_means_p(
    control: npt.ArrayLike, treatment: npt.ArrayLike, *, seed: int
) -> float | None:
    """Two-sided p of the difference of means over all ways to choose the treatment's values.

    Twice the smaller tail: Pitman (1937), Suppl. JRSS 4, 119. Exact up to 200,000 choices. None
    when all values are equal or an arm has none.

    Args:
        control, treatment: Shapes (n_c,) and (n_t,), finite.
        seed: Of the drawn choices.
    """
    c, t = as_values("control", control), as_values("treatment", treatment)
    pooled = np.concatenate([c, t])
    if min(c.size, t.size) == 0 or pooled.min() == pooled.max():
        return None
    pooled = (pooled - pooled.min()) / (pooled.max() - pooled.min())
    observed = float(pooled[c.size :].sum())
    if math.comb(pooled.size, t.size) <= _CHOICES_UP_TO:
        chosen = np.array(list(itertools.combinations(range(pooled.size), t.size)))
        lower, upper = _tails(pooled[chosen].sum(axis=1), observed, pooled.size)
        return min(1.0, 2.0 * min(lower, upper) / len(chosen))
    rng = np.random.default_rng(seed)
    lower = upper = 1
    for _ in range(_DRAWN // _DRAWN_AT_ONCE):
        shuffled = rng.permuted(np.tile(pooled, (_DRAWN_AT_ONCE, 1)), axis=1)
        tails = _tails(shuffled[:, : t.size].sum(axis=1), observed, pooled.size)
        lower, upper = lower + tails[0], upper + tails[1]
    return min(1.0, 2.0 * min(lower, upper) / (1 + _DRAWN))


def midrank_p(control: npt.ArrayLike, treatment: npt.ArrayLike) -> float | None:
    """Two-sided p of the treatment's sum of midranks, exact given the ties.

    The share of choices whose sum lies as far from its mean: Lehmann (1975), Nonparametrics,
    section 1.4. Up to 200 values, None beyond; None also when all values are equal or an arm has
    none.

    Args:
        control, treatment: Shapes (n_c,) and (n_t,), ±inf where the trial failed.

    >>> midrank_p([1.0, 2.0, 2.0], [3.0, 3.0, 4.0])
    0.1
    """
    c = as_values("control", control, infinite=True)
    t = as_values("treatment", treatment, infinite=True)
    pooled = np.concatenate([c, t])
    if min(c.size, t.size) == 0 or pooled.min() == pooled.max() or pooled.size > _MIDRANKS_UP_TO:
        return None
    _, group, size = np.unique(pooled, return_inverse=True, return_counts=True)
    twice = (2 * np.cumsum(size) - size + 1)[group]  # the first and the last rank of a tie
    # ways[k, s]: choices of k values whose doubled midranks add up to s
    ways = np.zeros((t.size + 1, int(twice.sum()) + 1))
    ways[0, 0] = 1.0
    for rank in twice.tolist():
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    share = ways[t.size] / ways[t.size].sum()
    centre = t.size * (pooled.size + 1)
    distance = np.abs(np.arange(share.size) - centre)
    return float(share[distance >= abs(int(twice[c.size :].sum()) - centre)].sum())


def _tails(sums: FloatArray, observed: float, size: int) -> tuple[int, int]:
    """How many sums are at most the observed one, and how many at least."""
    slack = _SAME * size
    return int(np.sum(sums <= observed + slack)), int(np.sum(sums >= observed - slack))
