"""The product's words with their glyphs and colours, said the same way everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gitexp.health import HealthState
from gitexp.model import (
    Direction,
    Guardrail,
    GuardState,
    Metric,
    Plan,
    Scale,
    State,
    Stopping,
    TestName,
    Verdict,
)
from gitexp.render import numbers
from gitexp.render.screen import Screen, Span, Style

if TYPE_CHECKING:
    from gitexp.decision import ArmSummary, PrimaryResult

_VERDICTS = {
    Verdict.BETTER: ("✓", "+", Style.GOOD),
    Verdict.WORSE: ("✗", "-", Style.BAD),
    Verdict.EQUIVALENT: ("=", "=", Style.INFO),
    Verdict.UNDECIDED: ("?", "?", Style.WARN),
    Verdict.COLLECTING: ("…", ".", Style.PLAIN),
    Verdict.BLOCKED: ("!", "!", Style.BAD),
    Verdict.INVALID: ("∅", "x", Style.BAD),
}
_GUARDS = {
    GuardState.OK: ("✓", Style.GOOD),
    GuardState.HARMED: ("✗", Style.BAD),
    GuardState.UNRESOLVED: ("?", Style.WARN),
}
_CHECKS = {
    HealthState.OK: ("✓", Style.GOOD),
    HealthState.WARN: ("!", Style.WARN),
    HealthState.FAIL: ("✗", Style.BAD),
}
_STATES = {
    State.RUNNING: ("running", Style.PLAIN),
    State.PROMOTED: ("promoted", Style.GOOD),
    State.ROLLED_BACK: ("rolled back", Style.MUTED),
    State.EXPIRED: ("expired", Style.WARN),
}
_TESTS = {
    TestName.SIGNED_RANK: "Wilcoxon signed-rank",
    TestName.T: "paired t",
    TestName.WELCH: "Welch's t",
    TestName.MANN_WHITNEY: "Mann–Whitney",
    TestName.MCNEMAR: "McNemar's exact test",
    TestName.BOSCHLOO: "Boschloo's exact test",
}

_INTERVALS = {
    Stopping.GROUP_SEQUENTIAL: "repeated interval",
    Stopping.ALWAYS_VALID: "always-valid interval",
    Stopping.FIXED: "interval",
}

ANYTIME_PRICE = (
    "an always-valid rule takes 2.4 to 3 times the blocks of one look for as narrow an interval, "
    "and about twice for the same power"
)


def verdict(of: Verdict, screen: Screen) -> Span:
    """'✓ better'."""
    glyph, ascii_glyph, style = _VERDICTS[of]
    return Span(f"{glyph if screen.is_unicode else ascii_glyph} {of}", style)


def state(of: State) -> Span:
    """'rolled back'."""
    return Span(*_STATES[of])


def guard_state(of: GuardState | str) -> Span:
    """'✓ ok', or '? not analysed' for what no analysis has said."""
    if of not in [*GuardState]:
        return Span("? not analysed", Style.MUTED)
    glyph, style = _GUARDS[GuardState(of)]
    return Span(f"{glyph} {of}", style)


def health(of: HealthState) -> Span:
    """The glyph of a check."""
    return Span(*_CHECKS[of])


def mark(met: bool) -> Span:
    """A tick or a cross; the words beside it must say the same."""
    return Span("✓", Style.GOOD) if met else Span("✗", Style.BAD)


def metric(of: Metric) -> str:
    """'time ↓': the arrow shows which way is good."""
    return f"{of.name} {'↓' if of.direction is Direction.LOWER else '↑'}"


def margin(of: Guardrail) -> str:
    """'+10%', in the direction that is worse."""
    return limit(of.metric, of.margin, is_relative=of.is_relative)


def limit(metric: Metric, value: float, *, is_relative: bool) -> str:
    """A size of harm with the sign that is harm for this metric."""
    worse = value if metric.direction is Direction.LOWER else -value
    scale = Scale.LOG if is_relative else Scale.DIFFERENCE
    return whole(worse, metric, scale)


def floor(metric: Metric, value: float) -> str:
    """A value somebody chose: '0.5' rather than '0.5000'."""
    number, blank, unit = numbers.quantity(value, metric.unit).partition(" ")
    return (number.rstrip("0").rstrip(".") if "." in number else number) + blank + unit


def goal(plan: Plan) -> Guardrail:
    """The primary metric with the margin that 'no-regression' grants it."""
    is_relative = plan.scale is Scale.LOG
    return Guardrail(metric=plan.primary, margin=plan.max_regression, is_relative=is_relative)


def whole(value: float, metric: Metric, scale: Scale) -> str:
    """A change somebody chose, like a margin: '+5%' rather than '+5.0%'."""
    return numbers.change(value, metric, scale).replace(".0%", "%")


def interval_name(stopping: Stopping) -> str:
    """What kind of interval the plan's rule gives: 'repeated interval'."""
    return _INTERVALS[stopping]


def test(of: TestName) -> str:
    """'Wilcoxon signed-rank'."""
    return _TESTS[of]


def statistic(found: PrimaryResult, stopping: Stopping) -> str:
    """The letter of the deciding test's statistic."""
    if found.df is not None:
        return "t"
    if stopping is Stopping.ALWAYS_VALID:
        return "ln E"
    return "U" if found.test is TestName.MANN_WHITNEY else "V"


def block_number(scale: Scale) -> str:
    """How one block becomes one number."""
    return "ln T − ln C" if scale is Scale.LOG else "T − C"


def awaiting(counts: Iterable[tuple[str, int]], unit: str = "block") -> str:
    """'3 blocks await satisfaction, 1 block awaits accuracy'."""
    return ", ".join(
        f"{numbers.plural(count, unit)} await{'s' if count == 1 else ''} {name}"
        for name, count in counts
    )


def windows(count: int, uses: int, failed: int) -> str:
    """'20 windows of 106,000 uses, 212 failed'."""
    text = f"{numbers.plural(count, 'window')} of {uses:,} use{'s' * (uses != 1)}"
    return f"{text}, {failed:,} failed" if failed else text


def effect(of: PrimaryResult) -> float | None:
    """The effect on the scale of its interval."""
    return of.rel_effect if of.scale is Scale.LOG else of.effect


def middle(arm: ArmSummary, metric: Metric) -> str:
    """The arm's median; of a yes-or-no metric the share, which says more."""
    value = arm.mean if metric.unit == "bool" else arm.median
    return numbers.quantity(value, metric.unit)


def is_exact(of: PrimaryResult) -> bool:
    """Whether every trial of an arm gave the same value, as sizes do and times never."""
    control, treatment = of.control, of.treatment
    return (
        of.metric.unit != "bool"
        and control.n == treatment.n > 1
        and control.low == control.high
        and treatment.low == treatment.high
    )


def change_and_interval(of: PrimaryResult) -> tuple[str, str]:
    """'−6.1%' and '[−11.3%, −0.6%]'."""
    value = numbers.change(effect(of), of.metric, of.scale)
    return value, numbers.interval(of.interval, of.metric, of.scale, included=of.ends_included)
