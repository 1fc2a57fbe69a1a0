"""From what was typed and configured to a plan, or to one refusal that names all that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from gitexp.app.budget import USUAL_LEVEL
from gitexp.app.option_reader import (
    OptionReader,
    fraction,
    positive,
    size_reader,
    uses,
    whole,
    yes_or_no,
)
from gitexp.app.plan_checks import check_together
from gitexp.app.settings import Settings
from gitexp.errors import UsageError
from gitexp.model import (
    BUILT_IN_METRICS,
    ExperimentId,
    Goal,
    Oid,
    Plan,
    Scale,
    Spending,
    Stopping,
    TestName,
    WriterId,
    command_name,
)
from gitexp.notation import (
    default_scale,
    parse_duration,
    parse_extract,
    parse_guardrail,
    parse_metric,
    parse_watch,
)

T = TypeVar("T")

DEFAULT_MAX_BLOCKS = 20
DEFAULT_MIN_BLOCKS = 10
COMMANDS = ("run", "setup")
"""Not for a file that came with a clone to say."""
NEVER_CONFIGURED = ("hypothesis", "description", "windows", "command", "origins")
HIGH_RISK_ALPHA = 0.01
HIGH_RISK_GUARDRAIL_ALPHA = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of `create` as typed; None and () mean: not given.

    Attributes:
        origins: Where options come from that were not typed.
    """

    hypothesis: str | None = None
    description: str | None = None
    metric: str | None = None
    guardrail: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    scale: str | None = None
    min_effect: str | None = None
    max_regression: str | None = None
    goal: str | None = None
    alpha: str | None = None
    risk: str | None = None
    max_blocks: str | None = None
    min_blocks: str | None = None
    stopping: str | None = None
    spending: str | None = None
    on_expiry: str | None = None
    max_days: str | None = None
    test: str | None = None
    revisions: str | None = None
    run: str | None = None
    timeout: str | None = None
    warm_up: str | None = None
    setup: str | None = None
    link: tuple[str, ...] = ()
    harness: tuple[str, ...] = ()
    auto_promote: bool | str | None = None
    auto_rollback: bool | str | None = None
    uses_per_month: str | None = None
    windows: bool | None = None
    extract: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None

    def configured(self, settings: Settings) -> PlanOptions:
        """The same, with what was not typed taken from the configuration."""
        found: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for one in fields(self):
            name, typed = one.name.replace("_", "-"), getattr(self, one.name)
            if one.name in NEVER_CONFIGURED or typed not in (None, ()):
                continue
            is_command = one.name in COMMANDS
            if isinstance(typed, tuple):
                found[one.name] = settings.values(name, typed)
            else:
                found[one.name] = settings.value(name, None, is_local=is_command)
            origin = settings.origin(name, is_local=is_command)
            if origin is not None:
                origins[name] = origin
        # one name of the level typed: the configured other one gives way, as to its own option
        if self.risk is not None:
            found["alpha"] = self.alpha
        elif self.alpha is not None:
            found["risk"] = None
        return replace(self, **found, origins=origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a plan holds besides its options."""

    id: ExperimentId
    name: str
    created: datetime
    target: str
    base: Oid
    decider: WriterId


def build_plan(options: PlanOptions, registration: Registration, *, like: Plan | None) -> Plan:
    """The plan these options register.

    Args:
        like: A plan whose values stand in for options not given.

    Raises:
        UsageError: naming everything that is missing or cannot be meant, at once.
    """
    reader = OptionReader()
    hypothesis = (options.hypothesis or (like.hypothesis if like else "")).strip()
    reader.refuse_unless(bool(hypothesis), "--hypothesis: what do you expect, and by how much?")
    reader.refuse_unless(options.run is None or bool(options.run.strip()), "--run: says no command")
    primary = reader.read(
        "metric", options.metric, parse_metric, like.primary if like else BUILT_IN_METRICS["time"]
    )
    keeps_metric = like is not None and primary == like.primary
    scale = reader.read(
        "scale",
        options.scale,
        Scale,
        like.scale if like and keeps_metric else default_scale(primary),
    )
    goal = reader.read("goal", options.goal, Goal, like.goal if like else Goal.BETTER)
    stopping = reader.read(
        "stopping",
        options.stopping,
        Stopping,
        like.stopping if like else Stopping.GROUP_SEQUENTIAL,
    )
    # a share means the same for every metric, a number of its units does not
    keeps_size = like is not None and scale is like.scale and (keeps_metric or scale is Scale.LOG)
    size = size_reader(primary, scale)
    windows = bool(options.windows or (like is not None and like.windows))
    keeps_test = like is not None and keeps_metric and like.windows is windows
    plan = Plan(
        id=registration.id,
        name=registration.name,
        hypothesis=hypothesis,
        description=options.description or (like.description if like else ""),
        created=registration.created,
        target=registration.target,
        base=registration.base,
        decider=registration.decider,
        primary=primary,
        guardrails=_metrics(
            reader, "guardrail", options.guardrail, parse_guardrail, like.guardrails if like else ()
        ),
        watches=_metrics(reader, "watch", options.watch, parse_watch, like.watches if like else ()),
        secondary=_metrics(
            reader, "secondary", options.secondary, parse_metric, like.secondary if like else ()
        ),
        scale=scale,
        test=reader.read(
            "test",
            options.test,
            TestName,
            like.test if like and keeps_test else _default_test(scale, windows=windows),
        ),
        goal=goal,
        alpha=_alpha(reader, options, like),
        guardrail_alpha=_guardrail_alpha(options, like),
        min_effect=reader.read(
            "min-effect",
            options.min_effect,
            size,
            like.min_effect if like and keeps_size and goal is Goal.BETTER else 0.0,
        ),
        max_regression=reader.read(
            "max-regression",
            options.max_regression,
            size,
            like.max_regression if like and keeps_size else _default_regression(scale),
        ),
        stopping=stopping,
        spending=reader.read(
            "spending", options.spending, Spending, like.spending if like else Spending.OBF
        ),
        spends_on_expiry=_spends_on_expiry(reader, options, like),
        **_blocks(reader, options, like, is_fixed=stopping is Stopping.FIXED),
        max_days=reader.read(
            "max-days", options.max_days, positive, like.max_days if like else 14.0
        ),
        revisions=reader.read(
            "revisions", options.revisions, whole(1, 1000), like.revisions if like else 1
        ),
        command=options.run or (like.command if like else None),
        timeout_s=reader.read(
            "timeout", options.timeout, parse_duration, like.timeout_s if like else 600.0
        ),
        warm_up=reader.read(
            "warm-up", options.warm_up, whole(0, 1000), like.warm_up if like else 1
        ),
        setup=options.setup or (like.setup if like else None),
        links=options.link or (like.links if like else ()),
        harness=options.harness or (like.harness if like else ()),
        auto_promote=_flag(
            reader, "auto-promote", options.auto_promote, like.auto_promote if like else True
        ),
        auto_rollback=_flag(
            reader, "auto-rollback", options.auto_rollback, like.auto_rollback if like else True
        ),
        like=like.id if like else None,
        uses_per_month=reader.read(
            "uses-per-month", options.uses_per_month, uses, like.uses_per_month if like else None
        ),
        grant=None,
        windows=windows,
        extracts=_metrics(reader, "extract", options.extract, parse_extract, ()),
        command_name=reader.read(
            "command", options.command, command_name, like.command_name if like else None
        ),
    )
    if like is not None and not options.extract:
        names = {metric.name for metric in plan.declared}
        plan = replace(plan, extracts=tuple(e for e in like.extracts if e.metric in names))
    check_together(reader, plan)
    _refuse(reader.complaints, options.origins)
    return plan


def _refuse(complaints: list[str], origins: Mapping[str, str]) -> None:
    if complaints:
        complaints = [_by_origin(complaint, origins) for complaint in complaints]
        raise UsageError(
            "this plan cannot be registered: " + "; ".join(complaints),
            hint="git exp create NAME --hypothesis '…' --run 'CMD'; see also -h"
            if any(complaint.startswith("--hypothesis:") for complaint in complaints)
            else "see 'git exp create -h'",
        )


def _by_origin(complaint: str, origins: Mapping[str, str]) -> str:
    """A complaint of an option that nobody typed, by the place where it stands."""
    option, colon, rest = complaint.partition(":")
    origin = origins.get(option.removeprefix("--"))
    return complaint if origin is None else f"{origin}{colon}{rest}"


def _metrics(
    reader: OptionReader,
    option: str,
    texts: tuple[str, ...],
    parse: Callable[[str], T],
    default: tuple[T, ...],
) -> tuple[T, ...]:
    """The values of an option that may be given several times."""
    found = [reader.read(option, text, parse, None) for text in texts]
    return tuple(value for value in found if value is not None) if texts else default


def _alpha(reader: OptionReader, options: PlanOptions, like: Plan | None) -> float:
    default = _asked(like).alpha if like else USUAL_LEVEL
    if options.risk is not None:
        reader.refuse_unless(options.risk == "high", f"--risk: {options.risk!r} is not 'high'")
        reader.refuse_unless(
            options.alpha is None, f"--risk: means alpha {HIGH_RISK_ALPHA:g}; leave out one of both"
        )
        default = HIGH_RISK_ALPHA
    alpha = reader.read("alpha", options.alpha, fraction, default)
    reader.refuse_unless(0 < alpha < 0.5, f"--alpha: {alpha:g} is not between 0 and 0.5")
    return alpha


def _guardrail_alpha(options: PlanOptions, like: Plan | None) -> float:
    if options.risk is not None:
        return HIGH_RISK_GUARDRAIL_ALPHA
    return _asked(like).guardrail_alpha if like else 0.05


def _asked(like: Plan) -> Plan:
    """The plan at the level it asked for: what it was granted is no concern of another one."""
    if like.grant is None:
        return like
    if like.goal is Goal.NO_REGRESSION:
        return replace(like, guardrail_alpha=like.grant.asked)
    return replace(like, alpha=like.grant.asked)


def _default_test(scale: Scale, *, windows: bool) -> TestName:
    return TestName.SIGNED_RANK if scale is Scale.LOG and not windows else TestName.T


def _default_regression(scale: Scale) -> float:
    # 10 % of a ratio; no number of points would mean the same for every score
    return 0.1 if scale is Scale.LOG else 0.0


def _spends_on_expiry(reader: OptionReader, options: PlanOptions, like: Plan | None) -> bool:
    said = options.on_expiry
    reader.refuse_unless(said in (None, "spend"), f"--on-expiry: {said!r} is not 'spend'")
    return said == "spend" or (said is None and like is not None and like.spends_on_expiry)


def _blocks(
    reader: OptionReader, options: PlanOptions, like: Plan | None, *, is_fixed: bool
) -> dict[str, int]:
    most = reader.read(
        "max-blocks",
        options.max_blocks,
        whole(1, 1_000_000),
        like.max_blocks if like else DEFAULT_MAX_BLOCKS,
    )
    if is_fixed:
        reader.refuse_unless(
            options.min_blocks is None, "--min-blocks: a fixed plan looks once, at --max-blocks"
        )
        return {"min_blocks": most, "max_blocks": most}
    keeps = like is not None and options.max_blocks is None and like.stopping is not Stopping.FIXED
    default = like.min_blocks if like and keeps else min(DEFAULT_MIN_BLOCKS, most)
    least = reader.read("min-blocks", options.min_blocks, whole(1, 1_000_000), default)
    reader.refuse_unless(
        least <= most,
        f"--min-blocks: {least} is more than --max-blocks {most}; --max-blocks {least} would do",
    )
    return {"min_blocks": min(least, most), "max_blocks": most}


def _flag(reader: OptionReader, option: str, given: bool | str | None, default: bool) -> bool:
    return given if isinstance(given, bool) else reader.read(option, given, yes_or_no, default)
