"""Lines that begin with a word for what follows: 'next', 'health', 'plan' …"""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

WIDTH = 10


def label(word: str) -> Span:
    return Span(f"{word:<{WIDTH}}", Style.MUTED)


def labelled(word: str, lines: Iterable[Line]) -> list[Line]:
    """The lines with the word before the first, the others aligned below."""
    return [line(label(word if at == 0 else ""), *parts) for at, parts in enumerate(lines)]


def told(word: str, text: str, screen: Screen) -> list[Line]:
    """A labelled text, wrapped; nothing when there is none."""
    return wrapped(text, screen, first=label(word)) if text.strip() else []


def commands(word: str, what: Iterable[str]) -> list[Line]:
    """Commands to type: never wrapped, so that they can be copied."""
    return labelled(word, (line(Span(command, Style.STRONG)) for command in what))
