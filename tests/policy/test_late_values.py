"""Values that come later: no look that was taken changes, and nobody gains by leaving them out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.decision import Analysis
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Decided,
    Direction,
    Expired,
    Guardrail,
    GuardState,
    Intake,
    Metric,
    Observation,
    Outcome,
    Plan,
    RecordId,
    Scale,
    Seen,
    Stopping,
    TestName,
    Verdict,
)
from gitexp.policy import analyse
from gitexp.policy.study import Study, study_of
from tests.making import (
    BOB,
    COMPARISON,
    REVISION,
    Notebook,
    plan_with,
)

JOY = Metric(name="joy", direction=Direction.HIGHER, unit="score")
CALM = Metric(name="calm", direction=Direction.HIGHER, unit="score")
FINE = Metric(name="fine", direction=Direction.HIGHER, unit="bool")


def _plan(**changes: object) -> Plan:
    asked: dict[str, object] = {
        "primary": JOY,
        "scale": Scale.DIFFERENCE,
        "test": TestName.T,
        "max_regression": 0.0,
        "command": None,
        "min_blocks": 4,
        "max_blocks": 8,
    }
    return plan_with(**{**asked, **changes})


def _guard(metric: Metric, margin: float) -> Guardrail:
    return Guardrail(metric=metric, margin=margin, is_relative=False)


def _study(experiment: Experiment) -> Study:
    blocks = [b for b in experiment.admitted(REVISION) if not b.is_retracted]
    return study_of(experiment, REVISION, blocks)


def _later(book: Notebook, trial: RecordId, **values: float) -> None:
    book.add(Observation(trial=trial, metrics=values))


def _blocks(
    book: Notebook, pairs: list[tuple[float, float]], *, name: str = "time", **other: float
) -> list[tuple[RecordId, RecordId]]:
    """Blocks of trials that report this metric; their ids."""
    return [
        (
            book.trial(Arm.CONTROL, number, {name: control, **other}).id,
            book.trial(Arm.TREATMENT, number, {name: treatment, **other}).id,
        )
        for number, (control, treatment) in enumerate(pairs, 1)
    ]


@dataclass(frozen=True)
class Story:
    """Trials in blocks, some of which fail, and values of two metrics that come in any order."""

    book: Notebook

    @staticmethod
    def told(plan: Plan, seed: int, blocks: int, *, lasting: float = 0.9) -> Story:
        chance, book = Random(seed), Notebook(plan)
        waiting: list[Observation] = []
        for number in range(1, blocks + 1):
            for arm in Arm:
                failed = chance.random() < 0.1
                outcome = Outcome.FAILED if failed else Outcome.OK
                trial = book.trial(arm, number, {}, outcome=outcome)
                gain = 0.4 if arm is Arm.TREATMENT else 0.0
                for name in ("joy", "calm", "fine"):
                    value = chance.gauss(gain, 1.0)
                    value = float(value > 0) if name == "fine" else round(value, 1)
                    if chance.random() < lasting:
                        waiting.append(Observation(trial=trial.id, metrics={name: value}))
            while waiting and chance.random() < 0.7:
                book.add(waiting.pop(chance.randrange(len(waiting))))
        chance.shuffle(waiting)
        for observation in waiting:
            book.add(observation)
        return Story(book)


plans = st.builds(
    _plan,
    test=st.sampled_from([TestName.T, TestName.SIGNED_RANK]),
    stopping=st.sampled_from([Stopping.GROUP_SEQUENTIAL, Stopping.ALWAYS_VALID]),
    guardrails=st.sampled_from([(), (_guard(CALM, 1.0),), (_guard(CALM, 2.0), _guard(FINE, 0.4))]),
)


def _is_prefix(earlier: Study, later: Study) -> None:
    taken = len(earlier.looks)
    assert later.looks[:taken] == earlier.looks
    for before, after in zip(earlier.guarded, later.guarded, strict=True):
        settled = before.states[: len(before.path.states)]
        assert after.states[: len(settled)] == settled


@given(plan=plans, seed=st.integers(0, 2**16), blocks=st.integers(1, 10))
@settings(max_examples=80, deadline=None)
def test_a_look_that_was_taken_stays_whatever_comes_later(
    plan: Plan, seed: int, blocks: int
) -> None:
    book = Story.told(plan, seed, blocks).book

    studies = [_study(book.experiment(book.records[:n])) for n in range(len(book.records) + 1)]

    for earlier, later in pairwise(studies):
        _is_prefix(earlier, later)


@given(plan=plans, seed=st.integers(0, 2**16), cut=st.integers(0, 60), order=st.randoms())
@settings(max_examples=60, deadline=None)
def test_no_order_of_what_comes_later_changes_a_look_taken_before(
    plan: Plan, seed: int, cut: int, order: Random
) -> None:
    told = Story.told(plan, seed, 8).book
    bodies = [record.body for record in told.records]
    late = [body for body in bodies[cut:] if isinstance(body, Observation)]
    trials = {record.id for record in told.records[:cut]}
    late = [body for body in late if body.trial in trials]
    order.shuffle(late)

    before = _study(told.experiment(told.records[:cut]))
    other = Notebook(plan)
    for body in bodies[:cut] + late:
        other.add(body)

    _is_prefix(before, _study(other.experiment()))


@given(plan=plans, seed=st.integers(0, 2**16), blocks=st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_a_value_that_comes_at_once_is_as_good_as_one_the_trial_reports(
    plan: Plan, seed: int, blocks: int
) -> None:
    chance, whole, split = Random(seed), Notebook(plan), Notebook(plan)
    for number in range(1, blocks + 1):
        for arm in Arm:
            failed = chance.random() < 0.1
            outcome = Outcome.FAILED if failed else Outcome.OK
            values = {"joy": chance.gauss(0, 1), "calm": chance.gauss(0, 1), "fine": 1.0}
            whole.trial(arm, number, values, outcome=outcome)
            _later(split, split.trial(arm, number, {}, outcome=outcome).id, **values)

    assert _shown(whole) == _shown(split)


def _shown(book: Notebook) -> Analysis:
    return replace(analyse(book.experiment(), COMPARISON), alerts=())


@given(seed=st.integers(0, 2**16), cut=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_single_trials_enter_with_their_values(seed: int, cut: int) -> None:
    chance, book = Random(seed), Notebook(_plan(test=TestName.WELCH))
    waiting = []
    for _ in range(20):
        for arm in Arm:
            waiting.append(book.trial(arm, None, {}).id)
        while waiting and chance.random() < 0.6:
            trial = waiting.pop(chance.randrange(len(waiting)))
            _later(book, trial, joy=chance.gauss(0, 1))

    before, after = (
        study_of(book.experiment(records), REVISION, ())
        for records in (book.records[:cut], book.records)
    )

    assert after.looks[: len(before.looks)] == before.looks


def test_a_value_of_another_clone_enters_with_the_intake_in_every_clone() -> None:
    book = Notebook(_plan())
    ids = _blocks(book, [(0.0, 0.0)] * 5)
    for control, treatment in ids[1:]:
        _later(book, control, joy=0.5)
        _later(book, treatment, joy=0.9)
    first = ids[0]
    book.add(Observation(trial=first[0], metrics={"joy": 0.1}), writer=BOB)
    book.add(Observation(trial=first[1], metrics={"joy": 0.2}), writer=BOB)

    waiting = _study(book.experiment())
    book.add(Intake(revision=REVISION, upto={BOB: Seen(seq=2, records=2)}))
    taken = book.experiment()

    assert waiting.sample.size == 4
    assert [block.number for block in taken.admitted(REVISION)] == [2, 3, 4, 5, 1]
    shuffled = [*book.records]
    Random(1).shuffle(shuffled)
    assert _study(book.experiment(shuffled)).looks == _study(taken).looks


def test_what_came_first_stays_when_clones_say_different_things() -> None:
    book = Notebook(_plan())
    trial = _blocks(book, [(0.0, 0.0)])[0][0]
    book.add(Observation(trial=trial, metrics={"joy": 0.1}), writer=BOB)
    _later(book, trial, joy=0.7)
    book.add(Intake(revision=REVISION, upto={BOB: Seen(seq=1, records=1)}))

    [run] = [run for run in book.experiment().trials if run.record.id == trial]

    assert run.metrics["joy"] == 0.7


def test_a_value_after_the_decision_or_the_last_day_counts_for_nothing() -> None:
    book = Notebook(_plan(guardrails=(_guard(CALM, 5.0),)))
    ids = _blocks(book, [(k / 10, 5 + k / 10) for k in range(4)], name="joy", calm=1.0)
    found = analyse(book.experiment(), COMPARISON)
    assert found.verdict in (Verdict.BETTER, Verdict.COLLECTING)
    late = Notebook(_plan())
    trial = _blocks(late, [(0.0, 0.0)])[0][0]
    body = Observation(trial=trial, metrics={"joy": 1.0})
    late.add(body, at=late.plan.expires + timedelta(hours=1))

    assert late.experiment().trials[0].awaits(JOY)
    book.add(
        Decided(
            verdict=Verdict.BETTER,
            revision=REVISION,
            control=COMPARISON.control.commit,
            treatment=COMPARISON.treatment.commit,
            blocks=4,
            effect=5.0,
            interval=(1.0, None),
            level=0.95,
        )
    )
    _later(book, ids[0][0], extra=1.0)
    assert "extra" not in book.experiment().trials[0].metrics


# --- guardrails ------------------------------------------------------------------------------

CLEAR = [(k / 20, 1.0 + (k * 7 % 5) / 20) for k in range(8)]


def _guarded(*, control: int, treatment: int, metric: Metric = CALM) -> GuardState:
    """The state where so many trials of each arm never got a value, and the others are alike."""
    margin = 0.5 if metric is FINE else 0.9
    book = Notebook(_plan(guardrails=(_guard(metric, margin),), min_blocks=8))
    for at, (control_id, treatment_id) in enumerate(_blocks(book, CLEAR, name="joy")):
        value = 1.0 if metric is FINE else 1.0 + at / 50
        if at >= control:
            _later(book, control_id, **{metric.name: value})
        if 7 - at >= treatment:
            _later(book, treatment_id, **{metric.name: value})
    book.add(Expired(verdict=Verdict.UNDECIDED), at=book.plan.expires + timedelta(days=1))
    [found] = _study(book.experiment()).guarded
    return found.states[-1]


@pytest.mark.parametrize("metric", [CALM, FINE])
def test_a_guardrail_is_not_helped_by_values_the_treatment_lacks(metric: Metric) -> None:
    assert _guarded(control=0, treatment=0, metric=metric) is GuardState.OK
    assert _guarded(control=1, treatment=1, metric=metric) is GuardState.OK
    assert _guarded(control=0, treatment=5, metric=metric) is GuardState.UNRESOLVED


def test_a_value_that_is_awaited_is_no_harm() -> None:
    assert _guarded(control=0, treatment=7) is not GuardState.HARMED


def test_the_last_look_of_a_guardrail_waits_for_its_values() -> None:
    book = Notebook(_plan(guardrails=(_guard(CALM, 0.9),)))
    ids = _blocks(book, CLEAR, name="joy")

    early = analyse(book.experiment(), COMPARISON)
    for at, (control, treatment) in enumerate(ids):
        _later(book, control, calm=1 + at / 50)
        _later(book, treatment, calm=1 + at / 40)

    assert early.verdict is Verdict.COLLECTING
    assert "the last look waits for calm of 8 blocks" in early.reason
    assert early.blocks.awaiting == (("calm", 8),)
    assert analyse(book.experiment(), COMPARISON).verdict is Verdict.BETTER


def test_it_waits_no_longer_than_the_experiment_lasts() -> None:
    book = Notebook(_plan(guardrails=(_guard(CALM, 0.9),)))
    ids = _blocks(book, CLEAR, name="joy")
    _later(book, ids[0][0], calm=1.0)

    assert analyse(book.experiment(), COMPARISON).verdict is Verdict.COLLECTING
    assert analyse(book.experiment(), COMPARISON, at_expiry=True).verdict is Verdict.UNDECIDED


def test_it_waits_for_nothing_that_cannot_make_a_difference() -> None:
    book = Notebook(_plan(guardrails=(_guard(CALM, 0.9),)))
    _blocks(book, [(k / 20, 0.2) for k in range(8)], name="joy")

    assert analyse(book.experiment(), COMPARISON).verdict is Verdict.UNDECIDED


def test_answers_of_one_arm_alone_are_a_health_warning() -> None:
    book = Notebook(_plan(max_blocks=40, min_blocks=40))
    for control, treatment in _blocks(book, [(0.0, 0.0)] * 30):
        _later(book, control, joy=0.5)
        if len(book.records) % 3 == 0:
            _later(book, treatment, joy=0.5)

    found = analyse(book.experiment(), COMPARISON)

    [check] = [health for health in found.health if health.check == "answers"]
    assert "no joy in 0 of 30 trials of the control" in check.value


def test_a_failed_trial_awaits_nothing() -> None:
    book = Notebook(_plan())
    book.trial(Arm.CONTROL, 1, {"joy": 0.5})
    book.trial(Arm.TREATMENT, 1, {}, outcome=Outcome.TIMEOUT)
    book.trial(Arm.CONTROL, 2, {}, outcome=Outcome.FAILED)
    book.trial(Arm.TREATMENT, 2, {}, outcome=Outcome.FAILED)
    book.trial(Arm.CONTROL, 3, {}, outcome=Outcome.FAILED)
    book.trial(Arm.TREATMENT, 3, {})

    counts = analyse(book.experiment(), COMPARISON).blocks

    assert (counts.complete, counts.both_failed, counts.awaiting) == (1, 1, (("joy", 1),))
