"""Archive refs: what keeps plans, tips and measured commits from being collected.

An archive is a chain of empty-tree commits; the parents of each are the one before it and the
commits that are new. The first one of a writer also has the plan commit as a parent and the plan
in its message, because a rebase or an amend can take the plan commit off the branch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp import refs
from gitexp.model import ExperimentId, Oid, WriterId
from gitexp.refs import RefUpdate
from gitexp.store.repository import MissingObject, Repository

PLAN_TRAILER = "Exp-Plan: "


def plan_line(message: str) -> str | None:
    """The plan's canonical JSON from the trailer of a commit message, or None."""
    lines = message.splitlines()
    return next(
        (ln.removeprefix(PLAN_TRAILER).strip() for ln in lines if ln.startswith(PLAN_TRAILER)), None
    )


def archive_update(
    repository: Repository,
    exp: ExperimentId,
    writer: WriterId,
    commits: Sequence[Oid],
    *,
    plan: str | None = None,
    noted: Callable[[], Sequence[Oid]] = tuple,
) -> RefUpdate | None:
    """The writer's archive with these commits added; None when there is nothing to add.

    Args:
        plan: The plan's canonical JSON when it is created now; otherwise looked up.
        noted: All objects that have notes, asked for when there is no archive to go on from: it
            was lost, or this clone begins where a remote stands.
    """
    name = refs.archive(exp, writer)
    old = repository.ref(name)
    if old is not None and repository.is_commit(old):
        bases = [old]
        held = {old, *repository.commit(old).parents}
        new = [commit for commit in dict.fromkeys(commits) if commit not in held]
    else:
        bases = _tracked(repository, exp, writer)
        new = [
            commit
            for commit in dict.fromkeys([*noted(), *commits])
            if not any(repository.contains(base, commit) for base in bases)
        ]
    new = [commit for commit in new if repository.is_commit(commit)]
    is_lost = old is not None and old not in bases
    if not new and not (is_lost and bases):
        return None
    if not new and len(bases) == 1:
        return RefUpdate(name, bases[0], old)
    message = f"gitexp: archive of {exp}\n"
    if not bases:
        origin, text = (None, plan) if plan else _origin(repository, exp)
        new = [*dict.fromkeys([*([origin] if origin else []), *new])]
        message += f"\n{PLAN_TRAILER}{text}\n" if text else ""
    tip = repository.write_commit(repository.write_tree([]), [*bases, *new], message)
    return RefUpdate(name, tip, old)


def _tracked(repository: Repository, exp: ExperimentId, writer: WriterId) -> list[Oid]:
    """Where remotes have this writer's archive: what a lane in a fresh clone goes on from."""
    tips = repository.refs(f"{refs.REMOTE_ARCHIVES}**/archive/{exp}/{writer}").values()
    return repository.newest(tip for tip in tips if repository.is_commit(tip))


def unite_archives(repository: Repository, exp: ExperimentId, ours: Oid, theirs: Oid) -> Oid:
    """An archive that keeps all that two diverged ones kept."""
    message = f"gitexp: unite the archives of {exp}\n"
    return repository.write_commit(repository.write_tree([]), [ours, theirs], message)


def _origin(repository: Repository, exp: ExperimentId) -> tuple[Oid | None, str | None]:
    """The plan commit and the plan, from any archive or from the branch."""
    patterns = (f"{refs.ARCHIVES}{exp}/", f"{refs.REMOTE_ARCHIVES}**/archive/{exp}/*")
    for tip in repository.refs(*patterns).values():
        try:
            root = _root(repository, tip)
            text = plan_line(repository.commit(root).message)
            if text is not None:
                return repository.commit(root).parents[0], text
        except (MissingObject, IndexError):
            continue
    branch = repository.ref(refs.branch(exp))
    return (None, None) if branch is None else _plan_commit(repository, branch)


def registered_plan(repository: Repository, tip: Oid) -> str | None:
    """The plan's canonical JSON that the archive holds, or None.

    Raises:
        MissingObject: if the archive cannot be read that far.
    """
    return plan_line(repository.commit(_root(repository, tip)).message)


def _root(repository: Repository, tip: Oid) -> Oid:
    """The first commit of an archive: its parents are no archive commits."""
    empty = repository.commit(tip).tree
    while True:
        commit = repository.commit(tip)
        if plan_line(commit.message) is not None or not commit.parents:
            return tip
        if repository.commit(commit.parents[0]).tree != empty:
            return tip
        tip = commit.parents[0]


def _plan_commit(repository: Repository, tip: Oid) -> tuple[Oid | None, str | None]:
    oid = repository.latest_saying(tip, f"^{PLAN_TRAILER}")
    return (None, None) if oid is None else (oid, plan_line(repository.commit(oid).message))
