"""What a sync does for one experiment once everything is here: admit, judge, recognise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gitexp.app.intake import take_in
from gitexp.app.load import Loaded, load
from gitexp.app.merged import record_if_merged
from gitexp.app.reservations import sweep_all
from gitexp.app.status_row import row_of
from gitexp.app.status_view import StatusRow
from gitexp.app.sync_view import Came, SyncedExperiment
from gitexp.app.verdict_cache import cached_verdict, keep_verdict
from gitexp.app.views import AnalysisView
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, ExperimentId, Record, State, Verdict, WriterId
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An experiment after a sync worked on it.

    Attributes:
        told: What there is to say.
        view: The analysis, when one was needed.
        row: As `status` shows it now.
    """

    told: SyncedExperiment
    loaded: Loaded
    view: AnalysisView | None
    row: StatusRow

    @property
    def is_news(self) -> bool:
        """Whether there is anything to say."""
        told = self.told
        happened = told.decided or told.expired or told.merge
        return bool(told.came or told.taken_in or happened or told.waiting)


def work_on(store: Store, exp: ExperimentId, new: Collection[Record]) -> Outcome:
    """Admit what came, record the decision or merge that follows from it, and say so.

    Args:
        new: Records that this sync brought.

    Raises:
        GitexpError: if the experiment cannot be read.
    """
    loaded = load(store, exp)
    before = loaded.experiment
    if sweep_all(store, before):
        loaded = load(store, exp)
    waiting = _waiting(loaded)
    loaded = take_in(store, loaded)
    taken_in = _fewer(waiting, _waiting(loaded))
    view: AnalysisView | None = None
    if _is_due(store, loaded):
        # analysing needs scipy: only the deciding clone does, and only with something to decide
        from gitexp.app.judge import judge

        judged = judge(store, exp)
        loaded, view = judged.loaded, judged.view
        keep_verdict(store, loaded, view.analysis)
    promoted = record_if_merged(store, loaded)
    if promoted is not None:
        loaded = load(store, exp)
    row = row_of(store, loaded)
    after = loaded.experiment
    return Outcome(
        told=SyncedExperiment(
            id=exp,
            state=after.state,
            verdict=row.verdict,
            came=_came(after, new),
            taken_in=taken_in,
            decided=_fallen(before, loaded),
            expired=before.expired is None and after.expired is not None and loaded.is_decider,
            merge=None if promoted is None else promoted.merge,
            waiting=_waiting(loaded) if after.state is State.RUNNING else {},
            decider=after.decider,
            is_decider=loaded.is_decider,
            problems=after.problems,
        ),
        loaded=loaded,
        view=view,
        row=row,
    )


def _waiting(loaded: Loaded) -> dict[WriterId, int]:
    if loaded.comparison is None:
        return {}
    return loaded.experiment.waiting(loaded.comparison.revision)


def _fewer(before: Mapping[WriterId, int], after: Mapping[WriterId, int]) -> dict[WriterId, int]:
    counts = {writer: count - after.get(writer, 0) for writer, count in before.items()}
    return {writer: count for writer, count in counts.items() if count > 0}


def _is_due(store: Store, loaded: Loaded) -> bool:
    """Whether this clone decides and its records could hold a verdict nobody recorded yet."""
    experiment, comparison = loaded.experiment, loaded.comparison
    if not loaded.is_decider or comparison is None or experiment.state is not State.RUNNING:
        return False
    if comparison.revision in experiment.decisions or experiment.expired is not None:
        return False
    if datetime.now(UTC) > experiment.plan.expires:
        return True
    if not experiment.counted(comparison.revision):
        return False
    kept = cached_verdict(store, loaded)
    return kept is None or kept.verdict.is_final


def _came(experiment: Experiment, new: Collection[Record]) -> dict[WriterId, Came]:
    ids = {record.id for record in new}
    blocks: dict[WriterId, int] = {}
    for (_, writer), series in experiment.series.items():
        complete = (*series.blocks, *series.held_back)
        count = sum(block.completed.id in ids for block in complete)
        blocks[writer] = blocks.get(writer, 0) + count
    records: dict[WriterId, int] = {}
    for record in new:
        records[record.writer] = records.get(record.writer, 0) + 1
    return {
        writer: Came(records=count, blocks=blocks.get(writer, 0))
        for writer, count in sorted(records.items())
    }


def _fallen(before: Experiment, loaded: Loaded) -> Verdict | None:
    """The decision of the present revision, if this clone recorded it just now."""
    if loaded.comparison is None or not loaded.is_decider:
        return None
    revision = loaded.comparison.revision
    record = loaded.experiment.decisions.get(revision)
    if record is None or revision in before.decisions or not isinstance(record.body, Decided):
        return None
    return record.body.verdict
