"""What other programs get: records, trials and, where it is asked for, the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.app.load import load
from gitexp.app.show import entries_of
from gitexp.app.views import AnalysisView, LogEntry
from gitexp.blocks import RunTrial
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Metric
from gitexp.store.store import Store

NOT_DATA = frozenset({"warm-up", "void", "superseded", "retracted", "late"})
"""Marks of trials that are in the records and can be part of no analysis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTrial:
    """One trial with its later values.

    Attributes:
        marks: As in `log`, what keeps it from counting so far.
        metrics: Nothing where the plan keeps values from those who run it until it has ended.
    """

    run: RunTrial
    marks: tuple[str, ...]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One experiment.

    Attributes:
        entries: All its records, oldest first.
        trials: Those that are data, oldest first.
        analysis: None where it was not asked for, or nothing can be compared.
        hides_values: Whether values are held back.
    """

    experiment: Experiment
    entries: tuple[LogEntry, ...]
    trials: tuple[ExportedTrial, ...]
    analysis: AnalysisView | None
    hides_values: bool

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of the plan that have a value, in its order."""
        known = {name for trial in self.trials for name in trial.metrics}
        return tuple(metric for metric in self.experiment.plan.declared if metric.name in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    experiments: tuple[Exported, ...]

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Of all values: first those of the plans, then the others by name."""
        planned = [m.name for found in self.experiments for m in found.metrics]
        names = {
            name for found in self.experiments for trial in found.trials for name in trial.metrics
        }
        first = tuple(dict.fromkeys(planned))
        return first + tuple(sorted(names - {*first}))


def export(store: Store, experiments: Sequence[ExperimentId], *, is_analysed: bool) -> ExportView:
    """These experiments, each once, in this order."""
    ids = dict.fromkeys(experiments)
    return ExportView(
        experiments=tuple(_exported(store, exp, is_analysed=is_analysed) for exp in ids)
    )


def _exported(store: Store, exp: ExperimentId, *, is_analysed: bool) -> Exported:
    loaded = load(store, exp)
    experiment = loaded.experiment
    entries = entries_of(store, experiment)
    by_id = {entry.record.id: entry for entry in entries}
    trials = tuple(
        ExportedTrial(
            run=run,
            marks=by_id[run.record.id].marks,
            metrics={} if by_id[run.record.id].hides_values else dict(run.metrics),
        )
        for run in experiment.trials
        if NOT_DATA.isdisjoint(by_id[run.record.id].marks)
    )
    analysis = None
    if is_analysed and loaded.comparison is not None:
        from gitexp.app.analyze import view_of

        analysis = view_of(experiment, loaded.comparison, loaded)
    return Exported(
        experiment=experiment,
        entries=entries,
        trials=trials,
        analysis=analysis,
        hides_values=any(entry.hides_values for entry in entries),
    )
