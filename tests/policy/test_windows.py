"""Windows of live use: what their means and rates say."""

from __future__ import annotations

from random import Random

import pytest

from gitexp.decision import Analysis
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    Direction,
    Guardrail,
    GuardState,
    Metric,
    Outcome,
    Scale,
    TestName,
    Trial,
    Verdict,
    Watch,
    Window,
)
from gitexp.policy import analyse
from tests.making import COMPARISON, REVISION, Notebook, plan_with

FAILURES = Guardrail(metric=BUILT_IN_METRICS["failures"], margin=0.01, is_relative=False)
LIKED = Metric(name="liked", direction=Direction.HIGHER, unit="bool")


def _analysed(
    rates: list[tuple[float, float]], *, uses: int, test: TestName = TestName.T
) -> Analysis:
    """Windows whose uses fail at these rates of control and treatment."""
    guards = (FAILURES,) if test is TestName.T else ()
    plan = plan_with(
        windows=True,
        test=test,
        command=None,
        guardrails=guards,
        watches=(Watch(metric=LIKED, floor=0.5),),
        scale=Scale.LOG,
    )
    book, chance = Notebook(plan), Random(1)
    for number, pair in enumerate(rates, 1):
        for arm, rate in zip(Arm, pair, strict=True):
            failures = round(rate * uses)
            book.add(
                Trial(
                    arm=arm,
                    commit=COMPARISON.arm(arm).commit,
                    revision=REVISION,
                    block=number if test is TestName.T else None,
                    attempt=1,
                    slot=None,
                    host="mill",
                    outcome=Outcome.OK,
                    exit_code=0,
                    metrics={
                        "failures": failures / uses,
                        "time": chance.uniform(0.9, 1.1),
                        "liked": 0.4 + number / 1000,
                    },
                    window=Window(count=uses, failures=failures),
                )
            )
    return analyse(book.experiment(), COMPARISON)


def _state(rates: list[tuple[float, float]], *, uses: int = 1000) -> GuardState:
    return _analysed(rates, uses=uses).guardrails[0].state


def test_rates_that_are_alike_are_ok_and_one_beyond_the_margin_is_harmed() -> None:
    wobbling = [(0.02 + k % 3 / 500, 0.02 + k % 4 / 500) for k in range(20)]

    assert _state(wobbling) is GuardState.OK
    assert _state([(c, t + 0.05) for c, t in wobbling]) is GuardState.HARMED
    assert _state([(c, t + 0.05) for c, t in wobbling], uses=200) is GuardState.HARMED


def test_few_uses_without_an_event_show_nothing() -> None:
    assert _state([(0.0, 0.0)] * 20, uses=5) is GuardState.UNRESOLVED
    assert _state([(0.0, 0.0)] * 20, uses=1000) is GuardState.OK


def test_one_bad_window_is_not_outvoted_by_many_uses() -> None:
    # 0.3 % more by all uses, far inside the margin, and all of it in one window of twenty
    rates = [(0.01, 0.07), *[(0.01, 0.01)] * 19]

    assert _state(rates, uses=10_000) is GuardState.UNRESOLVED


def test_the_floor_of_a_share_is_tested_as_a_number() -> None:
    [watch] = _analysed([(0.01, 0.01)] * 20, uses=1000).watches

    assert watch.treatment == pytest.approx(0.4105)
    assert watch.broken_at == 10


RATE = BUILT_IN_METRICS["failures"]


def _rare(uses: tuple[int, int], primary: Metric, test: TestName = TestName.T) -> Analysis:
    """20 windows an arm; an event in one use of fifty, as evenly as so many uses can have it."""
    guards = () if primary is RATE else (FAILURES,)
    scale = Scale.DIFFERENCE if primary is RATE else Scale.LOG
    plan = plan_with(
        windows=True, test=test, command=None, primary=primary, guardrails=guards, scale=scale
    )
    book, chance = Notebook(plan), Random(1)
    for number in range(1, 21):
        for arm, count in zip(Arm, uses, strict=True):
            failures = count // 50 + (number % 3 if count >= 50 else 0)
            book.add(
                Trial(
                    arm=arm,
                    commit=COMPARISON.arm(arm).commit,
                    revision=REVISION,
                    block=number if test is TestName.T else None,
                    attempt=1,
                    slot=None,
                    host="mill",
                    outcome=Outcome.OK,
                    exit_code=0,
                    metrics={"failures": failures / count, "time": chance.uniform(0.9, 1.1)},
                    window=Window(count=count, failures=failures),
                )
            )
    return analyse(book.experiment(), COMPARISON)


def test_few_uses_of_the_control_without_an_event_harm_no_guardrail() -> None:
    few, many = (_rare((uses, 5000), BUILT_IN_METRICS["time"]) for uses in (5, 50_000))

    assert few.guardrails[0].state is GuardState.UNRESOLVED
    assert few.verdict is Verdict.UNDECIDED
    assert many.guardrails[0].state is GuardState.OK


@pytest.mark.parametrize("test", [TestName.T, TestName.WELCH])
@pytest.mark.parametrize("uses", [(5, 5000), (5000, 5)])
def test_few_uses_without_an_event_decide_nothing(uses: tuple[int, int], test: TestName) -> None:
    assert _rare(uses, RATE, test).verdict is Verdict.UNDECIDED


def test_windows_without_blocks_count_their_uses() -> None:
    found = _analysed([(0.001, 0.03)] * 12, uses=1000, test=TestName.WELCH)

    assert (found.control.uses, found.treatment.failed_uses) == (12_000, 360)
    assert [alert.check for alert in found.alerts if alert.check == "error rate"]
    assert not [check for check in found.health if check.check == "odd values"]
