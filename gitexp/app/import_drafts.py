"""What a file says, as trials that have no place yet."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp.app.import_names import Choice, Names
from gitexp.app.inner_samples import payload_of
from gitexp.errors import Refused, UsageError
from gitexp.formats import Case, Measure, Result, Results, Row, Unusable, number
from gitexp.formats.offers import case_offers, column_offers, offers_of, shown
from gitexp.model import Arm, Outcome

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\Z", re.IGNORECASE | re.ASCII)
_ANSWERS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A trial as the file tells it.

    Attributes:
        where: In the file, for people.
        identity: What tells it from every other trial of this arm and this code.
        trial_id: The user's name for it, if there is one.
        commit: What it says it measured.
    """

    where: str
    arm: Arm
    metrics: Mapping[str, float]
    outcome: Outcome
    identity: str
    block: int | None = None
    trial_id: str | None = None
    case: str | None = None
    commit: str | None = None
    host: str | None = None
    payload: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Values of a trial that came after it."""

    trial: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """All that one file tells.

    Attributes:
        cases: How many cases of an evaluation it has; 0 where it has none.
    """

    trials: tuple[Draft, ...]
    later: tuple[Later, ...] = ()
    warnings: tuple[str, ...] = ()
    cases: int = 0


def drafts(read: Results, names: Names, *, arm: Arm | None, block: int | None) -> Drafts:
    """The trials in the file.

    Args:
        arm: Of all of them, unless the file says it itself.
        block: Of the only one.

    Raises:
        Refused, UsageError: when it is not clear what is meant, or the plan cannot use it.
    """
    if read.rows:
        return _of_rows(read, names, arm=arm, block=block)
    if arm is None:
        raise UsageError(
            f"{names.file} does not say which arm it measured",
            hint="add --arm control or --arm treatment",
        )
    results = names.selected(read.results)
    if len(results) == 1 and results[0].cases and block is None:
        choice = names.choose(case_offers(results[0].cases))
        if names.plan.primary.name in choice.picks:
            return _of_cases(read, results[0], choice, names, arm)
    elif any(result.cases for result in results) and block is None:
        names.refuse_several(results, Choice(picks={}, extras=()))
    return _of_results(read, results, names, arm=arm, block=block)


def _of_results(
    read: Results, results: Sequence[Result], names: Names, *, arm: Arm, block: int | None
) -> Drafts:
    """One trial of all results together."""
    offers = offers_of(results)
    choice = names.choose(offers)
    names.refuse_several(results, choice)
    cases = case_offers(case for result in results for case in result.cases)
    names.refuse_without_metric(choice, shown(offers) + shown(cases))
    warnings = _extras(names, choice.extras)
    warnings += [text for m, found in choice.picks.items() if (text := names.check(m, found))]
    picks = {m: names.in_plan_units(m, found) for m, found in choice.picks.items()}
    used = [r for r in results if any(m in choice.picks.values() for m in r.measures.values())]
    failures = [f"{r.name}: {r.failure}" for r in used if r.failure is not None]
    if not failures:
        for metric, measure in picks.items():
            names.check_value(metric, measure.value, names.file)
    trial = Draft(
        where=names.file,
        arm=arm,
        metrics={metric: measure.value for metric, measure in picks.items()},
        outcome=Outcome.FAILED if failures else Outcome.OK,
        identity=json.dumps([read.digest, names.wanted.select]),
        block=block,
        commit=read.commit,
        payload=_payload(read, picks),
    )
    return Drafts(
        trials=(trial,),
        warnings=(*warnings, *(f"a failed trial: {failure}" for failure in failures)),
    )


def _payload(read: Results, picks: Mapping[str, Measure]) -> bytes | None:
    samples = {metric: found.samples for metric, found in picks.items() if found.samples}
    counts = {metric: found.count for metric, found in picks.items() if found.count > 1}
    kept = {"format": str(read.format), "counts": counts}
    return payload_of(kept, samples) if counts else None


def _of_cases(read: Results, result: Result, choice: Choice[str], names: Names, arm: Arm) -> Drafts:
    """One trial of every case."""
    trials: list[Draft] = []
    warnings = dict.fromkeys(_extras(names, choice.extras))
    for case in result.cases:
        found = {m: case.measures[n] for m, n in choice.picks.items() if n in case.measures}
        warnings |= dict.fromkeys(t for m, got in found.items() if (t := names.check(m, got)))
        picks = {m: names.in_plan_units(m, measure) for m, measure in found.items()}
        outcome = Outcome.FAILED if _has_failed(case, choice, names) else Outcome.OK
        where = f"case {case.key[:80]} of {names.file}"
        if outcome is Outcome.OK:
            for metric, measure in picks.items():
                names.check_value(metric, measure.value, where)
        trials.append(
            Draft(
                where=where,
                arm=arm,
                metrics={metric: measure.value for metric, measure in picks.items()},
                outcome=outcome,
                identity=json.dumps(["case", case.key]),
                case=case.key,
                commit=read.commit,
                payload=_payload(read, picks),
            )
        )
    return Drafts(trials=tuple(trials), warnings=tuple(warnings), cases=len(trials))


def _has_failed(case: Case, choice: Choice[str], names: Names) -> bool:
    """Whether nothing it measured may count.

    A wrong answer is an answer where answers are judged. Where only its time is compared, one that
    gave up early would look fast.
    """
    if case.failure is not None:
        return True
    success = case.measures.get("success")
    primary = choice.picks.get(names.plan.primary.name, "")
    is_of_size = primary in case.measures and case.measures[primary].unit in ("s", "B")
    return is_of_size and success is not None and success.value == 0.0


def _of_rows(read: Results, names: Names, *, arm: Arm | None, block: int | None) -> Drafts:
    """One trial, or the later values of one, of every row."""
    if names.wanted.select is not None:
        raise UsageError(
            f"{names.file} is a table of trials: there is nothing to select",
            hint="--map COLUMN=METRIC says what a column is",
        )
    rows = read.rows
    offers = column_offers(read.columns)
    choice = names.choose(offers)
    names.refuse_without_metric(choice, shown(offers))
    warnings = _extras(names, choice.extras)
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
    own = json.dumps([of, row.block, row.outcome, sorted(metrics.items())])
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
    )


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
            try:
                found[metric] = _value(row.values[column], column)
            except Unusable as error:
                raise Refused(
                    f"{where} {error.why}",
                    hint="a value that is missing is an empty cell",
                    code="bad-file",
                ) from error
    return found


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


def _extras(names: Names, extras: Sequence[str]) -> list[str]:
    if not extras:
        return []
    listed = ", ".join(name[:60] for name in extras[:6])
    more = f" and {len(extras) - 6} more" if len(extras) > 6 else ""
    return [f"{names.file}: the plan does not name {listed}{more}: left out"]
