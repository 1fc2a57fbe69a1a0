"""Each check of the evidence: what raises it, what just does not, and when there is too little."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from gitexp.decision import Analysis
from gitexp.health import Health, HealthState
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    Environment,
    Metric,
    Outcome,
    Plan,
    RecordId,
    Scale,
    TestName,
    Verdict,
)
from gitexp.model.words import Direction
from gitexp.policy import analyse
from tests.making import BASE, BOB, COMPARISON, START, Notebook, plan_with, wobble

Pair = tuple[float | None, float | None]
FACTS: dict[str, str | float] = {
    "host": "mill",
    "cpu": "Fast 9",
    "cores": 4.0,
    "load1": 0.5,
    "git": "2.50.0",
}


def notebook_of(
    pairs: Sequence[Pair],
    *,
    plan: Plan = BASE,
    slots: Sequence[int] = (),
    hosts: tuple[str, str] = ("mill", "mill"),
    envs: tuple[RecordId | None, RecordId | None] = (None, None),
) -> Notebook:
    """Blocks of these values; None is a trial that failed.

    Args:
        slots: Of the controls.
        hosts, envs: Of control and treatment.
    """
    notebook = Notebook(plan)
    add_blocks(notebook, pairs, slots=slots, hosts=hosts, envs=envs)
    return notebook


def add_blocks(
    notebook: Notebook,
    pairs: Sequence[Pair],
    *,
    first: int = 1,
    slots: Sequence[int] = (),
    hosts: tuple[str, str] = ("mill", "mill"),
    envs: tuple[RecordId | None, RecordId | None] = (None, None),
) -> None:
    for k, pair in enumerate(pairs):
        for arm, value, host, env, turn in zip(Arm, pair, hosts, envs, (0, 1), strict=True):
            notebook.trial(
                arm,
                first + k,
                {} if value is None else {"time": value},
                outcome=Outcome.FAILED if value is None else Outcome.OK,
                slot=abs(slots[k] - turn) if slots else None,
                host=host,
                env=env,
            )


def analysed(notebook: Notebook) -> Analysis:
    return analyse(notebook.experiment(), COMPARISON)


def found(notebook: Notebook, check: str) -> Health:
    """The one check of this name."""
    [health] = [health for health in analysed(notebook).health if health.check == check]
    return health


def has(notebook: Notebook, check: str) -> bool:
    return any(health.check == check for health in analysed(notebook).health)


def scattered(count: int, *, seed: int = 1) -> list[Pair]:
    draw = random.Random(seed)
    return [(draw.gauss(1.0, 0.02), draw.gauss(1.0, 0.02)) for _ in range(count)]


# --- sample ratio ---------------------------------------------------------------------------------


def test_a_block_that_was_left_half_done_is_told() -> None:
    notebook = notebook_of(scattered(4))
    notebook.trial(Arm.CONTROL, 5, {"time": 1.0})
    assert not has(notebook, "sample ratio")  # it may still be going on

    notebook.trial(Arm.CONTROL, 6, {"time": 1.0})

    half = found(notebook, "sample ratio")
    assert half.state is HealthState.WARN
    assert half.value == "1 of 6 blocks lack a trial, though later ones were begun"


def test_a_void_trial_whose_block_was_run_again_lacks_nothing() -> None:
    notebook = Notebook()
    notebook.trial(Arm.CONTROL, 1, {}, outcome=Outcome.VOID)
    notebook.trial(Arm.CONTROL, 1, {"time": 1.0}, attempt=2)
    notebook.trial(Arm.TREATMENT, 1, {"time": 1.0}, attempt=2)
    notebook.block(2, 1.0, 1.0)

    assert not has(notebook, "sample ratio")


def test_a_trial_that_is_there_twice_is_told() -> None:
    notebook = notebook_of(scattered(3))
    notebook.trial(Arm.TREATMENT, 2, {"time": 0.5})

    twice = found(notebook, "sample ratio")

    assert twice.value == "1 trials are there twice; the first of each counts"
    assert "git exp log fast" in twice.advice


def singles(control: int, treatment: int, *, test: TestName = TestName.WELCH) -> Notebook:
    """Single trials, control first."""
    notebook, draw = Notebook(plan_with(test=test)), random.Random(4)
    for arm, count in ((Arm.CONTROL, control), (Arm.TREATMENT, treatment)):
        for _ in range(count):
            notebook.trial(arm, None, {"time": draw.gauss(1.0, 0.05)})
    return notebook


@pytest.mark.parametrize(
    ("control", "treatment", "state"),
    [
        (13, 0, HealthState.OK),  # 2^13 / 14 = 585
        (14, 0, HealthState.WARN),  # 2^14 / 15 = 1092
        (30, 30, HealthState.OK),
        (10, 40, HealthState.WARN),
    ],
)
def test_single_trials_that_no_fair_coin_would_share_out_so_are_told(
    control: int, treatment: int, state: HealthState
) -> None:
    ratio = found(singles(control, treatment), "sample ratio")

    assert ratio.state is state
    assert ratio.threshold == "e-value below 1000"
    assert f"control {control}, treatment {treatment}" in ratio.value
    assert bool(ratio.advice) is (state is HealthState.WARN)


def test_without_a_trial_there_is_no_ratio() -> None:
    assert not has(singles(0, 0), "sample ratio")


# --- attrition ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failed", "state"),
    [
        (9, HealthState.OK),  # Fisher's p of 0 and 9 of 20 is .0012
        (10, HealthState.WARN),  # of 0 and 10 of 20 .0004
    ],
)
def test_an_arm_that_loses_more_trials_is_told(failed: int, state: HealthState) -> None:
    pairs: list[Pair] = [(c, None if k < failed else t) for k, (c, t) in enumerate(scattered(20))]

    attrition = found(notebook_of(pairs), "attrition")

    assert attrition.state is state
    assert f"control 0 of 20, treatment {failed} of 20" in attrition.value
    assert attrition.threshold == "p at least 0.001"


def test_failures_that_hit_both_arms_alike_are_only_counted() -> None:
    both = notebook_of([*scattered(10), *[(None, None)] * 10])

    assert found(both, "attrition").state is HealthState.OK
    assert not has(notebook_of(scattered(10)), "attrition")  # nothing failed


def test_single_trials_that_fail_in_one_arm_are_told() -> None:
    notebook = singles(20, 10)
    for _ in range(12):
        notebook.trial(Arm.TREATMENT, None, {}, outcome=Outcome.TIMEOUT)

    assert found(notebook, "attrition").state is HealthState.WARN


# --- order balance --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "state"),
    [
        ([0] * 10, HealthState.OK),  # p = 2 / 2^10 = .00195
        ([0] * 11, HealthState.WARN),
        ([1] * 11, HealthState.WARN),
        ([0, 1] * 10, HealthState.OK),
    ],
)
def test_an_order_that_was_not_drawn_is_told(slots: list[int], state: HealthState) -> None:
    balance = found(notebook_of(scattered(len(slots)), slots=slots), "order balance")

    assert balance.state is state
    assert f"first in {slots.count(0)} of {len(slots)} blocks" in balance.value


def test_of_trials_measured_elsewhere_no_order_is_known() -> None:
    assert not has(notebook_of(scattered(12)), "order balance")


# --- drift ----------------------------------------------------------------------------------------


def rising(count: int) -> list[Pair]:
    return [(1.0, 1.0 + 0.01 * k) for k in range(count)]


def test_a_difference_that_changes_with_time_is_told() -> None:
    drift = found(notebook_of(rising(7)), "drift")

    assert drift.state is HealthState.WARN
    assert drift.value.startswith("tau +1.00")
    assert "p=0.0004" in drift.value
    assert not has(notebook_of(rising(6)), "drift")


def test_a_difference_that_scatters_does_not_drift() -> None:
    assert found(notebook_of(scattered(20)), "drift").state is HealthState.OK
    # five of six in order are not enough: p of 19 of 21 pairs is .0028
    assert found(notebook_of([*rising(6), (1.0, 1.045)]), "drift").state is HealthState.OK


# --- hosts ----------------------------------------------------------------------------------------


def on_two_hosts(blocks: int, ratio: float) -> Notebook:
    """So many blocks on each host, the second with this effect."""
    notebook = Notebook()
    add_blocks(notebook, scattered(blocks))
    other: list[Pair] = [(c, t * ratio) for c, t in wobble(blocks, ratio=1.0)]
    add_blocks(notebook, other, first=blocks + 1, hosts=("forge", "forge"))
    return notebook


def test_hosts_that_do_not_agree_are_told() -> None:
    hosts = found(on_two_hosts(5, 1.3), "hosts")

    assert hosts.state is HealthState.WARN
    assert "2 hosts: Q" in hosts.value
    assert "I² " in hosts.value


def test_hosts_that_agree_or_have_too_few_blocks_raise_nothing() -> None:
    assert found(on_two_hosts(5, 1.0), "hosts").state is HealthState.OK
    assert not has(on_two_hosts(4, 1.3), "hosts")
    assert not has(notebook_of(scattered(12)), "hosts")


def test_the_arms_of_a_block_on_two_hosts_are_told() -> None:
    notebook = notebook_of(scattered(3))
    add_blocks(notebook, scattered(1), first=4, hosts=("mill", "forge"))

    host = found(notebook, "host")

    assert host.state is HealthState.WARN
    assert "1 of 4 blocks" in host.value
    assert "control mill, treatment forge" in host.value


def test_a_host_with_single_trials_of_one_arm_alone_is_told() -> None:
    notebook = singles(3, 3)
    assert not has(notebook, "host")

    notebook.trial(Arm.TREATMENT, None, {"time": 1.0}, host="forge")

    assert "forge only the treatment (1)" in found(notebook, "host").value


@pytest.mark.parametrize("test", [TestName.MANN_WHITNEY, TestName.BOSCHLOO])
def test_a_test_that_knows_no_hosts_refuses_to_pool_them(test: TestName) -> None:
    plan = plan_with(
        test=test,
        scale=Scale.DIFFERENCE,
        primary=Metric(name="happy", direction=Direction.HIGHER, unit="bool"),
    )
    notebook = Notebook(plan)
    for k in range(8):
        for arm in Arm:
            notebook.trial(arm, None, {"happy": float(k % 2)}, host="mill")
    assert analysed(notebook).verdict is Verdict.COLLECTING

    for arm in Arm:
        notebook.trial(arm, None, {"happy": 1.0}, host="forge")

    refused = analysed(notebook)
    assert refused.verdict is Verdict.INVALID
    assert "2 hosts (forge, mill)" in refused.reason
    assert "git exp create --like fast --test welch" in refused.reason


def test_trials_of_another_host_after_the_verdict_do_not_undo_it() -> None:
    notebook, draw = Notebook(plan_with(test=TestName.MANN_WHITNEY)), random.Random(6)
    for _ in range(20):
        notebook.trial(Arm.CONTROL, None, {"time": draw.gauss(1.0, 0.01)})
        notebook.trial(Arm.TREATMENT, None, {"time": draw.gauss(0.7, 0.01)})
    assert analysed(notebook).verdict is Verdict.BETTER

    notebook.trial(Arm.CONTROL, None, {"time": 1.0}, host="forge")

    assert analysed(notebook).verdict is Verdict.BETTER


def test_welch_pools_hosts() -> None:
    notebook = singles(6, 6)
    for arm in Arm:
        notebook.trial(arm, None, {"time": 1.0}, host="forge")

    assert not has(notebook, "test")


# --- environment ----------------------------------------------------------------------------------


def test_arms_that_ran_under_different_conditions_are_told() -> None:
    notebook = Notebook()
    before = notebook.add(Environment(facts=FACTS)).id
    after = notebook.add(Environment(facts={**FACTS, "git": "2.51.0", "load1": 0.7})).id
    add_blocks(notebook, scattered(3), envs=(before, before))
    assert not has(notebook, "environment")

    add_blocks(notebook, scattered(1), first=4, envs=(before, after))

    told = found(notebook, "environment")
    assert told.state is HealthState.WARN
    assert "git 2.50.0 and 2.51.0 in 1 of 4 blocks" in told.value
    assert "load1" not in told.value


def test_an_environment_nobody_noted_is_not_another_one() -> None:
    notebook = Notebook()
    known = notebook.add(Environment(facts=FACTS)).id
    add_blocks(notebook, scattered(1), envs=(known, None))
    add_blocks(notebook, scattered(1), first=2, envs=(known, RecordId("0" * 26)))

    assert not has(notebook, "environment")


def with_facts(facts: dict[str, str | float], *, plan: Plan = BASE) -> Notebook:
    notebook = Notebook(plan)
    env = notebook.add(Environment(facts={**FACTS, **facts})).id
    add_blocks(notebook, scattered(2), envs=(env, env))
    return notebook


@pytest.mark.parametrize(("load", "is_told"), [(2.0, False), (2.1, True)])
def test_a_machine_that_was_busy_when_a_run_began_is_told(load: float, is_told: bool) -> None:
    notebook = with_facts({"load1": load})

    assert has(notebook, "load") is is_told
    if is_told:
        told = found(notebook, "load")
        assert told.value == "2.1 on 4 cores of mill when a run began (1 of 1 runs)"
        assert told.threshold == "at most 2, half the cores"


@pytest.mark.parametrize(
    ("check", "facts", "is_told"),
    [
        ("governor", {"governor": "performance"}, False),
        ("governor", {"governor": "powersave"}, True),
        ("governor", {"governor": "schedutil"}, True),
        ("governor", {"governor": "performance+powersave"}, True),
        ("turbo", {"turbo": "on"}, True),
        ("turbo", {"turbo": "off"}, False),
        ("smt", {"smt": "on"}, True),
        ("smt", {"smt": "off"}, False),
        ("power", {"power": "battery"}, True),
        ("power", {"power": "mains"}, False),
        ("governor", {}, False),
        ("turbo", {}, False),
        ("smt", {}, False),
        ("power", {}, False),
    ],
)
def test_what_makes_clocks_scatter_is_told_with_what_to_do(
    check: str, facts: dict[str, str | float], is_told: bool
) -> None:
    notebook = with_facts(facts)

    assert has(notebook, check) is is_told
    if is_told:
        told = found(notebook, check)
        assert told.state is HealthState.WARN
        assert "mill" in told.value
        assert told.advice


def test_a_command_that_is_pinned_is_not_advised_to_be_pinned() -> None:
    notebook = with_facts(
        {"smt": "on", "affinity": "2-3", "governor": "powersave", "turbo": "on", "load1": 4.0}
    )

    assert not has(notebook, "smt")
    for check in ("governor", "turbo", "load"):
        assert "cpuAffinity" not in found(notebook, check).advice


def test_runs_on_different_cores_are_told() -> None:
    notebook = with_facts({"affinity": "2-3"})
    assert not has(notebook, "cores")

    other = notebook.add(Environment(facts=FACTS)).id
    add_blocks(notebook, scattered(1), first=3, envs=(other, other))

    assert found(notebook, "cores").value == "runs on mill used different cores: 2-3; all"


def test_a_run_during_which_the_machine_got_too_hot_is_told() -> None:
    notebook = with_facts({"throttled": 17.0})
    [began] = [r.id for r in notebook.records if isinstance(r.body, Environment)]
    assert not has(notebook, "throttled")

    notebook.add(Environment(facts={"began": "0" * 26, "host": "forge", "throttled": 9.0}))
    assert not has(notebook, "throttled")
    notebook.add(Environment(facts={"began": began, "host": "mill", "throttled": 3.0}))

    assert (
        found(notebook, "throttled").value == "mill got too hot and slowed down 3 times in 1 runs"
    )


def test_the_state_of_the_machine_matters_to_clocks_alone() -> None:
    score = Metric(name="score", direction=Direction.HIGHER, unit="score")
    plan = plan_with(primary=score, scale=Scale.DIFFERENCE, test=TestName.T)

    bad = {"governor": "powersave", "turbo": "on", "smt": "on", "power": "battery"}
    notebook = with_facts({"load1": 9.0, **bad}, plan=plan)

    for check in ("load", "governor", "turbo", "smt", "power"):
        assert not has(notebook, check)


def test_facts_that_are_not_what_they_should_be_are_no_state_of_a_machine() -> None:
    assert not has(with_facts({"load1": "much"}), "load")
    assert not has(with_facts({"cores": 0.0, "load1": 3.0}), "load")


# --- what is hidden until the end -----------------------------------------------------------------


def test_a_plan_that_spends_on_expiry_shows_no_check_of_values_before_the_end() -> None:
    plan = plan_with(spends_on_expiry=True, max_blocks=60)
    notebook = notebook_of([*rising(11), (1.0, 4.0)], plan=plan, slots=[0] * 12)

    before = analysed(notebook)
    at_end = analyse(notebook.experiment(), COMPARISON, at_expiry=True)

    assert before.verdict is Verdict.COLLECTING
    assert {health.check for health in before.health} == {"order balance"}
    assert before.alerts == ()
    assert {health.check for health in at_end.health} == {"order balance", "drift", "odd values"}
    assert {alert.check for alert in at_end.alerts} == {"anomalies"}


def test_a_failed_check_does_not_open_what_is_hidden_until_the_end() -> None:
    plan = plan_with(spends_on_expiry=True, max_blocks=60)
    notebook = notebook_of(rising(12), plan=plan)
    broken = Health(
        check="harness", state=HealthState.FAIL, value="edited", threshold="", advice="mend it"
    )

    found = analyse(notebook.experiment(), COMPARISON, health=[broken])

    assert found.verdict is Verdict.INVALID
    assert found.reason == "edited: mend it"
    assert found.primary.rel_effect is None
    assert not found.alerts
    assert [health.check for health in found.health] == ["harness"]


# --- what the others record -----------------------------------------------------------------------


def test_blocks_that_wait_are_checked_by_nothing_but_their_number() -> None:
    notebook = notebook_of(scattered(3))
    for number in range(1, 13):
        notebook.block(number, 1.0, 1.0 + number / 10, writer=BOB)

    assert not has(notebook, "drift")
    assert notebook.experiment().plan.expires > START + timedelta(days=1)


def uses(gap_s: float, *, host: str = "mill", metric: str = "time") -> Notebook:
    """Five blocks of real uses of 60 seconds each; the second one ends `gap_s` after the first."""
    is_timed = metric == "time"
    primary = (
        BUILT_IN_METRICS["time"] if is_timed else Metric(name=metric, direction=Direction.LOWER)
    )
    notebook = Notebook(plan_with(primary=primary, command=None, command_name="review"))
    for number in range(1, 6):
        for slot, arm in enumerate(Arm):
            at = START + timedelta(hours=number, seconds=slot * gap_s)
            values = {"time": 60.0 + slot, metric: 60.0 + slot}
            where = "mill" if slot == 0 else host
            notebook.trial(arm, number, values, slot=slot, at=at, host=where)
    return notebook


def test_real_uses_at_the_same_time_are_told_where_time_is_compared() -> None:
    told = found(uses(30), "overlap")

    assert told.state is HealthState.WARN
    assert "5 of 5 blocks" in told.value
    assert not has(uses(70), "overlap")
    assert not has(uses(30, host="dale"), "overlap")
    assert not has(uses(30, metric="tokens"), "overlap")
