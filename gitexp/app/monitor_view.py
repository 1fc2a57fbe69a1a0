"""What `monitor` answers; apart from what finds it, which needs numbers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from gitexp.errors import DONE, FATAL, NOT_BETTER
from gitexp.health import Health
from gitexp.model import ExperimentId, PlanHash, Revision, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to look at.

    Attributes:
        found: What, its number, its threshold, and what to do about it.
        next: The commands the verdict asks for.
    """

    exp: ExperimentId
    name: str
    plan: PlanHash
    revision: Revision
    state: State
    verdict: Verdict
    found: Health
    next: tuple[str, ...]

    @property
    def key(self) -> str:
        """The same for the same finding, whatever its numbers are by now."""
        trees = [self.revision.control_tree, self.revision.treatment_tree]
        parts = [self.exp, self.plan, *trees, self.found.check, self.found.state]
        text = json.dumps([*parts, self.found.subject])
        return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorView:
    """What one look found.

    Attributes:
        checked: The experiments that were looked at.
        unread: Those that could not be, and why; None: all of them.
        undelivered: Alerts the command did not take, and why; they are tried again next time.
    """

    checked: tuple[ExperimentId, ...]
    alerts: tuple[Alert, ...]
    unread: tuple[tuple[ExperimentId | None, str], ...]
    undelivered: tuple[tuple[Alert, str], ...] = ()

    def status(self, *, exit_code: bool) -> int:
        """The exit status; alerts count only when asked for."""
        if self.unread or self.undelivered:
            return FATAL
        return NOT_BETTER if exit_code and self.alerts else DONE
