"""The admitted data of one revision, and which of it the looks have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import Block, RunTrial, enters
from gitexp.model import Plan
from gitexp.policy.paired import PairedSample
from gitexp.policy.samples import Sample
from gitexp.policy.unpaired import UnpairedSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Blocks or, for a test without blocks, single trials, in the order they entered.

    Attributes:
        blocks: All that count, those included in which both arms failed.
        runs: Trials that count; empty for a test of blocks.
    """

    blocks: tuple[Block, ...]
    runs: tuple[RunTrial, ...]

    def sample(self, plan: Plan) -> Sample:
        """What the plan's test makes of the plan's primary metric.

        Raises:
            NotPositive: for a value <= 0 on the log scale.
        """
        if plan.test.is_paired:
            return PairedSample.of(plan, self.blocks)
        return UnpairedSample.of(plan, self.runs)

    def positions(self, plan: Plan) -> list[int]:
        """Entry k: how many blocks there are up to and with the k-th that tells of the primary."""
        return [0, *(i for i, b in enumerate(self.blocks, 1) if b.has_value(plan.primary))]

    def first(self, used: int, plan: Plan) -> Material:
        """What the first `used` entries of the primary metric's sample come from."""
        telling = (i for i, run in enumerate(self.runs, 1) if enters(run, plan))
        return Material(
            blocks=self.blocks[: _nth(self.positions(plan), used)],
            runs=self.runs[: _nth([0, *telling], used)],
        )


def _nth(positions: Sequence[int], used: int) -> int:
    return positions[min(used, len(positions) - 1)]
