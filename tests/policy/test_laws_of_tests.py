"""Laws that hold for every registered test under every stopping rule."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.decision import Analysis
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Direction,
    Intake,
    Metric,
    Outcome,
    Plan,
    Scale,
    Seen,
    Spending,
    Stopping,
    TestName,
    Verdict,
)
from gitexp.policy import analyse
from gitexp.policy.study import Study, study_of
from gitexp.stats.results import Interval
from tests.making import BOB, COMPARISON, REVISION, Notebook, plan_with

Pair = tuple[float | None, float | None]

YES = Metric(name="yes", direction=Direction.HIGHER, unit="bool")
RULES: dict[str, dict[str, object]] = {
    "obf": {"spending": Spending.OBF},
    "pocock": {"spending": Spending.POCOCK},
    "fixed": {"stopping": Stopping.FIXED, "min_blocks": 12},
    "always-valid": {"stopping": Stopping.ALWAYS_VALID},
}
CASES = [
    (test, rule)
    for test in TestName
    for rule in RULES
    if rule != "always-valid" or test.is_of_differences
]
every_case = pytest.mark.parametrize(("test", "rule"), CASES)

# few values, so that ties, equal arms and clear effects are common
number = st.sampled_from([0.6, 0.9, 1.0, 1.0, 1.1, 1.13, 1.17, 1.6, 2.0])
answer = st.sampled_from([0.0, 1.0])
effect = st.sampled_from([0.4, 0.8, 1.0, 1.0, 1.3, 2.5])


def drawn(test: TestName, data: st.DataObject, *, failures: bool = True) -> list[Pair]:
    """Up to 16 pairs; every second time the treatment is moved as a whole."""
    kind: st.SearchStrategy[float | None] = answer if test.is_of_rates else number
    kind = st.none() | kind if failures else kind
    pairs = data.draw(st.lists(st.tuples(kind, kind), min_size=5, max_size=16))
    if test.is_of_rates:
        # agreement of the arms in part of the blocks, or few would ever cross
        tilt = data.draw(st.sampled_from([None, 0.0, 1.0]))
        return [(c, t if tilt is None or k % 4 == 0 else tilt) for k, (c, t) in enumerate(pairs)]
    factor = data.draw(effect)
    return [(c, None if t is None else t * factor) for c, t in pairs]


def plan_of(test: TestName, rule: str, **changes: object) -> Plan:
    rate: dict[str, object] = {"primary": YES, "scale": Scale.DIFFERENCE}
    kind = rate if test.is_of_rates else {}
    return plan_with(
        **{"test": test, "min_blocks": 5, "max_blocks": 12, **kind, **RULES[rule], **changes}
    )


def filled(plan: Plan, pairs: Sequence[Pair]) -> Notebook:
    """Blocks of these values, or single trials where the test has no blocks."""
    notebook = Notebook(plan)
    for number_, pair in enumerate(pairs, 1):
        if plan.test.is_paired:
            notebook.block(number_, *pair, metric=plan.primary.name)
            continue
        for arm, value in zip(Arm, pair, strict=True):
            notebook.trial(
                arm,
                None,
                {} if value is None else {plan.primary.name: value},
                outcome=Outcome.FAILED if value is None else Outcome.OK,
            )
    return notebook


def analysed(experiment: Experiment) -> tuple[Analysis, Study]:
    blocks = [b for b in experiment.admitted(REVISION) if not b.is_retracted]
    return analyse(experiment, COMPARISON), study_of(experiment, REVISION, blocks)


@every_case
@given(data=st.data())
@settings(max_examples=8)
def test_the_interval_excludes_no_change_exactly_when_the_look_rejects_it(
    test: TestName, rule: str, data: st.DataObject
) -> None:
    pairs = drawn(test, data)
    plan = plan_of(test, rule, min_effect=data.draw(st.sampled_from([0.0, 0.02])))

    found, study = analysed(filled(plan, pairs).experiment())

    look, primary = study.shown, found.primary
    if look is None:
        assert primary.interval == (-math.inf, math.inf)
        assert primary.p_value is None
        return
    interval = _interval(found)
    excludes = 0.0 not in interval
    p, level = primary.p_value, primary.nominal_level
    assert excludes == (p is not None and level is not None and level > 0.0 and p <= level)
    # under t, a treatment that failed more often needs the ranks to agree before it is better
    lost = sum(t is None and c is not None for c, t in pairs[: look.used])
    gained = sum(c is None and t is not None for c, t in pairs[: look.used])
    if test is TestName.T and lost > gained:
        assert excludes or look.crossed == 0
    else:
        assert excludes == (look.crossed != 0)
    if look.crossed and interval.low < interval.high:
        assert (interval.low >= 0.0) if look.crossed > 0 else (interval.high <= 0.0)


def _interval(found: Analysis) -> Interval:
    (low, high), (low_in, high_in) = found.primary.interval, found.primary.ends_included
    return Interval(low=low, high=high, low_included=low_in, high_included=high_in)


@every_case
@given(data=st.data())
@settings(max_examples=8)
def test_swapping_the_arms_turns_effect_and_verdict_around(
    test: TestName, rule: str, data: st.DataObject
) -> None:
    # t-tests leave failed trials out, and guard the treatment's failures alone
    by_mean = test in (TestName.T, TestName.WELCH)
    pairs = drawn(test, data, failures=not by_mean)
    plan = plan_of(test, rule)

    found = analyse(filled(plan, pairs).experiment(), COMPARISON)
    swapped = analyse(filled(plan, [(t, c) for c, t in pairs]).experiment(), COMPARISON)

    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert swapped.verdict is opposite.get(found.verdict, found.verdict)
    assert swapped.looks == found.looks
    there, back = (_on_scale(a.primary.rel_effect, a.primary.effect) for a in (found, swapped))
    if there is not None and back is not None and math.isfinite(there):
        assert back == pytest.approx(-there, abs=1e-9)


def _on_scale(rel_effect: float | None, effect: float | None) -> float | None:
    if rel_effect is None:
        return effect
    return math.log1p(rel_effect) if rel_effect > -1.0 else -math.inf


@every_case
@given(data=st.data())
@settings(max_examples=8)
def test_later_blocks_never_change_a_verdict_that_has_ended(
    test: TestName, rule: str, data: st.DataObject
) -> None:
    pairs = drawn(test, data)
    plan = plan_of(test, rule, min_effect=data.draw(st.sampled_from([0.0, 0.02])))
    cut = data.draw(st.integers(5, len(pairs)))

    part = analyse(filled(plan, pairs[:cut]).experiment(), COMPARISON)
    whole = analyse(filled(plan, pairs).experiment(), COMPARISON)

    if part.verdict.is_final:
        assert whole.verdict is part.verdict
        assert whole.primary == part.primary
        assert whole.looks.decided_at == part.looks.decided_at
        assert whole.blocks.used == part.blocks.used


@every_case
@given(data=st.data(), seed=st.integers(0, 2**16))
@settings(max_examples=6)
def test_the_order_in_which_records_are_found_changes_nothing(
    test: TestName, rule: str, data: st.DataObject, seed: int
) -> None:
    notebook = filled(plan_of(test, rule), drawn(test, data))
    shuffled = [*notebook.records]
    random.Random(seed).shuffle(shuffled)

    found = analyse(notebook.experiment(), COMPARISON)

    assert analyse(notebook.experiment(shuffled), COMPARISON) == found


@pytest.mark.parametrize(("test", "rule"), [case for case in CASES if case[0].is_paired])
@given(data=st.data())
@settings(max_examples=6)
def test_how_often_the_decider_takes_in_what_another_clone_measured_changes_nothing(
    test: TestName, rule: str, data: st.DataObject
) -> None:
    plan, pairs = plan_of(test, rule), drawn(test, data)
    stops = data.draw(st.sets(st.integers(1, len(pairs))))

    at_once = analyse(_taken_in(plan, pairs, {len(pairs)}).experiment(), COMPARISON)
    bit_by_bit = analyse(_taken_in(plan, pairs, stops | {len(pairs)}).experiment(), COMPARISON)

    assert bit_by_bit == at_once
    assert at_once.blocks.waiting == 0


def _taken_in(plan: Plan, pairs: Sequence[Pair], stops: set[int]) -> Notebook:
    """Blocks of another clone, taken in after each of these numbers of them."""
    notebook = Notebook(plan)
    for number_, pair in enumerate(pairs, 1):
        notebook.block(number_, *pair, metric=plan.primary.name, writer=BOB)
        if number_ in stops:
            seen = Seen(seq=notebook.records[-1].seq, records=notebook.records[-1].seq)
            notebook.add(Intake(revision=REVISION, upto={BOB: seen}))
    return notebook
