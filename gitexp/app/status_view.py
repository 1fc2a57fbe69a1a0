"""What `status` answers; apart from the other views, since it must start fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gitexp.health import Health
from gitexp.ledger import Ledger, Registered
from gitexp.model import (
    ExperimentId,
    Metric,
    Oid,
    Problem,
    Revision,
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
class Judged:
    """A decision on record, of one pair of trees.

    Attributes:
        effect: Treatment minus control as it was recorded: a fraction on the log scale, else in
            metric units; None when there was no estimate.
        at: When it was recorded.
    """

    revision: Revision
    verdict: Verdict
    blocks: int
    effect: float | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One experiment in `status`.

    Attributes:
        is_current: Its branch is checked out here.
        is_decided: A decision is on record of what the arms are now.
        judged: All decisions on record, of earlier revisions, too.
        has_verdict: It was decided, whatever the arms are now, or expired with a verdict.
        question: What was asked, as one word: equal where a decision answers both.
        source: None for an experiment of this clone, else the remote it was only seen on.
        plans: Its plan as the error budget sees it; more than one where clones made several
            experiments of one name.
        false_better: The largest probability with which it is found better by chance alone.
        decided_at: Blocks the decision took, recorded or as last analysed; None: none fell.
        alerts: What needed a person when it was last analysed.
        ending: Who ended it and why, when it was rolled back; empty otherwise.
        guardrails: Metric name and state ('ok', 'harmed', 'unresolved', '?' when not analysed).
        awaiting: By metric of the plan, blocks or single trials that lack a value still.
        failed: Failed or timed-out counted trials by arm; uses, where trials are windows.
        uses: In each arm's windows; None where trials are single uses.
        merge: Where it was promoted, if it was.
        ended: When it left the running state.
        per_month: What the change is worth in a month, in the metric's unit, treatment minus
            control; None when the plan names no uses or there is no analysed estimate.
    """

    id: ExperimentId
    name: str
    hypothesis: str
    state: State
    verdict: Verdict
    reason: str
    is_current: bool
    is_decided: bool
    source: str | None
    target: str
    control: Oid | None
    treatment: Oid | None
    metric: Metric
    scale: Scale
    plans: tuple[Registered, ...]
    false_better: float
    question: str
    judged: tuple[Judged, ...]
    has_verdict: bool
    complete: int
    max_blocks: int
    decided_at: int | None
    waiting: tuple[tuple[WriterId, int], ...]
    awaiting: tuple[tuple[str, int], ...] = ()
    uses: tuple[int, int] | None = None
    failed: tuple[int, int]
    estimate: Estimate
    guardrails: tuple[tuple[str, str], ...]
    health: tuple[Health, ...]
    alerts: tuple[Health, ...]
    created: datetime
    expires: datetime
    ended: datetime | None
    ending: str
    per_month: float | None
    merge: Oid | None
    problems: tuple[Problem, ...]
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The repository's experiments counted.

    Attributes:
        success_rate: Promoted among ended; None before any ended.
        false_promotions: At most this many of the judged are to be expected promoted by chance:
            the sum of the probabilities with which each could be.
        per_month: What all promoted changes together are worth in a month, by unit.
    """

    running: int
    promoted: int
    rolled_back: int
    expired: int
    success_rate: float | None
    judged: int
    false_promotions: float
    days_since_promotion: float | None
    per_month: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The repository's error budget.

    Attributes:
        q: The false discovery rate to keep.
        next: The level the next plan would get if it asks for the usual one; 0: none.
    """

    q: float
    ledger: Ledger
    next: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """Attributes:
    budget: None when none is kept, or one experiment was asked for.
    foreign: Branches under exp/ that hold no plan.
    is_single: One experiment was asked for by name.
    """

    rows: tuple[StatusRow, ...]
    summary: Summary
    budget: Budget | None
    foreign: tuple[str, ...]
    now: datetime
    is_single: bool
