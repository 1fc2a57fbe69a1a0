"""What the commands answer, as values: render/ turns them into text and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitexp.app.allowance import Reached
from gitexp.app.answered import Answered
from gitexp.decision import Analysis, GuardSize, Noise, NoiseFloor
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Comparison,
    ExperimentId,
    Oid,
    Outcome,
    Plan,
    Record,
    RecordId,
)
from gitexp.other_tests import Others


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisView:
    """What `analyze` answers, and `run` with its verdict.

    Attributes:
        others: Asked for with --verbose; None also where there is nothing to compare with.
    """

    experiment: Experiment
    comparison: Comparison
    analysis: Analysis
    next: tuple[str, ...]
    others: Others | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What `show` answers.

    Attributes:
        is_trusted: Whether this user may run its commands without asking again.
        unknown: Records of kinds this program does not know, counted.
    """

    experiment: Experiment
    comparison: Comparison | None
    is_trusted: bool
    revisions_used: int
    unknown: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One record in `log`, and what became of it.

    Attributes:
        marks: Any of 'warm-up', 'void', 'awaited', 'retracted', 'waiting', 'late', 'after',
            'unpaired', 'superseded'.
        tail: The last line a trial that failed printed; None when nothing is kept of it.
        hides_values: Whether the plan keeps them from those who run it until it has ended.
    """

    record: Record
    marks: tuple[str, ...]
    tail: str | None = None
    hides_values: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    experiment: Experiment
    entries: tuple[LogEntry, ...]


# --- what `run` tells while it goes on --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """Attributes:
    blocks_left: Scheduled blocks, warm-up excluded, at most.
    """

    experiment: Experiment
    comparison: Comparison
    host: str
    blocks_done: int
    blocks_left: int
    warm_up: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDone:
    """A trial, durably recorded.

    Attributes:
        at_most_s: Time left if every planned block is run; None before the first block.
    """

    id: RecordId
    arm: Arm
    block: int
    attempt: int
    slot: int
    outcome: Outcome
    exit_code: int | None
    metrics: Mapping[str, float]
    at_most_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookTaken:
    """The state after a block."""

    view: AnalysisView
    blocks_left: int
    at_most_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """Attributes:
    stopped: 'decided', 'ended', 'blocks', 'exhausted', 'waiting' or 'expired', or the budget that
        was reached: 'max-time', 'max-failures' or 'max-cost'.
    reached: That budget.
    """

    view: AnalysisView
    stopped: str
    blocks_run: int
    elapsed_s: float
    reached: Reached | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCompared:
    """The end of a run that compared the control with itself.

    Attributes:
        floor: Over all such blocks of this host; None when none has a value.
    """

    experiment: Experiment
    floor: NoiseFloor | None
    blocks_run: int
    elapsed_s: float


RunMessage = RunStarted | TrialDone | LookTaken | RunEnded | SelfCompared | Answered
RunEnd = RunEnded | SelfCompared | Answered
"""What a run ends with: the last of its messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """What is known of a new plan's reach before its first trial.

    Attributes:
        noise: Of a block's difference; None when nothing like it was measured here.
        source: The experiment the noise was recorded in.
        effect: The smallest one found with power .8; None: none would be, or it is not known.
        guards: Guardrails whose need of blocks is known.
    """

    plan: Plan
    noise: Noise | None
    source: ExperimentId | None
    effect: float | None
    guards: tuple[GuardSize, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedView:
    """What `create` answers.

    Attributes:
        earliest_decision: The first block after which the plan could decide; None: never.
        warnings: About the hypothesis or the plan; nothing was refused.
    """

    id: ExperimentId
    branch: str
    plan_commit: Oid
    plan_hash: str
    target: str
    worktree: str | None
    checked_out: bool
    existed: bool
    earliest_decision: int | None
    max_blocks: int
    sizing: Sizing
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedView:
    """What `record` answers of a trial.

    Attributes:
        awaits: Metrics of the plan that it has no value of yet.
    """

    id: RecordId
    exp: ExperimentId
    arm: Arm
    block: int | None
    outcome: Outcome
    existed: bool
    awaits: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedView:
    """What `record` answers of values that came later.

    Attributes:
        id: None when all of them had been recorded before.
    """

    id: RecordId | None
    exp: ExperimentId
    trial: RecordId
    arm: Arm
    block: int | None
    metrics: Mapping[str, float]
    existed: bool
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerView:
    """What `power` answers.

    Attributes:
        plan: What it was asked of; its max_blocks are those that were asked for.
        power: Probability with which an effect is to be found.
        source: The experiment the noise was recorded in; None when it was given.
        effect: The smallest one that the plan's blocks find; a fraction on the log scale, else in
            metric units; None: none would do.
        wanted: The effect that was asked for; None: none was.
        needed: Blocks it takes; None beyond what anybody could run.
        finds: Numbers of blocks with the smallest effect each finds.
    """

    plan: Plan
    power: float
    noise: Noise
    source: str | None
    effect: float | None
    wanted: float | None
    needed: int | None
    finds: tuple[tuple[int, float | None], ...]
    guards: tuple[GuardSize, ...]
