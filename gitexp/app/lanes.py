"""Preparing the real uses of an experiment: both arms checked out, slots ready, a lane kept."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from gitexp import refs
from gitexp.app.command_names import experiment_for
from gitexp.app.load import Loaded, load, resolve_id
from gitexp.app.opening import open_store
from gitexp.app.preflight import refuse_new_revision, refuse_to_measure, refuse_wrong_clock
from gitexp.app.reservations import open_slots, settled, sweep_all
from gitexp.app.rig import worktrees_of
from gitexp.app.settings import Settings
from gitexp.app.trust import is_trusted
from gitexp.errors import GitexpError, Refused, UsageError
from gitexp.health import HealthState
from gitexp.live import quick_git
from gitexp.live.lane import Lane, keep
from gitexp.live.slots import file_name
from gitexp.model import Arm, ExperimentId, State
from gitexp.notation import parse_duration
from gitexp.runner.declared import declared_units
from gitexp.runner.isolation import shared
from gitexp.runner.process import Launcher
from gitexp.runner.variables import for_command
from gitexp.runner.worktree import Recipe
from gitexp.store.store import Store

DEFAULT_TIMEOUT_S = 86_400.0
"""How long a reservation lasts that nobody can be asked about: `exp.reservationTimeout`."""


class Closed(Refused):
    """There is nothing to assign as long as the refs stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consulted:
    """The refs a lane was worked out with."""

    patterns: tuple[str, ...]
    listing: str


def prepare(name: str, *, exp: str | None, command: str | None, argv: Sequence[str]) -> None:
    """Keep a lane under this name, for the process that asked and those after it.

    Args:
        exp: As typed; None: what `command` leads to, or the experiment checked out here.
        argv: The command that is to run.

    Raises:
        GitexpError: when nothing can be assigned; what only a change of refs can mend is kept.
    """
    store = open_store()
    everything = _consult(None, None)
    if command is not None:
        found = experiment_for(store, command)
        if found is None:
            reason = f"no running experiment is for the command '{command}'"
            _keep_closed(store, name, everything, reason)
            raise Closed(reason, hint="git exp create --command starts one", code="no-experiment")
    else:
        found = resolve_id(store, exp)
    loaded = load(store, found)
    consulted = _consult(loaded.experiment.plan.target, found)
    try:
        lane = open_lane(store, loaded, argv=argv, consulted=consulted)
    except Closed as why:
        _keep_closed(store, name, consulted, why.message)
        raise
    keep(str(store.git.common_dir), name, lane, os.environ)


def open_lane(
    store: Store, loaded: Loaded, *, argv: Sequence[str] = (), consulted: _Consulted | None = None
) -> Lane:
    """Both arms checked out and slots to give out.

    Raises:
        Closed: when nothing can be assigned until a ref changes.
        GitexpError: when nothing can be assigned now.
    """
    experiment = loaded.experiment
    _refuse_closed(loaded)
    failed = [check for check in loaded.health if check.state is HealthState.FAIL]
    if failed:
        raise Refused(
            f"{experiment.id} cannot go on: {failed[0].value}",
            hint=failed[0].advice,
            code="invalid",
        )
    refuse_wrong_clock(store, loaded)
    if not is_trusted(experiment.plan_hash):
        raise Refused(
            f"the plan of {experiment.id} came from elsewhere",
            hint=f"git exp show {experiment.id}, then: git exp trust {experiment.id}",
            code="not-trusted",
        )
    if store.git.top is None:
        raise Refused(
            "uses need a work tree, and this repository is bare",
            hint="work in a clone: git clone <this repository> <folder>",
            code="bare",
        )
    if experiment.plan.windows:
        raise Refused(
            f"a trial of {experiment.id} is a window of many uses, not a single one",
            hint="record windows: git exp record -h",
            code="windows",
        )
    checkouts, scratch = _checkouts(store, loaded, argv)
    comparison = loaded.compared()
    revision = comparison.revision
    sweep_all(store, experiment)
    with open_slots(store, experiment.id, experiment.plan_hash, revision) as file:
        found = settled(store, file, experiment, revision)
        file.save(found.slots)
        if not found.slots.queue and found.slots.next > found.slots.limit:
            # a slot that is in use may come back
            refusal = Refused if found.slots.reserved else Closed
            raise refusal(
                f"all {experiment.plan.max_blocks} blocks of {experiment.id} are measured or taken",
                hint=f"git exp analyze {experiment.id}",
                code="used-up",
            )
    return Lane(
        exp=experiment.id,
        plan=experiment.plan_hash,
        writer=store.writer,
        closed="",
        inode=store.git.common_dir.stat().st_ino,
        expires=experiment.plan.expires.timestamp(),
        limit_s=_timeout_s(store),
        slots=file_name(
            experiment.id,
            experiment.plan_hash,
            revision.control_tree,
            revision.treatment_tree,
            store.writer,
        ),
        commits={arm: comparison.arm(arm).commit for arm in Arm},
        checkouts=checkouts,
        scratch=scratch,
        units=declared_units(experiment.plan.declared),
        patterns=() if consulted is None else consulted.patterns,
        refs="" if consulted is None else consulted.listing,
    )


def _refuse_closed(loaded: Loaded) -> None:
    experiment = loaded.experiment
    if experiment.state is not State.RUNNING:
        raise Closed(
            f"{experiment.id} has ended: it was {experiment.state.replace('-', ' ')}",
            hint=f"git exp status {experiment.id}",
            code="ended",
        )
    try:
        refuse_to_measure(loaded)
        refuse_new_revision(loaded)
    except Refused as why:
        raise Closed(why.message, hint=why.hint, code=why.code) from why
    if loaded.compared().revision in experiment.decisions:
        raise Closed(
            f"{experiment.id} is decided",
            hint=f"git exp analyze {experiment.id}",
            code="decided",
        )
    if datetime.now(UTC) > experiment.plan.expires:
        raise Closed(
            f"the last day of {experiment.id} is over",
            hint=f"git exp status {experiment.id}",
            code="expired",
        )


def _checkouts(store: Store, loaded: Loaded, argv: Sequence[str]) -> tuple[dict[str, str], str]:
    """Where both arms are checked out, and a folder for what the commands report."""
    plan, comparison = loaded.experiment.plan, loaded.compared()
    worktrees = worktrees_of(store)
    with ExitStack() as stack:
        launcher = stack.enter_context(Launcher())
        found = {
            arm: stack.enter_context(
                worktrees.checkout(
                    loaded.experiment.id,
                    Recipe(
                        commit=comparison.arm(arm).commit,
                        tree=comparison.arm(arm).tree,
                        control=comparison.control.commit,
                        setup=plan.setup,
                        links=plan.links,
                        harness=plan.harness,
                    ),
                    launcher=launcher,
                    env=for_command(os.environ, cwd=worktrees.root),
                )
            ).path
            for arm in Arm
        }
        assert store.git.top is not None, "open_lane has looked"
        both = (
            shared(
                shlex.join(argv),
                user_checkout=store.git.top,
                arm_checkout=found[Arm.TREATMENT],
                env=for_command(os.environ, cwd=found[Arm.TREATMENT]),
                links=plan.links,
            )
            if argv
            else ()
        )
    if both:
        raise Refused(
            f"both arms would run the code of your own checkout: {both[0].what} ({both[0].where})",
            hint=both[0].advice,
            code="not-isolated",
        )
    return {arm: str(path) for arm, path in found.items()}, str(worktrees.root / "scratch")


def _timeout_s(store: Store) -> float:
    configured = Settings.of(store.git).value("reservation-timeout", None)
    if configured is None:
        return DEFAULT_TIMEOUT_S
    try:
        return parse_duration(configured)
    except ValueError as error:
        raise UsageError(
            f"exp.reservationTimeout: {error}", hint="git config exp.reservationTimeout 24h"
        ) from error


def _consult(target: str | None, exp: ExperimentId | None) -> _Consulted:
    """What git says now of the refs that say what the arms are, and how the experiment stands."""
    patterns = [refs.BRANCHES, refs.tracked_anywhere(f"{refs.BRANCHES}*")]
    if target is not None:
        patterns += [target, refs.tracked_anywhere(target)]
    if exp is not None:
        patterns.append(f"{refs.REMOTE_NOTES}**/exp/{exp}/*")
    listing = quick_git.listed(*patterns)
    if listing is None:
        raise GitexpError("git cannot list the refs", hint="try it by hand: git for-each-ref")
    return _Consulted(patterns=tuple(patterns), listing=listing)


def _keep_closed(store: Store, name: str, consulted: _Consulted, reason: str) -> None:
    lane = Lane(
        exp="",
        plan="",
        writer="",
        closed=" ".join(reason.split()),
        inode=store.git.common_dir.stat().st_ino,
        expires=float("inf"),
        limit_s=0.0,
        slots="",
        commits={},
        checkouts={},
        scratch="",
        units={},
        patterns=consulted.patterns,
        refs=consulted.listing,
    )
    keep(str(store.git.common_dir), name, lane, os.environ)
