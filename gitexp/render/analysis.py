"""What the evidence says: the verdict in one line, then what it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

from gitexp.app.views import AnalysisView
from gitexp.decision import Analysis, ArmCounts, GuardrailResult, PrimaryResult
from gitexp.health import Health
from gitexp.model import Direction, Goal, Plan, Scale, Stopping, TestName, Verdict
from gitexp.render import numbers, words
from gitexp.render.bars import interval_bar, reach_of
from gitexp.render.beside import impact_lines, secondary_table, watched_table
from gitexp.render.checks import check, shown_checks
from gitexp.render.columns import Column, table
from gitexp.render.labels import WIDTH, commands, heading, label, told
from gitexp.render.raw import raw_statistics
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped
from gitexp.render.sentences import verdict_sentence

BAR = 25
"""Cells of a drawn interval; odd, so that zero has one of its own."""

_SAID = (Verdict.BETTER, Verdict.WORSE, Verdict.BLOCKED)
"""Verdicts whose sentence says why, once they are decided."""


def analysis_page(view: AnalysisView, screen: Screen, *, verbose: bool = False) -> list[Line]:
    """The whole answer of `analyze`."""
    analysis, plan = view.analysis, view.experiment.plan
    lines = [
        *_head(view, screen),
        *_verdict(view, screen),
        line(),
        *_metrics(analysis, screen),
        *_guardrails(analysis, screen),
        *secondary_table(analysis, screen),
        *watched_table(analysis, screen),
        line(),
        *impact_lines(analysis, screen),
        *_checks("alert", analysis.alerts, screen),
        *_checks("health", shown_checks(analysis.health, everything=verbose), screen),
        *_criteria(analysis, plan, screen),
        *_how(analysis, plan, screen),
    ]
    if verbose:
        lines += raw_statistics(view, screen)
    return lines + commands("next", view.next)


def _head(view: AnalysisView, screen: Screen) -> list[Line]:
    analysis, experiment = view.analysis, view.experiment
    blocks = analysis.blocks
    counts = [f"{numbers.plural(blocks.used, 'block')} used"]
    for count, what in (
        (blocks.after, "not used" if analysis.looks.decided_at is None else "after the decision"),
        (blocks.waiting, "waiting"),
        (blocks.both_failed, "failed in both arms"),
        (blocks.retracted, "retracted"),
        (blocks.late, "past the last day"),
        (blocks.unpaired, "unpaired"),
    ):
        if count:
            counts.append(f"{count} {what}")
    outcomes = (
        f"control {_outcomes(analysis.control)}; treatment {_outcomes(analysis.treatment)}; "
        + ", ".join(counts)
    )
    has_failed = any(arm.failed + arm.timeout for arm in (analysis.control, analysis.treatment))
    unit = "block" if experiment.plan.test.is_paired else "trial"
    awaited = words.awaiting(blocks.awaiting, unit)
    return [
        *heading(experiment.id, experiment.plan.name, (), screen),
        *wrapped(outcomes, screen),
        *(wrapped(awaited, screen) if awaited else []),
        *([line(f"why trials failed: git exp log {experiment.id}")] if has_failed else []),
    ]


def _outcomes(arm: ArmCounts) -> str:
    parts = [f"{arm.ok} ok"]
    if arm.uses is not None:
        parts = [words.windows(arm.ok, arm.uses, arm.failed_uses or 0)]
    for count, what in (
        (arm.failed, "failed"),
        (arm.timeout, "timed out"),
        (arm.void, "void"),
    ):
        if count:
            parts.append(f"{count} {what}")
    return f"{arm.commit[:7]} {', '.join(parts)}"


def _verdict(view: AnalysisView, screen: Screen) -> list[Line]:
    analysis = view.analysis
    name = words.verdict(analysis.verdict, screen)
    first = Span(f"{name.text}   ", name.style)
    lines = wrapped(verdict_sentence(view), screen, first=first)
    is_young = analysis.verdict is Verdict.COLLECTING and analysis.looks.crossed_at is None
    is_said = analysis.looks.decided_at is not None and analysis.verdict in _SAID
    if is_young or is_said:
        return lines  # the sentence holds the reason already
    return lines + wrapped(analysis.reason, screen, first=" " * screen.cells(first))


def _metrics(analysis: Analysis, screen: Screen) -> list[Line]:
    shown = [("primary", analysis.primary)]
    if analysis.after is not None:
        shown.append((f"all {analysis.blocks.complete} blocks", analysis.after))
    bars: list[str | Span | Line] = []
    axis = ""
    if screen.width >= 100:
        ends = [end for _, found in shown for end in found.interval]
        reach = reach_of(*ends, *(words.effect(found) for _, found in shown))
        axis = _axis(analysis.primary, reach)
        bars = [Span(_bar(found, reach), Style.INFO) for _, found in shown]
    changes = [words.change_and_interval(found) for _, found in shown]
    level = numbers.level(analysis.primary.level)
    return table(
        [
            Column(title="METRIC", rows=[words.metric(found.metric) for _, found in shown]),
            Column(title="", rows=[Span(role, Style.MUTED) for role, _ in shown], drop=2),
            Column(
                title="CONTROL", rows=[words.middle(f.control, f.metric) for _, f in shown], drop=4
            ),
            Column(
                title="TREATMENT",
                rows=[words.middle(f.treatment, f.metric) for _, f in shown],
                drop=4,
            ),
            Column(title="CHANGE", rows=[change for change, _ in changes], is_right=True),
            Column(title=f"{level} INTERVAL", rows=[ends for _, ends in changes], drop=1),
            Column(title=axis, rows=bars, drop=5),
        ],
        screen,
    )


def _bar(found: PrimaryResult, reach: float) -> str:
    return interval_bar(*found.interval, words.effect(found), reach=reach, width=BAR)


def _axis(found: PrimaryResult, reach: float) -> str:
    low, high = (words.whole(v, found.metric, found.scale) for v in (-reach, reach))
    half = BAR // 2
    return f"{low:<{half}}0{high:>{BAR - half - 1}}"


def _guardrails(analysis: Analysis, screen: Screen) -> list[Line]:
    found = analysis.guardrails
    if not found:
        return []
    changes = [
        numbers.change(g.change, g.metric, Scale.LOG if g.is_relative else Scale.DIFFERENCE)
        for g in found
    ]
    since = [f"since block {g.fell_at}" if g.fell_at else "" for g in found]
    limits = [words.limit(g.metric, g.margin, is_relative=g.is_relative) for g in found]
    rows = table(
        [
            Column(title="GUARDRAIL", rows=[words.metric(g.metric) for g in found]),
            Column(
                title="CONTROL",
                rows=[numbers.quantity(g.control, g.metric.unit) for g in found],
                drop=4,
            ),
            Column(
                title="TREATMENT",
                rows=[numbers.quantity(g.treatment, g.metric.unit) for g in found],
                drop=4,
            ),
            Column(title="CHANGE", rows=changes, is_right=True, drop=3),
            Column(title="LIMIT", rows=limits, is_right=True, drop=2),
            Column(title="WORSE BY", rows=[_bound(g) for g in found], drop=1),
            Column(title="", rows=[words.guard_state(g.state) for g in found]),
            Column(title="", rows=since if screen.width >= 100 else [], drop=5),
        ],
        screen,
    )
    return [line(), *rows]


def _bound(found: GuardrailResult) -> str:
    sure = "at most" if found.least is None else "at least"
    value = found.bound if found.least is None else found.least
    if math.isfinite(value):
        return f"{sure} {words.limit(found.metric, value, is_relative=found.is_relative)}"
    return "not known yet" if found.least is None else "failed too often"


def _checks(word: str, found: Sequence[Health], screen: Screen) -> list[Line]:
    return [part for at, h in enumerate(found) for part in check("" if at else word, h, screen)]


def _criteria(analysis: Analysis, plan: Plan, screen: Screen) -> list[Line]:
    lines: list[Line] = []
    margins = {f"guardrail {g.metric.name}": words.margin(g) for g in plan.guardrails}
    margins["margin"] = words.margin(words.goal(plan))
    for at, criterion in enumerate(analysis.criteria):
        first = line(label("" if at else "criteria"), words.mark(criterion.met))
        margin = margins.get(criterion.name)
        text = f" {criterion.name}: {criterion.text}" + (f" ({margin})" if margin else "")
        lines += wrapped(text, screen, first=(*first, Span(" ")), indent=WIDTH + 2)
    return lines


def _how(analysis: Analysis, plan: Plan, screen: Screen) -> list[Line]:
    primary = analysis.primary
    said = [f"{_method(primary)} {_holds(primary, plan)}"]
    decided = analysis.looks.decided_at
    is_early = decided is not None and decided < plan.max_blocks
    if is_early and analysis.verdict.is_final and not words.is_exact(primary):
        all_blocks = ""
        if analysis.after is not None:
            later = numbers.change(words.effect(analysis.after), primary.metric, primary.scale)
            all_blocks = f" (over all blocks {later})"
        said.append(f"An early decision tends to overstate the effect{all_blocks}.")
    if plan.goal is Goal.BETTER and plan.min_effect > 0:
        asked = smallest_effect(plan)
        said.append(
            f"Smallest effect asked for: {asked}; an effect half that size is still called "
            "better one time in ten."
        )
    if analysis.blocks_needed is not None and analysis.verdict is Verdict.UNDECIDED:
        said.append(
            f"If the effect really is what it looks like, about "
            f"{analysis.blocks_needed} blocks would show it."
        )
    said += [f"Note: {caveat}." for caveat in primary.caveats]
    return [
        part for at, text in enumerate(said) for part in told("" if at else "how", text, screen)
    ]


def _method(primary: PrimaryResult) -> str:
    if primary.test is TestName.MCNEMAR:
        return f"{words.test(primary.test)} on the blocks whose arms answered differently."
    if not primary.test.is_paired:
        return f"{words.test(primary.test)} on unpaired trials."
    return (
        f"{words.test(primary.test)} on {words.block_number(primary.scale)}: one number per block, "
        "both arms side by side in random order. CHANGE is taken within blocks; the medians beside "
        "it need not give it."
    )


def _holds(primary: PrimaryResult, plan: Plan) -> str:
    level = numbers.level(primary.level)
    match plan.stopping:
        case Stopping.FIXED:
            return f"One look, after block {plan.max_blocks}; the {level} interval is of it."
        case Stopping.ALWAYS_VALID:
            return f"The {level} interval holds at any time, whenever and why one stops."
        case Stopping.GROUP_SEQUENTIAL:
            return f"The {level} interval holds at every look, however often one looks."
        case _:
            assert_never(plan.stopping)


def smallest_effect(plan: Plan) -> str:
    """The plan's smallest effect, with the sign that is good."""
    good = -1 if plan.primary.direction is Direction.LOWER else 1
    return words.whole(good * plan.min_effect, plan.primary, plan.scale)
