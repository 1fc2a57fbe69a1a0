"""What a command changed: one form for create, record, promote, rollback, restore and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import assert_never

from gitexp.app.assign import AssignedView
from gitexp.app.export import ExportView
from gitexp.app.init import InitView
from gitexp.app.trust import TrustView
from gitexp.app.views import CreatedView, ObservedView, RecordedView, Sizing
from gitexp.model import Stopping
from gitexp.refs import short
from gitexp.render import numbers, words
from gitexp.render.labels import commands, told
from gitexp.render.screen import Line, Screen, wrapped
from gitexp.render.sentences import found_effect, granted, guard_size


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """A change that was made, or would be.

    Attributes:
        command: Whose answer this is; names the JSON schema.
        headline: One sentence, no full stop.
        facts: A word and what there is to say about it, in order.
        add: Lines and commands to copy, so never wrapped.
        next: Commands to go on with, the likeliest first.
        undo: The command that undoes it.
        values: What the JSON document holds besides warnings, next and undo.
    """

    command: str
    headline: str
    facts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    undo: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)


Reported = (
    AssignedView | CreatedView | RecordedView | ObservedView | InitView | TrustView | ChangeReport
)
"""Every answer that is told as a report."""


def report(view: Reported) -> ChangeReport:
    """The view in the one form all of them are told in."""
    match view:
        case AssignedView():
            return assigned(view)
        case CreatedView():
            return created(view)
        case RecordedView():
            return recorded(view)
        case ObservedView():
            return observed(view)
        case InitView():
            return set_up(view)
        case TrustView():
            return trusted(view)
        case ChangeReport():
            return view
        case _:
            assert_never(view)


def changes_page(report: ChangeReport, screen: Screen) -> list[Line]:
    """The report as lines; its warnings belong on stderr."""
    lines = wrapped(report.headline, screen)
    for word, text in report.facts:
        lines += told(word, text, screen)
    lines += commands("add", report.add)
    lines += commands("next", report.next)
    return lines + (commands("undo", [report.undo]) if report.undo else [])


def exported(view: ExportView, format: str, target: str, size: int) -> ChangeReport:
    """The answer of `export` that wrote a file."""
    trials = sum(len(found.trials) for found in view.experiments)
    ids = [found.experiment.id for found in view.experiments]
    return ChangeReport(
        command="export",
        headline=f"{numbers.plural(trials, 'trial')} of {', '.join(ids)} written to {target}",
        values={"ids": ids, "format": format, "file": target, "trials": trials, "bytes": size},
    )


def created(view: CreatedView) -> ChangeReport:
    """The answer of `create`."""
    began = "exists already" if view.existed else "registered"
    facts = [("branch", f"{short(view.branch)}, to be compared with {short(view.target)}")]
    if view.worktree is not None:
        facts.append(("worktree", view.worktree))
    facts.append(("plan", view.plan_hash))
    if view.earliest_decision is not None:
        facts.append(
            ("decides", f"at block {view.earliest_decision} of {view.max_blocks} at the earliest")
        )
    plan = view.sizing.plan
    if plan.grant is not None:
        facts.append(("alpha", granted(plan.level, plan.grant)))
    facts += _sizing(view.sizing)
    facts += [("note" if at == 0 else "", note) for at, note in enumerate(view.notes)]
    return ChangeReport(
        command="create",
        headline=f"experiment {view.id} {began}",
        facts=tuple(facts),
        warnings=view.warnings,
        next=view.next,
        values={
            "id": view.id,
            "branch": view.branch,
            "plan_commit": view.plan_commit,
            "plan_hash": view.plan_hash,
            "target": view.target,
            "worktree": view.worktree,
            "checked_out": view.checked_out,
            "existed": view.existed,
            "earliest_decision": view.earliest_decision,
            "max_blocks": view.max_blocks,
            "alpha": plan.alpha,
            "grant": None if plan.grant is None else asdict(plan.grant),
            "detects": view.sizing.effect,
            "noise": None if view.sizing.noise is None else view.sizing.noise.sd,
            "guardrails": [
                {
                    "metric": size.guardrail.metric.name,
                    "needs": size.needs,
                    "is_resolvable": size.is_resolvable,
                }
                for size in view.sizing.guards
            ],
            "notes": view.notes,
        },
    )


def _sizing(of: Sizing) -> list[tuple[str, str]]:
    """What the plan can find, as far as the noise is known, and which guardrails it can resolve."""
    facts = []
    if of.noise is not None:
        found = found_effect(of.plan, of.effect)
        facts.append(("finds", f"{found} with probability .8, by the noise of {of.source}"))
    elif of.plan.command is not None:
        facts.append(("finds", "not known before the noise is measured: git exp run --aa"))
    if of.plan.stopping is Stopping.ALWAYS_VALID:
        facts.append(("", words.ANYTIME_PRICE))
    guards = [guard_size(size) for size in of.guards]
    return facts + [("guardrails" if at == 0 else "", text) for at, text in enumerate(guards)]


def assigned(view: AssignedView) -> ChangeReport:
    """The answer of `assign`."""
    return ChangeReport(
        command="assign",
        headline=f"{view.arm}, in block {view.block} of {view.id}",
        facts=(
            ("trial", view.trial),
            ("path", view.path),
            ("until", f"without a value in {numbers.short(view.hours)} h it is a failed trial"),
        ),
        next=view.next,
        values={
            "id": view.id,
            "trial": view.trial,
            "arm": view.arm,
            "block": view.block,
            "path": view.path,
            "hours": view.hours,
        },
    )


def recorded(view: RecordedView) -> ChangeReport:
    """The answer of `record`."""
    where = "unpaired" if view.block is None else f"block {view.block}"
    done = "was recorded already" if view.existed else "recorded"
    return ChangeReport(
        command="record",
        headline=f"trial {view.id} ({where}, {view.arm}) of {view.exp} {done}",
        facts=(("note", view.note),) if view.note else (),
        next=tuple(
            f"git exp record {view.exp} --for {view.id} -m {name}=VALUE" for name in view.awaits
        ),
        values={
            "id": view.id,
            "exp": view.exp,
            "arm": view.arm,
            "block": view.block,
            "outcome": view.outcome,
            "existed": view.existed,
            "awaits": view.awaits,
            "note": view.note,
        },
    )


def observed(view: ObservedView) -> ChangeReport:
    """The answer of `record --for`."""
    where = "unpaired" if view.block is None else f"block {view.block}"
    names = ", ".join(view.metrics)
    done = "was recorded already" if view.existed else "recorded"
    return ChangeReport(
        command="record",
        headline=f"{names} of trial {view.trial} ({where}, {view.arm}) of {view.exp} {done}",
        facts=(("note", view.note),) if view.note else (),
        values={
            "id": view.id,
            "exp": view.exp,
            "trial": view.trial,
            "arm": view.arm,
            "block": view.block,
            "metrics": view.metrics,
            "existed": view.existed,
            "note": view.note,
        },
    )


def set_up(view: InitView) -> ChangeReport:
    """The answer of `init`."""
    if not view.done:
        headline = "nothing to take out" if view.undone else "this clone is set up already"
    else:
        headline = "taken out" if view.undone else "this clone is set up"
    facts = [("changed" if at == 0 else "", text) for at, text in enumerate(view.done)]
    for remote, (records, experiments) in view.came.items():
        if records:
            which = f"{experiments} experiment{'s' * (experiments != 1)}"
            facts.append(("fetched", f"{records} records of {which} from {remote}"))
    return ChangeReport(
        command="init",
        headline=headline,
        facts=tuple(facts),
        warnings=view.warnings,
        add=view.add,
        next=view.next,
        undo=None if view.undone else "git exp init --undo",
        values={
            "done": view.done,
            "add": view.add,
            "remotes": view.remotes,
            "came": {
                remote: {"records": records, "experiments": experiments}
                for remote, (records, experiments) in view.came.items()
            },
            "undone": view.undone,
        },
    )


def trusted(view: TrustView) -> ChangeReport:
    """The answer of `trust`: the commands, so that they have been seen."""
    facts = [("set-up", view.setup), ("runs", view.command)]
    return ChangeReport(
        command="trust",
        headline=f"the commands of {view.id} may run here",
        facts=tuple((word, text) for word, text in facts if text),
        next=view.next,
        values={
            "id": view.id,
            "plan_hash": view.plan_hash,
            "setup": view.setup,
            "command": view.command,
        },
    )
