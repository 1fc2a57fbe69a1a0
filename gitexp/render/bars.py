"""Bars drawn in characters: how far, and where an interval lies."""

from __future__ import annotations

import math

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def progress_bar(done: float, total: float, width: int) -> str:
    """A bar in eighths of a cell, always `width` wide.

    >>> progress_bar(23, 60, 16)
    '██████▏·········'
    """
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    eighths = round(share * width * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (_EIGHTHS[part] if part else "")
    return bar + "·" * (width - len(bar))


def interval_bar(
    low: float, high: float, estimate: float | None, *, reach: float, width: int
) -> str:
    """The interval on an axis from -reach to +reach, with a line at zero.

    Ends that lie beyond the axis, unbounded ones among them, are left open.

    >>> interval_bar(-0.113, -0.006, -0.061, reach=0.12, width=25)
    '·├────●────┤│············'
    >>> interval_bar(-math.inf, 0.02, None, reach=0.12, width=25)
    '────────────│─┤··········'
    """

    def column(value: float) -> int:
        return round((min(max(value, -reach), reach) + reach) / (2 * reach) * (width - 1))

    bar = ["·"] * width
    bar[column(0.0)] = "│"
    start, end = column(low), column(high)
    for position in range(start, end + 1):
        if bar[position] != "│":
            bar[position] = "─"
    if low >= -reach:
        bar[start] = "├"
    if high <= reach:
        bar[end] = "┤"
    if estimate is not None and math.isfinite(estimate) and abs(estimate) <= reach:
        bar[column(estimate)] = "●"
    return "".join(bar)


def reach_of(*values: float | None) -> float:
    """A round number that all finite ones among the values stay within.

    >>> reach_of(-0.061, 0.113, math.inf)
    0.2
    """
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    if largest == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    step = next(step for step in (1, 2, 5, 10) if step * power >= largest * (1 - 1e-12))
    return float(f"{step * power:.12g}")
