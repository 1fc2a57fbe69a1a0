"""The words of the product as immutable values.

An experiment compares a *treatment* with its *control* on one primary *metric*. A *trial* is one
run of one *arm*; a *block* is one trial per arm under the same conditions. Everything that happens
is a *record*; what an experiment is now follows from its records (`gitexp.lifecycle`).

Units: times are seconds, sizes are bytes, relative numbers are fractions (0.1 is 10 %).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

Oid = NewType("Oid", str)
"""A full hexadecimal object id."""
ExperimentId = NewType("ExperimentId", str)
WriterId = NewType("WriterId", str)
"""One clone on one machine; only it moves the refs that carry its name."""
RecordId = NewType("RecordId", str)
"""A ULID: 26 characters, sortable by time of creation."""
PlanHash = NewType("PlanHash", str)
"""SHA-256 of the plan's canonical JSON, hexadecimal."""

_EXPERIMENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_WRITER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))]
)

LARGEST_VALUE = 1e60
"""Of a metric, in base units: fourth powers of such numbers, and their sums, stay finite."""


def experiment_id(text: str) -> ExperimentId:
    """The text as an experiment id.

    Raises:
        ValueError: if git or a file system could not hold a branch of that name.

    >>> experiment_id("fast-parse")
    'fast-parse'
    """
    if not _EXPERIMENT_ID.match(text):
        raise ValueError(
            f"{text!r} is not an experiment id: up to 64 of a-z, 0-9, '.', '_', '-', "
            "the first a letter or digit"
        )
    if ".." in text or text.endswith((".", ".lock")):
        raise ValueError(f"{text!r} is not an experiment id: git refuses such a branch name")
    if text.split(".")[0] in _WINDOWS_DEVICES:
        raise ValueError(f"{text!r} is not an experiment id: it is a device name on Windows")
    return ExperimentId(text)


def writer_id(text: str) -> WriterId:
    """The text as a writer id.

    Raises:
        ValueError: if it is not up to 32 of a-z, 0-9, '-', the first a letter or digit.
    """
    if not _WRITER_ID.match(text):
        raise ValueError(
            f"{text!r} is not a writer name: up to 32 of a-z, 0-9, '-', the first a letter or digit"
        )
    return WriterId(text)


def slug(name: str) -> str:
    """The name as an id: lower case, words joined by '-', at most 48 characters; may be empty.

    >>> slug("Table-driven tokenizer (v2)")
    'table-driven-tokenizer-v2'
    """
    words = re.sub(r"[^a-z0-9._]+", "-", name.lower())
    words = re.sub(r"\.{2,}", ".", words)[:48].strip("-._")
    return words.removesuffix(".lock")


class Arm(StrEnum):
    CONTROL = "control"
    TREATMENT = "treatment"


class Direction(StrEnum):
    """Which way is good."""

    LOWER = "lower"
    HIGHER = "higher"


class Scale(StrEnum):
    """How one block becomes one number: ln T - ln C, or T - C."""

    LOG = "log"
    DIFFERENCE = "difference"


class TestName(StrEnum):
    """The registered test."""

    __test__ = False  # pytest: not a test class

    SIGNED_RANK = "signed-rank"
    T = "t"
    WELCH = "welch"


class Goal(StrEnum):
    BETTER = "better"
    NO_REGRESSION = "no-regression"


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    COLLECTING = "collecting"
    BLOCKED = "blocked"
    INVALID = "invalid"

    @property
    def is_final(self) -> bool:
        """Whether more blocks cannot change it."""
        return self not in (Verdict.COLLECTING, Verdict.INVALID)


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    VOID = "void"


class State(StrEnum):
    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"


class GuardState(StrEnum):
    """What is known of a guardrail at one look."""

    OK = "ok"
    HARMED = "harmed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number each trial yields, with the direction that is good.

    Attributes:
        unit: 's', 'B', 'count', 'pp', 'score', 'bool' or free text; None when unknown.
    """

    name: str
    direction: Direction
    unit: str | None = None


BUILT_IN_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "time": Metric(name="time", direction=Direction.LOWER, unit="s"),
        "user": Metric(name="user", direction=Direction.LOWER, unit="s"),
        "sys": Metric(name="sys", direction=Direction.LOWER, unit="s"),
        "maxrss": Metric(name="maxrss", direction=Direction.LOWER, unit="B"),
        "failures": Metric(name="failures", direction=Direction.LOWER, unit="bool"),
    }
)
"""Recorded for every trial. `failures` is 1 for a failed or timed-out trial, else 0."""

DIFFERENCE_UNITS = frozenset({"pp", "%", "score", "bool"})
"""Units whose blocks are compared by T - C rather than by ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by more than a margin.

    Attributes:
        margin: How much worse is still accepted, positive: a fraction when relative, else in
            the metric's unit (for `failures` and other rates a fraction: 5pp is 0.05).
        is_relative: Whether the margin is a fraction of the control.
    """

    metric: Metric
    margin: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The registration: everything the decision depends on, fixed before the first trial.

    Attributes:
        target: Full name of the branch that would take the change.
        base: Commit the branch was started from.
        decider: The writer whose records admit blocks and decide.
        min_effect: Smallest effect worth having, >= 0: a fraction on the log scale, else in
            metric units.
        max_regression: Margin of the goal 'no-regression', same unit as min_effect.
        timeout_s: Limit of one trial.
        warm_up: Blocks run and recorded, but not counted, at the start of each `run`.
        links: Paths linked from the user's checkout into both arms.
        harness: Paths taken from control in both arms.
        like: The experiment this plan was copied from.
    """

    id: ExperimentId
    name: str
    hypothesis: str
    description: str
    created: datetime
    target: str
    base: Oid
    decider: WriterId
    primary: Metric
    guardrails: tuple[Guardrail, ...]
    scale: Scale
    test: TestName
    goal: Goal
    alpha: float
    guardrail_alpha: float
    min_effect: float
    max_regression: float
    min_blocks: int
    max_blocks: int
    max_days: float
    revisions: int
    command: str | None
    timeout_s: float
    warm_up: int
    setup: str | None
    links: tuple[str, ...]
    harness: tuple[str, ...]
    auto_promote: bool
    auto_rollback: bool
    like: ExperimentId | None

    @property
    def expires(self) -> datetime:
        """Blocks finished after this moment are not used."""
        return self.created + timedelta(days=self.max_days)

    @property
    def declared(self) -> tuple[Metric, ...]:
        """The primary metric and the guardrails' metrics, in that order."""
        return (self.primary, *(g.metric for g in self.guardrails))


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """The pair of trees that is compared, the harness applied."""

    control_tree: Oid
    treatment_tree: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTip:
    """What one arm runs now: its commit, and its tree with the harness applied."""

    commit: Oid
    tree: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The two arms as the branches stand now."""

    control: ArmTip
    treatment: ArmTip

    @property
    def revision(self) -> Revision:
        return Revision(self.control.tree, self.treatment.tree)

    def arm(self, arm: Arm) -> ArmTip:
        return self.control if arm is Arm.CONTROL else self.treatment


# --- the bodies of records -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBody:
    """The registration itself.

    Attributes:
        canonical: The plan's canonical JSON; its SHA-256 is the plan hash.
    """

    plan: Plan
    canonical: str


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
class Decided:
    """The verdict fell, at this look of this revision. Final."""

    verdict: Verdict
    revision: Revision
    control: Oid
    treatment: Oid
    blocks: int
    effect: float | None
    interval: tuple[float | None, float | None]
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """max_days are over; the verdict stands as it is."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The treatment was merged into the target.

    Attributes:
        tip: The treatment commit that was merged.
        merge: The merge commit on the target.
        evidence: Commit that pins the notes the decision was taken from.
        override: The user's reason when the verdict was not `better`.
    """

    target: str
    tip: Oid
    merge: Oid
    evidence: Oid | None
    override: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """The treatment was dropped.

    Attributes:
        revert: The commit that undid the merge; None when it had not been promoted.
    """

    tip: Oid
    reason: str
    revert: Oid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A rollback, an expiry or a promotion was undone; the branch is back at `tip`."""

    tip: Oid
    merge: Oid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A kind, an event or a version this program does not know: kept, counted, reported."""

    kind: str
    version: int


Event = Created | Abandoned | Decided | Expired | Promoted | RolledBack | Restored
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
