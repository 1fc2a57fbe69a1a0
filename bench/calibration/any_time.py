"""Plans without a credible maximum; each experiment is replayed by the product itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.calibration import noise
from bench.calibration.effects import effect_with_power_80
from bench.calibration.experiments import GOOD
from bench.calibration.page import Row, share
from bench.calibration.tally import MIN_BLOCKS, TESTS, Tallies, Tally
from gitexp.stats.always_valid import replay_always_valid
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray

RULE = "`--stopping always-valid`"
ALPHA = 0.05
TIMES = 3
"""How many times the blocks of a fixed test these plans are given to find its effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTime:
    """No effect: how often is there a verdict at any look?"""

    name: str
    noise: noise.Noise
    blocks: int

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        del proved  # the product plays them all
        d = noise.log_ratios(self.noise(rng, experiments, self.blocks, 0.0))
        return {test: replayed(d, test=test) for test in TESTS}

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test in TESTS:
            seen = tallies[test]
            figure, se = share(seen.better + seen.worse, seen.experiments)
            yield Row(
                what=f"type I error, {test}, {self.name}, {self.blocks} blocks, {RULE}",
                figure=figure,
                se=se,
                bound=ALPHA,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTimePower:
    """The effect that one fixed paired t finds with power .80 in a third of the blocks."""

    blocks: int

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        del proved  # the product plays them all
        effect = -effect_with_power_80(self.blocks // TIMES)
        d = rng.normal(effect, 1.0, (experiments, self.blocks)).round(12)
        return {test: replayed(d, test=test) for test in TESTS}

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test in TESTS:
            seen, few = tallies[test], self.blocks // TIMES
            where = f"{test}, {self.blocks} blocks, {RULE}"
            figure, se = share(seen.better, seen.experiments)
            yield Row(
                what=f"power where one fixed paired t of {few} blocks has .80, {where}",
                figure=figure,
                se=se,
                bound=None,
            )
            mean = seen.blocks / seen.experiments
            variance = seen.squared_blocks / seen.experiments - mean**2
            yield Row(
                what=f"its mean number of blocks over {few}, {where}",
                figure=mean / few,
                se=math.sqrt(variance / seen.experiments) / few,
                bound=None,
            )


def replayed(d: FloatArray, *, test: PairedTest) -> Tally:
    """Every row of d by the product."""
    blocks = d.shape[1]
    ok = np.ones(blocks, dtype=np.bool_)
    stops = []
    for row in d:
        looks = replay_always_valid(
            row,
            ok,
            test=test,
            alpha=ALPHA,
            min_blocks=MIN_BLOCKS,
            max_blocks=blocks,
            region=(0.0, 0.0),
            good=GOOD,
        )
        stops.append(next((look for look in looks if look.crossed), looks[-1]))
    return Tally(
        experiments=len(d),
        better=sum(stop.crossed == GOOD for stop in stops),
        worse=sum(stop.crossed == -GOOD for stop in stops),
        blocks=sum(stop.n for stop in stops),
        squared_blocks=sum(stop.n**2 for stop in stops),
    )
