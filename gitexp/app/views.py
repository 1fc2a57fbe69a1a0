"""What the commands answer, as values: render/ turns them into text and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitexp.decision import Analysis, Health
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Comparison,
    ExperimentId,
    Metric,
    Oid,
    Outcome,
    Problem,
    Record,
    RecordId,
    Scale,
    State,
    Verdict,
    WriterId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The primary metric in one line.

    Attributes:
        change: A fraction on the log scale, else in metric units.
        interval: None when not analysed; unbounded ends are infinite.
        is_analysed: False: the plain median of the block differences, no test taken.
    """

    control_median: float | None
    treatment_median: float | None
    change: float | None
    interval: tuple[float, float] | None
    is_analysed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One experiment in `status`.

    Attributes:
        is_current: Its branch is checked out here.
        source: None for an experiment of this clone, else the remote it was only seen on.
        alpha: The error rate its plan was granted.
        guardrails: Metric name and state ('ok', 'harmed', 'unresolved', '?' when not analysed).
        failed: Failed or timed-out counted trials by arm.
        merge: Where it was promoted, if it was.
        ended: When it left the running state.
    """

    id: ExperimentId
    name: str
    hypothesis: str
    state: State
    verdict: Verdict
    reason: str
    is_current: bool
    source: str | None
    target: str
    control: Oid | None
    treatment: Oid | None
    metric: Metric
    scale: Scale
    alpha: float
    complete: int
    max_blocks: int
    waiting: tuple[tuple[WriterId, int], ...]
    failed: tuple[int, int]
    estimate: Estimate
    guardrails: tuple[tuple[str, str], ...]
    health: tuple[Health, ...]
    created: datetime
    expires: datetime
    ended: datetime | None
    merge: Oid | None
    problems: tuple[Problem, ...]
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The repository's experiments counted.

    Attributes:
        success_rate: Promoted among ended; None before any ended.
        false_promotions: At most this many of the judged are to be expected promoted by chance:
            half the sum of their alphas.
    """

    running: int
    promoted: int
    rolled_back: int
    expired: int
    success_rate: float | None
    judged: int
    false_promotions: float
    days_since_promotion: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """Attributes:
    foreign: Branches under exp/ that hold no plan.
    is_single: One experiment was asked for by name.
    """

    rows: tuple[StatusRow, ...]
    summary: Summary
    foreign: tuple[str, ...]
    now: datetime
    is_single: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisView:
    """What `analyze` answers, and `run` with its verdict."""

    experiment: Experiment
    comparison: Comparison
    analysis: Analysis
    next: tuple[str, ...]


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
        marks: Any of 'warm-up', 'void', 'retracted', 'waiting', 'late', 'after', 'unpaired',
            'superseded'.
    """

    record: Record
    marks: tuple[str, ...]


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
    stopped: 'decided', 'ended', 'blocks', 'exhausted', 'waiting' or 'expired'.
    """

    view: AnalysisView
    stopped: str
    blocks_run: int
    elapsed_s: float


RunMessage = RunStarted | TrialDone | LookTaken | RunEnded


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
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedView:
    """What `record` answers."""

    id: RecordId
    exp: ExperimentId
    arm: Arm
    block: int | None
    existed: bool
    note: str | None
