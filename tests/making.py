"""Experiments made in memory: records as the store would give them, without a repository."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitexp.codec import canonical, decode, encode, plan_hash, ulid
from gitexp.lifecycle import Experiment, fold
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    ArmTip,
    Body,
    Comparison,
    Evidence,
    ExperimentId,
    Goal,
    Guardrail,
    Metric,
    Oid,
    Outcome,
    Plan,
    PlanBody,
    Record,
    RecordId,
    Revision,
    Scale,
    Spending,
    Stopping,
    TestName,
    Trial,
    WriterId,
)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ANN = WriterId("ann-1")
BOB = WriterId("bob-1")
EXP = ExperimentId("fast")
CONTROL = ArmTip(commit=Oid("c" * 40), tree=Oid("1" * 40))
TREATMENT = ArmTip(commit=Oid("d" * 40), tree=Oid("2" * 40))
COMPARISON = Comparison(control=CONTROL, treatment=TREATMENT)
REVISION = COMPARISON.revision

BASE = Plan(
    id=EXP,
    name="fast",
    hypothesis="a table makes parsing 15 % faster",
    description="",
    created=START,
    target="refs/heads/main",
    base=CONTROL.commit,
    decider=ANN,
    primary=BUILT_IN_METRICS["time"],
    guardrails=(),
    watches=(),
    secondary=(),
    scale=Scale.LOG,
    test=TestName.SIGNED_RANK,
    goal=Goal.BETTER,
    alpha=0.05,
    guardrail_alpha=0.05,
    min_effect=0.0,
    max_regression=0.1,
    stopping=Stopping.GROUP_SEQUENTIAL,
    spending=Spending.OBF,
    spends_on_expiry=False,
    min_blocks=10,
    max_blocks=20,
    max_days=14.0,
    revisions=1,
    command="./bench.sh",
    timeout_s=600.0,
    warm_up=1,
    setup=None,
    links=(),
    harness=(),
    auto_promote=True,
    auto_rollback=True,
    like=None,
    uses_per_month=None,
    grant=None,
)


def plan_with(**changes: object) -> Plan:
    """The base plan with some fields replaced."""
    return replace(BASE, **changes)  # type: ignore[arg-type]


def guardrail(name: str, margin: float, *, is_relative: bool = True) -> Guardrail:
    """A guardrail on a built-in metric, or on a lower-is-better one in bytes."""
    metric = BUILT_IN_METRICS.get(name) or Metric(
        name=name, direction=BUILT_IN_METRICS["time"].direction, unit="B"
    )
    return Guardrail(metric=metric, margin=margin, is_relative=is_relative)


class Notebook:
    """Writes records in order, as the writers' journals would.

    Every record is a second later than the one before it.
    """

    def __init__(self, plan: Plan = BASE) -> None:
        self.plan = plan
        self.canonical = canonical(plan)
        self.records: list[Record] = []
        self._seqs: dict[WriterId, int] = {}

    def add(self, body: Body, *, writer: WriterId = ANN, at: datetime | None = None) -> Record:
        """One more record."""
        count = len(self.records) + 1
        seq = self._seqs[writer] = self._seqs.get(writer, 0) + 1
        line = encode(
            body,
            id=ulid(count, bytes(9) + b"\1"),
            exp=self.plan.id,
            plan=plan_hash(self.canonical),
            writer=writer,
            seq=seq,
            at=at or START + timedelta(seconds=count),
        )
        self.records.append(decode(line))
        return self.records[-1]

    def trial(
        self,
        arm: Arm,
        block: int | None,
        metrics: dict[str, float],
        *,
        outcome: Outcome = Outcome.OK,
        attempt: int = 1,
        writer: WriterId = ANN,
        revision: Revision = REVISION,
        at: datetime | None = None,
        slot: int | None = None,
        host: str = "mill",
        env: RecordId | None = None,
        case: str | None = None,
    ) -> Record:
        """One trial; `failures` follows from the outcome."""
        failed = 1.0 if outcome in (Outcome.FAILED, Outcome.TIMEOUT) else 0.0
        body = Trial(
            arm=arm,
            commit=COMPARISON.arm(arm).commit,
            revision=revision,
            block=block,
            attempt=attempt,
            slot=slot,
            host=host,
            outcome=outcome,
            exit_code=0 if outcome is Outcome.OK else 1,
            metrics={"failures": failed, **metrics},
            env=env,
            case=case,
        )
        return self.add(body, writer=writer, at=at)

    def block(
        self,
        number: int,
        control: float | None,
        treatment: float | None,
        *,
        metric: str = "time",
        others: dict[str, tuple[float, float]] | None = None,
        writer: WriterId = ANN,
        revision: Revision = REVISION,
        at: datetime | None = None,
    ) -> None:
        """One block; None is a trial that failed."""
        for index, (arm, value) in enumerate(((Arm.CONTROL, control), (Arm.TREATMENT, treatment))):
            extra = {name: pair[index] for name, pair in (others or {}).items()}
            metrics = extra if value is None else {metric: value, **extra}
            self.trial(
                arm,
                number,
                metrics,
                outcome=Outcome.FAILED if value is None else Outcome.OK,
                writer=writer,
                revision=revision,
                at=at,
            )

    def blocks(
        self, pairs: Iterable[tuple[float | None, float | None]], *, writer: WriterId = ANN
    ) -> None:
        """Blocks 1, 2, … of these control and treatment values."""
        for number, (control, treatment) in enumerate(pairs, 1):
            self.block(number, control, treatment, writer=writer)

    def experiment(self, records: Sequence[Record] | None = None) -> Experiment:
        """What the records make."""
        evidence = Evidence(
            exp=self.plan.id,
            records=tuple(self.records if records is None else records),
            problems=(),
            tips={},
        )
        body = PlanBody(plan=self.plan, canonical=self.canonical)
        return fold(evidence, body, plan_hash(self.canonical))


def wobble(count: int, *, ratio: float, spread: float = 0.02) -> list[tuple[float, float]]:
    """Pairs around one second whose ratio scatters evenly around `ratio`, without chance."""
    pairs = []
    for k in range(count):
        offset = spread * (((k * 7) % 11) / 10 - 0.5)
        pairs.append((1.0 + 0.001 * k, (1.0 + 0.001 * k) * ratio * (1 + offset)))
    return pairs
