"""Whether evidence reaches the remotes and comes from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from gitexp import refs
from gitexp.app.doctor_view import Finding, Repair, Severity, repairable
from gitexp.app.init import Setting, add, is_set_up, missing
from gitexp.app.receive import refuse_mirror
from gitexp.app.seen import Seen
from gitexp.errors import Refused
from gitexp.model import ExperimentId, Oid, WriterId
from gitexp.refs import WriterRef
from gitexp.store.lost import lost_remote
from gitexp.store.remote import configured_remotes

AREA = "sharing"


def check(seen: Seen) -> Iterator[Finding]:
    """Fetch refspecs, remotes that are gone or lost something, evidence that only we have."""
    yield from _overwriting(seen)
    yield from _missing(seen)
    remotes = configured_remotes(seen.store.git)
    yield from _gone(seen, remotes)
    if remotes:
        yield from _unshared(seen)


def _overwriting(seen: Seen) -> Iterator[Finding]:
    try:
        found = refuse_mirror(seen.store.git)
    except Refused as error:
        yield Finding(area=AREA, severity=Severity.ERROR, text=error.message, fix=error.hint)
        return
    for text in found:
        what, _, fix = text.partition("; to end that: ")
        yield Finding(area=AREA, severity=Severity.ERROR, text=what, fix=fix)


def _missing(seen: Seen) -> Iterator[Finding]:
    git = seen.store.git
    lines = missing(git)
    if lines and not is_set_up(git):
        text = "this clone is not set up: git fetch brings no evidence, git log shows no results"
        yield Finding(area=AREA, severity=Severity.NOTE, text=text, fix="git exp init")
        return
    for line in lines:
        yield repairable(
            AREA,
            Severity.WARN,
            f"a line of git's configuration is gone: {line.key} = {line.value}",
            Repair(
                what=f"set it again, so that {line.meaning}",
                done=f"set {line.key} again: {line.meaning}",
                act=partial(_add, seen, line),
            ),
        )


def _add(seen: Seen, line: Setting) -> None:
    add(seen.store.git, line)


def _gone(seen: Seen, remotes: frozenset[str]) -> Iterator[Finding]:
    parsed = (refs.parse_notes(name) or refs.parse_archive(name) for name in seen.refs)
    counts = Counter(ref.remote for ref in parsed if ref is not None and ref.remote is not None)
    losers = {lost_remote(remote): remote for remote in remotes}
    for name, count in sorted(counts.items()):
        if name in losers:
            yield Finding(
                area=AREA,
                severity=Severity.NOTE,
                text=f"{losers[name]} has lost evidence it had; {count} refs of it are kept here",
                fix=f"git exp sync {losers[name]}, after which its writers push it again",
            )
        elif name not in remotes:
            yield Finding(
                area=AREA,
                severity=Severity.NOTE,
                text=f"the remote {name} is gone; {count} refs of evidence it had are still read",
                fix=f"to go on sharing with it: git remote add {name} URL",
            )


def _unshared(seen: Seen) -> Iterator[Finding]:
    """Evidence whose latest state no remote had when it was last asked."""
    own: list[tuple[WriterRef, bool, Oid]] = []
    tracked: dict[tuple[ExperimentId, WriterId, bool], list[Oid]] = {}
    for name, tip in seen.refs.items():
        notes = refs.parse_notes(name)
        ref = notes or refs.parse_archive(name)
        if ref is None:
            continue
        if ref.remote is None:
            own.append((ref, notes is not None, tip))
        else:
            tracked.setdefault((ref.exp, ref.writer, notes is not None), []).append(tip)
    contains = seen.store.repository.contains
    ahead = {
        ref.exp
        for ref, is_notes, tip in own
        if not any(contains(t, tip) for t in tracked.get((ref.exp, ref.writer, is_notes), ()))
    }
    if ahead:
        names = ", ".join(sorted(ahead)[:5]) + (" …" if len(ahead) > 5 else "")
        text = f"no remote is known to have the latest evidence of {names}"
        yield Finding(area=AREA, severity=Severity.NOTE, text=text, fix="git exp sync")
