"""What `auto` says of one experiment: the case in one sentence, and what is left to type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gitexp.app.answered import Answered
from gitexp.app.auto_view import Managed, Trouble
from gitexp.app.judge import Judged
from gitexp.app.load import Loaded
from gitexp.app.promote import Promotion
from gitexp.app.rollback import Rollback, default_reason
from gitexp.app.views import RunEnded
from gitexp.decision import Action
from gitexp.errors import GitexpError
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Promoted, State, Verdict
from gitexp.refs import short

_AS_COMMAND = {Action.PROMOTE: "promote", Action.ROLL_BACK: "rollback"}
BY_AUTO = "by git exp auto"


def failed(exp: ExperimentId, known: Managed | None, error: GitexpError) -> Managed:
    """What was to be done could not be.

    Args:
        known: What else there is to say of it.
    """
    trouble = Trouble.of(error)
    base = known or Managed(
        id=exp, state=None, verdict=None, action=Action.NONE, done=False, reason=""
    )
    return replace(base, done=False, reason=error.message, next=(error.hint,), trouble=trouble)


def ended(loaded: Loaded) -> Managed:
    """Named on the command line, and over already."""
    experiment = loaded.experiment
    decided = experiment.last_decision()
    verdict = Verdict.UNDECIDED if decided is None else decided.verdict
    return _unjudged(loaded, verdict, f"{experiment.state.replace('-', ' ')} already")


def not_ours(loaded: Loaded, verdict: Verdict) -> Managed:
    """Another clone decides."""
    reason = f"waits for {loaded.experiment.decider}, who decides"
    return _unjudged(loaded, verdict, reason, "git exp sync")


def unmeasured(loaded: Loaded) -> Managed:
    """There is nothing to decide about."""
    reason = "its branch is gone, and nothing was measured"
    command = f"git exp restore {loaded.experiment.id}"
    return _unjudged(loaded, Verdict.COLLECTING, reason, command)


def merge_found(judged: Judged, found: Promoted, *, is_dry: bool) -> Managed:
    """The target has it, without `promote`."""
    exp, target = judged.loaded.experiment.id, short(found.target)
    has = f"{target} has it already ({found.recognised})"
    if is_dry:
        what = f"{has}: would be recorded as promoted"
        return _said(judged, Action.PROMOTE, what, f"git exp promote {exp}")
    said = _said(judged, Action.PROMOTE, f"{has}: recorded as promoted")
    undo = f"git exp rollback {exp}"
    return replace(said, state=State.PROMOTED, done=True, undo=undo)


def taken_out(judged: Judged) -> Managed:
    """Somebody merged it, and took it out again: that is no verdict of ours."""
    experiment = judged.loaded.experiment
    target = short(experiment.plan.target)
    what = f"{target} took it in and took it out again; auto leaves it to you"
    return _said(judged, Action.REPORT, what, f"git exp rollback {experiment.id}")


def left_to_people(judged: Judged, action: Action) -> Managed:
    """Somebody restored it: what a person undid is not done again."""
    what = f"{_found(judged)}, and was restored after that; auto leaves it to you"
    return _said(judged, action, what, _command(judged, action))


def not_wanted(judged: Judged, action: Action) -> Managed:
    """The plan keeps this from `auto`."""
    option = "--no-auto-promote" if action is Action.PROMOTE else "--no-auto-rollback"
    what = f"{_found(judged)}; the plan leaves that to you ({option})"
    return _said(judged, action, what, _command(judged, action))


def would(judged: Judged, action: Action, steps: Iterable[str]) -> Managed:
    """What a run without --dry-run would do."""
    named = "roll back" if action is Action.ROLL_BACK else action
    what = f"{_found(judged)}; would {named}: {', '.join(steps)}"
    return _said(judged, action, what, _command(judged, action))


def promoted(judged: Judged, result: Promotion) -> Managed:
    """It is merged."""
    what = f"promoted into {short(result.target)} (merge {result.merge[:12]}){_unmeasured(judged)}"
    said = _said(judged, Action.PROMOTE, what)
    return replace(said, state=State.PROMOTED, done=not result.existed, undo=result.undo)


def rolled_back(judged: Judged, result: Rollback) -> Managed:
    """Its branch is gone."""
    experiment = judged.loaded.experiment
    what = f"rolled back: {_found(judged)}; every record stays"
    said = _said(judged, Action.ROLL_BACK, what)
    is_over = experiment.state is State.EXPIRED
    state = State.EXPIRED if is_over else State.ROLLED_BACK
    return replace(said, state=state, done=not result.existed, undo=result.undo)


def reported(judged: Judged, action: Action) -> Managed:
    """Nothing to do but to say so."""
    view, plan = judged.view, judged.loaded.experiment.plan
    if action is Action.REPORT:
        last = f"{plan.expires:%Y-%m-%d}"
        later = f"rolled back after {last}" if plan.auto_rollback else "the plan leaves it to you"
        return _said(judged, action, f"{_found(judged)}; {later}", *view.next)
    return _said(judged, action, view.analysis.reason, *view.next)


def collecting(judged: Judged, why: str = "") -> Managed:
    """More blocks are needed, and none are run."""
    blocks = judged.view.analysis.blocks
    what = f"{blocks.complete} of {blocks.max} blocks{f'; {why}' if why else ''}"
    return _said(judged, Action.CONTINUE, what, *judged.view.next)


def would_run(judged: Judged) -> Managed:
    blocks = judged.view.analysis.blocks
    return collecting(judged, f"would run at most {blocks.max - blocks.complete} more")


def after_run(managed: Managed, ended: RunEnded) -> Managed:
    """What followed from the blocks just run."""
    count = ended.blocks_run
    ran = f"{count} block{'s' * (count != 1)} run"
    if ended.reached is not None:
        ran = f"{ran}, then {ended.reached.budget} was reached"
    reason = f"{managed.reason}; {ran}" if count or ended.reached else managed.reason
    told = replace(managed, reason=reason, blocks_run=count, stopped=ended.stopped)
    if told.budget != "max-failures":
        return told
    return replace(told, next=(f"git exp log {managed.id}", *managed.next))


def answered(judged: Judged, answer: Answered) -> Managed:
    """Another experiment has judged the same two trees."""
    what = f"{answer.by} has judged the same two trees: {answer.judged.verdict}; nothing run"
    return _said(judged, Action.CONTINUE, what, *answer.next)


def rollback_reason(judged: Judged) -> str:
    """For the record, and for the message of a revert."""
    return f"{_found(judged)}; {BY_AUTO}"


def _found(judged: Judged) -> str:
    """The verdict, and how it came to it."""
    experiment, analysis = judged.loaded.experiment, judged.view.analysis
    verdict, decided_at = analysis.verdict, analysis.looks.decided_at
    if analysis.revision in experiment.decisions:
        found = default_reason(experiment)
    elif decided_at is not None and verdict is not Verdict.UNDECIDED:
        found = f"{verdict} at block {decided_at}"
    else:
        found = f"{verdict} after {_blocks(judged)}"
    return f"{found}, expired" if _is_expired(experiment) else found


def _is_expired(experiment: Experiment) -> bool:
    return experiment.expired is not None


def _blocks(judged: Judged) -> str:
    count = judged.view.analysis.blocks.complete
    return "1 block" if count == 1 else f"{count} blocks"


def _unmeasured(judged: Judged) -> str:
    """What the target has that nobody measured the change with."""
    found = [check.value for check in judged.loaded.health if check.check == "base"]
    return f"; {found[0]}: not measured together" if found else ""


def _command(judged: Judged, action: Action) -> str:
    exp = judged.loaded.experiment.id
    named = _AS_COMMAND.get(action)
    return f"git exp {named} {exp}" if named else f"git exp status {exp}"


def _unjudged(loaded: Loaded, verdict: Verdict, reason: str, *next_commands: str) -> Managed:
    return Managed(
        id=loaded.experiment.id,
        state=loaded.experiment.state,
        verdict=verdict,
        action=Action.NONE,
        done=False,
        reason=reason,
        next=next_commands,
    )


def _said(judged: Judged, action: Action, reason: str, *next_commands: str) -> Managed:
    return Managed(
        id=judged.loaded.experiment.id,
        state=judged.loaded.experiment.state,
        verdict=judged.view.analysis.verdict,
        action=action,
        done=False,
        reason=reason,
        next=next_commands,
    )
