from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.stats.always_valid_guardrails import (
    metric_guardrail_always_valid,
    rate_guardrail_always_valid,
)
from gitexp.stats.guardrails import GuardrailPath, GuardrailState
from gitexp.stats.rate_mixture import rate_sequence
from gitexp.stats.replay import PairedTest
from tests.stats.reference import CASES, agrees

OK, HARMED, UNRESOLVED = GuardrailState.OK, GuardrailState.HARMED, GuardrailState.UNRESOLVED
MARGIN = math.log(1.1)
TESTS: list[PairedTest] = ["signed-rank", "t"]


def path(
    d: Any,
    *,
    test: PairedTest = "signed-rank",
    bad: int = 1,
    margin: float = MARGIN,
    alpha: float = 0.05,
) -> GuardrailPath:
    values = np.asarray(d, dtype=float)
    return metric_guardrail_always_valid(
        values,
        counts=range(2, values.size + 1),
        margin=margin,
        bad=bad,
        test=test,
        alpha_ok=alpha,
        alpha_harmed=alpha / 2,
        max_blocks=40,
    )


def rates(control: Any, treatment: Any, *, bad: int = 1, margin: float = 0.05) -> GuardrailPath:
    def cumulative(events: Any) -> list[tuple[int, int]]:
        return [(int(x), k + 1) for k, x in enumerate(np.cumsum(events))]

    return rate_guardrail_always_valid(
        control=cumulative(control),
        treatment=cumulative(treatment),
        margin=margin,
        bad=bad,
        alpha_ok=0.05,
        alpha_harmed=0.05,
        max_blocks=500,
    )


def noise(mean: float, n: int = 40) -> Any:
    return np.random.default_rng(8).normal(mean, 0.03, n)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(
    ("effect", "bad", "state"), [(0.0, 1, OK), (0.3, 1, HARMED), (-0.3, -1, HARMED), (0.3, -1, OK)]
)
def test_clear_cases_are_resolved(
    test: PairedTest, effect: float, bad: int, state: GuardrailState
) -> None:
    result = path(noise(effect), test=test, bad=bad)
    assert result.state is state
    assert result.fell_at is not None
    assert set(result.states[: result.fell_at]) <= {UNRESOLVED}
    assert set(result.states[result.fell_at :]) == {state}
    assert result.estimate == pytest.approx(effect, abs=0.03)
    assert (bad * result.bound < MARGIN) == (state is OK)
    assert (result.least is None) == (state is OK)
    assert result.least is None or bad * result.least >= MARGIN


@pytest.mark.parametrize("test", TESTS)
def test_at_the_margin_nothing_is_resolved(test: PairedTest) -> None:
    assert set(path(MARGIN + np.tile([-0.02, 0.02], 20), test=test).states) == {UNRESOLVED}


@pytest.mark.parametrize("test", TESTS)
def test_a_state_stays_as_it_fell(test: PairedTest) -> None:
    result = path(np.r_[noise(0.0, 20), [2.0] * 20], test=test)
    assert result.state is OK
    assert result.bound > MARGIN  # the bound shown is that of the last look


@pytest.mark.parametrize("test", TESTS)
def test_failures_of_the_treatment_keep_a_guardrail_from_passing(test: PairedTest) -> None:
    d = noise(0.0)
    d[1::2] = 1e6
    result = path(d, test=test)
    assert OK not in result.states
    assert result.bound == math.inf
    assert path(-d, test=test).state is OK


@pytest.mark.parametrize("test", TESTS)
def test_a_metric_that_never_changes_passes(test: PairedTest) -> None:
    result = path([0.0] * 12, test=test)
    assert result.state is OK
    assert result.estimate == 0.0
    assert result.bound == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("test", TESTS)
def test_without_data_a_guardrail_is_unresolved(test: PairedTest) -> None:
    assert path([], test=test).state is UNRESOLVED
    assert path([], test=test).estimate is None
    assert path([0.0], test=test).bound == math.inf
    result = metric_guardrail_always_valid(
        [0.1, math.inf],
        counts=[0, 1, 2],
        margin=0.1,
        bad=-1,
        test=test,
        alpha_ok=0.05,
        alpha_harmed=0.05,
        max_blocks=20,
    )
    assert result.states == (UNRESOLVED,) * 3
    assert result.bound == -math.inf


BLOCKS = st.lists(
    st.one_of(
        st.floats(-0.3, 0.3),
        st.sampled_from([-0.1, 0.0, 0.1]),
        st.floats(-0.3, 0.1),
        st.sampled_from([1e6, -1e6]),
    ),
    min_size=2,
    max_size=25,
)


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=40)
@given(d=BLOCKS, bad=st.sampled_from([1, -1]))
def test_a_guardrail_is_ok_exactly_when_its_bound_lies_inside_the_margin(
    test: PairedTest, d: list[float], bad: int
) -> None:
    result = path(d, test=test, bad=bad, margin=0.1, alpha=0.2)
    if result.fell_at is None or result.fell_at == len(result.states) - 1:
        # the end itself is rejected under t, and by the bets it is not
        is_inside = bad * result.bound < 0.1 or (test == "t" and bad * result.bound == 0.1)
        assert is_inside == (result.state is OK)
    if result.least is not None:
        assert bad * result.least >= 0.1


# --- rates ----------------------------------------------------------------------------------


def test_the_sequence_of_a_rate_of_the_reference() -> None:
    case = CASES["confseq_bernoulli"]
    x, n = case["inputs"]["successes"], case["inputs"]["trials"]
    low, high = rate_sequence(
        np.array([x]), np.array([n]), alpha=0.05, best_at=case["inputs"]["t_opt"]
    )
    agrees(case, [float(low[0]), float(high[0])], case["expected"]["ci"])


def test_the_sequence_of_a_rate_at_its_limits() -> None:
    x, n = np.array([0, 0, 60, 1]), np.array([0, 60, 60, 2])
    low, high = rate_sequence(x, n, alpha=0.05, best_at=60)
    assert low.tolist()[:2] == [0.0, 0.0]
    assert high.tolist()[0] == high.tolist()[2] == 1.0
    assert 0.0 < high[1] < 0.12
    assert low[2] == pytest.approx(1.0 - high[1])
    assert (low[3], high[3]) == (0.0, 1.0)
    with pytest.raises(ValueError, match="successes must lie"):
        rate_sequence(np.array([3]), np.array([2]), alpha=0.05, best_at=60)


def test_the_sequence_of_a_rate_errs_with_less_than_alpha_by_exact_enumeration() -> None:
    trials, alpha = 100, 0.05
    n = np.repeat(np.arange(1, trials + 1), np.arange(2, trials + 2))
    x = np.concatenate([np.arange(k + 1) for k in range(1, trials + 1)])
    low, high = rate_sequence(x, n, alpha=alpha, best_at=trials)
    for rate in (0.01, 0.05, 0.3, 0.5, 0.9):
        mass = np.ones(1)  # of the paths that have not lost the rate yet, by their successes
        for k in range(1, trials + 1):
            mass = np.r_[mass * (1.0 - rate), 0.0] + np.r_[0.0, mass * rate]
            mass[(rate < low[n == k]) | (rate > high[n == k])] = 0.0
        assert 1.0 - alpha <= mass.sum() < 1.0


def test_rates_are_resolved_by_both_arms() -> None:
    none, some = np.zeros(400), np.r_[np.ones(160), np.zeros(240)]
    assert rates(none, none).state is OK
    assert rates(none, some).state is HARMED
    assert rates(some, none).state is OK
    assert rates(none, some, bad=-1).state is OK
    assert rates(some, none, bad=-1).state is HARMED
    harmed = rates(none[:200], np.tile([1.0, 0.0], 100))
    assert harmed.estimate == 0.5
    assert harmed.least is not None
    assert 0.05 < harmed.least < 0.5 < harmed.bound
    assert rates([], []).state is UNRESOLVED
    assert rates([], []).bound == math.inf
    few = rates(np.zeros(20), np.zeros(20))
    assert few.state is UNRESOLVED
    assert few.bound > 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha_ok": 0.0}, "alpha must lie"),
        ({"alpha_harmed": 1.0}, "alpha must lie"),
        ({"margin": 0.0}, "margin must be"),
        ({"bad": 0}, "bad must be"),
        ({"max_blocks": 0}, "max_blocks must be"),
        ({"test": "z"}, "test must be"),
        ({"counts": [2, 1]}, "counts must rise"),
        ({"counts": [3]}, "counts must rise"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "d": [1.0, 2.0],
        "counts": [1, 2],
        "margin": 0.1,
        "bad": 1,
        "test": "t",
        "alpha_ok": 0.05,
        "alpha_harmed": 0.05,
        "max_blocks": 20,
    }
    with pytest.raises(ValueError, match=message):
        metric_guardrail_always_valid(**{**arguments, **change})
    with pytest.raises(ValueError, match="arms have 1 and 0 looks"):
        rate_guardrail_always_valid(
            control=[(0, 1)],
            treatment=[],
            margin=0.1,
            bad=1,
            alpha_ok=0.05,
            alpha_harmed=0.05,
            max_blocks=9,
        )


# --- error rates ----------------------------------------------------------------------------


@pytest.mark.parametrize("test", TESTS)
def test_a_guardrail_at_its_margin_passes_with_less_than_alpha(test: PairedTest) -> None:
    experiments = 300
    states = [
        path(row, test=test, margin=0.1, alpha=0.1).state
        for row in np.random.default_rng(6).normal(0.1, 0.2, (experiments, 40))
    ]
    assert states.count(OK) / experiments < 0.1 + 4.0 * math.sqrt(0.09 / experiments)
    assert states.count(HARMED) / experiments < 0.05 + 4.0 * math.sqrt(0.0475 / experiments)


def test_a_rate_at_its_margin_passes_with_less_than_alpha() -> None:
    rng = np.random.default_rng(7)
    experiments, blocks = 300, 300
    passed = sum(
        rates(rng.random(blocks) < 0.3, rng.random(blocks) < 0.4, margin=0.1).state is OK
        for _ in range(experiments)
    )
    assert passed / experiments < 0.05 + 4.0 * math.sqrt(0.0475 / experiments)
