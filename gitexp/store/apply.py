"""One `Changes` value carried out: all of it, or nothing.

The order is what makes it so: the intent is on the disk before anything; commits are built where
nobody sees them; the user's files move next, because that alone can be refused by what they hold;
then all refs in one transaction; last HEAD, which can only follow. Killed anywhere, the next
command finishes or forgets (`gitexp.store.recovery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitexp.changes.values import (
    EVIDENCE,
    MADE,
    Changes,
    Kind,
    NewWorktree,
    Registration,
    Switch,
    settle,
)
from gitexp.errors import Refused, StaleRef
from gitexp.model import ExperimentId, Oid
from gitexp.refs import RefUpdate, short
from gitexp.store import notes, parcels, recovery, standing, workshop
from gitexp.store.entries import Entry
from gitexp.store.git import Git
from gitexp.store.heads import HeadMover
from gitexp.store.intent import HeadMove, Intent, Linked, Pending
from gitexp.store.journal import Session
from gitexp.store.lock import repository_lock
from gitexp.store.names import refuse_taken
from gitexp.store.store import Store

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a change came to.

    Attributes:
        made: The merge, the revert or the new branch's tip; None when no commit was made.
        plan_commit: The commit the experiment's events are filed under.
        evidence: The commit that pins the notes a promotion rests on.
        stands_on: The branch HEAD names here now, in full, or the commit when detached.
        moved: Whether the user was taken there.
    """

    exp: ExperimentId
    made: Oid | None
    plan_commit: Oid
    evidence: Oid | None
    stands_on: str
    moved: bool


def apply(store: Store, changes: Changes) -> Applied:
    """Carry the changes out.

    Raises:
        Refused: when something is in the way; nothing was changed.
        StaleRef: when a branch is not where the changes found it; nothing was changed.
    """
    with repository_lock(store.git) as git:
        recovery.settle(git)
        store.flush()
        return _Application(store, git, changes).run()


def recover(store: Store) -> bool:
    """Finish or forget what a killed command left; whether there was anything.

    Raises:
        Refused: while that command still runs, or when the user's files are in the way.
    """
    return recovery.recover(store.git)


class _Application:
    """One application, by the holder of the repository lock."""

    def __init__(self, store: Store, git: Git, changes: Changes) -> None:
        self._store = store
        self._git = git
        self._changes = changes
        self._pending = Pending(git.common_dir)
        self._head = standing.head_of(git)
        self._places: dict[str, Oid] = {}
        self._evidence: bytes | None = None

    def run(self) -> Applied:
        self._refuse()
        intent = self._pending.begin(self._changes.what)
        try:
            intent = self._build(intent)
            intent = self._bring_files(intent)
            intent = self._move_refs(intent)
        except Exception:
            intent = self._pending.load() or intent
            if not recovery.has_moved(self._git, intent):
                recovery.forget(self._git, intent)
                raise
            recovery.complete(self._git, intent)
        except BaseException:
            # an interrupt kills the git that runs, which then leaves its locks
            recovery.settle(self._git)
            raise
        else:
            recovery.finish(self._git, intent)
        return Applied(
            exp=self._changes.exp,
            made=self._places.get(MADE),
            plan_commit=self._changes.place,
            evidence=self._places.get(EVIDENCE),
            stands_on=standing.head_of(self._git),
            moved=intent.move is not None,
        )

    # --- 1: what forbids it -----------------------------------------------------------------

    def _refuse(self) -> None:
        changes, git = self._changes, self._git
        if changes.kind is Kind.CREATE:
            refuse_taken(self._store.repository, changes.exp)
        for move in changes.branches:
            if git.ref(move.name) != move.old:
                raise StaleRef(
                    f"the branch {short(move.name)} moved meanwhile",
                    hint="run the same command again",
                )
        moving = [move.name for move in changes.branches if move.old is not None]
        standing.refuse_elsewhere(git, moving, command=f"exp {changes.kind} {changes.exp}")
        if changes.build is not None:
            workshop.require_identity(git)
        if self._switch is not None:
            self._refuse_to_move_head()
        elif any(move.new is None and move.name == self._head for move in changes.branches):
            raise Refused(
                f"{short(self._head)} is checked out here, and there is no branch to go to",
                hint="git switch <another branch>, then run it again",
                code="no-target",
            )
        if isinstance(changes.head, NewWorktree):
            _refuse_occupied(Path(changes.head.path))

    @property
    def _switch(self) -> Switch | None:
        """How the user's HEAD moves, if it does."""
        head = self._changes.head
        if not isinstance(head, Switch):
            return None
        return head if head.when_on is None or self._head in head.when_on else None

    def _refuse_to_move_head(self) -> None:
        if self._git.top is not None:
            standing.refuse_under_way(self._git)
        elif not self._is_bare:
            raise Refused(
                "this is inside the git dir, and your files would have to change",
                hint="go to the work tree, and run it there",
                code="no-work-tree",
            )

    @property
    def _is_bare(self) -> bool:
        answer = self._git.run("rev-parse", "--is-bare-repository")
        return answer.strip() == "true"

    # --- 2: the commits ---------------------------------------------------------------------

    def _build(self, intent: Intent) -> Intent:
        """Make the commits; nothing names them yet."""
        repository, spec = self._store.repository, self._changes.build
        if EVIDENCE in self._changes.pins:
            self._places[EVIDENCE] = repository.write_commit(
                repository.write_tree([]),
                self._changes.evidence,
                f"gitexp: the evidence {self._changes.exp} was decided from\n",
            )
            shown = self._git.attempt("cat-file", "commit", self._places[EVIDENCE])
            self._evidence = shown.stdout if shown.returncode == 0 else None
        if isinstance(spec, Registration):
            self._places |= workshop.register(self._git, spec)
        elif spec is not None:
            path = workshop.new_path(self._git)
            intent = self._pending.note(replace(intent, workshop=str(path)))
            self._places[MADE] = workshop.build(self._git, path, spec, self._places)
        self._changes = settle(self._changes, self._places)
        return intent

    # --- 3: the files -----------------------------------------------------------------------

    def _bring_files(self, intent: Intent) -> Intent:
        switch, head = self._switch, self._changes.head
        if isinstance(head, NewWorktree):
            linked = Linked(path=head.path, branch=head.branch, commit=head.at)
            intent = self._pending.note(replace(intent, linked=linked))
            self._add_worktree(linked)
        if switch is None:
            return intent
        move = self._head_move(switch)
        if move.checkout:
            standing.refuse_in_the_way(self._git, move.before_commit, move.after_commit)
        intent = self._pending.note(replace(intent, move=move))
        HeadMover(self._git, move).check_out(intent.what)
        return intent

    def _head_move(self, switch: Switch) -> HeadMove:
        git = self._git
        before = git.ref("HEAD")
        if before is None:
            raise Refused(
                f"{short(self._head)} has no commit yet",
                hint="commit something first",
                code="unborn",
            )
        taken = {worktree.head for worktree in standing.other_worktrees(git)}
        # one branch cannot be checked out twice
        after = switch.at if switch.to in taken else switch.to
        trees = git.run("rev-parse", f"{before}^{{tree}}", f"{switch.at}^{{tree}}").split()
        # HEAD must never name a branch that is gone, not even between two steps
        leaves = after == switch.at or any(
            move.new is None and move.name == self._head for move in self._changes.branches
        )
        return HeadMove(
            git_dir=str(git.git_dir),
            top=None if git.top is None else str(git.top),
            before=self._head,
            before_commit=before,
            after=after,
            after_commit=switch.at,
            checkout=git.top is not None and (trees[0] != trees[1] or leaves),
        )

    def _add_worktree(self, linked: Linked) -> None:
        path = Path(linked.path)
        answer = self._git.configured(workshop.SETTINGS).attempt(
            "worktree", "add", "--quiet", "--detach", linked.path, linked.commit
        )
        # a post-checkout hook sets the exit status, too, after everything is done
        is_made = (path / ".git").exists() and (
            standing.head_of(self._git, cwd=path) == linked.commit
        )
        if answer.returncode != 0 and not is_made:
            said = answer.stderr.decode(errors="replace").strip().splitlines()
            raise Refused(
                f"git cannot make the worktree: {said[-1] if said else 'no message'}",
                hint="choose another path: --worktree PATH",
                code="worktree-refused",
            )

    # --- 4: the refs ------------------------------------------------------------------------

    def _move_refs(self, intent: Intent) -> Intent:
        """Move all refs at once, ours included."""
        changes = self._changes
        with self._store.journal.locked() as session:
            staged = [
                session.stage(changes.exp, changes.plan_hash, record, target=changes.place)
                for record in changes.records
            ]
            for left in reversed(range(_ATTEMPTS)):
                self._keep_evidence()
                updates = (*self._own_refs(session, staged), *changes.branches)
                parcel = parcels.pack(self._git, [u.new for u in updates if u.new is not None])
                intent = self._pending.note(replace(intent, refs=updates, parcel=parcel))
                try:
                    self._git.configured(workshop.SETTINGS).update_refs(
                        updates, reason=changes.what
                    )
                    break
                except StaleRef:
                    # a notes ref that moved is read again; a branch that moved is the user's
                    if not left or recovery.has_moved(self._git, intent) or self._is_stale():
                        raise
            parcels.unpack(self._git, intent.parcel)
            session.mark_flushed(staged)
        return intent

    def _keep_evidence(self) -> None:
        """Write it again: no ref names it while the merge is made, and `git prune` takes it.

        By a git of its own: libgit2 remembers objects that are gone.
        """
        if self._evidence is not None:
            self._git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=self._evidence)

    def _own_refs(self, session: Session, staged: Sequence[Entry]) -> tuple[RefUpdate, ...]:
        """Archive, notes and summaries: in this order, should git be killed between them."""
        changes, repository = self._changes, self._store.repository
        return (
            *notes.flush_changes(
                repository,
                self._store.writer,
                [*session.pending(), *staged],
                also_archive={changes.exp: changes.pins},
            ),
            *notes.summary_changes(repository, {n.commit: n.text for n in changes.notes}),
        )

    def _is_stale(self) -> bool:
        return any(self._git.ref(move.name) != move.old for move in self._changes.branches)


def _refuse_occupied(path: Path) -> None:
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise Refused(
            f"{path} exists already",
            hint="choose another path: --worktree PATH",
            code="worktree-refused",
        )
