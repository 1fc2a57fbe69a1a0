"""What `auto` did: a line for each experiment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace

from gitexp.app.auto_view import AutoView, Managed
from gitexp.render import words
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

_ENDLESS = 100_000
"""Cells: what goes into a file or a log keeps one line for each experiment."""
_NARROW = 60
_VERDICT = 13
"""Cells of the widest verdict with its glyph, and a blank."""


def managed_lines(managed: Managed, ids: Collection[str], screen: Screen) -> list[Line]:
    """The line of one experiment, wrapped only where somebody reads it.

    Args:
        ids: Those of all lines, to align with.
    """
    width = min(max(map(len, ids), default=0), 24)
    verdict = _verdict(managed, screen)
    blank = " " * max(_VERDICT - screen.cells(verdict), 1)
    first = (Span(f"{managed.id:<{width}}  ", Style.STRONG), verdict, Span(blank))
    if not screen.is_read:
        return wrapped(_told(managed), replace(screen, width=_ENDLESS), first=first)
    if screen.width < _NARROW:
        return [first, *wrapped(_told(managed), screen, first=" " * 4)]
    return wrapped(_told(managed), screen, first=first)


def auto_page(view: AutoView, screen: Screen) -> list[Line]:
    """The lines of all of them."""
    if not view.experiments:
        return [line("no experiment is running")]
    ids = [managed.id for managed in view.experiments]
    return [part for managed in view.experiments for part in managed_lines(managed, ids, screen)]


def auto_values(view: AutoView) -> dict[str, object]:
    """The document of `auto --json`."""
    return {
        "dry_run": view.is_dry_run,
        "experiments": [_values(managed) for managed in view.experiments],
    }


def _verdict(managed: Managed, screen: Screen) -> Span:
    if managed.verdict is None:
        return Span("error", Style.BAD)
    return words.verdict(managed.verdict, screen)


def _told(managed: Managed) -> str:
    if managed.trouble is not None:
        return f"{managed.reason}; {managed.trouble.hint}"
    parts = [managed.reason]
    if managed.undo is not None:
        parts.append(f"undo: {managed.undo}")
    elif managed.next:
        parts.append(f"next: {managed.next[0]}")
    return "; ".join(parts)


def _values(managed: Managed) -> dict[str, object]:
    trouble = managed.trouble
    return {
        "id": managed.id,
        "verdict": managed.verdict,
        "state": managed.state,
        "action": managed.action,
        "done": managed.done,
        "reason": managed.reason,
        "next": managed.next,
        "undo": managed.undo,
        "blocks_run": managed.blocks_run,
        "stopped": managed.stopped,
        "error": None if trouble is None else asdict(trouble),
    }
