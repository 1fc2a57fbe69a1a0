"""Figures, their bounds, and the tables of docs/statistics.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, its bound and what the naive procedure gives on the same data.

    Attributes:
        se: Monte-Carlo standard error; None for a figure that is computed.
        bound: None for a figure that is only told.
        is_upper: Whether the bound is one the figure must not exceed.
    """

    what: str
    figure: float
    se: float | None
    bound: float | None
    is_upper: bool = True
    naive: float | None = None
    naive_is: str = ""

    @property
    def holds(self) -> bool:
        if self.bound is None:
            return True
        slack = 2.0 * (self.se or 0.0)
        if self.is_upper:
            return self.figure - slack <= self.bound
        return self.figure + slack >= self.bound


def share(count: int, of: int) -> tuple[float, float]:
    """A rate and its binomial standard error."""
    rate = count / of
    return rate, math.sqrt(rate * (1.0 - rate) / of)


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| figure | measured (± se) | bound | holds | naive | the naive way |",
        "|---|---:|---:|---|---:|---|",
    ]
    for row in rows:
        sign = "≤" if row.is_upper else "≥"
        bound = "" if row.bound is None else f"{sign} {row.bound:.3f}"
        holds = "" if row.bound is None else "yes" if row.holds else "**no**"
        if row.se is None:
            measured = f"{row.figure:.5f} exact"
        else:
            measured = f"{row.figure:.4f} ± {row.se:.4f}"
        naive = "" if row.naive is None else f"{row.naive:.3f}"
        lines.append(f"| {row.what} | {measured} | {bound} | {holds} | {naive} | {row.naive_is} |")
    return "\n".join(lines)


def write(name: str, content: str) -> None:
    """Put the content into the page, between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = PAGE.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    PAGE.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")
