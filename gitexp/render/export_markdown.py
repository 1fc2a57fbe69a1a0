"""An experiment as a summary for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitexp.app.export import Exported, ExportView
from gitexp.app.views import AnalysisView
from gitexp.decision import Analysis, GuardrailResult, PrimaryResult
from gitexp.health import HealthState
from gitexp.model import Metric, Scale
from gitexp.refs import short
from gitexp.render import numbers, words
from gitexp.render.sentences import verdict_sentence
from gitexp.render.text import clean

_MARKUP = re.compile(r"([\\`*_\[\]<>#!|~&])")


def markdown_lines(view: ExportView) -> Iterator[str]:
    """A heading, the verdict, a table of the metrics and what they rest on, for each."""
    for number, exported in enumerate(view.experiments):
        yield "\n" if number else ""
        yield from (f"{line}\n" for line in _experiment(exported))


def _experiment(exported: Exported) -> Iterator[str]:
    experiment, view = exported.experiment, exported.analysis
    plan = experiment.plan
    if view is None:
        yield f"### {_code(f'exp/{experiment.id}')}: {experiment.state}"
        yield ""
        yield "Nothing can be compared: its branch is gone, and no trial was recorded."
        return
    analysis = view.analysis
    yield f"### {_code(f'exp/{experiment.id}')}: {analysis.verdict}"
    yield ""
    yield f"> {_text(plan.hypothesis)}"
    yield ""
    yield f"{_text(verdict_sentence(view))}."
    yield ""
    yield "| metric | role | control | treatment | change | interval or bound |"
    yield "|---|---|---:|---:|---:|---|"
    yield _primary(analysis.primary, "primary")
    for guard in analysis.guardrails:
        yield _guardrail(guard)
    for found in analysis.secondary:
        yield _primary(found.result, "secondary")
    yield ""
    for kind, checks in (("alert", analysis.alerts), ("health", analysis.health)):
        for health in checks:
            if health.state is not HealthState.OK:
                yield f"- {kind}: {_text(health.check)}: {_text(health.value)}"
    yield f"- {_text(_basis(analysis, plan.alpha))}"
    yield f"- {_arms(exported, view)}"


def _arms(exported: Exported, view: AnalysisView) -> str:
    plan, now = exported.experiment, view.comparison
    control, treatment = (_code(arm.commit[:12]) for arm in (now.control, now.treatment))
    return (
        f"control {control} of {_code(short(plan.plan.target))}, treatment {treatment}, plan "
        f"{_code(plan.plan_hash[:12])}; the same from the records: "
        f"{_code(f'git exp analyze {plan.id}')}"
    )


def _primary(found: PrimaryResult, role: str) -> str:
    change, ends = words.change_and_interval(found)
    is_known = words.effect(found) is not None
    return _cells(
        _code(found.metric.name),
        role,
        words.middle(found.control, found.metric),
        words.middle(found.treatment, found.metric),
        change if is_known else numbers.UNKNOWN,
        ends if is_known else numbers.UNKNOWN,
    )


def _guardrail(found: GuardrailResult) -> str:
    scale = Scale.LOG if found.is_relative else Scale.DIFFERENCE
    change = numbers.change(found.change, found.metric, scale)
    return _cells(
        _code(found.metric.name),
        f"guardrail, {found.state}",
        _quantity(found.control, found.metric),
        _quantity(found.treatment, found.metric),
        change,
        f"margin {words.limit(found.metric, found.margin, is_relative=found.is_relative)}",
    )


def _quantity(value: float | None, metric: Metric) -> str:
    return numbers.quantity(value, metric.unit)


def _basis(analysis: Analysis, alpha: float) -> str:
    blocks = analysis.blocks
    failed = sum(arm.failed + arm.timeout for arm in (analysis.control, analysis.treatment))
    test, level = words.test(analysis.primary.test), numbers.short(alpha)
    counted = f"{blocks.used} of {numbers.plural(blocks.max, 'block')} used"
    return f"{test}, α {level}, {counted}, {numbers.plural(failed, 'failed trial')}"


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    """A name as code; nothing in it is markup or a mention."""
    shown = clean(text).replace("`", "'")
    return f"`{shown}`"


def _text(text: str) -> str:
    """Text of a user without any markup of its own; '@name' mentions nobody."""
    return _MARKUP.sub(r"\\\1", clean(text)).replace("@", "@<!-- -->")
