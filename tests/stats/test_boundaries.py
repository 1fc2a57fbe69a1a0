from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from gitexp.model import TestName
from gitexp.policy.reach import earliest_look
from gitexp.policy.rule import Scheduled
from gitexp.stats import walk
from gitexp.stats.boundaries import (
    Boundary,
    Spending,
    boundary,
    critical_values,
    fixed_boundary,
    obrien_fleming_spending,
    pocock_spending,
)
from tests.stats.reference import CASES, agrees


def earliest_rank_look(bound: Boundary) -> int | None:
    return earliest_look(TestName.SIGNED_RANK, Scheduled(bound=bound))


def earliest_t_look(bound: Boundary) -> int | None:
    return earliest_look(TestName.T, Scheduled(bound=bound))


@pytest.mark.parametrize("fractions", [(0.1, 0.2), (0.2, 0.9), (0.5, 0.55), (0.95, 1.0)])
def test_the_second_look_agrees_with_direct_integration(fractions: tuple[float, float]) -> None:
    rates = obrien_fleming_spending(fractions, alpha=0.05)
    c1, c2 = critical_values(fractions, rates)
    first, second = fractions
    step, b1, b2 = math.sqrt(second - first), c1 * math.sqrt(first), c2 * math.sqrt(second)

    def crosses_at_second(u: float) -> float:
        density = math.exp(-u * u / (2 * first)) / math.sqrt(2 * math.pi * first)
        return density * float(ndtr((u - b2) / step) + ndtr((-u - b2) / step))

    spent, _ = quad(crosses_at_second, -b1, b1, epsabs=0, epsrel=1e-11, limit=500)
    assert spent == pytest.approx(rates[1] - rates[0], rel=1e-7)


@pytest.mark.parametrize("blocks", [50, 200])
def test_a_random_walk_crosses_by_every_look_as_often_as_it_may(blocks: int) -> None:
    paths, plan = 20_000, boundary(alpha=0.05, max_blocks=blocks, min_blocks=10)
    steps = np.random.default_rng(20).normal(size=(paths, blocks))
    z = np.abs(steps.cumsum(axis=1) / np.sqrt(np.arange(1, blocks + 1)))[:, 9:]
    crossed = np.logical_or.accumulate(z >= plan.critical, axis=1).mean(axis=0)
    spent = obrien_fleming_spending(np.array(plan.looks) / blocks, alpha=0.05)
    assert np.all(np.abs(crossed - spent) <= 4.5 * np.sqrt(spent * (1 - spent) / paths) + 1e-4)


gauss_legendre = walk._gauss_legendre


def test_more_nodes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fractions = np.arange(10, 201) / 200
    rates = obrien_fleming_spending(fractions, alpha=0.05)
    critical = critical_values(fractions, rates)
    monkeypatch.setattr(walk, "_gauss_legendre", lambda count: gauss_legendre(2 * count))
    finer = critical_values(fractions, rates)
    below_6 = finer < 6
    assert np.allclose(critical[below_6], finer[below_6], rtol=0, atol=1e-9)


@given(st.floats(1e-4, 0.3), st.integers(1, 400), st.integers(0, 60))
def test_no_look_takes_more_than_alpha(alpha: float, low: int, more: int) -> None:
    plan = boundary(alpha=alpha, max_blocks=low + more, min_blocks=low)
    nominal = np.array(plan.nominal)
    assert np.all(nominal >= 0.0)
    assert np.all(nominal <= alpha * (1 + 1e-9))
    assert nominal.sum() >= alpha * (1 - 1e-9)
    assert plan.looks[-1] == low + more


def test_one_look_is_an_ordinary_test() -> None:
    plan = boundary(alpha=0.05, max_blocks=30, min_blocks=30)
    assert plan.looks == (30,)
    assert plan.nominal[0] == pytest.approx(0.05, rel=1e-9)


def test_looks_with_nothing_to_spend_cannot_be_crossed() -> None:
    plan = boundary(alpha=0.05, max_blocks=10_000, min_blocks=10)
    assert plan.critical[0] == math.inf
    assert plan.nominal[0] == 0.0
    assert earliest_t_look(plan) == next(
        n for n, level in zip(plan.looks, plan.nominal, strict=True) if level > 0
    )


def test_what_an_early_look_cannot_spend_is_left_to_the_next() -> None:
    carried = critical_values([0.5, 1.0], [1e-17, 0.05])
    assert carried[0] == math.inf
    assert carried[1] == pytest.approx(1.959964, abs=1e-6)


def test_more_than_200_looks_become_200() -> None:
    plan = boundary(alpha=0.05, max_blocks=5_000, min_blocks=10)
    assert len(plan.looks) == len(set(plan.looks)) == 200
    assert (plan.looks[0], plan.looks[-1]) == (10, 5_000)
    assert len(boundary(alpha=0.05, max_blocks=209, min_blocks=10).looks) == 200


def test_200_looks_are_computed_at_once() -> None:
    boundary.cache_clear()
    start = time.process_time()
    boundary(alpha=0.043, max_blocks=209, min_blocks=10)
    assert time.process_time() - start < 1.0  # 0.15 s on a quiet machine


@pytest.mark.parametrize(
    ("alpha", "max_blocks", "earliest"),
    [(0.05, 20, 10), (0.05, 40, 14), (0.05, 100, 21), (0.01, 20, 13)],
)
def test_ranks_cannot_decide_before(alpha: float, max_blocks: int, earliest: int) -> None:
    plan = boundary(alpha=alpha, max_blocks=max_blocks, min_blocks=10)
    assert earliest_rank_look(plan) == earliest
    assert 2.0 ** (1 - earliest) <= plan.nominal[plan.looks.index(earliest)]


def test_five_blocks_can_never_decide_by_rank() -> None:
    assert earliest_rank_look(boundary(alpha=0.05, max_blocks=5, min_blocks=5)) is None
    assert earliest_t_look(boundary(alpha=0.05, max_blocks=1, min_blocks=1)) is None


@pytest.mark.parametrize("looks", [1, 2, 3, 4, 5])
def test_pocock_type_spending(looks: int) -> None:
    case = CASES["gs_asP_a0.01"]
    fractions = np.arange(1, looks + 1) / looks
    spent = pocock_spending(fractions, alpha=0.01)
    agrees(
        case, critical_values(fractions, spent), np.atleast_1d(case["expected"]["z"][str(looks)])
    )

    case = CASES["published_ldf_obf5"]
    fractions = np.arange(1, 6) / 5
    spent = pocock_spending(fractions, alpha=0.05)
    agrees(case, critical_values(fractions, spent), case["expected"]["pocock"])


def test_pocock_type_spending_is_easier_to_cross_early_and_harder_late() -> None:
    late = boundary(alpha=0.05, max_blocks=50, min_blocks=10)
    evenly = boundary(alpha=0.05, max_blocks=50, min_blocks=10, spending="pocock")
    assert evenly.looks == late.looks
    assert evenly.critical[0] < late.critical[0]
    assert evenly.critical[-1] > late.critical[-1]


def test_quadratic_spending() -> None:
    case = CASES["spotify_bounds_5_rho2"]
    fractions = np.array(case["inputs"]["t"])
    spent = case["inputs"]["alpha"] * fractions ** case["inputs"]["rho"]
    agrees(case, critical_values(fractions, spent), case["expected"]["z"])


def test_an_end_by_the_calendar_spends_what_is_left() -> None:
    case = CASES["gs_expired_12_of_20"]
    plan = boundary(alpha=0.05, max_blocks=20, min_blocks=10, ends_at=12)
    assert list(plan.looks) == case["inputs"]["looks"]
    agrees(case, plan.critical, case["expected"]["z"])


@pytest.mark.parametrize("spending", ["obf", "pocock"])
@pytest.mark.parametrize("ends_at", [11, 15, 19])
def test_an_end_by_the_calendar_leaves_the_looks_before_it_alone(
    spending: Spending, ends_at: int
) -> None:
    full = boundary(alpha=0.05, max_blocks=20, min_blocks=10, spending=spending)
    cut = boundary(alpha=0.05, max_blocks=20, min_blocks=10, spending=spending, ends_at=ends_at)
    assert cut.looks == tuple(range(10, ends_at + 1))
    assert cut.critical[:-1] == full.critical[: len(cut.looks) - 1]
    assert cut.critical[-1] < full.critical[len(cut.looks) - 1]


def test_an_end_before_the_first_look_is_one_ordinary_test() -> None:
    for ends_at in (1, 4, 10):
        plan = boundary(alpha=0.05, max_blocks=20, min_blocks=10, ends_at=ends_at)
        assert plan.looks == (ends_at,)
        assert plan.nominal[0] == pytest.approx(0.05, rel=1e-9)
    one_block = boundary(alpha=0.05, max_blocks=20, min_blocks=10, ends_at=1)
    assert earliest_t_look(one_block) is None
    assert earliest_rank_look(one_block) is None


def test_an_end_after_the_last_look_changes_nothing() -> None:
    full = boundary(alpha=0.05, max_blocks=20, min_blocks=10)
    for ends_at in (20, 21, 1_000):
        assert boundary(alpha=0.05, max_blocks=20, min_blocks=10, ends_at=ends_at) == full


def test_an_end_between_thinned_looks_is_a_look() -> None:
    plan = boundary(alpha=0.05, max_blocks=5_000, min_blocks=10, ends_at=2_500)
    thinned = boundary(alpha=0.05, max_blocks=5_000, min_blocks=10)
    assert 2_500 not in thinned.looks
    assert plan.looks[-1] == 2_500
    assert set(plan.looks[:-1]) < set(thinned.looks)


@pytest.mark.parametrize("spending", ["obf", "pocock"])
def test_a_random_walk_cut_short_crosses_with_probability_alpha(spending: Spending) -> None:
    paths = 20_000
    plan = boundary(alpha=0.05, max_blocks=50, min_blocks=10, spending=spending, ends_at=31)
    steps = np.random.default_rng(21).normal(size=(paths, 31))
    z = np.abs(steps.cumsum(axis=1) / np.sqrt(np.arange(1, 32)))[:, 9:]
    crossed = (z >= plan.critical).any(axis=1).mean()
    assert abs(crossed - 0.05) <= 4 * math.sqrt(0.05 * 0.95 / paths)


def test_a_fixed_plan_has_one_look() -> None:
    assert fixed_boundary(alpha=0.05, max_blocks=30).looks == (30,)
    assert fixed_boundary(alpha=0.05, max_blocks=30, ends_at=12).looks == (12,)
    assert fixed_boundary(alpha=0.05, max_blocks=30, ends_at=12).nominal == pytest.approx([0.05])


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match="ends_at must be at least 1, not 0"):
        boundary(alpha=0.05, max_blocks=20, min_blocks=10, ends_at=0)
    with pytest.raises(ValueError, match=r"1\.2"):
        boundary(alpha=1.2, max_blocks=20, min_blocks=10)
    with pytest.raises(ValueError, match="30"):
        boundary(alpha=0.05, max_blocks=20, min_blocks=30)
    with pytest.raises(ValueError, match=r"0\.5, 0\.5"):
        critical_values([0.5, 0.5], [0.01, 0.05])
    with pytest.raises(ValueError, match=r"0\.05, 0\.01"):
        critical_values([0.5, 1.0], [0.05, 0.01])
    with pytest.raises(ValueError, match="shapes"):
        critical_values([0.5, 1.0], [0.05])
