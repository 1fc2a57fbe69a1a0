"""promptfoo's results, version 3: one entry per prompt, provider and test."""

from __future__ import annotations

import json

from gitexp.formats.source import as_list, as_object, has_objects
from gitexp.formats.values import (
    Case,
    Format,
    Measure,
    Result,
    Results,
    Unusable,
    cases_by_key,
    clip,
    named_apart,
    number,
    pass_rate,
    single,
)
from gitexp.model import Direction


def is_shape(document: object) -> bool:
    """Whether the document looks like one."""
    found = document.get("results") if isinstance(document, dict) else None
    return has_objects(found, "results", "promptIdx")


def read(document: object) -> Results:
    """Every prompt with its provider as a result, the tests as its cases."""
    found = as_object(as_object(document, "at the top").get("results"), "'results'")
    version = found.get("version")
    if version != 3:
        raise Unusable(f"has results of version {clip(version)}; version 3 can be read")
    answers: dict[int, list[dict[str, object]]] = {}
    for entry in as_list(found.get("results"), "'results' in 'results'"):
        answer = as_object(entry, "in 'results'")
        answers.setdefault(_index(answer, "promptIdx"), []).append(answer)
    prompts = as_list(found.get("prompts") or [], "'prompts'")
    cached = sum(1 for found in answers.values() for answer in found if _is_cached(answer))
    return Results(
        format=Format.PROMPTFOO,
        results=named_apart(
            _result(at, _names(prompts, at, answers[at][0]), answers[at]) for at in sorted(answers)
        ),
        warnings=(
            (f"{cached} answers came from promptfoo's cache: pass --no-cache",) if cached else ()
        ),
    )


def _result(at: int, names: tuple[str, str], answers: list[dict[str, object]]) -> Result:
    first: dict[str, str] = {}
    cases = cases_by_key(_case(answer, first) for answer in answers)
    measures: dict[str, Measure] = {}
    rate = pass_rate(cases)
    if rate is not None:
        measures["pass-rate"] = rate
    errors = sum(1 for case in cases if case.failure is not None)
    measures["errors"] = Measure(value=float(errors), unit="count", direction=Direction.LOWER)
    told = [case for case in cases if case.failure is None]
    for name in dict.fromkeys(name for case in told for name in case.measures):
        if name != "success":
            values = [case.measures[name] for case in told if name in case.measures]
            measures[name] = Measure(
                value=sum(measure.value for measure in values) / len(values),
                unit=values[0].unit,
                direction=values[0].direction,
            )
    label, provider = names
    return Result(
        name=label or provider or f"prompt {at}",
        aliases=tuple(
            alias for alias in (f"{label} ({provider})", provider) if label and provider and alias
        ),
        main="pass-rate",
        measures=measures,
        cases=cases,
    )


def _names(prompts: list[object], at: int, answer: dict[str, object]) -> tuple[str, str]:
    """Label and provider of a prompt."""
    prompt = prompts[at] if at < len(prompts) else answer.get("prompt")
    known = prompt if isinstance(prompt, dict) else {}
    label = known.get("label")
    provider = known.get("provider") or answer.get("provider")
    if isinstance(provider, dict):
        provider = provider.get("label") or provider.get("id")
    return (
        label if isinstance(label, str) else "",
        provider if isinstance(provider, str) else "",
    )


def _case(answer: dict[str, object], first: dict[str, str]) -> Case:
    """One answer.

    Args:
        first: Of every test the number it first had, grown here: `--repeat` numbers each
            repetition, and answers to one test are one case.
    """
    key = str(_index(answer, "testIdx"))
    if answer.get("testCase"):
        key = first.setdefault(json.dumps(answer["testCase"], sort_keys=True), key)
    # a failed assertion is an answer, too; without an answer there is nothing to score
    if _is_error(answer):
        return Case(key=key, measures={}, failure=clip(answer.get("error") or "an error"))
    if not isinstance(answer.get("success"), bool):
        raise Unusable("has a 'success' that is neither true nor false")
    success = 1.0 if answer["success"] else 0.0
    measures = {"success": Measure(value=success, unit="bool", direction=Direction.HIGHER)}
    if answer.get("score") is not None:
        measures["score"] = _score(answer["score"], "score")
    if answer.get("latencyMs") is not None:
        measures["latency"] = single(number(answer["latencyMs"], "latencyMs"), "ms")
    if answer.get("cost") is not None:
        measures["cost"] = Measure(value=number(answer["cost"], "cost"), direction=Direction.LOWER)
    scores = as_object(answer.get("namedScores") or {}, "'namedScores'")
    for name, value in scores.items():
        measures.setdefault(name, _score(value, f"score {clip(name)!r}"))
    return Case(key=key, measures=measures)


def _score(value: object, what: str) -> Measure:
    return Measure(value=number(value, what), unit="score", direction=Direction.HIGHER)


def _is_error(answer: dict[str, object]) -> bool:
    """Whether there was no answer: promptfoo files failed assertions under 'error', too."""
    reason = answer.get("failureReason")
    if isinstance(reason, int) and not isinstance(reason, bool):
        return reason == 2  # ResultFailureReason.ERROR
    return bool(answer.get("error")) and answer.get("gradingResult") is None


def _is_cached(answer: dict[str, object]) -> bool:
    response = answer.get("response")
    return isinstance(response, dict) and response.get("cached") is True


def _index(answer: dict[str, object], key: str) -> int:
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
        raise Unusable(f"has a result without {key}")
    return value
