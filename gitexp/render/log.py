"""The records of an experiment, one a line."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import replace
from typing import assert_never

from gitexp.app.views import LogEntry, LogView
from gitexp.blocks import RunTrial
from gitexp.model import (
    Abandoned,
    Body,
    Created,
    Decided,
    Environment,
    Expired,
    Handover,
    Intake,
    Metric,
    Observation,
    Oid,
    Outcome,
    Overridden,
    PlanBody,
    Promoted,
    RecordId,
    Restored,
    Retraction,
    RolledBack,
    Trial,
    Unknown,
    Verdict,
)
from gitexp.refs import short
from gitexp.render import numbers
from gitexp.render.columns import Column, shortened, table
from gitexp.render.labels import told
from gitexp.render.screen import Line, Screen, Span, Style, line


def log_page(view: LogView, screen: Screen) -> list[Line]:
    """The answer of `log`: oldest first, with what became of each trial, then what was left out.

    A file or a pipe gets every line whole.
    """
    runs = {run.record.id: run for run in view.experiment.trials}
    units = {metric.name: metric for metric in view.experiment.plan.declared}
    decided = _decided(view)
    entries = view.entries
    what = [_what(entry, runs, units, decided) for entry in entries]
    whole = screen if screen.is_read else replace(screen, width=sys.maxsize)
    head, *rows = table(
        [
            Column(title="WHEN", rows=[_when(entry) for entry in entries], drop=1),
            Column(title="ID", rows=[entry.record.id for entry in entries], drop=3),
            Column(title="WRITER", rows=[entry.record.writer for entry in entries], drop=4),
            Column(title="", rows=[_marks(entry) for entry in entries], drop=2),
            Column(title="WHAT", rows=what, least=32),
        ],
        whole,
    )
    lines = [head]
    for entry, row in zip(entries, rows, strict=True):
        lines.append(row)
        if entry.tail is not None:
            lines.append(shortened(line("    ", Span(entry.tail, Style.MUTED)), whole.width, whole))
    for problem in view.experiment.problems:
        lines += told("evidence", f"{problem.text} ({problem.where})", whole)
    return lines


def _when(entry: LogEntry) -> Span:
    return Span(f"{entry.record.at:%Y-%m-%d %H:%M}", Style.MUTED)


def _marks(entry: LogEntry) -> Span:
    if isinstance(entry.record.body, Trial) and not entry.marks:
        return Span("used", Style.MUTED)
    return Span(" ".join(entry.marks), Style.WARN)


def _decided(view: LogView) -> frozenset[Oid]:
    """The treatments something was decided of."""
    bodies = (record.body for record in view.experiment.decisions.values())
    return frozenset(body.treatment for body in bodies if isinstance(body, Decided))


def _what(
    entry: LogEntry,
    runs: dict[RecordId, RunTrial],
    units: dict[str, Metric],
    decided: Collection[Oid],
) -> str:
    run = runs.get(entry.record.id)
    body = entry.record.body
    if entry.hides_values:
        units = {}  # no metric has a unit, so none is shown
    if run is not None and isinstance(body, Trial):
        return _trial(body, run, units)
    if isinstance(body, Promoted) and body.recognised is not None and body.tip not in decided:
        return f"{describe(body)}, without a decision"
    if isinstance(body, Observation) and entry.hides_values:
        return f"observation of {body.trial}"
    return describe(body)


def _trial(trial: Trial, run: RunTrial, units: dict[str, Metric]) -> str:
    where = "unpaired" if trial.block is None else f"block {trial.block}"
    if trial.attempt > 1:
        where += f" attempt {trial.attempt}"
    if trial.case is not None:
        where += f" case {trial.case[:40]}"
    parts = [f"{where} {trial.arm}"]
    if trial.outcome is not Outcome.OK:
        told = f" ({trial.exit_code})" if trial.exit_code is not None else ""
        parts.append(f"{trial.outcome}{told}")
    if trial.window is not None:
        uses, failed = trial.window.count, trial.window.failures
        parts.append(
            f"{uses:,} use{'s' * (uses != 1)}" + (f", {failed:,} failed" if failed else "")
        )
    # the outcome says already what `failures` counts
    declared = [name for name in units if name in run.metrics and name != "failures"]
    parts += [
        f"{name} {numbers.quantity(run.metrics[name], units[name].unit)}" for name in declared
    ]
    return "  ".join(parts)


def describe(body: Body) -> str:
    """One line on a record that is no trial of a fold."""
    match body:
        case PlanBody():
            return f"plan {body.plan.id}"
        case Trial():
            return f"trial {body.arm} {body.outcome}"
        case Observation():
            values = ", ".join(f"{n} {numbers.significant(v)}" for n, v in body.metrics.items())
            return f"observation of {body.trial}: {values}"
        case Retraction():
            return f"retraction of {', '.join(body.targets)}: {body.reason}"
        case Environment():
            return f"environment, {numbers.plural(len(body.facts), 'fact')}"
        case Created():
            return f"created, plan commit {body.plan_commit[:7]}"
        case Abandoned():
            return f"block {body.block} abandoned: {body.reason}"
        case Decided():
            blocks = numbers.plural(body.blocks, "block")
            if body.verdict is Verdict.UNDECIDED:
                return f"ended undecided after {blocks}"
            return f"decided {body.verdict} at {blocks}"
        case Intake():
            taken = ", ".join(f"{who} up to {seen.seq}" for who, seen in body.upto.items())
            return f"taken in: {taken}"
        case Handover():
            return f"handed over from {body.predecessor} to {body.to}"
        case Expired():
            return f"expired, {body.verdict}"
        case Promoted():
            why = f", override: {body.override}" if body.override else ""
            how = f" ({body.recognised} elsewhere)" if body.recognised else ""
            return f"promoted to {short(body.target)} as {body.merge[:7]}{how}{why}"
        case Overridden():
            return f"override for {body.merge[:7]}: {body.reason}"
        case RolledBack():
            how = f"reverted by {body.revert[:7]}" if body.revert else "branch deleted"
            return f"rolled back, {how}: {body.reason}"
        case Restored():
            return f"restored at {body.tip[:7]}"
        case Unknown():
            return f"{body.kind}, version {body.version}: not known to this program"
        case _:
            assert_never(body)
