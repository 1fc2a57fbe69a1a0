"""What `auto` tells while it goes through the experiments."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp.app.views import RunMessage
from gitexp.decision import Action
from gitexp.errors import BUDGET_REACHED, DONE, FATAL, REFUSED, GitexpError
from gitexp.model import ExperimentId, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something irreversible that comes next, in plain steps: told before it happens."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why what was to be done was not: the experiment is as it was."""

    code: str
    message: str
    hint: str
    status: int

    @staticmethod
    def of(error: GitexpError) -> Trouble:
        return Trouble(
            code=error.code, message=error.message, hint=error.hint, status=error.exit_status
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """One experiment, and what was done about it.

    Attributes:
        state, verdict: As they are now; None when it could not be read.
        action: What the verdict table asks for.
        done: Whether that was done just now.
        reason: Why, or why not, in words.
        next: What is left to type, the likeliest first.
        undo: The command that undoes what was done.
        blocks_run: Blocks run just now.
        stopped: Why the run ended, if there was one; 'max-…' for a budget.
    """

    id: ExperimentId
    state: State | None
    verdict: Verdict | None
    action: Action
    done: bool
    reason: str
    next: tuple[str, ...] = ()
    undo: str | None = None
    blocks_run: int = 0
    stopped: str | None = None
    trouble: Trouble | None = None

    @property
    def budget(self) -> str | None:
        """The budget that ended its run, if one did."""
        is_budget = self.stopped is not None and self.stopped.startswith("max-")
        return self.stopped if is_budget else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoView:
    """What `auto` answers."""

    experiments: tuple[Managed, ...]
    is_dry_run: bool

    @property
    def status(self) -> int:
        """The exit status: of several reasons the gravest, which is the largest."""
        found = [DONE]
        for managed in self.experiments:
            if managed.trouble is not None:
                found.append(REFUSED if managed.trouble.status == REFUSED else FATAL)
            if managed.budget is not None:
                found.append(BUDGET_REACHED)
        return max(found)


AutoMessage = RunMessage | Due | Managed
