"""One health check as lines: what was found, and what to do about it."""

from __future__ import annotations

from gitexp.health import Health
from gitexp.render import words
from gitexp.render.labels import WIDTH, label
from gitexp.render.screen import Line, Screen, Span, wrapped


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
