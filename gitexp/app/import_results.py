"""Results of benchmarks and evaluations as trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from gitexp.app.import_drafts import Draft, Drafts
from gitexp.app.import_names import Choice, Names
from gitexp.app.inner_samples import payload_of
from gitexp.errors import UsageError
from gitexp.formats import Case, Measure, Result, Results
from gitexp.formats.offers import case_offers, offers_of, shown
from gitexp.model import Arm, Outcome


def of_results(read: Results, names: Names, *, arm: Arm | None, block: int | None) -> Drafts:
    """The trials in a file of results: one of all together, or one of every case.

    Args:
        arm: Of all of them; needed.
        block: Of the only one.

    Raises:
        Refused, UsageError: when it is not clear what is meant, or the plan cannot use it.
    """
    if arm is None:
        raise UsageError(
            f"{names.file} does not say which arm it measured",
            hint="add --arm control or --arm treatment",
        )
    results = names.selected(read.results)
    if any(result.cases for result in results) and block is None:
        names.refuse_several(results, Choice(picks={}, extras=()))
        offers = case_offers(results[0].cases)
        # what is mapped may be a sum over all cases
        choice = names.choose(offers) if names.are_among(offers) else None
        if choice is not None and names.plan.primary.name in choice.picks:
            return _of_cases(read, results[0], choice, names, arm)
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
    warnings = names.left_out(choice)
    warnings += [text for m, found in choice.picks.items() if (text := names.check(m, found))]
    picks = {m: names.in_plan_units(m, found) for m, found in choice.picks.items()}
    chosen = {id(measure) for measure in choice.picks.values()}
    used = [r for r in results if any(id(m) in chosen for m in r.measures.values())]
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
    warnings = dict.fromkeys(names.left_out(choice))
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
