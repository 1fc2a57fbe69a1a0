"""Other tests beside the registered one: the same values, one look, deciding nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gitexp.model import Arm, Direction, Metric, Outcome, Plan, Scale, Stopping, TestName
from gitexp.other_tests import Method, Others, OtherTest
from gitexp.policy import analyse
from gitexp.policy.others import others_of
from tests.making import COMPARISON, Notebook, plan_with, wobble

YES = Metric(name="happy", direction=Direction.HIGHER, unit="bool")
FIXED = {"stopping": Stopping.FIXED, "min_blocks": 12, "max_blocks": 12}
PAIRED = (TestName.SIGNED_RANK, TestName.T, TestName.MCNEMAR)


def found(notebook: Notebook) -> Others | None:
    experiment = notebook.experiment()
    return others_of(experiment, analyse(experiment, COMPARISON))


def rows_of(notebook: Notebook) -> dict[Method, OtherTest]:
    others = found(notebook)
    assert others is not None
    return {row.method: row for row in others.tests}


def pairs_of(seed: int, count: int = 12) -> list[tuple[float, float]]:
    draw = random.Random(seed)
    return [(draw.gauss(20, 2), draw.gauss(18, 2)) for _ in range(count)]


def filled(plan: Plan, values: Sequence[tuple[float | None, float | None]]) -> Notebook:
    """Blocks of these values, or as many trials of each arm where the test has no blocks."""
    notebook = Notebook(plan)
    for number, pair in enumerate(values, 1):
        if plan.test.is_paired:
            notebook.block(number, *pair, metric=plan.primary.name)
            continue
        for arm, value in zip(Arm, pair, strict=True):
            notebook.trial(
                arm,
                None,
                {} if value is None else {plan.primary.name: value},
                outcome=Outcome.FAILED if value is None else Outcome.OK,
            )
    return notebook


def test_the_tests_of_pairs_are_those_of_scipy() -> None:
    pairs = pairs_of(1)
    control, treatment = map(np.array, zip(*pairs, strict=True))
    log_c, log_t = np.log(control), np.log(treatment)

    rows = rows_of(filled(plan_with(**FIXED), pairs))

    paired = stats.ttest_rel(log_t, log_c)
    assert rows[Method.T].p_value == pytest.approx(paired.pvalue, rel=1e-9)
    ends = paired.confidence_interval(0.95)
    assert rows[Method.T].interval == pytest.approx(
        (math.expm1(ends.low), math.expm1(ends.high)), rel=1e-9
    )
    ranked = stats.wilcoxon(log_t - log_c, method="exact")
    assert rows[Method.SIGNED_RANK].p_value == pytest.approx(ranked.pvalue, rel=1e-9)
    independent = stats.ttest_ind(log_t, log_c, equal_var=False)
    assert rows[Method.WELCH].p_value == pytest.approx(independent.pvalue, rel=1e-9)
    whitney = stats.mannwhitneyu(log_t, log_c, method="exact")
    assert rows[Method.MANN_WHITNEY].p_value == pytest.approx(whitney.pvalue, rel=1e-9)
    flipped = stats.permutation_test(
        (log_t, log_c), lambda t, c: np.mean(t - c), permutation_type="samples", n_resamples=5000
    )
    assert rows[Method.SIGN_FLIP].p_value == pytest.approx(flipped.pvalue, rel=1e-9)
    assert rows[Method.RATIO].estimate == pytest.approx(treatment.mean() / control.mean() - 1)


def test_only_the_registered_one_decides_and_the_others_know_what_they_ignore() -> None:
    rows = rows_of(filled(plan_with(**FIXED), pairs_of(2)))

    assert [m for m, row in rows.items() if row.is_registered] == [Method.SIGNED_RANK]
    assert {m for m, row in rows.items() if row.ignores_pairs} == {
        Method.WELCH,
        Method.MANN_WHITNEY,
    }


def test_in_one_look_at_five_percent_the_registered_row_is_the_primary_result() -> None:
    for test in (TestName.SIGNED_RANK, TestName.T, TestName.WELCH, TestName.MANN_WHITNEY):
        notebook = filled(plan_with(test=test, **FIXED), pairs_of(3))
        primary = analyse(notebook.experiment(), COMPARISON).primary

        row = rows_of(notebook)[Method(test.value)]

        assert (row.estimate, row.p_value) == (primary.rel_effect, primary.p_value)
        assert row.interval == pytest.approx(primary.interval, rel=1e-9)


def test_failed_trials_have_a_rank_and_no_place_in_a_mean() -> None:
    failing = [*pairs_of(4)[:10], (20.0, None), (20.0, None)]

    rows = rows_of(filled(plan_with(**FIXED), failing))

    left_out = {method: row.left_out for method, row in rows.items()}
    assert left_out[Method.SIGNED_RANK] == left_out[Method.MANN_WHITNEY] == 0
    assert left_out[Method.T] == left_out[Method.SIGN_FLIP] == left_out[Method.RATIO] == 2
    assert left_out[Method.WELCH] == 2


def test_equivalence_is_tested_where_there_is_a_smallest_effect() -> None:
    same = wobble(12, ratio=1.0)

    without = rows_of(filled(plan_with(**FIXED), same))
    asked = rows_of(filled(plan_with(min_effect=0.05, **FIXED), same))

    assert Method.EQUIVALENCE not in without
    p_value = asked[Method.EQUIVALENCE].p_value
    assert p_value is not None
    assert p_value < 0.001


def test_rates_of_pairs_are_tested_exactly() -> None:
    answers = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] + [(1.0, 1.0)] * 3
    plan = plan_with(primary=YES, scale=Scale.DIFFERENCE, test=TestName.MCNEMAR, **FIXED)

    rows = rows_of(filled(plan, answers))

    assert rows[Method.MCNEMAR].p_value == pytest.approx(stats.binomtest(1, 9).pvalue)
    table = [[11, 4], [1, 8]]
    assert rows[Method.FISHER].p_value == pytest.approx(stats.fisher_exact(np.array(table)).pvalue)
    assert rows[Method.NEWCOMBE].estimate == rows[Method.MCNEMAR].estimate == 7 / 12
    assert rows[Method.FISHER].ignores_pairs
    assert rows[Method.BOSCHLOO].ignores_pairs
    assert [m for m, row in rows.items() if row.is_registered] == [Method.MCNEMAR]


def test_rates_of_arms_are_tested_exactly() -> None:
    answers = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] + [(1.0, 1.0)] * 3
    plan = plan_with(primary=YES, scale=Scale.DIFFERENCE, test=TestName.BOSCHLOO, **FIXED)

    rows = rows_of(filled(plan, answers))

    assert set(rows) == {Method.BOSCHLOO, Method.FISHER, Method.NEWCOMBE}
    assert not any(row.ignores_pairs for row in rows.values())
    assert rows[Method.BOSCHLOO].is_registered


@pytest.mark.parametrize("test", [TestName.T, TestName.SIGNED_RANK, TestName.WELCH])
def test_a_rate_tested_as_a_number_shows_that_test_too(test: TestName) -> None:
    answers = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] + [(1.0, 1.0)] * 3
    plan = plan_with(primary=YES, scale=Scale.DIFFERENCE, test=test, **FIXED)

    rows = rows_of(filled(plan, answers))

    assert rows[Method(test.value)].is_registered
    assert Method.FISHER in rows


def test_hosts_are_not_mixed_where_there_are_no_blocks() -> None:
    notebook = Notebook(plan_with(test=TestName.WELCH, **FIXED))
    for control, treatment in pairs_of(5, 14):
        notebook.trial(Arm.CONTROL, None, {"time": control})
        notebook.trial(Arm.TREATMENT, None, {"time": treatment})
    assert Method.MANN_WHITNEY in rows_of(notebook)

    for control, treatment in pairs_of(6, 14):
        notebook.trial(Arm.CONTROL, None, {"time": 9 * control}, host="barn")
        notebook.trial(Arm.TREATMENT, None, {"time": 9 * treatment}, host="barn")

    experiment = notebook.experiment()
    wider = plan_with(test=TestName.WELCH, stopping=Stopping.FIXED, min_blocks=28, max_blocks=28)
    both = Notebook(wider)
    for record in experiment.records:
        both.add(record.body)
    rows = rows_of(both)
    assert set(rows) == {Method.WELCH}


def test_before_the_first_look_there_is_nothing_to_compare_with() -> None:
    assert found(filled(plan_with(), pairs_of(7, 9))) is None


def test_a_plan_that_shows_counts_only_shows_no_other_test() -> None:
    plan = plan_with(spends_on_expiry=True, max_blocks=40)
    apart = [(1.0, 1.05), (1.05, 1.0)] * 8

    assert found(filled(plan, apart)) is None
    assert found(filled(plan_with(max_blocks=40), apart)) is not None


value = st.one_of(
    st.none(), st.floats(0.5, 2.0).map(lambda x: round(x, 2)), st.sampled_from([1.0, 1.05, 0.95])
)


@given(
    test=st.sampled_from([t for t in TestName if not t.is_of_rates]),
    pairs=st.lists(st.tuples(value, value), min_size=12, max_size=16),
)
@settings(max_examples=40)
def test_an_interval_excludes_no_change_exactly_when_its_test_rejects(
    test: TestName, pairs: list[tuple[float | None, float | None]]
) -> None:
    others = found(filled(plan_with(test=test, **FIXED), pairs))

    for row in others.tests if others else ():
        if row.interval is None or row.p_value is None or 0.0 in row.interval:
            continue  # at the end itself only the flag of the end tells
        low, high = row.interval
        assert (low < 0.0 < high) == (row.p_value > 0.05), row


sizes = st.floats(-1e60, 1e60) | st.sampled_from([1e60, -1e60, 5e-324, -5e-324, 1e-300, 0.0])


@given(
    test=st.sampled_from(TestName),
    scale=st.sampled_from(Scale),
    pairs=st.lists(st.tuples(sizes, sizes), min_size=12, max_size=14),
    unit=st.sampled_from(["s", "bool"]),
)
@settings(max_examples=60)
def test_any_value_a_record_may_hold_can_be_compared(
    test: TestName, scale: Scale, pairs: list[tuple[float, float]], unit: str
) -> None:
    metric = Metric(name="time", direction=Direction.LOWER, unit=unit)
    plan = plan_with(primary=metric, test=test, scale=scale, min_effect=0.1, **FIXED)

    others = found(filled(plan, pairs))

    for row in others.tests if others else ():
        assert row.p_value is None or 0.0 <= row.p_value <= 1.0


def test_blocks_are_counted_as_looks_are_where_hosts_are_not_told_apart() -> None:
    plan = plan_with(test=TestName.MANN_WHITNEY, min_blocks=10, max_blocks=10)
    notebook = Notebook(plan)
    for control, treatment in pairs_of(8, 10):
        notebook.trial(Arm.CONTROL, None, {"time": control}, host="mill")
        notebook.trial(Arm.TREATMENT, None, {"time": treatment / 2}, host="barn")

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.looks.decided_at == 10
    assert (found.blocks.complete, found.blocks.used, found.blocks.after) == (10, 10, 0)
