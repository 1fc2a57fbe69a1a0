"""The primary metric: from blocks, or from unpaired trials, to looks and results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gitexp.blocks import Block, NotPositive, RunTrial, difference, harmonic_number
from gitexp.decision import ArmSummary, PrimaryResult
from gitexp.model import Arm, Direction, Metric, Plan, Scale, TestName
from gitexp.policy.walk import Signal
from gitexp.stats.boundaries import Boundary
from gitexp.stats.effects import cohens_d, d_z, hedges_g, summary
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at
from gitexp.stats.replay_arms import replay_welch, result_at_welch
from gitexp.stats.results import Result


def good_sign(metric: Metric) -> int:
    """The sign of treatment minus control that is an improvement."""
    return -1 if metric.direction is Direction.LOWER else 1


def paired_test(plan: Plan) -> PairedTest:
    """The registered test of paired data."""
    return "t" if plan.test is TestName.T else "signed-rank"


def min_effect_region(plan: Plan) -> tuple[float, float]:
    """± min-effect on the scale of the block differences."""
    if plan.scale is Scale.LOG:
        return math.log1p(-plan.min_effect), math.log1p(plan.min_effect)
    return -plan.min_effect, plan.min_effect


class Sample(Protocol):
    """The data of one analysis, in replay order."""

    @property
    def size(self) -> int:
        """Complete blocks, or for unpaired data the harmonic number per arm."""

    def looks(self, boundary: Boundary) -> tuple[Look, ...]: ...

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]: ...

    def result(self, *, used: int | None, level: float) -> Result:
        """Of the first `used` entries; None: of all."""

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        """Both arms' raw values of the first `used` entries."""

    def differences(self, *, used: int | None) -> list[float]:
        """Finite block differences; empty for unpaired data."""


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

    def looks(self, boundary: Boundary) -> tuple[Look, ...]:
        return replay(
            self.d,
            self.both_ok,
            test=paired_test(self.plan),
            boundary=boundary,
            region=min_effect_region(self.plan),
            good=good_sign(self.plan.primary),
        )

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]:
        good = good_sign(self.plan.primary)
        return tuple(_signal(look, good, may_be_better=True) for look in looks)

    def result(self, *, used: int | None, level: float) -> Result:
        return result_at(
            self.d,
            self.both_ok,
            test=paired_test(self.plan),
            used=self.size if used is None else used,
            level=level,
        )

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        pairs = [block.values(self.plan.primary) for block in self.blocks[:used]]
        return [c for c, _ in pairs if c is not None], [t for _, t in pairs if t is not None]

    def differences(self, *, used: int | None) -> list[float]:
        pairs = zip(self.d, self.both_ok, strict=True)
        return [value for value, both_ok in list(pairs)[:used] if both_ok]


@dataclass(frozen=True, slots=True)
class UnpairedSample:
    """Single trials of either arm, for Welch's test.

    Attributes:
        excess: Per entry, how many more trials of the treatment than of the control had failed
            when it was recorded.
    """

    plan: Plan
    raw: tuple[float, ...]
    is_treatment: tuple[bool, ...]
    excess: tuple[int, ...]

    @staticmethod
    def of(plan: Plan, runs: Sequence[RunTrial]) -> UnpairedSample:
        """The trials that have a value of the primary metric.

        Raises:
            NotPositive: for a value <= 0 on the log scale.
        """
        raw: list[float] = []
        arms: list[bool] = []
        excess: list[int] = []
        more_failed = 0
        for run in runs:
            is_treatment = run.trial.arm is Arm.TREATMENT
            value = run.value(plan.primary)
            if value is None:
                more_failed += 1 if is_treatment else -1
                continue
            if plan.scale is Scale.LOG and value <= 0:
                raise NotPositive(plan.primary, run.record.id, value)
            raw.append(value)
            arms.append(is_treatment)
            excess.append(more_failed)
        return UnpairedSample(plan, tuple(raw), tuple(arms), tuple(excess))

    @property
    def size(self) -> int:
        treated = sum(self.is_treatment)
        control = len(self.is_treatment) - treated
        return harmonic_number(control, treated)

    @property
    def scaled(self) -> list[float]:
        if self.plan.scale is Scale.LOG:
            return [math.log(value) for value in self.raw]
        return list(self.raw)

    def looks(self, boundary: Boundary) -> tuple[Look, ...]:
        return replay_welch(
            self.scaled,
            self.is_treatment,
            boundary=boundary,
            region=min_effect_region(self.plan),
        )

    def signals(self, looks: Sequence[Look]) -> tuple[Signal, ...]:
        good = good_sign(self.plan.primary)
        # failed trials cannot be ranked without blocks: while the treatment lost more of them
        # than the control, what is left of it may look better than it is
        return tuple(
            _signal(look, good, may_be_better=self.excess[look.used - 1] <= 0) for look in looks
        )

    def result(self, *, used: int | None, level: float) -> Result:
        count = len(self.raw) if used is None else used
        return result_at_welch(self.scaled, self.is_treatment, used=count, level=level)

    def values(self, *, used: int | None) -> tuple[list[float], list[float]]:
        entries = list(zip(self.raw, self.is_treatment, strict=True))[:used]
        return [x for x, t in entries if not t], [x for x, t in entries if t]

    def differences(self, *, used: int | None) -> list[float]:  # noqa: ARG002
        return []


def _signal(look: Look, good: int, *, may_be_better: bool) -> Signal:
    return Signal(
        n=look.n,
        is_worse=look.crossed == -good,
        is_better=look.crossed == good and look.reaches and may_be_better,
        is_equivalent=look.inside,
        crossed=look.crossed != 0,
    )


def primary_result(
    sample: Sample, plan: Plan, *, used: int | None, nominal: float | None, level: float
) -> PrimaryResult:
    """The primary metric over the first `used` entries.

    Args:
        nominal: Two-sided level of the look; None before the first look: no p, no interval.
        level: Of the interval over all looks.
    """
    result = sample.result(used=used, level=nominal or 0.0)
    control, treatment = sample.values(used=used)
    center = _summary(control)
    rel_effect: float | None = None
    effect = result.estimate
    interval = (result.interval.low, result.interval.high)
    if plan.scale is Scale.LOG:
        rel_effect = None if result.estimate is None else _ratio_change(result.estimate)
        effect = None if rel_effect is None or center.median is None else rel_effect * center.median
        interval = (_ratio_change(interval[0]), _ratio_change(interval[1]))
    enough = len(control) > 1 and len(treatment) > 1
    differences = sample.differences(used=used)
    return PrimaryResult(
        metric=plan.primary,
        scale=plan.scale,
        test=plan.test,
        control=center,
        treatment=_summary(treatment),
        effect=effect,
        rel_effect=rel_effect,
        interval=interval,
        level=level,
        p_value=None if nominal is None else result.p_value,
        nominal_level=nominal,
        statistic=None if nominal is None else result.statistic,
        df=result.df,
        hedges_g=hedges_g(control, treatment) if enough else None,
        cohens_d=cohens_d(control, treatment) if enough else None,
        d_z=d_z(differences) if len(differences) > 1 else None,
        caveats=result.caveats,
    )


def unmeasured(plan: Plan, *, level: float, why: str) -> PrimaryResult:
    """The primary metric when nothing can be computed."""
    none = ArmSummary(n=0, mean=None, sd=None, median=None, low=None, high=None)
    return PrimaryResult(
        metric=plan.primary,
        scale=plan.scale,
        test=plan.test,
        control=none,
        treatment=none,
        effect=None,
        rel_effect=None,
        interval=(-math.inf, math.inf),
        level=level,
        p_value=None,
        nominal_level=None,
        statistic=None,
        df=None,
        hedges_g=None,
        cohens_d=None,
        d_z=None,
        caveats=(why,),
    )


def _ratio_change(theta: float) -> float:
    """exp(theta) - 1; an unbounded end stays unbounded."""
    if math.isinf(theta):
        return theta
    try:
        return math.expm1(theta)
    except OverflowError:
        return math.inf


def _summary(values: Sequence[float]) -> ArmSummary:
    found = summary(values)
    if found is None:
        return ArmSummary(n=0, mean=None, sd=None, median=None, low=None, high=None)
    return ArmSummary(
        n=found.n,
        mean=found.mean,
        sd=found.sd,
        median=found.median,
        low=found.minimum,
        high=found.maximum,
    )
