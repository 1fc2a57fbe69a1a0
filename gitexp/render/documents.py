"""Every answer as a JSON document `gitexp.<command>/1`.

Keys are only ever added. Numbers keep full precision: seconds, bytes, fractions; what is infinite
or not estimable is null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, assert_never

from gitexp.app.answered import Answered
from gitexp.app.auto_view import AutoView
from gitexp.app.doctor_view import DoctorView
from gitexp.app.monitor_view import MonitorView
from gitexp.app.status_view import Budget, StatusRow, StatusView
from gitexp.app.views import (
    AnalysisView,
    LogEntry,
    LogView,
    LookTaken,
    PlanView,
    PowerView,
    RunEnded,
    RunMessage,
    RunStarted,
    SelfCompared,
    TrialDone,
)
from gitexp.render.analysis_document import analysis_values, power_values
from gitexp.render.auto import auto_values
from gitexp.render.doctor import doctor_values
from gitexp.render.monitor import monitor_values
from gitexp.render.plain import health_values, metric_values, plain_object, problem_values
from gitexp.render.verdict_line import verdict_line

if TYPE_CHECKING:
    from gitexp.render.views import View


def document(view: View) -> dict[str, object]:
    """The document of what a command answers."""
    match view:
        case StatusView():
            return _document("status", _status(view))
        case AnalysisView():
            return _document("analyze", analysis_values(view))
        case PlanView():
            return _document("show", _plan(view))
        case LogView():
            return _document("log", _log(view))
        case PowerView():
            return _document("power", power_values(view))
        case RunEnded():
            return run_object(view)
        case AutoView():
            return _document("auto", auto_values(view))
        case DoctorView():
            return _document("doctor", doctor_values(view))
        case MonitorView():
            return _document("monitor", monitor_values(view))
        case _:
            from gitexp.render.changes import report

            made = report(view)
            told = {"warnings": made.warnings, "next": made.next, "undo": made.undo}
            return _document(made.command, {**made.values, **told})


def run_object(message: RunMessage) -> dict[str, object]:
    """One object of the stream of `run --json`."""
    match message:
        case RunStarted():
            plan = message.experiment.plan
            return _event(
                "plan",
                {
                    "id": message.experiment.id,
                    "plan_hash": message.experiment.plan_hash,
                    "command": plan.command,
                    "control": message.comparison.control.commit,
                    "treatment": message.comparison.treatment.commit,
                    "host": message.host,
                    "warm_up": message.warm_up,
                    "blocks": {
                        "complete": message.blocks_done,
                        "left": message.blocks_left,
                        "max": plan.max_blocks,
                    },
                    "warnings": message.warnings,
                },
            )
        case TrialDone():
            return _event(
                "trial",
                {
                    "id": message.id,
                    "arm": message.arm,
                    "block": message.block,
                    "attempt": message.attempt,
                    "slot": message.slot,
                    "outcome": message.outcome,
                    "exit": message.exit_code,
                    "metrics": message.metrics,
                    "at_most_s": message.at_most_s,
                },
            )
        case LookTaken():
            analysis = message.view.analysis
            return _event(
                "look",
                {
                    "id": message.view.experiment.id,
                    "verdict": analysis.verdict,
                    "blocks": {
                        "complete": analysis.blocks.complete,
                        "left": message.blocks_left,
                        "max": analysis.blocks.max,
                    },
                    "effect": analysis.primary.effect,
                    "rel_effect": analysis.primary.rel_effect,
                    "interval": analysis.primary.interval,
                    "next_look": analysis.looks.next,
                    "at_most_s": message.at_most_s,
                },
            )
        case RunEnded():
            return verdict_line(message)
        case SelfCompared():
            return _event("aa", _self_compared(message))
        case Answered():
            return _event("answered", _answered(message))
        case _:
            assert_never(message)


def _document(command: str, values: Mapping[str, object]) -> dict[str, object]:
    return {"schema": f"gitexp.{command}/1", "ok": True, **plain_object(values)}


def _event(kind: str, values: Mapping[str, object]) -> dict[str, object]:
    return {"schema": "gitexp.run/1", "kind": kind, **plain_object(values)}


# --- status ---------------------------------------------------------------------------------


def _status(view: StatusView) -> dict[str, object]:
    summary = view.summary
    return {
        "experiments": [_row(row) for row in view.rows],
        "foreign": view.foreign,
        "summary": {
            "running": summary.running,
            "promoted": summary.promoted,
            "rolled_back": summary.rolled_back,
            "expired": summary.expired,
            "success_rate": summary.success_rate,
            "per_month": dict(summary.per_month),
            "judged": summary.judged,
            "false_promotions": summary.false_promotions,
            "days_since_promotion": summary.days_since_promotion,
        },
        "budget": None if view.budget is None else _budget(view.budget),
        "now": view.now,
    }


def _budget(budget: Budget) -> dict[str, object]:
    ledger = budget.ledger
    return {
        "q": budget.q,
        "spent": ledger.spent,
        "left": max(ledger.balance(budget.q), 0.0),
        "overdrawn": max(-ledger.balance(budget.q), 0.0),
        "excess": ledger.excess,
        "discoveries": ledger.discoveries,
        "next": budget.next,
        "ledger": [
            {
                "index": line.index,
                "id": line.plan.id,
                "plan_hash": line.plan.plan_hash,
                "created": line.plan.created,
                "level": line.plan.level,
                "grant": None if line.plan.grant is None else asdict(line.plan.grant),
                "due": line.due,
                "better": line.plan.better,
                "better_at": line.better_at,
            }
            for line in ledger.lines
        ],
    }


def _row(row: StatusRow) -> dict[str, object]:
    control_failed, treatment_failed = row.failed
    found = row.estimate
    return {
        "id": row.id,
        "state": row.state,
        "verdict": row.verdict,
        "reason": row.reason,
        "name": row.name,
        "hypothesis": row.hypothesis,
        "is_current": row.is_current,
        "source": row.source,
        "target": row.target,
        "control": row.control,
        "treatment": row.treatment,
        "metric": metric_values(row.metric),
        "scale": row.scale,
        "blocks": {
            "complete": row.complete,
            "max": row.max_blocks,
            "decided_at": row.decided_at,
            "waiting": dict(row.waiting),
            "awaiting": dict(row.awaiting),
        },
        "failed": {"control": control_failed, "treatment": treatment_failed},
        "uses": None if row.uses is None else {"control": row.uses[0], "treatment": row.uses[1]},
        "estimate": {
            "control_median": found.control_median,
            "treatment_median": found.treatment_median,
            "change": found.change,
            "interval": found.interval,
            "is_analysed": found.is_analysed,
        },
        "guardrails": [{"metric": name, "state": state} for name, state in row.guardrails],
        "health": [health_values(health) for health in row.health],
        "alerts": [health_values(alert) for alert in row.alerts],
        "created": row.created,
        "expires": row.expires,
        "ended": row.ended,
        "ending": row.ending,
        "per_month": row.per_month,
        "merge": row.merge,
        "problems": [problem_values(problem) for problem in row.problems],
        "next": row.next,
    }


def _self_compared(message: SelfCompared) -> dict[str, object]:
    floor = message.floor
    return {
        "id": message.experiment.id,
        "blocks_run": message.blocks_run,
        "elapsed_s": message.elapsed_s,
        "floor": None
        if floor is None
        else {
            "host": floor.host,
            "blocks": floor.blocks,
            "interval": floor.interval,
            "sd": floor.sd,
            "is_clean": floor.is_clean,
        },
    }


def _answered(message: Answered) -> dict[str, object]:
    judged = message.judged
    return {
        "id": message.id,
        "verdict": judged.verdict,
        "stopped": "answered",
        "blocks_run": 0,
        "answered_by": message.by,
        "decided": judged.at,
        "blocks": judged.blocks,
        "metric": metric_values(message.metric),
        "scale": message.scale,
        "effect": judged.effect,
        "next": message.next,
    }


# --- show and log ---------------------------------------------------------------------------


def _plan(view: PlanView) -> dict[str, object]:
    experiment, now = view.experiment, view.comparison
    return {
        "id": experiment.id,
        "state": experiment.state,
        "plan": json.loads(experiment.canonical),
        "plan_hash": experiment.plan_hash,
        "plan_commit": experiment.plan_commit,
        "decider": experiment.decider,
        "expires": experiment.plan.expires,
        "control": None if now is None else now.control.commit,
        "treatment": None if now is None else now.treatment.commit,
        "is_trusted": view.is_trusted,
        "revisions_used": view.revisions_used,
        "unknown": view.unknown,
        "problems": [problem_values(problem) for problem in experiment.problems],
    }


def _log(view: LogView) -> dict[str, object]:
    return {
        "id": view.experiment.id,
        "records": [entry_values(entry) for entry in view.entries],
        "problems": [problem_values(problem) for problem in view.experiment.problems],
    }


def entry_values(entry: LogEntry) -> dict[str, object]:
    """A record as `log --json` has it."""
    # the stored line itself: fields of newer versions come along
    stored: dict[str, object] = json.loads(entry.record.line)
    if entry.hides_values and "metrics" in stored:
        stored["metrics"] = {}
        stored.pop("window", None)
    return {**stored, "marks": entry.marks, "tail": entry.tail}
