"""An experiment without a command: every step on the way is named."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support import GitExp, GitIn, Result

HYPOTHESIS = "a table scores 10 % less"


def _create(git: GitIn, git_exp: GitExp) -> None:
    git_exp(
        *("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower:score"),
        *("--max-blocks", "6", "--test", "signed-rank"),
    )
    git.commit("Change", {"src/lib.txt": "one\n"})


def _record(git_exp: GitExp, blocks: int) -> None:
    for block in range(1, blocks + 1):
        for arm, value in (("control", 1.0), ("treatment", 0.5 + block / 100)):
            git_exp("record", "fast", "--arm", arm, "-m", f"score={value}", "--block", str(block))


def _next(git_exp: GitExp) -> Any:
    return git_exp("status", "fast", "--json").json["experiments"][0]["next"]


def test_it_leads_from_recording_to_analysing_to_promoting(git: GitIn, git_exp: GitExp) -> None:
    _create(git, git_exp)
    assert _next(git_exp) == ["git exp record -h"]

    _record(git_exp, 6)
    assert _next(git_exp) == ["git exp analyze fast"]

    git_exp("analyze", "fast")
    assert _next(git_exp) == ["git exp promote fast"]

    git_exp("promote", "fast")
    assert git("log", "-1", "--format=%(trailers:key=Exp-Decision,valueonly)").strip() == "better"


def test_run_says_first_that_there_is_nothing_to_run(git_exp: GitExp) -> None:
    git_exp("create", "fast", "--hypothesis", HYPOTHESIS)

    result = git_exp("run", check=False)

    assert result.status == 6
    assert "names no command" in result.stderr


def test_what_ended_before_its_first_trial_takes_none_and_says_so(
    git: GitIn, git_exp: GitExp
) -> None:
    _create(git, git_exp)
    git_exp("rollback", "fast")

    words = ("record", "fast", "--arm", "control", "-m", "score=1", "--json")
    recorded = git_exp(*words, check=False)
    assigned = git_exp("assign", "fast", "--json", check=False)

    assert (recorded.status, recorded.json["error"]["code"]) == (6, "ended")
    assert (assigned.status, assigned.json["error"]["code"]) == (6, "ended")


def _at_once(count: int, one: Callable[[int], Result]) -> list[Result]:
    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(one, range(count))]


def test_a_trial_that_many_bring_at_once_is_recorded_once(git: GitIn, git_exp: GitExp) -> None:
    _create(git, git_exp)
    trial = ("record", "fast", "--arm", "control", "-m", "score=1", "--trial-id", "one", "--json")

    answers = _at_once(12, lambda _: git_exp(*trial))

    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.json["existed"] for answer in answers].count(False) == 1
    records = git_exp("log", "fast", "--json").json["records"]
    assert [record["kind"] for record in records].count("trial") == 1


def test_a_place_that_many_want_at_once_is_given_once(git: GitIn, git_exp: GitExp) -> None:
    _create(git, git_exp)

    def record(number: int) -> Result:
        words = ("record", "fast", "--arm", "control", "--block", "1", "-m", f"score={number}")
        return git_exp(*words, "--json", check=False)

    answers = _at_once(12, record)

    assert sorted(answer.status for answer in answers) == [0] + 11 * [6]
    refused = [answer.json["error"]["code"] for answer in answers if answer.status]
    assert {*refused} == {"block-taken"}


def test_of_different_later_values_brought_at_once_one_stays(git: GitIn, git_exp: GitExp) -> None:
    _create(git, git_exp)
    git_exp("record", "fast", "--arm", "control", "-m", "score=1", "--trial-id", "one")

    def later(number: int) -> Result:
        words = ("record", "fast", "--for", "one", "-m", f"joy={number}", "--json")
        return git_exp(*words, check=False)

    answers = _at_once(12, later)

    assert sorted(answer.status for answer in answers) == [0] + 11 * [6]
