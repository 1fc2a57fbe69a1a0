"""How early a plan could decide, however clear its data."""

from __future__ import annotations

import math
from typing import assert_never

from gitexp.model import TestName
from gitexp.policy.rule import Anytime, Rule
from gitexp.stats.always_valid import earliest_always_valid_look


def earliest_look(test: TestName, rule: Rule) -> int | None:
    """Blocks at the first look that could cross; None if none ever could."""
    if isinstance(rule, Anytime):
        by_ranks = test is not TestName.T
        first = earliest_always_valid_look(
            test="signed-rank" if by_ranks else "t", alpha=rule.alpha, max_blocks=rule.max_blocks
        )
        return max(first, rule.min_blocks) if first <= rule.max_blocks else None
    levels = zip(rule.bound.looks, rule.bound.nominal, strict=True)
    return next((n for n, level in levels if level > 0.0 and least_p(test, n) <= level), None)


def least_p(test: TestName, n: int) -> float:
    """The smallest two-sided p that n blocks, or n trials of each arm, can give.

    All blocks pointing one way under ranks and McNemar's test; complete separation of the arms
    under Mann-Whitney's and Boschloo's.
    """
    match test:
        case TestName.SIGNED_RANK | TestName.MCNEMAR:
            return math.ldexp(1.0, 1 - n)
        case TestName.T | TestName.WELCH:
            return 0.0 if n > 1 else 1.0
        case TestName.MANN_WHITNEY:
            return min(1.0, 2.0 / math.comb(2 * n, n)) if n < 500 else 0.0
        case TestName.BOSCHLOO:
            return min(1.0, 2.0 * math.ldexp(1.0, -2 * n))
        case _:
            assert_never(test)
