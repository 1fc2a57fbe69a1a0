"""Many experiments at once, as bench/calibration plays them, end as the product ends each."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bench.calibration import noise
from bench.calibration.agents import REAL, Agent, rounded
from bench.calibration.exact import crossing_probability
from bench.calibration.experiments import guard, play, the_test
from bench.calibration.proof import Mismatch, prove_cover, prove_ends, prove_guard
from gitexp.stats.boundaries import boundary
from gitexp.stats.guardrails import guardrail_levels
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray

EXPERIMENTS = 25
BLOCKS = 30
PLAN = boundary(alpha=0.2, max_blocks=BLOCKS, min_blocks=5)

Data = Callable[[np.random.Generator], FloatArray]


def data_with(of: noise.Noise, effect: float = 0.0) -> Data:
    return lambda rng: noise.log_ratios(of(rng, EXPERIMENTS, BLOCKS, effect))


def with_failures(rng: np.random.Generator) -> FloatArray:
    d = rng.normal(0.0, 0.1, (EXPERIMENTS, BLOCKS))
    rate = rng.choice([0.02, 0.2, 0.5, 0.9], (EXPERIMENTS, 1))
    sign = np.where(rng.random(d.shape) < 0.6, 1.0, -1.0)
    return np.where(rng.random(d.shape) < rate, sign * np.inf, d)


def without_spread(rng: np.random.Generator) -> FloatArray:
    steps = rng.choice([-0.1, 0.0, 0.1], (EXPERIMENTS, BLOCKS))
    starts = rng.integers(0, BLOCKS + 1, (EXPERIMENTS, 1))
    same = rng.choice([-0.1, 0.0, 0.1], (EXPERIMENTS, 1))
    return np.where(np.arange(BLOCKS) < starts, same, steps)


DATA: dict[str, Data] = {
    "normal": data_with(noise.normal),
    "effect": data_with(noise.normal, -0.08),
    "lognormal": data_with(noise.lognormal),
    "outliers": data_with(noise.outliers),
    "drift": data_with(noise.drift),
    "ties": data_with(noise.coarse),
    "failures": with_failures,
    "no spread": without_spread,
}
TESTS: tuple[PairedTest, ...] = ("signed-rank", "t")


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", DATA)
def test_every_look_and_verdict_is_the_products(name: str, test: PairedTest) -> None:
    d = DATA[name](np.random.default_rng(1))

    ends = play(d, plan=PLAN, test=test)

    prove_ends(d, ends, plan=PLAN, test=test)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("truth", [0.0, -0.08, 0.1])
def test_an_interval_holds_what_the_products_holds(
    name: str, test: PairedTest, truth: float
) -> None:
    d = DATA[name](np.random.default_rng(2))
    rng = np.random.default_rng(3)
    used = rng.integers(1, BLOCKS + 1, EXPERIMENTS)
    level = rng.choice([0.0, 0.01, 0.3, 0.9], EXPERIMENTS)

    held = the_test(d, test, truth).covers(used, level)

    prove_cover(d, held, used=used, level=level, truth=truth, test=test)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_a_guardrail_falls_where_the_products_falls(
    name: str, test: PairedTest, margin: float
) -> None:
    d = DATA[name](np.random.default_rng(4)) + margin
    levels = guardrail_levels(alpha=0.2, guardrails=2, max_blocks=BLOCKS, min_blocks=5)
    bounds = {"ok_levels": levels.ok.nominal, "harmed_levels": levels.harmed.nominal}

    states = guard(d, counts=levels.ok.looks, margin=margin, test=test, **bounds)

    prove_guard(d, states, counts=levels.ok.looks, margin=margin, test=test, **bounds)


def test_a_single_look_that_differs_is_found() -> None:
    d = DATA["normal"](np.random.default_rng(5))
    ends = play(d, plan=PLAN, test="t")
    ends.crossed[3, 7] = 1 if ends.crossed[3, 7] == 0 else 0

    with pytest.raises(Mismatch, match="crossed at 8"):
        prove_ends(d, ends, plan=PLAN, test="t")


def test_the_exact_error_rate_is_that_of_all_orders_and_signs() -> None:
    plan = boundary(alpha=0.6, max_blocks=5, min_blocks=2)
    sizes = np.array(list(itertools.permutations(range(1, 6))), dtype=np.float64)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=5)))
    d = (sizes[:, None, :] * signs).reshape(-1, 5)

    ends = play(d, plan=plan, test="signed-rank")

    assert crossing_probability(plan) == pytest.approx(np.mean(ends.verdict != 0), abs=1e-12)


def test_one_look_has_the_exact_error_rate_of_the_tables() -> None:
    """P(V <= 8 of 10 blocks) = 25/1024, the largest tail below .025."""
    plan = boundary(alpha=0.05, max_blocks=10, min_blocks=10)

    assert crossing_probability(plan) == pytest.approx(50 / 1024, abs=1e-12)


def test_an_agent_that_asks_the_ledger_promotes_what_the_product_promotes() -> None:
    agent = Agent(what="", rule="ledger", sd=0.05, changes=15)

    found = agent.play(np.random.default_rng(6), 2)  # raises on another verdict

    assert (found.true <= REAL).all()
    assert found.true.sum() > REAL


def test_what_the_agent_asks_for_is_never_more_than_its_grant() -> None:
    grants = np.random.default_rng(7).uniform(1e-7, 0.05, 500).tolist()

    assert all(0.9 * alpha < rounded(alpha) <= alpha for alpha in grants)
    assert [rounded(alpha) for alpha in (0.05, 0.0027, 0.00029)] == [0.05, 0.0027, 0.00029]
