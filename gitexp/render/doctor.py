"""The page of `doctor`: a line for each finding, and what to do about it."""

from __future__ import annotations

from collections import Counter

from gitexp.app.doctor_view import DoctorView, Finding, Severity
from gitexp.render.labels import WIDTH
from gitexp.render.numbers import plural
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

_STYLES = {
    Severity.OK: Style.GOOD,
    Severity.NOTE: Style.INFO,
    Severity.WARN: Style.WARN,
    Severity.ERROR: Style.BAD,
}
_SEVERITY = 7
"""Cells of the longest word for a severity, and blanks."""


def doctor_page(view: DoctorView, screen: Screen) -> list[Line]:
    """What was done, then every finding, then how many there are."""
    lines: list[Line] = []
    for text in view.done:
        lines += wrapped(text, screen, first=Span(f"{'done':<{WIDTH}}", Style.GOOD))
    for text in view.failed:
        lines += wrapped(text, screen, first=Span(f"{'not done':<{WIDTH}}", Style.BAD))
    if lines:
        lines.append(line())
    for finding in view.findings:
        lines += _finding(finding, screen)
    return [*lines, line(), *wrapped(_total(view), screen)]


def _finding(finding: Finding, screen: Screen) -> list[Line]:
    first = line(
        Span(f"{finding.severity:<{_SEVERITY}}", _STYLES[finding.severity]),
        Span(f"{finding.area:<{WIDTH}}", Style.MUTED),
    )
    lines = wrapped(finding.text, screen, first=first)
    if finding.fix:
        # for copying, so never wrapped
        lines.append(line(" " * _SEVERITY, Span(f"{'fix':<{WIDTH}}", Style.MUTED), finding.fix))
    return lines


def _total(view: DoctorView) -> str:
    counts = Counter(finding.severity for finding in view.findings)
    parts = [
        plural(counts[severity], noun)
        for severity, noun in (
            (Severity.ERROR, "error"),
            (Severity.WARN, "warning"),
            (Severity.NOTE, "note"),
        )
        if counts[severity]
    ]
    return ", ".join(parts) if parts else "all is well"


def doctor_values(view: DoctorView) -> dict[str, object]:
    """The document of `doctor --json`."""
    return {
        "findings": [
            {
                "area": finding.area,
                "severity": finding.severity,
                "text": finding.text,
                "fix": finding.fix,
                "is_repairable": finding.repair is not None,
            }
            for finding in view.findings
        ],
        "done": view.done,
        "failed": view.failed,
    }
