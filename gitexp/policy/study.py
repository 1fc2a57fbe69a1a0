"""One replay of a revision: the data, all its looks, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import Block
from gitexp.lifecycle import Experiment
from gitexp.model import Goal, GuardState, Plan, Revision, State, TestName
from gitexp.policy.guard import Guarded, follow, levels_of, primary_as_guardrail
from gitexp.policy.material import Material
from gitexp.policy.measure import Sample
from gitexp.policy.walk import Signal, Walk, walk
from gitexp.stats.boundaries import Boundary, boundary
from gitexp.stats.looks import Look


@dataclass(frozen=True, slots=True)
class Study:
    """One replay: the data, its looks, and how they ended."""

    plan: Plan
    material: Material
    sample: Sample
    bound: Boundary
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
) -> Study:
    """The replay of these blocks, or for a test without blocks of all counted trials.

    Args:
        with_retracted: Whether the latter are to include retracted ones.
    """
    plan = experiment.plan
    material = Material(
        blocks=tuple(blocks),
        runs=experiment.counted(revision, with_retracted=with_retracted)
        if plan.test is TestName.WELCH
        else (),
    )
    sample = material.sample(plan)
    bound = _boundary(plan)
    looks = sample.looks(bound)
    positions = material.positions(plan)
    seen = [] if material.runs else [positions[look.used] for look in looks]
    levels = levels_of(plan, alpha=plan.guardrail_alpha)
    guarded = tuple(follow(g, blocks, looks, seen, plan, levels) for g in plan.guardrails)
    signals, goal = _signals(sample, looks, blocks, seen, plan)
    is_used_up = bool(looks) and looks[-1].n >= plan.max_blocks
    has_ended = experiment.state is not State.RUNNING or experiment.expired is not None
    return Study(
        plan=plan,
        material=material,
        sample=sample,
        bound=bound,
        looks=looks,
        goal=goal,
        guarded=guarded,
        walk=walk(signals, [guard.states for guard in guarded], is_over=is_used_up or has_ended),
    )


def _boundary(plan: Plan) -> Boundary:
    return boundary(
        alpha=primary_alpha(plan), max_blocks=plan.max_blocks, min_blocks=plan.min_blocks
    )


def primary_alpha(plan: Plan) -> float:
    """Two-sided error rate of one revision; under 'no-regression' twice the one-sided one."""
    if plan.goal is Goal.NO_REGRESSION:
        return 2 * plan.guardrail_alpha / plan.revisions
    return plan.alpha / plan.revisions


def _signals(
    sample: Sample,
    looks: Sequence[Look],
    blocks: Sequence[Block],
    seen: Sequence[int],
    plan: Plan,
) -> tuple[tuple[Signal, ...], Guarded | None]:
    """What the primary says at every look; under 'no-regression' it is one more guardrail."""
    if plan.goal is Goal.BETTER:
        return sample.signals(looks), None
    levels = levels_of(plan, alpha=plan.guardrail_alpha / plan.revisions)
    goal = follow(primary_as_guardrail(plan), blocks, looks, seen, plan, levels)
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
