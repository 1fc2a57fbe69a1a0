"""Single trials of either arm as the data of a test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import NotPositive, RunTrial, enters, harmonic_number
from gitexp.model import Arm, Plan, Scale, TestName
from gitexp.policy.rule import Rule, boundary_of
from gitexp.policy.samples import answered_yes, good_sign, min_effect_region, signal_of
from gitexp.policy.walk import Signal
from gitexp.policy.window_rates import borne_out
from gitexp.stats.looks import Look
from gitexp.stats.replay_arms import (
    replay_mann_whitney,
    replay_welch,
    result_at_mann_whitney,
    result_at_welch,
)
from gitexp.stats.replay_rates import replay_boschloo, result_at_boschloo
from gitexp.stats.results import Result


@dataclass(frozen=True, slots=True)
class UnpairedSample:
    """Trials in the order they entered; failed ones where the test has a place for them.

    Attributes:
        raw: Values in metric units; None for a failed trial.
        excess: Per entry, how many more trials of the treatment than of the control had failed
            when it was recorded.
    """

    plan: Plan
    runs: tuple[RunTrial, ...]
    raw: tuple[float | None, ...]
    excess: tuple[int, ...]

    @staticmethod
    def of(plan: Plan, runs: Sequence[RunTrial]) -> UnpairedSample:
        """The trials that enter the plan's test.

        Raises:
            NotPositive: for a value <= 0 on the log scale.
        """
        entered: list[RunTrial] = []
        excess: list[int] = []
        more_failed = 0
        for run in runs:
            value = run.value(plan.primary)
            if value is None:
                more_failed += 1 if run.trial.arm is Arm.TREATMENT else -1
            elif plan.scale is Scale.LOG and value <= 0:
                raise NotPositive(plan.primary, run.record.id, value)
            if enters(run, plan):
                entered.append(run)
                excess.append(more_failed)
        raw = tuple(run.value(plan.primary) for run in entered)
        return UnpairedSample(plan, tuple(entered), raw, tuple(excess))

    @property
    def size(self) -> int:
        return harmonic_number(self.runs, self.plan.test)

    @property
    def is_treatment(self) -> list[bool]:
        return [run.trial.arm is Arm.TREATMENT for run in self.runs]

    @property
    def answers(self) -> list[bool]:
        """What each trial answered to a yes-or-no metric."""
        return [answered_yes(value, self.plan.primary) for value in self.raw]

    @property
    def hosts(self) -> list[str]:
        return [run.trial.host for run in self.runs]

    @property
    def scaled(self) -> list[float]:
        """The values on the plan's scale; a failed trial is worse than any of them."""
        worst = -good_sign(self.plan.primary) * math.inf
        is_log = self.plan.scale is Scale.LOG
        return [
            worst if value is None else math.log(value) if is_log else value for value in self.raw
        ]

    def looks(self, rule: Rule) -> tuple[Look, ...]:
        bound, region = boundary_of(rule), min_effect_region(self.plan)
        if self.plan.test is TestName.BOSCHLOO:
            return replay_boschloo(self.answers, self.is_treatment, boundary=bound, region=region)
        if self.plan.test is TestName.MANN_WHITNEY:
            return replay_mann_whitney(
                self.scaled, self.is_treatment, boundary=bound, region=region
            )
        return replay_welch(
            self.scaled, self.is_treatment, boundary=bound, region=region, strata=self.hosts
        )

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]:
        good = good_sign(self.plan.primary)
        is_ranked = self.plan.test is not TestName.WELCH
        # failed trials have no place in a t-test: while the treatment lost more of them than the
        # control, what is left of it may look better than it is
        found = (
            signal_of(look, good, may_be_better=is_ranked or self.excess[look.used - 1] <= 0)
            for look in looks
        )
        runs = [(run,) for run in self.runs]
        return borne_out(self.plan, found, looks, runs, min_effect_region(self.plan))

    def result(self, rule: Rule, *, used: int | None, level: float) -> Result:  # noqa: ARG002
        count = len(self.raw) if used is None else used
        if self.plan.test is TestName.BOSCHLOO:
            return result_at_boschloo(self.answers, self.is_treatment, used=count, level=level)
        if self.plan.test is TestName.MANN_WHITNEY:
            return result_at_mann_whitney(self.scaled, self.is_treatment, used=count, level=level)
        return result_at_welch(
            self.scaled, self.is_treatment, used=count, level=level, strata=self.hosts
        )

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        entries = list(zip(self.raw, self.is_treatment, strict=True))[:used]
        return (
            [x for x, treated in entries if not treated and x is not None],
            [x for x, treated in entries if treated and x is not None],
        )

    def differences(self, *, used: int | None) -> list[float]:  # noqa: ARG002
        return []
