"""What counts, and in which order, when several clones record, sync, retract and hand over."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.model import (
    Arm,
    Decided,
    Handover,
    Intake,
    Record,
    RecordId,
    Retraction,
    Seen,
    Verdict,
    WriterId,
)
from gitexp.policy import analyse
from gitexp.policy.intake import due_intakes
from tests.making import ANN, BOB, COMPARISON, REVISION, START, Notebook
from tests.policy.clones import CAT, counted, play, retracted, skews, steps


@given(story=steps, clocks=skews, order=st.permutations([0, 1, 2]))
@settings(max_examples=80)
def test_clones_agree_in_the_end_whoever_syncs_first(
    story: list[tuple[str, int, int]], clocks: list[int], order: list[int]
) -> None:
    clones, shared = play(story, clocks)

    for _ in range(2):  # the decider takes in what came last, and the others hear of it
        for who in order:
            clones[who].sync(shared)
    for who in order:
        clones[who].sync(shared)

    ends = [clone.experiment for clone in clones]
    assert {clone.experiment.decider for clone in clones} == {ends[0].decider}
    for end in ends[1:]:
        assert {r.id for r in end.records} == {r.id for r in ends[0].records}
        assert counted(end) == counted(ends[0])
        assert retracted(end) == retracted(ends[0])
        assert end.decisions == ends[0].decisions
        assert analyse(end, COMPARISON) == analyse(ends[0], COMPARISON)


@given(story=steps, clocks=skews)
@settings(max_examples=80)
def test_the_decider_sees_what_counts_grow_at_its_end_only(
    story: list[tuple[str, int, int]], clocks: list[int]
) -> None:
    clones, _ = play(story, clocks, without=frozenset({"hand over"}))

    shown = clones[0].shown
    for earlier, later in itertools.pairwise(shown):
        assert later[: len(earlier)] == earlier


@given(story=steps, clocks=skews)
@settings(max_examples=80)
def test_nothing_that_comes_later_changes_what_a_decision_was_taken_from(
    story: list[tuple[str, int, int]], clocks: list[int]
) -> None:
    clones, shared = play(story, clocks)
    for _ in range(3):
        for clone in clones:
            clone.sync(shared)

    experiment = clones[0].experiment
    settled = {id: blocks for clone in clones for id, blocks in clone.settled.items()}
    decision = experiment.decisions.get(REVISION)
    if decision is not None:
        then, left_out = settled[decision.id]
        assert counted(experiment)[: len(then)] == then
        assert retracted(experiment) == left_out


@given(story=steps, clocks=skews)
@settings(max_examples=60)
def test_every_complete_block_counts_once_or_waits(
    story: list[tuple[str, int, int]], clocks: list[int]
) -> None:
    clones, _ = play(story, clocks)

    for clone in clones:
        experiment = clone.experiment
        complete = sum(len(s.blocks) + len(s.held_back) for s in experiment.series.values())
        here = counted(experiment)
        assert len(here) == len(set(here))
        assert len(here) + sum(experiment.waiting(REVISION).values()) == complete


# --- single cases ---------------------------------------------------------------------------------


def take_in(notebook: Notebook, *, writer: WriterId = ANN) -> None:
    """What the decider's sync records now."""
    for intake in due_intakes(notebook.experiment(), REVISION):
        notebook.add(intake, writer=writer)


def order(notebook: Notebook) -> list[tuple[WriterId, int]]:
    blocks = notebook.experiment().admitted(REVISION)
    return [(block.writer, block.number) for block in blocks]


def test_foreign_blocks_wait_until_they_are_taken_in() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)] * 2, writer=BOB)
    notebook.blocks([(1.0, 0.9)])

    assert order(notebook) == [(ANN, 1)]
    assert notebook.experiment().waiting(REVISION) == {BOB: 2}

    take_in(notebook)
    notebook.block(2, 1.0, 0.9)

    assert order(notebook) == [(ANN, 1), (BOB, 1), (BOB, 2), (ANN, 2)]
    assert notebook.experiment().waiting(REVISION) == {}


def test_within_one_intake_the_order_is_by_writer_and_block() -> None:
    notebook = Notebook()
    notebook.block(1, 1.0, 0.9, writer=CAT)
    notebook.block(1, 1.0, 0.9, writer=BOB)
    notebook.block(2, 1.0, 0.9, writer=BOB)

    take_in(notebook)

    assert order(notebook) == [(BOB, 1), (BOB, 2), (CAT, 1)]


def test_a_block_behind_a_gap_is_not_taken_in_before_the_gap_is_closed() -> None:
    notebook = Notebook()
    notebook.block(2, 1.0, 0.9, writer=BOB)

    take_in(notebook)
    assert order(notebook) == []

    notebook.block(1, 1.0, 0.9, writer=BOB)
    take_in(notebook)

    assert order(notebook) == [(BOB, 1), (BOB, 2)]


def test_closing_a_gap_puts_no_block_before_what_counted_already() -> None:
    notebook = Notebook()
    notebook.block(2, 1.0, 0.9, writer=BOB)
    notebook.add(Intake(revision=REVISION, upto={BOB: Seen(seq=2, records=2)}))
    notebook.block(1, 1.0, 0.9)
    notebook.block(1, 1.0, 0.9, writer=BOB)

    take_in(notebook)

    assert order(notebook) == [(ANN, 1), (BOB, 1), (BOB, 2)]


def test_half_a_block_is_nothing_to_take_in() -> None:
    notebook = Notebook()
    notebook.trial(Arm.CONTROL, 1, {"time": 1.0}, writer=BOB)

    assert due_intakes(notebook.experiment(), REVISION) == ()


def test_an_intake_by_one_who_does_not_decide_means_nothing() -> None:
    notebook = Notebook()
    notebook.block(1, 1.0, 0.9, writer=CAT)
    upto = {CAT: Seen(seq=2, records=2)}

    notebook.add(Intake(revision=REVISION, upto=upto), writer=BOB)

    assert order(notebook) == []


def test_records_that_were_taken_in_and_are_gone_make_the_analysis_invalid() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)] * 3, writer=BOB)
    take_in(notebook)
    lost = [r for r in notebook.records if not (r.writer == BOB and r.seq > 4)]

    experiment = notebook.experiment(lost)
    analysis = analyse(experiment, COMPARISON)

    assert experiment.missing == {(REVISION, BOB): 2}
    assert analysis.verdict is Verdict.INVALID
    assert "2 records of bob-1" in analysis.reason


def test_a_retraction_by_another_counts_once_it_was_taken_in() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)])
    trial = notebook.records[-1].id
    notebook.add(Retraction(targets=(trial,), reason="noise"), writer=BOB)
    assert notebook.experiment().retractions == {}

    take_in(notebook)

    assert notebook.experiment().retractions == {trial: "noise"}


def handover(notebook: Notebook, to: WriterId, *, seen: int | None = None) -> Record:
    experiment = notebook.experiment()
    own = [r.seq for r in experiment.records if r.writer == experiment.decider]
    body = Handover(
        predecessor=experiment.decider,
        tenure=experiment.tenure.handover,
        seen=max(own, default=0) if seen is None else seen,
        to=to,
    )
    return notebook.add(body, writer=to)


def test_after_a_handover_the_successor_admits() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)])
    notebook.block(1, 1.0, 0.9, writer=BOB)

    handover(notebook, BOB)
    notebook.block(2, 1.0, 0.9)
    assert order(notebook) == [(ANN, 1), (BOB, 1)]

    take_in(notebook, writer=BOB)

    assert notebook.experiment().decider == BOB
    assert order(notebook) == [(ANN, 1), (BOB, 1), (ANN, 2)]


def test_what_the_predecessor_recorded_after_the_handover_was_seen_waits() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)] * 3)

    handover(notebook, BOB, seen=2)

    assert order(notebook) == [(ANN, 1)]
    assert notebook.experiment().waiting(REVISION) == {ANN: 2}


def test_it_can_be_handed_back() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)])
    handover(notebook, BOB)
    notebook.block(1, 1.0, 0.9, writer=BOB)
    handover(notebook, ANN)
    notebook.block(2, 1.0, 0.9)

    assert notebook.experiment().decider == ANN
    assert order(notebook) == [(ANN, 1), (BOB, 1), (ANN, 2)]


def test_of_two_handovers_by_one_predecessor_the_smaller_id_holds() -> None:
    notebook = Notebook()
    first = handover(notebook, BOB)
    second = Handover(predecessor=ANN, tenure=None, seen=0, to=CAT)
    notebook.add(second, writer=CAT, at=START)  # by a clock that is behind

    assert notebook.experiment().decider == BOB
    assert notebook.experiment().tenure.handover == first.id


def _decision(
    notebook: Notebook, writer: WriterId, verdict: Verdict, tenure: RecordId | None
) -> Record:
    body = Decided(
        verdict=verdict,
        revision=REVISION,
        control=COMPARISON.control.commit,
        treatment=COMPARISON.treatment.commit,
        blocks=1,
        effect=None,
        interval=(None, None),
        level=0.95,
        tenure=tenure,
    )
    return notebook.add(body, writer=writer)


def test_a_decision_of_the_predecessor_taken_before_it_knew_of_the_handover_holds() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)] * 3)
    event = handover(notebook, BOB, seen=2)
    later = _decision(notebook, BOB, Verdict.WORSE, event.id)
    first = _decision(notebook, ANN, Verdict.BETTER, None)

    experiment = notebook.experiment()

    assert experiment.decisions == {REVISION: first}
    assert order(notebook) == [(ANN, 1), (ANN, 2), (ANN, 3)]
    assert later.id != first.id


def test_a_decision_in_the_name_of_a_tenure_that_never_was_means_nothing() -> None:
    notebook = Notebook()
    notebook.blocks([(1.0, 0.9)])
    stray = notebook.records[0].id

    _decision(notebook, BOB, Verdict.BETTER, None)
    _decision(notebook, ANN, Verdict.BETTER, stray)

    assert notebook.experiment().decisions == {}


def test_more_writers_than_one_record_can_name_are_taken_in_by_several() -> None:
    notebook = Notebook()
    for number in range(95):
        notebook.block(1, 1.0, 0.9, writer=WriterId(f"writer-with-a-long-name-{number:03}"))

    take_in(notebook)

    assert len(order(notebook)) == 95
    assert sum(isinstance(r.body, Intake) for r in notebook.records) == 3
