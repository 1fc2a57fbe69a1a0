"""The door to everything stored: what the use cases call."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from gitexp import refs
from gitexp.errors import CorruptEvidence, GitexpError
from gitexp.model import (
    Body,
    Evidence,
    ExperimentId,
    Oid,
    PlanHash,
    Problem,
    Record,
    RecordId,
    WriterId,
    writer_id,
)
from gitexp.store import evidence, mending
from gitexp.store.cache import Cache
from gitexp.store.entries import Entry, highest_seq
from gitexp.store.files import Folder
from gitexp.store.flushing import Flushing, holding, move_own_refs, move_refs
from gitexp.store.git import Git
from gitexp.store.journal import Clock, Journal, utc_now
from gitexp.store.notes import flush_changes, last_seq, seq_elsewhere, summary_changes
from gitexp.store.payloads import MAX_PAYLOAD_BYTES, blob_id, payload_content
from gitexp.store.remote import configured_remotes
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.writer import clone_writer, known_writer

_MAINTENANCE_INTERVAL_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """Something to record; the fields are those of `Store.record`."""

    body: Body
    target: Oid
    payload: bytes | None = None
    id: RecordId | None = None


class Store:
    """One repository's experiments.

    Attributes:
        cache: Derived values that may be lost at any time.
    """

    def __init__(self, git: Git, *, clock: Clock = utc_now) -> None:
        self.git = git
        self.clock = clock
        self.repository = Repository(git)
        self._flushing = Flushing(git, self.repository)
        self.cache = Cache(Folder(git.common_dir, "exp", "cache"))
        self._folder = Folder(git.common_dir, "exp", "journal")
        self._journals: dict[WriterId, Journal] = {}
        self._seqs_elsewhere: dict[tuple[ExperimentId, WriterId], int] = {}

    @staticmethod
    def open(cwd: Path | None = None, *, clock: Clock = utc_now) -> Store:
        """The store of the repository around `cwd`.

        Raises:
            GitexpError: if there is none that we can read.
        """
        return Store(Git.open(cwd), clock=clock)

    @cached_property
    def writer(self) -> WriterId:
        """Who this clone is; made up and stored the first time.

        Raises:
            GitexpError: if it cannot be stored.
        """
        return clone_writer(self.git.common_dir)

    @property
    def known_writer(self) -> WriterId | None:
        """Who this clone is, or None while it has written nothing; never writes."""
        return known_writer(self.git.common_dir)

    @property
    def journal(self) -> Journal:
        """This writer's journal."""
        return self._journal(self.writer)

    def journal_of(self, writer: WriterId) -> Journal:
        """The journal of this writer or of a lane, for its lock."""
        return self._journal(writer)

    # --- writing ---------------------------------------------------------------------------

    def record(
        self,
        exp: ExperimentId,
        plan: PlanHash,
        body: Body,
        *,
        target: Oid,
        payload: bytes | None = None,
        id: RecordId | None = None,
    ) -> Record:
        """Record something; durable when this returns, in the notes within a second or so.

        Args:
            target: The commit it is about; the plan commit when it is about no other.
            payload: More bytes to keep with a trial, at most 256 KiB.
            id: Made by a caller who had to name the record before it was written.

        Raises:
            GitexpError: if it cannot be written, or is larger than a record or a payload may be;
                then it is not recorded.
        """
        new = NewRecord(body=body, target=target, payload=payload, id=id)
        return self.record_all(exp, plan, [new])[0]

    def record_all(
        self, exp: ExperimentId, plan: PlanHash, new: Sequence[NewRecord]
    ) -> tuple[Record, ...]:
        """Record many things at once, in this order: all of them, or after a failure none.

        Raises:
            GitexpError: as `record`.
        """
        if not new:
            return ()
        with self.journal.locked() as session:
            try:
                entries = [
                    session.stage(
                        exp, plan, one.body, target=one.target, payload=one.payload, id=one.id
                    )
                    for one in new
                ]
            except ValueError as error:
                raise GitexpError(
                    f"this cannot be recorded: {error}", hint="say less, or report less at once"
                ) from error
            session.append_staged(entries)
            if session.is_flush_due:
                # the records are safe in the journal; whoever flushes next says what is wrong
                with contextlib.suppress(GitexpError):
                    self._flushing.flush(session)
        return tuple(entry.record for entry in entries)

    def flush(self) -> None:
        """Move all that is pending into the notes, of every writer with a journal here.

        Raises:
            GitexpError: if the refs cannot be moved; everything stays in the journal.
        """
        for journal in self._all_journals():
            if not journal.is_empty:
                with journal.locked() as session:
                    self._flushing.flush(session)
            self._flushing.drop_outdated(journal)

    def keep(self, exp: ExperimentId, commits: Sequence[Oid]) -> None:
        """Archive these commits, so that git does not collect them.

        Raises:
            GitexpError: if the archive cannot be moved.
        """
        with self.journal.locked() as session:
            move_own_refs(
                holding(self.git, session),
                partial(
                    flush_changes, self.repository, self.writer, (), also_archive={exp: commits}
                ),
                reason="exp: archive what has notes",
            )

    def write_summaries(self, texts: Mapping[Oid, str | None]) -> None:
        """Set the short texts that plain `git log` shows, commit to text; None removes one."""
        move_refs(
            self.git, lambda: summary_changes(self.repository, texts), reason="exp: summaries"
        )

    def maintain(self) -> None:
        """Let git tidy up if it thinks it should; asked at most once an hour."""
        stamp, folder = "maintenance", Folder(self.git.common_dir, "exp")
        status = folder.status(stamp)
        if status is None or abs(time.time() - status.st_mtime) > _MAINTENANCE_INTERVAL_S:
            folder.touch(stamp)
            self.git.attempt("maintenance", "run", "--auto", "--quiet")

    # --- reading ---------------------------------------------------------------------------

    def our_refs(self) -> dict[str, Oid]:
        """Every ref that could be of an experiment, remote branches included."""
        listed = self.repository.refs(
            refs.BRANCHES,
            refs.NOTES,
            refs.REMOTE_NOTES,
            refs.ARCHIVES,
            refs.REMOTE_ARCHIVES,
            refs.tracked_anywhere(f"{refs.BRANCHES}*"),
        )
        return {name: tip for name, tip in listed.items() if self._may_be_ours(name)}

    def known_tips(self, *branches: str) -> dict[str, dict[str, Oid]]:
        """Branches of these full names, here and on every remote as last seen: by ref name each."""
        found: dict[str, dict[str, Oid]] = {branch: {} for branch in branches}
        listed = self.repository.refs(*branches, *map(refs.tracked_anywhere, branches))
        for name, tip in listed.items():
            found.get(self._branch(name), {})[name] = tip
        return found

    def experiment_ids(self, listed: Mapping[str, Oid] | None = None) -> tuple[ExperimentId, ...]:
        """Every experiment something is stored of, or a branch exists for, sorted.

        Args:
            listed: What `our_refs` gave, to ask git but once.
        """
        names = self.our_refs() if listed is None else listed
        found = {entry.record.exp for entry in self._pending()}
        for name in names:
            ref = refs.parse_notes(name) or refs.parse_archive(name)
            exp = ref.exp if ref is not None else refs.parse_branch(name)
            found |= {exp} if exp is not None else set()
        return tuple(sorted(found))

    def tips(self, listed: Mapping[str, Oid]) -> dict[ExperimentId, dict[str, str]]:
        """For every experiment what `Evidence.tips` would be: a key for what is derived.

        Args:
            listed: What `our_refs` gave.
        """
        records: dict[ExperimentId, list[Record]] = {}
        for entry in self._pending():
            records.setdefault(entry.record.exp, []).append(entry.record)
        tips: dict[ExperimentId, dict[str, str]] = {}
        for name, tip in listed.items():
            ref = refs.parse_notes(name)
            if ref is not None:
                tips.setdefault(ref.exp, {})[name] = tip
        for exp in {*tips, *records}:
            digest = evidence.journal_digest(records.get(exp, ()))
            tips.setdefault(exp, {})[evidence.JOURNAL] = digest
        return tips

    def read(self, exp: ExperimentId) -> Evidence:
        """All that is stored of the experiment, the journal included.

        Pending records are flushed first; where that is impossible, as in a repository we may not
        write, they are read from the journal and the reason is among the problems.
        """
        problems = self._try(self.flush)
        found = self._evidence(exp)
        for journal in self._all_journals():
            if mending.is_damaged(self.repository, exp, journal.writer, found):
                problems += self._try(partial(self._flushing.mend, journal, exp))
                found = self._evidence(exp)
        return replace(found, problems=(*problems, *found.problems, *self._torn()))

    def look(self, exp: ExperimentId) -> Evidence:
        """Like `read`, and nothing is written: what is pending stays in the journal."""
        found = self._evidence(exp)
        return replace(found, problems=(*found.problems, *self._torn()))

    def waiting(self) -> tuple[Record, ...]:
        """What is recorded and not yet in the notes."""
        return tuple(entry.record for entry in self._pending())

    def is_mendable(self, found: Evidence) -> bool:
        """Whether git lost something of what was read that `read` can write again."""
        return any(
            mending.is_damaged(self.repository, found.exp, journal.writer, found)
            and any(entry.record.exp == found.exp for entry in journal.kept())
            for journal in self._all_journals()
        )

    def writers_here(self) -> frozenset[WriterId]:
        """Those with a journal here."""
        return frozenset(journal.writer for journal in self._all_journals())

    def payload(self, oid: Oid) -> bytes:
        """The content of a payload that a record names.

        Raises:
            GitexpError: if it is not here, or is none.
        """
        blob = b""
        try:
            # longer ones are none of ours, and could be as long as memory is
            if self.repository.blob_size(oid) <= MAX_PAYLOAD_BYTES:
                blob = self.repository.blob(oid)
        except MissingObject:
            waiting = (entry.payload for entry in self._pending())
            blob = next((b for b in waiting if b is not None and blob_id(b) == oid), b"")
            if not blob:
                raise
        try:
            return payload_content(blob)
        except ValueError as error:
            raise CorruptEvidence(
                f"{oid} is no payload of ours", hint=f"look at it: git cat-file blob {oid}"
            ) from error

    # --- inside ----------------------------------------------------------------------------

    @cached_property
    def _remotes(self) -> frozenset[str]:
        return configured_remotes(self.git)

    def _branch(self, name: str) -> str:
        """The full name a branch has where it is, when this ref only keeps track of it."""
        if not name.startswith(refs.REMOTE_BRANCHES):
            return name
        tracked = refs.parse_remote_branch(name, self._remotes)
        return name if tracked is None else tracked.name

    def _may_be_ours(self, name: str) -> bool:
        """Whether it is no other branch of a remote that is called `…/exp/…`."""
        is_tracking = name.startswith(refs.REMOTE_BRANCHES)
        return not is_tracking or self._branch(name).startswith(refs.BRANCHES)

    def _journal(self, writer: WriterId) -> Journal:
        if writer not in self._journals:
            self._journals[writer] = Journal(
                self._folder,
                writer,
                stored_seq=lambda exp: self._stored_seq(exp, writer),
                clock=self.clock,
            )
        return self._journals[writer]

    def _all_journals(self) -> list[Journal]:
        """Those of every writer with files here: lanes, and the original of a copied clone."""
        found = []
        for name in self._folder.names():
            with contextlib.suppress(ValueError):
                if name.endswith((".jsonl", ".flushed")):
                    found.append(writer_id(name.rpartition(".")[0]))
        return [self._journal(writer) for writer in dict.fromkeys(found)]

    def _stored_seq(self, exp: ExperimentId, writer: WriterId) -> int:
        key = exp, writer
        if key not in self._seqs_elsewhere:
            self._seqs_elsewhere[key] = seq_elsewhere(self.repository, exp, writer)
        own = last_seq(self.repository, exp, writer)
        if own == 0:  # nothing written yet, or the ref was lost
            own = highest_seq(self._journal(writer).kept_bytes(), exp)
        return max(self._seqs_elsewhere[key], own)

    def _pending(self) -> list[Entry]:
        return [entry for journal in self._all_journals() for entry in journal.pending()]

    def _evidence(self, exp: ExperimentId) -> Evidence:
        # the journals before the refs: a flush in between then shows a record twice, not never
        journals = self._all_journals()
        kept = [line for journal in journals for line in journal.kept_lines(exp)]
        pending = [entry for journal in journals for entry in journal.pending()]
        tips = self.repository.refs(f"{refs.NOTES}{exp}/", f"{refs.REMOTE_NOTES}**/exp/{exp}/*")
        return evidence.read(self.repository, exp, tips, pending=pending, kept=kept)

    def _torn(self) -> tuple[Problem, ...]:
        text = "a line cut off while it was written was set aside; it was never reported recorded"
        return tuple(
            Problem(kind="torn-line", text=text, where=str(self._folder.path / name))
            for name in self._folder.names()
            if name.endswith(".torn")
        )

    def _try(self, act: Callable[[], None]) -> tuple[Problem, ...]:
        try:
            act()
        except GitexpError as error:
            return (Problem(kind="not-flushed", text=error.message, where=str(self._folder.path)),)
        return ()
