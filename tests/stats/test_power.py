from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln, ndtr, stdtrit

from gitexp.stats.boundaries import boundary, fixed_boundary
from gitexp.stats.operating import inflation
from gitexp.stats.power import (
    Design,
    Sides,
    detectable_effect,
    normal_sample_size,
    pairs_for_margin,
    resolvable_margin,
    sample_size,
    t_power,
    trials_for_rates,
    trials_for_rates_arcsine,
)
from gitexp.stats.replay import PairedTest, replay
from gitexp.stats.signed_rank import signed_rank
from tests.stats.reference import CASES, agrees


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("power_n_d0.2_a0.05", 2),
        ("power_n_d0.2_a0.01", 2),
        ("power_n_d0.3_a0.05", 2),
        ("power_n_d0.5_a0.05", 2),
        ("power_n_d0.5_a0.01", 2),
        ("power_n_d0.8_a0.01", 2),
        ("power_n_d1.0_a0.01", 2),
        ("power_n_d0.5_p90", 2),
        ("power_n_onesided_d0.5", 1),
    ],
)
def test_values_per_group(name: str, sides: Sides) -> None:
    case = CASES[name]
    given, expected = case["inputs"], case["expected"]
    n = sample_size(
        given["d"], alpha=given["alpha"], power=given["power"], design="groups", sides=sides
    )
    assert n is not None
    agrees(case, [n], [expected["n"]])
    assert math.ceil(n) == expected["n_ceil"]


def test_values_per_group_of_another_program() -> None:
    case = CASES["power_statsmodels_n"]
    for d, expected in zip(case["inputs"]["d"], case["expected"]["n"], strict=True):
        n = sample_size(d, alpha=0.05, power=0.8, design="groups")
        assert n is not None
        agrees(case, [n], [expected])


def test_power_at_a_sample_size() -> None:
    case = CASES["power_at_n"]
    found = [t_power(d, n, alpha=0.05, design="groups") for n, d in case["inputs"]["cases"]]
    agrees(case, found, case["expected"]["power"])


def test_the_normal_approximation() -> None:
    case = CASES["power_z"]
    n = normal_sample_size(0.5, alpha=0.05, power=0.8, design="groups")
    assert n is not None
    agrees(case, [n], [case["expected"]["n"]])


def test_pairs_for_a_margin() -> None:
    case = CASES["noninf_pairs_needed"]
    margin = math.log1p(case["inputs"]["margin"])
    for i, sd in enumerate(case["inputs"]["s_d"]):
        approximate = normal_sample_size(
            margin / sd, alpha=0.05, power=0.8, design="pairs", sides=1
        )
        exact = pairs_for_margin(margin=margin, sd=sd, alpha=0.05, power=0.8)
        assert approximate is not None
        assert exact is not None
        agrees(case, [approximate], [case["expected"]["n"][i]])
        assert math.ceil(approximate) == case["expected"]["n_ceil"][i]
        assert 1 <= math.ceil(exact) - math.ceil(approximate) <= 2


def test_trials_for_two_rates() -> None:
    case = CASES["power_prop"]
    rates = case["inputs"]["p1"], case["inputs"]["p2"]
    n = trials_for_rates(*rates, alpha=0.05, power=0.8)
    arcsine = trials_for_rates_arcsine(*rates, alpha=0.05, power=0.8)
    assert n is not None
    assert arcsine is not None
    agrees(case, [n, arcsine], [case["expected"]["n"], case["expected"]["n_arcsine"]])


def test_rules_of_thumb() -> None:
    pairs = sample_size(0.5, alpha=0.05, power=0.8, design="pairs")
    groups = sample_size(0.8, alpha=0.05, power=0.8, design="groups")
    assert pairs is not None
    assert groups is not None
    assert (math.ceil(pairs), math.ceil(groups)) == (34, 26)


@pytest.mark.parametrize("test", ["signed-rank", "t"])
def test_a_plan_of_that_many_blocks_has_the_power_when_it_is_replayed(test: PairedTest) -> None:
    effect, experiments, r = 0.65, 1_500, 1.0475
    n = sample_size(
        effect,
        alpha=0.05,
        power=0.8,
        design="pairs",
        ranks=test == "signed-rank",
        inflation=r,
    )
    assert n is not None
    blocks = math.ceil(n)
    plan = boundary(alpha=0.05, max_blocks=blocks, min_blocks=10)
    assert inflation(plan, power=0.8) == pytest.approx(r, abs=0.0005)
    d = np.random.default_rng(23).normal(effect, 1.0, size=(experiments, blocks))

    found = sum(
        any(
            look.crossed > 0
            for look in replay(
                row, [True] * blocks, test=test, boundary=plan, region=(0.0, 0.0), good=1
            )
        )
        for row in d
    )

    assert abs(found / experiments - 0.8) < 0.01 + 4 * math.sqrt(0.16 / experiments)


@given(
    st.floats(0.05, 3.0),
    st.sampled_from([0.001, 0.01, 0.05, 0.2]),
    st.floats(0.3, 0.99),
    st.sampled_from(["pairs", "groups"]),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.floats(1.0, 1.3),
)
def test_the_effect_of_the_sample_size_of_an_effect_is_that_effect(
    effect: float,
    alpha: float,
    power: float,
    design: Design,
    sides: Sides,
    ranks: bool,
    inflation: float,
) -> None:
    n = sample_size(
        effect,
        alpha=alpha,
        power=power,
        design=design,
        sides=sides,
        ranks=ranks,
        inflation=inflation,
    )
    assert n is not None
    back = detectable_effect(
        n, alpha=alpha, power=power, design=design, sides=sides, ranks=ranks, inflation=inflation
    )
    assert back is not None
    if n > 12:
        assert back == pytest.approx(effect, rel=1e-6)
    else:  # perhaps no more than the test needs for any effect
        assert back <= effect * (1 + 1e-6)


def test_a_margin_that_takes_n_pairs_is_the_one_that_n_pairs_resolve() -> None:
    for ranks in (False, True):
        n = pairs_for_margin(margin=0.1, sd=0.2, alpha=0.05, power=0.8, ranks=ranks, inflation=1.05)
        assert n is not None
        margin = resolvable_margin(n, sd=0.2, alpha=0.05, power=0.8, ranks=ranks, inflation=1.05)
        assert margin == pytest.approx(0.1, rel=1e-8)


def test_a_guardrail_that_is_already_worse_needs_more_pairs() -> None:
    harmless = pairs_for_margin(margin=0.1, sd=0.2, alpha=0.05, power=0.8)
    worse = pairs_for_margin(margin=0.1, sd=0.2, alpha=0.05, power=0.8, effect=0.05)
    assert harmless is not None
    assert worse is not None
    assert 3.9 < (worse - 2) / (harmless - 2) < 4.1
    assert pairs_for_margin(margin=0.1, sd=0.2, alpha=0.05, power=0.8, effect=0.1) is None


def test_what_cannot_be_found_has_no_sample_size() -> None:
    assert sample_size(0.0, alpha=0.05, power=0.8, design="pairs") is None
    assert sample_size(1e-4, alpha=0.05, power=0.8, design="pairs") is None
    assert normal_sample_size(0.0, alpha=0.05, power=0.8, design="pairs") is None
    assert trials_for_rates(0.1, 0.1, alpha=0.05, power=0.8) is None
    assert trials_for_rates(0.0, 0.0, alpha=0.05, power=0.8) is None
    assert detectable_effect(1, alpha=0.05, power=0.8, design="pairs") is None
    assert detectable_effect(2, alpha=0.05, power=0.8, design="pairs", inflation=1.01) is None
    # a boundary that can never be crossed has an infinite price
    price = math.inf
    assert detectable_effect(50, alpha=0.05, power=0.8, design="pairs", inflation=price) is None
    assert sample_size(0.5, alpha=0.05, power=0.8, design="pairs", inflation=price) is None
    assert resolvable_margin(1, sd=0.1, alpha=0.05, power=0.8) is None


def test_an_end_that_looks_sure_still_takes_two_blocks() -> None:
    assert sample_size(1e4, alpha=0.05, power=0.8, design="pairs") == 2.0
    assert t_power(1e4, 1, alpha=0.05, design="pairs") == 0.0
    assert t_power(1e4, 1.9, alpha=0.05, design="groups") == 0.0


def test_ranks_need_enough_blocks_for_such_a_p_value() -> None:
    assert sample_size(50.0, alpha=0.05, power=0.8, design="pairs", ranks=True) == 6
    assert signed_rank(np.arange(1.0, 7.0), level=0.05).p_value == 2 / 2**6
    assert sample_size(50.0, alpha=0.05, power=0.8, design="groups", ranks=True) == 4
    assert sample_size(50.0, alpha=0.05, power=0.8, design="pairs", sides=1, ranks=True) == 5
    assert detectable_effect(5, alpha=0.05, power=0.8, design="pairs", ranks=True) is None


def test_without_an_effect_the_power_is_the_error_rate() -> None:
    for n in (2, 3, 20, 1e6):
        for sides in (1, 2):
            found = t_power(0.0, n, alpha=0.03, design="pairs", sides=sides)
            assert found == pytest.approx(0.03, rel=1e-9)


def test_the_side_matters_only_where_one_is_tested() -> None:
    both = [t_power(effect, 20, alpha=0.05, design="pairs") for effect in (0.5, -0.5)]
    assert both[0] == both[1]
    assert t_power(-0.5, 20, alpha=0.05, design="pairs", sides=1) < 0.001


def direct_power(effect: float, n: float, alpha: float) -> float:
    """One-sided, for pairs: the mean of P(Z > t_c S - shift) over S, by quadrature."""
    df, shift = n - 1.0, effect * math.sqrt(n)
    limit = -float(stdtrit(df, alpha))
    log_scale = math.log(2.0) + df / 2.0 * math.log(df / 2.0) - float(gammaln(df / 2.0))

    def density(s: float) -> float:
        log = log_scale + (df - 1.0) * math.log(s) - df * s * s / 2.0
        return math.exp(log) * float(ndtr(shift - limit * s))

    width = 10.0 / math.sqrt(2.0 * df)
    low, high = max(1e-12, 1.0 - width), 1.0 + width
    return quad(density, low, high, epsabs=1e-12, limit=400)[0]


@given(st.integers(2, 300), st.floats(-1.0, 7.0), st.sampled_from([0.001, 0.025, 0.2]))
def test_power_agrees_with_direct_integration(n: int, shift: float, alpha: float) -> None:
    effect = shift / math.sqrt(n)
    found = t_power(effect, n, alpha=alpha, design="pairs", sides=1)
    assert found == pytest.approx(direct_power(effect, n, alpha), abs=1e-8)


def test_power_is_a_number_where_scipy_has_none() -> None:
    for df, shift in [(1e4, 38.0), (1e6, 10.0), (1e7, 38.0), (1000.0, 20.0), (3.0, 8.0)]:
        limit = -float(stdtrit(df, 0.025))
        found = t_power(shift / math.sqrt(df + 1), df + 1, alpha=0.05, design="pairs")
        assert found == pytest.approx(float(ndtr(shift - limit)), abs=2e-3)
    strong = [t_power(e, 2, alpha=2.4e-6, design="pairs") for e in np.linspace(1e5, 3e5, 40)]
    assert np.isfinite(strong).all()
    assert np.all(np.diff(strong) > 0)


@given(st.floats(1e-3, 1e3), st.floats(2, 1e7), st.floats(1e-6, 0.4), st.sampled_from([1, 2]))
def test_power_is_a_probability_everywhere(
    effect: float, n: float, alpha: float, sides: Sides
) -> None:
    for design in ("pairs", "groups"):
        found = t_power(effect, n, alpha=alpha, design=design, sides=sides)
        assert alpha * (1 - 1e-6) - 1e-9 <= found <= 1.0 + 1e-9


def test_rates_at_the_ends_are_told_apart() -> None:
    assert trials_for_rates(0.0, 1.0, alpha=0.05, power=0.8) == pytest.approx(
        1.959963985**2 / 2, rel=1e-6
    )
    assert trials_for_rates_arcsine(0.0, 1.0, alpha=0.05, power=0.8) == pytest.approx(
        2 * 2.801585**2 / math.pi**2, rel=1e-5
    )


def test_the_inflation_of_one_look_is_accepted() -> None:
    r = inflation(fixed_boundary(alpha=0.05, max_blocks=30), power=0.8)
    plain = sample_size(0.5, alpha=0.05, power=0.8, design="pairs")
    assert plain is not None
    with_r = sample_size(0.5, alpha=0.05, power=0.8, design="pairs", inflation=r)
    assert with_r == pytest.approx(plain)


def test_bad_arguments_are_quoted() -> None:
    with pytest.raises(ValueError, match=r"0\.6"):
        t_power(0.5, 20, alpha=0.6, design="pairs", sides=1)
    with pytest.raises(ValueError, match="nan"):
        sample_size(math.nan, alpha=0.05, power=0.8, design="pairs")
    with pytest.raises(ValueError, match="nan"):
        normal_sample_size(math.nan, alpha=0.05, power=0.8, design="pairs")
    with pytest.raises(ValueError, match=r"0\.04"):
        sample_size(0.5, alpha=0.05, power=0.04, design="pairs")
    with pytest.raises(ValueError, match=r"0\.9"):
        sample_size(0.5, alpha=0.05, power=0.8, design="pairs", inflation=0.9)
    with pytest.raises(ValueError, match="sd"):
        resolvable_margin(20, sd=0.0, alpha=0.05, power=0.8)
    with pytest.raises(ValueError, match="margin"):
        pairs_for_margin(margin=-0.1, sd=0.1, alpha=0.05, power=0.8)
    with pytest.raises(ValueError, match=r"1\.2"):
        trials_for_rates(0.5, 1.2, alpha=0.05, power=0.8)
