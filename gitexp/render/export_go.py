"""Trials in the Go benchmark format, one line each: what benchstat reads.

`benchstat -col /arm FILE` compares the arms. The format is that of
https://go.dev/design/14313-benchmark-format: a name, a count, and values with units, where
sub-names `/key=value` are the configuration. It has no word for a trial that failed: those are
left out. The count is that of a window's uses, else 1.

The primary metric has Go's own unit where it is a time or a size (sec/op, B/op); in any other
metric's unit its name comes first, since a line has one value of each unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gitexp.app.export import Exported, ExportView
from gitexp.model import Metric, Outcome
from gitexp.render.text import clean

_PER_USE = {"s": "sec/op", "B": "B/op"}


def go_lines(view: ExportView) -> Iterator[str]:
    """The file, experiment after experiment."""
    said: set[str] = set()
    for exported in view.experiments:
        units = _units(exported.experiment.plan.primary, exported.metrics)
        for metric, unit in units:
            if unit not in said:
                said.add(unit)
                yield f"Unit {unit} better={metric.direction}\n"
        yield from _benchmarks(exported, units)


def _benchmarks(exported: Exported, units: list[tuple[Metric, str]]) -> Iterator[str]:
    host = None
    for trial in exported.trials:
        values = [(trial.run.value(metric), unit) for metric, unit in units]
        told = [f"{value!r} {unit}" for value, unit in values if value is not None]
        if trial.run.trial.outcome is not Outcome.OK or not told or not trial.metrics:
            continue
        if trial.run.trial.host != host:
            host = trial.run.trial.host
            yield f"host: {_word(host)}\n"
        name = f"BenchmarkTrial/exp={exported.experiment.id}/arm={trial.run.trial.arm}"
        uses = 1 if trial.run.trial.window is None else trial.run.trial.window.count
        yield "\t".join([name, str(uses), *told]) + "\n"


def _units(primary: Metric, metrics: Iterable[Metric]) -> list[tuple[Metric, str]]:
    """What each metric's values are called; `failures` is the same in all trials that are told."""
    found: dict[str, Metric] = {}
    for metric in metrics:
        if metric.name != "failures":
            unit = _unit(metric, is_primary=metric == primary)
            while unit in found:  # a metric may be called 'sec/op' itself
                unit = f"metric-{unit}"
            found[unit] = metric
    return [(metric, unit) for unit, metric in found.items()]


def _unit(metric: Metric, *, is_primary: bool) -> str:
    per_use = _PER_USE.get(metric.unit or "")
    name = _word(metric.name)
    if per_use is None:
        return name
    return per_use if is_primary else f"{name}-{per_use}"


def _word(text: str) -> str:
    """The text without white space, which ends a field."""
    return re.sub(r"\s+", "_", clean(text).strip()) or "_"
