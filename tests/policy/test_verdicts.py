"""One test for each row of the verdict table, through records, and the rules around it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitexp.decision import Action, Analysis
from gitexp.errors import Refused
from gitexp.health import Health, HealthState
from gitexp.model import (
    Arm,
    Decided,
    Direction,
    Expired,
    Goal,
    GuardState,
    Metric,
    Oid,
    Outcome,
    Plan,
    Retraction,
    Revision,
    Scale,
    TestName,
    Verdict,
)
from gitexp.policy import analyse, permit
from tests.making import (
    BASE,
    BOB,
    COMPARISON,
    REVISION,
    START,
    Notebook,
    guardrail,
    plan_with,
    wobble,
)

FASTER, SAME, SLOWER = 0.8, 1.0, 1.25
Pairs = list[tuple[float | None, float | None]]


def analysed(plan: Plan, pairs: Pairs, **others: list[tuple[float, float]]) -> Analysis:
    """The analysis of blocks with these primary values, and these of other metrics."""
    notebook = Notebook(plan)
    for number, (control, treatment) in enumerate(pairs, 1):
        extra = {name: values[number - 1] for name, values in others.items()}
        notebook.block(number, control, treatment, others=extra)
    return analyse(notebook.experiment(), COMPARISON)


def same(count: int) -> Pairs:
    """Pairs whose differences cancel out in pairs of opposite sign."""
    return [(1.0, 1.05 if k % 2 else 1 / 1.05) for k in range(count)]


# --- the rows, from the top -----------------------------------------------------------------------


def test_better_with_all_guardrails_ok_is_better_and_asks_for_promotion() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.10),))

    found = analysed(plan, [*wobble(20, ratio=FASTER)], maxrss=wobble(20, ratio=SAME))

    assert found.verdict is Verdict.BETTER
    assert found.action is Action.PROMOTE
    assert found.looks.decided_at == 10


def test_better_with_an_unresolved_guardrail_goes_on_collecting() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.01),))

    found = analysed(plan, [*wobble(12, ratio=FASTER)], maxrss=wobble(12, ratio=SAME, spread=0.4))

    assert found.verdict is Verdict.COLLECTING
    assert found.action is Action.CONTINUE
    assert found.looks.crossed_at == 10
    assert "maxrss" in found.reason


def test_better_with_an_unresolved_guardrail_at_the_end_is_undecided() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.01),))

    found = analysed(plan, [*wobble(20, ratio=FASTER)], maxrss=wobble(20, ratio=SAME, spread=0.4))

    assert found.verdict is Verdict.UNDECIDED
    assert found.action is Action.REPORT


def test_better_with_a_harmed_guardrail_is_blocked() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.05),))

    found = analysed(plan, [*wobble(20, ratio=FASTER)], maxrss=wobble(20, ratio=1.3))

    assert found.verdict is Verdict.BLOCKED
    assert found.action is Action.ROLL_BACK
    assert "maxrss" in found.reason


def test_a_harmed_guardrail_tells_its_medians_its_change_and_how_bad_it_is_at_least() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.10),))

    found = analysed(plan, same(10), maxrss=wobble(10, ratio=SLOWER))

    harmed = found.guardrails[0]
    assert harmed.state is GuardState.HARMED
    assert harmed.control == pytest.approx(1.0, rel=0.05)
    assert harmed.treatment == pytest.approx(SLOWER, rel=0.05)
    assert harmed.change == pytest.approx(SLOWER - 1, rel=0.05)
    assert harmed.least is not None
    assert harmed.change is not None
    assert 0.10 < harmed.least < harmed.change


def test_blocks_behind_the_last_look_of_an_undecided_experiment_are_counted_apart() -> None:
    short, longer = analysed(BASE, same(20)), analysed(BASE, same(22))

    assert (longer.verdict, longer.primary) == (Verdict.UNDECIDED, short.primary)
    assert (longer.blocks.complete, longer.blocks.used, longer.blocks.after) == (22, 20, 2)
    assert short.after is None
    assert longer.after is not None
    assert longer.after.control.n == 22


def test_a_harmed_guardrail_before_any_crossing_is_worse_and_named() -> None:
    plan = plan_with(guardrails=(guardrail("maxrss", 0.05),))

    found = analysed(plan, same(14), maxrss=wobble(14, ratio=1.3))

    assert found.verdict is Verdict.WORSE
    assert found.action is Action.ROLL_BACK
    assert "maxrss" in found.reason


def test_a_crossing_in_the_bad_direction_is_worse() -> None:
    found = analysed(BASE, [*wobble(12, ratio=SLOWER)])

    assert found.verdict is Verdict.WORSE
    assert found.action is Action.ROLL_BACK


def test_an_interval_inside_the_min_effect_is_equivalent() -> None:
    found = analysed(plan_with(min_effect=0.15), same(20))

    assert found.verdict is Verdict.EQUIVALENT
    assert found.action is Action.REPORT


def test_no_crossing_with_blocks_left_is_collecting() -> None:
    found = analysed(BASE, same(12))

    assert found.verdict is Verdict.COLLECTING
    assert found.looks.next == 13


def test_no_crossing_with_all_blocks_used_is_undecided_and_says_how_many_it_needs() -> None:
    pairs: Pairs = [(1.0, 0.96 if k % 2 else 1.03) for k in range(20)]

    found = analysed(BASE, pairs)

    assert found.verdict is Verdict.UNDECIDED
    assert found.blocks_needed is not None
    assert found.blocks_needed > 20


def test_no_number_of_blocks_is_named_for_an_effect_that_points_the_wrong_way() -> None:
    pairs: Pairs = [(1.0, 1.04 if k % 2 else 0.97) for k in range(20)]

    found = analysed(BASE, pairs)

    assert found.verdict is Verdict.UNDECIDED
    assert found.blocks_needed is None


def test_a_blocking_health_check_makes_it_invalid_whatever_the_numbers() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(12, ratio=FASTER))
    broken = Health(
        check="harness", state=HealthState.FAIL, value="edited", threshold="", advice="mend it"
    )

    found = analyse(notebook.experiment(), COMPARISON, health=[broken])

    assert found.verdict is Verdict.INVALID
    assert found.action is Action.NONE
    assert "mend it" in found.reason


# --- the deciding look ----------------------------------------------------------------------------


def test_crossing_with_too_small_an_effect_is_not_better_yet() -> None:
    found = analysed(plan_with(min_effect=0.30), [*wobble(12, ratio=0.9)])

    assert found.verdict is not Verdict.BETTER
    assert found.looks.crossed_at == 10


def test_blocks_after_the_decision_change_nothing_but_are_shown() -> None:
    early = analysed(BASE, [*wobble(10, ratio=FASTER)])

    late = analysed(BASE, [*wobble(10, ratio=FASTER), *same(6)])

    assert late.verdict is early.verdict is Verdict.BETTER
    assert late.primary == early.primary
    assert late.blocks.used == 10
    assert late.blocks.after == 6
    assert late.after is not None


def test_higher_is_better_mirrors_lower_is_better() -> None:
    rate = Metric(name="ops/s", direction=Direction.HIGHER)
    plan = plan_with(primary=rate)
    notebook = Notebook(plan)
    for number, (control, treatment) in enumerate(wobble(12, ratio=1.25), 1):
        notebook.block(number, control, treatment, metric="ops/s")

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.BETTER
    assert found.primary.rel_effect is not None
    assert found.primary.rel_effect > 0


def test_before_the_first_look_there_is_an_estimate_and_no_p() -> None:
    found = analysed(BASE, [*wobble(4, ratio=FASTER)])

    assert found.verdict is Verdict.COLLECTING
    assert found.primary.p_value is None
    assert found.primary.rel_effect == pytest.approx(-0.2, abs=0.02)
    assert found.looks.next == 10


def test_no_blocks_at_all_say_why_nothing_is_estimated() -> None:
    found = analyse(Notebook().experiment(), COMPARISON)

    assert found.verdict is Verdict.COLLECTING
    assert found.primary.rel_effect is None
    assert found.primary.caveats


# --- failures are data ----------------------------------------------------------------------------


def test_a_treatment_that_always_fails_is_worse() -> None:
    found = analysed(BASE, [(1.0, None)] * 12)

    assert found.verdict is Verdict.WORSE
    assert found.treatment.failed == 12


def test_losing_its_slow_runs_does_not_make_a_treatment_better() -> None:
    # where it ends it is a little faster; it does not end in every third block
    pairs: Pairs = [(1.0, None if k % 3 == 0 else 0.97 + 0.001 * k) for k in range(20)]

    assert analysed(BASE, pairs).verdict is not Verdict.BETTER
    assert analysed(plan_with(test=TestName.T), pairs).verdict is not Verdict.BETTER


def test_blocks_in_which_both_arms_failed_are_shown_and_not_counted() -> None:
    pairs: Pairs = [(None, None), *wobble(10, ratio=FASTER)]

    found = analysed(BASE, pairs)

    assert found.blocks.both_failed == 1
    assert found.blocks.complete == 10
    assert found.verdict is Verdict.BETTER


def test_a_missing_primary_metric_is_awaited_and_no_failure() -> None:
    notebook = Notebook()
    for number in range(1, 13):
        notebook.trial(Arm.CONTROL, number, {"time": 1.0})
        notebook.trial(Arm.TREATMENT, number, {})

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.COLLECTING
    assert (found.blocks.complete, found.blocks.both_failed) == (0, 0)
    assert found.blocks.awaiting == (("time", 12),)


def test_a_value_without_a_logarithm_is_invalid_and_the_trial_is_named() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(4, ratio=FASTER))
    notebook.block(5, 1.0, 0.0)

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.INVALID
    assert notebook.records[-1].id in found.reason
    assert "--scale difference" in found.reason


def test_all_differences_zero_are_not_estimable_under_t() -> None:
    found = analysed(plan_with(test=TestName.T), [(1.0, 1.0)] * 12)

    assert found.primary.p_value is None
    assert found.primary.caveats
    assert found.verdict is Verdict.COLLECTING


# --- goals, guardrails, revisions -----------------------------------------------------------------


def test_no_regression_is_better_once_the_margin_is_excluded() -> None:
    plan = plan_with(goal=Goal.NO_REGRESSION, max_regression=0.10)

    found = analysed(plan, [*wobble(20, ratio=1.01)])

    assert found.verdict is Verdict.BETTER
    assert "margin" in found.reason


def test_no_regression_is_worse_once_the_margin_is_exceeded() -> None:
    plan = plan_with(goal=Goal.NO_REGRESSION, max_regression=0.10)

    assert analysed(plan, [*wobble(20, ratio=1.3)]).verdict is Verdict.WORSE


def test_a_failure_guardrail_in_points_needs_more_blocks_than_twenty() -> None:
    failures = guardrail("failures", 0.05, is_relative=False)

    found = analysed(plan_with(guardrails=(failures,)), [*wobble(20, ratio=FASTER)])

    assert found.guardrails[0].state is GuardState.UNRESOLVED
    assert found.guardrails[0].bound > 0.05
    assert found.verdict is Verdict.UNDECIDED


def test_each_revision_starts_at_nothing_and_at_its_share_of_alpha() -> None:
    plan = plan_with(revisions=2)
    notebook = Notebook(plan)
    notebook.blocks(wobble(15, ratio=SLOWER))
    second = Revision(REVISION.control_tree, Oid("3" * 40))
    for number, (control, treatment) in enumerate(wobble(4, ratio=FASTER), 1):
        notebook.block(number, control, treatment, revision=second)

    first = analyse(notebook.experiment(), COMPARISON)

    assert first.alpha == 0.025
    assert first.verdict is Verdict.WORSE
    assert [len(notebook.experiment().admitted(r)) for r in (REVISION, second)] == [15, 4]


def test_a_revision_beyond_those_registered_is_invalid() -> None:
    notebook = Notebook()
    other = Revision(REVISION.control_tree, Oid("3" * 40))
    notebook.block(1, 1.0, 0.8, revision=other)
    notebook.blocks(wobble(12, ratio=FASTER))

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.INVALID
    assert "create --like" in found.reason


# --- who decides, and what is too late ------------------------------------------------------------


def test_foreign_blocks_wait_and_do_not_count() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(3, ratio=FASTER))
    notebook.blocks(wobble(12, ratio=SLOWER), writer=BOB)

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.COLLECTING
    assert (found.blocks.complete, found.blocks.waiting) == (3, 12)


def test_blocks_behind_a_gap_wait() -> None:
    notebook = Notebook()
    for number, (control, treatment) in enumerate(wobble(12, ratio=FASTER), 1):
        if number != 3:
            notebook.block(number, control, treatment)

    found = analyse(notebook.experiment(), COMPARISON)

    assert (found.blocks.complete, found.blocks.waiting) == (2, 9)


def test_a_void_trial_discards_its_attempt() -> None:
    notebook = Notebook()
    notebook.trial(Arm.CONTROL, 1, {"time": 9.0})
    notebook.trial(Arm.TREATMENT, 1, {}, outcome=Outcome.VOID)
    notebook.trial(Arm.TREATMENT, 1, {"time": 0.8}, attempt=2)
    notebook.trial(Arm.CONTROL, 1, {"time": 1.0}, attempt=2)

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.primary.control.mean == 1.0
    assert found.treatment.void == 1


def test_blocks_finished_after_the_last_day_are_not_used() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(3, ratio=FASTER))
    notebook.block(4, 1.0, 0.8, at=START + timedelta(days=15))

    found = analyse(notebook.experiment(), COMPARISON)

    assert (found.blocks.complete, found.blocks.late) == (3, 1)


def test_expiry_spends_nothing_and_leaves_it_undecided() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(9, ratio=FASTER))
    notebook.add(Expired(verdict=Verdict.UNDECIDED))

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.UNDECIDED
    assert found.primary.p_value is None


def test_a_better_verdict_survives_expiry() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(10, ratio=FASTER))
    notebook.add(Expired(verdict=Verdict.BETTER))

    assert analyse(notebook.experiment(), COMPARISON).verdict is Verdict.BETTER


# --- retractions ----------------------------------------------------------------------------------


def test_a_retraction_takes_out_the_whole_block() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(5, ratio=FASTER))
    notebook.add(Retraction(targets=(notebook.records[2].id,), reason="backup ran"))

    found = analyse(notebook.experiment(), COMPARISON)

    assert (found.blocks.complete, found.blocks.retracted) == (4, 1)
    assert found.verdict is Verdict.COLLECTING


def test_a_retraction_that_turns_the_verdict_makes_it_invalid() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(10, ratio=FASTER))
    notebook.add(Retraction(targets=(notebook.records[0].id,), reason="did not like it"))

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.INVALID
    assert "better" in found.reason


def test_a_retraction_after_the_decision_changes_nothing() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(10, ratio=FASTER))
    before = analyse(notebook.experiment(), COMPARISON)
    notebook.add(_decided(before))
    notebook.add(Retraction(targets=(notebook.records[0].id,), reason="too late"))

    after = analyse(notebook.experiment(), COMPARISON)

    assert after.verdict is Verdict.BETTER
    assert after.primary == before.primary


def test_a_recorded_decision_of_another_writer_decides_nothing() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(3, ratio=FASTER))
    notebook.add(_decided(analyse(notebook.experiment(), COMPARISON)), writer=BOB)

    assert analyse(notebook.experiment(), COMPARISON).verdict is Verdict.COLLECTING


# --- unpaired records -----------------------------------------------------------------------------


def test_welch_decides_on_trials_without_blocks() -> None:
    notebook = Notebook(plan_with(test=TestName.WELCH))
    for control, treatment in wobble(15, ratio=FASTER):
        notebook.trial(Arm.CONTROL, None, {"time": control})
        notebook.trial(Arm.TREATMENT, None, {"time": treatment})

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.BETTER
    assert found.primary.df is not None


def test_welch_is_not_better_while_the_treatment_failed_more_often() -> None:
    notebook = Notebook(plan_with(test=TestName.WELCH))
    notebook.trial(Arm.TREATMENT, None, {}, outcome=Outcome.TIMEOUT)
    for control, treatment in wobble(20, ratio=FASTER):
        notebook.trial(Arm.CONTROL, None, {"time": control})
        notebook.trial(Arm.TREATMENT, None, {"time": treatment})

    assert analyse(notebook.experiment(), COMPARISON).verdict is Verdict.UNDECIDED


def test_a_paired_plan_never_uses_trials_without_a_block() -> None:
    notebook = Notebook()
    for control, treatment in wobble(15, ratio=FASTER):
        notebook.trial(Arm.CONTROL, None, {"time": control})
        notebook.trial(Arm.TREATMENT, None, {"time": treatment})

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.COLLECTING
    assert (found.blocks.complete, found.blocks.unpaired) == (0, 30)


# --- scores ---------------------------------------------------------------------------------------


def test_scores_are_compared_by_difference_in_their_own_unit() -> None:
    score = Metric(name="pass", direction=Direction.HIGHER, unit="score")
    plan = plan_with(primary=score, scale=Scale.DIFFERENCE, test=TestName.T)
    notebook = Notebook(plan)
    for number in range(1, 13):
        notebook.block(number, 0.50 + 0.01 * (number % 3), 0.72, metric="pass")

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.BETTER
    assert found.primary.rel_effect is None
    assert found.primary.effect == pytest.approx(0.21, abs=0.01)


# --- permission -----------------------------------------------------------------------------------


def test_only_better_or_an_override_gives_permission() -> None:
    notebook = Notebook()
    notebook.blocks(wobble(3, ratio=FASTER))
    experiment = notebook.experiment()
    analysis = analyse(experiment, COMPARISON)

    with pytest.raises(Refused, match="collecting"):
        permit(experiment, analysis, override=None)
    forced = permit(experiment, analysis, override="release tonight")

    assert forced.override == "release tonight"


def _decided(found: Analysis) -> Decided:
    return Decided(
        verdict=Verdict.BETTER,
        revision=REVISION,
        control=COMPARISON.control.commit,
        treatment=COMPARISON.treatment.commit,
        blocks=found.blocks.used,
        effect=found.primary.rel_effect,
        interval=(None, None),
        level=0.95,
    )
