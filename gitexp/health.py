"""Checks of the evidence itself; a failed one makes the verdict `invalid`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HealthState(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    """Blocks the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One check of the evidence itself.

    Attributes:
        advice: What to do about it; empty when all is well.
        subject: What it is about where there can be several of one check: a metric, trials. Two
            findings of one subject are the same finding, whatever their numbers are by then.
    """

    check: str
    state: HealthState
    value: str
    threshold: str
    advice: str
    subject: str = ""
