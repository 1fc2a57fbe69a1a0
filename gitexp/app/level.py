"""Whether a plan can decide at all, and how early."""

from __future__ import annotations

from dataclasses import replace

from gitexp.errors import Refused
from gitexp.model import Plan, Stopping

SMALLEST_LEVEL = 1e-14
"""Smaller ones are lost in the rounding of the boundary."""


def earliest_decision(plan: Plan) -> int | None:
    """The first block after which the plan could decide, however clear the data; None: never."""
    return _earliest(plan, plan.min_blocks, plan.max_blocks)


def refuse_unreachable(plan: Plan) -> None:
    """Nothing, for a plan that can reach its own level.

    Raises:
        Refused: else, with the number of blocks that would do.
    """
    if earliest_decision(plan) is not None:
        return
    from gitexp.policy.rule import primary_alpha

    if primary_alpha(plan) < SMALLEST_LEVEL:
        raise Refused(
            f"no number of blocks reaches a level of {primary_alpha(plan):g}",
            hint="--alpha 0.001 is strict already; 0.05 is usual",
            code="too-few-blocks",
        )
    raise Refused(
        f"{plan.max_blocks} blocks can never reach the level {primary_alpha(plan):g}, "
        "however clear the result",
        hint=f"--max-blocks {reachable(plan).max_blocks} would do",
        code="too-few-blocks",
    )


def reachable(plan: Plan) -> Plan:
    """The plan with as many more blocks as its level takes; one above the smallest."""
    is_fixed = plan.stopping is Stopping.FIXED
    most = plan.max_blocks
    while True:
        least = most if is_fixed else min(plan.min_blocks, most)
        if _earliest(plan, least, most) is not None:
            return replace(plan, min_blocks=least, max_blocks=most)
        most += 1


def _earliest(plan: Plan, min_blocks: int, max_blocks: int) -> int | None:
    # numpy, which a plan that is refused for less need not wait for
    from gitexp.policy.reach import earliest_look
    from gitexp.policy.rule import primary_alpha, rule_of

    sized = replace(plan, min_blocks=min_blocks, max_blocks=max_blocks)
    return earliest_look(plan.test, rule_of(sized, alpha=primary_alpha(plan)))
