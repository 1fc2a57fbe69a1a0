"""What a remote had and has no longer, kept until it has it again.

Somebody's `push --mirror`, a forced push or a backup put back can take evidence off a remote. Its
writers push theirs again; until then, and in case they never do, every clone keeps what it saw
under the name of a remote that does not exist: `refs/notes/remotes/<remote>.lost/exp/…`, which is
read like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitexp import refs
from gitexp.model import ExperimentId, Oid
from gitexp.refs import RefUpdate, WriterRef
from gitexp.store import trees
from gitexp.store.archives import unite_archives
from gitexp.store.notes import unite
from gitexp.store.repository import MissingObject, Repository

_SUFFIX = ".lost"


def lost_remote(remote: str) -> str:
    """The name under which is kept what the remote lost."""
    return f"{remote}{_SUFFIX}"


def kept_updates(
    repository: Repository, remote: str, known: Mapping[str, Oid], moved: Sequence[RefUpdate]
) -> list[RefUpdate]:
    """What has to be kept, or no longer, when the remote's tracking refs move like that.

    Args:
        known: All refs of evidence, own and this remote's, before.
        moved: Of the tracking refs; None as a new value is a ref that the remote lost.
    """
    after = dict(known)
    for update in moved:
        after.pop(update.name, None)
        if update.new is not None:
            after[update.name] = update.new
    tips: dict[str, list[Oid]] = {}
    for name, tip in known.items():
        ref = _parsed(name)
        if ref is not None and ref.remote == lost_remote(remote):
            tips[name] = [tip]
    for update in moved:
        ref = _parsed(update.name)
        if ref is None or update.old is None or _is_contained(repository, update):
            continue
        tips.setdefault(_lost_name(update.name, remote), []).append(update.old)
    present = _Present(repository, {n: t for n, t in after.items() if n not in tips})
    found = []
    for name, old in tips.items():
        still = [tip for tip in old if not present.holds(name, tip)]
        new = _united(repository, name, still)
        if new != known.get(name):
            found.append(RefUpdate(name, new, known.get(name)))
    return found


def _parsed(name: str) -> WriterRef | None:
    return refs.parse_notes(name) or refs.parse_archive(name)


def _is_contained(repository: Repository, update: RefUpdate) -> bool:
    assert update.old is not None
    return update.new is not None and repository.contains(update.new, update.old)


def _lost_name(name: str, remote: str) -> str:
    ref = _parsed(name)
    assert ref is not None
    is_notes = refs.parse_notes(name) is not None
    own = (refs.notes if is_notes else refs.archive)(ref.exp, ref.writer)
    return refs.tracking(own, lost_remote(remote))


def _united(repository: Repository, name: str, tips: Sequence[Oid]) -> Oid | None:
    ref = _parsed(name)
    assert ref is not None
    join = unite if refs.parse_notes(name) else unite_archives
    whole: Oid | None = None
    for tip in dict.fromkeys(tips):
        if whole is None or repository.contains(tip, whole):
            whole = tip
        elif not repository.contains(whole, tip):
            whole = join(repository, ref.exp, whole, tip)
    return whole


class _Present:
    """What own refs and a remote's hold now."""

    def __init__(self, repository: Repository, tips: Mapping[str, Oid]) -> None:
        self._repository = repository
        self._tips = tips
        self._lines: dict[ExperimentId, set[bytes]] = {}

    def holds(self, name: str, tip: Oid) -> bool:
        """Whether all that the tip of a lost ref held is somewhere else, too."""
        ref = _parsed(name)
        assert ref is not None
        if refs.parse_notes(name):
            if ref.exp not in self._lines:
                others = self._of(ref.exp, is_notes=True)
                self._lines[ref.exp] = _lines(self._repository, others)
            return _lines(self._repository, [tip]) <= self._lines[ref.exp]
        archives = self._of(ref.exp, is_notes=False)
        return any(self._repository.contains(archive, tip) for archive in archives)

    def _of(self, exp: ExperimentId, *, is_notes: bool) -> list[Oid]:
        parse = refs.parse_notes if is_notes else refs.parse_archive
        named = ((parse(name), tip) for name, tip in self._tips.items())
        return [tip for ref, tip in named if ref is not None and ref.exp == exp]


def _lines(repository: Repository, tips: Iterable[Oid]) -> set[bytes]:
    """Every line of the notes, payloads included; what cannot be read holds none."""
    found: set[bytes] = set()
    for tip in tips:
        try:
            tree = repository.commit(tip).tree
        except MissingObject:
            continue
        for note in trees.walk(repository, tree):
            if isinstance(note, trees.Note) and repository.has(note.blob):
                found.update(repository.blob(note.blob).split(b"\n"))
    return found
