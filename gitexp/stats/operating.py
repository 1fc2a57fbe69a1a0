"""What a boundary does when there is an effect: where it is crossed, how soon, at what price.

The statistic is taken to be normal with known variance, as the boundary takes it. Under a drift
the walk has the density it has without one, times exp(drift s - drift^2 t / 2) at S = s: one
recursion serves every drift (Jennison and Turnbull 2000, Group Sequential Methods, chapter 19).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from gitexp.stats.boundaries import Boundary
from gitexp.stats.results import FloatArray
from gitexp.stats.walk import START, Walkers, advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A boundary at one drift.

    Attributes:
        drift: Expected z at the last look: the effect in its standard errors there.
        up, down: Probability that the first crossing is at this look and to this side, one per
            look.
        expected_information: Mean of the information at the stop, a fraction of that at the last
            look: times its number of blocks, the mean number of blocks.
    """

    drift: float
    up: tuple[float, ...]
    down: tuple[float, ...]
    expected_information: float

    @property
    def power(self) -> float:
        """Probability that the boundary is crossed, to the side of the drift first."""
        return math.fsum(self.down if self.drift < 0.0 else self.up)


def crossing(bound: Boundary, *, drift: float) -> Crossing:
    """Where the boundary is crossed first, and how soon, under a drift.

    Accurate to 1e-8. At drift 0 the two sides together make alpha.

    Raises:
        ValueError: for a drift that is not finite.
    """
    if not math.isfinite(drift):
        raise ValueError(f"drift must be finite, not {drift}")
    return _crossing(bound, _stages(bound), drift)


@lru_cache(maxsize=64)
def drift_needed(bound: Boundary, *, power: float) -> float:
    """The drift at which the boundary is crossed to that side with this probability.

    inf where no look can be crossed.

    Raises:
        ValueError: unless alpha <= power < 1.
    """
    from scipy.optimize import brentq

    if not bound.alpha <= power < 1.0:
        raise ValueError(f"power must lie in [alpha, 1), not {power}")
    stages = _stages(bound)
    if not stages:
        return math.inf

    def lack(drift: float) -> float:
        return _crossing(bound, stages, drift).power - power

    high = _drift_of_one_look(bound.alpha, power)
    while lack(high) < 0.0:
        high *= 2.0
    return float(brentq(lack, 0.0, high, xtol=1e-10))


def inflation(bound: Boundary, *, power: float) -> float:
    """R: the largest sample in units of the one that a test with one look would need.

    (drift needed / (z_(1 - alpha/2) + z_power))^2: Jennison and Turnbull (2000), chapter 2. For one
    side at level a, that of the two-sided boundary at 2a.

    Raises:
        ValueError: unless alpha <= power < 1.

    >>> from gitexp.stats.boundaries import boundary
    >>> round(inflation(boundary(alpha=0.05, max_blocks=20, min_blocks=10), power=0.8), 3)
    1.046
    """
    return (drift_needed(bound, power=power) / _drift_of_one_look(bound.alpha, power)) ** 2


def _drift_of_one_look(alpha: float, power: float) -> float:
    return float(ndtri(power) - ndtri(alpha / 2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One look that can be crossed, and the walkers before its step."""

    look: int
    before: float
    information: float
    limit: float
    walkers: Walkers


def _stages(bound: Boundary) -> list[_Stage]:
    """The looks that can be crossed; the others are as if they were not taken."""
    kept = [k for k, c in enumerate(bound.critical) if c < math.inf]
    t = np.array(bound.looks, dtype=np.float64)[kept] / bound.looks[-1]
    limits = np.array(bound.critical)[kept] * np.sqrt(t)
    steps = np.sqrt(np.diff(t, prepend=0.0))
    stages: list[_Stage] = []
    walkers, before = START, 0.0
    for i, look in enumerate(kept):
        information, limit = float(t[i]), float(limits[i])
        stages.append(
            _Stage(look=look, before=before, information=information, limit=limit, walkers=walkers)
        )
        if i + 1 < len(kept):
            width = min(steps[i], steps[i + 1])
            walkers = advance(walkers, step=float(steps[i]), reach=limit, width=float(width))
            before = information
    return stages


def _crossing(bound: Boundary, stages: list[_Stage], drift: float) -> Crossing:
    up, down = np.zeros(len(bound.looks)), np.zeros(len(bound.looks))
    for stage in stages:
        up[stage.look] = _beyond(stage, drift)
        down[stage.look] = _beyond(stage, -drift)
    fractions = np.array(bound.looks) / bound.looks[-1]
    # what has not crossed goes on to the last look
    saved = float((up + down) @ (1.0 - fractions))
    return Crossing(
        drift=drift,
        up=tuple(up.tolist()),
        down=tuple(down.tolist()),
        expected_information=1 - saved,
    )


def _beyond(stage: _Stage, drift: float) -> float:
    """Probability that a walk with this drift first goes beyond the upper limit at this look."""
    nodes, masses = stage.walkers.nodes, stage.walkers.masses
    gained = stage.information - stage.before
    step = math.sqrt(gained)

    def from_side(at: FloatArray) -> float:
        tilt = np.exp(drift * at - drift**2 * stage.before / 2.0)
        return float((masses * tilt) @ ndtr((at + drift * gained - stage.limit) / step))

    return (from_side(nodes) + from_side(-nodes)) / 2.0
