"""Guardrails and tests of windows of live use, by the product's own fold and replay.

    python -m bench.windows [EXPERIMENTS]

20 windows of each arm in blocks, looks from the 10th. The guardrail on failures has a margin of one
percentage point, and the treatment fails just so much more often: every `ok` is false. Rates
scatter from window to window with the coefficient of variation given, in each arm for itself. The
naive way takes all uses for independent answers at the same levels. A bound holds if the figure
minus two Monte-Carlo standard errors does not exceed it.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from bench.late_values import BLOCKS, REVISION, experiment_of, figure, plan_of
from gitexp.codec import canonical
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    Body,
    GuardState,
    Oid,
    Outcome,
    Plan,
    Scale,
    TestName,
    Trial,
    Window,
)
from gitexp.policy.rule import boundary_of, guard_rules
from gitexp.policy.study import Study, study_of
from gitexp.stats.guardrails import GuardrailState, rate_guardrail

SEED = 20_251_127
EXPERIMENTS = 2_000
MARGIN = 0.01
BASE = 0.005
SCATTERS = (0.0, 0.5, 1.0)


def plan_of_windows() -> Plan:
    plan = plan_of(TestName.T, guardrails=(f"failures:+{100 * MARGIN:g}pp",))
    return replace(plan, primary=BUILT_IN_METRICS["time"], scale=Scale.LOG, windows=True)


def played(
    rng: np.random.Generator, plan: Plan, text: str, *, uses: int, scatter: float
) -> tuple[Study, np.ndarray]:
    """One experiment without an effect on time; also (failures, uses) by arm and window."""
    rates = np.repeat([[BASE], [BASE + MARGIN]], BLOCKS, axis=1)
    if scatter:
        rates = np.minimum(rates * rng.gamma(scatter**-2, scatter**2, rates.shape), 1.0)
    counts = 1 + rng.poisson(uses - 1, rates.shape)
    failures = rng.binomial(counts, rates)
    # what all uses of a moment have in common, and what is left of their own scatter
    common = rng.normal(0.0, 0.2, BLOCKS)
    times = np.exp(common + rng.normal(0.0, 0.05, rates.shape))
    bodies: list[tuple[float, Body]] = [
        (block, _trial(arm, block + 1, failures[at, block], counts[at, block], times[at, block]))
        for block in range(BLOCKS)
        for at, arm in enumerate(Arm)
    ]
    experiment = experiment_of(plan, text, bodies)
    study = study_of(experiment, REVISION, experiment.admitted(REVISION))
    return study, np.stack([failures, counts])


def _trial(arm: Arm, block: int, failures: int, count: int, time: float) -> Trial:
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
        metrics={"failures": float(failures) / int(count), "time": float(time)},
        window=Window(count=int(count), failures=int(failures)),
    )


def is_ok_naively(plan: Plan, counts: np.ndarray) -> bool:
    """Whether the score interval of all uses, as independent answers, is ever inside."""
    rules = guard_rules(plan, alpha=plan.guardrail_alpha)
    bound = boundary_of(rules.ok)
    sums = np.cumsum(counts, axis=2)

    def arm(at: int) -> list[tuple[int, int]]:
        return [(int(sums[0, at, n - 1]), int(sums[1, at, n - 1])) for n in bound.looks]

    path = rate_guardrail(
        control=arm(0),
        treatment=arm(1),
        margin=MARGIN,
        bad=1,
        ok_levels=bound.nominal,
        harmed_levels=bound.nominal,
    )
    return GuardrailState.OK in path.states


def main() -> None:
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else EXPERIMENTS
    plan = plan_of_windows()
    text = canonical(plan)
    print(f"{'windows of live use':<74} {'measured':>7} ± se       bound     holds   naive")
    case = 0
    for uses in (20, 200, 2_000):
        decided = 0
        for scatter in SCATTERS:
            case += 1
            rng = np.random.default_rng((SEED, case))
            false_ok = naive = 0
            for _ in range(experiments):
                study, counts = played(rng, plan, text, uses=uses, scatter=scatter)
                false_ok += GuardState.OK in study.guarded[0].states
                naive += is_ok_naively(plan, counts)
                signals = study.sample.signals(study.looks)
                decided += any(signal.crossed for signal in signals)
            name = f"windows of {uses} uses, scatter {scatter:g}"
            told = figure(f"failures ok at the margin, {name}", false_ok, experiments, 0.055)
            print(f"{told}   {naive / experiments:.3f}", flush=True)
        name = f"type I error of time, windows of {uses} uses"
        print(figure(name, decided, len(SCATTERS) * experiments, 0.058), flush=True)


if __name__ == "__main__":
    main()
