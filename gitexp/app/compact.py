"""One ref for all the writers of an experiment that ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.load import load
from gitexp.app.receive import refuse_mirror
from gitexp.app.share import push_each
from gitexp.errors import CorruptEvidence, GitexpError, Refused
from gitexp.model import ExperimentId, Oid, State
from gitexp.refs import RefUpdate
from gitexp.store import compacting, tracking
from gitexp.store.compacting import Home, Sources
from gitexp.store.flushing import holding, move_own_refs, move_refs
from gitexp.store.lock import syncing_lock
from gitexp.store.remote import RefPush, checked_remote, push, remote_names
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.store import Store

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What `compact` would do, or did; refs by full name.

    Attributes:
        remote: None: there is none.
        records: How many there are, of all writers together.
        writers: Whose records they are, counted.
        into: The notes ref that holds them all.
        moved: Own refs that take something in.
        dropped: Refs dropped here: those of lanes.
        pushed: Refs the remote took.
        deleted: Refs deleted at the remote, which has what they held.
        stay: Refs that stay as they are, here or there, and why.
        refused: What the remote did not take, with its words; then nothing is deleted there.
    """

    exp: ExperimentId
    remote: str | None
    records: int
    writers: int
    into: str
    moved: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    pushed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    stay: Mapping[str, str]
    refused: Mapping[str, str]

    @property
    def is_idle(self) -> bool:
        """Whether nothing changes, or changed."""
        return not (self.moved or self.dropped or self.pushed or self.deleted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    """All there is of an experiment, and where it goes.

    Attributes:
        listed: Its refs, own and fetched.
        takes: Own refs that take something in, the archive first: a commit that has a note is
            taken to be archived.
        drops: Refs of lanes, which are not needed then.
    """

    listed: Mapping[str, Oid]
    found: Sources
    home: Home
    at_remote: Mapping[str, Oid]
    takes: tuple[RefUpdate, ...]
    drops: tuple[RefUpdate, ...]


def remote_for(store: Store, name: str | None) -> str | None:
    """The remote to compact at; None when there is none at all.

    Raises:
        Refused: if it is no configured remote, or several could be meant.
    """
    if name is None and not remote_names(store.git):
        return None
    branch = head_branch(store)
    return checked_remote(store.git, name, branch=None if branch is None else refs.short(branch))


def bring(store: Store, remote: str | None, *, ask: bool = False) -> None:
    """Fetch what the remote has now.

    Raises:
        Refused: if the clone mirrors it, and cannot hold evidence of its own.
        Unreachable: if it does not answer.
    """
    if remote is not None:
        refuse_mirror(store.git)
        with syncing_lock(store.git):
            _fetch(store, remote, ask=ask)


def plan(store: Store, exp: ExperimentId, remote: str | None) -> Compaction:
    """What `compact` would do by what was fetched last; nothing moves.

    Raises:
        Refused: if the experiment has not ended.
        CorruptEvidence: if this clone's own notes cannot take others' records in.
    """
    experiment = load(store, exp).experiment
    if experiment.state is State.RUNNING:
        raise Refused(
            f"{exp} is still running: until it ends every writer needs a ref of its own",
            hint=f"git exp status {exp}",
            code="not-ended",
        )
    gathered = _outlasting_gc(lambda: _gather(store, exp, remote))
    home = gathered.home.refs
    pushed = {**gathered.at_remote, **home}
    return Compaction(
        exp=exp,
        remote=remote,
        records=len(experiment.records),
        writers=len({record.writer for record in experiment.records}),
        into=gathered.home.notes,
        moved=tuple(update.name for update in gathered.takes),
        dropped=tuple(update.name for update in gathered.drops),
        pushed=_to_push(gathered, home) if remote else (),
        deleted=tuple(_redundant(gathered, home, pushed, remote)) if remote else (),
        stay=gathered.found.left,
        refused={},
    )


def compact(store: Store, planned: Compaction, *, ask: bool = False) -> Compaction:
    """Gather the records of all writers in one ref, here and then at the remote.

    The remote gets the gathered refs first. What they hold is deleted there only once it has
    them, and only where it still is what was read.

    Raises:
        Unreachable: if the remote stops answering; nothing is lost, and the next time goes on.
        GitexpError: if own refs cannot be moved, or do not read as what they were gathered from.
    """
    with syncing_lock(store.git):
        return _compact(store, planned, ask=ask)


def _compact(store: Store, planned: Compaction, *, ask: bool) -> Compaction:
    exp, remote = planned.exp, planned.remote
    gathered = _outlasting_gc(lambda: _move_own(store, exp, remote))
    home = gathered.home.refs
    done = replace(
        planned,
        into=gathered.home.notes,
        moved=tuple(update.name for update in gathered.takes),
        dropped=tuple(update.name for update in gathered.drops),
        pushed=(),
        deleted=(),
        stay=gathered.found.left,
    )
    if remote is None:
        return done
    offers = [RefPush(name=name, oid=home[name]) for name in _to_push(gathered, home)]
    shared = push_each(store, remote, offers, ask=ask)
    refused = {answer.name: answer.said for answer in shared.refused}
    done = replace(done, pushed=shared.pushed, refused=refused)
    return _delete_redundant(store, done, gathered, home, ask=ask)


def _delete_redundant(
    store: Store,
    done: Compaction,
    gathered: _Gathered,
    home: Mapping[str, Oid],
    *,
    ask: bool,
) -> Compaction:
    """Delete at the remote what its gathered refs hold, and look at it once more."""
    remote = done.remote
    assert remote is not None
    now = _of(done.exp, tracking.look(store.git, remote, ask=ask).evidence)
    redundant = _redundant(gathered, home, now, remote)
    is_there = all(now.get(name) == tip for name, tip in home.items())
    why = "it is not what was read" if is_there else "what was gathered is not there yet"
    moved = {
        name: f"{why} on {remote}"
        for name in now
        if name not in {*home, *redundant} and refs.tracking(name, remote) not in done.stay
    }
    answers = push(
        store.git,
        remote,
        [RefPush(name=name, oid=None, expected=tip) for name, tip in redundant.items()],
        ask=ask,
    )
    kept = {a.name: f"{remote} does not delete it: {a.said}" for a in answers if a.is_rejected}
    _fetch(store, remote, ask=ask)
    return replace(
        done,
        deleted=tuple(a.name for a in answers if not a.is_rejected),
        stay={**done.stay, **({} if done.refused else moved), **kept},
    )


def _fetch(store: Store, remote: str, *, ask: bool) -> None:
    theirs = tracking.look(store.git, remote, ask=ask)
    tracking.take(store.git, store.repository, remote, theirs, ask=ask)


def _gather(store: Store, exp: ExperimentId, remote: str | None) -> _Gathered:
    """All refs of the experiment, and one writer's that hold everything; no ref moves."""
    repository = store.repository
    listed = _of(exp, store.our_refs())
    found = compacting.sources(repository, exp, listed)
    at_remote = {} if remote is None else _at(remote, listed)
    home = compacting.find_home(repository, exp, store.writer, found, at_remote)
    takes, drops = _own_updates(store, exp, home, found)
    gathered = _Gathered(
        listed=listed, found=found, home=home, at_remote=at_remote, takes=takes, drops=drops
    )
    _check(store, exp, gathered)
    return gathered


def _check(store: Store, exp: ExperimentId, gathered: _Gathered) -> None:
    """Read what was gathered from the disk.

    Raises:
        CorruptEvidence: if it differs from what it was gathered from.
        MissingObject: if it cannot be read.
    """
    notes = {name: tip for name, tip in gathered.listed.items() if refs.parse_notes(name)}
    compacting.check(Repository(store.git), exp, gathered.home, gathered.found, notes)


def _own_updates(
    store: Store, exp: ExperimentId, home: Home, found: Sources
) -> tuple[tuple[RefUpdate, ...], tuple[RefUpdate, ...]]:
    """Own refs take everything in; lanes' are dropped where this clone's own holds what they do."""
    own = {refs.notes(exp, store.writer), refs.archive(exp, store.writer)}
    ours = {name: tip for name, tip in home.refs.items() if name in own}
    old = {name: store.repository.ref(name) for name in ours}
    takes = [RefUpdate(name, tip, old[name]) for name, tip in ours.items() if old[name] != tip]
    drops = [
        RefUpdate(name, None, tip)
        for name, tip in found.all.items()
        if _is_own(name) and name not in own and any(map(_same_kind(name), ours))
    ]
    return tuple(takes), tuple(drops)


def _outlasting_gc(act: Callable[[], _Gathered]) -> _Gathered:
    """What it gives; done again when a `git gc` collects what no ref names yet."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(MissingObject, CorruptEvidence):
            return act()
    return act()


def _move_own(store: Store, exp: ExperimentId, remote: str | None) -> _Gathered:
    latest: list[_Gathered] = []

    def takes() -> Sequence[RefUpdate]:
        latest[:] = [_gather(store, exp, remote)]
        return latest[0].takes

    with store.journal.locked() as session:
        git = holding(store.git, session)
        move_own_refs(git, takes, reason=f"exp: compact {exp}")
        gathered = latest[0]
        try:
            _check(store, exp, gathered)
        except GitexpError:
            back = [RefUpdate(u.name, u.old, u.new) for u in gathered.takes]
            git.update_refs(back, reason=f"exp: compact {exp}, taken back")
            raise
        # only now: what a lane's ref alone named could have been collected with it
        move_refs(git, lambda: gathered.drops, reason=f"exp: compact {exp}")
    return gathered


def _to_push(gathered: _Gathered, home: Mapping[str, Oid]) -> tuple[str, ...]:
    return tuple(name for name, tip in home.items() if gathered.at_remote.get(name) != tip)


def _redundant(
    gathered: _Gathered, home: Mapping[str, Oid], there: Mapping[str, Oid], remote: str
) -> dict[str, Oid]:
    """Refs at the remote that are as they were read, and whose kind has a home there.

    Args:
        there: What the remote has, by full name.
    """
    read = gathered.found.all
    found: dict[str, Oid] = {}
    for name, tip in there.items():
        has_home = any(
            there.get(other) == wanted for other, wanted in home.items() if _same_kind(name)(other)
        )
        if has_home and name not in home and read.get(refs.tracking(name, remote)) == tip:
            found[name] = tip
    return found


def _of(exp: ExperimentId, listed: Mapping[str, Oid]) -> dict[str, Oid]:
    parsed = ((name, tip, _parse(name)) for name, tip in listed.items())
    return {name: tip for name, tip, ref in parsed if ref is not None and ref.exp == exp}


def _at(remote: str, listed: Mapping[str, Oid]) -> dict[str, Oid]:
    """What the remote has, by the names it has there."""
    found = {}
    for name, tip in listed.items():
        ref = _parse(name)
        if ref is not None and ref.remote == remote:
            own = refs.notes if refs.parse_notes(name) else refs.archive
            found[own(ref.exp, ref.writer)] = tip
    return found


def _is_own(name: str) -> bool:
    ref = _parse(name)
    return ref is not None and ref.remote is None


def _same_kind(name: str) -> Callable[[str], bool]:
    parse = refs.parse_notes if refs.parse_notes(name) else refs.parse_archive
    return lambda other: parse(other) is not None


def _parse(name: str) -> refs.WriterRef | None:
    return refs.parse_notes(name) or refs.parse_archive(name)
