"""What tests and effect sizes besides the registered one say; they decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """A way to compare the arms; of those a plan can register the name is the same."""

    SIGNED_RANK = "signed-rank"
    T = "t"
    SIGN_FLIP = "sign-flip"
    WELCH = "welch"
    MANN_WHITNEY = "mann-whitney"
    PERMUTATION = "permutation"
    RATIO = "ratio-of-means"
    EQUIVALENCE = "equivalence"
    MCNEMAR = "mcnemar"
    BOSCHLOO = "boschloo"
    FISHER = "fisher"
    NEWCOMBE = "newcombe"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTest:
    """What one method says of the values the primary result is of, in one look.

    Attributes:
        estimate, interval: In the units of the primary result; None where the method gives none
            or nothing can be estimated. Unbounded ends are infinite.
        n: Blocks that entered, or trials of both arms.
        left_out: Blocks or trials that could not enter, because an arm failed.
        ignores_pairs: Whether it takes values that were measured in blocks for independent ones.
        is_registered: Whether it is the plan's own test: the only one that decides.
    """

    method: Method
    estimate: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    n: int
    left_out: int
    ignores_pairs: bool
    is_registered: bool
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSize:
    """A standardized effect with its noncentral-t interval.

    Attributes:
        name: 'cohens_d', 'hedges_g' or 'd_z'.
        value: Treatment minus control in standard deviations; None without spread.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Other tests and effect sizes over the blocks the primary result is of; they decide nothing.

    Attributes:
        level: Of their intervals, for one look at these blocks: not adjusted for looks.
        used: As of the primary result.
    """

    level: float
    used: int
    tests: tuple[OtherTest, ...]
    effect_sizes: tuple[EffectSize, ...]
