"""Views made by hand, with what is hard to print in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

from gitexp.app.status_view import Estimate, StatusRow, StatusView, Summary
from gitexp.app.views import (
    AnalysisView,
    LogEntry,
    LogView,
    LookTaken,
    PlanView,
    RunEnded,
    RunStarted,
    TrialDone,
)
from gitexp.codec.plans import canonical, plan_hash
from gitexp.codec.records import decode, encode, ulid
from gitexp.decision import (
    Analysis,
    ArmCounts,
    ArmSummary,
    BlockCounts,
    Criterion,
    GuardrailResult,
    Looks,
    PrimaryResult,
)
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment, fold
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    ArmTip,
    Body,
    Comparison,
    Created,
    Direction,
    Evidence,
    ExperimentId,
    Guardrail,
    GuardState,
    Metric,
    Oid,
    Outcome,
    PlanBody,
    Record,
    RecordId,
    Retraction,
    Revision,
    Scale,
    State,
    TestName,
    Trial,
    Verdict,
    WriterId,
)
from gitexp.other_tests import EffectSize, Method, Others, OtherTest
from tests.making import plan_with

TIME = BUILT_IN_METRICS["time"]
MAXRSS = BUILT_IN_METRICS["maxrss"]
FAILURES = BUILT_IN_METRICS["failures"]
PASS_RATE = Metric(name="pass-rate", direction=Direction.HIGHER, unit="pp")

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CREATED = NOW - timedelta(days=1, hours=3)
WRITER = WriterId("ann-laptop-1")
ID = ExperimentId("fast-parse")


def oid(digit: str) -> Oid:
    return Oid((digit * 40)[:40])


CONTROL, TREATMENT, MERGE = oid("4f21c9a"), oid("b81e02d"), oid("c0ffee1")
REVISION = Revision(oid("1a"), oid("2b"))
COMPARISON = Comparison(
    control=ArmTip(commit=CONTROL, tree=REVISION.control_tree),
    treatment=ArmTip(commit=TREATMENT, tree=REVISION.treatment_tree),
)

PLAN = plan_with(
    id=ID,
    name="table-driven tokenizer",
    hypothesis="Replacing the regular expressions by a table makes parsing at least 15% faster",
    description="First of three steps.\nThe grammar stays the same.",
    created=CREATED,
    base=CONTROL,
    decider=WRITER,
    primary=TIME,
    guardrails=(
        Guardrail(metric=MAXRSS, margin=0.05, is_relative=True),
        Guardrail(metric=FAILURES, margin=0.05, is_relative=False),
    ),
    min_effect=0.01,
    command="./bench.sh --quick",
    setup="make build",
    links=("node_modules",),
    harness=("bench.sh",),
)
HASH = plan_hash(canonical(PLAN))


def record(seq: int, body: Body, *, minutes: int = 0) -> Record:
    at = CREATED + timedelta(minutes=minutes)
    line = encode(
        body,
        id=ulid(int(at.timestamp() * 1000), seq.to_bytes(10)),
        exp=ID,
        plan=HASH,
        writer=WRITER,
        seq=seq,
        at=at,
    )
    return decode(line)


def trial(
    arm: Arm, block: int, seconds: float | None, *, slot: int = 0, outcome: Outcome = Outcome.OK
) -> Trial:
    metrics = {"failures": 0.0 if seconds is not None else 1.0}
    if seconds is not None:
        metrics |= {"time": seconds, "maxrss": 212e6}
    return Trial(
        arm=arm,
        commit=CONTROL if arm is Arm.CONTROL else TREATMENT,
        revision=REVISION,
        block=block,
        attempt=1,
        slot=slot,
        host="mill",
        outcome=outcome,
        exit_code=0 if seconds is not None else 139,
        metrics=metrics,
    )


RECORDS = (
    record(1, PlanBody(plan=PLAN, canonical=canonical(PLAN))),
    record(2, Created(plan_commit=oid("9d"))),
    record(3, trial(Arm.CONTROL, 0, 1.51), minutes=1),
    record(4, trial(Arm.TREATMENT, 0, 1.42, slot=1), minutes=1),
    record(5, trial(Arm.CONTROL, 1, 1.482), minutes=2),
    record(6, trial(Arm.TREATMENT, 1, 1.391, slot=1), minutes=2),
    record(7, trial(Arm.TREATMENT, 2, None, outcome=Outcome.FAILED), minutes=3),
    record(8, trial(Arm.CONTROL, 2, 1.479, slot=1), minutes=3),
    record(9, Retraction(targets=(RecordId("0" * 26),), reason="a backup\x1b[31m ran"), minutes=4),
)
EXPERIMENT: Experiment = fold(
    Evidence(exp=ID, records=RECORDS, problems=(), tips={}),
    PlanBody(plan=PLAN, canonical=canonical(PLAN)),
    HASH,
)

PRIMARY = PrimaryResult(
    metric=TIME,
    scale=Scale.LOG,
    test=TestName.SIGNED_RANK,
    control=ArmSummary(n=10, mean=1.49, sd=0.0163, median=1.4823, low=1.461, high=1.532),
    treatment=ArmSummary(n=9, mean=1.42, sd=0.02, median=1.4156, low=1.39, high=1.47),
    effect=-0.045 * 1.4823,
    rel_effect=-0.045,
    interval=(-0.0804, -0.0091),
    ends_included=(True, True),
    level=0.95,
    p_value=0.00195,
    nominal_level=0.0031,
    statistic=1.0,
    df=None,
    hedges_g=-3.61,
    cohens_d=-3.79,
    d_z=-1.9,
    caveats=(),
)
BLOCKS = BlockCounts(
    complete=12,
    used=10,
    after=2,
    waiting=3,
    waiting_by=((WriterId("bob-desk-1"), 3),),
    both_failed=0,
    retracted=1,
    late=0,
    unpaired=0,
    max=20,
)
HEALTH = (
    Health(check="order balance", state=HealthState.OK, value="6/6", threshold="", advice=""),
    Health(
        check="governor",
        state=HealthState.WARN,
        value="powersave",
        threshold="performance",
        advice="set the governor to performance, or accept wider intervals",
    ),
)
ANALYSIS = Analysis(
    revision=REVISION,
    verdict=Verdict.BETTER,
    reason="the boundary was crossed in the good direction and every guardrail holds",
    alpha=0.05,
    blocks=BLOCKS,
    control=ArmCounts(commit=CONTROL, ok=12, failed=0, timeout=0, void=0),
    treatment=ArmCounts(commit=TREATMENT, ok=11, failed=1, timeout=0, void=2),
    primary=PRIMARY,
    after=replace(PRIMARY, rel_effect=-0.041, interval=(-0.0631, -0.0152)),
    looks=Looks(last=10, next=None, crossed_at=10, decided_at=10, ended_at=10, critical=2.9626),
    guardrails=(
        GuardrailResult(
            metric=MAXRSS,
            margin=0.05,
            is_relative=True,
            control=212e6,
            treatment=213e6,
            change=0.0047,
            bound=0.0148,
            least=None,
            state=GuardState.OK,
            fell_at=10,
        ),
        GuardrailResult(
            metric=FAILURES,
            margin=0.05,
            is_relative=False,
            control=0.0,
            treatment=0.1,
            change=0.1,
            bound=inf,
            least=None,
            state=GuardState.UNRESOLVED,
            fell_at=None,
        ),
    ),
    health=HEALTH,
    criteria=(
        Criterion(name="blocks", met=True, text="10 of at least 10"),
        Criterion(name="guardrail failures", met=False, text="not shown to be within its margin"),
    ),
    blocks_needed=None,
    watches=(),
    secondary=(),
    alerts=(),
    impact=None,
)
OTHERS = Others(
    level=0.95,
    used=10,
    tests=(
        OtherTest(
            method=Method.SIGNED_RANK,
            estimate=-0.045,
            interval=(-0.0712, -0.0193),
            p_value=0.00195,
            n=10,
            left_out=0,
            ignores_pairs=False,
            is_registered=True,
            caveats=(),
        ),
        OtherTest(
            method=Method.EQUIVALENCE,
            estimate=None,
            interval=None,
            p_value=0.031,
            n=9,
            left_out=1,
            ignores_pairs=False,
            is_registered=False,
            caveats=(),
        ),
        OtherTest(
            method=Method.WELCH,
            estimate=-0.0467,
            interval=(-inf, 0.0102),
            p_value=None,
            n=19,
            left_out=1,
            ignores_pairs=True,
            is_registered=False,
            caveats=("not estimable: no spread in either arm",),
        ),
    ),
    effect_sizes=(
        EffectSize(name="hedges_g", value=-3.61, interval=(-5.1, -2.04)),
        EffectSize(name="d_z", value=None, interval=None),
    ),
)
ANALYSIS_VIEW = AnalysisView(
    experiment=EXPERIMENT,
    comparison=COMPARISON,
    analysis=ANALYSIS,
    next=("git exp promote fast-parse",),
    others=OTHERS,
)
YOUNG_VIEW = replace(
    ANALYSIS_VIEW,
    analysis=replace(
        ANALYSIS,
        verdict=Verdict.COLLECTING,
        reason="4 of 20 blocks",
        blocks=replace(BLOCKS, complete=4, used=4, after=0, waiting=0, retracted=0),
        primary=replace(
            PRIMARY,
            interval=(-inf, inf),
            p_value=None,
            nominal_level=None,
            statistic=None,
            caveats=("too few blocks for an interval",),
        ),
        after=None,
        looks=Looks(
            last=None, next=10, crossed_at=None, decided_at=None, ended_at=None, critical=None
        ),
        guardrails=(),
        health=(),
        criteria=(),
    ),
    next=("git exp run fast-parse",),
)
STARTED = RunStarted(
    experiment=EXPERIMENT,
    comparison=COMPARISON,
    host="mill",
    blocks_done=2,
    blocks_left=18,
    warm_up=1,
    warnings=("load 1.8 on 4 cpus",),
)
TRIAL_DONE = TrialDone(
    id=RecordId("01HZX3A9Q4V7W2M8N6B5C4D3E2"),
    arm=Arm.TREATMENT,
    block=3,
    attempt=1,
    slot=1,
    outcome=Outcome.FAILED,
    exit_code=1,
    metrics={"time": 1.4},
    at_most_s=192.0,
)
LOOK_TAKEN = LookTaken(view=ANALYSIS_VIEW, blocks_left=8, at_most_s=130.0)
RUN_ENDED = RunEnded(view=ANALYSIS_VIEW, stopped="decided", blocks_run=10, elapsed_s=281.4)

PLAN_VIEW = PlanView(
    experiment=EXPERIMENT,
    comparison=COMPARISON,
    is_trusted=False,
    revisions_used=1,
    unknown={"weather": 2},
)
LOG_VIEW = LogView(
    experiment=EXPERIMENT,
    entries=tuple(
        LogEntry(
            record=found,
            marks=("warm-up",) if isinstance(found.body, Trial) and not found.body.block else (),
            tail=(
                "bench.sh: line 3:\x1b[31m Segmentation fault"
                if isinstance(found.body, Trial) and found.body.outcome is Outcome.FAILED
                else None
            ),
        )
        for found in RECORDS
    ),
)

ROW = StatusRow(
    id=ID,
    name=PLAN.name,
    hypothesis=PLAN.hypothesis,
    state=State.RUNNING,
    verdict=Verdict.COLLECTING,
    reason="4 of 20 blocks; the first look is at block 10",
    is_decided=False,
    is_current=True,
    source=None,
    target="refs/heads/main",
    control=CONTROL,
    treatment=TREATMENT,
    metric=TIME,
    scale=Scale.LOG,
    plans=(),
    false_better=0.025,
    question="",
    judged=(),
    has_verdict=False,
    complete=4,
    max_blocks=20,
    decided_at=None,
    waiting=((WriterId("bob-desk-1"), 3),),
    failed=(0, 1),
    estimate=Estimate(
        control_median=1.482,
        treatment_median=1.391,
        change=-0.061,
        interval=None,
        is_analysed=False,
    ),
    guardrails=(("maxrss", "?"), ("failures", "?")),
    health=HEALTH,
    alerts=(),
    created=NOW - timedelta(minutes=192),
    expires=NOW + timedelta(days=13, hours=20),
    ended=None,
    ending="",
    per_month=None,
    merge=None,
    problems=(),
    next=("git exp run fast-parse",),
)


def other(name: str, verdict: Verdict, **changes: object) -> StatusRow:
    row = replace(
        ROW,
        id=ExperimentId(name),
        name=name,
        verdict=verdict,
        is_decided=False,
        is_current=False,
        waiting=(),
        failed=(0, 0),
        guardrails=(),
        health=(),
        created=CREATED,
        next=(f"git exp show {name}",),
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def judged(change: float | None, low: float, high: float) -> Estimate:
    return Estimate(
        control_median=1.0,
        treatment_median=1.0 + (change or 0.0),
        change=change,
        interval=(low, high),
        is_analysed=True,
    )


STATUS_VIEW = StatusView(
    rows=(
        ROW,
        other("zstd-level", Verdict.BETTER, complete=10, estimate=judged(-0.124, -inf, -0.0871),
              guardrails=(("maxrss", "ok"),)),
        other("prompt-terse", Verdict.EQUIVALENT, metric=PASS_RATE, scale=Scale.DIFFERENCE,
              complete=20, estimate=judged(0.4, -1.8, 2.6)),
        other("simd-x", Verdict.WORSE, complete=15, decided_at=12,
              estimate=judged(0.098, 0.06, 0.139)),
        other("cache-v2", Verdict.BLOCKED, complete=20, estimate=judged(-0.044, -0.061, -0.027),
              guardrails=(("maxrss", "harmed"), ("failures", "ok"))),
        other("gc-tuning", Verdict.INVALID, complete=3, source="origin",
              health=(Health(check="isolation", state=HealthState.FAIL, value="PYTHONPATH",
                             threshold="", advice="unset it"),)),
        other("inline-hot", Verdict.BETTER, state=State.PROMOTED, complete=14, merge=MERGE,
              ended=NOW - timedelta(days=3), estimate=judged(-0.2, -0.25, -0.15)),
        other("old-idea", Verdict.UNDECIDED, state=State.EXPIRED, complete=7,
              ended=NOW - timedelta(days=40), estimate=judged(None, -inf, inf)),
    ),
    summary=Summary(
        running=6, promoted=1, rolled_back=0, expired=1, success_rate=0.5, judged=7,
        false_promotions=0.175, days_since_promotion=3.0,
        per_month=(),
    ),
    budget=None,
    foreign=("exp/Scratch Pad",),
    now=NOW,
    is_single=False,
)  # fmt: skip
SINGLE_VIEW = replace(STATUS_VIEW, rows=(ROW,), is_single=True)
