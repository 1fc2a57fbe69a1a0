"""Logs of inspect-ai as JSON: a case for every sample.

A log is packed as `.eval` unless asked otherwise; `inspect log convert --to json` unpacks it.
"""

from __future__ import annotations

from gitexp.formats.source import as_list, as_object
from gitexp.formats.values import (
    Case,
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    case_key,
    cases_by_key,
    clip,
    named_apart,
    number,
    single,
)
from gitexp.model import Direction

_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Correct, partly, incorrect, no answer."""


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    return isinstance(document, dict) and "eval" in document and "status" in document


def read(document: object) -> Results:
    """The task as one result, its samples as cases; epochs are answers to one case."""
    top = as_object(document, "at the top")
    if top.get("status") != "success":
        raise Unusable(
            f"is of an evaluation that did not end: its status is {clip(top.get('status'))}",
            hint="inspect eval-retry FILE goes on with it",
        )
    task = as_object(top.get("eval"), "'eval'")
    samples = as_list(top.get("samples") or [], "'samples'")
    cases = cases_by_key(_case(as_object(sample, "in 'samples'")) for sample in samples)
    name = task.get("task")
    revision = as_object(task.get("revision") or {}, "'revision'")
    commit = revision.get("commit")
    measures = _sums(as_object(top.get("results") or {}, "'results'"), cases)
    return Results(
        format=Format.INSPECT,
        results=named_apart(
            [
                Result(
                    name=name if isinstance(name, str) and name else "task",
                    main=next(iter(measures)),
                    measures=measures,
                    cases=cases,
                )
            ]
        ),
        commit=commit if isinstance(commit, str) and commit else None,
        is_dirty=revision.get("dirty") is True,
    )


def _case(sample: dict[str, object]) -> Case:
    key = sample.get("id")
    if isinstance(key, bool) or not isinstance(key, int | str) or key == "":
        raise Unusable("has a sample without an id")
    key = case_key(clip(key, 1_000_000))
    if sample.get("error") is not None:
        return Case(key=key, measures={}, failure="an error")
    measures: dict[str, Measure] = {}
    scores = as_object(sample.get("scores") or {}, "'scores' in a sample")
    for name, score in scores.items():
        measures |= _scored(name, as_object(score, f"of score {clip(name)!r}").get("value"))
    if len(scores) == 1 and measures:
        # with one scorer, its grade is the answer
        measures.setdefault("score", next(iter(measures.values())))
        if measures["score"].value in (0.0, 1.0):
            measures["success"] = Measure(
                value=measures["score"].value, unit="bool", direction=Direction.HIGHER
            )
    if sample.get("total_time") is not None:
        measures["time"] = single(number(sample["total_time"], "total_time"), "s")
    return Case(key=key, measures=measures)


def _scored(name: str, value: object) -> dict[str, Measure]:
    """The score under its scorer's name; one of several parts under the names of the parts."""
    if isinstance(value, dict):
        return {
            f"{name}/{part}": _score(inner) for part, inner in value.items() if inner is not None
        }
    return {} if value is None else {name: _score(value)}


def _score(value: object) -> Measure:
    if isinstance(value, str):
        if value not in _GRADES:
            raise Unusable(f"has a score that is neither a number nor C, P, I or N: {clip(value)}")
        value = _GRADES[value]
    elif isinstance(value, bool):
        value = float(value)
    return Measure(value=number(value, "score"), unit="score", direction=Direction.HIGHER)


def _sums(results: dict[str, object], cases: tuple[Case, ...]) -> dict[str, Measure]:
    """What the log itself says of all samples together."""
    found: dict[str, Measure] = {}
    scores = as_list(results.get("scores") or [], "'scores'")
    for entry in scores:
        score = as_object(entry, "in 'scores'")
        metrics = as_object(score.get("metrics") or {}, "'metrics'")
        for name, metric in metrics.items():
            value = as_object(metric, f"of metric {clip(name)!r}").get("value")
            key = name if len(scores) == 1 else f"{score.get('name')}/{name}"
            found[key] = Measure(value=number(value, name), unit="score")
    if not found and not cases:
        raise Unusable("holds neither samples nor scores")
    errors = sum(1 for case in cases if case.failure is not None)
    return {
        **found,
        "errors": Measure(value=float(errors), unit="count", direction=Direction.LOWER),
    }
