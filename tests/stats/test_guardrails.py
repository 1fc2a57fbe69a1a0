from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.stats.guardrails import (
    GuardrailPath,
    GuardrailState,
    guardrail_levels,
    metric_guardrail,
    rate_guardrail,
)
from gitexp.stats.replay import PairedTest

OK, HARMED, UNRESOLVED = GuardrailState.OK, GuardrailState.HARMED, GuardrailState.UNRESOLVED
LEVELS = guardrail_levels(alpha=0.05, guardrails=1, max_blocks=20, min_blocks=10)
MARGIN = math.log(1.1)
TESTS: list[PairedTest] = ["signed-rank", "t"]


def path(
    d: Any, *, test: PairedTest = "signed-rank", bad: int = 1, margin: float = MARGIN
) -> GuardrailPath:
    values = np.asarray(d, dtype=float)
    counts = [n for n in LEVELS.ok.looks if n <= values.size]
    return metric_guardrail(
        values,
        counts=counts,
        margin=margin,
        bad=bad,
        test=test,
        ok_levels=LEVELS.ok.nominal[: len(counts)],
        harmed_levels=LEVELS.harmed.nominal[: len(counts)],
    )


def noise(mean: float, sd: float = 0.03, n: int = 20) -> Any:
    return np.random.default_rng(8).normal(mean, sd, n)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("effect", "bad", "state"), [(0.0, 1, OK), (0.3, 1, HARMED), (-0.3, -1, HARMED), (0.3, -1, OK)]
)
def test_clear_cases_fall_at_the_first_look(
    test: PairedTest, effect: float, bad: int, state: GuardrailState
) -> None:
    result = path(noise(effect), test=test, bad=bad)
    assert result.fell_at == 0
    assert set(result.states) == {state}
    assert result.estimate == pytest.approx(effect, abs=0.03)
    assert (bad * result.bound < MARGIN) == (state is OK)
    assert result.estimate is not None
    assert (result.least is None) == (state is OK)
    if result.least is not None:
        assert MARGIN < bad * result.least < bad * result.estimate


@pytest.mark.parametrize("test", TESTS)
def test_at_the_margin_nothing_is_resolved(test: PairedTest) -> None:
    d = MARGIN + np.tile([-0.02, 0.02], 10)
    assert set(path(d, test=test).states) == {UNRESOLVED}


@pytest.mark.parametrize("test", TESTS)
def test_a_state_stays_as_it_fell(test: PairedTest) -> None:
    d = np.r_[noise(0.0)[:10], [2.0] * 10]
    result = path(d, test=test)
    assert result.states == (OK,) * 11
    assert result.bound > MARGIN  # the bound shown is that of the last look


@pytest.mark.parametrize("test", TESTS)
def test_how_much_worse_it_is_at_least_is_said_of_the_look_where_harm_fell(
    test: PairedTest,
) -> None:
    first = path(noise(0.3)[:10], test=test)
    later = path(np.r_[noise(0.3)[:10], [-1.0] * 10], test=test)
    assert later.least == first.least


@pytest.mark.parametrize("test", TESTS)
def test_failures_of_the_treatment_keep_a_guardrail_from_passing(test: PairedTest) -> None:
    d = noise(0.0)
    d[1:20:2] = 1e6
    result = path(d, test=test)
    assert OK not in result.states
    assert result.bound == math.inf
    assert path(-d, test=test).state is OK


@pytest.mark.parametrize("test", TESTS)
def test_a_metric_that_never_changes_passes(test: PairedTest) -> None:
    result = path([0.0] * 12, test=test)
    assert result.state is OK
    assert (result.estimate, result.bound) == (0.0, 0.0)


@pytest.mark.parametrize("test", TESTS)
def test_without_data_a_guardrail_is_unresolved(test: PairedTest) -> None:
    result = metric_guardrail(
        [0.1],
        counts=[0, 1],
        margin=0.1,
        bad=-1,
        test=test,
        ok_levels=LEVELS.ok.nominal[:2],
        harmed_levels=LEVELS.harmed.nominal[:2],
    )
    assert result.states == (UNRESOLVED, UNRESOLVED)
    assert result.bound == -math.inf
    assert path([], test=test).state is UNRESOLVED
    assert path([], test=test).estimate is None


DIFFERENCES = st.lists(
    st.one_of(st.integers(-6, 6).map(lambda k: k / 20), st.sampled_from([1e6, -1e6])),
    min_size=10,
    max_size=20,
)


@pytest.mark.parametrize("test", TESTS)
@given(d=DIFFERENCES)
def test_swapping_the_sign_of_harm_mirrors_the_path(test: PairedTest, d: list[float]) -> None:
    result = path(d, test=test)
    mirrored = path([-x for x in d], test=test, bad=-1)
    assert mirrored.states == result.states
    assert mirrored.bound == -result.bound


@pytest.mark.parametrize("test", TESTS)
@given(d=DIFFERENCES, more=DIFFERENCES)
def test_later_blocks_never_change_earlier_states(
    test: PairedTest, d: list[float], more: list[float]
) -> None:
    before = path(d, test=test)
    after = path([*d, *more][:20], test=test)
    assert after.states[: len(before.states)] == before.states


@pytest.mark.parametrize("test", TESTS)
@given(d=DIFFERENCES)
def test_what_falls_at_the_last_look_agrees_with_its_bound(
    test: PairedTest, d: list[float]
) -> None:
    result = path(d, test=test)
    if result.fell_at is None or result.fell_at == len(result.states) - 1:
        if result.bound < MARGIN - 1e-9:
            assert result.state is OK
        elif result.bound > MARGIN + 1e-9:
            assert result.state is not OK


def test_more_guardrails_make_harm_harder_to_claim_and_passing_no_easier() -> None:
    one = guardrail_levels(alpha=0.05, guardrails=1, max_blocks=20, min_blocks=10)
    five = guardrail_levels(alpha=0.05, guardrails=5, max_blocks=20, min_blocks=10)
    assert one.ok == five.ok
    assert one.ok.alpha == one.harmed.alpha == 0.1
    assert five.harmed.alpha == pytest.approx(0.02)
    assert five.harmed.nominal < one.harmed.nominal


def test_rates_take_absolute_margins() -> None:
    looks = len(LEVELS.ok.looks)
    kwargs: dict[str, Any] = {
        "bad": 1,
        "ok_levels": LEVELS.ok.nominal,
        "harmed_levels": LEVELS.harmed.nominal,
    }
    sizes = LEVELS.ok.looks
    none = [(0, n) for n in sizes]
    all_fail = [(n, n) for n in sizes]
    wide = rate_guardrail(control=none, treatment=none, margin=0.5, **kwargs)
    narrow = rate_guardrail(control=none, treatment=none, margin=0.05, **kwargs)
    broken = rate_guardrail(control=none, treatment=all_fail, margin=0.05, **kwargs)
    fewer = rate_guardrail(control=all_fail, treatment=none, margin=0.05, **{**kwargs, "bad": -1})
    assert wide.state is OK
    assert narrow.states == (UNRESOLVED,) * looks
    assert 0.05 < narrow.bound < 0.2
    assert (broken.state, broken.estimate, broken.fell_at) == (HARMED, 1.0, 0)
    assert wide.least is None
    assert broken.least is not None
    assert 0.05 < broken.least < 1.0
    assert (fewer.state, fewer.estimate) == (HARMED, -1.0)
    empty = rate_guardrail(
        control=[], treatment=[], margin=0.05, bad=1, ok_levels=[], harmed_levels=[]
    )
    assert (empty.state, empty.estimate, empty.bound) == (UNRESOLVED, None, math.inf)


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match="margin"):
        path(noise(0.0), margin=0.0)
    with pytest.raises(ValueError, match="bad"):
        path(noise(0.0), bad=0)
    with pytest.raises(ValueError, match="'sign'"):
        path(noise(0.0), test="sign")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\[5, 3\]"):
        metric_guardrail(
            [0.1] * 5,
            counts=[5, 3],
            margin=0.1,
            bad=1,
            test="t",
            ok_levels=[0.1, 0.1],
            harmed_levels=[0.1, 0.1],
        )
    with pytest.raises(ValueError, match="one level per look"):
        rate_guardrail(
            control=[(0, 1)],
            treatment=[(0, 1)],
            margin=0.1,
            bad=1,
            ok_levels=[],
            harmed_levels=[],
        )
    with pytest.raises(ValueError, match=r"0\.6"):
        guardrail_levels(alpha=0.6, guardrails=1, max_blocks=20, min_blocks=10)
