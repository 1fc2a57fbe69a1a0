"""Who may run a plan's commands: kept outside the repository, keyed by plan hash.

A plan comes with a clone, and so could any mark that says it is trusted. What this user created or
trusted is therefore noted in the user's own state folder, where no clone can write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp.app.load import load
from gitexp.app.next_steps import measuring
from gitexp.errors import GitexpError, Refused
from gitexp.lifecycle import Experiment
from gitexp.live.places import state_folder
from gitexp.model import ExperimentId, PlanHash
from gitexp.store.store import Store


def is_trusted(plan: PlanHash, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this user created or trusted the plan."""
    return (_folder(environ) / plan).is_file()


def trust(plan: PlanHash, environ: Mapping[str, str] = os.environ) -> None:
    """Let this user's runs of the plan start its commands.

    Raises:
        GitexpError: if the state folder cannot be written.
    """
    folder = _folder(environ)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / plan).touch(mode=0o600)
    except OSError as error:
        raise GitexpError(
            f"cannot note that the plan is trusted: {error}",
            hint=f"make {folder} writable, or set XDG_STATE_HOME",
            code="cannot-write",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustView:
    """The commands a plan would run here."""

    id: ExperimentId
    plan_hash: PlanHash
    setup: str | None
    command: str | None
    next: tuple[str, ...]


def plan_commands(store: Store, exp: ExperimentId) -> TrustView:
    """What trusting the plan of this experiment would let run."""
    experiment = load(store, exp).experiment
    return TrustView(
        id=exp,
        plan_hash=experiment.plan_hash,
        setup=experiment.plan.setup,
        command=experiment.plan.command,
        next=(measuring(experiment.plan),),
    )


def require_trust(experiment: Experiment) -> None:
    """Nothing, for a plan this user may run.

    Raises:
        Refused: else, showing the commands that would run.
    """
    if is_trusted(experiment.plan_hash):
        return
    commands = [c for c in (experiment.plan.setup, experiment.plan.command) if c]
    raise Refused(
        f"the plan of {experiment.id} came from elsewhere and would run here: "
        + " ; ".join(commands),
        hint=f"read it with 'git exp show {experiment.id}', then: git exp trust {experiment.id}",
        code="not-trusted",
    )


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(state_folder(environ)) / "trusted"
