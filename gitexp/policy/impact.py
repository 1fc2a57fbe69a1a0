"""What a change is worth in a month of use."""

from __future__ import annotations

from gitexp.decision import Impact, PrimaryResult
from gitexp.model import Plan, Scale


def impact_of(plan: Plan, primary: PrimaryResult) -> Impact | None:
    """The effect of one use times the uses; None when either is not known.

    On the log scale an effect is a share of the control's median, and so are the interval's ends.
    """
    if plan.uses_per_month is None or primary.effect is None:
        return None
    low, high = primary.interval
    per_use = 1.0
    if primary.scale is Scale.LOG:
        assert primary.control.median is not None, "an effect in metric units was made of it"
        per_use = primary.control.median
    return Impact(
        unit=plan.primary.unit,
        per_use=primary.effect,
        uses_per_month=plan.uses_per_month,
        interval=(low * per_use * plan.uses_per_month, high * per_use * plan.uses_per_month),
    )
