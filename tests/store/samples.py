"""Values that tests of the store write and look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitexp.codec import encode, ulid
from gitexp.model import (
    Arm,
    Body,
    ExperimentId,
    Oid,
    Outcome,
    Plan,
    PlanHash,
    Revision,
    Trial,
    WriterId,
    experiment_id,
    writer_id,
)
from tests.making import guardrail, plan_with

EXP = experiment_id("fast-parse")
PLAN = PlanHash("5f" * 32)
WRITER = writer_id("ann-1")
OTHER = writer_id("bob-2")
TREE = Oid("a1" * 20)
COMMIT = Oid("b2" * 20)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_trial(number: int = 1, *, commit: Oid = COMMIT, text: str = "h") -> Trial:
    return Trial(
        arm=(Arm.CONTROL, Arm.TREATMENT)[number % 2],
        commit=commit,
        revision=Revision(TREE, TREE),
        block=number // 2,
        attempt=1,
        slot=number % 2,
        host=text,
        outcome=Outcome.OK,
        exit_code=0,
        metrics={"time": 1.0 + number / 1000},
    )


def a_plan() -> Plan:
    return plan_with(
        id=EXP,
        name="Fast parse",
        hypothesis="a table makes parsing 10 % faster",
        created=NOON,
        base=COMMIT,
        decider=WRITER,
        guardrails=(guardrail("time", 0.1),),
        command="make bench",
        harness=("bench",),
    )


def a_line(
    seq: int,
    body: Body | None = None,
    *,
    writer: WriterId = WRITER,
    exp: ExperimentId = EXP,
    plan: PlanHash = PLAN,
    chance: int | None = None,
) -> bytes:
    """A record as its line; equal arguments give equal bytes."""
    entropy = (seq if chance is None else chance).to_bytes(5) + writer.encode()[:5].ljust(5)
    at = NOON + timedelta(seconds=seq)
    return encode(
        body or a_trial(seq),
        id=ulid(int(at.timestamp() * 1000), entropy),
        exp=exp,
        plan=plan,
        writer=writer,
        seq=seq,
        at=at,
    )
