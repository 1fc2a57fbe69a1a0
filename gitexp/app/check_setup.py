"""Whether hooks run, arms would be apart, and clocks can be trusted here."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gitexp.app import hooks
from gitexp.app.doctor_view import Finding, Severity
from gitexp.app.rig import worktrees_of
from gitexp.app.seen import Seen
from gitexp.hooks.states import HookState, State
from gitexp.machine import is_timed, machine_warnings
from gitexp.model import ExperimentId
from gitexp.runner.environment import facts
from gitexp.runner.isolation import Shared, shared
from gitexp.runner.variables import for_command

HOOKS, ISOLATION, MACHINE = "hooks", "isolation", "machine"


def check_hooks(seen: Seen) -> Iterator[Finding]:
    """Hooks that do not run, and whose they are that run in their place."""
    view = hooks.status(seen.store.git)
    for hook in view.hooks:
        fix = view.add[0] if view.add else "git exp hooks install"
        match hook.state:
            case State.ACTIVE:
                continue
            case State.OUTDATED:
                text = f"{hook.name} is another version's, or was edited: {hook.file}"
                yield Finding(area=HOOKS, severity=Severity.NOTE, text=text, fix=fix)
            case State.DISPLACED:
                text = f"{hook.name} does not run: {hook.file} is {_taker(hook)}"
                yield Finding(area=HOOKS, severity=Severity.WARN, text=text, fix=fix)
            case State.MISSING:
                why = "" if view.why_not is None else f"; {view.folder} {view.why_not}"
                text = f"{hook.name} is not installed{why}"
                yield Finding(area=HOOKS, severity=Severity.NOTE, text=text, fix=fix)


def _taker(hook: HookState) -> str:
    return "another hook" if hook.taken_by is None else f"a hook of {hook.taken_by}"


def check_isolation(seen: Seen) -> Iterator[Finding]:
    """What would make both arms of a running experiment run the same code."""
    top = seen.store.git.top
    if top is None:
        return
    both: dict[Shared, list[ExperimentId]] = {}
    for experiment in seen.running:
        if experiment.plan.command is None:
            continue
        # where the command would run, whether or not that is checked out now
        place = worktrees_of(seen.store).root / experiment.id / "treatment"
        for found in shared(
            experiment.plan.command,
            user_checkout=top,
            arm_checkout=place,
            env=for_command(os.environ, cwd=place),
            links=experiment.plan.links,
        ):
            both.setdefault(found, []).append(experiment.id)
    for found, ids in both.items():
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        yield Finding(
            area=ISOLATION,
            severity=Severity.WARN,
            text=f"both arms of {ids[0]}{more} would run your own checkout: {found.what} "
            f"({found.where})",
            fix=found.advice,
        )


def check_machine(seen: Seen) -> Iterator[Finding]:
    """What makes clocks scatter on this machine, unless no running experiment has a clock."""
    if seen.running and not any(is_timed(experiment.plan) for experiment in seen.running):
        return
    version = seen.store.git.run("version").removeprefix("git version ").strip()
    for warning in machine_warnings(facts(git_version=version)):
        text, _, advice = warning.partition("; ")
        yield Finding(area=MACHINE, severity=Severity.NOTE, text=text, fix=advice)
