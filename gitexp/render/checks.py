"""Health checks as lines: what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.health import Health, HealthState
from gitexp.render import words
from gitexp.render.labels import WIDTH, label
from gitexp.render.screen import Line, Screen, Span, wrapped

_ALWAYS = "a/a"
"""What the host makes of no change is worth knowing beside every verdict."""


def shown_checks(found: Sequence[Health], *, everything: bool) -> list[Health]:
    """Those to show: what is fine only when asked for."""
    return [
        of for of in found if everything or of.state is not HealthState.OK or of.check == _ALWAYS
    ]


def check(word: str, of: Health, screen: Screen) -> list[Line]:
    """'health  ! governor: powersave (threshold performance)', then the advice."""
    found = f"{of.check}: {of.value}" if of.value else of.check
    if of.advice and of.threshold:
        found += f" (threshold {of.threshold})"
    first = (label(word), words.health(of.state), Span(" "))
    lines = wrapped(found, screen, first=first)
    if of.advice:
        lines += wrapped(of.advice, screen, first=" " * (WIDTH + 2))
    return lines
