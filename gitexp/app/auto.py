"""The verdict table's actions for every experiment: what a person would type, typed.

It decides nothing itself. What promotes and rolls back, and what that may refuse, is what the
commands of that name do; what cannot be done for one experiment does not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitexp.app import auto_words as words
from gitexp.app.allowance import Limits
from gitexp.app.analyze import view_of
from gitexp.app.answered import Answered
from gitexp.app.auto_spending import Spending
from gitexp.app.auto_view import AutoMessage, Due, Managed
from gitexp.app.endings import standing_on
from gitexp.app.intake import take_in
from gitexp.app.judge import Judged, judge
from gitexp.app.load import load
from gitexp.app.merged import merge_made_elsewhere, record_merge
from gitexp.app.preflight import refuse_to_start
from gitexp.app.promote import promote, promotion
from gitexp.app.rollback import roll_back, rollback
from gitexp.app.run import RunOptions, run
from gitexp.app.status_row import row_of
from gitexp.app.verdict_cache import keep_verdict
from gitexp.app.views import AnalysisView, LookTaken, RunEnded, TrialDone
from gitexp.changes import PromotionText, steps
from gitexp.decision import Action
from gitexp.errors import GitexpError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, State, Verdict
from gitexp.policy import analyse
from gitexp.policy.due import due_action, is_left_to_people
from gitexp.runner.only_one import only_auto
from gitexp.store.store import Store

_UNLIMITED = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoOptions:
    """Attributes:
    runs: Whether missing blocks are to be run.
    is_dry: Whether to tell what would be done, and do nothing.
    limits: Of all runs together; failures of each experiment's own.
    """

    runs: bool = False
    is_dry: bool = False
    limits: Limits = _UNLIMITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What merges, reverts and summaries say: rounded and with units, which is made above."""

    promotion: Callable[[AnalysisView], PromotionText]
    decision: Callable[[Experiment], str | None]
    summary: Callable[[AnalysisView], str]


def auto(
    store: Store, exps: Sequence[ExperimentId], options: AutoOptions, wording: Wording
) -> Iterator[AutoMessage]:
    """Do for each experiment what its verdict asks for; one `Managed` for each.

    What is decided comes first, in the order given; then, if asked for, missing blocks are run,
    one experiment after the other, and what follows from them is done.

    Raises:
        Refused: if another one is at it in this repository.
    """
    with nullcontext() if options.is_dry else only_auto(store.git.common_dir):
        yield from _Auto(store, options, wording).messages(exps)


_Steps = Generator[AutoMessage, None, Managed]


class _Auto:
    """One pass over the experiments."""

    def __init__(self, store: Store, options: AutoOptions, wording: Wording) -> None:
        self._store = store
        self._options = options
        self._wording = wording
        self._spending = Spending(options.limits)
        self._ran: dict[ExperimentId, int] = {}

    def messages(self, exps: Sequence[ExperimentId]) -> Iterator[AutoMessage]:
        unfinished = []
        for exp in exps:
            managed = yield from self._guarded(exp, self._act(exp))
            if managed.action is Action.CONTINUE and self._options.runs and not managed.trouble:
                unfinished.append(managed)
            else:
                yield managed
        for managed in unfinished:
            yield (yield from self._guarded(managed.id, self._run(managed)))

    def _guarded(self, exp: ExperimentId, act: _Steps) -> _Steps:
        """What `act` comes to; what it refuses is this experiment's alone."""
        try:
            return (yield from act)
        except GitexpError as error:
            told = words.failed(exp, self._as_it_is(exp), error)
            return replace(told, blocks_run=self._ran.get(exp, 0))

    def _as_it_is(self, exp: ExperimentId) -> Managed | None:
        """What there is to say of an experiment for which nothing could be done."""
        with suppress(GitexpError):
            judged = self._looked_at(exp)
            return words.reported(judged, _due(judged))
        return None

    # --- one experiment -------------------------------------------------------------------------

    def _act(self, exp: ExperimentId) -> _Steps:
        """Do what its verdict asks for, but run nothing."""
        loaded = load(self._store, exp)
        is_open = loaded.experiment.state in (State.RUNNING, State.EXPIRED)
        has_branch = loaded.tip is not None and loaded.source is None
        if not is_open or (loaded.experiment.state is State.EXPIRED and not has_branch):
            return words.ended(loaded)
        if not loaded.is_decider:
            return words.not_ours(loaded, row_of(self._store, loaded).verdict)
        if loaded.comparison is None:
            return words.unmeasured(loaded)
        judged = self._judged(exp)
        experiment = judged.loaded.experiment
        found = merge_made_elsewhere(self._store, experiment)
        if found is not None:
            # before anything else: what a person has merged is not for a verdict to revert
            if not self._options.is_dry:
                record_merge(self._store, experiment, found)
            return words.merge_found(judged, found, is_dry=self._options.is_dry)
        if judged.loaded.arrived is not None:
            return words.taken_out(judged)
        action = _due(judged)
        if action in (Action.PROMOTE, Action.ROLL_BACK):
            return (yield from self._ended(judged, action))
        if action is Action.CONTINUE:
            return words.collecting(judged)
        return words.reported(judged, action)

    def _ended(self, judged: Judged, action: Action) -> _Steps:
        """Promote it or roll it back, unless that is kept from us."""
        plan = judged.loaded.experiment.plan
        is_wanted = plan.auto_promote if action is Action.PROMOTE else plan.auto_rollback
        if is_left_to_people(judged.loaded.experiment, judged.view.analysis.revision):
            return words.left_to_people(judged, action)
        if not is_wanted:
            return words.not_wanted(judged, action)
        if action is Action.PROMOTE:
            return (yield from self._promoted(judged))
        return (yield from self._rolled_back(judged))

    def _promoted(self, judged: Judged) -> _Steps:
        store, experiment = self._store, judged.loaded.experiment
        permission = judged.permission(override=None)
        tip = judged.view.comparison.treatment.commit
        text = self._wording.promotion(judged.view)
        said = replace(text, result=f"{text.result}\n\nPromoted {words.BY_AUTO}.")
        changes = promotion(store, experiment, permission, tip=tip, said=said)
        planned = steps(changes, here=standing_on(store))
        if self._options.is_dry:
            return words.would(judged, Action.PROMOTE, planned)
        yield Due(steps=planned)
        return words.promoted(judged, promote(store, experiment, permission, tip=tip, said=said))

    def _rolled_back(self, judged: Judged) -> _Steps:
        store, experiment = self._store, judged.loaded.experiment
        reason, result = words.rollback_reason(judged), self._wording.decision(experiment)
        changes = rollback(store, experiment, reason=reason, result=result)
        planned = () if changes is None else steps(changes, here=standing_on(store))
        if self._options.is_dry:
            return words.would(judged, Action.ROLL_BACK, planned)
        yield Due(steps=planned)
        done = roll_back(store, experiment, reason=reason, result=result)
        return words.rolled_back(judged, done)

    # --- missing blocks -------------------------------------------------------------------------

    def _run(self, managed: Managed) -> _Steps:
        """Run what is missing, then do what follows from it."""
        store, exp = self._store, managed.id
        judged = self._looked_at(exp)
        plan, comparison = judged.loaded.experiment.plan, judged.view.comparison
        if plan.command is None:
            return managed
        if comparison.revision.is_self:
            return words.collecting(judged, f"exp/{exp} changes nothing yet")
        if self._options.is_dry:
            refuse_to_start(store, judged.loaded)
            return words.would_run(judged)
        reached = self._spending.reached
        if reached is not None:
            said = words.collecting(judged, f"not run: {reached} is used up")
            return replace(said, stopped=reached)
        ended = yield from self._blocks(exp)
        if isinstance(ended, Answered):
            return words.answered(judged, ended)
        self._summarize(ended.view)
        then = yield from self._guarded(exp, self._act(exp))
        return words.after_run(then, ended)

    def _blocks(self, exp: ExperimentId) -> Generator[AutoMessage, None, RunEnded | Answered]:
        limits = self._spending.left
        options = RunOptions(
            max_time_s=limits.time_s, max_failures=limits.failures, max_cost=limits.cost
        )
        trials = []
        end: RunEnded | Answered | None = None
        try:
            for message in run(self._store, exp, options):
                match message:
                    case TrialDone():
                        trials.append(message.id)
                    case LookTaken():
                        self._ran[exp] = self._ran.get(exp, 0) + 1
                    case RunEnded() | Answered():
                        end = message
                    case _:
                        pass
                yield message
        finally:
            self._spending.take(self._store, exp, trials)
        assert end is not None, "a run that does not end in an error ends with its verdict"
        return end

    # --- the verdict ----------------------------------------------------------------------------

    def _looked_at(self, exp: ExperimentId) -> Judged:
        """The verdict as it would be found and recorded now; nothing is."""
        loaded = load(self._store, exp)
        experiment = loaded.experiment
        view = view_of(experiment, loaded.compared(), loaded)
        is_over = datetime.now(UTC) > experiment.plan.expires and experiment.expired is None
        if is_over and view.analysis.verdict is Verdict.COLLECTING:
            health = loaded.health
            final = analyse(experiment, view.comparison, health=health, at_expiry=True)
            view = replace(view, analysis=final)
        return Judged(loaded=loaded, view=view)

    def _judged(self, exp: ExperimentId) -> Judged:
        """The verdict, taken in and on record; only looked at when nothing may be done."""
        if self._options.is_dry:
            return self._looked_at(exp)
        before = take_in(self._store, load(self._store, exp))
        judged = judge(self._store, exp)
        keep_verdict(self._store, judged.loaded, judged.view.analysis)
        if len(judged.loaded.experiment.decisions) > len(before.experiment.decisions):
            self._summarize(judged.view)
        return judged

    def _summarize(self, view: AnalysisView) -> None:
        # it can be made again any time, and what it tells is recorded
        with suppress(GitexpError):
            text = self._wording.summary(view)
            self._store.write_summaries({view.comparison.treatment.commit: text})


def _due(judged: Judged) -> Action:
    experiment, verdict = judged.loaded.experiment, judged.view.analysis.verdict
    return due_action(experiment, verdict, now=datetime.now(UTC))
