"""What became of many experiments of one setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import numpy as np

from bench.calibration.experiments import GOOD, Ends, play, the_test
from bench.calibration.page import Row
from bench.calibration.proof import prove_cover, prove_ends
from gitexp.stats.boundaries import Boundary, boundary, fixed_boundary
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray, IntArray

MIN_BLOCKS = 10
TESTS: tuple[PairedTest, ...] = ("t", "signed-rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of many experiments, and of the same data without correction.

    Attributes:
        better, worse: Verdicts; for a guardrail `better` is ok.
        blocks, squared_blocks: Sums of the blocks used.
        peeked: How many the naive procedure would have called.
        covered, peeked_covered: Whether the interval at the stop held the truth: the repeated one;
            the ordinary one at the first p <= alpha, else at the end.
    """

    experiments: int
    better: int = 0
    worse: int = 0
    blocks: int = 0
    squared_blocks: int = 0
    peeked: int = 0
    covered: int = 0
    peeked_covered: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


Tallies = Mapping[str, Tally]


class Case(Protocol):
    """One setting of the simulation."""

    def tallies(self, rng: np.random.Generator, experiments: int, proved: int) -> Tallies:
        """Play so many experiments, and prove so many of them against the product."""

    def rows(self, tallies: Tallies) -> Iterator[Row]:
        """The figures."""


Rule = Literal["obf", "pocock", "fixed"]
"""How a plan spends its error rate."""
RULE_IN_WORDS: Mapping[Rule, str] = {
    "obf": "",
    "pocock": ", `--spending pocock`",
    "fixed": ", `--stopping fixed`",
}


def plan_of(blocks: int, alpha: float = 0.05, rule: Rule = "obf") -> Boundary:
    if rule == "fixed":
        return fixed_boundary(alpha=alpha, max_blocks=blocks)
    return boundary(alpha=alpha, max_blocks=blocks, min_blocks=MIN_BLOCKS, spending=rule)


def tally(
    d: FloatArray,
    *,
    plan: Boundary,
    test: PairedTest,
    proved: int,
    truth: float | None = None,
) -> Tally:
    """Play every row of d; with a truth, see which intervals hold it."""
    ends = play(d, plan=plan, test=test)
    prove_ends(d[:proved], ends, plan=plan, test=test)
    blocks = np.array(plan.looks)[ends.stop]
    covered = peeked_covered = 0
    if truth is not None:
        covered, peeked_covered = _covered(d, ends, plan, test, truth, proved)
    return Tally(
        experiments=len(d),
        better=int(np.sum(ends.verdict == GOOD)),
        worse=int(np.sum(ends.verdict == -GOOD)),
        blocks=int(blocks.sum()),
        squared_blocks=int((blocks**2).sum()),
        peeked=int(ends.peeked.sum()),
        covered=covered,
        peeked_covered=peeked_covered,
    )


def _covered(
    d: FloatArray, ends: Ends, plan: Boundary, test: PairedTest, truth: float, proved: int
) -> tuple[int, int]:
    looks = np.array(plan.looks)
    of_truth = the_test(d, test, truth)

    def held(at: IntArray, level: FloatArray) -> int:
        used = looks[at]
        holds = of_truth.covers(used, level)
        prove_cover(d[:proved], holds, used=used, level=level, truth=truth, test=test)
        return int(holds.sum())

    repeated = held(ends.stop, np.array(plan.nominal)[ends.stop])
    return repeated, held(ends.peek, np.full(len(d), plan.alpha))
