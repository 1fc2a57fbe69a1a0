"""What is too long, too large or too small is refused where it is typed."""

from __future__ import annotations

import pytest

from tests.cli.scenes import HYPOTHESIS, refused, start, trials
from tests.support import GitExp, GitIn, Result

MINIMAL = ("create", "fast", "--hypothesis", HYPOTHESIS, "--run", "./bench.sh")


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (("--hypothesis", "x" * 70_000), "hypothesis"),
        (("--run", "x" * 70_000), "command"),
        (("--metric", f"score:lower:{'u' * 60}"), "unit"),
        (("--guardrail", "score:lower:+1e99"), "margin"),
        (("--timeout", "1e20h"), "timeout"),
        (("--link", "x" * 5000), "links"),
        (("--metric", "gain:higher:score", "--min-effect", "1e99"), "min_effect"),
    ],
)
def test_a_plan_that_no_reader_would_take_is_not_registered(
    git: GitIn, git_exp: GitExp, options: tuple[str, ...], about: str
) -> None:
    before = git("for-each-ref")

    refused(git_exp(*MINIMAL, *options, check=False), 129, about)

    assert git("for-each-ref") == before


def test_a_level_that_no_number_of_blocks_reaches_is_refused(git_exp: GitExp) -> None:
    refused(git_exp(*MINIMAL, "--alpha", "1e-16", check=False), 6, "no number of blocks")


def test_a_recorded_value_too_large_to_compute_with_is_refused(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*MINIMAL)
    git.commit("Change something", {"speed": "1\n"})

    done = git_exp("record", "fast", "--arm", "control", "-m", "time=1e61", check=False)

    refused(done, 129, "beyond 1e")


def _run_with(git: GitIn, body: str) -> Result:
    """A run of `fast` whose benchmark does this in both arms."""
    git.write("bench.sh", f"#!/bin/sh\n{body}\necho METRIC score=1\n").chmod(0o755)
    git.commit("Another benchmark")
    start(git)
    return GitExp(git.path)("run", "--blocks", "1", check=False)


@pytest.mark.parametrize(
    ("count", "name"), [(100, "m"), (30, "m" * 120)], ids=["many", "long names"]
)
def test_more_metrics_than_a_record_holds_end_the_run_and_the_trial_is_recorded(
    git: GitIn, count: int, name: str
) -> None:
    done = _run_with(git, f"for i in $(seq {count}); do echo METRIC {name}$i=$i; done")

    refused(done, 128, "more than a record can hold")
    [trial] = trials(git)
    assert trial["outcome"] == "failed"
    assert trial["metrics"]["score"] == 1


def test_inner_samples_are_cut_to_what_a_payload_holds(git: GitIn) -> None:
    body = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); for m in a b c d e f g h j k l n; do"
    done = _run_with(git, f"{body} echo METRIC $m=$i.12345678901234; done; done")

    assert done.status == 0, done.stderr
    assert [trial["outcome"] for trial in trials(git)] == ["ok", "ok"]


@pytest.mark.parametrize("command", ["rollback", "promote"])
def test_a_reason_that_no_record_holds_is_refused(ready: GitIn, command: str) -> None:
    option = "--reason" if command == "rollback" else "--override"
    done = GitExp(ready.path)(command, "fast", option, "\N{PILE OF POO}" * 400, check=False)

    refused(done, 6, "longer than a record can hold")


def test_a_trial_that_no_record_holds_is_refused(ready: GitIn) -> None:
    metrics = [arg for n in range(60) for arg in ("-m", f"{'m' * 100}{n}=1.5")]

    done = GitExp(ready.path)(
        "record", "fast", "--arm", "control", "-m", "score=1", *metrics, check=False
    )

    refused(done, 128, "cannot be recorded")
    assert trials(ready) == []
