"""Many writers' notes and archives of one experiment as one of each.

Here objects are written and compared; no ref moves. What counts as held is judged by content, so
that a ref is dropped only when every line and file of it can be read from what stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.errors import CorruptEvidence
from gitexp.model import ExperimentId, Oid, WriterId
from gitexp.store import evidence, trees
from gitexp.store.notes import read_lines, united_tree
from gitexp.store.repository import Repository
from gitexp.store.trailers import said, trailers

_KEEPS_IT_APART = {
    "wrong-writer": "it holds records that say they are another writer's",
    "missing-object": "objects of it are missing or damaged",
    "foreign-entry": "it holds files that are no notes",
    "huge-blob": "it holds files too large to be notes",
}

_Parse = Callable[[str], refs.WriterRef | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The refs of one experiment, own and fetched, by full name.

    Attributes:
        notes: Those that can be read whole.
        archives: Likewise.
        left: All others, and why they stay as they are.
    """

    notes: Mapping[str, Oid]
    archives: Mapping[str, Oid]
    left: Mapping[str, str]

    @property
    def all(self) -> Mapping[str, Oid]:
        return {**self.notes, **self.archives}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The notes ref that holds all records, and the archive that keeps all commits.

    Attributes:
        archive: Of the same writer, or of another one; None when there is nothing to keep.
    """

    notes: str
    notes_tip: Oid
    archive: str | None
    archive_tip: Oid | None

    @property
    def refs(self) -> dict[str, Oid]:
        """The archive first: a commit that has a note is taken to be archived."""
        kept = {} if not (self.archive and self.archive_tip) else {self.archive: self.archive_tip}
        return {**kept, self.notes: self.notes_tip}


def sources(repository: Repository, exp: ExperimentId, listed: Mapping[str, Oid]) -> Sources:
    """What there is to gather.

    Args:
        listed: Refs by full name; those of other experiments are passed over.
    """
    notes = _of(exp, listed, refs.parse_notes)
    archives = _of(exp, listed, refs.parse_archive)
    left = {name: why for name, tip in notes.items() if (why := _apart(repository, exp, name, tip))}
    left |= {
        name: "it is no archive that can be read"
        for name, tip in archives.items()
        if not repository.is_commit(tip)
    }
    return Sources(
        notes={name: tip for name, tip in notes.items() if name not in left},
        archives={name: tip for name, tip in archives.items() if name not in left},
        left=left,
    )


def find_home(
    repository: Repository,
    exp: ExperimentId,
    writer: WriterId,
    found: Sources,
    there: Mapping[str, Oid],
) -> Home:
    """Refs that hold everything: those another repository has already, else the writer's.

    Of several there the first by name, so that of clones that compact at the same time none
    deletes the refs that another one relies on.

    Args:
        there: Refs of the experiment that it has, by the full names they have there.

    Raises:
        CorruptEvidence: if there are no notes, or the writer's own cannot be built upon.
    """
    if not found.notes:
        raise CorruptEvidence(
            f"no notes of {exp} can be read whole", hint=f"git exp log {exp} shows what is here"
        )
    own, own_archive = refs.notes(exp, writer), refs.archive(exp, writer)
    readable = {name: tip for name, tip in sorted(there.items()) if repository.is_commit(tip)}
    read = _Notes(repository)
    notes = next((n for n in readable if read.has_all(n, readable[n], found.notes)), own)
    archive = next((n for n in readable if _keeps_all(repository, n, readable[n], found)), None)
    tip = None
    if archive is None or archive == own_archive:
        archive, tip = own_archive, _united_archive(repository, exp, writer, found)
    return Home(
        notes=notes,
        notes_tip=_united_notes(repository, exp, writer, found) if notes == own else there[notes],
        archive=archive,
        archive_tip=tip if archive == own_archive else there[archive],
    )


def is_home(repository: Repository, home: Home, found: Sources) -> bool:
    """Whether every line and file of all notes, and every commit of all archives, is there."""
    keeps = _keeps_all(repository, home.archive, home.archive_tip, found)
    return (keeps or not found.archives) and _Notes(repository).has_all(
        home.notes, home.notes_tip, found.notes
    )


def check(
    repository: Repository, exp: ExperimentId, home: Home, found: Sources, tips: Mapping[str, Oid]
) -> None:
    """Read the home alone, and make sure that nothing will be missed and nothing else will count.

    Args:
        repository: Opened after the home was written: what it says was read from the disk.
        tips: All notes refs of the experiment, those that stay as they are included.

    Raises:
        CorruptEvidence: if anything differs.
    """
    stays = {name: tip for name, tip in tips.items() if name in found.left}
    before = evidence.read(repository, exp, tips)
    after = evidence.read(repository, exp, {**stays, home.notes: home.notes_tip})
    if is_home(repository, home, found) and before.records == after.records:
        return
    raise CorruptEvidence(
        f"the gathered notes of {exp} do not read as what they were gathered from",
        hint="nothing was dropped; git fsck says whether objects are damaged",
    )


def compacted(
    repository: Repository, own: Mapping[str, Oid], others: Mapping[str, Oid]
) -> frozenset[str]:
    """Those refs of an experiment all of which refs of other writers hold.

    They need not be pushed again, and are not lost when a remote has them no longer.

    Args:
        own: Notes and archive refs, own or tracking, by full name.
        others: Refs of the same experiment to look in, likewise.
    """
    notes = _Notes(repository)
    homes = [(name, tip, _parse(name)) for name, tip in others.items() if repository.is_commit(tip)]

    def is_held(name: str, tip: Oid) -> bool:
        ref = _parse(name)
        for home, there, found in homes:
            if ref is None or found is None or found.writer == ref.writer:
                continue
            if refs.parse_notes(name) and notes.has_all(home, there, {name: tip}):
                return True
            is_archive = refs.parse_archive(name) and refs.parse_archive(home)
            if is_archive and repository.contains(there, tip):
                return True
        return False

    return frozenset(
        name for name, tip in own.items() if repository.is_commit(tip) and is_held(name, tip)
    )


class _Notes:
    """Notes compared by what they hold; what much is compared with is read once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._read: dict[Oid, tuple[set[bytes], set[Oid]]] = {}

    def has_all(self, name: str, tip: Oid, others: Mapping[str, Oid]) -> bool:
        """Whether a notes ref at this tip holds, in its own or others' names, all these hold."""
        if refs.parse_notes(name) is None:
            return False
        writers = _writers_of(self._repository, name, tip)
        named = (_writers_of(self._repository, n, other) for n, other in others.items())
        return all(each <= writers for each in named) and all(
            self._holds(tip, other) for other in {*others.values()}
        )

    def _holds(self, tip: Oid, other: Oid) -> bool:
        if tip == other:
            return True
        if tip not in self._read:
            self._read[tip] = {*read_lines(self._repository, tip)}, _files(self._repository, tip)
        lines, files = self._read[tip]
        return lines.issuperset(read_lines(self._repository, other)) and (
            files >= _files(self._repository, other)
        )


def _keeps_all(repository: Repository, name: str | None, tip: Oid | None, found: Sources) -> bool:
    """Whether an archive at this tip contains all the others."""
    if name is None or tip is None or refs.parse_archive(name) is None:
        return False
    return all(repository.contains(tip, other) for other in {*found.archives.values()})


def _of(exp: ExperimentId, listed: Mapping[str, Oid], parse: _Parse) -> dict[str, Oid]:
    named = ((name, tip, parse(name)) for name, tip in sorted(listed.items()))
    return {name: tip for name, tip, ref in named if ref is not None and ref.exp == exp}


def _apart(repository: Repository, exp: ExperimentId, name: str, tip: Oid) -> str | None:
    """Why a ref cannot be gathered: then reading it elsewhere would lose or add something."""
    problems = evidence.read(repository, exp, {name: tip}).problems
    return next((_KEEPS_IT_APART[p.kind] for p in problems if p.kind in _KEEPS_IT_APART), None)


def _parse(name: str) -> refs.WriterRef | None:
    return refs.parse_notes(name) or refs.parse_archive(name)


def _writers_of(repository: Repository, name: str, tip: Oid) -> frozenset[WriterId]:
    ref = refs.parse_notes(name)
    own = frozenset[WriterId]() if ref is None else frozenset({ref.writer})
    return own | said(repository, tip).writers


def _files(repository: Repository, tip: Oid) -> set[Oid]:
    """Payloads and sealed notes that are here: what is filed under its own id."""
    notes = trees.walk(repository, repository.commit(tip).tree)
    own = (n.blob for n in notes if isinstance(n, trees.Note) and n.key == n.blob)
    return {blob for blob in own if repository.has(blob)}


def _united_notes(
    repository: Repository, exp: ExperimentId, writer: WriterId, found: Sources
) -> Oid:
    name = refs.notes(exp, writer)
    if name in found.left:
        raise CorruptEvidence(
            f"{name} cannot take others' records in: {found.left[name]}",
            hint=f"git exp log {exp} shows what is wrong with it",
        )
    # remotes move our own ref forward only: all that was ours comes before what it becomes
    parsed = ((refs.parse_notes(other), tip) for other, tip in found.notes.items())
    own = repository.newest(tip for ref, tip in parsed if ref and ref.writer == writer)
    if len(own) == 1 and _Notes(repository).has_all(name, own[0], found.notes):
        return own[0]
    writers = frozenset[WriterId]().union(
        *(_writers_of(repository, name, tip) for name, tip in found.notes.items())
    )
    tree = repository.commit(own[0]).tree if own else None
    tree = united_tree(repository, tree, dict.fromkeys(found.notes.values()))
    count = f"{len(writers)} writer{'s' * (len(writers) != 1)}"
    message = f"gitexp: gather the notes of {count} of {exp}\n\n"
    last = max((said(repository, tip).seq for tip in own), default=0)
    message += trailers(seq=last, writers=writers - {writer})
    return repository.write_commit(tree, own, message)


def _united_archive(
    repository: Repository, exp: ExperimentId, writer: WriterId, found: Sources
) -> Oid | None:
    """A chain goes on from its first parent: the writer's own, or else one that is an archive."""
    own = found.archives.get(refs.archive(exp, writer))
    heads = repository.newest(found.archives.values())
    if len(heads) < 2:
        return heads[0] if heads else None
    empty = repository.write_tree([])
    heads.sort(key=lambda tip: (tip != own, repository.commit(tip).tree != empty, tip))
    return repository.write_commit(empty, heads, f"gitexp: gather the archives of {exp}\n")
