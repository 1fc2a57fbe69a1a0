"""A yes-or-no primary metric in windows: what their shares show, all uses have to bear out.

The shares are tested as numbers, since the uses of a window have much in common. But where an event
is rarer than one a window, an arm of few uses shows none in any of them, and shares without spread
look like proof. So a look counts only if the score interval of all uses agrees
(docs/decisions/0117-rates-in-windows.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gitexp.blocks import RunTrial
from gitexp.model import Arm, Plan
from gitexp.policy.walk import Signal
from gitexp.stats.looks import Look
from gitexp.stats.proportions import newcombe


def borne_out(
    plan: Plan,
    signals: Iterable[Signal],
    looks: Sequence[Look],
    entries: Sequence[Sequence[RunTrial]],
    region: tuple[float, float],
) -> tuple[Signal, ...]:
    """The signals; of rates in windows without those that the uses do not bear out.

    Args:
        entries: The trials of each entry of the sample, in replay order.
        region: ± min-effect, a difference of shares.
    """
    if not plan.windows or plan.primary.unit != "bool":
        return tuple(signals)
    return tuple(
        _checked(plan, signal, look, entries[: look.used], region)
        for signal, look in zip(signals, looks, strict=True)
    )


def _checked(
    plan: Plan,
    signal: Signal,
    look: Look,
    entries: Sequence[Sequence[RunTrial]],
    region: tuple[float, float],
) -> Signal:
    if not signal.crossed and not signal.is_equivalent:
        return signal
    control, treatment = (_uses(plan, entries, arm) for arm in Arm)
    found = newcombe(control, treatment, level=look.nominal)
    is_equivalent = signal.is_equivalent and region[0] < found.low and found.high < region[1]
    is_apart = found.low > 0.0 if look.crossed > 0 else found.high < 0.0
    if signal.crossed and not is_apart:
        signal = replace(signal, crossed=False, is_better=False, is_worse=False)
    return replace(signal, is_equivalent=is_equivalent)


def _uses(plan: Plan, entries: Sequence[Sequence[RunTrial]], arm: Arm) -> tuple[int, int]:
    """In how many uses of this arm the answer was yes, and of how many."""
    yes = uses = 0
    for run in (run for entry in entries for run in entry if run.trial.arm is arm):
        value, window = run.value(plan.primary), run.trial.window
        if value is not None and window is not None:
            yes += round(min(max(value, 0.0), 1.0) * window.count)
            uses += window.count
    return yes, uses
