"""What an analysis shows beside the verdict: secondary and watched metrics, and the impact."""

from __future__ import annotations

import math

from gitexp.decision import Analysis, WatchResult
from gitexp.render import numbers, words
from gitexp.render.columns import Column, table
from gitexp.render.labels import told
from gitexp.render.screen import Line, Screen, Span, Style, line


def secondary_table(analysis: Analysis, screen: Screen) -> list[Line]:
    """Secondary metrics, their p-values adjusted for their number."""
    found = analysis.secondary
    if not found:
        return []
    changes = [words.change_and_interval(s.result) for s in found]
    rows = table(
        [
            Column(title="SECONDARY", rows=[words.metric(s.result.metric) for s in found]),
            Column(
                title="CONTROL",
                rows=[words.middle(s.result.control, s.result.metric) for s in found],
                drop=4,
            ),
            Column(
                title="TREATMENT",
                rows=[words.middle(s.result.treatment, s.result.metric) for s in found],
                drop=4,
            ),
            Column(title="CHANGE", rows=[change for change, _ in changes], is_right=True),
            Column(title="INTERVAL", rows=[ends for _, ends in changes], drop=2),
            Column(title="ADJUSTED", rows=[numbers.p_value(s.adjusted_p) for s in found], drop=1),
        ],
        screen,
    )
    return [line(), *rows]


def watched_table(analysis: Analysis, screen: Screen) -> list[Line]:
    """Watched metrics, each beside its floor."""
    found = analysis.watches
    if not found:
        return []
    rows = table(
        [
            Column(title="WATCHED", rows=[words.metric(w.metric) for w in found]),
            Column(
                title="CONTROL", rows=[numbers.quantity(w.control, w.metric.unit) for w in found]
            ),
            Column(
                title="TREATMENT",
                rows=[numbers.quantity(w.treatment, w.metric.unit) for w in found],
            ),
            Column(title="FLOOR", rows=[_floor(w) for w in found], drop=1),
            Column(title="", rows=[_beyond(w) for w in found]),
        ],
        screen,
    )
    return [line(), *rows]


def _floor(found: WatchResult) -> str:
    return "" if found.floor is None else words.floor(found.metric, found.floor)


def _beyond(found: WatchResult) -> str | Span:
    if found.broken_at is None:
        return "" if found.floor is None else "not shown to be beyond it"
    return Span(f"✗ beyond its floor since block {found.broken_at}", Style.BAD)


def impact_lines(analysis: Analysis, screen: Screen) -> list[Line]:
    """What the change is worth in a month and in a year."""
    found = analysis.impact
    if found is None:
        return []
    month = numbers.total(found.per_month, found.unit)
    text = (
        f"{numbers.total(found.per_use, found.unit)} per use; at "
        f"{numbers.short(found.uses_per_month)} uses a month {month} a month"
    )
    if any(map(math.isfinite, found.interval)):
        low, high = (numbers.total(end, found.unit) for end in found.interval)
        text += f" ({numbers.level(analysis.primary.level)} interval {low} to {high})"
    return told(
        "impact", f"{text}, {numbers.total(12 * found.per_month, found.unit)} a year", screen
    )
