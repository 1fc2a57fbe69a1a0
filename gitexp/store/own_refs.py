"""Own refs that a remote has in another state: behind, or diverged.

An own ref has one writer, yet it can fall behind: a lane of CI that two jobs share, a clone put
back from a backup. Nothing of either side is dropped: what one side lacks is added under the
writer's journal lock, so that the numbers of its records go on from the highest of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gitexp import refs
from gitexp.model import ExperimentId, Oid
from gitexp.refs import RefUpdate
from gitexp.store.archives import unite_archives
from gitexp.store.flushing import holding, move_own_refs
from gitexp.store.git import Git
from gitexp.store.journal import Journal
from gitexp.store.notes import unite
from gitexp.store.repository import Repository

_Join = Callable[[Repository, ExperimentId, Oid, Oid], Oid]


def catch_up(
    git: Git,
    repository: Repository,
    journal: Journal,
    exp: ExperimentId,
    theirs: Mapping[str, Oid],
) -> tuple[str, ...]:
    """Add to the writer's own refs what the remote's refs of the same names hold beyond them.

    Args:
        theirs: The remote's refs; their commits are here.

    Returns:
        The refs that moved.

    Raises:
        GitexpError: if they cannot be moved.
    """
    moved: list[RefUpdate] = []

    def changes() -> Sequence[RefUpdate]:
        # the archive first: what a notes ref names must be kept when only one of them moved
        joins = (
            (refs.archive(exp, journal.writer), unite_archives),
            (refs.notes(exp, journal.writer), unite),
        )
        updates = (_update(repository, exp, name, theirs.get(name), join) for name, join in joins)
        moved[:] = [update for update in updates if update is not None]
        return moved

    with journal.locked() as session:
        move_own_refs(holding(git, session), changes, reason="exp: catch up with a remote")
    return tuple(update.name for update in moved)


def _update(
    repository: Repository, exp: ExperimentId, name: str, other: Oid | None, join: _Join
) -> RefUpdate | None:
    own = repository.ref(name)
    if own is None or other is None or not repository.is_commit(other):
        return None
    if repository.contains(own, other):
        return None
    is_behind = repository.contains(other, own)
    return RefUpdate(name, other if is_behind else join(repository, exp, own, other), own)
