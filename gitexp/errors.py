"""Expected failures: what happened in the user's words, and one thing to type."""

from __future__ import annotations

DONE = 0
NOT_BETTER = 1
NO_DECISION = 3
INVALID = 4
BUDGET_REACHED = 5
REFUSED = 6
FATAL = 128
USAGE = 129
INTERRUPTED = 130


class GitexpError(Exception):
    """A failure the user can understand and act on.

    Args:
        message: What happened, one line, no trailing full stop.
        hint: One thing to type or do next.
        code: Stable machine name of the kind of failure, for `--json`.
    """

    exit_status = FATAL
    code = "failed"

    def __init__(self, message: str, *, hint: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class UsageError(GitexpError):
    """The command line asks for something that cannot be meant."""

    exit_status = USAGE
    code = "usage"


class Refused(GitexpError):
    """The command is understood, and the state of things forbids it."""

    exit_status = REFUSED
    code = "refused"


class Cancelled(GitexpError):
    """The user stopped a command before it changed anything."""

    exit_status = INTERRUPTED
    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("cancelled: nothing was changed", hint="run it again when you are ready")


class UnknownExperiment(GitexpError):
    """No experiment has this id."""

    code = "unknown-experiment"


class UnknownTrial(GitexpError):
    """No trial has this id, or more than one."""

    code = "unknown-trial"


class CorruptEvidence(GitexpError):
    """What is stored under our refs cannot be what we wrote."""

    code = "corrupt"


class StaleRef(GitexpError):
    """A ref moved between our read and our write; nothing was changed."""

    code = "stale-ref"
