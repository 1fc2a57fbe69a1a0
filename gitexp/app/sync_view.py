"""What `sync` answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitexp.app.views import AnalysisView
from gitexp.model import ExperimentId, Oid, Problem, State, Verdict, WriterId


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """New here: records of one writer, and the blocks they completed."""

    records: int
    blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedExperiment:
    """What a sync did for one experiment.

    Attributes:
        came: What was new here, by writer.
        taken_in: Blocks that count from now on, by writer.
        decided: The decision that fell and was recorded.
        expired: Its last day had passed, which was recorded.
        merge: The commit in which a merge made elsewhere was recognised, and recorded.
        waiting: Complete blocks that do not count yet, by writer.
        decider: Whom they wait for.
        is_decider: That is this clone.
        problems: Of its evidence.
    """

    id: ExperimentId
    state: State
    verdict: Verdict
    came: Mapping[WriterId, Came]
    taken_in: Mapping[WriterId, int]
    decided: Verdict | None
    expired: bool
    merge: Oid | None
    waiting: Mapping[WriterId, int]
    decider: WriterId
    is_decider: bool
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPushed:
    """Refs of ours that the remote does not have as they are here.

    Attributes:
        names: Full names.
        reason: Why, in one sentence.
        way_out: Commands that settle it, to be typed one after the other.
    """

    names: tuple[str, ...]
    reason: str
    way_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Evidence of another writer that the remote no longer has, and this clone still does.

    Attributes:
        ref: Where it is kept.
        again: The command that gives it back to the remote.
    """

    exp: ExperimentId
    writer: WriterId
    records: int
    ref: str
    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncView:
    """Attributes:
    attempts: 1 unless the remote failed to answer, or refs moved under our hands.
    experiments: Those there is something to say about.
    unknown: Records that came for experiments without a plan here, by experiment.
    pushed: Full names of the refs the remote took.
    not_fetched: Full names of refs that cannot be had from the remote; the warnings say why.
    judged: The analyses made on the way.
    """

    remote: str
    attempts: int
    experiments: tuple[SyncedExperiment, ...]
    unknown: Mapping[ExperimentId, int]
    pushed: tuple[str, ...]
    refused: tuple[NotPushed, ...]
    not_fetched: tuple[str, ...]
    kept: tuple[Kept, ...]
    judged: tuple[AnalysisView, ...]
    warnings: tuple[str, ...]
    next: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether both sides have everything."""
        return not self.refused and not self.not_fetched
