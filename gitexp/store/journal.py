"""The write-ahead journal: where a record becomes durable, before it becomes a note.

One file per writer, `<common dir>/exp/journal/<writer>.jsonl`, one record a line:

    <40 hex: the object the note is for> <the record's JSON>

preceded, when the record names a payload, by `payload <its blob id> <base64 of zlib>`: the bytes
travel in the line because a loose blob nobody refers to yet is what `git gc --prune=now` deletes.
Everything happens under one exclusive lock per writer, `<writer>.lock`.

Flushed files are kept beside it in `<writer>.flushed/`, so that what git lost can be written
again; bytes that are no entry go to `<writer>.torn`. No other state is kept: the next `seq` follows
from the journal and the notes ref.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gitexp.codec import decode, encode, ulid
from gitexp.errors import GitexpError
from gitexp.model import Body, ExperimentId, Oid, PlanHash, Record, RecordId, Trial, WriterId
from gitexp.store.entries import Entry, journal_line, lines_by_experiment, parse_journal
from gitexp.store.files import Folder, append_lines, failing, read_from, refusal, write_all
from gitexp.store.lock import LONG_PATIENCE_S, held
from gitexp.store.payloads import blob_id, payload_blob

FLUSH_INTERVAL_S = 1.0
KEEP_FLUSHED_S = 3600.0
KEPT_FILE_S = 600

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """One writer's journal.

    Args:
        folder: `<common dir>/exp/journal`.
        stored_seq: The highest seq of this writer in the notes of an experiment, 0 for none.
    """

    def __init__(
        self,
        folder: Folder,
        writer: WriterId,
        *,
        stored_seq: Callable[[ExperimentId], int],
        clock: Clock = utc_now,
    ) -> None:
        self.writer = writer
        self.clock = clock
        self.stored_seq = stored_seq
        self.folder = folder
        self.flushed = folder.folder(f"{writer}.flushed")
        self.name = f"{writer}.jsonl"
        self.torn_name = f"{writer}.torn"
        self._stamp = f"{writer}.stamp"
        self._lock_name = f"{writer}.lock"
        self._tail = _Tail()
        self._kept: dict[ExperimentId, list[bytes]] = {}
        self._kept_state: dict[str, tuple[int, int]] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[Session]:
        """Hold the writer's lock: nobody else appends, flushes or moves its refs meanwhile.

        Raises:
            GitexpError: if the lock or the journal cannot be had; nothing was changed.
        """
        busy = f"another process keeps the journal of {self.writer} and does not end"
        with held(self.folder, self._lock_name, patience_s=LONG_PATIENCE_S, busy=busy) as lock:
            session = Session(self, self._tail, lock)
            session.mend()
            yield session

    def pending(self) -> tuple[Entry, ...]:
        """The entries not yet flushed, read without the lock; an unfinished line is left out."""
        content = self.folder.read(self.name) or b""
        return parse_journal(content[: content.rfind(b"\n") + 1], self.writer).entries

    @property
    def is_empty(self) -> bool:
        """Whether nothing is waiting to be flushed."""
        status = self.folder.status(self.name)
        return status is None or status.st_size == 0

    def kept_bytes(self, names: Sequence[str] | None = None) -> bytes:
        """What kept files hold, all that there are unless named."""
        files = self.flushed.names() if names is None else names
        return b"".join(self.flushed.read(name) or b"" for name in files)

    def kept(self, names: Sequence[str] | None = None) -> tuple[Entry, ...]:
        """The entries of kept files."""
        return parse_journal(self.kept_bytes(names), self.writer).entries

    def kept_lines(self, exp: ExperimentId) -> Sequence[bytes]:
        """The records of one experiment in kept files, unchecked.

        Asked for one experiment after the other, the files are read once.
        """
        statuses = {name: self.flushed.status(name) for name in self.flushed.names()}
        state = {name: (s.st_ino, s.st_size) for name, s in statuses.items() if s is not None}
        if state != self._kept_state:
            self._kept = lines_by_experiment(self.kept_bytes([*state]))
            self._kept_state = state
        return self._kept.get(exp, ())

    def forget(self, names: Sequence[str]) -> None:
        """Delete kept files whose entries were all read back from the notes."""
        for name in names:
            self.flushed.remove(name)

    def outdated(self) -> list[str]:
        """Kept files old enough to be deleted once they were read back."""
        oldest = time.time() - KEEP_FLUSHED_S
        statuses = {name: self.flushed.status(name) for name in self.flushed.names()}
        return [name for name, status in statuses.items() if status and status.st_mtime < oldest]


class _Tail:
    """What a process remembers of the journal file, so that an append reads only what is new."""

    def __init__(self) -> None:
        self.descriptor: int | None = None
        self.offset = 0
        self.seqs: dict[ExperimentId, int] = {}

    def forget(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None
        self.offset = 0
        self.seqs = {}

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.forget()


class Session:
    """The journal while its lock is held.

    Attributes:
        lock: The lock's descriptor, for processes that must not outlive it.
    """

    def __init__(self, journal: Journal, tail: _Tail, lock: int) -> None:
        self.lock = lock
        self.writer = journal.writer
        self._journal = journal
        self._tail = tail
        self._staged: dict[ExperimentId, int] = {}
        self._stored: dict[ExperimentId, int] = {}

    def stage(
        self,
        exp: ExperimentId,
        plan: PlanHash,
        body: Body,
        *,
        target: Oid,
        payload: bytes | None = None,
        id: RecordId | None = None,
    ) -> Entry:
        """A record with its seq, written nowhere: for events that live in the ref transaction.

        Args:
            payload: Content of a trial's payload blob, without the first line.
            id: Made by the caller who had to name the record before; else made here.

        Raises:
            ValueError: if the record or its payload is larger than allowed.
        """
        blob = None if payload is None else payload_blob(payload)
        if blob is not None:
            if not isinstance(body, Trial):
                raise ValueError(f"only trials have payloads, not {type(body).__name__}")
            body = replace(body, payload=blob_id(blob))
        now = self._journal.clock()
        line = encode(
            body,
            id=id or ulid(int(now.timestamp() * 1000), os.urandom(10)),
            exp=exp,
            plan=plan,
            writer=self._journal.writer,
            seq=self._next_seq(exp),
            at=now,
        )
        entry = Entry(target=target, record=decode(line), payload=blob)
        self._staged[exp] = entry.record.seq
        return entry

    def append(
        self,
        exp: ExperimentId,
        plan: PlanHash,
        body: Body,
        *,
        target: Oid,
        payload: bytes | None = None,
        id: RecordId | None = None,
    ) -> Record:
        """Write a record to the journal; durable when this returns.

        Raises:
            GitexpError: if it could not be written; then it is not recorded.
            ValueError: as `stage`.
        """
        entry = self.stage(exp, plan, body, target=target, payload=payload, id=id)
        self.append_staged([entry])
        return entry.record

    def append_staged(self, entries: Sequence[Entry]) -> None:
        """Write staged records to the journal, all in one go; durable when this returns.

        Raises:
            GitexpError: if they could not be written; then none is recorded.
        """
        for entry in entries:
            self._staged.pop(entry.record.exp, None)
        self._write(b"".join(map(journal_line, entries)))
        for entry in entries:
            self._tail.seqs[entry.record.exp] = entry.record.seq

    def pending(self) -> tuple[Entry, ...]:
        """The entries not yet flushed, in the order they were recorded."""
        return self._journal.pending()

    def kept(self) -> tuple[Entry, ...]:
        """The entries flushed lately."""
        return self._journal.kept()

    @property
    def is_flush_due(self) -> bool:
        """Whether nothing was flushed in the last second."""
        stamp = self._journal.folder.status(self._journal._stamp)
        return stamp is None or abs(time.time() - stamp.st_mtime) > FLUSH_INTERVAL_S

    def postpone(self) -> None:
        """Start a new second: a flush was done or tried."""
        self._journal.folder.touch(self._journal._stamp)

    def mark_flushed(self, staged: Sequence[Entry] = ()) -> None:
        """Set the journal aside: all of it, and what was staged, is in the notes now.

        It is kept a while, for git can lose objects that no ref named when it looked. What cannot
        be set aside stays pending and is written to the notes once more, which does no harm.
        """
        with contextlib.suppress(GitexpError):
            if staged:
                self._write(b"".join(map(journal_line, staged)))
            self._keep()
        self._tail.forget()
        self._staged.clear()
        self._stored.clear()
        self.postpone()

    def _keep(self) -> None:
        journal = self._journal
        content = journal.folder.read(journal.name)
        if not content:
            return
        # one file for a few minutes, or a long run would leave thousands
        name = f"{int(time.time() // KEPT_FILE_S * KEPT_FILE_S)}.jsonl"
        kept = journal.flushed.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            with failing(journal.flushed.path / name):
                append_lines(kept, content)
        finally:
            os.close(kept)
        journal.folder.remove(journal.name)

    def mend(self) -> None:
        """Leave only whole lines in the journal; what is no entry is set aside.

        A line cut off by a crash was never acknowledged. One that only lost its newline is whole.
        """
        content = self._unread()
        if not content:
            return
        parsed = parse_journal(content, self._journal.writer)
        if parsed.rest or not content.endswith(b"\n"):
            self._set_aside(parsed.rest)
            self._rewrite()
            return
        self._remember(parsed.entries, len(content))

    def _remember(self, entries: Sequence[Entry], size: int) -> None:
        for entry in entries:
            seqs, exp = self._tail.seqs, entry.record.exp
            seqs[exp] = max(entry.record.seq, seqs.get(exp, 0))
        self._tail.offset += size

    def _unread(self) -> bytes:
        """What the file holds beyond what this process has seen."""
        journal, tail = self._journal, self._tail
        status = journal.folder.status(journal.name)
        if status is None:
            tail.forget()
            return b""
        # the descriptor stays open, or a later file could get the same inode and pass for this one
        if tail.descriptor is not None:
            ours = os.fstat(tail.descriptor)
            if (ours.st_dev, ours.st_ino) != (status.st_dev, status.st_ino):
                tail.forget()
        if status.st_size < tail.offset:
            tail.forget()
        if tail.descriptor is None:
            tail.descriptor = journal.folder.open(journal.name, os.O_RDWR | os.O_APPEND)
        with failing(journal.folder.path / journal.name):
            return read_from(tail.descriptor, tail.offset)

    def _set_aside(self, rest: bytes) -> None:
        if not rest:
            return
        journal = self._journal
        aside = journal.folder.open(journal.torn_name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with failing(journal.folder.path / journal.torn_name), os.fdopen(aside, "ab") as file:
            file.write(rest if rest.endswith(b"\n") else rest + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self) -> None:
        journal = self._journal
        content = journal.folder.read(journal.name) or b""
        entries = parse_journal(content, journal.writer).entries
        journal.folder.write(journal.name, b"".join(map(journal_line, entries)))
        self._tail.forget()
        self._remember(entries, len(self._unread()))

    def _next_seq(self, exp: ExperimentId) -> int:
        if exp not in self._stored:  # nobody else moves this writer's notes while we hold the lock
            self._stored[exp] = self._journal.stored_seq(exp)
        return 1 + max(self._staged.get(exp, 0), self._tail.seqs.get(exp, 0), self._stored[exp])

    def _write(self, content: bytes) -> None:
        journal, tail = self._journal, self._tail
        if tail.descriptor is None:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            tail.descriptor = journal.folder.open(journal.name, flags)
            journal.folder.sync()
        path = journal.folder.path / journal.name
        size = os.fstat(tail.descriptor).st_size
        try:
            write_all(tail.descriptor, content)
            os.fsync(tail.descriptor)
        except OSError as error:
            # what was not acknowledged must not turn up later
            with contextlib.suppress(OSError):
                os.ftruncate(tail.descriptor, size)
            tail.forget()
            raise refusal(path, error) from error
        tail.offset = size + len(content)
