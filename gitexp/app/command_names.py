"""Commands of real use, and the experiments their uses are trials of."""

from __future__ import annotations

from gitexp.app.branches import branch_tips
from gitexp.app.load import load
from gitexp.app.registry import registered_plans
from gitexp.errors import Refused, UsageError
from gitexp.model import ExperimentId, Plan, State, command_name
from gitexp.store.store import Store


def experiment_for(store: Store, name: str) -> ExperimentId | None:
    """The running experiment that a command of this name is part of; the newest if several are.

    `create` refuses a second one, but two clones may each have made one.

    Raises:
        UsageError: if it is no name of a command.
    """
    try:
        name = command_name(name)
    except ValueError as error:
        raise UsageError(str(error), hint="git exp exec --for NAME -- CMD") from error
    branches = branch_tips(store.our_refs())
    for plan in registered_plans(store):
        if plan.command_name == name and plan.id in branches:
            loaded = load(store, plan.id)
            if loaded.experiment.state is State.RUNNING and loaded.arrived is None:
                return plan.id
    return None


def running_experiment_for(store: Store, name: str) -> ExperimentId:
    """The same, where there has to be one.

    Raises:
        UsageError, Refused: as `experiment_for`, and when there is none.
    """
    found = experiment_for(store, name)
    if found is None:
        raise Refused(
            f"no running experiment is for the command '{name}'",
            hint="git exp create --command starts one",
            code="no-experiment",
        )
    return found


def refuse_second(store: Store, plan: Plan) -> None:
    """Nothing, unless a running experiment is of the same command.

    Raises:
        Refused: then: uses of a command can be trials of one experiment only.
    """
    if plan.command_name is None:
        return
    other = experiment_for(store, plan.command_name)
    if other is not None:
        raise Refused(
            f"the command '{plan.command_name}' is under experiment already: {other}",
            hint=f"end it first (git exp status {other}), or give this one another --command NAME",
            code="command-taken",
        )
