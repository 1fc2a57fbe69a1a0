"""Own evidence, pushed to another repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.model import ExperimentId, Oid
from gitexp.store.compacting import compacted
from gitexp.store.remote import Flag, Pushed, RefPush, push
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedEvidence:
    """What became of own refs in another repository.

    Attributes:
        pushed: Full names of the refs it took now; those it had already are not among them.
        refused: Refs it did not take, with its words, for people only.
    """

    pushed: tuple[str, ...] = ()
    refused: tuple[Pushed, ...] = ()


def own_evidence(store: Store) -> dict[str, Oid]:
    """Notes and archive refs of this clone, every lane's, by full name; what is damaged stays."""
    return {
        name: oid
        for name, oid in store.repository.refs(refs.ARCHIVES, refs.NOTES).items()
        if _of(name) is not None and store.repository.is_commit(oid)
    }


def lacking(store: Store, there: Mapping[str, Oid]) -> list[RefPush]:
    """Own evidence that another repository does not have.

    What was compacted there is not given back to it: no ref of that name, but others hold it all.

    Args:
        there: The repository's evidence, by full name.
    """
    missing = {n: oid for n, oid in own_evidence(store).items() if there.get(n) != oid}
    absent = _by_experiment({n: oid for n, oid in missing.items() if n not in there})
    others = _by_experiment(there) if absent else {}
    kept_there = {
        name
        for exp, own in absent.items()
        for name in _compacted(store, exp, own, others.get(exp, {}))
    }
    return [RefPush(name=n, oid=oid) for n, oid in missing.items() if n not in kept_there]


def _compacted(
    store: Store, exp: ExperimentId, own: Mapping[str, Oid], there: Mapping[str, Oid]
) -> frozenset[str]:
    """Own refs whose contents other writers' refs hold there; compared once for the same tips."""
    name, key = f"compacted-{exp}", repr((sorted(own.items()), sorted(there.items())))
    kept = store.cache.get(name, key)
    if kept is not None:
        return frozenset(kept.decode().split())
    found = compacted(store.repository, own, there)
    if found:
        store.cache.put(name, key, " ".join(sorted(found)).encode())
    return found


def _by_experiment(listed: Mapping[str, Oid]) -> dict[ExperimentId, dict[str, Oid]]:
    found: dict[ExperimentId, dict[str, Oid]] = {}
    for name, oid in listed.items():
        exp = _of(name)
        if exp is not None:
            found.setdefault(exp, {})[name] = oid
    return found


def push_each(
    store: Store, remote: str, offers: Iterable[RefPush], *, ask: bool = False
) -> SharedEvidence:
    """Push the refs in one go; where the remote refuses some, each kind for itself once more.

    A hook of the remote that refuses one kind of ref may refuse the whole push for it.

    Raises:
        Unreachable: if the connection fails; some refs may have been moved then.
    """
    offers = tuple(offers)
    answers = {answer.name: answer for answer in push(store.git, remote, offers, ask=ask)}
    again = [offer for offer in offers if offer.name in answers and answers[offer.name].is_rejected]
    kinds = {_kind(offer.name) for offer in again}
    if len(kinds) > 1:
        for kind in sorted(kinds):
            some = [offer for offer in again if _kind(offer.name) == kind]
            answers |= {a.name: a for a in push(store.git, remote, some, ask=ask)}
    return SharedEvidence(
        pushed=tuple(a.name for a in answers.values() if a.flag in (Flag.NEW, Flag.FORWARD)),
        refused=tuple(a for a in answers.values() if a.is_rejected),
    )


def _of(name: str) -> ExperimentId | None:
    ref = refs.parse_notes(name) or refs.parse_archive(name)
    return None if ref is None else ref.exp


def _kind(name: str) -> str:
    prefixes: Mapping[str, str] = {refs.NOTES: "notes", refs.ARCHIVES: "archives"}
    return next((kind for prefix, kind in prefixes.items() if name.startswith(prefix)), "branches")
