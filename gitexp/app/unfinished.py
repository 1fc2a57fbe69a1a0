"""Which experiments still need somebody: those that run, and expired ones with a branch left."""

from __future__ import annotations

from gitexp import refs
from gitexp.app.branches import known_ids
from gitexp.app.load import load
from gitexp.app.status import every_row
from gitexp.errors import GitexpError, UnknownExperiment
from gitexp.model import ExperimentId, State
from gitexp.store.store import Store


def unfinished_ids(store: Store) -> tuple[ExperimentId, ...]:
    """Those that run, oldest first; those that expired here; those that cannot be read."""
    rows = sorted(every_row(store), key=lambda row: (row.created, row.id))
    running = [row.id for row in rows if row.state is State.RUNNING]
    expired = [
        row.id
        for row in rows
        if row.state is State.EXPIRED and store.repository.ref(refs.branch(row.id)) is not None
    ]
    unread = sorted(set(known_ids(store)) - {row.id for row in rows})
    return (*running, *expired, *(exp for exp in unread if not _is_foreign(store, exp)))


def _is_foreign(store: Store, exp: ExperimentId) -> bool:
    """Whether it only looks like an experiment: a branch under exp/ that holds no plan."""
    try:
        load(store, exp)
    except UnknownExperiment:
        return True
    except GitexpError:
        pass
    return False
