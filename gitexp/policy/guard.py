"""Guardrails of one revision: their state at every look."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import mean, median

from gitexp.blocks import WORST, Block, RunTrial, difference
from gitexp.decision import GuardrailResult
from gitexp.model import Direction, Guardrail, GuardState, Metric, Plan, Scale
from gitexp.policy.known import Known, known_at
from gitexp.policy.paired import paired_test
from gitexp.policy.rule import GuardRules, level_at
from gitexp.policy.samples import answered_yes
from gitexp.stats.always_valid_guardrails import (
    metric_guardrail_always_valid,
    rate_guardrail_always_valid,
)
from gitexp.stats.guardrails import (
    GuardrailPath,
    GuardrailState,
    at_all,
    metric_guardrail,
    rate_guardrail,
)
from gitexp.stats.looks import Look


@dataclass(frozen=True, slots=True)
class Guarded:
    """One guardrail followed through the looks.

    Attributes:
        path: Of the looks that were taken.
        looks: All of them.
        control, treatment: The arms' values up to the last look.
        awaiting: Blocks up to there that lack a value still. While they do the last look of the
            schedule is not taken: afterwards there would be no other.
    """

    guardrail: Guardrail
    path: GuardrailPath
    looks: tuple[int, ...]
    control: tuple[float, ...]
    treatment: tuple[float, ...]
    awaiting: int

    @property
    def is_put_off(self) -> bool:
        """Whether the last look waits for values that are to come."""
        return len(self.path.states) < len(self.looks)

    @property
    def states(self) -> tuple[GuardState, ...]:
        taken = tuple(GuardState(state.value) for state in self.path.states)
        return (*taken, GuardState(self.path.state.value)) if self.is_put_off else taken

    def result(self) -> GuardrailResult:
        """Where it stands at the last look."""
        path, metric = self.path, self.guardrail.metric
        bad, fell = bad_sign(metric), path.fell_at
        return GuardrailResult(
            metric=metric,
            margin=self.guardrail.margin,
            is_relative=self.guardrail.is_relative,
            control=_middle(self.control, metric),
            treatment=_middle(self.treatment, metric),
            change=None if path.estimate is None else self._in_units(path.estimate),
            bound=bad * self._in_units(path.bound),
            least=None if path.least is None else bad * self._in_units(path.least),
            state=GuardState(self.path.state.value),
            fell_at=None if fell is None else self.looks[fell],
        )

    def _in_units(self, value: float) -> float:
        """What lies on the scale of the differences as a fraction, or in metric units."""
        if not self.guardrail.is_relative or not math.isfinite(value):
            return value
        return math.expm1(value)


def _middle(values: Sequence[float], metric: Metric) -> float | None:
    if not values:
        return None
    return mean(values) if metric.unit == "bool" else median(values)


def bad_sign(metric: Metric) -> int:
    """The sign of treatment minus control that is harm."""
    return 1 if metric.direction is Direction.LOWER else -1


def primary_as_guardrail(plan: Plan) -> Guardrail:
    """The primary metric under the goal 'no-regression'."""
    return Guardrail(
        metric=plan.primary,
        margin=plan.max_regression,
        is_relative=plan.scale is Scale.LOG,
    )


def follow(
    guardrail: Guardrail,
    blocks: Sequence[Block],
    looks: Sequence[Look],
    positions: Sequence[int],
    plan: Plan,
    rules: GuardRules,
    *,
    ends_at: int,
    is_closed: bool,
) -> Guarded:
    """The guardrail's state at every look.

    Args:
        blocks: All admitted blocks in replay order, those in which both arms failed included.
        positions: How many of them each look sees.
        ends_at: Blocks at the last look of the schedule.
        is_closed: Whether no value can come any more.

    Raises:
        NotPositive: for a value <= 0 of a metric with a relative margin.
    """
    is_last = bool(looks) and looks[-1].n >= ends_at
    known = known_at(blocks, positions, guardrail.metric, is_last_put_off=is_last)
    # what a plan's own command never printed is not to come
    is_coming = known.awaiting > 0 and (plan.command is None or bool(known.blocks))
    taken = len(looks) - (is_last and is_coming and not is_closed)
    at = _schedule(known, looks[:taken], rules, is_last=is_last and taken == len(looks))
    if guardrail.metric.unit != "bool":
        path = _metric(guardrail, known, plan, rules, at)
    elif plan.windows:
        path = _share(guardrail, known, plan, rules, at)
    else:
        path = _rate(guardrail, known, rules, at)
    last = taken - 1
    return Guarded(
        guardrail=guardrail,
        path=path,
        looks=tuple(look.n for look in looks),
        control=_values(known.control, known.of_control, last, guardrail.metric),
        treatment=_values(known.treatment, known.of_treatment, last, guardrail.metric),
        awaiting=known.awaiting,
    )


def _schedule(
    known: Known, looks: Sequence[Look], rules: GuardRules, *, is_last: bool
) -> list[int]:
    """The look of the schedule whose level each look has; 0: none yet.

    A look that knows fewer values than it has blocks is one at so few blocks. The last one of the
    schedule keeps its level: it depends on those before it all the more, so the error rate of all
    looks is no greater (Slepian 1962, Bell System Tech. J. 41, 463).

    Args:
        is_last: Whether the last of these looks is that of the schedule.
    """
    at = [look.n for look in looks]
    if known.is_on_time or rules.is_any_time:
        return at
    scheduled = list(rules.ok.looks)
    own = map(min, known.counts, at)
    found = [([0, *scheduled])[bisect_right(scheduled, n)] for n in own]
    return [*found[:-1], at[-1]] if is_last else found


def _values(
    runs: Sequence[RunTrial], counts: Sequence[int], last: int, metric: Metric
) -> tuple[float, ...]:
    """The values known at this look; before the first those that there are."""
    seen = runs[: counts[last]] if last >= 0 else runs
    values = (run.value(metric) for run in seen)
    return tuple(value for value in values if value is not None)


def _share(
    guardrail: Guardrail, known: Known, plan: Plan, rules: GuardRules, at: Sequence[int]
) -> GuardrailPath:
    """A rate in windows: its uses are no independent answers, and their shares no normal numbers.

    The differences of the shares are tested as numbers, which takes account of what all uses of a
    window have in common. Two things such a t-test cannot see must not help: ok has to hold also
    with one more window, twice as far to the harmful side as the worst so far, since rates that
    scatter do so upwards; and both ok and harmed by the score interval of all uses, since where
    events are rare most windows have none (docs/decisions/0117-rates-in-windows.md).
    """
    metric, d = guardrail.metric, _differences(guardrail, known)
    control = _use_answers(known.control, known.of_control[: len(at)], metric)
    treatment = _use_answers(known.treatment, known.of_treatment[: len(at)], metric)

    def by_uses(k: int) -> GuardrailPath:
        one = slice(k, k + 1)
        return _rate_path(guardrail, rules, control[one], treatment[one], at[one])

    def is_ok(k: int) -> bool:
        if by_uses(k).state is not GuardrailState.OK:
            return False
        worse = _with_one_worse(d[: known.counts[k]], bad_sign(metric))
        path = _metric_path(guardrail, plan, rules, worse, [len(worse)], at[k : k + 1])
        return path.state is GuardrailState.OK

    harmful = [by_uses(k).state is GuardrailState.HARMED for k in range(len(at))]
    return _metric(guardrail, known, plan, rules, at, also=is_ok, may_be_harmed=harmful)


def _with_one_worse(d: Sequence[float], bad: int) -> list[float]:
    """The differences, and one twice as far from their mean as the worst of them."""
    if not d:
        return []
    middle, worst = mean(d), bad * max(bad * value for value in d)
    return [*d, middle + 2 * (worst - middle)]


def _use_answers(
    runs: Sequence[RunTrial], counts: Sequence[int], metric: Metric
) -> list[tuple[int, int]]:
    """For each look in how many uses the answer was yes, and of how many."""
    yes, uses = [0], [0]
    for run in runs:
        value, window = run.value(metric), run.trial.window
        count = 0 if window is None or value is None else window.count
        yes.append(yes[-1] + round(min(max(value or 0.0, 0.0), 1.0) * count))
        uses.append(uses[-1] + count)
    return [(yes[n], uses[n]) for n in counts]


def _metric(
    guardrail: Guardrail,
    known: Known,
    plan: Plan,
    rules: GuardRules,
    at: Sequence[int],
    *,
    also: Callable[[int], bool] | None = None,
    may_be_harmed: Sequence[bool] | None = None,
) -> GuardrailPath:
    """A metric that is a number.

    Args:
        also: What else must hold at a look that is to find it ok.
        may_be_harmed: The looks that may find it harmed; None: all.
    """
    d, bad = _differences(guardrail, known), bad_sign(guardrail.metric)

    def may_be_ok(k: int, lacking: int) -> bool:
        worst = [*d[: known.counts[k]], *[bad * WORST] * lacking]
        path = _metric_path(guardrail, plan, rules, worst, [len(worst)], at[k : k + 1])
        return path.state is GuardrailState.OK

    allowed = _without_help(known, len(at), may_be_ok)
    if also is not None:
        allowed = [may and also(k) for k, may in enumerate(at_all(allowed, len(at)))]
    counts = known.counts[: len(at)]
    return _metric_path(guardrail, plan, rules, d, counts, at, allowed, may_be_harmed)


def _differences(guardrail: Guardrail, known: Known) -> list[float]:
    scale = Scale.LOG if guardrail.is_relative else Scale.DIFFERENCE
    found = (difference(block, guardrail.metric, scale) for block in known.blocks)
    return [value for value in found if value is not None]


def _metric_path(
    guardrail: Guardrail,
    plan: Plan,
    rules: GuardRules,
    d: Sequence[float],
    counts: Sequence[int],
    at: Sequence[int],
    may_be_ok: Sequence[bool] | None = None,
    may_be_harmed: Sequence[bool] | None = None,
) -> GuardrailPath:
    margin, bad, test = scaled_margin(guardrail), bad_sign(guardrail.metric), paired_test(plan)
    if rules.is_any_time:
        return metric_guardrail_always_valid(
            d,
            counts=counts,
            margin=margin,
            bad=bad,
            test=test,
            alpha_ok=rules.alpha_ok,
            alpha_harmed=rules.alpha_harmed,
            max_blocks=rules.max_blocks,
            may_be_ok=may_be_ok,
            may_be_harmed=may_be_harmed,
        )
    return metric_guardrail(
        d,
        counts=counts,
        margin=margin,
        bad=bad,
        test=test,
        ok_levels=[level_at(rules.ok, n) for n in at],
        harmed_levels=[level_at(rules.harmed, n) for n in at],
        may_be_ok=may_be_ok,
        may_be_harmed=may_be_harmed,
    )


def _without_help(known: Known, looks: int, holds: Callable[[int, int], bool]) -> list[bool] | None:
    """At which looks the guardrail may be found ok; None: at all.

    Trials of the treatment that did not fail and have no value, more than the control has of them,
    must not help it: at such a look it must be ok also if each of these were the worst there is.

    Args:
        holds: Whether it is so at a look, with so many of them.
    """
    lacking = known.lacking[:looks]
    if all(more <= 0 for more in lacking):
        return None
    return [more <= 0 or holds(k, more) for k, more in enumerate(lacking)]


def scaled_margin(guardrail: Guardrail) -> float:
    """The margin on the scale of the differences, positive."""
    if not guardrail.is_relative:
        return guardrail.margin
    signed = bad_sign(guardrail.metric) * guardrail.margin
    return abs(math.log1p(signed))


def _rate(
    guardrail: Guardrail, known: Known, rules: GuardRules, at: Sequence[int]
) -> GuardrailPath:
    metric = guardrail.metric
    in_control = _answers(known.control, known.of_control[: len(at)], metric)
    in_treatment = _answers(known.treatment, known.of_treatment[: len(at)], metric)

    def may_be_ok(k: int, lacking: int) -> bool:
        yes, n = in_treatment[k]
        worst = yes + lacking * answered_yes(None, metric), n + lacking
        path = _rate_path(guardrail, rules, [in_control[k]], [worst], at[k : k + 1])
        return path.state is GuardrailState.OK

    allowed = _without_help(known, len(at), may_be_ok)
    return _rate_path(guardrail, rules, in_control, in_treatment, at, allowed)


def _rate_path(
    guardrail: Guardrail,
    rules: GuardRules,
    control: Sequence[tuple[int, int]],
    treatment: Sequence[tuple[int, int]],
    at: Sequence[int],
    may_be_ok: Sequence[bool] | None = None,
) -> GuardrailPath:
    bad = bad_sign(guardrail.metric)
    if rules.is_any_time:
        return rate_guardrail_always_valid(
            control=control,
            treatment=treatment,
            margin=guardrail.margin,
            bad=bad,
            alpha_ok=rules.alpha_ok,
            alpha_harmed=rules.alpha_harmed,
            max_blocks=rules.max_blocks,
            may_be_ok=may_be_ok,
        )
    return rate_guardrail(
        control=control,
        treatment=treatment,
        margin=guardrail.margin,
        bad=bad,
        ok_levels=[level_at(rules.ok, n) for n in at],
        harmed_levels=[level_at(rules.harmed, n) for n in at],
        may_be_ok=may_be_ok,
    )


def _answers(
    runs: Sequence[RunTrial], counts: Sequence[int], metric: Metric
) -> list[tuple[int, int]]:
    """For each look how many trials said yes, and of how many."""
    yes = [0, *accumulate(answered_yes(run.value(metric), metric) for run in runs)]
    return [(yes[n], n) for n in counts]
