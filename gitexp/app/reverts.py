"""Whether a change that came into a branch was taken out of it again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from gitexp.model import Oid
from gitexp.store.history import Told, saying
from gitexp.store.store import Store

_WHOLE = "^Exp-Reverts: [0-9a-f]{40}$"
_SINGLE = "^This reverts commit [0-9a-f]{7,40}"


def is_taken_back(
    store: Store,
    *,
    paths: Collection[str],
    before: Oid,
    after: Oid,
    commits: tuple[Oid, ...],
    tip: Oid,
) -> bool:
    """Whether a branch that took a change in is without it again.

    The files tell when nobody else has touched them; else the messages of reverts do.

    Args:
        paths: The files the change is in.
        before: The branch's tree before it took the change in.
        after: The same with it.
        commits: Those that brought it in, oldest first; the last one stands for all of them.
        tip: Where the branch is.
    """
    now = store.repository.commit(tip).tree
    if not _differing(store, after, now, paths):
        return False
    if not _differing(store, before, now, paths):
        return True
    reverts = saying(store.git, (_WHOLE, _SINGLE), (tip,), but=commits[:1])
    return _are_reverted(reverts, commits)


def _differing(store: Store, old: Oid, new: Oid, paths: Collection[str]) -> set[str]:
    return {*paths}.intersection(store.repository.changed_paths(old, new))


def _are_reverted(reverts: Iterable[Told], commits: tuple[Oid, ...]) -> bool:
    """Whether the change is out, reverts of reverts considered.

    Args:
        reverts: Newest first: only what is newer can have reverted a commit.
    """
    gone: set[str] = set()
    is_whole_gone = False
    for revert in reverts:
        if not _names(gone, revert.oid):
            wholes = set(re.findall(r"^Exp-Reverts: ([0-9a-f]{40})$", revert.message, re.MULTILINE))
            singles = re.findall(r"^This reverts commit ([0-9a-f]{7,40})", revert.message, re.M)
            is_whole_gone |= commits[-1] in wholes
            gone |= {*singles, *wholes}
    parts = [_names({*gone}, commit) for commit in commits]
    return is_whole_gone or all(parts)


def _names(names: Iterable[str], commit: Oid) -> bool:
    return any(commit.startswith(name) for name in names)
