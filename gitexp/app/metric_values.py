"""Values of metrics from outside: read, and checked before anything is recorded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from gitexp.errors import Refused, UsageError
from gitexp.model import BUILT_IN_METRICS, LARGEST_VALUE, Plan, Scale, Window

_MOST_USES = 10**12
_METRIC_NAME = re.compile(r"[^\s=:][^\s=]{0,199}\Z")


def parse_metrics(texts: Sequence[str]) -> dict[str, float]:
    """The values in texts 'name=value', in base units.

    Raises:
        UsageError: for one that cannot be read, or is given twice.
    """
    metrics: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not _is_value(name, value):
            raise UsageError(
                f"{text!r} is not a metric with a finite value", hint="write -m NAME=12.3"
            )
        if name in metrics:
            raise UsageError(f"{name} is given twice", hint="one trial gives one value per metric")
        metrics[name] = value
    check_values(metrics)
    return metrics


def parse_window(text: str, variances: Sequence[str]) -> Window:
    """The window in 'count=5000,failures=12', with variances as texts 'name=value'.

    Raises:
        UsageError: when it cannot be read.
    """
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        if name not in ("count", "failures") or name in counts or not number.isascii():
            raise _no_window(text)
        if not number.isdigit() or int(number) > _MOST_USES:
            raise _no_window(text)
        counts[name] = int(number)
    if counts.get("count", 0) < 1 or counts.get("failures", 0) > counts["count"]:
        raise _no_window(text)
    known = parse_metrics(variances)
    for name, value in known.items():
        if value < 0:
            raise UsageError(
                f"a variance is never below 0: {name}={value:g}", hint=f"--variance {name}=0.04"
            )
    return Window(count=counts["count"], failures=counts.get("failures", 0), variances=known)


def _no_window(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is no window: whole numbers, at least one use, no more failures than uses",
        hint="--window count=5000,failures=12",
    )


def check_values(metrics: Mapping[str, float]) -> None:
    """Nothing, when a record can hold each of these.

    Raises:
        UsageError: for a name or a value that none can hold.
    """
    for name, value in metrics.items():
        if not _is_value(name, value):
            raise UsageError(
                f"'{name}={value}' is not a metric with a finite value", hint="write -m NAME=12.3"
            )
        if abs(value) > LARGEST_VALUE:
            raise UsageError(
                f"'{name}={value:g}' is beyond {LARGEST_VALUE:g}", hint="write it in a larger unit"
            )


def undeclared_note(plan: Plan, metrics: Mapping[str, float]) -> str | None:
    """What to say of metrics that no part of the plan names."""
    known = {metric.name for metric in plan.declared} | BUILT_IN_METRICS.keys()
    others = [name for name in metrics if name not in known]
    if not others:
        return None
    return f"the plan does not name {', '.join(others[:5])}: kept, shown in log, used nowhere else"


def awaited(plan: Plan, metrics: Mapping[str, float]) -> tuple[str, ...]:
    """The plan's metrics without a value among these, in the plan's order."""
    names = dict.fromkeys(metric.name for metric in plan.declared)
    return tuple(name for name in names if name not in metrics)


def _is_value(name: str, value: float) -> bool:
    return bool(_METRIC_NAME.match(name)) and math.isfinite(value)


def check_meaning(plan: Plan, metrics: Mapping[str, float], *, where: str = "") -> None:
    """Nothing, when the plan can use each of these.

    Args:
        where: Where the values stand, ' in FILE', for the message.

    Raises:
        Refused: for a yes-or-no metric that is neither, or a ratio of what is not above 0.
    """
    units = {metric.name: metric.unit for metric in plan.declared}
    for name, value in metrics.items():
        if units.get(name) == "bool" and not plan.windows and value not in (0.0, 1.0):
            raise Refused(
                f"{name} is {value:g}{where}, and the plan takes 0 or 1",
                hint=f"map another name to it: --map NAME={name}" if where else f"-m {name}=1",
                code="not-bool",
            )
        if name == plan.primary.name and plan.scale is Scale.LOG and value <= 0:
            raise Refused(
                f"{name} is {value:g}{where}, and the plan compares logarithms",
                hint=f"git exp create --like {plan.id} --scale difference",
                code="not-positive",
            )
