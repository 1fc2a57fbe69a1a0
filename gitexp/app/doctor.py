"""What is wrong with this repository or set-up, and the repair of what is safe to repair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gitexp.app import (
    check_leftovers,
    check_locks,
    check_notes,
    check_records,
    check_refs,
    check_setup,
    check_sharing,
)
from gitexp.app.doctor_view import DoctorView, Finding, Repair, Severity
from gitexp.app.seen import Seen, see
from gitexp.errors import GitexpError, Refused
from gitexp.store.git import Git
from gitexp.store.store import Store

_REPOSITORY = "repository"
_CHECKS: tuple[tuple[str, str, Callable[[Seen], Iterable[Finding]]], ...] = (
    # first what a killed command left: everything else looks at what it left half done
    (check_locks.AREA, "no killed command left anything", check_locks.check),
    (check_refs.AREA, "no name is in the way of experiments", check_refs.check),
    (check_records.AREA, "every record can be read", check_records.check),
    (check_notes.AREA, "every commit that was measured is kept", check_notes.check),
    (check_sharing.AREA, "evidence comes and goes as it should", check_sharing.check),
    (check_leftovers.AREA, "nothing is left of ended experiments", check_leftovers.check),
    (check_setup.HOOKS, "both hooks run", check_setup.check_hooks),
    (
        check_setup.ISOLATION,
        "nothing makes both arms run the same code",
        check_setup.check_isolation,
    ),
    (check_setup.MACHINE, "nothing is known that disturbs clocks", check_setup.check_machine),
)


def examine(cwd: Path | None = None) -> DoctorView:
    """Look at everything; nothing is written.

    Raises:
        GitexpError: if there is no repository.
    """
    try:
        git = Git.open(cwd)
    except Refused as error:
        return _unreadable(error)
    try:
        # not `open_store`, which would make whole what is to be told
        seen = see(Store(git))
    except GitexpError as error:
        return _unreadable(error)
    return DoctorView(
        findings=tuple(
            finding
            for area, well, check in _CHECKS
            for finding in _checked(area, well, check, seen)
        )
    )


def _unreadable(error: GitexpError) -> DoctorView:
    found = Finding(area=_REPOSITORY, severity=Severity.ERROR, text=error.message, fix=error.hint)
    return DoctorView(findings=(found,))


def _checked(
    area: str, well: str, check: Callable[[Seen], Iterable[Finding]], seen: Seen
) -> Iterator[Finding]:
    is_well = True
    try:
        for finding in check(seen):
            is_well = False
            yield finding
    except (GitexpError, OSError) as error:
        message, hint = _words(error)
        text = f"this could not be looked at: {message}"
        yield Finding(area=area, severity=Severity.ERROR, text=text, fix=hint)
        return
    if is_well:
        yield Finding(area=area, severity=Severity.OK, text=well)


def repairs(view: DoctorView) -> tuple[Repair, ...]:
    """What `--fix` would do, in order."""
    return tuple(finding.repair for finding in view.findings if finding.repair is not None)


def repair(planned: Iterable[Repair], cwd: Path | None = None) -> DoctorView:
    """Do the repairs, each for itself, and look again."""
    done, failed = [], []
    for each in planned:
        try:
            each.act()
        except (GitexpError, OSError) as error:
            failed.append(f"could not {each.what}: {_words(error)[0]}")
        else:
            done.append(each.done)
    after = examine(cwd)
    return DoctorView(findings=after.findings, done=tuple(done), failed=tuple(failed))


def _words(error: GitexpError | OSError) -> tuple[str, str]:
    if isinstance(error, GitexpError):
        return error.message, error.hint
    return str(error), "look at the disk and the folder's permissions, then run it again"
