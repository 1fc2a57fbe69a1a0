"""Whether notes are spelled as we do it, and archives keep what they are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from gitexp import refs
from gitexp.app.doctor_view import Finding, Repair, Severity, repairable
from gitexp.app.seen import Seen
from gitexp.model import ExperimentId, Oid
from gitexp.store import trees
from gitexp.store.archives import registered_plan
from gitexp.store.notes import noted_commits
from gitexp.store.repository import MissingObject

AREA = "archives"


def check(seen: Seen) -> Iterator[Finding]:
    """Damaged archives, commits with notes that no archive keeps, other spellings of notes."""
    yield from _damaged(seen)
    yield from _summaries(seen)
    archives: dict[ExperimentId, list[Oid]] = {}
    for name, tip in seen.refs.items():
        ref = refs.parse_archive(name)
        if ref is not None:
            archives.setdefault(ref.exp, []).append(tip)
    orphans: dict[ExperimentId, dict[Oid, None]] = {}
    for name, tip in seen.refs.items():
        ref = refs.parse_notes(name)
        if ref is None or ref.remote is not None:
            continue
        try:
            tree = seen.store.repository.commit(tip).tree
            odd = trees.other_spellings(seen.store.repository, tree)
            kept_by = archives.get(ref.exp, ())
            orphans.setdefault(ref.exp, {}).update(dict.fromkeys(_orphans(seen, kept_by, tree)))
        except MissingObject:
            continue  # the check of the records tells it
        if odd:
            yield Finding(
                area=AREA,
                severity=Severity.NOTE,
                text=f"{odd} notes in {name} are filed as git spreads them, not as we do: they "
                "are read all the same",
            )
    for exp, commits in orphans.items():
        if commits:
            yield _orphaned(seen, exp, tuple(commits))


def _damaged(seen: Seen) -> Iterator[Finding]:
    for name, tip in seen.refs.items():
        ref = refs.parse_archive(name)
        if ref is None:
            continue
        try:
            registered_plan(seen.store.repository, tip)
        except MissingObject as error:
            evidence = seen.evidence.get(ref.exp)
            if ref.remote is None and evidence and seen.store.is_mendable(evidence):
                continue  # mended with the records
            text = f"the archive {name} cannot be read: {error.message}"
            is_own = ref.remote is None and ref.writer == seen.store.known_writer
            if is_own and not seen.store.repository.is_commit(tip):
                yield repairable(AREA, Severity.ERROR, text, _archive_again(seen, ref.exp))
                continue
            yield Finding(
                area=AREA,
                severity=Severity.ERROR,
                text=text,
                fix="git exp sync, if a remote has it; git fsck says what else is broken",
            )


def _archive_again(seen: Seen, exp: ExperimentId) -> Repair:
    return Repair(
        what=f"archive again all that {exp} has notes of",
        done=f"archived again all that {exp} has notes of",
        act=partial(seen.store.keep, exp, ()),
    )


def _summaries(seen: Seen) -> Iterator[Finding]:
    repository = seen.store.repository
    tip = repository.ref(refs.SUMMARY)
    if tip is not None and not repository.is_commit(tip):
        yield repairable(
            AREA,
            Severity.WARN,
            "git lost the summaries that git log shows",
            Repair(
                what="begin them anew",
                done="began the summaries anew: git exp sync and commits fill them",
                act=partial(seen.store.write_summaries, {}),
            ),
        )


def _orphans(seen: Seen, archives: Sequence[Oid], tree: Oid) -> Iterator[Oid]:
    repository = seen.store.repository
    for commit in noted_commits(repository, tree):
        if not any(repository.contains(tip, commit) for tip in archives):
            yield commit


def _orphaned(seen: Seen, exp: ExperimentId, commits: tuple[Oid, ...]) -> Finding:
    count = "a commit" if len(commits) == 1 else f"{len(commits)} commits"
    return repairable(
        AREA,
        Severity.WARN,
        f"no archive keeps {count} that {exp} has notes of: git may collect them",
        Repair(
            what=f"archive {count} of {exp}",
            done=f"archived {count} of {exp}",
            act=partial(seen.store.keep, exp, commits),
        ),
    )
