"""Writing again what git lost: a notes ref that is gone, or whose objects are.

`git prune` deletes objects that no ref named when it looked, and a flush writes objects before it
moves its ref. Flushed journal files are kept for an hour and until their records were read back,
and from them the ref is rebuilt, upon its newest commit that is still whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp import refs
from gitexp.model import Evidence, ExperimentId, Oid, WriterId
from gitexp.store import trees
from gitexp.store.entries import Entry
from gitexp.store.evidence import has_lost
from gitexp.store.notes import tracked_tip, unite_notes
from gitexp.store.payloads import blob_id
from gitexp.store.repository import MissingObject, Repository


def whole_base(repository: Repository, exp: ExperimentId, writer: WriterId) -> Oid | None:
    """A commit to build the writer's notes upon in place of its tip.

    It holds all that can be read of the tip; None when nothing can.
    """
    name = refs.notes(exp, writer)
    tip = repository.ref(name)
    # a lost commit does not say what it was built upon; git's log of the ref does, and keeps it
    before = (tip, *repository.former(name), tracked_tip(repository, exp, writer))
    whole = (_newest_whole(repository, candidate) for candidate in before)
    base = next((commit for commit in whole if commit is not None), None)
    if tip is None or tip == base or not repository.is_commit(tip):
        return base
    return unite_notes(repository, exp, base, [tip])


def _newest_whole(repository: Repository, tip: Oid | None) -> Oid | None:
    while tip is not None:
        try:
            commit = repository.commit(tip)
        except MissingObject:
            return None
        if _is_whole(repository, commit.tree):
            return tip
        tip = commit.parents[0] if commit.parents else None
    return None


def _is_whole(repository: Repository, tree: Oid) -> bool:
    for found in trees.walk(repository, tree):
        if isinstance(found, trees.MissingFolder):
            return False
        if isinstance(found, trees.Note) and not repository.is_blob(found.blob):
            return False
    return True


def missing(
    repository: Repository,
    bases: Mapping[ExperimentId, Oid | None],
    entries: Sequence[Entry],
) -> list[Entry]:
    """The entries of which the bases lack the line or the repository the payload, each once."""
    known: set[bytes] = set()
    for base in bases.values():
        if base is not None:
            known |= _lines(repository, repository.commit(base).tree)
    distinct = {entry.record.id: entry for entry in entries}
    return [
        entry
        for entry in distinct.values()
        if entry.record.line not in known
        or (entry.payload is not None and not repository.has(blob_id(entry.payload)))
    ]


def _lines(repository: Repository, tree: Oid) -> set[bytes]:
    lines: set[bytes] = set()
    for found in trees.walk(repository, tree):
        if isinstance(found, trees.Note):
            lines.update(repository.blob(found.blob).split(b"\n"))
    return lines


def is_damaged(
    repository: Repository, exp: ExperimentId, writer: WriterId, found: Evidence
) -> bool:
    """Whether git lost something of the writer's, as far as reading tells."""
    own = refs.notes(exp, writer)
    archive = repository.ref(refs.archive(exp, writer))
    return (
        has_lost(found)
        or any(p.kind == "missing-object" and p.where == own for p in found.problems)
        or (archive is not None and not repository.is_commit(archive))
    )
