"""One row of `status`: recorded decision, cached verdict or plain medians, never statistics."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median

from gitexp import refs
from gitexp.app.load import Loaded, load
from gitexp.app.next_steps import next_commands
from gitexp.app.status_view import Estimate, Judged, StatusRow
from gitexp.app.verdict_cache import CachedVerdict, cached_verdict
from gitexp.blocks import (
    WORST,
    Block,
    NotPositive,
    RunTrial,
    awaiting,
    difference,
    enters,
    harmonic_number,
)
from gitexp.health import HealthState
from gitexp.ledger import Registered
from gitexp.lifecycle import Experiment
from gitexp.model import (
    Arm,
    Decided,
    ExperimentId,
    Expired,
    Goal,
    Oid,
    Outcome,
    Plan,
    Promoted,
    Restored,
    Revision,
    RolledBack,
    Scale,
    State,
    Verdict,
)
from gitexp.store.store import Store


def make_row(store: Store, exp: ExperimentId) -> StatusRow:
    """The experiment's row; `is_current` is for the caller to say."""
    return row_of(store, load(store, exp))


def row_of(store: Store, loaded: Loaded) -> StatusRow:
    """The row of an experiment that was read already."""
    experiment, comparison = loaded.experiment, loaded.comparison
    revision = None if comparison is None else comparison.revision
    recorded = None if revision is None else experiment.decisions.get(revision)
    cached = cached_verdict(store, loaded)
    decided = recorded.body if recorded and isinstance(recorded.body, Decided) else None
    verdict, reason = _verdict(loaded, revision, decided, cached)
    reason = _with_merge(loaded, decided, reason)
    telling = _telling(experiment, revision)
    estimate = _estimate(experiment, revision, telling, decided, cached)
    event = experiment.state_event
    return StatusRow(
        id=experiment.id,
        name=experiment.plan.name,
        hypothesis=experiment.plan.hypothesis,
        state=experiment.state,
        verdict=verdict,
        reason=reason,
        is_current=False,
        is_decided=decided is not None,
        source=loaded.source,
        target=experiment.plan.target,
        control=None if comparison is None else comparison.control.commit,
        treatment=None if comparison is None else comparison.treatment.commit,
        metric=experiment.plan.primary,
        scale=experiment.plan.scale,
        plans=tuple(map(registered, (experiment, *loaded.rivals))),
        false_better=experiment.plan.false_better,
        question=question(experiment.plan),
        judged=_judged(experiment),
        has_verdict=bool(experiment.decisions) or experiment.expired is not None,
        complete=_complete(experiment, revision, telling),
        max_blocks=experiment.plan.max_blocks,
        decided_at=_decided_at(decided, cached),
        waiting=() if revision is None else tuple(sorted(experiment.waiting(revision).items())),
        awaiting=_awaiting(experiment, revision),
        uses=_uses(experiment, revision) if experiment.plan.windows else None,
        failed=_failed(experiment, revision),
        estimate=estimate,
        guardrails=_guardrails(experiment.plan, cached),
        health=(*loaded.health, *(cached.health if cached else ())),
        alerts=cached.alerts if cached else (),
        created=experiment.plan.created,
        expires=experiment.plan.expires,
        ended=None if event is None else event.at,
        ending=_ending(experiment),
        per_month=_per_month(experiment.plan, estimate),
        merge=_merge(experiment),
        problems=experiment.problems,
        next=next_commands(loaded, verdict, is_analysed=decided is not None or cached is not None),
    )


def registered(experiment: Experiment) -> Registered:
    """The plan as the error budget sees it."""
    found = [
        record.at
        for record in (*experiment.decisions.values(), experiment.expired)
        if record is not None
        and isinstance(record.body, Decided | Expired)
        and record.body.verdict is Verdict.BETTER
    ]
    return Registered(
        id=experiment.id,
        plan_hash=experiment.plan_hash,
        created=experiment.plan.created,
        level=experiment.plan.level,
        grant=experiment.plan.grant,
        better=min(found, default=None),
    )


def question(plan: Plan) -> str:
    """What the plan asks of a pair of trees; the same for plans that a decision of either answers.

    The level, the test and the number of blocks say how sure the answer is to be, not what of.
    """
    asked = {
        "command": plan.command,
        "setup": plan.setup,
        "primary": asdict(plan.primary),
        "guardrails": [asdict(guardrail) for guardrail in plan.guardrails],
        "scale": plan.scale,
        "goal": plan.goal,
        "size": plan.min_effect if plan.goal is Goal.BETTER else plan.max_regression,
        **({"extract": [asdict(extract) for extract in plan.extracts]} if plan.extracts else {}),
    }
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _judged(experiment: Experiment) -> tuple[Judged, ...]:
    found = [
        Judged(
            revision=revision,
            verdict=record.body.verdict,
            blocks=record.body.blocks,
            effect=record.body.effect,
            at=record.at,
        )
        for revision, record in experiment.decisions.items()
        if isinstance(record.body, Decided)
    ]
    return tuple(sorted(found, key=lambda judged: (judged.at, judged.revision)))


def _verdict(
    loaded: Loaded,
    revision: Revision | None,
    decided: Decided | None,
    cached: CachedVerdict | None,
) -> tuple[Verdict, str]:
    experiment = loaded.experiment
    failed = next((check for check in loaded.health if check.state is HealthState.FAIL), None)
    if failed is not None:
        return Verdict.INVALID, f"{failed.value}: {failed.advice}"
    if cached is not None and cached.verdict is Verdict.INVALID:
        return cached.verdict, cached.reason
    if decided is not None and decided.verdict is Verdict.UNDECIDED:
        return decided.verdict, f"ended undecided after {decided.blocks} blocks"
    if decided is not None:
        return decided.verdict, f"decided at block {decided.blocks}"
    if cached is not None:
        return cached.verdict, cached.reason
    if experiment.expired is not None and isinstance(experiment.expired.body, Expired):
        return experiment.expired.body.verdict, "expired"
    if experiment.state is State.RUNNING or revision is None:
        return Verdict.COLLECTING, "not analysed"
    return Verdict.UNDECIDED, "ended before it was decided"


def _decided_at(decided: Decided | None, cached: CachedVerdict | None) -> int | None:
    if decided is not None:
        return decided.blocks
    if cached is None or not cached.verdict.is_final or cached.verdict is Verdict.UNDECIDED:
        return None
    return cached.used


def _with_merge(loaded: Loaded, decided: Decided | None, reason: str) -> str:
    """The reason, and what there is to know of a merge that `promote` did not make."""
    experiment, arrived = loaded.experiment, loaded.arrived
    target = refs.short(experiment.plan.target)
    if arrived is not None and arrived.is_gone:
        return f"{target} took it in and took it out again; {reason}"
    if arrived is not None:
        return f"{target} has it ({arrived.promoted.recognised}), which is not recorded; {reason}"
    event = experiment.promoted if experiment.state is State.PROMOTED else None
    if event is None or not isinstance(event.body, Promoted):
        return reason
    why = experiment.overrides.get(event.body.tip)
    reason = reason if why is None else f"{reason}; override: {why}"
    if event.body.recognised is None:
        return reason
    how = "merged" if decided else "merged without a decision"
    return f"{how} elsewhere ({event.body.recognised}); {reason}"


def _ending(experiment: Experiment) -> str:
    event = experiment.state_event
    if event is None or not isinstance(event.body, RolledBack):
        return ""
    return f"rolled back by {event.writer}: {event.body.reason}"


def _telling(experiment: Experiment, revision: Revision | None) -> tuple[Block, ...]:
    """Admitted blocks that say something of the primary metric."""
    if revision is None:
        return ()
    primary = experiment.plan.primary
    blocks = experiment.admitted(revision)
    return tuple(block for block in blocks if block.has_value(primary) and not block.is_retracted)


def _complete(experiment: Experiment, revision: Revision | None, telling: Sequence[Block]) -> int:
    if experiment.plan.test.is_paired or revision is None:
        return len(telling)
    runs = experiment.counted(revision)
    return harmonic_number((r for r in runs if enters(r, experiment.plan)), experiment.plan.test)


def _awaiting(experiment: Experiment, revision: Revision | None) -> tuple[tuple[str, int], ...]:
    if revision is None or revision in experiment.decisions:
        return ()
    if not experiment.plan.test.is_paired:
        return awaiting(experiment.counted(revision), experiment.plan)
    blocks = experiment.admitted(revision)
    return awaiting((b for b in blocks if not b.is_retracted), experiment.plan)


def _single_values(
    experiment: Experiment, revision: Revision | None, *, used: int | None
) -> tuple[list[float], list[float]]:
    """Both arms' values under a test without blocks, as many as make up `used` of them."""
    plan, seen = experiment.plan, list[RunTrial]()
    for run in () if revision is None else experiment.counted(revision):
        if enters(run, plan):
            seen.append(run)
            if used is not None and harmonic_number(seen, plan.test) >= used > 0:
                break
    values = [(run.trial.arm, run.value(plan.primary)) for run in seen]
    return (
        [x for arm, x in values if arm is Arm.CONTROL and x is not None],
        [x for arm, x in values if arm is Arm.TREATMENT and x is not None],
    )


def _failed(experiment: Experiment, revision: Revision | None) -> tuple[int, int]:
    counts = {Arm.CONTROL: 0, Arm.TREATMENT: 0}
    if revision is not None:
        for run in experiment.counted(revision):
            if run.trial.outcome in (Outcome.FAILED, Outcome.TIMEOUT):
                counts[run.trial.arm] += 1
            elif run.trial.window is not None:
                counts[run.trial.arm] += run.trial.window.failures
    return counts[Arm.CONTROL], counts[Arm.TREATMENT]


def _uses(experiment: Experiment, revision: Revision | None) -> tuple[int, int]:
    """Uses in the windows of control and treatment that count."""
    runs = () if revision is None else experiment.counted(revision)
    counts = dict.fromkeys(Arm, 0)
    for run in runs:
        counts[run.trial.arm] += 0 if run.trial.window is None else run.trial.window.count
    return counts[Arm.CONTROL], counts[Arm.TREATMENT]


def _known_change(
    decided: Decided | None, cached: CachedVerdict | None
) -> tuple[float | None, tuple[float, float] | None]:
    """Effect and interval as recorded with the decision, else as last analysed."""
    if decided is None:
        return (None, None) if cached is None else (cached.change, cached.interval)
    low, high = decided.interval
    return decided.effect, (
        -math.inf if low is None else low,
        math.inf if high is None else high,
    )


_NOTHING_SHOWN = Estimate(
    control_median=None, treatment_median=None, change=None, interval=None, is_analysed=False
)


def _estimate(
    experiment: Experiment,
    revision: Revision | None,
    telling: Sequence[Block],
    decided: Decided | None,
    cached: CachedVerdict | None,
) -> Estimate:
    """The primary metric over the blocks that the known result is of, else over all of them."""
    plan = experiment.plan
    if experiment.shows_counts_only(revision):
        return _NOTHING_SHOWN
    change, interval = _known_change(decided, cached)
    used = cached.used if cached else decided.blocks if decided else None
    if not plan.test.is_paired:
        control, treatment = _single_values(experiment, revision, used=used)
    else:
        pairs = [block.values(plan.primary) for block in telling[:used]]
        control = [c for c, _ in pairs if c is not None]
        treatment = [t for _, t in pairs if t is not None]
    is_analysed = change is not None
    if change is None:
        change = _plain_change(plan, telling)
    return Estimate(
        control_median=median(control) if control else None,
        treatment_median=median(treatment) if treatment else None,
        change=change,
        interval=interval if is_analysed else None,
        is_analysed=is_analysed,
    )


def _per_month(plan: Plan, estimate: Estimate) -> float | None:
    """The analysed effect of one use, in metric units, times the uses."""
    change, uses = estimate.change, plan.uses_per_month
    if not estimate.is_analysed or change is None or uses is None:
        return None
    if plan.scale is Scale.DIFFERENCE:
        return change * uses
    middle = estimate.control_median
    return None if middle is None else change * middle * uses


def _plain_change(plan: Plan, blocks: Iterable[Block]) -> float | None:
    """The median of the block differences; of ratios as a fraction."""
    try:
        found = [difference(block, plan.primary, plan.scale) for block in blocks]
    except NotPositive:
        return None
    values = [value for value in found if value is not None]
    middle = median(values) if values else None
    if middle is None or abs(middle) >= WORST:
        return None
    return math.expm1(middle) if plan.scale is Scale.LOG else middle


def _guardrails(plan: Plan, cached: CachedVerdict | None) -> tuple[tuple[str, str], ...]:
    states = dict(cached.guardrails) if cached else {}
    return tuple((g.metric.name, states.get(g.metric.name, "?")) for g in plan.guardrails)


def _merge(experiment: Experiment) -> Oid | None:
    body = experiment.state_event.body if experiment.state_event else None
    if isinstance(body, Promoted | Restored):
        return body.merge
    return None
