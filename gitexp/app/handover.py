"""Another clone decides from now on: when its owner is away, or the clone is gone."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp import refs
from gitexp.app.load import load
from gitexp.errors import Refused, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Handover, State, WriterId, writer_id
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverView:
    """Who decides now.

    Attributes:
        predecessor: Who decided until then; the same as `decider` when nothing changed.
        counted: Records of the predecessor that were known here: later ones wait.
        is_here: Whether this clone decides now.
    """

    id: ExperimentId
    predecessor: WriterId
    decider: WriterId
    counted: int
    is_here: bool
    next: tuple[str, ...]


def hand_over(store: Store, exp: ExperimentId, to: str | None) -> HandoverView:
    """Make a writer the decider; without a name this clone.

    Raises:
        UsageError: if `to` is no writer name.
        Refused: if the experiment has ended, or nothing is known of such a writer.
    """
    experiment = load(store, exp).experiment
    if experiment.state is not State.RUNNING:
        raise Refused(
            f"{exp} is {experiment.state}: there is nothing left to decide",
            hint=f"git exp restore {exp}, if it is to go on",
            code="ended",
        )
    successor = store.writer if to is None else _known(store, experiment, to)
    if successor == experiment.decider:
        return _view(store, experiment, seen=_last_seq(experiment), predecessor=successor)
    body = Handover(
        predecessor=experiment.decider,
        tenure=experiment.tenure.handover,
        seen=_last_seq(experiment),
        to=successor,
    )
    target = experiment.plan_commit or experiment.plan.base
    store.record(exp, experiment.plan_hash, body, target=target)
    now = load(store, exp).experiment
    return _view(store, now, seen=body.seen, predecessor=experiment.decider)


def _view(
    store: Store, experiment: Experiment, *, seen: int, predecessor: WriterId
) -> HandoverView:
    is_here = experiment.decider == store.known_writer
    has_remote = bool(store.git.run("remote").strip())
    run = f"git exp run {experiment.id}" if experiment.plan.command else None
    share = "git exp sync" if has_remote else None
    steps = (share, run if is_here else None)
    return HandoverView(
        id=experiment.id,
        predecessor=predecessor,
        decider=experiment.decider,
        counted=seen,
        is_here=is_here,
        next=tuple(step for step in steps if step),
    )


def _last_seq(experiment: Experiment) -> int:
    own = (r.seq for r in experiment.records if r.writer == experiment.decider)
    return max(own, default=0)


def _known(store: Store, experiment: Experiment, text: str) -> WriterId:
    """The writer of that name: a slip of the pen would leave nobody to decide."""
    try:
        named = writer_id(text)
    except ValueError as error:
        raise UsageError(str(error), hint="git exp log shows who wrote what") from error
    refs_here = (refs.parse_notes(name) for name in store.our_refs())
    known = {ref.writer for ref in refs_here if ref is not None} | {store.writer}
    if named not in known:
        others = sorted({record.writer for record in experiment.records})
        raise Refused(
            f"nothing is known here of a writer {named}",
            hint=f"run git exp handover {experiment.id} in that clone, "
            f"or name one of: {', '.join(others)}",
            code="unknown-writer",
        )
    return named
