"""The bodies of records, and what reading them gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gitexp.model.plan import Plan, Revision
from gitexp.model.words import (
    Arm,
    ExperimentId,
    Oid,
    Outcome,
    PlanHash,
    RecordId,
    Verdict,
    WriterId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBody:
    """The registration itself.

    Attributes:
        canonical: The plan's canonical JSON; its SHA-256 is the plan hash.
    """

    plan: Plan
    canonical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Many uses of one arm as one trial: its metrics are their means.

    Attributes:
        count: Uses in the window, at least 1.
        failures: How many of them failed.
        variances: Of the uses' values, by metric, where known.
    """

    count: int
    failures: int = 0
    variances: Mapping[str, float] = field(default_factory=dict)

    @property
    def failure_rate(self) -> float:
        return self.failures / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run of one arm.

    Attributes:
        revision: None for trials recorded from elsewhere without a known revision.
        block: 1, 2, … within (revision, writer); 0 is warm-up; None is unpaired.
        attempt: From 1; a void trial raises it.
        slot: 0 or 1, the position in the block's random order.
        host: Short stable name of the machine.
        exit_code: None when the command ended by a signal or was stopped.
        metrics: Name to value in base units.
        units: Units the command printed, by metric name, for metrics not built in.
        env: Id of the environment record of this run.
        payload: Id of the blob with the output's tail and inner samples.
        trial_id: A name given by the user, once per experiment.
        case: The case of an evaluation it answered, the same in both arms.
        window: Set where it is many uses, not one.
    """

    arm: Arm
    commit: Oid
    revision: Revision
    block: int | None
    attempt: int
    slot: int | None
    host: str
    outcome: Outcome
    exit_code: int | None
    metrics: Mapping[str, float]
    env: RecordId | None = None
    payload: Oid | None = None
    trial_id: str | None = None
    case: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Values of a trial that came later."""

    trial: RecordId
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction:
    """Trials that must not count, and why."""

    targets: tuple[RecordId, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Facts about the machine and the tools of one run; never values of environment variables."""

    facts: Mapping[str, str | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The branch exists. `plan_commit` is its first commit."""

    plan_commit: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A block that will never be completed."""

    revision: Revision
    block: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far a writer's records had been read.

    Attributes:
        seq: The highest number among them; 0 for none.
        records: How many there are up to it: a clone with fewer lacks some, and can say so.
    """

    seq: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The decider takes in what other writers recorded of one revision.

    Attributes:
        upto: By writer how far: what came later waits for another intake.
        tenure: As in `Decided`.
    """

    revision: Revision
    upto: Mapping[WriterId, Seen]
    tenure: RecordId | None = None


class Position(NamedTuple):
    """A moment in the one order everybody agrees on.

    Attributes:
        tenure: Which decider, counted from 0.
        seq: The decider's record.
    """

    tenure: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Another writer decides from now on.

    Attributes:
        predecessor: Who decided until then.
        tenure: The handover that had made the predecessor the decider; None: the plan.
        seen: The predecessor's last record that counts by itself, as far as was known.
    """

    predecessor: WriterId
    tenure: RecordId | None
    seen: int
    to: WriterId


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The verdict fell, at this look of this revision. Final.

    Attributes:
        tenure: The handover that made its writer the decider; None: the plan.
    """

    verdict: Verdict
    revision: Revision
    control: Oid
    treatment: Oid
    blocks: int
    effect: float | None
    interval: tuple[float | None, float | None]
    level: float
    tenure: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """max_days are over; the verdict stands as it is.

    Attributes:
        after: The event that had brought about the state before; None when it was running from
            the start. The same in `Promoted`, `RolledBack` and `Restored`: it orders what
            several clones did without asking their clocks.
    """

    verdict: Verdict
    after: RecordId | None = None


class Recognised(StrEnum):
    """How a merge that `promote` did not make was found."""

    MERGED = "merged"
    FAST_FORWARD = "fast-forward"
    SQUASHED = "squashed"
    CHERRY_PICKED = "cherry-picked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The treatment was merged into the target.

    Attributes:
        target: Full name of the branch that took it.
        tip: The treatment commit that was merged.
        merge: The commit on the target that brought it in; the last one if there were several.
        evidence: Commit that pins the notes the decision was taken from.
        override: The user's reason when the verdict was not `better`.
        recognised: None when `promote` made the merge.
        since: The commit before the first, where several commits brought it in; where `merge`
            brought more than the treatment, the commit after which the treatment's own begin.
    """

    target: str
    tip: Oid
    merge: Oid
    evidence: Oid | None
    override: str | None = None
    recognised: Recognised | None = None
    since: Oid | None = None
    after: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """The treatment was dropped.

    Attributes:
        revert: The commit that undid the merge; None when it had not been promoted.
    """

    tip: Oid
    reason: str
    revert: Oid | None = None
    after: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A rollback, an expiry or a promotion was undone; the branch is back at `tip`."""

    tip: Oid
    merge: Oid | None = None
    after: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """Why a promotion that is on record is right, although the verdict was not `better`.

    Attributes:
        tip: The treatment commit that was merged.
        merge: The commit on the target that brought it in.
        reason: The user's.
    """

    tip: Oid
    merge: Oid
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A kind, an event or a version this program does not know: kept, counted, reported."""

    kind: str
    version: int


StateEvent = Expired | Promoted | RolledBack | Restored
"""What ends an experiment, or begins it again."""
Event = Created | Abandoned | Intake | Decided | Handover | Overridden | StateEvent
Body = PlanBody | Trial | Observation | Retraction | Environment | Event | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of evidence.

    Attributes:
        seq: Counts from 1 per writer and experiment.
        at: When it was written, UTC.
        line: The stored bytes, without the newline; unknown fields live on in it.
    """

    id: RecordId
    exp: ExperimentId
    plan: PlanHash
    writer: WriterId
    seq: int
    at: datetime
    body: Body
    line: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something found in the stored evidence that we did not put there, or not so.

    Attributes:
        kind: 'foreign-line', 'corrupt', 'unknown-kind', 'newer-version', 'wrong-writer',
            'plan-mismatch', 'duplicate-seq', 'foreign-entry', …
        where: The ref or file it was found in.
    """

    kind: str
    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is stored of one experiment, read once.

    Attributes:
        records: Valid and distinct, in no particular order.
        tips: Ref name to object id of every ref read, and 'journal' to a digest of pending lines.
    """

    exp: ExperimentId
    records: tuple[Record, ...]
    problems: tuple[Problem, ...]
    tips: Mapping[str, str]
