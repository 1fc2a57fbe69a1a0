"""What `doctor` answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from gitexp.errors import DONE, FATAL, NOT_BETTER

FIX = "git exp doctor --fix"


class Severity(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Good to know, and nothing is wrong."""
    WARN = "warn"
    ERROR = "error"
    """Something cannot work, or evidence is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What `--fix` may do about a finding: safe, and about things of ours alone.

    Attributes:
        what: In words, as in 'remove the checkouts of fast-parse'.
        done: The same once it is done: 'removed the checkouts of fast-parse'.
        act: Does it; raises GitexpError or OSError when it cannot.
    """

    what: str
    done: str
    act: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: Of the repository or this machine: 'refs', 'records', …
        text: What was found, in one sentence.
        fix: A command, or what to do; '' where there is nothing to do.
    """

    area: str
    severity: Severity
    text: str
    fix: str = ""
    repair: Repair | None = field(default=None, compare=False, repr=False)


def repairable(area: str, severity: Severity, text: str, repair: Repair) -> Finding:
    """A finding that `--fix` takes care of."""
    return Finding(area=area, severity=severity, text=text, fix=FIX, repair=repair)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorView:
    """What `doctor` found.

    Attributes:
        findings: After `--fix` what is left.
        done: What `--fix` did, one line each.
        failed: What it could not do, and why.
    """

    findings: tuple[Finding, ...]
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: docs/decisions/0140 says why."""
        if self.failed:
            return FATAL
        is_well = all(f.severity in (Severity.OK, Severity.NOTE) for f in self.findings)
        return DONE if is_well else NOT_BETTER
