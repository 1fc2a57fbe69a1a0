"""A reason given after the merge: why it is right although it was not found better.

A merge that `promote` did not make is put on record as a fact, by whoever syncs next, and without a
reason. This gives it one.
"""

from __future__ import annotations

from gitexp.app.arms import revision_at
from gitexp.app.endings import checked_reason, promotion_of
from gitexp.changes import Changes, override_changes
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, State, Verdict
from gitexp.store.apply import apply
from gitexp.store.store import Store


def overriding(experiment: Experiment, reason: str | None) -> Changes | None:
    """What would put the reason on record; None: it ended otherwise, or none is needed.

    Raises:
        Refused: if the reason is too long.
    """
    if reason is None or experiment.state is not State.PROMOTED:
        return None
    done, merge = promotion_of(experiment)
    revision = revision_at(experiment, done.tip)
    record = None if revision is None else experiment.decisions.get(revision)
    decided = None if record is None or not isinstance(record.body, Decided) else record.body
    is_better = decided is not None and decided.verdict is Verdict.BETTER
    if is_better or done.tip in experiment.overrides:
        return None
    return override_changes(experiment, done, merge=merge, reason=checked_reason(reason))


def record_override(store: Store, changes: Changes) -> None:
    """Put it on record; no branch moves."""
    apply(store, changes)
