"""Error rates, measured on few experiments; bench/calibration measures them on many.

Tolerances are four binomial standard errors: a seed that fails here by chance is one in 16,000.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from gitexp.stats.boundaries import boundary
from gitexp.stats.guardrails import GuardrailState, guardrail_levels, metric_guardrail
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest, replay, result_at
from gitexp.stats.replay_arms import replay_mann_whitney, replay_welch
from gitexp.stats.results import FloatArray

EXPERIMENTS = 3_000
BLOCKS = 20
PLAN = boundary(alpha=0.05, max_blocks=BLOCKS, min_blocks=10)
TESTS: list[PairedTest] = ["signed-rank", "t"]


def tolerance(rate: float, experiments: int = EXPERIMENTS) -> float:
    return 4.0 * math.sqrt(rate * (1.0 - rate) / experiments)


def looks_of(d: FloatArray, test: PairedTest) -> tuple[Look, ...]:
    ok = np.isfinite(d)
    return replay(d, ok, test=test, boundary=PLAN, region=(0.0, 0.0), good=-1)


@pytest.mark.parametrize("test", TESTS)
def test_all_looks_together_err_with_probability_alpha(test: PairedTest) -> None:
    d = np.random.default_rng(1).normal(size=(EXPERIMENTS, BLOCKS))
    crossed = sum(any(look.crossed for look in looks_of(row, test)) for row in d)
    assert abs(crossed / EXPERIMENTS - 0.05) < tolerance(0.05)


def test_coarse_clocks_do_not_raise_the_error_of_the_signed_rank_test() -> None:
    d = np.random.default_rng(2).normal(size=(EXPERIMENTS, BLOCKS)).round()
    crossed = sum(any(look.crossed for look in looks_of(row, "signed-rank")) for row in d)
    assert 0.03 < crossed / EXPERIMENTS < 0.0525 + tolerance(0.0525)


def test_welch_errs_with_probability_alpha() -> None:
    rng = np.random.default_rng(3)
    crossed = 0
    for _ in range(EXPERIMENTS):
        looks = replay_welch(
            rng.normal(size=45), rng.random(45) < 0.5, boundary=PLAN, region=(0.0, 0.0)
        )
        crossed += any(look.crossed for look in looks)
    assert abs(crossed / EXPERIMENTS - 0.05) < tolerance(0.05)


@pytest.mark.parametrize("failing", [0.0, 0.05])
def test_mann_whitney_errs_with_probability_alpha(failing: float) -> None:
    rng = np.random.default_rng(11)
    crossed = 0
    for _ in range(EXPERIMENTS):
        values = np.where(rng.random(45) < failing, math.inf, rng.normal(size=45))
        looks = replay_mann_whitney(values, rng.random(45) < 0.5, boundary=PLAN, region=(0.0, 0.0))
        crossed += any(look.crossed for look in looks)
    assert abs(crossed / EXPERIMENTS - 0.05) < tolerance(0.05)


def test_coarse_clocks_do_not_raise_the_error_of_mann_whitney() -> None:
    rng = np.random.default_rng(12)
    crossed = 0
    for _ in range(EXPERIMENTS):
        looks = replay_mann_whitney(
            rng.normal(size=45).round(), rng.random(45) < 0.5, boundary=PLAN, region=(0.0, 0.0)
        )
        crossed += any(look.crossed for look in looks)
    assert crossed / EXPERIMENTS < 0.0525 + tolerance(0.0525)


def test_hosts_of_other_speed_and_noise_do_not_raise_the_error_of_the_stratified_test() -> None:
    rng = np.random.default_rng(13)
    crossed = 0
    for _ in range(EXPERIMENTS):
        hosts = rng.choice(3, 45, p=[0.6, 0.3, 0.1])
        values = rng.normal(size=45) * np.array([1.0, 2.0, 0.5])[hosts] + 10.0 * hosts
        looks = replay_welch(
            values,
            rng.random(45) < 0.5,
            boundary=PLAN,
            region=(0.0, 0.0),
            strata=[str(host) for host in hosts],
        )
        crossed += any(look.crossed for look in looks)
    assert crossed / EXPERIMENTS < 0.05 + tolerance(0.05)


@pytest.mark.parametrize("test", TESTS)
def test_the_interval_where_an_experiment_stops_holds_the_truth(test: PairedTest) -> None:
    effect, experiments = -0.5, 1_500
    held = 0
    for d in np.random.default_rng(4).normal(effect, 1.0, (experiments, BLOCKS)):
        looks = looks_of(d, test)
        stop = next((look for look in looks if look.crossed), looks[-1])
        ok = np.ones(BLOCKS, dtype=bool)
        result = result_at(d, ok, test=test, used=stop.used, level=stop.nominal)
        held += effect in result.interval
    assert held / experiments > 0.95 - tolerance(0.05, experiments)


@pytest.mark.parametrize("test", TESTS)
def test_killing_the_slowest_fifth_of_the_treatment_does_not_make_it_better(
    test: PairedTest,
) -> None:
    rng = np.random.default_rng(5)
    control, treatment = rng.normal(size=(2, EXPERIMENTS, BLOCKS))
    d = np.where(treatment > 0.8416, math.inf, treatment - control)
    better = sum(any(look.crossed < 0 for look in looks_of(row, test)) for row in d)
    assert better / EXPERIMENTS < 0.025 + tolerance(0.025)


@pytest.mark.parametrize("test", TESTS)
def test_a_guardrail_at_its_margin_passes_and_fails_with_probability_alpha(
    test: PairedTest,
) -> None:
    levels = guardrail_levels(alpha=0.05, guardrails=2, max_blocks=BLOCKS, min_blocks=10)
    states = [
        metric_guardrail(
            row,
            counts=levels.ok.looks,
            margin=0.1,
            bad=1,
            test=test,
            ok_levels=levels.ok.nominal,
            harmed_levels=levels.harmed.nominal,
        ).state
        for row in np.random.default_rng(6).normal(0.1, 0.2, (EXPERIMENTS, BLOCKS))
    ]
    passed = states.count(GuardrailState.OK) / EXPERIMENTS
    harmed = states.count(GuardrailState.HARMED) / EXPERIMENTS
    assert abs(passed - 0.05) < tolerance(0.05)
    assert abs(harmed - 0.025) < tolerance(0.025)


def test_outliers_cost_the_signed_rank_test_little() -> None:
    rng = np.random.default_rng(7)
    experiments = 1_000
    slow = np.where(rng.random((2, experiments, BLOCKS)) < 0.05, math.log(3.0), 0.0)
    noise = rng.normal(0.0, 0.1, (2, experiments, BLOCKS)) + slow
    d = noise[0] - noise[1] - 0.12
    found = {
        test: sum(any(look.crossed < 0 for look in looks_of(row, test)) for row in d) / experiments
        for test in TESTS
    }
    assert found["signed-rank"] > found["t"] + 0.2
