"""What a health check says: quiet, raised, or too little to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Signal(StrEnum):
    QUIET = "quiet"
    RAISED = "raised"
    NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check by a p-value, which holds for one look.

    Attributes:
        value: What was found; the function says which number. None when not estimable.
        p_value: Of chance alone; None when not estimable.
        threshold: Raised where p is below it.
        caveats: Why something is missing and what would help.
    """

    value: float | None
    p_value: float | None
    threshold: float
    signal: Signal
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A health check by an e-value, which may be looked at after every trial.

    Attributes:
        value: What was found; the function says which number. None when not estimable.
        e_value: Evidence against chance; chance alone reaches E at any time with probability 1/E
            at most. None when not estimable.
        threshold: Raised where E reaches it.
        caveats: Why something is missing and what would help.
    """

    value: float | None
    e_value: float | None
    threshold: float
    signal: Signal
    caveats: tuple[str, ...] = ()


def checked(value: float, p_value: float, threshold: float, caveats: tuple[str, ...] = ()) -> Check:
    """A check that could be made."""
    return Check(
        value=value,
        p_value=p_value,
        threshold=threshold,
        signal=Signal.RAISED if p_value < threshold else Signal.QUIET,
        caveats=caveats,
    )


def unchecked(threshold: float, why: str) -> Check:
    """A check that could not be made, and why."""
    return Check(
        value=None,
        p_value=None,
        threshold=threshold,
        signal=Signal.NOT_ESTIMABLE,
        caveats=(f"not estimable: {why}",),
    )
