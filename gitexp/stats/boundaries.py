"""Critical values of a test that is looked at after every block.

Group-sequential boundaries of Lan and DeMets (1983, Biometrika 70, 659) with their O'Brien-
Fleming-type or Pocock-type spending function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, assert_never

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from gitexp.stats.results import FloatArray
from gitexp.stats.walk import START, advance, limit_reached_by

Spending = Literal["obf", "pocock"]
"""When the error rate is spent: late (O'Brien-Fleming type) or evenly (Pocock type)."""

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
def boundary(
    *,
    alpha: float,
    max_blocks: int,
    min_blocks: int,
    spending: Spending = "obf",
    ends_at: int | None = None,
) -> Boundary:
    """The two-sided boundary with a look after every block from `min_blocks` to `max_blocks`.

    More than 200 looks become 200 equally spaced ones, the last at `max_blocks`. A one-sided
    boundary at level a is one half of the two-sided one at 2a.

    Args:
        ends_at: Number of blocks at which the schedule is cut: the looks before it stay as they
            were, and one at `ends_at` itself spends all that is left. Before the first look it is
            the only one and spends everything; whether so few blocks may decide is for the caller
            to say (one block never can: no test has a p-value for it). From `max_blocks` on it
            changes nothing. The error rate holds only if the data had no say in this number, as
            when a date fixed beforehand ends an experiment whose results nobody saw.

    Raises:
        ValueError: unless 0 < alpha < 1, 1 <= min_blocks <= max_blocks and ends_at >= 1.

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
    if ends_at is not None and ends_at < 1:
        raise ValueError(f"ends_at must be at least 1, not {ends_at}")
    if ends_at is not None and ends_at < max_blocks:
        full = boundary(
            alpha=alpha, max_blocks=max_blocks, min_blocks=min_blocks, spending=spending
        )
        return _cut(full, ends_at, spending=spending)
    count = min(max_blocks - min_blocks + 1, MAX_LOOKS)
    looks = np.rint(np.linspace(min_blocks, max_blocks, count)).astype(np.int64)
    fractions = looks / max_blocks
    critical = critical_values(fractions, _spent(fractions, alpha=alpha, spending=spending))
    return _boundary(looks.tolist(), critical, alpha=alpha)


def _cut(full: Boundary, ends_at: int, *, spending: Spending) -> Boundary:
    before = [n for n in full.looks if n < ends_at]
    looks = [*before, ends_at]
    fractions = np.array(looks) / full.looks[-1]
    cumulative = _spent(fractions, alpha=full.alpha, spending=spending)
    cumulative[-1] = full.alpha
    critical = critical_values(fractions, cumulative)
    # to the last bit what they were: a look that has been taken must not turn out otherwise
    critical[:-1] = full.critical[: len(before)]
    return _boundary(looks, critical, alpha=full.alpha)


def _boundary(looks: list[int], critical: FloatArray, *, alpha: float) -> Boundary:
    return Boundary(
        looks=tuple(looks),
        critical=tuple(critical.tolist()),
        nominal=tuple((2.0 * ndtr(-critical)).tolist()),
        alpha=alpha,
    )


def fixed_boundary(*, alpha: float, max_blocks: int, ends_at: int | None = None) -> Boundary:
    """The boundary of one look, at `max_blocks` or where the schedule is cut before.

    >>> fixed_boundary(alpha=0.05, max_blocks=20).looks
    (20,)
    """
    return boundary(alpha=alpha, max_blocks=max_blocks, min_blocks=max_blocks, ends_at=ends_at)


def _spent(fractions: FloatArray, *, alpha: float, spending: Spending) -> FloatArray:
    match spending:
        case "obf":
            return obrien_fleming_spending(fractions, alpha=alpha)
        case "pocock":
            return pocock_spending(fractions, alpha=alpha)
        case _:
            assert_never(spending)


def obrien_fleming_spending(fractions: npt.ArrayLike, *, alpha: float) -> FloatArray:
    """Two-sided error rate that may be spent up to each information fraction.

    4 (1 - Phi(z / sqrt(t))) with z the upper alpha/4 quantile: Lan and DeMets (1983), eq. for
    alpha_1*, applied to each side.

    Args:
        fractions: Shape (k,), each in (0, 1].
    """
    t = np.asarray(fractions, dtype=np.float64)
    return np.asarray(4.0 * ndtr(ndtri(alpha / 4.0) / np.sqrt(t)), dtype=np.float64)


def pocock_spending(fractions: npt.ArrayLike, *, alpha: float) -> FloatArray:
    """Two-sided error rate that may be spent up to each information fraction, Pocock type.

    alpha ln(1 + (e - 1) t): Lan and DeMets (1983), eq. for alpha_2*, of which each side takes half.

    Args:
        fractions: Shape (k,), each in (0, 1].
    """
    t = np.asarray(fractions, dtype=np.float64)
    return np.asarray(alpha * np.log1p(math.expm1(1.0) * t), dtype=np.float64)


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
    walkers = START
    spent = 0.0
    guess = -float(ndtri(max(rates[-1], _NEGLIGIBLE) / 2.0)) * math.sqrt(t[-1])
    for k in range(t.size):
        limit = math.inf
        if rates[k] - spent > _NEGLIGIBLE:
            due = float(rates[k]) - spent
            limit = guess = limit_reached_by(walkers, step=steps[k], due=due, guess=guess)
            critical[k] = limit / math.sqrt(t[k])
            spent = float(rates[k])
        if k + 1 < t.size:
            reach = min(limit, _REACH * math.sqrt(t[k]))
            width = min(steps[k], steps[k + 1])
            walkers = advance(walkers, step=steps[k], reach=reach, width=width)
    return critical
