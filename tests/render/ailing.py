"""An answer of `doctor` made by hand."""

from __future__ import annotations

from gitexp.app.doctor_view import DoctorView, Finding, Repair, Severity, repairable

DOCTOR_VIEW = DoctorView(
    findings=(
        Finding(
            area="refs",
            severity=Severity.ERROR,
            text="a branch named 'exp' is in the way: no experiment can be created or recorded",
            fix="git exp status --all",
        ),
        Finding(area="records", severity=Severity.OK, text="every record can be read"),
        repairable(
            "leftovers",
            Severity.NOTE,
            "fast-parse was rolled back, and its checkouts are in /home/ann/gitexp",
            Repair(what="remove them", done="removed them", act=lambda: None),
        ),
        Finding(
            area="sharing",
            severity=Severity.WARN,
            text="evil\u202ename\x1b[2J is none of ours",
            fix="git exp sync",
        ),
    ),
    done=("removed the slots of old-parse",),
    failed=("could not remove the checkouts of slow-parse: one of them is in use",),
)
