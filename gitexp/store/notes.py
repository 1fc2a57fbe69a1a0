"""Records as git notes: building the commits that a flush moves the refs to.

Everything here only writes objects and returns what the refs should become, each with the value
it replaces: moving them is `Git.update_refs`, all or none. A ref that moved meanwhile means
starting again from its new value, so that nobody's notes are ever overwritten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from gitexp import refs
from gitexp.codec import decode
from gitexp.model import ExperimentId, Oid, PlanBody, WriterId
from gitexp.refs import RefUpdate
from gitexp.store import trees
from gitexp.store.archives import archive_update
from gitexp.store.entries import Entry
from gitexp.store.payloads import MAGIC, blob_id
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.trailers import said, trailers

SEAL_BYTES = 4 * 1024
"""A note this long is filed away under its own id, and the commit's note starts afresh."""
MAX_NOTE_BYTES = 16 * 1024 * 1024
"""A larger blob cannot be ours."""


def flush_changes(
    repository: Repository,
    writer: WriterId,
    pending: Sequence[Entry],
    *,
    also_archive: Mapping[ExperimentId, Sequence[Oid]] | None = None,
    instead: Mapping[ExperimentId, Oid | None] | None = None,
) -> tuple[RefUpdate, ...]:
    """One notes commit per experiment holding the pending entries, and archives to match.

    Call it under the writer's journal lock; on StaleRef call it again.

    Args:
        also_archive: More commits to keep reachable, by experiment.
        instead: Commits to build upon in place of a damaged tip, by experiment.

    Raises:
        MissingObject: if what a ref of ours points at is damaged.
    """
    extra = also_archive or {}
    by_experiment: dict[ExperimentId, list[Entry]] = {exp: [] for exp in (*extra, *(instead or ()))}
    for entry in pending:
        by_experiment.setdefault(entry.record.exp, []).append(entry)
    updates: list[RefUpdate] = []
    for exp, entries in by_experiment.items():
        old = repository.ref(refs.notes(exp, writer))
        if instead is not None and exp in instead:
            base = instead[exp]
        else:
            base = old or tracked_tip(repository, exp, writer)
        tree = None if base is None else repository.commit(base).tree
        fresh = _first_mentioned(repository, tree, entries)
        archive = archive_update(
            repository,
            exp,
            writer,
            [*fresh, *extra.get(exp, ())],
            plan=_plan_text(entries),
            noted=partial(noted_commits, repository, tree),
        )
        # git moves the refs one after the other: killed in between, the archive must be ahead,
        # for a commit that has a note is taken to be archived
        updates += [] if archive is None else [archive]
        tip = _notes_commit(repository, exp, base, tree, entries) if entries else base
        if tip is not None and (entries or exp in (instead or {})):
            updates.append(RefUpdate(refs.notes(exp, writer), tip, old))
    return tuple(updates)


def noted_commits(repository: Repository, tree: Oid | None) -> list[Oid]:
    """The commits that have notes in the tree."""
    found = () if tree is None else trees.walk(repository, tree)
    keys = (note.key for note in found if isinstance(note, trees.Note))
    return [key for key in keys if repository.is_commit(key)]


def _first_mentioned(
    repository: Repository, tree: Oid | None, entries: Sequence[Entry]
) -> list[Oid]:
    targets = [*dict.fromkeys(entry.target for entry in entries)]
    return [t for t in targets if tree is None or not trees.find(repository, tree, t)]


def _plan_text(entries: Sequence[Entry]) -> str | None:
    bodies = (entry.record.body for entry in entries)
    return next((body.canonical for body in bodies if isinstance(body, PlanBody)), None)


def _notes_commit(
    repository: Repository,
    exp: ExperimentId,
    base: Oid | None,
    tree: Oid | None,
    entries: Sequence[Entry],
) -> Oid:
    lines: dict[Oid, list[bytes]] = {}
    files: dict[Oid, Oid] = {}
    tips = [] if base is None else [base]
    stored = _stored_already(repository, tips, entries)
    for entry in entries:
        if entry.record.line not in stored:
            lines.setdefault(entry.target, []).append(entry.record.line)
        if entry.payload is not None:
            files[blob_id(entry.payload)] = repository.write_blob(entry.payload)
    for target, new in lines.items():
        blobs = () if tree is None else trees.find(repository, tree, target)
        files |= _note_files(repository, target, blobs, new)
    seq = max(entry.record.seq for entry in entries)
    count = f"{len(entries)} record{'s' * (len(entries) != 1)}"
    message = f"gitexp: {count} of {exp}\n\n{_trailers(repository, tips, seq=seq)}"
    return repository.write_commit(trees.write(repository, tree, files), tips, message)


def _stored_already(
    repository: Repository, tips: Sequence[Oid], entries: Sequence[Entry]
) -> set[bytes]:
    """The lines below these tips, if some of the entries' may be among them.

    They are when a flush was killed once its refs had moved, and is made again.
    """
    first = min(entry.record.seq for entry in entries)
    again = [tip for tip in tips if said(repository, tip).seq >= first]
    return {line for tip in again for line in read_lines(repository, tip)}


def _note_files(
    repository: Repository, target: Oid, blobs: Iterable[Oid], new: Sequence[bytes]
) -> dict[Oid, Oid]:
    """The target's note with the new lines, and what had to be sealed to keep it short."""
    files: dict[Oid, Oid] = {}
    note = b""
    for blob in blobs:
        if repository.blob_size(blob) >= SEAL_BYTES:
            files[blob] = blob
            continue
        content = repository.blob(blob)
        note += content if content.endswith(b"\n") or not content else content + b"\n"
    for line in new:
        if len(note) >= SEAL_BYTES:
            sealed = repository.write_blob(note)
            files[sealed] = sealed
            note = b""
        note += line + b"\n"
    files[target] = repository.write_blob(note)
    return files


def tracked_tip(repository: Repository, exp: ExperimentId, writer: WriterId) -> Oid | None:
    """Where a remote has this writer's notes: the start for a clone that has none of its own.

    That is a lane of CI, which begins in a fresh clone each time, or a ref that was lost.
    """
    pattern = f"{refs.REMOTE_NOTES}**/exp/{exp}/{writer}"
    tips = {*repository.refs(pattern).values()}
    readable = [tip for tip in tips if repository.is_commit(tip)]
    return max(readable, key=lambda tip: (said(repository, tip).seq, tip), default=None)


def unite(repository: Repository, exp: ExperimentId, ours: Oid, theirs: Oid) -> Oid:
    """A notes commit with the lines of both tips, each once, and both as parents."""
    return unite_notes(repository, exp, ours, [theirs], parents=[ours, theirs])


def unite_notes(
    repository: Repository,
    exp: ExperimentId,
    base: Oid | None,
    others: Sequence[Oid],
    *,
    parents: Sequence[Oid] | None = None,
) -> Oid:
    """A commit with the notes of `base` and all that can be read of the others.

    Args:
        parents: `base` alone unless given.
    """
    tree = None if base is None else repository.commit(base).tree
    tree = united_tree(repository, tree, others)
    tips = [*([base] if base else []), *others]
    message = f"gitexp: unite the notes of {exp}\n\n{_trailers(repository, tips)}"
    kept = [base] if base else []
    return repository.write_commit(tree, kept if parents is None else parents, message)


def united_tree(repository: Repository, tree: Oid | None, others: Iterable[Oid]) -> Oid:
    """The tree with all notes that can be read of the other tips in it, too."""
    for other in others:
        files: dict[Oid, Oid] = {}
        for note in trees.walk(repository, repository.commit(other).tree):
            if isinstance(note, trees.Note) and repository.is_blob(note.blob):
                files |= _united(repository, tree, note)
        tree = trees.write(repository, tree, files)
    return tree or repository.write_tree([])


def _united(repository: Repository, tree: Oid | None, note: trees.Note) -> dict[Oid, Oid]:
    """What to file so that the tree holds the note's lines, too."""
    blobs = () if tree is None else trees.find(repository, tree, note.key)
    if note.blob in blobs:
        return {}
    if not blobs or note.key == note.blob:
        return {note.key: note.blob}
    known = {line for blob in blobs for line in repository.blob(blob).split(b"\n")}
    lines = repository.blob(note.blob).split(b"\n")
    new = [line for line in lines if line.strip() and line not in known]
    return _note_files(repository, note.key, blobs, new) if new else {}


def _trailers(repository: Repository, tips: Sequence[Oid], *, seq: int = 0) -> str:
    """What a notes commit on top of these says at its end."""
    before = [said(repository, tip) for tip in tips]
    return trailers(
        seq=max([seq, *(each.seq for each in before)]),
        writers=frozenset().union(*(each.writers for each in before)),
    )


def last_seq(repository: Repository, exp: ExperimentId, writer: WriterId) -> int:
    """The highest seq of the writer in the experiment's own notes, 0 for none."""
    return said(repository, repository.ref(refs.notes(exp, writer))).seq


def seq_elsewhere(repository: Repository, exp: ExperimentId, writer: WriterId) -> int:
    """The highest seq of the writer in other refs: its own at remotes, and compacted ones."""
    best = 0
    patterns = (f"{refs.NOTES}{exp}/", f"{refs.REMOTE_NOTES}**/exp/{exp}/*")
    for name, tip in repository.refs(*patterns).items():
        ref = refs.parse_notes(name)
        if ref is None or ref.exp != exp:
            continue
        found = said(repository, tip)
        if ref.writer == writer:
            best = max(best, found.seq)
        elif writer in found.writers:
            best = max(best, _highest_seq(repository, tip, writer))
    return best


def _highest_seq(repository: Repository, tip: Oid, writer: WriterId) -> int:
    """The highest seq of one writer among the records of a ref that holds several's."""
    best = 0
    for line in read_lines(repository, tip):
        if writer.encode() in line:
            with contextlib.suppress(ValueError):
                record = decode(line)
                best = max(best, record.seq if record.writer == writer else 0)
    return best


def read_lines(repository: Repository, tip: Oid) -> Iterator[bytes]:
    """Every line of a tip's notes, as far as it can be read; payloads have none."""
    for note in trees.walk(repository, repository.commit(tip).tree):
        if isinstance(note, trees.Note):
            with contextlib.suppress(MissingObject):
                if repository.blob_size(note.blob) <= MAX_NOTE_BYTES:
                    content = repository.blob(note.blob)
                    is_payload = note.key == note.blob and content.startswith(MAGIC)
                    yield from () if is_payload else filter(bytes.strip, content.split(b"\n"))


def summary_changes(
    repository: Repository, texts: Mapping[Oid, str | None]
) -> tuple[RefUpdate, ...]:
    """The summary notes with these texts: commit to text, None to remove one.

    Plain `git log` shows them. They are derived from the records, so that a lost or damaged ref
    is simply begun anew.
    """
    old = repository.ref(refs.SUMMARY)
    try:
        return _summary_changes(repository, texts, old, old)
    except MissingObject:
        return _summary_changes(repository, texts, old, None)


def _summary_changes(
    repository: Repository, texts: Mapping[Oid, str | None], old: Oid | None, base: Oid | None
) -> tuple[RefUpdate, ...]:
    tree = None if base is None else repository.commit(base).tree
    files = {
        oid: repository.write_blob(text.rstrip("\n").encode() + b"\n")
        for oid, text in texts.items()
        if text is not None
    }
    gone = [oid for oid, text in texts.items() if text is None]
    new = trees.write(repository, tree, files, remove=gone)
    if new == tree:
        return ()
    parents = [] if base is None else [base]
    commit = repository.write_commit(new, parents, "gitexp: summaries\n")
    return (RefUpdate(refs.SUMMARY, commit, old),)
