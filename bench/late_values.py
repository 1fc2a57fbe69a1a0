"""Error rates when values come later than the trials, by the product's own fold and replay.

    python -m bench.late_values [EXPERIMENTS]

Every experiment is made of records: trials one after the other, and their values mixed among them
as they come. One replay at the end holds a look after every arrival: a look that was taken stays
(tests/policy/test_late_values.py). 20 blocks, looks from the 10th, normal values, no effect; for
the guardrail an effect that is just the margin. A bound holds if the figure minus two Monte-Carlo
standard errors does not exceed it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from gitexp.app.planning import PlanOptions, Registration, build_plan
from gitexp.codec import canonical, plan_hash, ulid
from gitexp.lifecycle import Experiment, fold
from gitexp.model import (
    Arm,
    Body,
    Direction,
    Evidence,
    ExperimentId,
    Expired,
    GuardState,
    Metric,
    Observation,
    Oid,
    Outcome,
    Plan,
    PlanBody,
    Record,
    Revision,
    TestName,
    Trial,
    Verdict,
    WriterId,
)
from gitexp.policy.study import Study, study_of

SEED = 20_251_126
EXPERIMENTS = 2_000
BLOCKS = 20
MARGIN = 0.5
START = datetime(2026, 1, 5, tzinfo=UTC)
ANN = WriterId("ann-1")
REVISION = Revision(Oid("1" * 40), Oid("2" * 40))
JOY = Metric(name="joy", direction=Direction.HIGHER, unit="score")
CALM = Metric(name="calm", direction=Direction.HIGHER, unit="score")

Delay = Callable[[np.random.Generator, float, Arm], float]
"""How many blocks later a value comes; infinite: never."""


def plan_of(test: TestName, *, guardrails: tuple[str, ...] = ()) -> Plan:
    options = PlanOptions(
        hypothesis="this gives more joy",
        metric="joy:higher:score",
        guardrail=guardrails,
        scale="difference",
        test=test,
        min_blocks="10",
        max_blocks=str(BLOCKS),
    )
    registration = Registration(
        id=ExperimentId("late"),
        name="late",
        created=START,
        target="refs/heads/main",
        base=Oid("c" * 40),
        decider=ANN,
    )
    return build_plan(options, registration, like=None)


def experiment_of(plan: Plan, text: str, bodies: Sequence[tuple[float, Body]]) -> Experiment:
    """The bodies recorded in the order of their times; ids follow the order in which they stand."""
    digest = plan_hash(text)
    order = sorted(range(len(bodies)), key=lambda at: (bodies[at][0], at))
    records = tuple(
        Record(
            id=ulid(at, bytes(10)),
            exp=plan.id,
            plan=digest,
            writer=ANN,
            seq=seq,
            at=START + timedelta(seconds=seq),
            body=bodies[at][1],
            line=b"",
        )
        for seq, at in enumerate(order, 1)
    )
    evidence = Evidence(exp=plan.id, records=records, problems=(), tips={})
    return fold(evidence, PlanBody(plan=plan, canonical=text), digest)


def played(
    rng: np.random.Generator,
    plan: Plan,
    text: str,
    *,
    metric: Metric,
    delay: Delay,
    blocks: int,
    effect: float = 0.0,
) -> Study:
    """One experiment whose values of the metric come later; the primary one else at once."""
    bodies: list[tuple[float, Body]] = []
    for number in range(1, blocks + 1):
        for arm in Arm:
            value = rng.normal() + (effect if arm is Arm.TREATMENT else 0.0)
            # far from any boundary, and never without spread, where the guardrail is asked about
            known = {} if metric is JOY else {"joy": rng.normal()}
            trial = ulid(len(bodies), bytes(10))
            bodies.append((number, _trial(arm, number, known)))
            later = number + delay(rng, value, arm)
            if math.isfinite(later):
                bodies.append((later, Observation(trial=trial, metrics={metric.name: value})))
    if plan.guardrails:
        bodies.append((math.inf, Expired(verdict=Verdict.UNDECIDED)))
    experiment = experiment_of(plan, text, bodies)
    return study_of(experiment, REVISION, experiment.admitted(REVISION))


def _trial(arm: Arm, block: int, metrics: dict[str, float]) -> Trial:
    return Trial(
        arm=arm,
        commit=Oid("c" * 40),
        revision=REVISION,
        block=block,
        attempt=1,
        slot=None,
        host="mill",
        outcome=Outcome.OK,
        exit_code=0,
        metrics={"failures": 0.0, **metrics},
    )


def soon(rng: np.random.Generator, value: float, arm: Arm) -> float:  # noqa: ARG001
    return 0.5


def at_random(rng: np.random.Generator, value: float, arm: Arm) -> float:  # noqa: ARG001
    return float(rng.exponential(8.0))


def some_never(rng: np.random.Generator, value: float, arm: Arm) -> float:
    return math.inf if rng.random() < 0.2 else at_random(rng, value, arm)


def unhappy_first(rng: np.random.Generator, value: float, arm: Arm) -> float:  # noqa: ARG001
    return float(rng.exponential(8.0) * math.exp(value))


def worst_of_treatment_never(rng: np.random.Generator, value: float, arm: Arm) -> float:
    is_worst = arm is Arm.TREATMENT and value < -MARGIN - 0.84  # one in five at the margin
    return math.inf if is_worst else at_random(rng, value, arm)


def figure(name: str, hits: int, experiments: int, bound: float) -> str:
    share = hits / experiments
    se = math.sqrt(share * (1 - share) / experiments)
    holds = "yes" if share - 2 * se <= bound else "NO"
    return f"{name:<74} {share:7.4f} ± {se:.4f}   ≤ {bound:.3f}   {holds}"


def type_one(name: str, delay: Delay, test: TestName, experiments: int, case: int) -> str:
    rng = np.random.default_rng((SEED, case))
    plan = plan_of(test)
    text = canonical(plan)
    hits = 0
    for _ in range(experiments):
        # with more blocks than it takes, for some are never answered
        blocks = 2 * BLOCKS if delay is some_never else BLOCKS + 4
        study = played(rng, plan, text, metric=JOY, delay=delay, blocks=blocks)
        hits += study.walk.verdict in (Verdict.BETTER, Verdict.WORSE)
    bound = 0.058 if test is TestName.T else 0.054
    return figure(f"type I error, {test}, {name}", hits, experiments, bound)


def false_ok(name: str, delay: Delay, test: TestName, experiments: int, case: int) -> str:
    rng = np.random.default_rng((SEED, case))
    plan = plan_of(test, guardrails=(f"calm:higher:score:+{MARGIN}",))
    text = canonical(plan)
    hits = 0
    for _ in range(experiments):
        study = played(rng, plan, text, metric=CALM, delay=delay, blocks=BLOCKS, effect=-MARGIN)
        hits += GuardState.OK in study.guarded[0].states
    return figure(f"guardrail ok at the margin, {test}, {name}", hits, experiments, 0.055)


CASES = (
    (type_one, "at once", soon),
    (type_one, "in random order", at_random),
    (type_one, "in random order, one in five never", some_never),
    (type_one, "the unhappy first", unhappy_first),
    (false_ok, "at once", soon),
    (false_ok, "in random order", at_random),
    (false_ok, "in random order, one in five never", some_never),
    (false_ok, "the worst fifth of the treatment never", worst_of_treatment_never),
)


def main() -> None:
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else EXPERIMENTS
    print(f"{'values that come later':<74} {'measured':>7} ± se       bound     holds")
    case = 0
    for measure, name, delay in CASES:
        for test in (TestName.T, TestName.SIGNED_RANK):
            case += 1
            print(measure(name, delay, test, experiments, case), flush=True)


if __name__ == "__main__":
    main()
