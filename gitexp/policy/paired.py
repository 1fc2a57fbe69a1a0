"""Blocks as the data of a test: one number, or one pair of answers, per block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import Block, difference
from gitexp.model import Plan, TestName
from gitexp.policy.rule import Anytime, Rule, boundary_of
from gitexp.policy.samples import answered_yes, good_sign, min_effect_region, signal_of
from gitexp.policy.walk import Signal
from gitexp.policy.window_rates import borne_out
from gitexp.stats.always_valid import replay_always_valid, result_always_valid
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at
from gitexp.stats.replay_rates import replay_mcnemar, result_at_mcnemar
from gitexp.stats.results import Result


def paired_test(plan: Plan) -> PairedTest:
    """How the plan tests numbers that come in pairs."""
    return "t" if plan.test is TestName.T else "signed-rank"


@dataclass(frozen=True, slots=True)
class PairedSample:
    """Complete blocks in which at least one arm has a value."""

    plan: Plan
    blocks: tuple[Block, ...]
    d: tuple[float, ...]
    both_ok: tuple[bool, ...]

    @staticmethod
    def of(plan: Plan, blocks: Sequence[Block]) -> PairedSample:
        """The blocks that say something of the primary metric.

        Raises:
            NotPositive: for a value <= 0 on the log scale.
        """
        telling = tuple(block for block in blocks if block.has_value(plan.primary))
        found = [difference(block, plan.primary, plan.scale) for block in telling]
        return PairedSample(
            plan=plan,
            blocks=telling,
            d=tuple(value for value in found if value is not None),
            both_ok=tuple(None not in block.values(plan.primary) for block in telling),
        )

    @property
    def size(self) -> int:
        return len(self.d)

    @property
    def answers(self) -> tuple[list[bool], list[bool]]:
        """Both arms' answers to a yes-or-no metric."""
        metric = self.plan.primary
        pairs = [block.values(metric) for block in self.blocks]
        return (
            [answered_yes(control, metric) for control, _ in pairs],
            [answered_yes(treatment, metric) for _, treatment in pairs],
        )

    def looks(self, rule: Rule) -> tuple[Look, ...]:
        test, region = paired_test(self.plan), min_effect_region(self.plan)
        good = good_sign(self.plan.primary)
        if self.plan.test is TestName.MCNEMAR:
            return replay_mcnemar(*self.answers, boundary=boundary_of(rule), region=region)
        if isinstance(rule, Anytime):
            return replay_always_valid(
                self.d,
                self.both_ok,
                test=test,
                alpha=rule.alpha,
                min_blocks=rule.min_blocks,
                max_blocks=rule.max_blocks,
                region=region,
                good=good,
            )
        return replay(
            self.d, self.both_ok, test=test, boundary=rule.bound, region=region, good=good
        )

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]:
        good = good_sign(self.plan.primary)
        found = (signal_of(look, good) for look in looks)
        runs = [(block.control, block.treatment) for block in self.blocks]
        return borne_out(self.plan, found, looks, runs, min_effect_region(self.plan))

    def result(self, rule: Rule, *, used: int | None, level: float) -> Result:
        test = paired_test(self.plan)
        count = self.size if used is None else used
        if self.plan.test is TestName.MCNEMAR:
            return result_at_mcnemar(*self.answers, used=count, level=level)
        if isinstance(rule, Anytime) and level > 0.0:
            return result_always_valid(
                self.d,
                self.both_ok,
                test=test,
                used=count,
                alpha=level,
                max_blocks=rule.max_blocks,
            )
        return result_at(self.d, self.both_ok, test=test, used=count, level=level)

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        pairs = [block.values(self.plan.primary) for block in self.blocks[:used]]
        return [c for c, _ in pairs if c is not None], [t for _, t in pairs if t is not None]

    def differences(self, *, used: int | None) -> list[float]:
        pairs = zip(self.d, self.both_ok, strict=True)
        return [value for value, both_ok in list(pairs)[:used] if both_ok]
