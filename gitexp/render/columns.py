"""Tables that fit: columns are aligned, and the least needed give way on a narrow screen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.render.numbers import UNKNOWN
from gitexp.render.screen import Line, Screen, Span, Style, line
from gitexp.render.text import cells

GAP = 2
_SHORTEST = 8
"""Cells a shortened column keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        drop: The columns with the highest are left out first; 0 is never left out.
        least: May be shortened to so many cells before the columns it is dearer than go.
        after: The columns with this `drop` or a higher one go before it is shortened.
    """

    title: str
    rows: Sequence[str | Span | Line]
    is_right: bool = False
    drop: int = 0
    least: int | None = None
    after: int = sys.maxsize


def table(columns: Sequence[Column], screen: Screen, *, indent: int = 0) -> list[Line]:
    """The columns side by side under their titles; columns that say nothing are left out."""
    kept = [column for column in columns if any(_says_something(cell) for cell in column.rows)]
    widths = {id(column): _width(column, screen) for column in kept}

    def least(column: Column) -> int:
        width = widths[id(column)]
        if column.least is None or any(other.drop >= column.after for other in kept):
            return width
        return min(column.least, width)

    def excess(*, at_least: bool) -> int:
        taken = [least(column) if at_least else widths[id(column)] for column in kept]
        return sum(taken) + GAP * (len(kept) - 1) + indent - screen.width

    while excess(at_least=True) > 0 and any(column.drop for column in kept):
        # control without treatment would say less than neither
        least_needed = max(column.drop for column in kept)
        kept = [column for column in kept if column.drop != least_needed]
    for column in sorted(kept, key=lambda c: (c.least is None, -widths[id(c)])):
        narrower = widths[id(column)] - max(excess(at_least=False), 0)
        widths[id(column)] = max(narrower, min(column.least or _SHORTEST, widths[id(column)]))
    count = max((len(column.rows) for column in kept), default=0)
    titles = [(column, Span(column.title, Style.MUTED)) for column in kept]
    heads = [_row(titles, widths, screen, indent)] if any(c.title for c in kept) else []
    return [
        *heads,
        *(_row([(c, c.rows[at]) for c in kept], widths, screen, indent) for at in range(count)),
    ]


def _row(
    filled: Sequence[tuple[Column, str | Span | Line]],
    widths: dict[int, int],
    screen: Screen,
    indent: int,
) -> Line:
    parts: list[str | Span] = [" " * indent]
    for column, cell in filled:
        width = widths[id(column)]
        shown = shortened(_parts(cell), width, screen)
        blank = " " * (width - screen.cells(*shown))
        parts += [blank, *shown] if column.is_right else [*shown, blank]
        parts.append(" " * GAP)
    return line(*parts)


def shortened(parts: Line, width: int, screen: Screen) -> Line:
    """The parts in at most `width` cells, the end replaced by an ellipsis if need be."""
    if screen.cells(*parts) <= width:
        return parts
    ellipsis = screen.plain("…")
    room = width - cells(ellipsis)
    kept: list[Span] = []
    for part in parts:
        text = ""
        for character in screen.plain(part.text):
            if cells(text + character) > room:
                return (*kept, Span(text + ellipsis, part.style))
            text += character
        room -= cells(text)
        kept.append(Span(text, part.style))
    return tuple(kept)


def _width(column: Column, screen: Screen) -> int:
    return max(screen.cells(column.title), *(screen.cells(*_parts(c)) for c in column.rows))


def _says_something(cell: str | Span | Line) -> bool:
    return "".join(part.text for part in _parts(cell)).strip() not in ("", UNKNOWN)


def _parts(cell: str | Span | Line) -> Line:
    if isinstance(cell, str):
        return line(cell) if cell else ()
    if isinstance(cell, Span):
        return (cell,) if cell.text else ()
    return cell
