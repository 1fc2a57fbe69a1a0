"""Own evidence, pushed to another repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.model import ExperimentId, Oid
from gitexp.store.remote import Flag, Pushed, RefPush, push
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedEvidence:
    """What became of own notes and archives in another repository.

    Attributes:
        pushed: Full names of the refs it took now; those it had already are not among them.
        refused: Refs it did not take, with its words, for people only.
    """

    pushed: tuple[str, ...] = ()
    refused: tuple[Pushed, ...] = ()


def push_evidence(
    store: Store,
    remote: str,
    exps: Iterable[ExperimentId],
    *,
    has: Mapping[str, Oid] | None = None,
    ask: bool = False,
) -> SharedEvidence:
    """Push own notes and archives of the experiments: best effort, never forced.

    What is pending in the journal is flushed first.

    Args:
        remote: A configured remote, or a URL.
        has: What it is known to have, by full ref name: that much is not offered again, and
            without anything else to offer nobody is asked.
        ask: Whether git may ask for a password on the terminal.

    Raises:
        Unreachable: if the connection fails; some refs may have been moved then.
    """
    store.flush()
    offers = [
        RefPush(name=name, oid=oid)
        for name, oid in own_evidence(store, exps).items()
        if (has or {}).get(name) != oid
    ]
    answers = push(store.git, remote, offers, ask=ask)
    return SharedEvidence(
        pushed=tuple(a.name for a in answers if a.flag in (Flag.NEW, Flag.FORWARD)),
        refused=tuple(a for a in answers if a.is_rejected),
    )


def own_evidence(store: Store, exps: Iterable[ExperimentId]) -> dict[str, Oid]:
    """Notes and archive refs of this clone, every lane's, by full name; what is damaged stays."""
    wanted = set(exps)
    found = {}
    for name, oid in store.repository.refs(refs.ARCHIVES, refs.NOTES).items():
        ref = refs.parse_notes(name) or refs.parse_archive(name)
        if ref is not None and ref.exp in wanted and store.repository.is_commit(oid):
            found[name] = oid
    return found
