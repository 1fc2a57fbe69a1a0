"""Whether the commit of a promotion holds what merging the treatment gives, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitexp.model import Oid, Promoted
from gitexp.store import history
from gitexp.store.repository import MissingObject
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What a commit has that merging does not give.

    Attributes:
        expected: A tree, or the commit before: what to compare it with.
        paths: The files, sorted.
    """

    expected: Oid
    paths: tuple[str, ...]


def added(store: Store, commit: Oid, tip: Oid, made: Iterable[Promoted], base: Oid) -> Added | None:
    """What was put into the commit of a promotion after `promote` had made it; None: nothing.

    The merge that `promote` recorded holds whatever the user's hooks and merge drivers did to it.
    One that was rebuilt elsewhere, as by a rebase, is compared with the merge git makes of its
    first parent and the treatment, conflicts left out: people resolve those. Of one that is no
    merge any more, as when it was picked, only the files can be compared: they are those that the
    treatment changes.

    Args:
        tip: The treatment.
        made: The promotions of it that `promote` recorded.
        base: Where the experiment began.
    """
    repository = store.repository
    now = repository.commit(commit)
    same = [m.merge for m in made if repository.is_commit(m.merge)]
    of_promote = [repository.commit(merge) for merge in same]
    if any((m.tree, m.parents) == (now.tree, now.parents) for m in of_promote):
        return None
    try:
        if len(now.parents) == 2:
            # a rebase that kept the merge made what it merges anew, too
            theirs = tip if repository.is_commit(tip) else now.parents[1]
            merged = history.merge_of(store.git, now.parents[0], theirs)
            if merged is None:
                return None  # too little history in a shallow clone
            expected, free = merged.tree, merged.conflicts
        else:
            expected = repository.commit(now.parents[0]).tree
            pairs = [(repository.commit(base).tree, repository.commit(tip).tree)]
            pairs += [(repository.commit(m.parents[0]).tree, m.tree) for m in of_promote]
            free = frozenset(path for pair in pairs for path in repository.changed_paths(*pair))
        paths = {*repository.changed_paths(expected, now.tree)} - free
    except MissingObject:
        return None
    return Added(expected=expected, paths=tuple(sorted(paths))) if paths else None
