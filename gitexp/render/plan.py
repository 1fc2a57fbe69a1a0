"""The plan of an experiment, as it was registered."""

from __future__ import annotations

import math
from typing import assert_never

from gitexp.app.views import PlanView
from gitexp.ledger import level_of
from gitexp.model import BUILT_IN_METRICS, Goal, Plan, Scale, Spending, Stopping, Watch
from gitexp.notation import extract_text
from gitexp.refs import short
from gitexp.render import numbers, sentences, words
from gitexp.render.analysis import smallest_effect
from gitexp.render.labels import WIDTH, heading, label, labelled, told
from gitexp.render.screen import Line, Screen, line, wrapped
from gitexp.render.text import clean_lines


def plan_page(view: PlanView, screen: Screen) -> list[Line]:
    """The answer of `show`."""
    experiment, plan = view.experiment, view.experiment.plan
    lines = [
        *heading(plan.id, plan.name, line(words.state(experiment.state)), screen),
        *told("expects", plan.hypothesis, screen),
        *_description(plan, screen),
        *told("compares", _arms(view), screen),
        *_measured(plan, screen),
        *told("decides", _decision(view), screen),
        *_granted(plan, screen),
        *_commands(view, screen),
    ]
    automatic = [
        word
        for word, on in (("promote", plan.auto_promote), ("rollback", plan.auto_rollback))
        if on
    ]
    lines += told("auto", f"may {' and '.join(automatic)}" if automatic else "only reports", screen)
    made = f"{plan.created:%Y-%m-%d %H:%M} UTC by {plan.decider}, ends {plan.expires:%Y-%m-%d}"
    lines += told("made", made + (f", like {plan.like}" if plan.like else ""), screen)
    if experiment.decider != plan.decider:
        lines += told("decider", f"{experiment.decider}, by a handover", screen)
    lines += labelled("hash", [line(experiment.plan_hash)])
    if view.unknown:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(view.unknown.items()))
        lines += told("unknown", f"records a newer gitexp wrote, kept unread: {kinds}", screen)
    return lines


def _description(plan: Plan, screen: Screen) -> list[Line]:
    lines = [
        part
        for text in clean_lines(plan.description)
        for part in wrapped(text, screen.narrower(WIDTH))
    ]
    return labelled("about", lines)


def _arms(view: PlanView) -> str:
    plan = view.experiment.plan
    target = short(plan.target)
    now = view.comparison
    if now is None:
        return f"exp/{plan.id} with {target} (base {plan.base[:7]})"
    return f"control {target}@{now.control.commit[:7]}, treatment {now.treatment.commit[:7]}"


def _measured(plan: Plan, screen: Screen) -> list[Line]:
    unit = plan.primary.unit if plan.primary.name not in BUILT_IN_METRICS else None
    primary = words.metric(plan.primary) + (f" in {unit}" if unit else "")
    if plan.goal is Goal.NO_REGRESSION:
        worst = words.limit(plan.primary, plan.max_regression, is_relative=plan.scale is Scale.LOG)
        primary += f", not worse than {worst}"
    elif plan.min_effect > 0:
        primary += f", at least {smallest_effect(plan)}"
    lines = told("primary", primary, screen)
    guards = [line(f"{words.metric(g.metric)} within {words.margin(g)}") for g in plan.guardrails]
    lines += labelled("guards", guards)
    watched = ", ".join(_watched(watch) for watch in plan.watches)
    lines += told("watches", watched, screen)
    lines += told("reads", ", ".join(map(extract_text, plan.extracts)), screen)
    lines += told("secondary", ", ".join(map(words.metric, plan.secondary)), screen)
    if plan.command_name is not None:
        lines += told("uses of", plan.command_name, screen)
    if plan.uses_per_month is not None:
        lines += told("used", f"{numbers.short(plan.uses_per_month)} times a month", screen)
    return lines


def _watched(watch: Watch) -> str:
    if watch.floor is None:
        return words.metric(watch.metric)
    return f"{words.metric(watch.metric)} floor {words.floor(watch.metric, watch.floor)}"


def _decision(view: PlanView) -> str:
    plan = view.experiment.plan
    text = (
        f"{words.test(plan.test)} on {words.block_number(plan.scale)}, α "
        f"{numbers.short(plan.alpha)}, {_rule(plan)}"
    )
    used = f"{view.revisions_used} of {numbers.plural(plan.revisions, 'revision')} used"
    return f"{text}; {used}"


def _granted(plan: Plan, screen: Screen) -> list[Line]:
    """Where the level comes from, and whether it is what comes of that."""
    if plan.grant is None:
        return []
    text = sentences.granted(plan.level, plan.grant)
    due = level_of(plan.grant)
    if not math.isclose(plan.level, due, rel_tol=1e-9):
        text += f"; what it names gives {numbers.short(due, 2)}"
    return told("granted", text, screen)


def _rule(plan: Plan) -> str:
    when = f"after every block from {plan.min_blocks} to {plan.max_blocks}"
    match plan.stopping:
        case Stopping.FIXED:
            rule = f"once, after block {plan.max_blocks}"
        case Stopping.ALWAYS_VALID:
            rule = f"always-valid: {when}"
        case Stopping.GROUP_SEQUENTIAL:
            evenly = ", spent evenly" if plan.spending is Spending.POCOCK else ""
            rule = f"group-sequential{evenly}: {when}"
        case _:
            assert_never(plan.stopping)
    if plan.spends_on_expiry:
        rule += f"; what is left of it on {plan.expires:%Y-%m-%d}, only counts are shown until then"
    return rule


def _commands(view: PlanView, screen: Screen) -> list[Line]:
    plan = view.experiment.plan
    if plan.windows:
        return told("runs", "nothing: windows of live use are recorded, their means tested", screen)
    if plan.command is None:
        return told("runs", "nothing: trials are recorded from elsewhere", screen)
    lines = _literal("runs", plan.command)
    if plan.setup is not None:
        lines += _literal("set-up", plan.setup)
    limits = f"each at most {numbers.span(plan.timeout_s)}"
    if plan.warm_up:
        limits += f", {numbers.plural(plan.warm_up, 'warm-up block')} at the start of a run"
    if not view.is_trusted:
        limits += "; not trusted here yet"
    lines += told("", limits, screen)
    lines += told("links", ", ".join(plan.links), screen)
    return lines + told("harness", ", ".join(plan.harness), screen)


def _literal(word: str, command: str) -> list[Line]:
    """A command as it is, line by line: reviewing it must not mean trusting our wrapping."""
    shown = clean_lines(command) or [""]
    return [line(label("" if at else word), text) for at, text in enumerate(shown)]
