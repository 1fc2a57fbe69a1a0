"""From the journal into the notes, whatever moves, locks or loses the refs meanwhile."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gitexp import refs
from gitexp.errors import StaleRef
from gitexp.model import ExperimentId
from gitexp.refs import RefUpdate
from gitexp.store import evidence, mending
from gitexp.store.entries import Entry
from gitexp.store.git import DEAD_LOCK_S, Git
from gitexp.store.journal import Journal, Session
from gitexp.store.notes import flush_changes
from gitexp.store.repository import MissingObject, Repository

_PATIENCE_S = 5.0
"""How long to go on trying while others move or lock our refs."""

Changes = Callable[[], Sequence[RefUpdate]]


class Flushing:
    """Moves what is pending in a journal, and what git lost of it, into the notes."""

    def __init__(self, git: Git, repository: Repository) -> None:
        self._git = git
        self._repository = repository

    def flush(self, session: Session) -> None:
        """Write all that is pending into the notes; the journal's lock is held.

        Raises:
            GitexpError: if the refs cannot be moved; everything stays in the journal.
        """
        pending = session.pending()
        if not pending:
            return
        session.postpone()
        try:
            self._move(
                session,
                lambda: flush_changes(self._repository, session.writer, pending),
                reason="exp: flush the journal",
            )
        except MissingObject:
            self._rebuild(session, pending)
        session.mark_flushed()

    def mend(self, journal: Journal, exp: ExperimentId) -> None:
        """Write again what kept journal files have of the experiment and the notes lost."""
        with journal.locked() as session:
            kept = [entry for entry in journal.kept() if entry.record.exp == exp]
            if kept:
                self._rebuild(session, kept)

    def drop_outdated(self, journal: Journal) -> None:
        """Delete kept journal files whose records can all be read back from the notes."""
        names = journal.outdated()
        if not names:
            return
        for exp in {entry.record.exp for entry in journal.kept(names)}:
            # all refs of this clone: a lane's records may be in a compacted one
            tips = self._repository.refs(f"{refs.NOTES}{exp}/")
            kept = journal.kept_lines(exp)
            if evidence.has_lost(evidence.read(self._repository, exp, tips, kept=kept)):
                self.mend(journal, exp)
        journal.forget(names)

    def _rebuild(self, session: Session, entries: Sequence[Entry]) -> None:
        experiments = {entry.record.exp for entry in entries}
        kept = [entry for entry in session.kept() if entry.record.exp in experiments]

        def changes() -> Sequence[RefUpdate]:
            bases = {
                exp: mending.whole_base(self._repository, exp, session.writer)
                for exp in experiments
            }
            return flush_changes(
                self._repository,
                session.writer,
                mending.missing(self._repository, bases, [*kept, *entries]),
                instead=bases,
            )

        self._move(session, changes, reason="exp: rebuild what git lost")

    def _move(self, session: Session, changes: Changes, *, reason: str) -> None:
        move_own_refs(holding(self._git, session), changes, reason=reason)


def holding(git: Git, session: Session) -> Git:
    """The same git, whose processes inherit the journal's lock.

    If we are killed, nobody else begins before they have ended.
    """
    return replace(git, keep_fds=(*git.keep_fds, session.lock))


def move_own_refs(git: Git, changes: Changes, *, reason: str) -> None:
    """Like `move_refs`, for refs of one writer and a git that holds the lock of its journal."""
    latest: list[RefUpdate] = []

    def noted() -> Sequence[RefUpdate]:
        latest[:] = changes()
        return latest

    move_refs(git, noted, reason=reason, before_retry=lambda: _remove_dead_locks(git, latest))


def move_refs(
    git: Git,
    changes: Changes,
    *,
    reason: str,
    before_retry: Callable[[], None] = lambda: None,
) -> None:
    """Move refs as `changes` says; when one moved meanwhile, ask it again and retry.

    Raises:
        StaleRef: if that never succeeds.
        GitexpError: if git cannot write.
    """
    deadline = time.monotonic() + _PATIENCE_S
    pause = 0.005
    while True:
        try:
            return git.update_refs(changes(), reason=reason)
        except StaleRef:
            if time.monotonic() > deadline:
                raise
        before_retry()
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, 0.5)


def _remove_dead_locks(git: Git, updates: Iterable[RefUpdate]) -> None:
    """Remove lock files on this writer's refs that a killed git or a power cut left.

    The journal's lock is held, and a git we once started would still hold it: another git can
    lock these refs only in passing, to pack or to fetch.
    """
    for update in updates:
        path = git.common_dir / f"{update.name}.lock"
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > DEAD_LOCK_S:
                path.unlink()
