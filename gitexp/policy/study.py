"""One replay of a revision: the data, all its looks, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import Block
from gitexp.lifecycle import Experiment
from gitexp.model import Goal, GuardState, Plan, Revision, State
from gitexp.policy.guard import Guarded, follow, primary_as_guardrail
from gitexp.policy.material import Material
from gitexp.policy.rule import Rule, guard_rules, primary_alpha, rule_of
from gitexp.policy.samples import Sample
from gitexp.policy.walk import Signal, Walk, walk
from gitexp.stats.looks import Look


@dataclass(frozen=True, slots=True)
class Study:
    """One replay: the data, its looks, and how they ended.

    Attributes:
        ends_at: Blocks at which expiry cut the schedule; None: it did not.
    """

    plan: Plan
    material: Material
    sample: Sample
    rule: Rule
    ends_at: int | None
    looks: tuple[Look, ...]
    goal: Guarded | None
    guarded: tuple[Guarded, ...]
    walk: Walk

    @property
    def shown(self) -> Look | None:
        return None if self.walk.shown is None else self.looks[self.walk.shown]


def study_of(
    experiment: Experiment,
    revision: Revision,
    blocks: Sequence[Block],
    *,
    with_retracted: bool = False,
    at_expiry: bool = False,
) -> Study:
    """The replay of these blocks, or for a test without blocks of all counted trials.

    Args:
        with_retracted: Whether the latter are to include retracted ones.
        at_expiry: Whether it is to be taken for expired now.
    """
    plan = experiment.plan
    material = Material(
        blocks=tuple(blocks),
        runs=experiment.counted(revision, with_retracted=with_retracted)
        if not plan.test.is_paired
        else (),
    )
    sample = material.sample(plan)
    has_expired = at_expiry or experiment.expired is not None
    ends_at = _cut_at(plan, sample) if has_expired else None
    rule = rule_of(plan, alpha=primary_alpha(plan), ends_at=ends_at)
    looks = sample.looks(rule)
    positions = material.positions(plan)
    seen = [] if material.runs else [positions[look.used] for look in looks]
    rules = guard_rules(plan, alpha=plan.guardrail_alpha, ends_at=ends_at)
    last = ends_at or plan.max_blocks
    guarded = tuple(
        follow(g, blocks, looks, seen, plan, rules, ends_at=last, is_closed=has_expired)
        for g in plan.guardrails
    )
    signals, goal = _signals(sample, looks, blocks, seen, plan, ends_at)
    is_used_up = bool(looks) and looks[-1].n >= plan.max_blocks
    if any(signal.is_better for signal in signals):
        # the last look of a guardrail that decides now waits for the values that are to come
        is_used_up = is_used_up and not any(guard.is_put_off for guard in guarded)
    has_ended = experiment.state is not State.RUNNING or has_expired
    return Study(
        plan=plan,
        material=material,
        sample=sample,
        rule=rule,
        ends_at=ends_at,
        looks=looks,
        goal=goal,
        guarded=guarded,
        walk=walk(signals, [guard.states for guard in guarded], is_over=is_used_up or has_ended),
    )


def _cut_at(plan: Plan, sample: Sample) -> int | None:
    """The blocks at which expiry cuts the schedule, where the plan spends the rest there.

    With fewer than the first look needs there is none.
    """
    return sample.size if plan.spends_on_expiry and sample.size >= plan.min_blocks else None


def _signals(
    sample: Sample,
    looks: Sequence[Look],
    blocks: Sequence[Block],
    seen: Sequence[int],
    plan: Plan,
    ends_at: int | None,
) -> tuple[tuple[Signal, ...], Guarded | None]:
    """What the primary says at every look; under 'no-regression' it is one more guardrail."""
    if plan.goal is Goal.BETTER:
        return sample.signals(looks), None
    rules = guard_rules(plan, alpha=plan.guardrail_alpha / plan.revisions, ends_at=ends_at)
    goal = follow(
        primary_as_guardrail(plan),
        blocks,
        looks,
        seen,
        plan,
        rules,
        ends_at=ends_at or plan.max_blocks,
        is_closed=True,
    )
    signals = tuple(
        Signal(
            n=look.n,
            is_worse=state is GuardState.HARMED,
            is_better=state is GuardState.OK,
            is_equivalent=False,
            crossed=state is not GuardState.UNRESOLVED,
        )
        for look, state in zip(looks, goal.states, strict=True)
    )
    return signals, goal
