"""Plans that spend what is left when they expire: counts alone until then."""

from __future__ import annotations

from gitexp.decision import Analysis
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment
from gitexp.model import Arm, Decided, Expired, Oid, Plan, Revision, TestName, Verdict
from gitexp.policy import analyse
from tests.making import COMPARISON, CONTROL, REVISION, TREATMENT, Notebook, plan_with, wobble

SLIGHT = [(1.0, 0.97 + 0.01 * (k % 3)) for k in range(11)]
"""Better by the last look that spends everything, and not by the scheduled one at block 11."""


def plan(**changes: object) -> Plan:
    return plan_with(spends_on_expiry=True, max_blocks=30, **changes)


def shows_nothing(found: Analysis) -> bool:
    primary = found.primary
    return (
        primary.control.n == primary.treatment.n == 0
        and (primary.effect, primary.p_value, primary.statistic) == (None, None, None)
        and (found.guardrails, found.secondary, found.watches, found.alerts) == ((), (), (), ())
        and (found.after, found.impact, found.looks.crossed_at) == (None, None, None)
    )


def test_until_it_ends_an_analysis_says_how_many_blocks_there_are_and_no_more() -> None:
    notebook = Notebook(plan())
    notebook.blocks(SLIGHT)

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.COLLECTING
    assert found.blocks.complete == 11
    assert shows_nothing(found)


def test_what_is_invalid_shows_no_more_than_what_is_going_on() -> None:
    notebook = Notebook(plan())
    notebook.blocks(SLIGHT)
    edited = Health(
        check="harness", state=HealthState.FAIL, value="edited", threshold="", advice="mend it"
    )

    found = analyse(notebook.experiment(), COMPARISON, health=[edited])

    assert found.verdict is Verdict.INVALID
    assert "edited" in found.reason
    assert shows_nothing(found)


def test_a_boundary_crossed_before_the_end_ends_it_and_shows_everything() -> None:
    notebook = Notebook(plan())
    notebook.blocks(wobble(20, ratio=0.5))

    found = analyse(notebook.experiment(), COMPARISON)

    assert found.verdict is Verdict.BETTER
    assert not shows_nothing(found)


def test_the_last_look_spends_what_the_schedule_had_left() -> None:
    ended, scheduled = Notebook(plan()), Notebook(plan_with(max_blocks=30))
    for notebook in (ended, scheduled):
        notebook.blocks(SLIGHT)
        notebook.add(Expired(verdict=Verdict.UNDECIDED, after=None))

    spent = analyse(ended.experiment(), COMPARISON)
    unspent = analyse(scheduled.experiment(), COMPARISON)

    assert (spent.verdict, spent.looks.decided_at) == (Verdict.BETTER, 11)
    assert unspent.verdict is Verdict.UNDECIDED
    assert (spent.primary.nominal_level or 0) > 0.04 > (unspent.primary.nominal_level or 0)


def test_with_fewer_blocks_than_the_first_look_needs_there_is_no_last_look() -> None:
    notebook = Notebook(plan())
    notebook.blocks(SLIGHT[:9])
    notebook.add(Expired(verdict=Verdict.UNDECIDED, after=None))

    found = analyse(notebook.experiment(), COMPARISON)

    assert (found.verdict, found.looks.last) == (Verdict.UNDECIDED, None)


def test_trials_without_blocks_have_a_last_look_too() -> None:
    notebook = Notebook(plan(test=TestName.WELCH))
    for k in range(12):
        notebook.trial(Arm.CONTROL, None, {"time": 1.0 + 0.01 * (k % 4)})
        notebook.trial(Arm.TREATMENT, None, {"time": 0.99 + 0.01 * (k % 4)})
    hidden = analyse(notebook.experiment(), COMPARISON)
    notebook.add(Expired(verdict=Verdict.UNDECIDED, after=None))

    found = analyse(notebook.experiment(), COMPARISON)

    assert shows_nothing(hidden)
    assert (found.verdict, found.looks.decided_at) == (Verdict.BETTER, 12)


def test_a_decision_about_one_revision_shows_nothing_of_the_next() -> None:
    other = Revision(control_tree=CONTROL.tree, treatment_tree=Oid("3" * 40))
    notebook = Notebook(plan(revisions=2))
    notebook.blocks(wobble(20, ratio=1.5))
    notebook.add(_decided())
    for number, (control, treatment) in enumerate(SLIGHT, 1):
        notebook.block(number, control, treatment, revision=other)

    experiment: Experiment = notebook.experiment()

    assert REVISION in experiment.decisions
    assert not experiment.shows_counts_only(REVISION)
    assert experiment.shows_counts_only(other)


def _decided() -> Decided:
    return Decided(
        verdict=Verdict.WORSE,
        revision=REVISION,
        control=CONTROL.commit,
        treatment=TREATMENT.commit,
        blocks=20,
        effect=0.5,
        interval=(0.4, 0.6),
        level=0.95,
    )
