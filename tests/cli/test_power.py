"""Sizing: `git exp power`, and `git exp run --aa`, which measures the noise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.scenes import HYPOTHESIS, prepare, record_blocks, refused, start, state, trials
from tests.support import GitExp, GitIn

CREATE = ("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower")
NOISY = """#!/bin/sh
n=3; test "$GITEXP_ARM" = control || n=5
echo "METRIC score=$(cat speed).$((GITEXP_BLOCK * n % 7))"
"""
"""By the block alone the same in both arms, more or less."""
PARTIAL = NOISY.replace("score=$(cat speed)", "score=$(test $n = 3 && echo 20 || echo 30)")
"""Favours the control whatever the code."""


def change(git: GitIn) -> None:
    git.commit("Try a table", {"speed": "10\n"})


def sized(git_exp: GitExp, *options: str) -> dict[str, Any]:
    answer: dict[str, Any] = git_exp("power", *options, "--json").json
    return answer


# --- power --------------------------------------------------------------------------------------


def test_noise_and_an_effect_give_the_blocks_it_takes(git_exp: GitExp) -> None:
    found = sized(git_exp, "--noise", "5%", "--effect", "3%")

    again = sized(git_exp, "--noise", "5%", "--blocks", str(found["needed"]))
    assert found["noise"] == {"sd": 0.05, "blocks": 0, "source": None}
    assert (found["wanted"], found["max_blocks"]) == (0.03, 20)
    assert found["needed"] > 20
    assert again["effect"] <= 0.03 < found["effect"]
    page = git_exp("power", "--noise", "5%", "--effect", "3%").stdout
    assert f"--max-blocks {found['needed']}" in page
    assert "−3.0%" in page


def test_more_noise_more_power_or_a_stricter_level_take_more_blocks(git_exp: GitExp) -> None:
    base = sized(git_exp, "--noise", "5%", "--effect", "3%")["needed"]

    for more in (("--noise", "8%"), ("--power", "0.95"), ("--alpha", "0.01")):
        options = {"--noise": "5%", "--effect": "3%", more[0]: more[1]}
        assert sized(git_exp, *(word for pair in options.items() for word in pair))["needed"] > base


def test_trials_without_blocks_are_counted_for_each_arm(git_exp: GitExp) -> None:
    page = git_exp("power", "--noise", "5%", "--test", "welch").stdout

    assert "in 20 trials of each arm" in page
    assert "TRIALS OF EACH ARM" in page


def test_a_named_experiment_brings_its_plan_and_its_noise(git: GitIn, git_exp: GitExp) -> None:
    git_exp(*CREATE, "--max-blocks", "30", "--min-effect", "2%")
    change(git)
    record_blocks(git, [(20.0 + 0.3 * (k % 4), 10.0 + 0.2 * (k % 3)) for k in range(8)])

    found = sized(git_exp, "fast")

    assert (found["metric"], found["max_blocks"], found["wanted"]) == ("score", 30, 0.02)
    assert (found["noise"]["source"], found["noise"]["blocks"]) == ("fast", 8)
    assert 0 < found["noise"]["sd"] < 0.1
    # standing on its branch names it
    assert sized(git_exp) == found


def test_the_noise_of_a_command_is_that_of_the_experiment_that_measured_it(
    git: GitIn, git_exp: GitExp
) -> None:
    git_exp(*CREATE, "--run", "./work.sh")
    change(git)
    record_blocks(git, [(20.0 + 0.3 * (k % 4), 10.0 + 0.2 * (k % 3)) for k in range(8)])
    git("switch", "-q", "main")

    found = sized(git_exp, "--run", "./work.sh", "--metric", "score:lower")

    assert found["noise"]["source"] == "fast"
    refused(
        git_exp("power", "--run", "./other.sh", check=False), 6, "no experiment here has measured"
    )


def test_unknown_noise_is_refused_with_the_way_to_know_it(git_exp: GitExp) -> None:
    refused(git_exp("power", check=False), 6, "no noise is known", "--noise 5%")
    git_exp(*CREATE)
    git_exp("create", "runs", *CREATE[2:], "--base", "main", "--run", "./bench.sh")

    refused(
        git_exp("power", "fast", check=False), 6, "nothing recorded of fast", "give it: --noise 5%"
    )
    refused(
        git_exp("power", "runs", check=False), 6, "nothing recorded of runs", "runs --aa, which"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--noise 5", "write 5%"),
        ("--noise -5%", "below 0"),
        ("--noise 0%", "no noise"),
        ("--noise 5% --power 1", "between"),
        ("--noise 5% --power 0.01", "between"),
        ("--noise 5% --effect 3", "5%"),
        ("--noise 5% --blocks 0", "^error: --blocks: 0 is not between"),
        ("--noise 5% --effect 300%", "^error: --effect: '300%' cannot be reached"),
        ("--noise 5% --metric speed", "speed:lower or speed:higher"),
    ],
)
def test_what_cannot_be_sized_is_refused(git_exp: GitExp, options: str, said: str) -> None:
    refused(git_exp("power", *options.split(), check=False), 129, said)


def test_an_unknown_experiment_is_refused_by_name(git_exp: GitExp) -> None:
    git_exp(*CREATE)

    refused(git_exp("power", "fasd", "--noise=5%", check=False), 128, "'fasd'", "did you mean fast")


# --- the control against itself -------------------------------------------------------------------


def test_the_control_is_compared_with_itself_before_there_is_a_change(git: GitIn) -> None:
    prepare(git, NOISY)
    start(git, "--revisions", "1", speed=None)
    git_exp = GitExp(git.path)

    told = git_exp("run", "--aa", "--blocks", "6", "--json").objects

    floor = told[-1]["floor"]
    assert told[-1]["kind"] == "aa"
    assert (floor["blocks"], floor["is_clean"]) == (6, True)
    assert floor["interval"][0] < 0 < floor["interval"][1]
    assert len(trials(git)) == 12
    shown = git_exp("show", "--json").json
    assert shown["revisions_used"] == 0


def test_what_was_compared_with_itself_counts_for_no_verdict_and_shows_in_health(
    git: GitIn,
) -> None:
    prepare(git, NOISY)
    start(git, "--revisions", "1", speed=None)
    git_exp = GitExp(git.path)
    git_exp("run", "--aa", "--blocks", "6")
    change(git)
    before = git_exp("analyze", "--json").json

    git_exp("run")

    found = git_exp("analyze", "--json").json
    assert (before["verdict"], before["blocks"]["complete"]) == ("collecting", 0)
    assert (found["verdict"], found["blocks"]["used"]) == ("better", 6)
    assert git_exp("show", "--json").json["revisions_used"] == 1
    [check] = [h for h in found["health"] if h["check"] == "a/a"]
    assert check["state"] == "ok"
    assert "6 blocks" in check["value"]
    assert sized(git_exp, "fast")["noise"]["blocks"] == 12


def test_a_machine_that_favours_one_arm_is_told(git: GitIn) -> None:
    prepare(git, PARTIAL)
    start(git, speed=None)
    git_exp = GitExp(git.path)

    page = git_exp("run", "--aa", "--blocks", "6").stdout
    change(git)
    git_exp("run", "--blocks", "1")

    assert "the same code differs from itself" in " ".join(page.split())
    [check] = [h for h in git_exp("analyze", "--json").json["health"] if h["check"] == "a/a"]
    assert check["state"] == "warn"
    assert "the same code differs from itself" in check["value"]


def test_too_few_blocks_say_that_nothing_is_known_of_the_machine(git: GitIn) -> None:
    prepare(git, NOISY)
    start(git, speed=None)
    git_exp = GitExp(git.path)

    page = git_exp("run", "--aa", "--blocks", "2").stdout
    change(git)
    git_exp("run", "--blocks", "1")

    [check] = [h for h in git_exp("analyze", "--json").json["health"] if h["check"] == "a/a"]
    assert "inf" not in page + check["value"]
    assert "too few" in check["value"]


def test_a_control_is_not_compared_with_itself_without_a_command(
    git: GitIn, git_exp: GitExp
) -> None:
    git_exp(*CREATE)
    before = state(git)

    refused(git_exp("run", "--aa", check=False), 6, "no command|git exp record")

    assert state(git) == before
