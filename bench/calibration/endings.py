"""Plans that a date ends: `--on-expiry spend`, and what a last look at will would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.calibration.experiments import play, the_test
from bench.calibration.page import Row, share
from bench.calibration.proof import prove_ends
from bench.calibration.tally import MIN_BLOCKS, TESTS, Tallies, Tally, plan_of
from gitexp.stats.boundaries import boundary
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """No effect; the last look comes after a number of blocks in which the data had no say."""

    blocks: int

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        d = rng.normal(0.0, 0.1, (experiments, self.blocks)).round(12)
        ends_at = rng.integers(MIN_BLOCKS, self.blocks + 1, experiments)
        return {
            test: Tally(
                experiments=experiments,
                better=self._decided(d, ends_at, test, proved),
                peeked=self._at_will(d, test),
            )
            for test in TESTS
        }

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        for test, bound in (("t", 0.058), ("signed-rank", 0.054)):
            seen = tallies[test]
            figure, se = share(seen.better, seen.experiments)
            yield Row(
                what=f"type I error, {test}, normal, {self.blocks} blocks, `--on-expiry spend`",
                figure=figure,
                se=se,
                bound=bound,
                naive=seen.peeked / seen.experiments,
                naive_is="the last look when it suits",
            )

    def _decided(self, d: FloatArray, ends_at: IntArray, test: PairedTest, proved: int) -> int:
        decided = 0
        for last in np.unique(ends_at).tolist():
            plan = boundary(alpha=0.05, max_blocks=self.blocks, min_blocks=MIN_BLOCKS, ends_at=last)
            ended = d[ends_at == last, :last]
            ends = play(ended, plan=plan, test=test)
            prove_ends(ended[: -(-proved // self.blocks)], ends, plan=plan, test=test)
            decided += int(np.sum(ends.verdict != 0))
        return decided

    def _at_will(self, d: FloatArray, test: PairedTest) -> int:
        """Experiments that some last look would have decided, or a scheduled one."""
        of_d = the_test(d, test)
        decided = np.zeros(len(d), dtype=np.bool_)
        for last in plan_of(self.blocks).looks:
            plan = boundary(alpha=0.05, max_blocks=self.blocks, min_blocks=MIN_BLOCKS, ends_at=last)
            decided |= of_d.crossed(last, plan.nominal[-1]) != 0
        return int(decided.sum())
