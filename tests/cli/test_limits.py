"""What is too long, too large or too small is refused where it is typed."""

from __future__ import annotations

import pytest

from tests.cli.scenes import HYPOTHESIS, refused
from tests.support import GitExp, GitIn

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
