"""Trying again: registered revisions share alpha, free restarts do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.calibration.experiments import GOOD, play
from bench.calibration.page import Row, share
from bench.calibration.proof import prove_ends
from bench.calibration.tally import Tallies, Tally, plan_of
from gitexp.stats.results import BoolArray, FloatArray

BLOCKS = 20
VISIBLE = 9
"""Blocks seen before the first look: a restart there has cost nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """A change without effect, revised until it looks good, so many times at most.

    Attributes:
        gives_up: Whether a revision is dropped before its first look unless its first nine blocks
            look promising; else each is run to its end.
    """

    most: int
    gives_up: bool

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        d = rng.normal(0.0, 0.1, (experiments, self.most, BLOCKS)).round(12)
        return {
            "shared": Tally(
                experiments=experiments, better=self._better(d, 0.05 / self.most, proved)
            ),
            "free": Tally(experiments=experiments, better=self._better(d, 0.05, proved)),
        }

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        shared, free = tallies["shared"], tallies["free"]
        figure, se = share(shared.better, shared.experiments)
        how = "given up after 9 blocks unless promising" if self.gives_up else "each run to its end"
        yield Row(
            what=f"P(`better`), no effect, {self.most} revisions, {how}, signed-rank, "
            f"{BLOCKS} blocks",
            figure=figure,
            se=se,
            bound=0.025,
            naive=free.better / free.experiments,
            naive_is="free restarts, each at .05",
        )

    def _better(self, d: FloatArray, alpha: float, proved: int) -> int:
        """How many have a revision that is called better."""
        plan = plan_of(BLOCKS, alpha)
        better = np.zeros(d.shape[:2], dtype=np.bool_)
        for number in range(self.most):
            ends = play(d[:, number], plan=plan, test="signed-rank")
            prove_ends(d[:proved, number], ends, plan=plan, test="signed-rank")
            better[:, number] = ends.verdict == GOOD
        return int(np.sum(np.any(better & self._kept(d), axis=1)))

    def _kept(self, d: FloatArray) -> BoolArray:
        """Which revisions go on after their first blocks; the last one always does."""
        seen = d[..., :VISIBLE]
        t = seen.mean(axis=2) / (seen.std(axis=2, ddof=1) / VISIBLE**0.5)
        kept = GOOD * t >= 1.0
        kept[:, -1] = True
        return kept if self.gives_up else np.ones_like(kept)
