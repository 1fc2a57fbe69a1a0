"""Whether the records are whole, of ours, and in the notes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial

from gitexp.app.doctor_view import Finding, Repair, Severity, repairable
from gitexp.app.seen import Seen
from gitexp.errors import GitexpError
from gitexp.model import ExperimentId, Problem

AREA = "records"
_SEVERE = frozenset({"corrupt", "missing-object", "duplicate-seq"})
_MENDED = frozenset({"lost", "missing-object"})
"""Kinds that go away when what git lost is written again."""


def check(seen: Seen) -> Iterator[Finding]:
    """What reading every experiment's evidence told, and what waits in the journal."""
    yield from _waiting(seen)
    torn: dict[Problem, None] = {}
    for exp, evidence in seen.evidence.items():
        mends = seen.store.is_mendable(evidence)
        if mends:
            yield _mendable(seen, exp)
        for problem in evidence.problems:
            if problem.kind == "torn-line":
                torn[problem] = None
            elif not (mends and problem.kind in _MENDED):
                yield _told(exp, problem)
        if evidence.records and exp not in seen.experiments:
            yield Finding(
                area=AREA,
                severity=Severity.ERROR,
                text=f"records of {exp} are here, but no plan that can be read",
                fix="git exp sync, if a remote has it",
            )
    for problem in torn:
        yield Finding(
            area=AREA,
            severity=Severity.NOTE,
            text=problem.text,
            fix=f"look at it, then remove it: {shlex.quote(problem.where)}",
        )


def _waiting(seen: Seen) -> Iterator[Finding]:
    count = len(seen.store.waiting())
    if count:
        records = "record waits" if count == 1 else "records wait"
        yield repairable(
            AREA,
            Severity.NOTE,
            f"{count} {records} in the journal until the next command that reads",
            Repair(
                what=f"move {count} pending record{'s' * (count != 1)} to the notes",
                done=f"moved {count} record{'s' * (count != 1)} to the notes",
                act=seen.store.flush,
            ),
        )


def _mendable(seen: Seen, exp: ExperimentId) -> Finding:
    return repairable(
        AREA,
        Severity.WARN,
        f"git lost records of {exp} that the journal still has",
        Repair(
            what=f"write the lost records of {exp} again",
            done=f"wrote the lost records of {exp} again",
            act=partial(_mend, seen, exp),
        ),
    )


def _mend(seen: Seen, exp: ExperimentId) -> None:
    if seen.store.is_mendable(seen.store.read(exp)):
        raise GitexpError("the notes could not be written", hint="git fsck says what is broken")


def _told(exp: ExperimentId, problem: Problem) -> Finding:
    return Finding(
        area=AREA,
        severity=Severity.ERROR if problem.kind in _SEVERE else Severity.WARN,
        text=f"{exp}: {problem.kind}: {problem.text} ({problem.where})",
        fix=_FIXES.get(problem.kind, f"who wrote it: git log -p {shlex.quote(problem.where)}"),
    )


_FIXES = {
    "missing-object": "git exp sync, if a remote has it; git fsck says what else is broken",
    "newer-version": "install a newer gitexp: it reads them",
    "unknown-kind": "install a newer gitexp, if one knows them",
    "lost": "git exp sync, if a remote has it",
}
