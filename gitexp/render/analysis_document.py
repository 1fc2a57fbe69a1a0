"""The keys of `analyze --json` and of `power --json`."""

from __future__ import annotations

from gitexp.app.views import AnalysisView, PowerView
from gitexp.decision import (
    ArmCounts,
    ArmSummary,
    GuardrailResult,
    Impact,
    PrimaryResult,
    SecondaryResult,
    WatchResult,
)
from gitexp.model import Stopping
from gitexp.other_tests import Others
from gitexp.render.plain import health_values

INTERVAL_KINDS = {
    Stopping.GROUP_SEQUENTIAL: "repeated",
    Stopping.ALWAYS_VALID: "always-valid",
    Stopping.FIXED: "fixed",
}
"""What makes the interval hold: every scheduled look, any look at all, or one look."""


def analysis_values(view: AnalysisView) -> dict[str, object]:
    analysis, plan = view.analysis, view.experiment.plan
    blocks, looks = analysis.blocks, analysis.looks
    return {
        "id": view.experiment.id,
        "verdict": analysis.verdict,
        "action": analysis.action,
        "reason": analysis.reason,
        "plan": {
            "hash": view.experiment.plan_hash,
            "alpha": analysis.alpha,
            "min_blocks": plan.min_blocks,
            "max_blocks": plan.max_blocks,
            "stopping": plan.stopping,
            "spending": plan.spending,
            "on_expiry": "spend" if plan.spends_on_expiry else None,
            "test": plan.test,
        },
        "revision": {
            "control_tree": analysis.revision.control_tree,
            "treatment_tree": analysis.revision.treatment_tree,
        },
        "control": _arm(analysis.control),
        "treatment": _arm(analysis.treatment),
        "blocks": {
            "complete": blocks.complete,
            "used": blocks.used,
            "waiting": blocks.waiting,
            "awaiting": dict(blocks.awaiting),
            "max": blocks.max,
            "after": blocks.after,
            "both_failed": blocks.both_failed,
            "retracted": blocks.retracted,
            "late": blocks.late,
            "unpaired": blocks.unpaired,
            "waiting_by": dict(blocks.waiting_by),
        },
        "primary": _result(analysis.primary, plan.stopping),
        "after": None if analysis.after is None else _result(analysis.after, plan.stopping),
        "looks": {
            "next": looks.next,
            "crossed_at": looks.crossed_at,
            "boundary": looks.critical,
            "last": looks.last,
            "decided_at": looks.decided_at,
            "ended_at": looks.ended_at,
        },
        "guardrails": [_guardrail(found) for found in analysis.guardrails],
        "watches": [_watch(found) for found in analysis.watches],
        "secondary": [_secondary(found, plan.stopping) for found in analysis.secondary],
        "alerts": [health_values(alert) for alert in analysis.alerts],
        "health": [health_values(health) for health in analysis.health],
        "criteria": [{"name": c.name, "met": c.met, "text": c.text} for c in analysis.criteria],
        "impact": None if analysis.impact is None else _impact(analysis.impact),
        "blocks_needed": analysis.blocks_needed,
        "others": None if view.others is None else _others(view.others),
        "next": view.next,
    }


def _arm(arm: ArmCounts) -> dict[str, object]:
    return {
        "commit": arm.commit,
        "n": arm.ok + arm.failed + arm.timeout,
        "ok": arm.ok,
        "failed": arm.failed,
        "timeout": arm.timeout,
        "uses": arm.uses,
        "failed_uses": arm.failed_uses,
        "void": arm.void,
    }


def _result(found: PrimaryResult, stopping: Stopping) -> dict[str, object]:
    return {
        "metric": found.metric.name,
        "unit": found.metric.unit,
        "direction": found.direction,
        "test": found.test,
        "scale": found.scale,
        "control": _summary(found.control),
        "treatment": _summary(found.treatment),
        "effect": found.effect,
        "rel_effect": found.rel_effect,
        "interval": found.interval,
        "ends_included": found.ends_included,
        "level": found.level,
        "interval_kind": INTERVAL_KINDS[stopping],
        "p_value": found.p_value,
        "nominal_level": found.nominal_level,
        "statistic": found.statistic,
        "df": found.df,
        "hedges_g": found.hedges_g,
        "cohens_d": found.cohens_d,
        "d_z": found.d_z,
        "caveats": found.caveats,
    }


def _summary(arm: ArmSummary) -> dict[str, object]:
    return {
        "n": arm.n,
        "mean": arm.mean,
        "sd": arm.sd,
        "median": arm.median,
        "min": arm.low,
        "max": arm.high,
    }


def _guardrail(found: GuardrailResult) -> dict[str, object]:
    return {
        "metric": found.metric.name,
        "margin": found.margin,
        "is_relative": found.is_relative,
        "control": found.control,
        "treatment": found.treatment,
        "change": found.change,
        "bound": found.bound,
        "least": found.least,
        "state": found.state,
        "fell_at": found.fell_at,
    }


def _watch(found: WatchResult) -> dict[str, object]:
    return {
        "metric": found.metric.name,
        "unit": found.metric.unit,
        "floor": found.floor,
        "control": found.control,
        "treatment": found.treatment,
        "n": found.n,
        "broken_at": found.broken_at,
    }


def _secondary(found: SecondaryResult, stopping: Stopping) -> dict[str, object]:
    return {**_result(found.result, stopping), "adjusted_p": found.adjusted_p}


def _impact(found: Impact) -> dict[str, object]:
    return {
        "unit": found.unit,
        "per_use": found.per_use,
        "uses_per_month": found.uses_per_month,
        "per_month": found.per_month,
        "interval": found.interval,
        "per_year": 12 * found.per_month,
    }


def _others(found: Others) -> dict[str, object]:
    return {
        "level": found.level,
        "used": found.used,
        "tests": [
            {
                "method": row.method,
                "estimate": row.estimate,
                "interval": row.interval,
                "p_value": row.p_value,
                "n": row.n,
                "left_out": row.left_out,
                "ignores_pairs": row.ignores_pairs,
                "is_registered": row.is_registered,
                "caveats": row.caveats,
            }
            for row in found.tests
        ],
        "effect_sizes": [
            {"name": size.name, "value": size.value, "interval": size.interval}
            for size in found.effect_sizes
        ],
    }


def power_values(view: PowerView) -> dict[str, object]:
    """The keys of `power --json`."""
    plan = view.plan
    return {
        "metric": plan.primary.name,
        "unit": plan.primary.unit,
        "scale": plan.scale,
        "test": plan.test,
        "stopping": plan.stopping,
        "alpha": plan.alpha,
        "power": view.power,
        "noise": {"sd": view.noise.sd, "blocks": view.noise.blocks, "source": view.source},
        "max_blocks": plan.max_blocks,
        "effect": view.effect,
        "wanted": view.wanted,
        "needed": view.needed,
        "finds": [{"blocks": n, "effect": effect} for n, effect in view.finds],
        "guardrails": [
            {
                "metric": g.guardrail.metric.name,
                "margin": g.guardrail.margin,
                "is_relative": g.guardrail.is_relative,
                "needs": g.needs,
                "is_resolvable": g.is_resolvable,
            }
            for g in view.guards
        ],
    }
