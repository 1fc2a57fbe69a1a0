"""Values as what JSON has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from gitexp.codec.fields import format_time
from gitexp.health import Health
from gitexp.model import Metric, Problem


def metric_values(metric: Metric) -> dict[str, object]:
    return {"name": metric.name, "direction": metric.direction, "unit": metric.unit}


def health_values(health: Health) -> dict[str, object]:
    return {
        "check": health.check,
        "state": health.state,
        "value": health.value,
        "threshold": health.threshold,
        "advice": health.advice,
    }


def problem_values(problem: Problem) -> dict[str, object]:
    return {"kind": problem.kind, "text": problem.text, "where": problem.where}


def plain_object(values: Mapping[str, object]) -> dict[str, object]:
    return {str(key): _plain(value) for key, value in values.items()}


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return format_time(value)
        case Mapping():
            return plain_object(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
