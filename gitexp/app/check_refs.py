"""Whether names are in the way of experiments' refs, or only look like theirs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from gitexp import refs
from gitexp.app.doctor_view import Finding, Severity
from gitexp.app.seen import Seen
from gitexp.store.names import blocking

AREA = "refs"


def check(seen: Seen) -> Iterator[Finding]:
    """Names in the way, refs of others among ours, branches that are no experiment."""
    for what, way_out in blocking(seen.store.repository):
        text = f"{what} is in the way: no experiment can be created or recorded"
        yield Finding(area=AREA, severity=Severity.ERROR, text=text, fix=way_out)
    for name in _foreign(seen):
        yield Finding(
            area=AREA,
            severity=Severity.NOTE,
            text=f"{name} is none of ours, and left alone",
            fix=f"if nobody needs it: git update-ref -d {shlex.quote(name)}",
        )
    for name, tip in seen.refs.items():
        exp = refs.parse_branch(name)
        if name.startswith(refs.BRANCHES) and (exp is None or _holds_no_plan(seen, exp, tip)):
            short = shlex.quote(refs.short(name))
            yield Finding(
                area=AREA,
                severity=Severity.NOTE,
                text=f"the branch {refs.short(name)} is no experiment, and left alone",
                fix=f"to have the name free: git branch -m {short} <another name>",
            )


def _foreign(seen: Seen) -> Iterator[str]:
    for name in seen.store.repository.refs(refs.NOTES, "refs/exp/"):
        is_ours = refs.parse_notes(name) or refs.parse_archive(name)
        # what blocks has been told already
        if not is_ours and name not in ("refs/exp", "refs/exp/archive"):
            yield name


def _holds_no_plan(seen: Seen, exp: object, tip: str) -> bool:
    if any(exp == known and found.records for known, found in seen.evidence.items()):
        return False
    return seen.store.repository.latest_saying(tip, "^Exp-Plan: ") is None
