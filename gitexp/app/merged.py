"""Merges that `promote` did not make: noticed, and put on record.

What is in the target is promoted, whatever the verdict: the record states a fact and needs no
permission. How it was recognised stands in it for ever.
"""

from __future__ import annotations

from gitexp.app.arrivals import arrival
from gitexp.app.endings import drop_checkouts
from gitexp.app.load import Loaded
from gitexp.changes import recognition_changes
from gitexp.lifecycle import Experiment
from gitexp.model import Promoted, RolledBack, State
from gitexp.store.apply import apply
from gitexp.store.store import Store


def record_if_merged(store: Store, loaded: Loaded) -> Promoted | None:
    """Record the promotion if the target, here or on a remote, has the treatment already.

    Nothing but the event is written: no branch moves. Two git processes when there is none.

    Returns:
        What was recorded; None: nothing.
    """
    found = merge_made_elsewhere(store, loaded.experiment)
    if found is not None:
        record_merge(store, loaded.experiment, found)
    return found


def merge_made_elsewhere(
    store: Store, experiment: Experiment, *, into: str | None = None
) -> Promoted | None:
    """The promotion that no record tells of, if there is one.

    Args:
        into: Full name of another branch than the plan's target.
    """
    if not _may_be_promoted(experiment):
        return None
    arrived = arrival(store, experiment, into=into)
    return None if arrived is None or arrived.is_gone else arrived.promoted


def record_merge(store: Store, experiment: Experiment, found: Promoted) -> None:
    """Put the merge on record."""
    apply(store, recognition_changes(experiment, found))
    drop_checkouts(store, experiment.id)


def _may_be_promoted(experiment: Experiment) -> bool:
    event = experiment.state_event
    if event is not None and isinstance(event.body, RolledBack):
        # dropped here and merged there; what was promoted and taken back stays taken back
        return event.body.revert is None and experiment.promoted is None
    return experiment.state is not State.PROMOTED
