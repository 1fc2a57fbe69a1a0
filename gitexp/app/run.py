"""Running trials: block after block, each trial durable before the next one starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from gitexp.app.analyze import settle, view_of
from gitexp.app.intake import take_in
from gitexp.app.load import Loaded, load
from gitexp.app.preflight import blame, missing_in_control, refuse_to_run
from gitexp.app.rig import Rig, open_rig
from gitexp.app.verdict_cache import keep_verdict
from gitexp.app.views import AnalysisView, LookTaken, RunEnded, RunMessage, RunStarted, TrialDone
from gitexp.blocks import Block
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment, fold
from gitexp.model import (
    Evidence,
    ExperimentId,
    Outcome,
    PlanBody,
    Record,
    Revision,
    State,
    Trial,
    Verdict,
)
from gitexp.runner.environment import host
from gitexp.runner.process import CannotStart
from gitexp.runner.timing_lock import timing_lock
from gitexp.store.store import Store

MAX_VOIDS = 10
"""Attempts of one block that the command may declare void before the run stops."""
MAX_BOTH_FAILED = 3
"""Blocks in a row in which both arms fail before the run stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Attributes:
    blocks: Run exactly so many, even past the decision; None: until decided or used up.
    allow_shared: Go on although both arms may run the same code.
    """

    blocks: int | None = None
    allow_shared: bool = False


def run(store: Store, exp: ExperimentId, options: RunOptions) -> Iterator[RunMessage]:
    """Run blocks and tell of each trial once it is durable.

    Raises:
        Refused: when nothing may or can be run; nothing was recorded then.
    """
    with timing_lock(store.git.common_dir):
        yield from _Run(store, take_in(store, load(store, exp)), options).messages()


class _Run:
    """One `run`: the evidence is read once and grows in memory with what is recorded."""

    def __init__(self, store: Store, loaded: Loaded, options: RunOptions) -> None:
        self._store = store
        self._loaded = loaded
        self._options = options
        self._experiment = loaded.experiment
        self._comparison = loaded.compared()
        self._new: list[Record] = []
        self._started = time.monotonic()
        self._blocks_run = 0
        self._block_s: list[float] = []

    @property
    def _revision(self) -> Revision:
        return self._comparison.revision

    def messages(self) -> Iterator[RunMessage]:
        view = view_of(self._experiment, self._comparison, self._loaded)
        settled = self._settle(view)
        reason = self._why_stop(settled)
        if reason is not None:
            yield self._ended(reason)
            return
        warnings = refuse_to_run(self._store, self._loaded, settled.analysis)
        with ExitStack() as stack:
            stack.callback(self._tidy_up)
            rig = stack.enter_context(
                open_rig(
                    self._store,
                    self._experiment,
                    self._comparison,
                    allow_shared=self._options.allow_shared,
                )
            )
            yield RunStarted(
                experiment=self._experiment,
                comparison=self._comparison,
                host=host(),
                blocks_done=settled.analysis.blocks.complete,
                blocks_left=self._blocks_left(settled),
                warm_up=self._experiment.plan.warm_up,
                warnings=(*warnings, *rig.warnings),
            )
            yield from self._warm_up(rig)
            yield from self._blocks(rig, settled)

    def _tidy_up(self) -> None:
        self._store.flush()
        self._store.maintain()

    def _blocks(self, rig: Rig, view: AnalysisView) -> Iterator[RunMessage]:
        failed_in_a_row = 0
        reason: str | None = None
        while reason is None:
            began = time.monotonic()
            yield from self._one_block(rig, view)
            self._block_s.append(time.monotonic() - began)
            self._blocks_run += 1
            view = self._settle(self._view())
            yield LookTaken(
                view=view, blocks_left=self._blocks_left(view), at_most_s=self._at_most(view)
            )
            failed_in_a_row = failed_in_a_row + 1 if self._last_failed() else 0
            reason = self._why_stop(view)
            if reason is None and failed_in_a_row == MAX_BOTH_FAILED:
                raise Refused(
                    f"both arms failed in {MAX_BOTH_FAILED} blocks in a row; they are recorded",
                    hint=f"git exp log {self._experiment.id} shows how they ended",
                    code="both-failed",
                )
        yield self._ended(reason)

    def _one_block(self, rig: Rig, view: AnalysisView) -> Iterator[RunMessage]:
        """The next block until both its trials have ended; voids are run again."""
        for _ in range(MAX_VOIDS):
            number, attempt, done = self._next_slot()
            outcomes = []
            for slot, arm in enumerate(rig.order(number, attempt)):
                if arm in done:
                    continue
                record = rig.trial(arm, block=number, attempt=attempt, slot=slot)
                outcomes.append(self._note(record).outcome)
                yield self._done(record, view)
                if outcomes[-1] is Outcome.VOID:
                    break
            if Outcome.VOID not in outcomes:
                return
        raise Refused(
            f"the command declared {MAX_VOIDS} attempts of one block void (exit 125)",
            hint=f"git exp log {self._experiment.id} shows them; find out why it exits with 125",
            code="all-void",
        )

    def _warm_up(self, rig: Rig) -> Iterator[RunMessage]:
        """Blocks that are recorded and not counted; a failing arm stops the run here."""
        for attempt in range(1, self._experiment.plan.warm_up + 1):
            for slot, arm in enumerate(rig.order(0, attempt)):
                try:
                    record = rig.trial(arm, block=0, attempt=attempt, slot=slot)
                except CannotStart as error:
                    raise (missing_in_control(rig, arm) or error) from error
                trial = self._note(record)
                yield self._done(record, None)
                if trial.outcome in (Outcome.FAILED, Outcome.TIMEOUT):
                    raise blame(rig, trial)

    # --- what has been recorded ---------------------------------------------------------------

    def _note(self, record: Record) -> Trial:
        self._new.append(record)
        assert isinstance(record.body, Trial)
        return record.body

    def _view(self) -> AnalysisView:
        return view_of(self._refold(), self._comparison, self._loaded)

    def _refold(self) -> Experiment:
        """The experiment with what was recorded since."""
        old = self._experiment
        if not self._new:
            return old
        evidence = Evidence(
            exp=old.id,
            records=(*old.records, *self._new),
            problems=old.problems,
            tips=old.tips,
        )
        self._new.clear()
        body = PlanBody(plan=old.plan, canonical=old.canonical)
        self._experiment = fold(evidence, body, old.plan_hash)
        return self._experiment

    def _settle(self, view: AnalysisView) -> AnalysisView:
        """Record the decision or expiry if one fell, and show the state after it."""
        if not settle(self._store, view):
            return view
        self._store.flush()
        self._loaded = load(self._store, self._experiment.id)
        self._experiment = self._loaded.experiment
        return view_of(self._experiment, self._comparison, self._loaded)

    def _next_slot(self) -> tuple[int, int, frozenset[str]]:
        """Block, attempt and the arms that have ended in it."""
        own = self._refold().series.get((self._revision, self._store.writer))
        if own is None:
            return 1, 1, frozenset()
        if own.open:
            first = own.open[0]
            return first.number, first.attempt, frozenset(first.done)
        return own.next_number, 1, frozenset()

    def _last_failed(self) -> bool:
        own = self._experiment.series.get((self._revision, self._store.writer))
        blocks: tuple[Block, ...] = own.blocks if own else ()
        return bool(blocks) and not blocks[-1].has_value(self._experiment.plan.primary)

    # --- when to stop -------------------------------------------------------------------------

    def _why_stop(self, view: AnalysisView) -> str | None:
        experiment, blocks = view.experiment, view.analysis.blocks
        if experiment.state is State.EXPIRED:
            return "expired"
        if experiment.state is not State.RUNNING:
            return "ended"
        if self._options.blocks is not None:
            return "blocks" if self._blocks_run >= self._options.blocks else None
        if view.analysis.verdict.is_final:
            exhausted = view.analysis.verdict is Verdict.UNDECIDED
            return "exhausted" if exhausted else "decided"
        if blocks.complete >= blocks.max:
            return "exhausted"
        is_full = blocks.complete + blocks.waiting >= blocks.max
        return "waiting" if is_full and not self._loaded.is_decider else None

    def _blocks_left(self, view: AnalysisView) -> int:
        if self._options.blocks is not None:
            return self._options.blocks - self._blocks_run
        blocks = view.analysis.blocks
        waiting = 0 if self._loaded.is_decider else blocks.waiting
        return max(blocks.max - blocks.complete - waiting, 0)

    def _at_most(self, view: AnalysisView) -> float | None:
        if not self._block_s:
            return None
        return self._blocks_left(view) * sum(self._block_s) / len(self._block_s)

    # --- what is told -------------------------------------------------------------------------

    def _done(self, record: Record, view: AnalysisView | None) -> TrialDone:
        trial = record.body
        assert isinstance(trial, Trial)
        return TrialDone(
            id=record.id,
            arm=trial.arm,
            block=trial.block or 0,
            attempt=trial.attempt,
            slot=trial.slot or 0,
            outcome=trial.outcome,
            exit_code=trial.exit_code,
            metrics=trial.metrics,
            at_most_s=None if view is None else self._at_most(view),
        )

    def _ended(self, reason: str) -> RunEnded:
        """The final state, as any later command will read it, kept for `status`."""
        loaded = load(self._store, self._experiment.id)
        view = view_of(loaded.experiment, self._comparison, loaded)
        keep_verdict(self._store, loaded, view.analysis)
        return RunEnded(
            view=view,
            stopped=reason,
            blocks_run=self._blocks_run,
            elapsed_s=time.monotonic() - self._started,
        )
