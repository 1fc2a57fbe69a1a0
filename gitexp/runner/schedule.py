"""Which arm runs first, and with which seed: a pure function of the plan and the block.

`live/draws.py` says how it is drawn.
"""

from __future__ import annotations

from gitexp.live.draws import Draws
from gitexp.model import Arm, PlanHash, Revision, WriterId


def order(
    *, plan: PlanHash, revision: Revision, writer: WriterId, block: int, attempt: int
) -> tuple[Arm, Arm]:
    """The two arms of a block in the order they run.

    Raises:
        ValueError: if block < 0 or attempt < 1, or a field is empty or not one line of ASCII.
    """
    first, second = _draws(plan, revision, writer).order(block, attempt)
    return Arm(first), Arm(second)


def seed(*, plan: PlanHash, revision: Revision, writer: WriterId, block: int, attempt: int) -> int:
    """The seed of both trials of a block, in [0, 2**63).

    Raises:
        ValueError: as `order`.
    """
    return _draws(plan, revision, writer).seed(block, attempt)


def _draws(plan: PlanHash, revision: Revision, writer: WriterId) -> Draws:
    return Draws(
        plan=plan,
        control_tree=revision.control_tree,
        treatment_tree=revision.treatment_tree,
        writer=writer,
    )
