from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.stats.always_valid import (
    earliest_always_valid_look,
    replay_always_valid,
    result_always_valid,
)
from gitexp.stats.looks import Look
from gitexp.stats.replay import PairedTest
from gitexp.stats.results import FloatArray
from gitexp.stats.sign_flip import running_median, sign_flip
from gitexp.stats.student import paired_t
from gitexp.stats.t_mixture import log_e_value, one_sided_radius_in_se, radius_in_se, tuned_phi
from tests.stats.reference import CASES, agrees, log_ratios

TESTS: list[PairedTest] = ["signed-rank", "t"]
NONE = (0.0, 0.0)
REGION = (-0.75, 0.5)
MAX_BLOCKS = 30

# effects large enough, and alpha generous enough, that many of these cross
ALPHA = 0.2
BLOCK = st.one_of(
    st.tuples(st.integers(-6, 6).map(lambda k: k / 4), st.just(True)),
    st.tuples(st.integers(-1, 6).map(lambda k: k / 4), st.just(True)),
    st.tuples(st.integers(-6, 1).map(lambda k: k / 4), st.just(True)),
    st.tuples(st.floats(-0.5, 2).map(lambda x: round(x, 12)), st.just(True)),
    st.tuples(st.sampled_from([1e6, -1e6]), st.just(False)),
)
BLOCKS = st.one_of(
    st.lists(BLOCK, max_size=MAX_BLOCKS),
    st.lists(
        st.tuples(st.integers(-1, 6).map(lambda k: k / 4), st.just(True)),
        min_size=8,
        max_size=MAX_BLOCKS,
    ),
)
GOOD = st.sampled_from([1, -1])


def run(
    blocks: list[tuple[float, bool]],
    test: PairedTest,
    *,
    good: int = -1,
    region: tuple[float, float] = REGION,
    alpha: float = ALPHA,
) -> tuple[Look, ...]:
    return replay_always_valid(
        [x for x, _ in blocks],
        [ok for _, ok in blocks],
        test=test,
        alpha=alpha,
        min_blocks=1,
        max_blocks=MAX_BLOCKS,
        region=region,
        good=good,
    )


# --- the t-mixture --------------------------------------------------------------------------


def test_the_t_mixture_of_the_reference() -> None:
    case = CASES["avlm_paired_logratio_phi1_DS1"]
    expected, d = case["expected"], log_ratios(case)
    t = paired_t(d, level=0.05).statistic
    assert t is not None
    n = np.array([12.0])
    log_e = float(log_e_value(np.array([t]), n, phi=1.0)[0])
    radius = float(radius_in_se(n, alpha=0.05, phi=1.0)[0])
    agrees(
        case,
        [log_e, math.exp(-log_e), radius],
        [expected["log_e"], expected["p"], expected["radius_in_se"]],
    )

    assert tuned_phi(8) == 1.0
    result = result_always_valid(d, [True] * 12, test="t", used=12, alpha=0.05, max_blocks=8)
    assert result.p_value is not None
    ends = [math.expm1(result.interval.low), math.expm1(result.interval.high)]
    agrees(case, [result.p_value, *ends], [expected["p"], *expected["cs_rel"]])


# With many degrees of freedom the t-mixture becomes the mixture of normal likelihood ratios, which
# other programs use for large samples: n and phi scaled up alike leave r = phi/(phi + n) as it is.
MANY = 1e9


def test_with_many_degrees_of_freedom_the_radius_is_that_of_the_asymptotic_sequences() -> None:
    case = CASES["asympcs_margin"]
    n = np.array(case["inputs"]["t"], dtype=float)
    for rho2 in case["inputs"]["rho2"]:
        radius = radius_in_se(MANY * n, alpha=0.05, phi=MANY / rho2)
        agrees(case, radius / np.sqrt(n), case["expected"][f"margin_rho2_{rho2}"])

    case = CASES["gb_seq_halfwidth"]
    n = np.array(case["inputs"]["n"], dtype=float)
    phi = 1.0 / case["expected"]["rho"] ** 2
    radius = radius_in_se(MANY * n, alpha=0.05, phi=MANY * phi)
    agrees(case, radius / np.sqrt(n), case["expected"]["halfwidth"])
    # their one-sided sequence is tuned at twice the level, and adds 1 where ours adds 1/2 to the
    # ratio: ours bounds the evidence of the other side more tightly
    phi = case["inputs"]["tuning"] / (-2.0 * math.log(0.1) + math.log1p(-2.0 * math.log(0.1)))
    one_sided = one_sided_radius_in_se(MANY * n, alpha=0.05, phi=MANY * phi) / np.sqrt(n)
    assert np.all(one_sided < case["expected"]["one_sided"])
    assert np.all(one_sided > 0.96 * np.array(case["expected"]["one_sided"]))


def test_with_many_degrees_of_freedom_it_is_the_normal_mixture() -> None:
    case = CASES["confseq_normal_mixture_bound"]
    v = np.array(case["inputs"]["v"])
    reach = -2.0 * math.log(0.05)
    phi = case["inputs"]["v_opt"] / (reach + math.log1p(reach))
    radius = radius_in_se(MANY * v, alpha=0.05, phi=MANY * phi)
    agrees(case, radius * np.sqrt(v), case["expected"]["bound"])

    case = CASES["confseq_normal_log_mixture"]
    s, v = np.array(case["inputs"]["sv"], dtype=float).T
    log_e = log_e_value(s / np.sqrt(v), MANY * v, phi=MANY * phi)
    agrees(case, log_e, case["expected"]["two_sided"])
    # their one-sided mixture is tuned at twice the level; ours bounds it from below
    phi = case["inputs"]["v_opt"] / (math.log(100.0) + math.log1p(math.log(100.0)))
    both = np.exp(log_e_value(s / np.sqrt(v), MANY * v, phi=MANY * phi))
    above = 2.0 * both - np.sqrt(phi / (phi + v))
    assert np.all(np.log(above) < np.array(case["expected"]["one_sided"]))
    assert np.all(np.log(above) > np.array(case["expected"]["one_sided"]) - 0.15)


def test_phi_makes_the_interval_narrowest_at_the_last_block() -> None:
    n = np.array([200.0])
    width = {
        factor: float(radius_in_se(n, alpha=0.05, phi=factor * tuned_phi(200))[0])
        for factor in (0.5, 0.8, 1.0, 1.25, 2.0)
    }
    assert min(width, key=lambda factor: width[factor]) in (0.8, 1.0, 1.25)
    assert width[1.0] < 1.002 * min(width.values())


@pytest.mark.parametrize("phi", [1.0, 25.0])
def test_the_radius_is_where_the_evidence_reaches_its_threshold(phi: float) -> None:
    n = np.arange(2.0, 400.0)
    radius = radius_in_se(n, alpha=0.05, phi=phi)
    is_open = np.isinf(radius)
    assert np.all(log_e_value(np.full(n.size, 1e9), n, phi=phi)[is_open] < math.log(20.0))
    assert log_e_value(radius[~is_open], n[~is_open], phi=phi) == pytest.approx(math.log(20.0))


# --- the sign-flip process ------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        [1.0, 2.0, 0.5, 7.0, 0.1, 3.0, 2.5, 0.2, 9.0, 4.0],
        [1.0] * 10,
        [0.0, 0.0, 0.0, 5.0, 0.0, 1.0, 1.0, 0.0, 2.0, 3.0],
        [0.1, math.inf, 0.2, math.inf, math.inf, 0.3, math.inf, 1e-300, 1e300, 0.0],
        [2.0**k for k in range(10)],
    ],
)
def test_over_all_signs_the_evidence_is_one_on_average(sizes: list[float]) -> None:
    for n in range(1, 11):
        size = np.array(sizes[:n])
        last = [
            (float(found.both[-1]), float(found.up[-1]), float(found.down[-1]))
            for signs in itertools.product((1.0, -1.0), repeat=n)
            for found in [sign_flip(size * np.array(signs), 0.0)]
        ]
        assert np.exp(last).mean(axis=0) == pytest.approx([1.0, 1.0, 1.0], rel=1e-12)


def test_the_evidence_is_the_formula() -> None:
    d = np.array([0.5, -0.2, 0.9, 1.4, 0.3, 0.0, 12.0, math.inf])
    for n in range(1, d.size + 1):
        scale = [1.4826 * float(np.median(np.abs(d[: i + 1]))) for i in range(n)]
        x = [
            3.0 if math.isinf(y) else max(-3.0, min(3.0, y / s))
            for y, s in zip(d[:n], scale, strict=True)
        ]
        products = [
            math.prod(math.exp(a * y) / math.cosh(a * y) for y in x)
            for size in (0.1, 0.2, 0.4, 0.8, 1.6)
            for a in (size, -size)
        ]
        found = sign_flip(d[:n], 0.0)
        assert math.exp(found.both[-1]) == pytest.approx(np.mean(products))
        assert math.exp(found.up[-1]) == pytest.approx(np.mean(products[::2]))


def test_much_evidence_does_not_overflow() -> None:
    found = sign_flip(np.full(20_000, 2.0), 0.0)
    assert found.both[-1] > 10_000
    n = 2_000
    result = result_always_valid(
        np.full(n, 2.0), [True] * n, test="signed-rank", used=n, alpha=0.05, max_blocks=n
    )
    assert result.p_value is not None
    assert result.p_value < 1e-300
    assert result.caveats == ("no spread: all differences are equal",)


@given(values=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0, math.inf]), max_size=30))
def test_the_running_median_is_the_median_of_every_prefix(values: list[float]) -> None:
    expected = [float(np.median(values[: k + 1])) for k in range(len(values))]
    assert running_median(np.array(values, dtype=float)).tolist() == expected


# --- looks and results ----------------------------------------------------------------------


@pytest.mark.parametrize("test", TESTS)
@given(blocks=BLOCKS, more=BLOCKS, good=GOOD)
def test_later_blocks_never_change_earlier_looks(
    test: PairedTest, blocks: list[tuple[float, bool]], more: list[tuple[float, bool]], good: int
) -> None:
    before = run(blocks, test, good=good)
    after = run([*blocks, *more], test, good=good)
    assert after[: len(before)] == before


@pytest.mark.parametrize("test", TESTS)
@given(blocks=BLOCKS, good=GOOD)
def test_swapping_the_arms_mirrors_every_look(
    test: PairedTest, blocks: list[tuple[float, bool]], good: int
) -> None:
    low, high = REGION
    looks = run(blocks, test, good=good)
    swapped = run([(-x, ok) for x, ok in blocks], test, good=-good, region=(-high, -low))
    for look, other in zip(looks, swapped, strict=True):
        assert other.crossed == -look.crossed
        assert (other.n, other.p_value, other.reaches, other.inside) == (
            look.n,
            look.p_value,
            look.reaches,
            look.inside,
        )


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=60)
@given(blocks=BLOCKS, region=st.sampled_from([NONE, REGION]))
def test_an_interval_excludes_no_change_exactly_when_its_look_crosses(
    test: PairedTest, blocks: list[tuple[float, bool]], region: tuple[float, float]
) -> None:
    low, high = region
    d, ok = [x for x, _ in blocks], [y for _, y in blocks]
    failed_more = np.cumsum([0.0 if both else math.copysign(1.0, x) for x, both in blocks])
    for look in run(blocks, test, region=region)[-3:]:
        result = result_always_valid(
            d, ok, test=test, used=look.used, alpha=ALPHA, max_blocks=MAX_BLOCKS
        )
        assert result.p_value == look.p_value
        assert result.level == look.nominal == ALPHA
        if look.p_value is None:
            assert (look.crossed, look.reaches, look.inside) == (0, False, False)
            assert not result.interval.is_bounded
            continue
        assert result.estimate is not None
        assert result.estimate in result.interval or math.isinf(result.estimate)
        held_back = test == "t" and failed_more[look.n - 1] > 0 and look.crossed == 0
        if not held_back:
            assert (look.crossed != 0) == (0.0 not in result.interval)
            assert (look.crossed != 0) == (look.p_value <= ALPHA)
        if look.crossed:
            assert look.crossed == np.sign(result.estimate)
            assert look.reaches == (
                result.estimate >= high if look.crossed > 0 else result.estimate <= low
            )


@settings(max_examples=30)
@given(blocks=st.lists(st.floats(-0.3, 0.3), min_size=9, max_size=MAX_BLOCKS))
def test_inside_is_when_the_interval_lies_inside_the_region(blocks: list[float]) -> None:
    low, high = REGION
    for test in TESTS:
        for look in run([(x, True) for x in blocks], test)[-1:]:
            result = result_always_valid(
                blocks,
                [True] * len(blocks),
                test=test,
                used=look.used,
                alpha=ALPHA,
                max_blocks=MAX_BLOCKS,
            )
            interval = result.interval
            # closer than the ends are computed, either answer is right
            near = min(abs(interval.low - low), abs(interval.high - high)) < 1e-6
            if look.p_value is not None and look.n >= 9 and not near:
                assert look.inside == (low < interval.low and interval.high < high)


@pytest.mark.parametrize("test", TESTS)
def test_looks_start_at_min_blocks_and_end_at_max_blocks(test: PairedTest) -> None:
    def numbers(blocks: int, least: int) -> list[int]:
        looks = replay_always_valid(
            np.arange(blocks) - 0.4,
            [True] * blocks,
            test=test,
            alpha=0.05,
            min_blocks=least,
            max_blocks=12,
            region=NONE,
            good=1,
        )
        return [look.n for look in looks]

    assert numbers(20, 10) == [10, 11, 12]
    assert numbers(5, 1) == [2, 3, 4, 5]
    assert numbers(9, 10) == numbers(0, 10) == []


def test_failures_of_the_treatment_hold_back_a_better_t() -> None:
    rng = np.random.default_rng(3)
    measured = [(float(x), True) for x in rng.normal(-1.0, 0.1, 29)]
    fewer = run([*measured, (1e6, False)], "t", alpha=0.05)
    assert fewer[-1].crossed == -1  # one failure does not outweigh all these better blocks
    more = [pair for k in range(12) for pair in (measured[k], (1e6, False))]
    looks = run(more, "t", alpha=0.05)
    assert all(look.crossed == 0 for look in looks)
    assert [look.p_value is not None and look.p_value < 0.05 for look in looks][-1]
    # in the bad direction they hold nothing back, and they count as blocks
    harmful = run([(-x, ok) if ok else (x, ok) for x, ok in more], "t", alpha=0.05)
    assert harmful[-1].crossed == 1
    assert harmful[-1].n == len(more)
    result = result_always_valid(
        [x for x, _ in more], [ok for _, ok in more], test="t", used=24, alpha=0.05, max_blocks=24
    )
    assert result.n == 12
    assert "12 of 24 blocks with one failed arm are not in the t-test" in result.caveats


def test_failed_blocks_are_the_largest_bets_of_the_sign_flip_process() -> None:
    looks = run([(1e6, False)] * 10, "signed-rank", alpha=0.05)
    assert next(look.n for look in looks if look.crossed) == 7
    result = result_always_valid(
        [1e6] * 10, [False] * 10, test="signed-rank", used=10, alpha=0.05, max_blocks=10
    )
    assert result.estimate == math.inf
    assert (result.interval.low, result.interval.high) == (math.inf, math.inf)
    assert 0.0 not in result.interval
    mixed = result_always_valid(
        [*np.linspace(0.9, 1.1, 12), 1e6, 1e6],
        [True] * 12 + [False] * 2,
        test="signed-rank",
        used=14,
        alpha=0.05,
        max_blocks=14,
    )
    assert mixed.estimate == pytest.approx(1.0, abs=0.1)
    assert 0.5 < mixed.interval.low < 1.0


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("d", [[], [1.0], [0.0] * 12])
def test_too_little_data_is_not_estimable(test: PairedTest, d: list[float]) -> None:
    ok = [True] * len(d)
    result = result_always_valid(d, ok, test=test, used=len(d), alpha=0.05, max_blocks=20)
    if test == "signed-rank" and d == [1.0]:
        assert result.p_value == pytest.approx(1.0)
        assert result.caveats[-1] == "too few blocks for an interval at this level"
    else:
        assert result.p_value is None
        assert "not estimable" in result.caveats[0]
    assert (result.interval.low, result.interval.high) == (-math.inf, math.inf)
    assert all(look.crossed == 0 for look in run([(x, True) for x in d], test))


@pytest.mark.parametrize("test", TESTS)
def test_the_earliest_look_is_the_first_that_can_cross(test: PairedTest) -> None:
    for alpha, max_blocks in [(0.05, 20), (0.05, 200), (0.01, 50)]:
        first = earliest_always_valid_look(test=test, alpha=alpha, max_blocks=max_blocks)
        d: FloatArray = np.full(40, -math.inf)
        if test == "t":
            d = np.asarray(-1.0 - 1e-9 * np.arange(40), dtype=np.float64)
        looks = replay_always_valid(
            d,
            np.isfinite(d),
            test=test,
            alpha=alpha,
            min_blocks=2,
            max_blocks=max_blocks,
            region=NONE,
            good=-1,
        )
        assert next(look.n for look in looks if look.crossed) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": "z"}, "test must be"),
        ({"alpha": 0.0}, "alpha must lie"),
        ({"alpha": 1.0}, "alpha must lie"),
        ({"min_blocks": 0}, "min_blocks must lie"),
        ({"min_blocks": 30}, "min_blocks must lie"),
        ({"region": (0.1, 0.2)}, "region must be"),
        ({"good": 0}, "good must be"),
        ({"both_ok": [True]}, "both_ok must have"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "d": [1.0, 2.0],
        "both_ok": [True, True],
        "test": "t",
        "alpha": 0.05,
        "min_blocks": 2,
        "max_blocks": 20,
        "region": NONE,
        "good": 1,
    }
    with pytest.raises(ValueError, match=message):
        replay_always_valid(**{**arguments, **change})


def test_a_result_of_more_blocks_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="used must lie"):
        result_always_valid([1.0], [True], test="t", used=2, alpha=0.05, max_blocks=5)
    with pytest.raises(ValueError, match="max_blocks must be"):
        result_always_valid([1.0], [True], test="t", used=1, alpha=0.05, max_blocks=0)


# --- error rates ----------------------------------------------------------------------------


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("noise", ["normal", "lognormal", "coarse"])
def test_a_look_after_every_block_errs_with_less_than_alpha(test: PairedTest, noise: str) -> None:
    rng = np.random.default_rng(11)
    experiments, blocks = 400, 60
    draws = {
        "normal": lambda: rng.normal(size=blocks),
        "lognormal": lambda: rng.lognormal(0, 0.5, blocks) - rng.lognormal(0, 0.5, blocks),
        "coarse": lambda: rng.normal(size=blocks).round(),
    }
    crossed = 0
    for _ in range(experiments):
        looks = replay_always_valid(
            draws[noise](),
            [True] * blocks,
            test=test,
            alpha=0.1,
            min_blocks=2,
            max_blocks=blocks,
            region=NONE,
            good=1,
        )
        crossed += any(look.crossed for look in looks)
    assert crossed / experiments < 0.1 + 4.0 * math.sqrt(0.09 / experiments)
    assert crossed / experiments > 0.01


@pytest.mark.parametrize("test", TESTS)
def test_the_interval_holds_the_truth_wherever_somebody_likes_to_stop(test: PairedTest) -> None:
    rng = np.random.default_rng(12)
    effect, experiments, blocks = 0.4, 120, 60
    held = 0
    for _ in range(experiments):
        d = rng.normal(effect, 1.0, blocks)
        ok = [True] * blocks
        held += all(
            effect
            in result_always_valid(d, ok, test=test, used=n, alpha=0.1, max_blocks=blocks).interval
            for n in (15, 60)
        )
    assert held / experiments > 0.9 - 4.0 * math.sqrt(0.09 / experiments)
