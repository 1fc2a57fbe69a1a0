"""What is registered, and what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gitexp.model.words import (
    Arm,
    ExperimentId,
    Goal,
    Metric,
    Oid,
    Scale,
    Spending,
    Stopping,
    TestName,
    WriterId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by more than a margin.

    Attributes:
        margin: How much worse is still accepted, positive: a fraction when relative, else in
            the metric's unit (for `failures` and other rates a fraction: 5pp is 0.05).
        is_relative: Whether the margin is a fraction of the control.
    """

    metric: Metric
    margin: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A metric that is shown and, with a floor, raises an alert; it never decides.

    Attributes:
        floor: The worst value that is still accepted, in the metric's unit; None: no limit.
    """

    metric: Metric
    floor: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Where a metric is read from when the command does not report it itself.

    Attributes:
        metric: Name of a metric of the plan.
        format: 'regex', 'json', 'csv', 'size' or the name of a result format.
        file: Path below the checkout; None: standard output.
        select: The pattern, the path in a document, the column or the result; '' where there is
            nothing to choose.
    """

    metric: str
    format: str
    file: str | None
    select: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the level of a plan was granted from: the repository's error budget, as known then.

    Attributes:
        q: The false discovery rate to keep.
        index: Which plan of the repository this was, from 1.
        asked: The level that was asked for.
        spent: The levels of all plans before it together.
        discoveries: For each of those found better by then, how many plans there were when that
            was recorded.
    """

    q: float
    index: int
    asked: float
    spent: float
    discoveries: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The registration: everything the decision depends on, fixed before the first trial.

    Attributes:
        target: Full name of the branch that would take the change.
        base: Commit the branch was started from.
        decider: The writer whose records admit blocks and decide.
        min_effect: Smallest effect worth having, >= 0: a fraction on the log scale, else in
            metric units.
        max_regression: Margin of the goal 'no-regression', same unit as min_effect.
        spends_on_expiry: Whether the last look before expiry spends what is left of the error
            rate; the price is that only counts are shown until then.
        secondary: Metrics that are tested beside the primary one and never decide.
        uses_per_month: How often what is measured is used; None when nobody said.
        timeout_s: Limit of one trial.
        warm_up: Blocks run and recorded, but not counted, at the start of each `run`.
        links: Paths linked from the user's checkout into both arms.
        harness: Paths taken from control in both arms.
        like: The experiment this plan was copied from.
        windows: Whether every trial is a window of many uses, in live use.
        extracts: Where metrics are read from, in the order given; one for each metric at most.
        grant: Where its level comes from when the repository keeps an error budget.
        command_name: What the command of real use is called whose uses are trials of this one.
    """

    id: ExperimentId
    name: str
    hypothesis: str
    description: str
    created: datetime
    target: str
    base: Oid
    decider: WriterId
    primary: Metric
    guardrails: tuple[Guardrail, ...]
    watches: tuple[Watch, ...]
    secondary: tuple[Metric, ...]
    scale: Scale
    test: TestName
    goal: Goal
    alpha: float
    guardrail_alpha: float
    min_effect: float
    max_regression: float
    stopping: Stopping
    spending: Spending
    spends_on_expiry: bool
    min_blocks: int
    max_blocks: int
    max_days: float
    revisions: int
    command: str | None
    timeout_s: float
    warm_up: int
    setup: str | None
    links: tuple[str, ...]
    harness: tuple[str, ...]
    auto_promote: bool
    auto_rollback: bool
    like: ExperimentId | None
    uses_per_month: float | None
    grant: Grant | None
    windows: bool = False
    extracts: tuple[Extract, ...] = ()
    command_name: str | None = None

    @property
    def level(self) -> float:
        """What it takes of an error budget: no more often is it found better by chance alone.

        Two-sided, so twice as much as it needs; one-sided under 'no-regression'.
        """
        return self.guardrail_alpha if self.goal is Goal.NO_REGRESSION else self.alpha

    @property
    def false_better(self) -> float:
        """The largest probability with which it is found better by chance alone."""
        return self.guardrail_alpha if self.goal is Goal.NO_REGRESSION else self.alpha / 2

    @property
    def expires(self) -> datetime:
        """Blocks finished after this moment are not used."""
        return self.created + timedelta(days=self.max_days)

    @property
    def declared(self) -> tuple[Metric, ...]:
        """The primary metric, then those of guardrails, watches and secondary ones."""
        guarded = (g.metric for g in self.guardrails)
        return (self.primary, *guarded, *(w.metric for w in self.watches), *self.secondary)


class Revision(NamedTuple):
    """The pair of trees that is compared, the harness applied.

    A tuple, for every record is compared by it and looked up with it.
    """

    control_tree: Oid
    treatment_tree: Oid

    @property
    def is_self(self) -> bool:
        """Whether the control is compared with itself: what differs then is noise."""
        return self.control_tree == self.treatment_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTip:
    """What one arm runs now: its commit, and its tree with the harness applied."""

    commit: Oid
    tree: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The two arms as the branches stand now."""

    control: ArmTip
    treatment: ArmTip

    @property
    def revision(self) -> Revision:
        return Revision(self.control.tree, self.treatment.tree)

    @property
    def of_control(self) -> Comparison:
        """The control compared with itself."""
        return Comparison(control=self.control, treatment=self.control)

    def arm(self, arm: Arm) -> ArmTip:
        return self.control if arm is Arm.CONTROL else self.treatment
