"""Trials as a table: CSV with a header, or one JSON object a line. `git exp import` reads both.

A trial is one row: `COLUMNS`, then its metrics in the plan's units; what is not known is empty, or
absent. A metric that is called like a column stands under `metric.NAME`.

Spreadsheets take a cell that begins with '=', '+', '-' or '@' for a formula, and a trial's name may
come from anybody. So in CSV, texts that begin like that get an apostrophe in front, as spreadsheets
themselves write them, and control characters are spelled out; numbers stay as they are. JSONL has
every text exactly.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from gitexp.app.export import ExportedTrial, ExportView
from gitexp.codec.fields import format_time
from gitexp.render.text import clean

COLUMNS = (
    "trial_id",
    "exp",
    "arm",
    "block",
    "case",
    "outcome",
    "at",
    "host",
    "commit",
    "writer",
    "marks",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float | None


def csv_lines(view: ExportView) -> Iterator[str]:
    """The table with its header; lines end in a newline alone."""
    names = [*view.metric_names]
    names += _window_names(view, known=frozenset(names))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_harmless(name) for name in (*COLUMNS, *map(_column, names))])
    for trial in _trials(view):
        row = _row(trial)
        cells = [row[column] for column in COLUMNS]
        values = _values(trial)
        writer.writerow([*map(_harmless, cells), *(values.get(name) for name in names)])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def jsonl_lines(view: ExportView) -> Iterator[str]:
    """One object a trial."""
    for trial in _trials(view):
        known = {name: cell for name, cell in _row(trial).items() if cell not in (None, "")}
        values = {_column(name): value for name, value in _values(trial).items()}
        yield json.dumps({**known, **values}, allow_nan=False) + "\n"


def _trials(view: ExportView) -> Iterator[ExportedTrial]:
    for exported in view.experiments:
        yield from exported.trials


def _window_names(view: ExportView, *, known: frozenset[str]) -> list[str]:
    """What windows have besides the means of their metrics."""
    names = dict.fromkeys(name for trial in _trials(view) for name in _values(trial))
    return [name for name in names if name not in known]


def _values(exported: ExportedTrial) -> dict[str, float]:
    """Its metrics; of a window how many uses it was, how many failed, and how they scattered."""
    window, metrics = exported.run.trial.window, exported.metrics
    if window is None or not metrics:
        return metrics
    variances = {f"{metric}.variance": value for metric, value in window.variances.items()}
    return {**metrics, **variances, "count": window.count, "failures": window.failures}


def _row(exported: ExportedTrial) -> dict[str, Cell]:
    record, trial = exported.run.record, exported.run.trial
    return {
        "trial_id": trial.trial_id or record.id,
        "exp": record.exp,
        "arm": trial.arm.value,
        "block": trial.block,
        "case": trial.case,
        "outcome": trial.outcome.value,
        "at": format_time(record.at),
        "host": trial.host,
        "commit": trial.commit,
        "writer": record.writer,
        "marks": " ".join(exported.marks),
    }


def _column(metric: str) -> str:
    return f"metric.{metric}" if metric in COLUMNS else metric


def _harmless(cell: Cell) -> Cell:
    """The cell; a text that a spreadsheet would compute, or a terminal obey, as a text."""
    if not isinstance(cell, str):
        return cell
    return f"'{clean(cell)}" if cell.startswith(_FORMULA) else clean(cell)
