"""What the repository's error budget grants a new plan, and how many blocks it takes for that."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.budget import USUAL_LEVEL, ledger_of_rows
from gitexp.app.level import SMALLEST_LEVEL, reachable
from gitexp.app.receive import arrival_warnings
from gitexp.app.status import every_row
from gitexp.errors import GitexpError, Refused, StaleRef
from gitexp.ledger import Ledger, level_of
from gitexp.model import Goal, Plan, Stopping
from gitexp.store.remote import Unreachable, checked_remote, remote_names
from gitexp.store.store import Store
from gitexp.store.tracking import look, take

MOST_BLOCKS = 1_000_000
_POWER = 0.8


def learn_of_others(store: Store, *, ask: bool) -> tuple[str, ...]:
    """Fetch what the remote has, so that its plans are counted; warnings when that failed.

    Nothing of this clone's own moves, and nothing that comes is judged.
    """
    if not remote_names(store.git):
        return ()
    branch = head_branch(store)
    try:
        remote = checked_remote(store.git, None, branch=refs.short(branch) if branch else None)
        theirs = look(store.git, remote, ask=ask)
        arrived = take(store.git, store.repository, remote, theirs, ask=ask)
    except (Refused, Unreachable, StaleRef) as error:
        return (f"plans of other clones are counted as last fetched: {error.message}",)
    return arrival_warnings(remote, arrived)


def granted(store: Store, plan: Plan, rate: float, *, like: Plan | None, is_sized: bool) -> Plan:
    """The plan at the level that the budget gives it.

    Args:
        like: The plan it was copied from: it keeps that one's power, else that of the usual plan.
        is_sized: Whether the number of blocks was given; else it follows from the level.

    Raises:
        Refused: if nothing is left.
    """
    ledger = ledger_of_rows(every_row(store))
    grant = ledger.offer(q=rate, asked=plan.level)
    level = level_of(grant)
    if level / plan.revisions < SMALLEST_LEVEL:
        raise _nothing_left(ledger, rate)
    if plan.goal is Goal.NO_REGRESSION:
        plan = replace(plan, guardrail_alpha=level, grant=grant)
    else:
        plan = replace(plan, alpha=level, grant=grant)
    return plan if is_sized else reachable(_sized(store, plan, like))


def _nothing_left(ledger: Ledger, rate: float) -> Refused:
    count = len(ledger.lines)
    looser = math.floor(100 * ledger.spent / max(len(ledger.discoveries), 1) + 1.5) / 100
    way_on = f"git config exp.fdr {looser:g}" if looser < 1 else "git config exp.fdr 0.99"
    return Refused(
        f"nothing is left of the error budget: {count} plan{'s' * (count != 1)} took "
        f"{ledger.spent:.2g} at q = {rate:g}",
        hint=f"git exp status shows it; one more found better adds {rate:g}; "
        f"or accept more errors: {way_on}",
        code="budget",
    )


def _sized(store: Store, plan: Plan, like: Plan | None) -> Plan:
    """The plan with the blocks that find its min-effect, else with those that keep its power."""
    from gitexp.policy.sizing import with_max_blocks

    needed = _for_min_effect(store, plan) or _for_same_power(plan, like)
    least = 1 if plan.stopping is Stopping.FIXED else plan.min_blocks
    return with_max_blocks(plan, min(max(needed, least), MOST_BLOCKS))


def _for_min_effect(store: Store, plan: Plan) -> int | None:
    """The blocks that find the smallest effect worth having; None when the noise is not known."""
    # numbers are loaded only once there is a plan to size
    from gitexp.app.known_noise import noise_of_command
    from gitexp.policy.sizing import blocks_for

    if plan.min_effect == 0 or plan.goal is Goal.NO_REGRESSION:
        return None
    try:
        known = noise_of_command(store, plan)
    except GitexpError:
        return None
    if known is None:
        return None
    needed = blocks_for(plan, plan.min_effect, known.sds[plan.primary.name])
    return None if needed is None or needed > MOST_BLOCKS else needed


def _for_same_power(plan: Plan, like: Plan | None) -> int:
    """As many blocks as leave the power what it was at the usual level, or at that of `like`.

    The sample size of a normal mean is proportional to (z_{alpha/2} + z_power)^2.
    """
    from gitexp.policy.rule import primary_alpha

    usual = USUAL_LEVEL if like is None else primary_alpha(like)
    return math.ceil(plan.max_blocks * (_reach(primary_alpha(plan)) / _reach(usual)) ** 2)


def _reach(alpha: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(_POWER) - normal.inv_cdf(alpha / 2)
