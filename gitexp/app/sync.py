"""Sharing with a remote: fetch what others recorded, admit and judge it, push what is ours.

Every ref that is pushed has one writer, so syncs of different clones never get in each other's way
and none has to be repeated because of another.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import time
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from typing import TypeVar

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.load import load
from gitexp.app.receive import receive, refuse_mirror
from gitexp.app.share import lacking, own_evidence, push_each
from gitexp.app.status import every_row
from gitexp.app.sync_branches import share_branch
from gitexp.app.sync_experiment import Outcome, work_on
from gitexp.app.sync_view import Kept, NotPushed, SyncView
from gitexp.errors import GitexpError, StaleRef
from gitexp.model import ExperimentId, Record, State
from gitexp.refs import RefUpdate
from gitexp.store import evidence
from gitexp.store.lock import syncing_lock
from gitexp.store.lost import lost_remote
from gitexp.store.own_refs import catch_up
from gitexp.store.remote import Pushed, RefPush, Unreachable, checked_remote
from gitexp.store.store import Store
from gitexp.store.tracking import Theirs, look

T = TypeVar("T")

ATTEMPTS = 3
_PAUSE_S = 0.2


def sync(store: Store, remote: str | None, *, ask: bool = False) -> SyncView:
    """Bring this clone and a remote together; safe to repeat, and at any time.

    Args:
        remote: A configured remote; None: the one the current branch follows, or the obvious one.
        ask: Whether git may ask for a password on the terminal.

    Raises:
        Refused: if the remote is not known, or fetching from it would overwrite own evidence.
        Unreachable: if it does not answer in several attempts; what was done until then is said.
    """
    branch = head_branch(store)
    name = checked_remote(store.git, remote, branch=refs.short(branch) if branch else None)
    warnings = refuse_mirror(store.git)
    with syncing_lock(store.git):
        return _Sync(store, name, ask=ask, warnings=warnings).done()


class _Sync:
    """One sync under way, and what it did so far."""

    def __init__(self, store: Store, remote: str, *, ask: bool, warnings: Collection[str]) -> None:
        self._store = store
        self._remote = remote
        self._ask = ask
        self._warnings = [*warnings]
        self._retries = 0
        self._new: dict[ExperimentId, tuple[Record, ...]] = {}
        self._strange: frozenset[str] = frozenset()
        self._not_fetched: tuple[str, ...] = ()
        self._outcomes: dict[ExperimentId, Outcome] = {}
        self._pushed: list[str] = []
        self._refused: list[NotPushed] = []
        self._next: list[str] = []

    def done(self) -> SyncView:
        """Do it all."""
        try:
            self._store.flush()
            theirs = self._again_if_needed(self._receive)
            self._catch_up(theirs)
            self._work(theirs)
            self._share(theirs)
        except Unreachable as error:
            raise self._with_what_was_done(error) from error
        return self._view()

    # --- what the remote has ------------------------------------------------------------------

    def _receive(self) -> Theirs:
        received = receive(self._store, self._remote, ask=self._ask)
        for exp, new in received.new.items():
            self._new[exp] = (*self._new.get(exp, ()), *new)
        self._warnings += received.warnings
        self._strange = frozenset({*received.strange, *received.damaged})
        self._not_fetched = received.damaged
        return received.theirs

    def _catch_up(self, theirs: Theirs) -> None:
        store = self._store
        writers = {
            (ref.exp, ref.writer)
            for name, oid in own_evidence(store).items()
            for ref in (refs.parse_notes(name) or refs.parse_archive(name),)
            if ref is not None and theirs.evidence.get(name) not in (None, oid)
        }
        for exp, writer in sorted(writers):
            journal = store.journal_of(writer)
            catch_up(store.git, store.repository, journal, exp, theirs.evidence)

    # --- what follows from it -----------------------------------------------------------------

    def _work(self, theirs: Theirs) -> None:
        rows = every_row(self._store)
        for row in rows:
            branch = refs.branch(row.id)
            has_branch = branch in theirs.branches or self._store.repository.ref(branch)
            if row.state is State.RUNNING or row.id in self._new or has_branch:
                try:
                    outcome = work_on(self._store, row.id, self._new.get(row.id, ()))
                except GitexpError as error:
                    self._warnings.append(f"{row.id}: {error.message}; {error.hint}")
                else:
                    self._outcomes[row.id] = outcome
        for exp in sorted(self._new.keys() - {row.id for row in rows}):
            self._warnings.append(self._why_unread(exp))
        self._store.flush()

    def _why_unread(self, exp: ExperimentId) -> str:
        """What keeps records that came from being used."""
        try:
            load(self._store, exp)
        except GitexpError as error:
            why = f"{error.message}; {error.hint}"
        else:
            why = "sync again to use them"
        return f"{exp}: {len(self._new[exp])} records came and are kept, not used: {why}"

    # --- what goes there ----------------------------------------------------------------------

    def _share(self, theirs: Theirs) -> None:
        while True:
            shared = [
                share_branch(
                    self._store,
                    self._remote,
                    theirs,
                    outcome.loaded,
                    is_elsewhere=self._push_urls is not None,
                )
                for outcome in self._outcomes.values()
            ]
            branches = [each.offer for each in shared if each.offer]
            rejected = self._again_if_needed(lambda: self._push(theirs, branches))  # noqa: B023
            if not rejected or self._retries >= ATTEMPTS - 1:
                break
            now = look(self._store.git, self._remote, ask=self._ask)
            if all(now.get(ref.name) == theirs.get(ref.name) for ref in rejected):
                break
            # another sync of the same lane came in between: what it pushed is taken in first
            self._pause()
            theirs = self._again_if_needed(self._receive)
            self._catch_up(theirs)
        self._refused += [each.conflict for each in shared if each.conflict]
        self._next += [command for each in shared for command in each.next]
        self._explain(rejected)

    def _push(self, theirs: Theirs, branches: Iterable[RefPush]) -> tuple[Pushed, ...]:
        places = [theirs]
        if self._push_urls is not None:
            places = [look(self._store.git, url, ask=self._ask) for url in self._push_urls]
        offers: dict[str, RefPush] = {}
        for there in places:
            due = [each for each in branches if there.branches.get(each.name) != each.oid]
            due += lacking(self._store, there.evidence)
            offers |= {each.name: each for each in due if each.name not in self._strange}
        shared = push_each(self._store, self._remote, offers.values(), ask=self._ask)
        self._pushed += shared.pushed
        self._remember_pushed()
        return shared.refused

    @cached_property
    def _push_urls(self) -> tuple[str, ...] | None:
        """Where a push goes; None: where a fetch comes from."""
        git = self._store.git
        fetched, pushed = (
            git.run("remote", "get-url", "--all", *kind, "--", self._remote)
            for kind in ((), ("--push",))
        )
        return None if fetched == pushed else tuple(pushed.splitlines())

    def _remember_pushed(self) -> None:
        """Move the tracking refs of what the remote took; the next sync would find out, too."""
        if not self._pushed or self._push_urls is not None:
            return
        repository = self._store.repository
        updates = []
        for name in self._pushed:
            tracked = refs.tracking(name, self._remote)
            new, old = repository.ref(name), repository.ref(tracked)
            if new != old:
                updates.append(RefUpdate(tracked, new, old))
        with contextlib.suppress(GitexpError):
            self._store.git.update_refs(updates, reason=f"exp: pushed to {self._remote}")

    def _explain(self, rejected: Iterable[Pushed]) -> None:
        for name in sorted(self._strange & own_evidence(self._store).keys()):
            self._refused.append(
                NotPushed(
                    names=(name,),
                    reason=f"what {self._remote} has there is none of ours; once that is deleted, "
                    "a sync brings it back",
                    way_out=(f"git push {shlex.quote(self._remote)} --delete {name}",),
                )
            )
        groups: dict[tuple[str, str], list[str]] = {}
        for ref in rejected:
            kind = "branch" if refs.parse_branch(ref.name) else ref.name.partition("exp/")[0]
            groups.setdefault((kind, ref.said), []).append(ref.name)
        for (_, said), names in groups.items():
            self._refused.append(
                NotPushed(
                    names=tuple(names),
                    reason=f"{self._remote} refuses it: {said}",
                    way_out=(f"git push {shlex.quote(self._remote)} {names[0]}",),
                )
            )

    # --- going on after a failure -------------------------------------------------------------

    def _again_if_needed(self, act: Callable[[], T]) -> T:
        """What it gives; tried a few times while nobody answers or refs move under our hands."""
        while True:
            try:
                return act()
            except (Unreachable, StaleRef):
                if self._retries >= ATTEMPTS - 1:
                    raise
            self._pause()

    def _pause(self) -> None:
        time.sleep(_PAUSE_S * 3**self._retries * random.uniform(0.5, 1.5))
        self._retries += 1

    def _with_what_was_done(self, error: Unreachable) -> Unreachable:
        records = sum(map(len, self._new.values()))
        decided = sum(outcome.told.decided is not None for outcome in self._outcomes.values())
        done = [
            f"{count} {what}{'s' * (count != 1)} {verb}"
            for count, what, verb in (
                (records, "record", "came"),
                (decided, "decision", "fell"),
                (len(self._pushed), "ref", "pushed"),
            )
            if count
        ]
        if not done:
            return error
        return Unreachable(f"{error.message}; before that, {', '.join(done)}", hint=error.hint)

    # --- the answer ---------------------------------------------------------------------------

    def _view(self) -> SyncView:
        told = [outcome for outcome in self._outcomes.values() if outcome.is_news]
        steps = [
            command
            for outcome in told
            if "git exp sync" not in outcome.row.next  # that is what was just done
            for command in outcome.row.next
        ]
        kept = self._kept()
        views = (outcome.view for outcome in self._outcomes.values())
        known = self._outcomes.keys()
        return SyncView(
            remote=self._remote,
            attempts=1 + self._retries,
            experiments=tuple(outcome.told for outcome in told),
            unknown={exp: len(new) for exp, new in self._new.items() if exp not in known},
            pushed=tuple(dict.fromkeys(self._pushed)),
            refused=tuple(self._refused),
            not_fetched=self._not_fetched,
            kept=kept,
            judged=tuple(view for view in views if view is not None),
            warnings=tuple(dict.fromkeys(self._warnings)),
            next=tuple(dict.fromkeys([*steps, *self._next])),
        )

    def _kept(self) -> tuple[Kept, ...]:
        found = []
        prefix = f"{refs.REMOTE_NOTES}{lost_remote(self._remote)}/exp/"
        for name, tip in sorted(self._store.repository.refs(prefix).items()):
            ref = refs.parse_notes(name)
            if ref is None:
                continue
            records = evidence.read(self._store.repository, ref.exp, {name: tip}).records
            target = refs.notes(ref.exp, ref.writer)
            found.append(
                Kept(
                    exp=ref.exp,
                    writer=ref.writer,
                    records=len(records),
                    ref=name,
                    again=f"git push {shlex.quote(self._remote)} {name}:{target}",
                )
            )
        return tuple(found)
