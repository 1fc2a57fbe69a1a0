"""Lines that begin with a word for what follows: 'next', 'health', 'plan' …"""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

WIDTH = 11


def label(word: str) -> Span:
    return Span(f"{word:<{WIDTH}}", Style.MUTED)


def heading(exp: str, name: str, state: Line, screen: Screen) -> list[Line]:
    """An experiment's first line: its branch, its name if that says more, and where it stands."""
    start = line(Span(f"exp/{exp}", Style.STRONG))
    lines = wrapped(name, screen, first=(*start, Span("   "))) if name != exp else [start]
    if not state:
        return lines
    end = (Span("   "), *state)
    if screen.cells(*lines[-1], *end) > screen.width:
        return [*lines, end]
    return [*lines[:-1], (*lines[-1], *end)]


def labelled(word: str, lines: Iterable[Line]) -> list[Line]:
    """The lines with the word before the first, the others aligned below."""
    return [line(label(word if at == 0 else ""), *parts) for at, parts in enumerate(lines)]


def told(word: str, text: str, screen: Screen) -> list[Line]:
    """A labelled text, wrapped; nothing when there is none."""
    return wrapped(text, screen, first=label(word)) if text.strip() else []


def commands(word: str, what: Iterable[str]) -> list[Line]:
    """Commands to type: never wrapped, so that they can be copied."""
    return labelled(word, (line(Span(command, Style.STRONG)) for command in what))
