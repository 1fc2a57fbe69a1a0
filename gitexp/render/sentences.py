"""What was found, in one sentence without the verdict's name."""

from __future__ import annotations

import math

from gitexp.app.views import AnalysisView
from gitexp.decision import Analysis, GuardrailResult, GuardSize, PrimaryResult
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, Direction, Goal, Grant, GuardState, Plan, Verdict
from gitexp.render import numbers, words


def verdict_sentence(view: AnalysisView) -> str:
    """The result of an analysis.

    'treatment −4.5% in time (95% repeated interval −8.0% to −0.9%), decided at block 10 of 20;
    2 later blocks not used'
    """
    analysis, plan = view.analysis, view.experiment.plan
    blocks, looks = analysis.blocks, analysis.looks
    harmed = ", ".join(_harm(g) for g in harmed_guardrails(analysis))
    where = f", {blocks.complete} of {numbers.plural(blocks.max, 'block')}"
    if analysis.verdict is Verdict.UNDECIDED:
        where = f", ended undecided after {numbers.plural(blocks.complete - blocks.after, 'block')}"
    elif looks.decided_at is not None:
        where = f", decided at block {looks.decided_at} of {blocks.max}"
    text = _found(plan, analysis.verdict, _change(analysis, plan), where, harmed)
    if blocks.after:
        return f"{text}; {numbers.plural(blocks.after, 'later block')} not used"
    if looks.next is not None and looks.decided_at is None:
        order = "first" if looks.last is None else "next"
        return f"{text}; {order} look at block {looks.next}"
    return text


def decision_text(experiment: Experiment) -> str | None:
    """The recorded decision, its verdict's name before it; None without one."""
    decided, plan = experiment.last_decision(), experiment.plan
    if decided is None:
        return None
    change = numbers.change(decided.effect, plan.primary, plan.scale)
    low, high = decided.interval
    ends = (-math.inf if low is None else low, math.inf if high is None else high)
    interval = numbers.interval(ends, plan.primary, plan.scale)
    kind = words.interval_name(plan.stopping)
    found = (change, f" ({numbers.level(decided.level)} {kind} {interval})")
    where = f", decided at block {decided.blocks} of {plan.max_blocks}"
    if decided.verdict is Verdict.UNDECIDED:
        where = f", ended undecided after {numbers.plural(decided.blocks, 'block')}"
    harmed = "a guardrail harmed" if _is_harm_elsewhere(decided, plan) else ""
    return f"{decided.verdict}: {_found(plan, decided.verdict, found, where, harmed)}"


def harmed_guardrails(analysis: Analysis) -> tuple[GuardrailResult, ...]:
    """The guardrails that made the verdict what it is."""
    end = analysis.looks.ended_at
    if end is None or analysis.verdict not in (Verdict.WORSE, Verdict.BLOCKED):
        return ()
    return tuple(
        g
        for g in analysis.guardrails
        if g.state is GuardState.HARMED and g.fell_at is not None and g.fell_at <= end
    )


def found_effect(plan: Plan, size: float | None) -> str:
    """An effect that so many blocks find, in the good direction."""
    if size is None:
        return "nothing, however large"
    good = -1 if plan.primary.direction is Direction.LOWER else 1
    return numbers.change(good * size, plan.primary, plan.scale)


def guard_size(found: GuardSize) -> str:
    """Whether the plan's blocks can show the guardrail to be within its margin."""
    name = f"{words.metric(found.guardrail.metric)} within {words.margin(found.guardrail)}"
    if found.needs is None:
        return f"{name}: no number of blocks shows it"
    needs = f"takes about {numbers.plural(found.needs, 'block')} without harm"
    if found.is_resolvable:
        return f"{name}: {needs}"
    return f"{name}: {needs}, more than the {found.max_blocks} of the plan"


def _found(
    plan: Plan, verdict: Verdict, found: tuple[str, str] | None, where: str, harmed: str
) -> str:
    """The sentence.

    Args:
        found: The change and what is to be said about it; None: there is no estimate.
        where: How many blocks it took, with a comma before it.
    """
    name = plan.primary.name
    if found is None:
        return f"{harmed or f'no estimate of {name} yet'}{where}"
    change, detail = found
    if harmed and verdict is Verdict.BLOCKED:
        # what stands there is the look that crossed, not the one at which harm was shown
        return f"{harmed}; {name} {change}{detail}{where}"
    if harmed:
        return f"{harmed}{where}; {name} {change}{detail}"
    margin = words.margin(words.goal(plan))
    if plan.goal is Goal.NO_REGRESSION and verdict is Verdict.BETTER:
        return f"not worse than {margin} in {name}: {change}{detail}{where}"
    if plan.goal is Goal.NO_REGRESSION and verdict is Verdict.WORSE:
        return f"worse than {margin} in {name}: {change}{detail}{where}"
    return f"treatment {change} in {name}{detail}{where}"


def _change(analysis: Analysis, plan: Plan) -> tuple[str, str] | None:
    primary = analysis.primary
    effect = words.effect(primary)
    if effect is None:
        return None
    change = numbers.change(effect, primary.metric, primary.scale)
    if words.is_exact(primary):
        return change, f", the same in all {numbers.plural(primary.control.n, 'block')}"
    if analysis.looks.last is None and analysis.looks.decided_at is None:
        return change, " so far"
    return change, f" ({_interval(primary, plan)})"


def _interval(primary: PrimaryResult, plan: Plan) -> str:
    held = f"{numbers.level(primary.level)} {words.interval_name(plan.stopping)}"
    if not any(map(math.isfinite, primary.interval)):
        return f"{held} {numbers.UNBOUNDED}"
    low, high = numbers.interval_ends(primary.interval, primary.metric, primary.scale)
    return f"{held} {low} to {high}"


def _harm(found: GuardrailResult) -> str:
    margin = words.limit(found.metric, found.margin, is_relative=found.is_relative)
    return f"{found.metric.name} harmed: more than {margin} worse"


def _is_harm_elsewhere(decided: Decided, plan: Plan) -> bool:
    """Whether the decision fell against the treatment although the primary metric did not."""
    if decided.verdict is Verdict.BLOCKED:
        return True
    if decided.verdict is not Verdict.WORSE or decided.effect is None:
        return False
    harm = decided.effect if plan.primary.direction is Direction.LOWER else -decided.effect
    return harm <= 0


def granted(level: float, grant: Grant) -> str:
    """What a plan was granted, and why.

    '0.0027 of 0.05 asked: plan 1 of this repository at q = 0.1'
    """
    asked = numbers.short(grant.asked, 2)
    share = "as asked" if level == grant.asked else f"of {asked} asked"
    found = f", {len(grant.discoveries)} found better" if grant.discoveries else ""
    return (
        f"{numbers.short(level, 2)} {share}: plan {grant.index} of this repository{found} "
        f"at q = {numbers.short(grant.q)}"
    )
