"""Values that tests of the store write and look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gitexp.codec import encode, ulid
from gitexp.model import (
    Arm,
    Body,
    Direction,
    ExperimentId,
    Goal,
    Guardrail,
    Metric,
    Oid,
    Outcome,
    Plan,
    PlanHash,
    Revision,
    Scale,
    TestName,
    Trial,
    WriterId,
    experiment_id,
    writer_id,
)

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
    time = Metric(name="time", direction=Direction.LOWER, unit="s")
    return Plan(
        id=EXP,
        name="Fast parse",
        hypothesis="a table makes parsing 10 % faster",
        description="",
        created=NOON,
        target="refs/heads/main",
        base=COMMIT,
        decider=WRITER,
        primary=time,
        guardrails=(Guardrail(metric=time, margin=0.1, is_relative=True),),
        scale=Scale.LOG,
        test=TestName.SIGNED_RANK,
        goal=Goal.BETTER,
        alpha=0.05,
        guardrail_alpha=0.05,
        min_effect=0.0,
        max_regression=0.1,
        min_blocks=10,
        max_blocks=20,
        max_days=14.0,
        revisions=1,
        command="make bench",
        timeout_s=600.0,
        warm_up=1,
        setup=None,
        links=(),
        harness=("bench",),
        auto_promote=True,
        auto_rollback=True,
        like=None,
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
