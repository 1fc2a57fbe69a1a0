"""Everything stored of one experiment, read and checked.

The union by record id over all writers' notes, fetched ones included, and what is still in the
journal. What cannot be ours is left out and reported, judged on the bytes alone, so that every
clone with the same refs comes to the same records. Which plan holds, where two clones created one
name, is the fold's to say (`gitexp.lifecycle`): it knows the branch.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gitexp import refs
from gitexp.codec import decode
from gitexp.model import (
    Evidence,
    ExperimentId,
    Oid,
    Problem,
    Record,
    RecordId,
    Trial,
    Unknown,
    WriterId,
)
from gitexp.store import trees
from gitexp.store.entries import Entry
from gitexp.store.notes import MAX_NOTE_BYTES, SEAL_BYTES
from gitexp.store.payloads import MAGIC
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.trailers import said

LOST = "lost"
"""Kind of the problem that a kept journal file mends: see `gitexp.store.mending`."""
_SHOWN = 5
JOURNAL = "journal"


def read(
    repository: Repository,
    exp: ExperimentId,
    tips: Mapping[str, Oid],
    *,
    pending: Sequence[Entry] = (),
    kept: Iterable[bytes] = (),
) -> Evidence:
    """All records of the experiment.

    Args:
        tips: Notes refs of the experiment, own and fetched; others are passed over.
        pending: Journal entries, read before the refs were: a flush in between moves them there.
        kept: Records flushed lately; one that no ref has any more is used and reported.
    """
    reader = _Reader(repository, exp)
    used: dict[str, str] = {}
    for name, tip in sorted(tips.items()):
        ref = refs.parse_notes(name)
        if ref is not None and ref.exp == exp:
            used[name] = tip
            reader.read_ref(name, tip, ref.writer)
    waiting = [entry.record for entry in pending if entry.record.exp == exp]
    reader.add_records(waiting)
    reader.add_lost(kept)
    used[JOURNAL] = journal_digest(waiting)
    return Evidence(exp=exp, records=reader.valid_records(), problems=reader.problems(), tips=used)


def has_lost(found: Evidence) -> bool:
    """Whether a record was found in kept journal files only."""
    return any(problem.kind == LOST for problem in found.problems)


def journal_digest(records: Iterable[Record]) -> str:
    """One short text that changes when the pending records do."""
    return hashlib.sha256(b"\n".join(sorted(record.line for record in records))).hexdigest()


class _Reader:
    """Collects lines of one experiment; each blob of a writer is read once."""

    def __init__(self, repository: Repository, exp: ExperimentId) -> None:
        self._repository = repository
        self._exp = exp
        self._seen: set[tuple[frozenset[WriterId], Oid]] = set()
        self._lines: dict[bytes, Record | None] = {}
        self._accepted: dict[RecordId, dict[bytes, Record]] = {}
        self._found: dict[tuple[str, str], list[str]] = defaultdict(list)

    def read_ref(self, name: str, tip: Oid, writer: WriterId) -> None:
        try:
            commit = self._repository.commit(tip)
        except MissingObject as error:
            self._report("missing-object", error.message, name)
            return
        writers = said(self._repository, tip).writers | {writer}
        if (writers, commit.tree) in self._seen:
            return
        self._seen.add((writers, commit.tree))
        filed: list[Oid] = []
        payloads: set[Oid] = set()
        for found in trees.walk(self._repository, commit.tree):
            match found:
                case trees.ForeignEntry(path):
                    self._report("foreign-entry", f"not a note: {path[:80]!r}", name)
                case trees.MissingFolder(path):
                    self._report("missing-object", f"the folder {path!r} is gone", name)
                case trees.Note(key, blob) if key == blob:
                    filed.append(blob)
                case trees.Note(key, blob):
                    payloads |= self._read_blob(blob, writers, name, is_filed=False)
        self._read_filed(filed, payloads, writers, name)

    def _read_filed(
        self, filed: Sequence[Oid], payloads: set[Oid], writers: frozenset[WriterId], name: str
    ) -> None:
        """Read the sealed notes among the blobs filed under their own id.

        Payloads are filed the same way, and reading them all would cost more than the records.
        Sealed notes are long, so the long ones come first, and what a record names as its payload
        is passed over.
        """
        sizes = {blob: self._size(blob, name) for blob in filed}
        for is_long in (True, False):
            for blob, size in sizes.items():
                if (size >= SEAL_BYTES) is is_long and blob not in payloads:
                    payloads |= self._read_blob(blob, writers, name, is_filed=True)

    def _size(self, blob: Oid, name: str) -> int:
        try:
            return self._repository.blob_size(blob)
        except MissingObject as error:
            self._report("missing-object", error.message, name)
            return 0

    def _read_blob(
        self, blob: Oid, writers: frozenset[WriterId], name: str, *, is_filed: bool
    ) -> set[Oid]:
        """The payloads its trials name."""
        if (writers, blob) in self._seen:
            return set()
        self._seen.add((writers, blob))
        try:
            size = self._repository.blob_size(blob)
            if size > MAX_NOTE_BYTES:
                self._report("huge-blob", f"a note of {size} bytes was not read: {blob}", name)
                return set()
            content = self._repository.blob(blob)
        except MissingObject as error:
            self._report("missing-object", error.message, name)
            return set()
        if is_filed and content.startswith(MAGIC):
            return set()
        records = [*self._records(content.split(b"\n"), writers, name)]
        bodies = (record.body for record in records)
        return {b.payload for b in bodies if isinstance(b, Trial) and b.payload is not None}

    def _records(
        self, lines: Iterable[bytes], writers: frozenset[WriterId], name: str
    ) -> Iterator[Record]:
        for line in lines:
            if not line or line.isspace():
                continue
            record = self._decode(line, name)
            if record is None:
                continue
            if record.writer not in writers:
                text = f"record {record.id} says it was written by {record.writer}"
                self._report("wrong-writer", text, name)
            elif record.exp != self._exp:
                text = f"record {record.id} belongs to experiment {record.exp}"
                self._report("other-experiment", text, name)
            else:
                self._accept(record)
                yield record

    def _decode(self, line: bytes, name: str) -> Record | None:
        if line in self._lines:
            return self._lines[line]
        record = None
        try:
            record = decode(line)
        except ValueError as error:
            kind = "corrupt" if line.startswith(b'{"') else "foreign-line"
            self._report(kind, f"{str(error)[:200]}: {line[:60]!a}", name)
        self._lines[line] = record
        return record

    def _accept(self, record: Record) -> None:
        self._accepted.setdefault(record.id, {})[record.line] = record

    def add_records(self, records: Iterable[Record]) -> None:
        for record in records:
            self._lines[record.line] = record
            self._accept(record)

    def add_lost(self, kept: Iterable[bytes]) -> None:
        """Accept the lines of this experiment that no ref and no journal gave."""
        for line in kept:
            if line in self._lines:
                continue
            record = self._decode(line, JOURNAL)
            if record is not None and record.exp == self._exp:
                self._report(LOST, f"record {record.id} is gone from the notes", record.writer)
                self._accept(record)

    def valid_records(self) -> tuple[Record, ...]:
        """One record per id."""
        valid: list[Record] = []
        for id, versions in sorted(self._accepted.items()):
            if len(versions) > 1:
                text = f"record {id} exists in {len(versions)} versions; none is used"
                self._report("corrupt", text, refs.NOTES + self._exp)
            else:
                valid += versions.values()
        self._report_unknown(valid)
        self._report_shared_seq(valid)
        return tuple(valid)

    def _report_unknown(self, records: Iterable[Record]) -> None:
        bodies = (record.body for record in records)
        counts = Counter((b.kind, b.version) for b in bodies if isinstance(b, Unknown))
        for (kind, version), count in sorted(counts.items()):
            problem = "newer-version" if version > 1 else "unknown-kind"
            text = f"{count} of kind {kind!r}, version {version}, which this gitexp does not know"
            self._report(problem, text, refs.NOTES + self._exp)

    def _report_shared_seq(self, records: Iterable[Record]) -> None:
        counts = Counter((record.writer, record.seq) for record in records)
        for (writer, seq), count in sorted(counts.items()):
            if count > 1:
                text = f"{count} records of {writer} have the number {seq}"
                self._report("duplicate-seq", text, refs.notes(self._exp, writer))

    def _report(self, kind: str, text: str, where: str) -> None:
        self._found[kind, where].append(text)

    def problems(self) -> tuple[Problem, ...]:
        """The first few of each kind and place, and how many more there are."""
        found = []
        for (kind, where), texts in sorted(self._found.items()):
            found += [Problem(kind=kind, text=text, where=where) for text in texts[:_SHOWN]]
            if len(texts) > _SHOWN:
                more = f"and {len(texts) - _SHOWN} more"
                found.append(Problem(kind=kind, text=more, where=where))
        return tuple(found)
