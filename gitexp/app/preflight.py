"""Why a run cannot start, or had to stop in its warm-up: said before anything is counted."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.load import Loaded
from gitexp.app.rig import Rig
from gitexp.app.trust import require_trust
from gitexp.decision import Analysis
from gitexp.errors import Refused
from gitexp.health import HealthState
from gitexp.model import Arm, Outcome, RolledBack, State, Trial
from gitexp.runner.extract import refuse_unknown
from gitexp.store.store import Store
from gitexp.store.tree_paths import path_exists

CLOCK_TOLERANCE = timedelta(minutes=1)


def refuse_to_run(store: Store, loaded: Loaded, analysis: Analysis) -> tuple[str, ...]:
    """Warnings, when a run may start.

    Raises:
        Refused: else, with the reason and the way on.
    """
    experiment = loaded.experiment
    _refuse_unrunnable(store, loaded)
    refuse_to_measure(loaded)
    failed = [check for check in analysis.health if check.state is HealthState.FAIL]
    if failed:
        raise Refused(
            f"{experiment.id} cannot go on: {failed[0].value}",
            hint=failed[0].advice,
            code="invalid",
        )
    refuse_new_revision(loaded)
    refuse_wrong_clock(store, loaded)
    refuse_unknown(experiment.plan.extracts)
    require_trust(experiment)
    return _warnings(store, loaded)


def refuse_to_start(store: Store, loaded: Loaded) -> None:
    """Nothing, when this clone can and may run the plan's command.

    Raises:
        Refused: else, with the way on.
    """
    _refuse_unrunnable(store, loaded)
    refuse_wrong_clock(store, loaded)
    require_trust(loaded.experiment)


def _refuse_unrunnable(store: Store, loaded: Loaded) -> None:
    exp, plan = loaded.experiment.id, loaded.experiment.plan
    if plan.command is None:
        raise Refused(
            f"the plan of {exp} names no command to run",
            hint=f"record what you measured: git exp record {exp} --arm treatment "
            f"-m {plan.primary.name}=1.5" + (" --window count=5000" if plan.windows else ""),
            code="no-command",
        )
    if store.git.top is None:
        raise Refused(
            "trials need a work tree, and this repository is bare",
            hint="run it in a clone: git clone <this repository> <folder>",
            code="bare",
        )


def refuse_ended(loaded: Loaded) -> None:
    """Nothing, while the experiment is running.

    Raises:
        Refused: when it has ended, or its branch was merged.
    """
    if loaded.experiment.state is not State.RUNNING:
        raise _ended(loaded)
    if loaded.arrived is not None:
        raise _merged(loaded, is_gone=loaded.arrived.is_gone)


def refuse_to_measure(loaded: Loaded) -> None:
    """Nothing, when trials of this experiment can count.

    Raises:
        Refused: when it has ended, or both arms are the same code.
    """
    refuse_ended(loaded)
    exp, comparison = loaded.experiment.id, loaded.compared()
    if comparison.control.tree == comparison.treatment.tree:
        raise Refused(
            f"control and treatment are the same code: exp/{exp} changes nothing yet",
            hint=f"commit the change on exp/{exp}, then run it again",
            code="same-code",
        )


def _ended(loaded: Loaded) -> Refused:
    experiment = loaded.experiment
    exp, event = experiment.id, experiment.state_event
    how = f"it was {experiment.state.replace('-', ' ')}"
    hint = f"git exp create --like {exp} starts another one like it"
    is_here = loaded.tip is not None and loaded.source is None
    if is_here and event is not None and isinstance(event.body, RolledBack):
        how += f" by {event.writer}: {event.body.reason}"
        hint = f"git exp restore {exp} goes on with it, git exp rollback {exp} drops the branch"
    return Refused(f"{exp} has ended: {how}", hint=hint, code="ended")


def _merged(loaded: Loaded, *, is_gone: bool) -> Refused:
    exp, target = loaded.experiment.id, refs.short(loaded.experiment.plan.target)
    if is_gone:
        return Refused(
            f"{target} took exp/{exp} in and took it out again",
            hint=f"git exp rollback {exp}, or git exp create --like {exp} to go on with it",
            code="taken-back",
        )
    return Refused(
        f"{target} has exp/{exp} already: it was merged without git exp promote",
        hint=f"git exp promote {exp}, which records that; git exp sync tells the others, too",
        code="already-merged",
    )


def blame(rig: Rig, trial: Trial) -> Refused:
    """The likely cause of a failure in the warm-up."""
    how = "timed out" if trial.outcome is Outcome.TIMEOUT else f"failed ({_ending(trial)})"
    missing = missing_in_control(rig, trial.arm)
    if missing is not None:
        return missing
    if trial.metrics.get(rig.experiment.plan.primary.name) is None and trial.exit_code == 0:
        name = rig.experiment.plan.primary.name
        if any(extract.metric == name for extract in rig.experiment.plan.extracts):
            return Refused(
                f"the {trial.arm} has no value: {_last_line(rig, trial)}",
                hint=f"see what it leaves behind: cd {rig.checkouts[trial.arm].path} && "
                f"{rig.command}; another rule: git exp create --like {rig.experiment.id} "
                f"--extract {name}=…",
                code="preflight",
            )
        return Refused(
            f"the command reports no metric {name!r} in the {trial.arm}",
            hint=f"print a line 'METRIC {name}=…', or write {name}=… to $GITEXP_METRICS",
            code="preflight",
        )
    return Refused(
        f"the warm-up {how} in the {trial.arm}; its output ends: {_last_line(rig, trial)}",
        hint=f"try it in a clean checkout: cd {rig.checkouts[trial.arm].path} && {rig.command}; "
        "what is missing there comes with --setup CMD or --link PATH (e.g. node_modules)",
        code="preflight",
    )


def missing_in_control(rig: Rig, arm: Arm) -> Refused | None:
    """The refusal for a command that names a file the control does not have, if it does."""
    path = _named_only_in_treatment(rig) if arm is Arm.CONTROL else None
    if path is None:
        return None
    target = refs.short(rig.experiment.plan.target)
    return Refused(
        f"the command cannot run in the control: {path} is not there",
        hint=f"commit {path} on {target}, then on exp/{rig.experiment.id}: git merge {target}",
        code="preflight",
    )


def _ending(trial: Trial) -> str:
    return "signal" if trial.exit_code is None else f"exit {trial.exit_code}"


def _last_line(rig: Rig, trial: Trial) -> str:
    if trial.payload is None:
        return "(no output)"
    kept = json.loads(rig.store.payload(trial.payload))
    lines = [line.strip() for line in kept.get("tail", "").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "(no output)"


def _named_only_in_treatment(rig: Rig) -> str | None:
    """A file the command names that the treatment has and the control has not."""
    try:
        words = shlex.split(rig.command)
    except ValueError:
        words = rig.command.split()
    repository = rig.store.repository
    control, treatment = rig.comparison.control, rig.comparison.treatment
    for word in words:
        path = re.sub(r"^\./", "", word)
        if not path or path.startswith(("/", "-", "$")) or ".." in path.split("/"):
            continue
        here = path_exists(repository, treatment.tree, path)
        if here and not path_exists(repository, control.tree, path):
            return path
    return None


def refuse_new_revision(loaded: Loaded) -> None:
    """Nothing, unless the code changed more often than the plan allows.

    Raises:
        Refused: then, with the way to register the new code.
    """
    experiment = loaded.experiment
    revision = loaded.compared().revision
    used = experiment.revisions()
    if revision in used or len(used) < experiment.plan.revisions:
        return
    raise Refused(
        f"the code has changed since the first block, and the plan registers "
        f"{experiment.plan.revisions} revision{'s' * (experiment.plan.revisions > 1)}",
        hint=f"register the new code: git exp create --like {experiment.id}",
        code="revisions",
    )


def refuse_wrong_clock(store: Store, loaded: Loaded) -> None:
    """Nothing, unless the clock is behind what this clone has recorded.

    Raises:
        Refused: then: the plan's last day could not be told.
    """
    own = [r for r in loaded.experiment.records if r.writer == store.writer]
    newest = max((r.at for r in own), default=loaded.experiment.plan.created)
    now = datetime.now(UTC)
    if now + CLOCK_TOLERANCE < newest:
        raise Refused(
            f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, which is before the newest record here "
            f"({newest:%Y-%m-%d %H:%M:%S})",
            hint="set the clock, then run it again; if it was wrong before: "
            f"git exp create --like {loaded.experiment.id}",
            code="clock",
        )


def _warnings(store: Store, loaded: Loaded) -> tuple[str, ...]:
    found = []
    decider = loaded.experiment.decider
    if not loaded.is_decider:
        found.append(f"blocks run here wait until {decider}, who decides, takes them in")
    branch = refs.branch(loaded.experiment.id)
    stands_there = head_branch(store) == branch
    if stands_there and store.git.run("status", "--porcelain", "--untracked-files=no"):
        found.append(f"uncommitted changes are not measured: commit them on {refs.short(branch)}")
    return tuple(found)
