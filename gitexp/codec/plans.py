"""The plan as canonical JSON."""

from __future__ import annotations

import hashlib

from gitexp.codec.fields import Fields, dump, format_time, load_object
from gitexp.model import (
    LARGEST_VALUE,
    Direction,
    Extract,
    Goal,
    Grant,
    Guardrail,
    Metric,
    Plan,
    PlanHash,
    Scale,
    Spending,
    Stopping,
    TestName,
    Watch,
    command_name,
    experiment_id,
    writer_id,
)

PLAN_VERSION = 1


def canonical(plan: Plan) -> str:
    """The plan as one line of canonical JSON: what is registered and hashed."""
    return dump(
        {
            "v": PLAN_VERSION,
            "id": plan.id,
            "name": plan.name,
            "hypothesis": plan.hypothesis,
            "description": plan.description,
            "created": format_time(plan.created),
            "target": plan.target,
            "base": plan.base,
            "decider": plan.decider,
            "primary": _metric(plan.primary),
            "guardrails": [
                {"metric": _metric(g.metric), "margin": g.margin, "relative": g.is_relative}
                for g in plan.guardrails
            ],
            "watches": [{"metric": _metric(w.metric), "floor": w.floor} for w in plan.watches],
            "secondary": [_metric(metric) for metric in plan.secondary],
            "scale": plan.scale,
            "test": plan.test,
            "goal": plan.goal,
            "alpha": plan.alpha,
            "guardrail_alpha": plan.guardrail_alpha,
            "min_effect": plan.min_effect,
            "max_regression": plan.max_regression,
            "stopping": plan.stopping,
            "spending": plan.spending,
            "on_expiry": "spend" if plan.spends_on_expiry else None,
            "min_blocks": plan.min_blocks,
            "max_blocks": plan.max_blocks,
            "max_days": plan.max_days,
            "revisions": plan.revisions,
            "command": plan.command,
            "timeout": plan.timeout_s,
            "warm_up": plan.warm_up,
            "setup": plan.setup,
            "links": plan.links,
            "harness": plan.harness,
            "auto_promote": plan.auto_promote,
            "auto_rollback": plan.auto_rollback,
            "like": plan.like,
            "uses_per_month": plan.uses_per_month,
            **({"windows": True} if plan.windows else {}),
            **({"extract": [_extract(e) for e in plan.extracts]} if plan.extracts else {}),
            **({} if plan.grant is None else {"fdr": _grant(plan.grant)}),
            **({} if plan.command_name is None else {"command_name": plan.command_name}),
        }
    )


def plan_hash(text: str) -> PlanHash:
    """SHA-256 of the canonical JSON, hexadecimal."""
    return PlanHash(hashlib.sha256(text.encode("ascii")).hexdigest())


def parse_plan(text: str) -> Plan:
    """The plan written by `canonical`.

    Raises:
        ValueError: naming the first field that cannot be meant, or a newer version.
    """
    fields = Fields(load_object(text))
    if fields.integer("v", low=1) > PLAN_VERSION:
        raise ValueError("the plan was written by a newer gitexp")
    like = fields.optional_text("like")
    plan = Plan(
        id=experiment_id(fields.text("id")),
        name=fields.text("name"),
        hypothesis=fields.text("hypothesis", limit=65536),
        description=fields.text("description", limit=1_048_576),
        created=fields.time("created"),
        target=_branch(fields),
        base=fields.oid("base"),
        decider=writer_id(fields.text("decider")),
        primary=_parse_metric(fields.mapping("primary")),
        guardrails=tuple(_parse_guardrail(item) for item in fields.items("guardrails")),
        watches=tuple(_parse_watch(item) for item in fields.items("watches")),
        secondary=tuple(_parse_metric(_object(item)) for item in fields.items("secondary")),
        scale=fields.choice("scale", Scale),
        test=fields.choice("test", TestName),
        goal=fields.choice("goal", Goal),
        alpha=_within(fields, "alpha", 0.0, 0.5),
        guardrail_alpha=_within(fields, "guardrail_alpha", 0.0, 0.5),
        min_effect=_size(fields, "min_effect"),
        max_regression=_size(fields, "max_regression"),
        stopping=fields.choice("stopping", Stopping, default=Stopping.GROUP_SEQUENTIAL),
        spending=fields.choice("spending", Spending, default=Spending.OBF),
        spends_on_expiry=_spends_on_expiry(fields),
        min_blocks=fields.integer("min_blocks", low=1),
        max_blocks=fields.integer("max_blocks", low=1, high=1_000_000),
        max_days=_within(fields, "max_days", 0.0, 36500.0),
        revisions=fields.integer("revisions", low=1, high=1000),
        command=fields.optional_text("command", limit=65536),
        timeout_s=_within(fields, "timeout", 0.0, 1e9),
        warm_up=fields.integer("warm_up", high=1000),
        setup=fields.optional_text("setup", limit=65536),
        links=fields.texts("links"),
        harness=fields.texts("harness"),
        auto_promote=fields.flag("auto_promote"),
        auto_rollback=fields.flag("auto_rollback"),
        like=None if like is None else experiment_id(like),
        uses_per_month=_uses(fields),
        grant=_parse_grant(fields.mapping("fdr")) if fields.has("fdr") else None,
        windows=fields.flag("windows") if fields.has("windows") else False,
        extracts=_parse_extracts(fields),
        command_name=_command_name(fields),
    )
    _check_together(plan)
    return plan


def _check_together(plan: Plan) -> None:
    """Nothing, when every analysis of this plan is defined."""
    try:
        _ = plan.expires
    except OverflowError:
        raise ValueError("the plan expires after the end of all calendars") from None
    if plan.min_blocks > plan.max_blocks:
        raise ValueError("min_blocks is more than max_blocks")
    if plan.stopping is Stopping.FIXED and plan.min_blocks != plan.max_blocks:
        raise ValueError("a fixed plan looks once: min_blocks is not max_blocks")
    if plan.stopping is Stopping.ALWAYS_VALID and plan.spends_on_expiry:
        raise ValueError("an always-valid plan has nothing to spend on expiry")
    if plan.stopping is Stopping.ALWAYS_VALID and not plan.test.is_of_differences:
        raise ValueError(f"there is no always-valid rule for the test {plan.test}")
    if plan.guardrail_alpha == 0.5:
        raise ValueError("guardrail_alpha is not below 0.5")
    if plan.scale is Scale.LOG and max(plan.min_effect, plan.max_regression) >= 1:
        raise ValueError("min_effect or max_regression is not below 1 on the log scale")
    for guardrail in plan.guardrails:
        is_higher = guardrail.metric.direction is Direction.HIGHER
        if guardrail.is_relative and is_higher and guardrail.margin >= 1:
            raise ValueError(f"{guardrail.metric.name!r} cannot fall by its guardrail's margin")
        if guardrail.is_relative and guardrail.metric.unit == "bool":
            raise ValueError(f"the guardrail on {guardrail.metric.name!r}, a rate, is relative")
    is_no_regression = plan.goal is Goal.NO_REGRESSION
    if is_no_regression and plan.max_regression == 0:
        raise ValueError("the goal 'no-regression' has no margin")
    if not plan.test.is_paired and (plan.guardrails or is_no_regression):
        raise ValueError(f"guardrails are tested block by block, which {plan.test!r} has not")
    if plan.windows and not plan.test.is_of_means:
        raise ValueError(f"the test {plan.test!r} takes no windows")
    if plan.test.is_of_rates and (plan.primary.unit != "bool" or plan.scale is Scale.LOG):
        raise ValueError(f"the test {plan.test!r} is of differences of yes-or-no metrics")


def _extract(extract: Extract) -> dict[str, object]:
    return {
        "metric": extract.metric,
        "format": extract.format,
        "file": extract.file,
        "select": extract.select,
    }


def _parse_extracts(fields: Fields) -> tuple[Extract, ...]:
    return tuple(_parse_extract(item) for item in fields.items("extract"))


def _parse_extract(item: object) -> Extract:
    fields = Fields(_object(item))
    # a format of a newer program is no reason not to analyse what was recorded: run refuses it
    return Extract(
        metric=fields.text("metric", limit=200),
        format=fields.text("format", limit=50),
        file=fields.optional_text("file"),
        select=fields.text("select"),
    )


def _grant(grant: Grant) -> dict[str, object]:
    return {
        "q": grant.q,
        "index": grant.index,
        "asked": grant.asked,
        "spent": grant.spent,
        "discoveries": grant.discoveries,
    }


def _parse_grant(values: dict[str, object]) -> Grant:
    fields = Fields(values)
    q, spent = fields.number("q"), fields.number("spent")
    if not 0 < q < 1:
        raise ValueError("field 'q' is not between 0 and 1")
    if not 0 <= spent <= LARGEST_VALUE:
        raise ValueError(f"field 'spent' is not a number from 0 to {LARGEST_VALUE:g}")
    return Grant(
        q=q,
        index=fields.integer("index", low=1),
        asked=_within(fields, "asked", 0.0, 0.5),
        spent=spent,
        discoveries=tuple(
            Fields({"discoveries": item}).integer("discoveries", low=1)
            for item in fields.items("discoveries")
        ),
    )


def _metric(metric: Metric) -> dict[str, object]:
    return {"name": metric.name, "direction": metric.direction, "unit": metric.unit}


def _parse_metric(values: dict[str, object]) -> Metric:
    fields = Fields(values)
    return Metric(
        name=fields.text("name", limit=200),
        direction=fields.choice("direction", Direction),
        unit=fields.optional_text("unit", limit=50),
    )


def _parse_guardrail(item: object) -> Guardrail:
    fields = Fields(_object(item))
    return Guardrail(
        metric=_parse_metric(fields.mapping("metric")),
        margin=_within(fields, "margin", 0.0, LARGEST_VALUE),
        is_relative=fields.flag("relative"),
    )


def _parse_watch(item: object) -> Watch:
    fields = Fields(_object(item))
    floor = fields.optional_number("floor")
    if floor is not None and abs(floor) > LARGEST_VALUE:
        raise ValueError(f"field 'floor' is beyond {LARGEST_VALUE:g}")
    return Watch(metric=_parse_metric(fields.mapping("metric")), floor=floor)


def _object(item: object) -> dict[str, object]:
    if not isinstance(item, dict):
        raise ValueError(f"{item!r} stands where an object is expected")
    return item


def _spends_on_expiry(fields: Fields) -> bool:
    said = fields.optional_text("on_expiry")
    if said not in (None, "spend"):
        raise ValueError(f"field 'on_expiry' is {said!r}, not 'spend'")
    return said is not None


def _uses(fields: Fields) -> float | None:
    return _within(fields, "uses_per_month", 0.0, 1e15) if fields.has("uses_per_month") else None


def _command_name(fields: Fields) -> str | None:
    name = fields.optional_text("command_name", limit=64) if fields.has("command_name") else None
    return None if name is None else command_name(name)


def _branch(fields: Fields) -> str:
    name = fields.text("target", limit=1024)
    if not name.startswith("refs/heads/") or any(c <= " " or c in "~^:?*[\\\x7f" for c in name):
        raise ValueError("field 'target' is not the full name of a branch")
    return name


def _within(fields: Fields, name: str, low: float, high: float) -> float:
    value = fields.number(name)
    if not low < value <= high:
        raise ValueError(f"field {name!r} is not above {low} and at most {high}")
    return value


def _size(fields: Fields, name: str) -> float:
    value = fields.number(name)
    if not 0 <= value <= LARGEST_VALUE:
        raise ValueError(f"field {name!r} is not a size from 0 to {LARGEST_VALUE:g}")
    return value
