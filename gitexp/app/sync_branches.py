"""Which experiment branches a sync pushes, and what to do about the others."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.load import Loaded
from gitexp.app.sync_view import NotPushed
from gitexp.model import Oid, RolledBack, State
from gitexp.store.remote import RefPush
from gitexp.store.store import Store
from gitexp.store.tracking import Theirs

PLAN_HASH_TRAILER = "Exp-Plan-Hash: "


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSharing:
    """What becomes of one experiment's branch.

    Attributes:
        offer: To be pushed.
        conflict: Why it cannot be.
        next: Commands that the state of the branches asks for.
    """

    offer: RefPush | None = None
    conflict: NotPushed | None = None
    next: tuple[str, ...] = ()


def share_branch(
    store: Store, remote: str, theirs: Theirs, loaded: Loaded, *, is_elsewhere: bool
) -> BranchSharing:
    """Whether this clone's branch of the experiment goes to the remote: forward only.

    The branch of an experiment that ended is not pushed: whoever ended it deleted it, and it would
    come back. Nothing is deleted there either; the command that does is among the next ones.

    Args:
        is_elsewhere: What is pushed goes to another address than what is fetched comes from.
    """
    name = refs.branch(loaded.experiment.id)
    ours, there = store.repository.ref(name), theirs.branches.get(name)
    if _has_ended(loaded):
        is_held = there is not None and _is_held(store, name, there)
        drop = f"git push {shlex.quote(remote)} --delete {refs.short(name)}"
        return BranchSharing(next=(drop,) if is_held else ())
    if ours is None or loaded.experiment.state is not State.RUNNING:
        return BranchSharing()
    if ours == there and not is_elsewhere:
        return BranchSharing()
    if there is None or store.repository.contains(ours, there):
        return BranchSharing(offer=RefPush(name=name, oid=ours))
    if store.repository.contains(there, ours):
        return BranchSharing(next=(_forward(store, remote, name),))
    return BranchSharing(conflict=_diverged(store, remote, loaded, ours, there))


def _has_ended(loaded: Loaded) -> bool:
    """Whether the branch is to go; an expired experiment keeps it until it is rolled back."""
    experiment = loaded.experiment
    if experiment.state is State.EXPIRED:
        event = experiment.state_event
        return event is not None and isinstance(event.body, RolledBack)
    return experiment.state is not State.RUNNING


def _forward(store: Store, remote: str, name: str) -> str:
    """What brings a branch forward to where the remote has it."""
    short = refs.short(name)
    worktree = _checked_out(store).get(name)
    if worktree is None:
        return f"git fetch {shlex.quote(remote)} {short}:{short}"
    place = "" if name == head_branch(store) else f"-C {shlex.quote(worktree)} "
    return f"git {place}merge --ff-only {shlex.quote(f'{remote}/{short}')}"


def _checked_out(store: Store) -> dict[str, str]:
    """Branches that are checked out, and in which worktree."""
    found: dict[str, str] = {}
    path = ""
    for line in store.git.run("worktree", "list", "--porcelain", "-z").split("\0"):
        word, _, rest = line.partition(" ")
        if word == "worktree":
            path = rest
        elif word == "branch":
            found[rest] = path
    return found


def _is_held(store: Store, name: str, tip: Oid) -> bool:
    """Whether something that stays, an archive or a merge, keeps the commit."""
    listing = store.git.attempt("for-each-ref", f"--contains={tip}", "--format=%(refname)")
    short = refs.short(name)
    holders = listing.stdout.decode(errors="replace").splitlines()
    return any(h != name and not h.endswith(f"/{short}") for h in holders)


def _diverged(store: Store, remote: str, loaded: Loaded, ours: Oid, there: Oid) -> NotPushed:
    exp = loaded.experiment.id
    short = refs.short(refs.branch(exp))
    other = _plan_hash(store, there, ours)
    if other is not None and other != loaded.experiment.plan_hash:
        return NotPushed(
            names=(refs.branch(exp),),
            reason=f"{short} on {remote} is another experiment of the same name, "
            "created in another clone; both keep their records",
            way_out=(f"git exp create --like {exp}", f"git branch -D {short}"),
        )
    behind = store.git.run("rev-list", "--count", f"{ours}..{there}").strip()
    commits = "a commit" if behind == "1" else f"{behind} commits"
    return NotPushed(
        names=(refs.branch(exp),),
        reason=f"{short} on {remote} has {commits} that {short} here lacks: it was rebased or "
        "amended here, or changed there; this puts yours in its place",
        way_out=(f"git push --force-with-lease={short}:{there} {shlex.quote(remote)} {short}",),
    )


def _plan_hash(store: Store, tip: Oid, ours: Oid) -> str | None:
    """The plan that commits on the tip, but not on ours, register."""
    message = store.git.run(
        "log", "-1", "--format=%B", f"--grep=^{PLAN_HASH_TRAILER}", tip, "--not", ours, "--"
    )
    lines = (line for line in message.splitlines() if line.startswith(PLAN_HASH_TRAILER))
    return next((line.removeprefix(PLAN_HASH_TRAILER).strip() for line in lines), None)
