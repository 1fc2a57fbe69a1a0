"""Experiments in which a treatment should not pass: killed runs, and harm at the margin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.calibration import noise
from bench.calibration.experiments import OK, guard
from bench.calibration.page import Row, share
from bench.calibration.proof import prove_guard
from bench.calibration.tally import MIN_BLOCKS, TESTS, Tallies, Tally, plan_of, tally
from gitexp.stats.guardrails import guardrail_levels
from gitexp.stats.replay import PairedTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """The treatment is no slower, but its slowest fifth of runs is killed."""

    blocks: int

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        control, treatment = noise.lognormal(rng, experiments, 2 * self.blocks, 0.0)
        limit = math.exp(0.5 * 0.8416212335729143)  # the upper fifth of the lognormal
        measured = noise.log_ratios((control, treatment))
        d = np.where(treatment <= limit, measured, np.inf)
        survivors = np.stack([row[np.isfinite(row)][: self.blocks] for row in d])
        plan, d = plan_of(self.blocks), d[:, : self.blocks]
        seen: dict[str, Tally] = {}
        for test in TESTS:
            seen[test] = tally(d, plan=plan, test=test, proved=proved)
            seen[f"{test}, dropped"] = tally(survivors, plan=plan, test=test, proved=proved)
        return seen

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test in TESTS:
            seen, dropped = tallies[test], tallies[f"{test}, dropped"]
            figure, se = share(seen.better, seen.experiments)
            yield Row(
                what=f"P(`better`), no effect, slowest 20 % of the treatment killed, {test}, "
                f"{self.blocks} blocks",
                figure=figure,
                se=se,
                bound=0.025,
                naive=dropped.better / dropped.experiments,
                naive_is="killed blocks dropped",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A guardrail that is exactly as much worse as its margin allows."""

    blocks: int

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        margin = math.log(1.1)
        d = noise.log_ratios(noise.normal(rng, experiments, self.blocks, margin))
        levels = guardrail_levels(
            alpha=0.05, guardrails=1, max_blocks=self.blocks, min_blocks=MIN_BLOCKS
        )
        counts, harmed = levels.ok.looks, levels.harmed.nominal

        def passed(test: PairedTest, ok: tuple[float, ...]) -> int:
            setting = {"ok_levels": ok, "harmed_levels": harmed}
            states = guard(d, counts=counts, margin=margin, test=test, **setting)
            prove_guard(d[:proved], states, counts=counts, margin=margin, test=test, **setting)
            return int(np.sum(states[-1] == OK))

        flat = (0.10,) * len(counts)
        return {
            test: Tally(
                experiments=experiments,
                better=passed(test, levels.ok.nominal),
                peeked=passed(test, flat),
            )
            for test in TESTS
        }

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test in TESTS:
            seen = tallies[test]
            figure, se = share(seen.better, seen.experiments)
            yield Row(
                what=f"guardrail `ok` at the margin, {test}, {self.blocks} blocks",
                figure=figure,
                se=se,
                bound=0.055,
                naive=seen.peeked / seen.experiments,
                naive_is="flat 95 % bound at each look",
            )
