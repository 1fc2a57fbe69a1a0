"""What a remote has, kept under names of ours: fetched into tracking refs, never into own refs.

Objects are fetched first; then all tracking refs move in one transaction, and with them the refs
that keep what the remote no longer has (`gitexp.store.lost`). A plain `git fetch` moves the same
tracking refs, but keeps nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.errors import StaleRef
from gitexp.model import Oid
from gitexp.refs import RefUpdate
from gitexp.store.git import Git
from gitexp.store.lost import kept_updates, lost_remote
from gitexp.store.remote import fetch, listed
from gitexp.store.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What a remote has now that could concern us, by full ref name.

    Attributes:
        evidence: Notes and archives of experiments.
        branches: All branches; experiments' own are among them.
    """

    evidence: Mapping[str, Oid]
    branches: Mapping[str, Oid]

    def get(self, name: str) -> Oid | None:
        return self.evidence.get(name) or self.branches.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What one look at a remote changed here.

    Attributes:
        moved: Tracking refs with what they were and are.
        strange: Refs of the remote, under our names, that are no commits: left there.
        damaged: Refs of the remote that cannot be had, with git's words: left there.
        left_out: Archives this clone did not ask for: it is shallow.
    """

    moved: tuple[RefUpdate, ...]
    strange: tuple[str, ...]
    damaged: Mapping[str, str]
    left_out: int


def look(git: Git, remote: str, *, ask: bool = False) -> Theirs:
    """What the remote has now.

    Raises:
        Unreachable: if it does not answer.
    """
    found = listed(git, remote, (f"{refs.NOTES}*", f"{refs.ARCHIVES}*", "refs/heads/*"), ask=ask)
    return Theirs(
        evidence={
            name: oid
            for name, oid in found.items()
            if refs.parse_notes(name) or refs.parse_archive(name)
        },
        branches={name: oid for name, oid in found.items() if name.startswith("refs/heads/")},
    )


def take(
    git: Git,
    repository: Repository,
    remote: str,
    theirs: Theirs,
    *,
    targets: Collection[str] = (),
    ask: bool = False,
) -> Arrived:
    """Make the tracking refs what the remote has.

    Args:
        targets: Full names of more branches to keep track of, beside those of experiments.

    Raises:
        Unreachable: if the remote stops answering; nothing was moved.
        StaleRef: if a ref moved meanwhile, here or there, or git collected what was fetched;
            nothing was moved.
    """
    known = repository.refs(
        *(f"{refs.REMOTE_NOTES}{name}/exp/" for name in (remote, lost_remote(remote))),
        *(f"{refs.REMOTE_ARCHIVES}{name}/archive/" for name in (remote, lost_remote(remote))),
        f"{refs.REMOTE_BRANCHES}{remote}/",
        refs.NOTES,
        refs.ARCHIVES,
    )
    followed = {
        name: oid
        for name, oid in theirs.branches.items()
        if refs.parse_branch(name) or name in targets
    }
    wanted = {
        name: oid
        for name, oid in {**theirs.evidence, **followed}.items()
        if known.get(refs.tracking(name, remote)) != oid or not repository.has(oid)
    }
    left_out = {
        name
        for name in wanted
        if refs.parse_archive(name) and name not in known and is_shallow(git)
    }
    wanted = {name: oid for name, oid in wanted.items() if name not in left_out}
    _drop_lost_summaries(git, repository)
    damaged = fetch(git, remote, sorted(wanted), ask=ask)
    wanted = {name: oid for name, oid in wanted.items() if name not in damaged}
    gone_there = [name for name, oid in wanted.items() if not repository.has(oid)]
    if gone_there:
        raise StaleRef(f"{gone_there[0]} was replaced on {remote} just now", hint="run it again")
    strange = {name for name, oid in wanted.items() if not repository.is_commit(oid)}
    moved = [
        RefUpdate(tracked, oid, known.get(tracked))
        for name, oid in sorted(wanted.items())
        if name not in strange
        for tracked in (refs.tracking(name, remote),)
    ]
    came = [*moved]
    moved += _vanished(remote, theirs, known)
    git.update_refs(
        [*kept_updates(repository, remote, known, moved), *moved], reason=f"exp: sync {remote}"
    )
    if not _is_here(git, repository, came):
        back = [RefUpdate(update.name, update.old, update.new) for update in came]
        git.update_refs(back, reason=f"exp: sync {remote}, taken back")
        raise StaleRef("git collected what was just fetched", hint="run the same command again")
    return Arrived(
        moved=tuple(moved),
        strange=tuple(sorted(strange)),
        damaged=damaged,
        left_out=len(left_out),
    )


def _drop_lost_summaries(git: Git, repository: Repository) -> None:
    """Drop the derived summaries if `git gc` took them: git refuses to fetch beside such a ref."""
    tip = repository.ref(refs.SUMMARY)
    if tip is not None and not repository.has(tip):
        git.update_refs([RefUpdate(refs.SUMMARY, None, tip)], reason="exp: drop what git lost")


def _is_here(git: Git, repository: Repository, came: Collection[RefUpdate]) -> bool:
    """Whether all that these refs name now can be read; only what is new is looked at.

    A `git gc --prune=now` that began before they moved deletes what no ref named then.
    """
    if not came:
        return True
    beyond = [f"^{update.old}" for update in came if update.old and repository.has(update.old)]
    tips = [str(update.new) for update in came]
    wanted = "".join(f"{line}\n" for line in (*tips, *beyond))
    answer = git.attempt(
        "rev-list", "--objects", "--quiet", "--stdin", "--not", "--branches", stdin=wanted.encode()
    )
    return answer.returncode == 0


def is_shallow(git: Git) -> bool:
    """Whether this clone was made without all of the history."""
    return (git.common_dir / "shallow").exists()


def _vanished(remote: str, theirs: Theirs, known: Mapping[str, Oid]) -> list[RefUpdate]:
    """Tracking refs of evidence that the remote no longer has; branches are git's to prune."""
    there = {refs.tracking(name, remote) for name in theirs.evidence}
    found = []
    for name, oid in known.items():
        ref = refs.parse_notes(name) or refs.parse_archive(name)
        if ref is not None and ref.remote == remote and name not in there:
            found.append(RefUpdate(name, None, oid))
    return found
