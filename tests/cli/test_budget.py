"""An error budget for the whole repository: what plans are granted, and what clones agree on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scenes import CREATE, HYPOTHESIS, prepare, refused, start, state
from tests.support import GitExp, GitIn, Result

FIRST = 0.0026758
"""gamma_1 of W0 = .05: what the first plan gets at q = .1."""


@pytest.fixture
def kept(git: GitIn) -> GitIn:
    """git on main with a benchmark, where an error budget is kept."""
    prepare(git)
    git("config", "exp.fdr", "0.1")
    return git


@pytest.fixture
def shared(kept: GitIn, tmp_path: Path) -> GitIn:
    """The same, with a shared repository."""
    origin = tmp_path / "shared.git"
    git = kept
    git("init", "--quiet", "--bare", str(origin))
    git("remote", "add", "origin", str(origin))
    git("push", "--quiet", "origin", "main")
    GitExp(git.path)("init")
    return git


@pytest.fixture
def other(shared: GitIn, tmp_path: Path) -> GitIn:
    """A colleague's clone."""
    folder = tmp_path / "other"
    shared("clone", "--quiet", shared("remote", "get-url", "origin"), str(folder))
    GitExp(folder)("init")
    GitIn(folder)("config", "exp.fdr", "0.1")
    return GitIn(folder)


def create(git: GitIn, name: str, *options: str, check: bool = True) -> Result:
    return GitExp(git.path)(
        *("create", name, "--hypothesis", HYPOTHESIS, "--metric", "score:lower"),
        *("--run", "./bench.sh", "--warm-up", "0", "--no-checkout", "--json", *options),
        check=check,
    )


def plan_of(git: GitIn, exp: str) -> dict[str, Any]:
    plan: dict[str, Any] = GitExp(git.path)("show", exp, "--json").json["plan"]
    return plan


def budget(git: GitIn) -> dict[str, Any]:
    found: dict[str, Any] = GitExp(git.path)("status", "--all", "--json").json["budget"]
    return found


def test_without_the_setting_plans_are_what_they_were(git: GitIn) -> None:
    prepare(git)

    answer = create(git, "one").json

    assert (answer["alpha"], answer["grant"], answer["max_blocks"]) == (0.05, None, 20)
    assert "fdr" not in plan_of(git, "one")
    assert GitExp(git.path)("status", "--json").json["budget"] is None


def test_the_first_plan_is_granted_its_share_and_told_why(kept: GitIn) -> None:
    said = GitExp(kept.path)(*CREATE[:-4], "--run", "./bench.sh")

    plan = plan_of(kept, "fast")
    assert "0.0027 of 0.05 asked: plan 1 of this repository at q = 0.1" in said.stdout
    assert plan["alpha"] == pytest.approx(FIRST, abs=1e-7)
    assert plan["fdr"] == {"q": 0.1, "index": 1, "asked": 0.05, "spent": 0.0, "discoveries": []}
    shown = GitExp(kept.path)("show", "fast").stdout
    assert "granted    0.0027 of 0.05 asked: plan 1 of this repository at q = 0.1" in shown


def test_blocks_are_planned_for_the_level_granted(kept: GitIn) -> None:
    answer = create(kept, "one").json

    # 20 ((3.0019 + .8416) / (1.9600 + .8416))^2 = 37.6
    assert answer["max_blocks"] == 38
    assert answer["earliest_decision"] <= 38


def test_a_number_of_blocks_that_was_given_stays(kept: GitIn) -> None:
    assert create(kept, "one", "--max-blocks", "25").json["max_blocks"] == 25
    before = state(kept)

    refused(create(kept, "two", "--max-blocks", "6", check=False), 6, "never reach", "--max-blocks")

    assert state(kept) == before


def test_blocks_follow_from_min_effect_once_the_noise_is_known(kept: GitIn) -> None:
    start(kept, "--max-blocks", "20")
    GitExp(kept.path)("run", "--blocks", "8")
    kept("switch", "--quiet", "main")
    noisy = create(kept, "two", "--min-effect", "0.4%").json
    clear = create(kept, "three", "--min-effect", "20%").json

    assert noisy["noise"] is not None
    assert noisy["max_blocks"] > 100
    # 20 % of so little noise takes no time, but the test must be able to reach the level
    assert clear["max_blocks"] == clear["earliest_decision"]


def test_an_alpha_above_the_grant_is_cut_and_one_below_is_kept(kept: GitIn) -> None:
    cut = create(kept, "one", "--alpha", "0.2").json
    kept_low = create(kept, "two", "--alpha", "0.0001").json

    assert cut["alpha"] == pytest.approx(FIRST, abs=1e-7)
    assert cut["grant"]["asked"] == 0.2
    assert kept_low["alpha"] == 0.0001


def test_a_plan_against_regressions_is_granted_its_one_sided_level(kept: GitIn) -> None:
    create(kept, "one", "--goal", "no-regression", "--max-blocks", "60")

    plan = plan_of(kept, "one")
    assert plan["guardrail_alpha"] == pytest.approx(FIRST, abs=1e-7)
    assert plan["alpha"] == 0.05
    assert budget(kept)["spent"] == plan["guardrail_alpha"]


def test_plans_from_before_the_budget_count_until_nothing_is_left(git: GitIn) -> None:
    prepare(git)
    for name in ("one", "two", "three"):
        create(git, name)
    git("config", "exp.fdr", "0.1")
    before = state(git)

    result = create(git, "four", check=False)

    refused(result, 6, "nothing is left of the error budget: 3 plans took 0.15 at q = 0.1")
    assert state(git) == before
    said = " ".join(GitExp(git.path)("status").stdout.split())
    assert "nothing left; the next plan would get nothing" in said
    assert "overdrawn by 0.05" in said
    (hint,) = (part for part in result.stderr.splitlines() if part.startswith("hint"))
    git(*hint.rpartition("git ")[2].split())
    assert create(git, "four").json["alpha"] > 0.0


def test_a_copy_asks_for_what_its_original_asked_for(kept: GitIn) -> None:
    create(kept, "one")
    kept("switch", "--quiet", "main")

    GitExp(kept.path)("create", "--like", "one", "--id", "two", "--no-checkout")

    assert plan_of(kept, "two")["fdr"]["asked"] == 0.05
    assert plan_of(kept, "two")["max_blocks"] > plan_of(kept, "one")["max_blocks"]


def test_what_is_found_better_pays_for_later_plans(kept: GitIn) -> None:
    start(kept, "--max-blocks", "20")
    GitExp(kept.path)("run")
    kept("switch", "--quiet", "main")
    answer = create(kept, "two").json

    assert answer["grant"]["discoveries"] == [1]
    assert answer["alpha"] == pytest.approx(0.0032577, abs=1e-7)  # gamma_2 W0 + gamma_1 (q - W0)
    found = budget(kept)
    assert found["ledger"][0]["better_at"] == 1
    assert [line["due"] for line in found["ledger"]] == [line["level"] for line in found["ledger"]]
    assert found["left"] == pytest.approx(0.1 - found["spent"])


@pytest.mark.parametrize("text", ["0", "1", "10", "-0.1", "5pp", "much"])
def test_what_is_no_rate_is_refused(kept: GitIn, text: str) -> None:
    kept("config", "exp.fdr", text)
    before = state(kept)

    refused(create(kept, "one", check=False), 129, "exp.fdr", "git config exp.fdr 0.1")
    refused(GitExp(kept.path)("status", check=False), 129, "exp.fdr")

    assert state(kept) == before


def test_a_percentage_and_the_team_s_file_say_the_same(git: GitIn) -> None:
    prepare(git)
    git.commit("Keep a budget", {".gitexp": "[exp]\n\tfdr = 10%\n"})

    assert create(git, "one").json["grant"]["q"] == 0.1


# --- clones ----------------------------------------------------------------------------------


def test_plans_of_other_clones_are_fetched_and_counted(shared: GitIn, other: GitIn) -> None:
    create(shared, "one")
    GitExp(shared.path)("sync")

    answer = create(other, "two")

    assert answer.stderr == ""
    assert answer.json["grant"]["index"] == 2
    assert answer.json["alpha"] == pytest.approx(0.0005819, abs=1e-7)  # gamma_2 W0


def test_a_remote_that_does_not_answer_warns_and_nothing_more(shared: GitIn) -> None:
    shared("remote", "set-url", "origin", str(shared.path / "nowhere.git"))

    answer = create(shared, "one")

    assert "warning: plans of other clones are counted as last fetched" in answer.stderr
    assert answer.json["grant"]["index"] == 1


def test_clones_that_create_without_knowing_of_each_other_agree_afterwards(
    shared: GitIn, other: GitIn
) -> None:
    url = shared("remote", "get-url", "origin")
    for git in (shared, other):
        git("remote", "set-url", "origin", str(shared.path / "nowhere.git"))
    ours, theirs = create(shared, "one").json, create(other, "two").json
    for git in (shared, other):
        git("remote", "set-url", "origin", url)

    for git in (shared, other, shared):
        GitExp(git.path)("sync")

    assert ours["alpha"] == theirs["alpha"] == pytest.approx(FIRST, abs=1e-7)
    assert budget(shared) == budget(other)
    found = budget(shared)
    assert [line["id"] for line in found["ledger"]] == ["one", "two"]
    assert found["excess"] == pytest.approx(FIRST - 0.0005819, abs=1e-6)
    assert found["overdrawn"] == 0.0
    assert found["spent"] == ours["alpha"] + theirs["alpha"]
    for git in (shared, other):
        said = " ".join(GitExp(git.path)("status").stdout.split())
        assert "two got 0.0021 more than the ledger now gives" in said


def test_two_plans_of_one_name_both_count(shared: GitIn, other: GitIn) -> None:
    url = shared("remote", "get-url", "origin")
    for git in (shared, other):
        git("remote", "set-url", "origin", str(shared.path / "nowhere.git"))
        create(git, "same")
        git("remote", "set-url", "origin", url)
    for git in (shared, other, shared):
        GitExp(git.path)("sync", check=False)

    assert len(budget(shared)["ledger"]) == 2
    assert budget(shared) == budget(other)


def test_the_ledger_does_not_depend_on_what_is_cached(kept: GitIn) -> None:
    start(kept, "--max-blocks", "20")
    GitExp(kept.path)("run")
    fresh = budget(kept)

    assert json.dumps(budget(kept)) == json.dumps(fresh)
