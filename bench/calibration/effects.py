"""Experiments without and with an effect: error rates, power and coverage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, stdtr, stdtrit

from bench.calibration import noise
from bench.calibration.page import Row, share
from bench.calibration.tally import (
    RULE_IN_WORDS,
    TESTS,
    Rule,
    Tallies,
    Tally,
    plan_of,
    tally,
)
from gitexp.stats.replay import PairedTest


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeOne:
    """No effect: how often is there a verdict nevertheless?"""

    name: str
    noise: noise.Noise
    blocks: int
    alpha: float
    bound: Mapping[PairedTest, float]
    rule: Rule = "obf"

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        d = noise.log_ratios(self.noise(rng, experiments, self.blocks, 0.0))
        plan = plan_of(self.blocks, self.alpha, self.rule)
        return {test: tally(d, plan=plan, test=test, proved=proved) for test in TESTS}

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        level = f"{self.alpha:.2f}"[1:]
        at = "" if self.alpha == 0.05 else f" at α = {level}"
        for test in TESTS:
            seen = tallies[test]
            figure, se = share(seen.better + seen.worse, seen.experiments)
            yield Row(
                what=f"type I error{at}, {test}, {self.name}, {self.blocks} blocks"
                f"{RULE_IN_WORDS[self.rule]}",
                figure=figure,
                se=se,
                bound=self.bound[test],
                naive=None if self.rule == "fixed" else seen.peeked / seen.experiments,
                naive_is="" if self.rule == "fixed" else f"p ≤ {level} at any look",
            )


def power_of_fixed_t(effect: float, blocks: int) -> float:
    """Power of one two-sided paired t-test at .05; `effect` in standard deviations of d."""
    df, shift = blocks - 1, effect * math.sqrt(blocks)
    critical = float(stdtrit(df, 0.975))
    return float(1.0 - nctdtr(df, shift, critical) + nctdtr(df, shift, -critical))


def effect_with_power_80(blocks: int) -> float:
    """The effect one fixed paired t finds with power .80, in standard deviations of d."""
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if power_of_fixed_t(middle, blocks) < 0.8 else (low, middle)
    return high


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The effect that one fixed paired t finds with power .80, and none: power and coverage."""

    blocks: int
    rule: Rule = "obf"

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        effect = -effect_with_power_80(self.blocks)
        plan = plan_of(self.blocks, rule=self.rule)
        d = rng.normal(effect, 1.0, (experiments, self.blocks))
        null = rng.normal(0.0, 1.0, d.shape)
        found: dict[str, Tally] = {}
        for test in TESTS:
            found[test] = tally(d, plan=plan, test=test, truth=effect, proved=proved)
            found[f"{test}, null"] = tally(null, plan=plan, test=test, truth=0.0, proved=proved)
        return found

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test in TESTS:
            seen, where = tallies[test], f"{test}, {self.blocks} blocks{RULE_IN_WORDS[self.rule]}"
            figure, se = share(seen.better, seen.experiments)
            yield Row(
                what=f"power where one fixed paired t has .80, {where}",
                figure=figure,
                se=se,
                bound=0.75 if self.rule == "obf" else None,
                is_upper=False,
            )
            mean = seen.blocks / seen.experiments
            variance = seen.squared_blocks / seen.experiments - mean**2
            yield Row(
                what=f"its mean number of blocks over the maximum, {where}",
                figure=mean / self.blocks,
                se=math.sqrt(variance / seen.experiments) / self.blocks,
                bound=None if self.rule != "obf" else 0.85 if self.blocks == 20 else 0.80,
                naive=1.0,
                naive_is="one look at the end",
            )
            null = tallies[f"{test}, null"]
            for which, held in (("with that effect", seen), ("without effect", null)):
                figure, se = share(held.covered, held.experiments)
                yield Row(
                    what=f"coverage of the interval at the stop, {which}, {where}",
                    figure=figure,
                    se=se,
                    bound=0.94,
                    is_upper=False,
                    naive=held.peeked_covered / held.experiments,
                    naive_is="95 % interval at the first p ≤ .05",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A real effect under noise that ruins a Welch test of all times."""

    name: str
    noise: noise.Noise
    ratio: float
    bound: float
    tests: tuple[PairedTest, ...]
    blocks: int = 50

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        arms = self.noise(rng, experiments, self.blocks, math.log(self.ratio))
        d, plan = noise.log_ratios(arms), plan_of(self.blocks)
        seen = {"Welch": Tally(experiments=experiments, better=fixed_welch(arms))}
        for test in self.tests:
            seen[test] = tally(d, plan=plan, test=test, proved=proved)
        return seen

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        welch = tallies["Welch"]
        for test in self.tests:
            figure, se = share(tallies[test].better, tallies[test].experiments)
            yield Row(
                what=f"power, {test}, {self.name}, {self.blocks} blocks",
                figure=figure,
                se=se,
                bound=self.bound,
                is_upper=False,
                naive=welch.better / welch.experiments,
                naive_is="Welch, one look at the end",
            )


def fixed_welch(arms: noise.Arms) -> int:
    """How often one Welch test of all times at .05 finds the treatment faster."""
    control, treatment = arms
    n = control.shape[1]
    a, b = (x.var(axis=1, ddof=1) / n for x in arms)
    df = (a + b) ** 2 * (n - 1) / (a**2 + b**2)
    t = (treatment.mean(axis=1) - control.mean(axis=1)) / np.sqrt(a + b)
    return int(np.sum(stdtr(df, t) <= 0.025))
