"""Each alert: what raises it, what just does not, and when there is too little to say."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from gitexp.decision import Analysis
from gitexp.health import Health, HealthState
from gitexp.model import Arm, Goal, Outcome, Plan, Scale, TestName, Verdict
from gitexp.policy import analyse
from tests.making import BASE, COMPARISON, Notebook, plan_with, wobble

Pair = tuple[float | None, float | None]


def analysed(pairs: list[Pair], plan: Plan = BASE) -> Analysis:
    notebook = Notebook(plan)
    notebook.blocks(pairs)
    return analyse(notebook.experiment(), COMPARISON)


def alert(found: Analysis, check: str) -> Health | None:
    return next((a for a in found.alerts if a.check == check), None)


def failing(control: int, treatment: int, *, ok: int = 12) -> list[Pair]:
    """Blocks in which so many of each arm failed, not at once."""
    return [*[(None, 1.0)] * control, *[(1.0, None)] * treatment, *wobble(ok, ratio=1.0)]


# --- error rate -----------------------------------------------------------------------------------


def test_seven_failures_of_the_treatment_against_none_need_a_person() -> None:
    raised = alert(analysed(failing(0, 7)), "error rate")

    assert raised is not None
    assert raised.state is HealthState.FAIL
    assert raised.value.startswith("the treatment failed 7 times in 19 trials, the control 0")
    assert "e-value 31.9" in raised.value
    assert raised.threshold == "e-value 20, and 2 times the failures of the control"
    assert "git exp rollback fast" in raised.advice


def test_six_against_none_do_not_and_neither_do_as_many_in_both_arms() -> None:
    assert alert(analysed(failing(0, 6)), "error rate") is None
    assert alert(analysed(failing(9, 12)), "error rate") is None
    assert alert(analysed(failing(9, 0)), "error rate") is None
    assert alert(analysed([*wobble(3, ratio=1.0)]), "error rate") is None


def test_an_arm_with_more_trials_may_have_more_failures() -> None:
    notebook = Notebook(plan_with(test=TestName.WELCH))
    for k in range(40):
        notebook.trial(Arm.CONTROL, None, {"time": 1.0 + k / 100}) if k < 8 else None
        is_failed = k % 4 == 0
        notebook.trial(
            Arm.TREATMENT,
            None,
            {} if is_failed else {"time": 1.0 + k / 100},
            outcome=Outcome.FAILED if is_failed else Outcome.OK,
        )

    assert alert(analyse(notebook.experiment(), COMPARISON), "error rate") is None


# --- regression -----------------------------------------------------------------------------------


def test_a_treatment_shown_to_be_beyond_the_max_regression_needs_a_person() -> None:
    raised = alert(analysed([*wobble(12, ratio=1.3)]), "regression")

    assert raised is not None
    assert raised.state is HealthState.FAIL
    assert raised.value.startswith("time of the treatment is worse, by at least 2")
    assert raised.value.endswith("shown at block 10")
    assert raised.threshold == "max-regression 10.0%"


def test_one_that_is_worse_by_less_does_not() -> None:
    found = analysed([*wobble(20, ratio=1.09)])

    assert found.verdict is Verdict.WORSE
    assert alert(found, "regression") is None


def test_too_few_blocks_or_no_limit_show_no_regression() -> None:
    assert alert(analysed([*wobble(9, ratio=1.5)]), "regression") is None
    without = plan_with(max_regression=0.0)
    assert alert(analysed([*wobble(12, ratio=1.5)], without), "regression") is None


def test_one_that_failed_too_often_for_a_number_is_a_regression_all_the_same() -> None:
    raised = alert(analysed([(1.0, None)] * 12), "regression")

    assert raised is not None
    assert "it failed too often to say by how much" in raised.value


def test_under_no_regression_the_alert_agrees_with_the_verdict() -> None:
    plan = plan_with(goal=Goal.NO_REGRESSION)

    harmed, fine = (
        analysed([*wobble(12, ratio=1.3)], plan),
        analysed([*wobble(20, ratio=1.0)], plan),
    )

    assert (harmed.verdict, alert(harmed, "regression") is None) == (Verdict.WORSE, False)
    assert (fine.verdict, alert(fine, "regression")) == (Verdict.BETTER, None)


# --- odd values -----------------------------------------------------------------------------------

QUIET: list[Pair] = [(1.0 + 0.01 * ((k * 7) % 11), 1.0 + 0.01 * ((k * 5) % 11)) for k in range(12)]
"""Both arms between 1 and 1.1; a robust standard deviation of their logarithms is about 4 %."""


@pytest.mark.parametrize(("value", "is_named"), [(1.4, False), (2.5, True), (0.4, True)])
def test_a_very_odd_value_is_named_with_its_trial(value: float, is_named: bool) -> None:
    notebook = Notebook()
    notebook.blocks(QUIET)
    notebook.trial(Arm.CONTROL, 13, {"time": 1.05})
    odd = notebook.trial(Arm.TREATMENT, 13, {"time": value})

    found = analyse(notebook.experiment(), COMPARISON)
    raised = alert(found, "anomalies")

    assert (raised is not None) is is_named
    if raised is not None:
        assert raised.state is HealthState.WARN
        assert f"time {value:g} in trial {odd.id} (treatment, z " in raised.value
        assert "git exp retract" in raised.advice
    # whatever it is, it counts
    assert found.blocks.complete == 13


def test_odd_values_are_counted_where_there_are_more_than_chance_makes() -> None:
    # 27 % above the middle of what came before is between 5 and 10 deviations
    two, three = ([*QUIET, *[(1.33, 1.05), (1.05, 1.05)] * n] for n in (2, 3))

    assert alert(analysed(two), "anomalies") is None
    raised = alert(analysed(three), "anomalies")

    assert raised is not None
    assert raised.value == "3 of 16 values are odd"


def test_values_are_odd_beside_those_of_their_own_host() -> None:
    notebook = Notebook(plan_with(max_blocks=40))
    for k, (control, treatment) in enumerate(QUIET * 2):
        host, speed = ("mill", 1.0) if k < 12 else ("slow", 20.0)
        for arm, value in ((Arm.CONTROL, control), (Arm.TREATMENT, treatment)):
            assert value is not None
            notebook.trial(arm, k + 1, {"time": speed * value}, host=host)

    assert alert(analyse(notebook.experiment(), COMPARISON), "anomalies") is None


def test_too_few_values_or_none_with_a_logarithm_are_not_judged() -> None:
    few = analysed([*QUIET[:10]])
    scores = analysed([*QUIET, (1.0, 90.0)], plan_with(scale=Scale.DIFFERENCE))

    assert [h for h in few.health if h.check == "odd values"] == []
    assert alert(scores, "anomalies") is None


# --- duration -------------------------------------------------------------------------------------


def test_blocks_that_came_after_the_last_day_are_told() -> None:
    notebook = Notebook()
    notebook.blocks([*wobble(3, ratio=1.0)])
    last = notebook.plan.expires
    notebook.block(4, 1.0, 1.0, at=last)
    assert alert(analyse(notebook.experiment(), COMPARISON), "duration") is None

    notebook.block(5, 1.0, 1.0, at=last + timedelta(seconds=1))

    raised = alert(analyse(notebook.experiment(), COMPARISON), "duration")
    assert raised is not None
    assert raised.value == "1 blocks came after the last day and are not used"
    assert raised.threshold == "2026-01-19 09:00 UTC, after 14 days"


# --- how often chance alone raises something ------------------------------------------------------


def test_clean_experiments_seldom_show_a_warning_or_an_alert() -> None:
    draw, experiments, told = random.Random(20260105), 500, 0
    for _ in range(experiments):
        # not used up: how many blocks an undecided one would need takes long to work out
        notebook = Notebook(plan_with(max_blocks=40))
        for number in range(1, 21):
            slot = draw.randrange(2)
            for arm, turn in ((Arm.CONTROL, 0), (Arm.TREATMENT, 1)):
                is_failed = draw.random() < 0.02
                notebook.trial(
                    arm,
                    number,
                    {} if is_failed else {"time": draw.lognormvariate(0.0, 0.1)},
                    outcome=Outcome.FAILED if is_failed else Outcome.OK,
                    slot=abs(slot - turn),
                )
        found = analyse(notebook.experiment(), COMPARISON)
        checks = (*found.health, *found.alerts)
        told += any(check.state is not HealthState.OK for check in checks)

    # 0.65 % of 6,000 such experiments
    assert told / experiments < 0.02
