"""What a notes commit says of itself, in the last lines of its message."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from gitexp.model import Oid, WriterId
from gitexp.store.repository import MissingObject, Repository

_SEQ = re.compile(r"^Exp-Seq: (\d{1,15})$", re.MULTILINE)
_WRITERS = re.compile(r"^Exp-Writers: ([a-z0-9 -]+)$", re.MULTILINE)
_FURTHEST = 1000
"""Commits looked at: somebody may have pointed a ref of ours at the history of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the notes of a tip hold, by its own account.

    Attributes:
        seq: No record of the ref's own writer has a greater number; 0 when nothing is said.
        writers: Whose records are here besides the own writer's: those of a compacted ref.
    """

    seq: int = 0
    writers: frozenset[WriterId] = frozenset()


def said(repository: Repository, tip: Oid | None) -> Said:
    """From the tip's message; where it says nothing (a note added by hand), from its parents'."""
    waiting = deque([] if tip is None else [tip])
    seen: set[Oid] = set()
    seq, writers = 0, frozenset[WriterId]()
    while waiting and len(seen) < _FURTHEST:
        oid = waiting.popleft()
        if oid in seen:
            continue
        seen.add(oid)
        try:
            commit = repository.commit(oid)
        except MissingObject:
            continue
        number, names = _SEQ.search(commit.message), _WRITERS.search(commit.message)
        seq = max(seq, int(number[1]) if number else 0)
        writers |= frozenset(map(WriterId, names[1].split())) if names else frozenset()
        if not number and not names:
            waiting += commit.parents
    return Said(seq=seq, writers=writers)


def trailers(*, seq: int, writers: Iterable[WriterId]) -> str:
    """The lines that say so."""
    others = " ".join(sorted(writers))
    return f"Exp-Seq: {seq}\n" + (f"Exp-Writers: {others}\n" if others else "")
