"""What options of a plan mean together, or cannot."""

from __future__ import annotations

from gitexp.app.option_reader import OptionReader
from gitexp.model import Goal, Plan, Scale, Spending, Stopping
from gitexp.notation import is_below


def check_together(reader: OptionReader, plan: Plan) -> None:
    """Complain of options that are each fine and mean nothing together."""
    unpaired = not plan.test.is_paired
    reader.refuse_unless(
        not (unpaired and plan.guardrails),
        f"--guardrail: guardrails are tested block by block, which --test {plan.test} has not; "
        "--test signed-rank would do",
    )
    no_regression = plan.goal is Goal.NO_REGRESSION
    reader.refuse_unless(
        not (no_regression and unpaired),
        f"--goal no-regression: tested block by block, which --test {plan.test} has not; "
        "--test signed-rank would do",
    )
    reader.refuse_unless(
        not (no_regression and plan.max_regression <= 0),
        f"--max-regression: how much worse may {plan.primary.name} be, in its own unit?",
    )
    reader.refuse_unless(
        not (no_regression and plan.min_effect > 0),
        "--min-effect: has no meaning with --goal no-regression; leave it out",
    )
    for option, paths in (("link", plan.links), ("harness", plan.harness)):
        for path in paths:
            reader.refuse_unless(
                is_below(path), f"--{option}: {path!r} is no path below the top of the repository"
            )
    _refuse_windows(reader, plan)
    _refuse_repeated(reader, plan)
    _refuse_extracts(reader, plan)
    _refuse_stopping(reader, plan)


def _refuse_windows(reader: OptionReader, plan: Plan) -> None:
    if not plan.windows:
        return
    reader.refuse_unless(
        plan.test.is_of_means,
        f"--test {plan.test}: the mean of a window is neither one value to rank nor one answer to "
        "count; --test t would do, or welch for windows without blocks",
    )
    reader.refuse_unless(
        plan.command is None,
        "--run: a plan of windows runs nothing, its windows are recorded; leave it out",
    )


def _refuse_repeated(reader: OptionReader, plan: Plan) -> None:
    """Every metric has one role: it could not be tested twice and mean the same."""
    seen = set() if reader.complained_of("metric") else {plan.primary.name}
    roles = {
        "guardrail": [guardrail.metric for guardrail in plan.guardrails],
        "watch": [watch.metric for watch in plan.watches],
        "secondary": [*plan.secondary],
    }
    for option, metrics in roles.items():
        for metric in metrics:
            what = (
                "the primary metric already" if metric.name == plan.primary.name else "given twice"
            )
            reader.refuse_unless(metric.name not in seen, f"--{option}: {metric.name} is {what}")
            seen.add(metric.name)


def _refuse_extracts(reader: OptionReader, plan: Plan) -> None:
    declared = {metric.name for metric in plan.declared}
    seen: set[str] = set()
    for extract in plan.extracts:
        name = extract.metric
        reader.refuse_unless(
            name in declared,
            f"--extract: {name} is no metric of this plan; --watch {name}:lower would keep it",
        )
        reader.refuse_unless(name not in seen, f"--extract: {name} is given twice")
        seen.add(name)
    reader.refuse_unless(
        "failures" not in seen, "--extract: failures is built in, the share of failed trials"
    )


def _refuse_stopping(reader: OptionReader, plan: Plan) -> None:
    always_valid = plan.stopping is Stopping.ALWAYS_VALID
    reader.refuse_unless(
        plan.spending is Spending.OBF or plan.stopping is Stopping.GROUP_SEQUENTIAL,
        f"--spending {plan.spending}: a plan that is {plan.stopping} spends nothing at its looks",
    )
    reader.refuse_unless(
        not (plan.spends_on_expiry and always_valid),
        "--on-expiry spend: an always-valid plan has nothing left to spend",
    )
    reader.refuse_unless(
        not always_valid or plan.test.is_of_differences,
        f"--stopping always-valid: there is no such rule for --test {plan.test}; "
        "--test signed-rank or t would do",
    )
    is_rate = plan.primary.unit == "bool"
    reader.refuse_unless(
        is_rate or not plan.test.is_of_rates,
        f"--test {plan.test}: {plan.primary.name} is no yes-or-no metric; write "
        f"--metric {plan.primary.name}:{plan.primary.direction}:bool if it is one",
    )
    reader.refuse_unless(
        plan.scale is Scale.DIFFERENCE or not plan.test.is_of_rates,
        f"--test {plan.test}: shares are compared by difference; leave --scale out",
    )
