"""Running trials: block after block, each trial durable before the next one starts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from gitexp.app.allowance import Allowance, Limits, Reached
from gitexp.app.analyze import settle, view_of
from gitexp.app.answered import Answered, answer_for
from gitexp.app.block_runner import BlockRunner, trial_done
from gitexp.app.intake import take_in
from gitexp.app.load import Loaded, load
from gitexp.app.preflight import refuse_to_run
from gitexp.app.rig import Rig, open_rig
from gitexp.app.verdict_cache import keep_verdict
from gitexp.app.views import AnalysisView, LookTaken, RunEnded, RunMessage, RunStarted, TrialDone
from gitexp.errors import Refused
from gitexp.lifecycle import Experiment
from gitexp.model import (
    ExperimentId,
    Record,
    State,
    Trial,
    Verdict,
)
from gitexp.runner.environment import host
from gitexp.runner.only_one import timing_lock
from gitexp.store.store import Store

MAX_BOTH_FAILED = 3
"""Blocks in a row in which both arms fail before the run stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Attributes:
    blocks: Run exactly so many, even past the decision; None: until decided or used up.
    again: Run although the same two trees were judged in another experiment.
    allow_shared: Go on although both arms may run the same code.
    max_time_s, max_failures, max_cost: What it may use up, asked before every block.
    """

    blocks: int | None = None
    again: bool = False
    allow_shared: bool = False
    max_time_s: float | None = None
    max_failures: int | None = None
    max_cost: tuple[tuple[str, float], ...] = ()

    @property
    def limits(self) -> Limits:
        return Limits(time_s=self.max_time_s, failures=self.max_failures, cost=self.max_cost)


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
        self._comparison = loaded.compared()
        self._runner = BlockRunner(
            store,
            loaded.experiment,
            self._comparison.revision,
            is_bounded=options.blocks is None,
        )
        self._started = time.monotonic()
        self._allowance = Allowance(options.limits, clock=time.monotonic)
        self._blocks_run = 0
        self._block_s: list[float] = []

    @property
    def _experiment(self) -> Experiment:
        return self._runner.experiment

    def messages(self) -> Iterator[RunMessage]:
        view = view_of(self._experiment, self._comparison, self._loaded)
        settled = self._settle(view)
        reason = self._why_stop(settled)
        if reason is not None:
            yield self._ended(reason)
            return
        answer = self._answer()
        if answer is not None:
            yield answer
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

    def _answer(self) -> Answered | None:
        """What another experiment found of the same two trees, unless blocks were asked for."""
        if self._options.again or self._options.blocks is not None:
            return None
        return answer_for(self._store, self._experiment, self._comparison.revision)

    def _tidy_up(self) -> None:
        self._store.flush()
        self._store.maintain()

    def _warm_up(self, rig: Rig) -> Iterator[RunMessage]:
        began, blocks = time.monotonic(), self._experiment.plan.warm_up
        yield from self._told(self._runner.warm_up(rig), None)
        for _ in range(blocks):
            each_s = (time.monotonic() - began) / blocks
            self._allowance.block_took(each_s, is_warm_up=True)

    def _blocks(self, rig: Rig, view: AnalysisView) -> Iterator[RunMessage]:
        failed_in_a_row = 0
        reason: str | None = None
        while reason is None:
            reached = self._allowance.reached()
            if reached is not None:
                yield self._used_up(reached)
                return
            began = time.monotonic()
            yield from self._told(self._runner.block(rig), view)
            self._block_s.append(time.monotonic() - began)
            self._allowance.block_took(self._block_s[-1])
            self._blocks_run += 1
            view = self._settle(self._view())
            yield LookTaken(
                view=view, blocks_left=self._blocks_left(view), at_most_s=self._at_most(view)
            )
            failed_in_a_row = failed_in_a_row + 1 if self._runner.last_failed() else 0
            reason = self._why_stop(view)
            if reason is None and failed_in_a_row == MAX_BOTH_FAILED:
                raise Refused(
                    f"both arms failed in {MAX_BOTH_FAILED} blocks in a row; they are recorded",
                    hint=f"git exp log {self._experiment.id} shows how they ended",
                    code="both-failed",
                )
        yield self._ended(reason)

    def _told(self, records: Iterable[Record], view: AnalysisView | None) -> Iterator[RunMessage]:
        for record in records:
            yield self._done(record, view)
            assert isinstance(record.body, Trial)
            self._allowance.take(record.body)

    # --- what has been recorded ---------------------------------------------------------------

    def _view(self) -> AnalysisView:
        return view_of(self._runner.experiment, self._comparison, self._loaded)

    def _settle(self, view: AnalysisView) -> AnalysisView:
        """Record the decision or expiry if one fell, and show the state after it."""
        if not settle(self._store, view):
            return view
        self._store.flush()
        self._loaded = load(self._store, self._experiment.id)
        self._runner.read_again(self._loaded.experiment)
        return view_of(self._experiment, self._comparison, self._loaded)

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
        planned_s = self._blocks_left(view) * sum(self._block_s) / len(self._block_s)
        return min(planned_s, self._allowance.left_s)

    # --- what is told -------------------------------------------------------------------------

    def _done(self, record: Record, view: AnalysisView | None) -> TrialDone:
        return trial_done(
            record,
            at_most_s=None if view is None else self._at_most(view),
            shows_values=not self._loaded.experiment.shows_counts_only(self._comparison.revision),
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

    def _used_up(self, reached: Reached) -> RunEnded:
        """The end of a run that may not begin another block, and the command that goes on."""
        ended, exp = self._ended(reached.budget), self._experiment.id
        command = f"git exp run {exp}{self._flags}{self._allowance.going_on(reached).flags}"
        log = (f"git exp log {exp}",) if reached.budget == "max-failures" else ()
        return replace(ended, reached=reached, view=replace(ended.view, next=(*log, command)))

    @property
    def _flags(self) -> str:
        options = self._options
        blocks = "" if options.blocks is None else f" --blocks {options.blocks - self._blocks_run}"
        again, shared = " --again" * options.again, " --allow-shared" * options.allow_shared
        return f"{blocks}{again}{shared}"
