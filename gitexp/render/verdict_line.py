"""The verdict that ends `run --json`: at most 2 KiB, for whoever pays for what they read.

What an analysis tells of many metrics and checks is told worst first, as far as it fits, and
counted where it does not; `analyze --json` has all of it, under the same keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from gitexp.app.views import RunEnded
from gitexp.decision import ArmCounts, ArmSummary, GuardrailResult, PrimaryResult
from gitexp.health import Health, HealthState
from gitexp.model import GuardState
from gitexp.render.plain import plain_object

LIMIT = 2048
"""Bytes of the line with its newline."""
_LISTS = ("guardrails", "alerts", "health")
_COUNT = 10_000
"""Stands for what is left out while it is not known: no smaller number is longer."""


def verdict_line(ended: RunEnded) -> dict[str, object]:
    """The object, in plain JSON values."""
    line = plain_object(_always(ended))
    lists: dict[str, list[object]] = {name: [] for name in _LISTS}
    left_out = dict.fromkeys(_LISTS, _COUNT)
    line |= {**lists, "left_out": left_out}
    told = dict.fromkeys(_LISTS, 0)
    for name, values in _worst_first(ended):
        told[name] += 1
        lists[name].append(plain_object(values))
        if len(json.dumps(line)) >= LIMIT:
            lists[name].pop()
    left_out |= {name: told[name] - len(lists[name]) for name in _LISTS}
    return line


def _always(ended: RunEnded) -> dict[str, object]:
    analysis, reached = ended.view.analysis, ended.reached
    blocks, looks = analysis.blocks, analysis.looks
    return {
        "schema": "gitexp.run/1",
        "kind": "verdict",
        "id": ended.view.experiment.id,
        "verdict": analysis.verdict,
        "action": analysis.action,
        "reason": _clip(analysis.reason, 120),
        "stopped": ended.stopped,
        "reached": None
        if reached is None
        else {
            "budget": reached.budget,
            "metric": reached.metric,
            "limit": reached.limit,
            "used": reached.used,
        },
        "blocks_run": ended.blocks_run,
        "elapsed_s": ended.elapsed_s,
        "next": ended.view.next,
        "control": _arm(analysis.control),
        "treatment": _arm(analysis.treatment),
        "blocks": {
            "complete": blocks.complete,
            "used": blocks.used,
            "waiting": blocks.waiting,
            "max": blocks.max,
            "after": blocks.after,
        },
        "primary": _primary(analysis.primary),
        "looks": {"next": looks.next, "crossed_at": looks.crossed_at},
    }


def _primary(found: PrimaryResult) -> dict[str, object]:
    return {
        "metric": _clip(found.metric.name, 100),
        "unit": None if found.metric.unit is None else _clip(found.metric.unit, 30),
        "direction": found.direction,
        "scale": found.scale,
        "test": found.test,
        "control": _median(found.control),
        "treatment": _median(found.treatment),
        "effect": found.effect,
        "rel_effect": found.rel_effect,
        "interval": found.interval,
        "level": found.level,
        "p_value": found.p_value,
        "nominal_level": found.nominal_level,
    }


def _arm(arm: ArmCounts) -> dict[str, object]:
    n = arm.ok + arm.failed + arm.timeout
    return {"commit": arm.commit, "n": n, "failed": arm.failed, "timeout": arm.timeout}


def _median(arm: ArmSummary) -> dict[str, object]:
    return {"n": arm.n, "median": arm.median}


def _worst_first(ended: RunEnded) -> Iterator[tuple[str, dict[str, object]]]:
    analysis = ended.view.analysis
    bad = [found for found in analysis.guardrails if found.state is not GuardState.OK]
    good = [found for found in analysis.guardrails if found.state is GuardState.OK]
    ailing = [health for health in analysis.health if health.state is not HealthState.OK]
    yield from (("guardrails", _guardrail(found)) for found in bad)
    yield from (("alerts", _health(alert)) for alert in analysis.alerts)
    yield from (("health", _health(health)) for health in ailing)
    yield from (("guardrails", _guardrail(found)) for found in good)


def _guardrail(found: GuardrailResult) -> dict[str, object]:
    return {
        "metric": _clip(found.metric.name, 100),
        "state": found.state,
        "margin": found.margin,
        "bound": found.bound,
    }


def _health(health: Health) -> dict[str, object]:
    return {"check": health.check, "state": health.state, "value": _clip(health.value, 120)}


def _clip(text: str, most: int) -> str:
    """The text in so many bytes of ASCII JSON, the end replaced where it is longer."""
    if len(json.dumps(text)) - 2 <= most:
        return text
    room = most - len("\\u2026")
    while len(json.dumps(text)) - 2 > room:
        text = text[: -max(1, (len(json.dumps(text)) - 2 - room) // 6)]
    return f"{text}…"
