"""The plan's stopping rule: when it looks, and what a look must show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.model import Goal, Plan, Stopping
from gitexp.stats.boundaries import Boundary, boundary
from gitexp.stats.guardrails import guardrail_levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Looks at numbers of blocks fixed beforehand, each at a level of its own."""

    bound: Boundary

    @property
    def alpha(self) -> float:
        """Two-sided error rate of all looks together."""
        return self.bound.alpha

    @property
    def looks(self) -> Sequence[int]:
        return self.bound.looks

    def nominal(self, n: int) -> float:
        """Two-sided level of the look at n blocks."""
        return self.bound.nominal[self.bound.looks.index(n)]

    def critical(self, n: int) -> float | None:
        """|z| that the look at n blocks must reach."""
        return self.bound.critical[self.bound.looks.index(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anytime:
    """A look after every block, all at one level: the evidence itself pays for them.

    Attributes:
        alpha: Two-sided.
        max_blocks: What the rule is tuned for, and where a run ends.
    """

    alpha: float
    min_blocks: int
    max_blocks: int

    @property
    def looks(self) -> Sequence[int]:
        return range(self.min_blocks, self.max_blocks + 1)

    def nominal(self, n: int) -> float:  # noqa: ARG002
        return self.alpha

    def critical(self, n: int) -> float | None:  # noqa: ARG002
        return None


Rule = Scheduled | Anytime


def level_at(rule: Rule, n: int) -> float:
    """Two-sided level of the look at n blocks; 0 for none."""
    return rule.nominal(n) if n else 0.0


def boundary_of(rule: Rule) -> Boundary:
    """The schedule of a rule that has one: plans of some tests have no other."""
    assert isinstance(rule, Scheduled), "refused when the plan was registered, and when it is read"
    return rule.bound


def rule_of(plan: Plan, *, alpha: float, ends_at: int | None = None) -> Rule:
    """The plan's rule with this two-sided error rate.

    Args:
        ends_at: Blocks at which the schedule was cut; the look there spends what is left.
    """
    if plan.stopping is Stopping.ALWAYS_VALID:
        return Anytime(alpha=alpha, min_blocks=plan.min_blocks, max_blocks=plan.max_blocks)
    return Scheduled(
        bound=boundary(
            alpha=alpha,
            max_blocks=plan.max_blocks,
            min_blocks=plan.min_blocks,
            spending=plan.spending.value,
            ends_at=ends_at,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """The two one-sided rules of one guardrail among several.

    Attributes:
        alpha_ok: One-sided; an error must not pass.
        alpha_harmed: The same shared by all guardrails: more of them must not stop more sound
            treatments.
        ok, harmed: Two-sided rules at twice these rates, of which one half each is used.
    """

    alpha_ok: float
    alpha_harmed: float
    ok: Rule
    harmed: Rule
    max_blocks: int

    @property
    def is_any_time(self) -> bool:
        return isinstance(self.ok, Anytime)


def guard_rules(plan: Plan, *, alpha: float, ends_at: int | None = None) -> GuardRules:
    """The rules of each of the plan's guardrails, `alpha` one-sided."""
    count = max(len(plan.guardrails) + (plan.goal is Goal.NO_REGRESSION), 1)
    ok: Rule
    harmed: Rule
    if plan.stopping is Stopping.ALWAYS_VALID:
        ok, harmed = rule_of(plan, alpha=2 * alpha), rule_of(plan, alpha=2 * alpha / count)
    else:
        levels = guardrail_levels(
            alpha=alpha,
            guardrails=count,
            max_blocks=plan.max_blocks,
            min_blocks=plan.min_blocks,
            spending=plan.spending.value,
            ends_at=ends_at,
        )
        ok, harmed = Scheduled(bound=levels.ok), Scheduled(bound=levels.harmed)
    return GuardRules(
        alpha_ok=alpha,
        alpha_harmed=alpha / count,
        max_blocks=plan.max_blocks,
        ok=ok,
        harmed=harmed,
    )


def primary_alpha(plan: Plan) -> float:
    """Two-sided error rate of one revision; under 'no-regression' twice the one-sided one."""
    if plan.goal is Goal.NO_REGRESSION:
        return 2 * plan.guardrail_alpha / plan.revisions
    return plan.alpha / plan.revisions
