"""Lines of styled text, and what a terminal can show of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from gitexp.render.text import cells, clean


class Style(StrEnum):
    """What a piece of text means; the values are the colours' SGR parameters."""

    PLAIN = ""
    STRONG = "1"
    MUTED = "2"
    GOOD = "32"
    BAD = "31"
    WARN = "33"
    INFO = "36"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line; its text may come from anywhere and is cleaned when it is printed."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """The parts side by side."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


_ASCII = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "—": "-",
        "…": "...",
        "→": "->",
        "↓": "v",
        "↑": "^",
        "±": "+/-",
        "≤": "<=",
        "≥": ">=",
        "×": "x",
        "µ": "u",
        "α": "alpha",
        "·": ".",
        "✓": "+",
        "✗": "-",
        "∅": "x",
        "├": "|",
        "┤": "|",
        "─": "-",
        "│": ":",
        "●": "o",
        "█": "#",
        **dict.fromkeys("▉▊▋▌▍▎▏", "-"),
        **dict.fromkeys("“”„", '"'),
        **dict.fromkeys("‘’", "'"),
    }
)


@dataclass(frozen=True)
class Screen:
    """What can be shown: how wide, in which encoding, and whether in colour.

    Attributes:
        is_read: Somebody reads along; what goes into a file or a pipe need not fit.

    >>> Screen(width=80, encoding="ascii").text([line("size −5%", Span("  ✓ ok", Style.GOOD))])
    'size -5%  + ok\\n'
    """

    width: int = 80
    colour: bool = False
    encoding: str = "utf-8"
    is_read: bool = True

    @cached_property
    def is_unicode(self) -> bool:
        """Whether all our own glyphs can be shown."""
        try:
            "−…→✓✗∅├┤─│●█▏·".encode(self.encoding)
        except (UnicodeError, LookupError):
            return False
        return True

    def narrower(self, by: int) -> Screen:
        """The same with less room, for what is then put beside something."""
        return replace(self, width=self.width - by)

    def plain(self, text: str) -> str:
        """The text as it will be seen here: clean, with what the encoding lacks replaced."""
        safe = clean(text)
        if self.is_unicode or safe.isascii():
            return safe
        try:
            return (
                safe.translate(_ASCII)
                .encode(self.encoding, "backslashreplace")
                .decode(self.encoding)
            )
        except (UnicodeError, LookupError):
            return safe.translate(_ASCII).encode("ascii", "backslashreplace").decode()

    def cells(self, *parts: str | Span) -> int:
        """How wide the parts will be."""
        return sum(cells(self.plain(p.text if isinstance(p, Span) else p)) for p in parts)

    def text(self, lines: Iterable[Line]) -> str:
        """The lines as they are printed, each ended."""
        return "".join(f"{self._line(parts)}\n" for parts in lines)

    def _line(self, parts: Line) -> str:
        shown = [(self.plain(part.text), part.style) for part in parts]
        # nobody wants blanks at a line's end
        while shown and not (shown[-1][0].strip() and shown[-1][0] == shown[-1][0].rstrip()):
            text, style = shown.pop()
            if text.strip():
                shown.append((text.rstrip(), style))
        return "".join(self._paint(text, style) for text, style in shown)

    def _paint(self, text: str, style: Style) -> str:
        if not self.colour or style is Style.PLAIN or not text.strip():
            return text
        return f"\x1b[{style}m{text}\x1b[m"


def wrapped(
    text: str, screen: Screen, *, first: str | Span | Line = "", indent: int | None = None
) -> list[Line]:
    """The text in lines that fit, words kept whole; the first line starts with `first`.

    Args:
        indent: Of the other lines; None: the width of `first`.
    """
    start = first if isinstance(first, tuple) else line(first)
    taken = screen.cells(*start)
    margin = taken if indent is None else indent
    rows: list[str] = []
    for word in screen.plain(text).split():
        room = max(screen.width - (margin if len(rows) > 1 else taken), 20)
        if rows and cells(rows[-1]) + 1 + cells(word) <= room:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    if not rows:
        return [start]
    return [line(*start, rows[0]), *(line(" " * margin, row) for row in rows[1:])]
