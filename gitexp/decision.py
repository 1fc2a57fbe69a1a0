"""The values an analysis and a decision are made of; `gitexp.policy` computes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitexp.health import Health
from gitexp.model import (
    Decided,
    Direction,
    Guardrail,
    GuardState,
    Metric,
    Oid,
    Revision,
    Scale,
    TestName,
    Verdict,
    WriterId,
)


class Action(StrEnum):
    """What the verdict asks for."""

    PROMOTE = "promote"
    ROLL_BACK = "roll-back"
    CONTINUE = "continue"
    REPORT = "report"
    NONE = "none"


ACTIONS = {
    Verdict.BETTER: Action.PROMOTE,
    Verdict.WORSE: Action.ROLL_BACK,
    Verdict.BLOCKED: Action.ROLL_BACK,
    Verdict.EQUIVALENT: Action.REPORT,
    Verdict.UNDECIDED: Action.REPORT,
    Verdict.COLLECTING: Action.CONTINUE,
    Verdict.INVALID: Action.NONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """One arm's values of a metric, in metric units; None where there are too few."""

    n: int
    mean: float | None
    sd: float | None
    median: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryResult:
    """The primary metric at the deciding look, or before it at the latest.

    On the log scale `rel_effect` and `interval` are fractions, and `effect` is rel_effect times
    the control's median. Else `effect` and `interval` are in metric units and `rel_effect` is
    None. Unbounded ends are infinite. None means not estimable; `caveats` says why.

    Attributes:
        p_value: Unadjusted, of this look; to be read beside nominal_level.
        level: Of the interval over all looks, 1 - alpha of this revision.
        ends_included: Whether each end of the interval is itself not rejected; with heavy ties an
            end can be 'no change' and rejected.
    """

    metric: Metric
    scale: Scale
    test: TestName
    control: ArmSummary
    treatment: ArmSummary
    effect: float | None
    rel_effect: float | None
    interval: tuple[float, float]
    ends_included: tuple[bool, bool]
    level: float
    p_value: float | None
    nominal_level: float | None
    statistic: float | None
    df: float | None
    hedges_g: float | None
    cohens_d: float | None
    d_z: float | None
    caveats: tuple[str, ...]

    @property
    def direction(self) -> Direction:
        return self.metric.direction


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailResult:
    """One guardrail at the deciding look, or at the latest.

    Attributes:
        control, treatment: The arms' medians in metric units, of yes-or-no metrics the shares;
            None without values.
        change: Treatment minus control, in the unit of `bound`; None without an estimate.
        bound: How much worse the treatment may still be: a fraction when relative, else in
            metric units; infinite when nothing is known.
        least: How much worse it is at least, in the unit of `bound`; infinite when it failed too
            often to say. None unless harmed.
        fell_at: The look at which ok or harmed fell; None while unresolved.
    """

    metric: Metric
    margin: float
    is_relative: bool
    control: float | None
    treatment: float | None
    change: float | None
    bound: float
    least: float | None
    state: GuardState
    fell_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchResult:
    """A watched metric over all trials that count.

    Attributes:
        control, treatment: The arms' means in metric units; None without values.
        n: Values of the treatment.
        broken_at: The look at which the treatment was shown to be beyond the floor.
    """

    metric: Metric
    floor: float | None
    control: float | None
    treatment: float | None
    n: int
    broken_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryResult:
    """A secondary metric at the look the primary result is of.

    Attributes:
        result: As for the primary metric.
        adjusted_p: Its p-value adjusted for the number of secondary metrics; None without one.
    """

    result: PrimaryResult
    adjusted_p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """What one host made of no change.

    Attributes:
        interval: Of the control against itself: a fraction on the log scale, else metric units.
        sd: Standard deviation of a block's difference on the plan's scale; None from one block.
        is_clean: Whether the interval holds no change.
        measured: When the newest of its blocks ended.
    """

    host: str
    blocks: int
    interval: tuple[float, float]
    sd: float | None
    is_clean: bool
    measured: datetime

    @property
    def reach(self) -> float:
        """The larger size of the two ends."""
        return max(abs(end) for end in self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How much a block's difference scatters.

    Attributes:
        sd: Standard deviation on the scale of the differences.
        blocks: It was taken from so many.
    """

    sd: float
    blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSize:
    """Whether a plan's blocks can show a harmless guardrail to be within its margin.

    Attributes:
        needs: Blocks at which they do with power .8; None when nobody could run so many. Of a
            rate: without a single event in either arm.
    """

    guardrail: Guardrail
    needs: int | None
    max_blocks: int

    @property
    def is_resolvable(self) -> bool:
        return self.needs is not None and self.needs <= self.max_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What the change is worth, in the primary metric's unit; treatment minus control.

    Attributes:
        interval: Of a month; unbounded ends are infinite.
    """

    unit: str | None
    per_use: float
    uses_per_month: float
    interval: tuple[float, float]

    @property
    def per_month(self) -> float:
        return self.per_use * self.uses_per_month


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Where the analysis stands in its schedule.

    Attributes:
        last: The latest look taken, None before the first.
        next: The next scheduled look, None when decided or used up.
        crossed_at: The first look that crossed its boundary in either direction.
        decided_at: The deciding look: the one the result is of.
        ended_at: The look that made the verdict final; later than the deciding one when a
            guardrail took longer.
        critical: The boundary at the look the result is of, as |z|.
    """

    last: int | None
    next: int | None
    crossed_at: int | None
    decided_at: int | None
    ended_at: int | None
    critical: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCounts:
    """How many blocks there are, and which the result rests on.

    Attributes:
        complete: Admitted, with at least one arm that did not fail.
        used: Those up to the look the result is of.
        after: Complete ones behind the deciding look.
        both_failed: Shown, never counted.
        awaiting: By metric of the plan, blocks whose trials did not fail and lack a value still;
            trials, of a test without blocks. Those that await the primary one are not complete.
    """

    complete: int
    used: int
    after: int
    waiting: int
    waiting_by: tuple[tuple[WriterId, int], ...]
    both_failed: int
    retracted: int
    late: int
    unpaired: int
    max: int
    awaiting: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """Outcomes of one arm's counted trials.

    Attributes:
        uses: In its windows; None where trials are single uses.
        failed_uses: How many of these failed.
    """

    commit: Oid
    ok: int
    failed: int
    timeout: int
    void: int
    uses: int | None = None
    failed_uses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One condition of the decision, met or not, in words."""

    name: str
    met: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything the records say about one revision. A pure function of plan and records.

    Attributes:
        reason: Why the verdict is what it is, one sentence.
        after: The same figures over all complete blocks, when some came after the decision.
        blocks_needed: For `undecided`: blocks that would probably decide it, if that is known.
    """

    revision: Revision
    verdict: Verdict
    reason: str
    alpha: float
    blocks: BlockCounts
    control: ArmCounts
    treatment: ArmCounts
    primary: PrimaryResult
    after: PrimaryResult | None
    looks: Looks
    guardrails: tuple[GuardrailResult, ...]
    watches: tuple[WatchResult, ...]
    secondary: tuple[SecondaryResult, ...]
    alerts: tuple[Health, ...]
    health: tuple[Health, ...]
    criteria: tuple[Criterion, ...]
    blocks_needed: int | None
    impact: Impact | None

    @property
    def action(self) -> Action:
        return ACTIONS[self.verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class MayPromote:
    """Permission to merge: only a `better` decision or a stated override makes one.

    Attributes:
        decided: What was decided; None when an override came before any decision.
        override: The user's reason for promoting what is not `better`.
    """

    verdict: Verdict
    decided: Decided | None
    override: str | None
