"""One replay of a revision: the data, all its looks, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.blocks import Block
from gitexp.lifecycle import Experiment
from gitexp.model import Goal, GuardState, Plan, Revision, State, TestName
from gitexp.policy.guard import Guarded, follow, levels_of, primary_as_guardrail
from gitexp.policy.measure import PairedSample, Sample, UnpairedSample
from gitexp.policy.walk import Signal, Walk, walk
from gitexp.stats.boundaries import Boundary, boundary
from gitexp.stats.replay import Look


@dataclass(frozen=True, slots=True)
class Study:
    """One replay: the data, its looks, and how they ended."""

    plan: Plan
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
    sample: Sample
    if plan.test is TestName.WELCH:
        sample = UnpairedSample.of(
            plan, experiment.counted(revision, with_retracted=with_retracted)
        )
        positions: list[int] = []
    else:
        sample = PairedSample.of(plan, blocks)
        positions = _positions(blocks, plan)
    bound = _boundary(plan)
    looks = sample.looks(bound)
    seen = [positions[look.used] for look in looks] if positions else []
    levels = levels_of(plan, alpha=plan.guardrail_alpha)
    guarded = tuple(follow(g, blocks, looks, seen, plan, levels) for g in plan.guardrails)
    signals, goal = _signals(sample, looks, blocks, seen, plan)
    is_used_up = bool(looks) and looks[-1].n >= plan.max_blocks
    has_ended = experiment.state is not State.RUNNING or experiment.expired is not None
    return Study(
        plan=plan,
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


def _positions(blocks: Sequence[Block], plan: Plan) -> list[int]:
    """Entry k: how many blocks there are up to and with the k-th that tells of the primary."""
    positions = [0]
    positions += [i for i, block in enumerate(blocks, 1) if block.has_value(plan.primary)]
    return positions


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
