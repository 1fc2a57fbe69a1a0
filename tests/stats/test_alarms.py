from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from gitexp.stats.alarms import FEWEST_EARLIER, Oddity, anomalies, attrition, error_rate
from gitexp.stats.signals import Signal


def test_seven_errors_against_none_are_the_first_alarm() -> None:
    six, seven = error_rate(control=0, treatment=6), error_rate(control=0, treatment=7)
    assert six.signal is Signal.QUIET
    assert six.e_value == pytest.approx(2**7 / 7 * (1 - 2**-7))
    assert seven.signal is Signal.RAISED
    assert seven.e_value == pytest.approx(2**8 / 8 * (1 - 2**-8))
    fewest = [
        (control, treatment)
        for control in range(8)
        for treatment in range(8 - control)
        if error_rate(control=control, treatment=treatment).signal is Signal.RAISED
    ]
    assert fewest == [(0, 7)]


def test_much_evidence_of_little_is_no_alarm() -> None:
    found = error_rate(control=1_000, treatment=1_300)
    assert found.e_value is not None
    assert found.e_value > 20
    assert found.signal is Signal.QUIET
    assert found.value == 1.3


def test_errors_of_the_control_are_no_alarm() -> None:
    found = error_rate(control=5_000, treatment=0)
    assert found.signal is Signal.QUIET
    assert found.e_value == pytest.approx(1 / 5_001)
    assert error_rate(control=0, treatment=5_000).e_value == math.inf


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_evidence_is_the_mean_likelihood_ratio(control: int, treatment: int) -> None:
    found = error_rate(control=control, treatment=treatment)
    if control + treatment == 0:
        assert found.signal is Signal.NOT_ESTIMABLE
        assert found.e_value is None
        return
    mean, _ = quad(
        lambda p: 2 * (2 * p) ** treatment * (2 * (1 - p)) ** control, 0.5, 1, epsrel=1e-10
    )
    assert found.e_value == pytest.approx(mean, rel=1e-8)


def test_chance_alone_raises_the_alarm_in_two_to_three_of_a_hundred() -> None:
    going_on, alarmed = np.array([1.0]), {}  # of x errors in the treatment, exactly
    total, first = 0.0, 0
    for k in range(1, 201):
        going_on = (np.append(going_on, 0.0) + np.append(0.0, going_on)) / 2.0
        while first <= k:  # the first count that is raised never falls
            if error_rate(control=k - first, treatment=first).signal is Signal.RAISED:
                break
            first += 1
        total += going_on[first:].sum()
        going_on[first:] = 0.0
        alarmed[k] = total
    assert alarmed[20] == pytest.approx(0.0184, abs=0.0001)
    assert alarmed[200] == pytest.approx(0.0282, abs=0.0001)


def test_a_broken_treatment_is_raised_before_forty_blocks_are_over() -> None:
    rng, raised = np.random.default_rng(25), 0
    for _ in range(200):
        control = (rng.random(40) < 0.02).cumsum()
        treatment = (rng.random(40) < 0.5).cumsum()
        raised += any(
            error_rate(control=int(c), treatment=int(t)).signal is Signal.RAISED
            for c, t in zip(control, treatment, strict=True)
        )
    assert raised >= 195


def test_attrition_by_the_exact_test() -> None:
    found = attrition(control=(1, 24), treatment=(3, 9))
    more_extreme = sum(
        math.comb(24, c) * math.comb(9, 4 - c) / math.comb(33, 4)
        for c in range(5)
        if math.comb(24, c) * math.comb(9, 4 - c) <= math.comb(24, 1) * math.comb(9, 3)
    )
    assert found.p_value == pytest.approx(more_extreme)
    assert found.value == pytest.approx(3 / 9 - 1 / 24)
    assert attrition(control=(0, 40), treatment=(15, 40)).signal is Signal.RAISED
    assert attrition(control=(15, 40), treatment=(0, 40)).signal is Signal.RAISED
    assert attrition(control=(0, 40), treatment=(0, 40)).signal is Signal.QUIET


def test_attrition_needs_trials_in_both_arms() -> None:
    found = attrition(control=(0, 0), treatment=(3, 9))
    assert found.signal is Signal.NOT_ESTIMABLE
    assert found.caveats == ("not estimable: an arm has no trial yet",)
    with pytest.raises(ValueError, match="10"):
        attrition(control=(10, 9), treatment=(3, 9))
    with pytest.raises(ValueError, match="-1"):
        error_rate(control=-1, treatment=0)


BEFORE = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.01, 0.99, 1.0]


def test_a_value_is_judged_by_those_before_it() -> None:
    found = anomalies([*BEFORE, 1.04, 1.5, 0.1, 1.0])
    assert [j.oddity for j in found[:FEWEST_EARLIER]] == [Oddity.NOT_ESTIMABLE] * FEWEST_EARLIER
    assert [j.oddity for j in found[FEWEST_EARLIER:]] == [
        Oddity.TYPICAL,
        Oddity.VERY_ODD,
        Oddity.VERY_ODD,
        Oddity.TYPICAL,
    ]
    z = found[FEWEST_EARLIER].z
    logs = np.log(BEFORE)
    mad = np.median(np.abs(logs - np.median(logs)))
    assert z == pytest.approx((math.log(1.04) - np.median(logs)) / (1.4826 * mad), rel=1e-6)


def test_five_standard_deviations_are_odd_and_ten_very_odd() -> None:
    logs = np.log(BEFORE)
    spread = 1.4826 * np.median(np.abs(logs - np.median(logs)))
    for z, oddity in [
        (4.9, Oddity.TYPICAL),
        (5.1, Oddity.ODD),
        (-9.9, Oddity.ODD),
        (-10.1, Oddity.VERY_ODD),
    ]:
        value = math.exp(np.median(logs) + z * spread)
        assert anomalies([*BEFORE, value])[-1].oddity is oddity


def test_the_unit_does_not_matter() -> None:
    seconds = [*BEFORE, 1.3, 2.0, 0.5]
    millis = [1000 * x for x in seconds]
    for one, other in zip(anomalies(seconds), anomalies(millis), strict=True):
        assert one.oddity is other.oddity
        assert (one.z is None) is (other.z is None)
        assert one.z is None or one.z == pytest.approx(other.z, rel=1e-6, abs=1e-6)


def test_equal_values_leave_the_quartiles_or_nothing_to_judge_by() -> None:
    mostly_equal = [1.0] * 7 + [1.1, 1.2, 1.3, 1.4]
    assert anomalies([*mostly_equal, 1.05])[-1].oddity is Oddity.TYPICAL
    equal = anomalies([1.0] * 12 + [3.0])[-1]
    assert equal.oddity is Oddity.NOT_ESTIMABLE
    assert equal.caveats == ("not estimable: no spread in the earlier trials of this arm",)
    coarse = anomalies([0.1 + 0.2] * 6 + [0.3] * 6 + [3.0])[-1]  # equal but for rounding
    assert coarse.oddity is Oddity.NOT_ESTIMABLE


def test_values_without_a_logarithm_are_refused() -> None:
    with pytest.raises(ValueError, match=r"-2\.0"):
        anomalies([1.0, -2.0])
    assert anomalies([]) == ()


def test_ordinary_values_are_seldom_flagged() -> None:
    rng = np.random.default_rng(26)
    flagged = np.zeros(40)
    for _ in range(150):
        found = anomalies(np.exp(rng.normal(0.0, 0.1, size=40)))
        flagged += [judged.oddity in (Oddity.ODD, Oddity.VERY_ODD) for judged in found]
    assert flagged[10] / 150 < 0.0091 + 4 * math.sqrt(0.0091 / 150)
    assert flagged[20:].mean() / 150 < 0.0013


@given(st.lists(st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0, 7.0, 40.0]), min_size=11, max_size=40))
def test_each_value_is_held_against_the_median_and_the_spread_of_all_before_it(
    values: list[float],
) -> None:
    logs = np.round(np.log(values), 12)
    for k, judged in enumerate(anomalies(values)):
        if k < FEWEST_EARLIER:
            continue
        earlier = logs[:k]
        spread = 1.4826 * np.median(np.abs(earlier - np.median(earlier)))
        if spread == 0.0:
            low, high = np.percentile(earlier, [25, 75])
            spread = (high - low) / 1.349
        expected = None if spread == 0.0 else (logs[k] - np.median(earlier)) / spread
        assert judged.z == (None if expected is None else pytest.approx(expected, abs=1e-9))
