r"""`status --porcelain=v1`: lines for scripts that never change their form.

One line per experiment and per foreign branch, ended by a newline (with -z by a NUL). Fields are
separated by one space; '-' stands for what is not known or not there. Nothing is rounded, and
neither configuration nor language nor width has an effect.

    exp ID STATE VERDICT CURRENT CONTROL TREATMENT COMPLETE MAX SCALE CHANGE LOW HIGH \
        DIRECTION METRIC
    foreign BRANCH

CURRENT is '*' for the branch checked out here, else '-'. CONTROL and TREATMENT are full commit
ids. COMPLETE and MAX count blocks. On the SCALE 'log' CHANGE and the ends LOW and HIGH of the
interval are fractions, on 'difference' in metric units; an unbounded end is '-inf' or 'inf'; both
ends are '-' while the experiment was not analysed, and CHANGE then is the plain median. METRIC
comes last since its name may hold spaces.
"""

from __future__ import annotations

import math

from gitexp.app.status_view import StatusRow, StatusView
from gitexp.render.text import clean


def porcelain(view: StatusView, *, nul: bool) -> str:
    """The lines, each ended."""
    end = "\0" if nul else "\n"
    lines = [_experiment(row) for row in view.rows]
    lines += [f"foreign {clean(branch)}" for branch in view.foreign]
    return "".join(f"{text}{end}" for text in lines)


def _experiment(row: StatusRow) -> str:
    low, high = row.estimate.interval or (None, None)
    fields = [
        "exp",
        row.id,
        row.state,
        row.verdict,
        "*" if row.is_current else "-",
        row.control or "-",
        row.treatment or "-",
        str(row.complete),
        str(row.max_blocks),
        row.scale,
        _number(row.estimate.change),
        _number(low),
        _number(high),
        row.metric.direction,
        clean(row.metric.name),
    ]
    return " ".join(fields)


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else repr(float(value))
