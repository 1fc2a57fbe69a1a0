"""Tables of trials as trials, or as values that came later."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from gitexp.app.import_drafts import Draft, Drafts, Later
from gitexp.app.import_names import Choice, Names
from gitexp.errors import Refused, UsageError
from gitexp.formats import Results, Row, Unusable, number
from gitexp.formats.offers import column_offers, shown
from gitexp.model import Arm, Outcome, Window

_VARIANCE = ".variance"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\Z", re.IGNORECASE | re.ASCII)
_ANSWERS = {"true": 1.0, "false": 0.0}


def of_rows(read: Results, names: Names, *, arm: Arm | None, block: int | None) -> Drafts:
    """One trial, or the later values of one, of every row of a table.

    Args:
        arm: Of all of them, where the table has no arms.
        block: Of the only one.

    Raises:
        Refused, UsageError: when it is not clear what is meant, or the plan cannot use it.
    """
    if names.wanted.select is not None:
        raise UsageError(
            f"{names.file} is a table of trials: there is nothing to select",
            hint="--map COLUMN=METRIC says what a column is",
        )
    rows = read.rows
    offers = column_offers(_metric_columns(read.columns, names))
    choice = names.choose(offers)
    if not _are_windows_of_failures(read.columns, names):
        names.refuse_without_metric(choice, shown(offers))
    warnings = names.left_out(choice)
    later = tuple(
        _later(row, trial, choice, names) for row in rows if (trial := _came_after(row, arm))
    )
    told = [row for row in rows if _came_after(row, arm) is None]
    if later and told:
        raise Refused(
            f"{names.file} has trials (line {told[0].line}) and values that came later",
            hint="import the trials from one file, then the values from another",
            code="mixed",
        )
    counted = [row for row in told if row.block != 0 and row.outcome is not Outcome.VOID]
    if len(counted) < len(told):
        warnings.append(
            f"{len(told) - len(counted)} warm-up or void trials of {names.file} are left out"
        )
    if block is not None and len(counted) != 1:
        raise UsageError(
            f"--block is for one trial, and {names.file} has {len(counted)}",
            hint="give it a column block",
        )
    times: Counter[str] = Counter()
    trials = tuple(_row(row, choice, names, arm, block, times) for row in counted)
    _refuse_case_twice(trials)
    return Drafts(
        trials=trials,
        later=later,
        warnings=tuple(warnings),
        cases=len({trial.case for trial in trials if trial.case is not None}),
    )


def _row(
    row: Row,
    choice: Choice[str],
    names: Names,
    arm: Arm | None,
    block: int | None,
    times: Counter[str],
) -> Draft:
    """One row as a trial.

    Args:
        times: How often the same values came before; grown here.
    """
    where = f"line {row.line} of {names.file}"
    of = row.arm or arm
    if of is None:
        raise UsageError(f"{where} names no arm", hint="add a column arm, or --arm control")
    if row.arm is not None and arm not in (None, row.arm):
        raise Refused(
            f"{where} is of the {row.arm}, and --arm says {arm}",
            hint="leave --arm out: the file says which arm each trial is of",
            code="other-arm",
        )
    metrics = _values(row, choice, where)
    if row.outcome is Outcome.OK:
        for metric, value in metrics.items():
            names.check_value(metric, value, where)
    window = _window(row, choice, where) if names.plan.windows else None
    own = json.dumps([of, row.block, row.outcome, sorted(metrics.items()), _counts(window)])
    times[own] += 1
    return Draft(
        where=where,
        arm=of,
        metrics=metrics,
        outcome=row.outcome,
        identity=json.dumps(["case", row.case]) if row.case else json.dumps([own, times[own]]),
        block=row.block if block is None else block,
        trial_id=row.trial_id,
        case=row.case,
        commit=row.commit,
        host=row.host,
        window=window,
    )


def _metric_columns(columns: Sequence[str], names: Names) -> list[str]:
    """The columns that could be metrics: how often a trial failed is no matter of a table."""
    others = {"failures"}
    if names.plan.windows:
        others |= {"count", *(f"{column}{_VARIANCE}" for column in columns)}
    return [column for column in columns if column not in others]


def _are_windows_of_failures(columns: Sequence[str], names: Names) -> bool:
    """Whether the counts alone tell a metric of the plan."""
    is_declared = any(metric.name == "failures" for metric in names.plan.declared)
    return names.plan.windows and is_declared and "count" in columns


def _window(row: Row, choice: Choice[str], where: str) -> Window | None:
    """The window in the columns count, failures and NAME.variance; None without a count."""
    if "count" not in row.values:
        return None
    variances = {
        metric: _number(row.values[f"{column}{_VARIANCE}"], f"{column}{_VARIANCE}", where)
        for metric, column in choice.picks.items()
        if f"{column}{_VARIANCE}" in row.values
    }
    count, failures = (_number(row.values.get(n, 0), n, where) for n in ("count", "failures"))
    if not (count.is_integer() and failures.is_integer() and 0 <= failures <= count >= 1):
        raise Refused(
            f"{where} is no window: whole numbers, at least one use, no more failures than uses",
            hint="columns count and failures: 5000 and 12",
            code="bad-file",
        )
    if any(value < 0 for value in variances.values()):
        raise Refused(f"{where} has a variance below 0", hint="mend the table", code="bad-file")
    return Window(count=int(count), failures=int(failures), variances=variances)


def _counts(window: Window | None) -> object:
    return None if window is None else [window.count, window.failures]


def _came_after(row: Row, arm: Arm | None) -> str | None:
    """The trial that the row's values came after; None for a row that is a trial."""
    if row.observed is not None:
        return row.observed
    return row.trial_id if row.arm is None and arm is None else None


def _later(row: Row, trial: str, choice: Choice[str], names: Names) -> Later:
    where = f"line {row.line} of {names.file}"
    metrics = _values(row, choice, where)
    if not metrics:
        raise Refused(f"{where} has no value", hint="leave the line out", code="no-metric")
    for metric, value in metrics.items():
        names.check_value(metric, value, where)
    return Later(trial=trial, metrics=metrics)


def _values(row: Row, choice: Choice[str], where: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric, column in choice.picks.items():
        if column in row.values:
            found[metric] = _number(row.values[column], column, where)
    return found


def _number(cell: object, column: str, where: str) -> float:
    try:
        return _value(cell, column)
    except Unusable as error:
        raise Refused(
            f"{where} {error.why}",
            hint="a value that is missing is an empty cell",
            code="bad-file",
        ) from error


def _value(cell: object, column: str) -> float:
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, str):
        if cell.lower() in _ANSWERS:
            return _ANSWERS[cell.lower()]
        if _NUMBER.match(cell) and len(cell) < 500:
            return number(float(cell), column)
    return number(cell, column)


def _refuse_case_twice(trials: Sequence[Draft]) -> None:
    seen: dict[tuple[Arm, str], Draft] = {}
    for trial in trials:
        if trial.case is None:
            continue
        other = seen.setdefault((trial.arm, trial.case), trial)
        is_same = (other.metrics, other.outcome) == (trial.metrics, trial.outcome)
        if other is not trial and not is_same:
            raise Refused(
                f"{trial.where} answers case {trial.case[:80]!r} of the {trial.arm} again, with "
                "other values",
                hint=f"leave one of them out; the first is {other.where}",
                code="case-twice",
            )
