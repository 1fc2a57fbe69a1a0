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
    names = view.metric_names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_harmless(name) for name in (*COLUMNS, *map(_column, names))])
    for trial in _trials(view):
        row = _row(trial)
        cells = [row[column] for column in COLUMNS]
        writer.writerow([*map(_harmless, cells), *(trial.metrics.get(name) for name in names)])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def jsonl_lines(view: ExportView) -> Iterator[str]:
    """One object a trial."""
    for trial in _trials(view):
        known = {name: cell for name, cell in _row(trial).items() if cell not in (None, "")}
        values = {_column(name): value for name, value in trial.metrics.items()}
        yield json.dumps({**known, **values}, allow_nan=False) + "\n"


def _trials(view: ExportView) -> Iterator[ExportedTrial]:
    for exported in view.experiments:
        yield from exported.trials


def _row(exported: ExportedTrial) -> dict[str, Cell]:
    record, trial = exported.run.record, exported.run.trial
    return {
        "trial_id": trial.trial_id or record.id,
        "exp": record.exp,
        "arm": trial.arm.value,
        "block": trial.block,
        "case": getattr(trial, "case", None),
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
