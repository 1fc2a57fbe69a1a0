"""Where experiments stand: a list, or one of them at length."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from gitexp.app.status_view import Budget, Estimate, StatusRow, StatusView, Summary
from gitexp.health import HealthState
from gitexp.model import GuardState, Oid, State, Verdict
from gitexp.refs import short
from gitexp.render import numbers, words
from gitexp.render.bars import interval_bar, progress_bar, reach_of
from gitexp.render.checks import check
from gitexp.render.columns import Column, table
from gitexp.render.labels import commands, heading, labelled, told
from gitexp.render.screen import Line, Screen, Span, Style, line, wrapped

_NOT_ANALYSED = "~"
"""Before a change that is a plain median and no estimate of a test."""

_SHORT = 16
"""Letters of harmed guardrails that fit beside a verdict."""


def status_page(view: StatusView, screen: Screen) -> list[Line]:
    """The list of experiments, or the one that was asked for."""
    if view.is_single:
        return [part for row in view.rows for part in _single(row, view.now, screen)]
    return [
        *_list(view, screen),
        *_summary(view.summary, screen),
        *_budget(view.budget, screen),
        *_foreign(view.foreign, screen),
    ]


def _list(view: StatusView, screen: Screen) -> list[Line]:
    rows = view.rows
    if not rows:
        return [
            line("no experiments yet"),
            *commands("next", ["git exp create NAME --hypothesis '…' --run 'CMD'"]),
        ]
    lines = table(
        [
            Column(title="", rows=["*" if row.is_current else "" for row in rows], drop=3),
            Column(title="EXPERIMENT", rows=[_id(row) for row in rows], least=16, after=4),
            Column(title="STATE", rows=[_state(row, screen) for row in rows]),
            Column(title="BLOCKS", rows=[_blocks(row) for row in rows], is_right=True, drop=2),
            Column(title="PRIMARY", rows=[words.metric(row.metric) for row in rows], drop=4),
            Column(title="CHANGE", rows=[_change(row) for row in rows], is_right=True, drop=1),
            Column(title="INTERVAL", rows=[_interval(row) for row in rows], drop=6),
            Column(title="GUARDS", rows=[_guards(row) for row in rows], drop=8),
            Column(title="HEALTH", rows=[_health(row) for row in rows], drop=7),
            Column(title="AGE", rows=[_age(row, view.now) for row in rows], is_right=True, drop=5),
        ],
        screen,
    )
    notes = []
    if any(row.is_current for row in rows):
        notes.append("'*' is the branch checked out here.")
    if any(_is_rough(row.estimate) for row in rows):
        notes.append(f"'{_NOT_ANALYSED}' is a plain median, not analysed: git exp analyze ID.")
    lines += [line()]
    lines += [part for note in notes for part in wrapped(note, screen)]
    running = [row for row in rows if row.next and (row.is_current or row.state is State.RUNNING)]
    # what can be promoted comes first, then what is checked out
    running.sort(key=lambda row: (row.verdict is not Verdict.BETTER, not row.is_current))
    return lines + (commands("next", running[0].next[:1]) if running else [])


def _single(row: StatusRow, now: datetime, screen: Screen) -> list[Line]:
    age = _age(row, now)
    lines = [
        *heading(row.id, row.name, (*_state(row, screen, verdict=True), Span(f"   {age}")), screen),
        *wrapped(row.reason, screen),
        *told("expects", row.hypothesis, screen),
        *told("arms", _arms(row), screen),
        *_progress(row, screen),
    ]
    if row.uses is not None:
        control, treatment = row.uses
        lines += told("uses", f"control {control:,}, treatment {treatment:,}", screen)
    if any(row.failed):
        control, treatment = row.failed
        why = f"control {control:,}, treatment {treatment:,}; why: git exp log {row.id}"
        lines += labelled("failed", [line(why)])
    lines += _primary(row, screen)
    if _has_guards(row):
        lines += labelled(
            "guards",
            (line(f"{name} ", words.guard_state(state)) for name, state in row.guardrails),
        )
    for alert in row.alerts:
        lines += check("alerts" if alert is row.alerts[0] else "", alert, screen)
    for health in row.health:
        lines += check("health" if health is row.health[0] else "", health, screen)
    if row.problems:
        found = numbers.plural(len(row.problems), "problem")
        lines += told("evidence", f"{found} found; the first: {row.problems[0].text}", screen)
    if row.state is State.RUNNING and not row.is_decided:
        left = row.expires - now
        lines += labelled("expires", [line(f"in {numbers.age(left)}" if left.days >= 0 else "now")])
    if row.merge is not None:
        since = f", for {age}" if row.state is State.PROMOTED else ""
        lines += labelled("merge", [line(f"{_oid(row.merge)} on {short(row.target)}{since}")])
    lines += told("ended", row.ending, screen)
    return lines + commands("next", row.next)


def _primary(row: StatusRow, screen: Screen) -> list[Line]:
    found = row.estimate
    parts: list[str] = []
    if screen.width >= 80 and found.control_median is not None:
        before = numbers.quantity(found.control_median, row.metric.unit)
        after = numbers.quantity(found.treatment_median, row.metric.unit)
        parts.append(f"{before} → {after}")
    rough = "(plain median, not analysed)" if _is_rough(found) else ""
    parts.append(f"{_change(row)} {_interval(row)}{rough}".rstrip())
    lines = told("primary", f"{words.metric(row.metric)} {', '.join(parts)}", screen)
    if screen.width >= 100 and found.interval is not None:
        reach = reach_of(found.change, *found.interval)
        drawn = interval_bar(*found.interval, found.change, reach=reach, width=21)
        lines[-1] = (*lines[-1], Span("   "), Span(drawn, Style.INFO))
    return lines


def _progress(row: StatusRow, screen: Screen) -> list[Line]:
    bar = progress_bar(_used(row), row.max_blocks, min(screen.width // 4, 30))
    used = _used(row)
    left, over = row.max_blocks - used, row.complete - used
    if screen.width < 60:
        more = ""
    elif over > 0:
        more = f", {numbers.plural(over, 'later one')} not used"
    elif row.state is State.RUNNING and row.verdict is Verdict.COLLECTING and left > 0:
        more = f", at most {left} more"
    else:
        more = ""
    lines = labelled("blocks", [line(f"{bar}  {_blocks(row)}{more}")])
    for writer, count in row.waiting:
        # the writer's own records decide nothing until the deciding clone takes them in
        lines += told("", f"{numbers.plural(count, 'more block')} of {writer} waiting", screen)
    if row.awaiting:
        lines += told("awaited", words.awaiting(row.awaiting), screen)
    return lines


def _arms(row: StatusRow) -> str:
    return f"control {short(row.target)}@{_oid(row.control)}, treatment {_oid(row.treatment)}"


def _id(row: StatusRow) -> Line:
    source = (Span(f" ({row.source})", Style.MUTED),) if row.source else ()
    return (Span(row.id, Style.STRONG if row.is_current else Style.PLAIN), *source)


def _state(row: StatusRow, screen: Screen, *, verdict: bool = False) -> Line:
    found = words.verdict(row.verdict, screen)
    harmed = ", ".join(_harmed(row))
    # the change beside it may well be a gain
    if harmed and len(harmed) <= _SHORT and row.verdict is Verdict.WORSE:
        found = Span(f"{found.text} ({harmed})", found.style)
    if row.state is State.RUNNING:
        return (found,)
    state = words.state(row.state)
    if verdict:
        return (state, Span("  "), found)
    if row.state is State.PROMOTED and row.verdict is not Verdict.BETTER:
        return (state, Span(f" (was {row.verdict})", Style.WARN))
    return (state,)


def _used(row: StatusRow) -> int:
    """Blocks the decision took; before there is one, those that count so far."""
    return min(row.complete, row.max_blocks) if row.decided_at is None else row.decided_at


def _blocks(row: StatusRow) -> str:
    return f"{_used(row)}/{row.max_blocks}"


def _is_rough(found: Estimate) -> bool:
    return not found.is_analysed and found.change is not None


def _change(row: StatusRow) -> str:
    text = numbers.change(row.estimate.change, row.metric, row.scale)
    return f"{_NOT_ANALYSED}{text}" if _is_rough(row.estimate) else text


def _interval(row: StatusRow) -> str:
    ends = row.estimate.interval
    return "" if ends is None else numbers.interval(ends, row.metric, row.scale)


def _guards(row: StatusRow) -> Line:
    if not _has_guards(row):
        return line(numbers.UNKNOWN)
    states = [state for _, state in row.guardrails]
    harmed = _harmed(row)
    parts: list[str | Span] = [Span(f"✗ {', '.join(harmed)} ", Style.BAD)] if harmed else []
    fine = states.count(GuardState.OK)
    unclear = len(states) - fine - len(harmed)
    if fine:
        parts.append(f"{fine} ok" if unclear or harmed else "ok")
    if unclear:
        parts.append(f"{' ' if fine else ''}{unclear} ?")
    return line(*parts)


def _has_guards(row: StatusRow) -> bool:
    """Whether there is something to say: of what was decided elsewhere the states are not known."""
    is_known = any(state in [*GuardState] for _, state in row.guardrails)
    return is_known or bool(row.guardrails and not row.is_decided)


def _harmed(row: StatusRow) -> list[str]:
    return [name for name, state in row.guardrails if state == GuardState.HARMED]


def _health(row: StatusRow) -> Line:
    states = [health.state for health in row.health]
    alerts = numbers.plural(len(row.alerts), "alert") if row.alerts else ""
    checks: str | Span = "ok" if states and not alerts else ""
    if HealthState.FAIL in states:
        checks = Span(f"{states.count(HealthState.FAIL)} fail", Style.BAD)
    elif HealthState.WARN in states:
        checks = Span(f"{states.count(HealthState.WARN)} warn", Style.WARN)
    if alerts:
        return line(Span(alerts, Style.BAD), *([", ", checks] if checks else []))
    return line(checks or numbers.UNKNOWN)


def _age(row: StatusRow, now: datetime) -> str:
    return numbers.age(now - (row.ended or row.created))


def _summary(summary: Summary, screen: Screen) -> list[Line]:
    if not summary.running + summary.promoted + summary.rolled_back + summary.expired:
        return []
    counts = [
        f"{summary.running} running",
        f"{summary.promoted} promoted",
        f"{summary.rolled_back} rolled back",
        f"{summary.expired} expired",
    ]
    if summary.success_rate is not None:
        rate = numbers.percent(summary.success_rate, decimals=0, sign=False)
        counts.append(f"{rate} of those ended were promoted")
    if summary.days_since_promotion is not None:
        since = timedelta(days=summary.days_since_promotion)
        ago = "just now" if since < timedelta(minutes=1) else f"{numbers.age(since)} ago"
        counts.append(f"last promotion {ago}")
    lines = told("in all", ", ".join(counts), screen)
    if summary.per_month:
        totals = ", ".join(
            f"{numbers.total(value, unit)} a month" for unit, value in summary.per_month
        )
        lines += told("impact", f"{totals} by what was promoted", screen)
    # rounded up, or it would not be 'at most'
    expected = numbers.short(_rounded_up(summary.false_promotions))
    judged = numbers.plural(summary.judged, "experiment")
    text = f"{judged} judged: at most {expected} false promotions to be expected"
    return lines + told("chance", text, screen)


def _rounded_up(expected: float) -> float:
    """To two digits behind the point; what is smaller than that, to one digit of its own."""
    if expected <= 0:
        return 0.0
    places = max(2, -math.floor(math.log10(expected)))
    scale = 10.0**places
    return math.ceil(round(expected * scale, 6)) / scale


def _level(value: float) -> str:
    return numbers.short(value, 2)


def _budget(budget: Budget | None, screen: Screen) -> list[Line]:
    if budget is None:
        return []
    ledger = budget.ledger
    balance = ledger.balance(budget.q)
    plans = numbers.plural(len(ledger.lines), "plan")
    what = f"q = {numbers.short(budget.q)}: {_level(ledger.spent)} spent on {plans}"
    left = f"{_level(balance)} left" if balance > 0 else "nothing left"
    then = f"α {_level(budget.next)}" if budget.next > 0 else "nothing"
    lines = told("budget", f"{what}, {left}; the next plan would get {then}", screen)
    if balance < 0:
        text = f"overdrawn by {_level(-balance)}: so many more false ones are to be expected"
        lines += told("", text, screen)
    beyond = [line for line in ledger.lines if line.excess > 0]
    if beyond:
        which = ", ".join(found.plan.id for found in beyond)
        text = (
            f"{which} got {_level(ledger.excess)} more than the ledger now gives: created "
            "without knowing of another"
        )
        lines += told("", text, screen)
    return lines


def _foreign(branches: tuple[str, ...], screen: Screen) -> list[Line]:
    if not branches:
        return []
    return told("foreign", f"{', '.join(branches)}: under exp/, but without a plan", screen)


def _oid(oid: Oid | None) -> str:
    return oid[:7] if oid else numbers.UNKNOWN
