"""Merges that `promote` did not make: recognised by what is in the target, recorded, undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitexp.app.arrivals import arrival
from gitexp.app.load import load
from gitexp.app.merged import record_if_merged
from gitexp.app.opening import open_store
from gitexp.errors import Refused
from gitexp.model import ExperimentId, Promoted, Recognised, RolledBack, State
from gitexp.store.git import Git
from tests.apply.lab import (
    EXP,
    assert_sound,
    create,
    decide,
    do_promote,
    do_restore,
    do_roll_back,
    experiment,
    plan_for,
    state,
)
from tests.support import GitExp, GitIn, Result

LIB = "src/lib.txt"
LINES = "".join(f"{number}\n" for number in range(1, 31))
MIDDLE = "15\n"
EARLY = "8\n"


@pytest.fixture(scope="session")
def two_commits_template(
    repository_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """exp/fast changes the first and the last line in a commit each; main moved on since."""
    folder = tmp_path_factory.mktemp("two") / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    git = GitIn(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann-1")
        git.commit("Write thirty lines", {LIB: LINES})
        create(git.path, plan_for(git))
        git.commit("Change the first line", {LIB: LINES.replace("1\n", "one\n", 1)})
        git.commit("Change the last line", {LIB: changed(LINES)})
        decide(git)
        git("switch", "--quiet", "main")
        git.commit("Go on", {"other": "other\n"})
    return folder


@pytest.fixture
def git(two_commits_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    """git on main, where exp/fast is decided and main has moved on."""
    monkeypatch.setenv("GITEXP_WRITER", "ann-1")
    folder = tmp_path / "two"
    shutil.copytree(two_commits_template, folder, symlinks=True)
    return GitIn(folder)


def changed(text: str) -> str:
    """With what the treatment changes."""
    return text.replace("1\n", "one\n", 1).replace("\n30\n", "\nthirty\n")


def recognise(git: GitIn) -> Promoted | None:
    store = open_store(git.path)
    return record_if_merged(store, load(store, EXP))


def edit(git: GitIn, old: str, new: str) -> None:
    """Change the library on the branch that is checked out."""
    text = (git.path / LIB).read_text()
    assert old in text
    git.commit(f"Write {new!r}", {LIB: text.replace(old, new, 1)})


@dataclass(frozen=True)
class Button:
    """One way to merge.

    Attributes:
        press: Does it, on main.
        since: What `Promoted.since` is, as a revision; None: nothing.
        merge: What `Promoted.merge` is, as a revision.
    """

    how: Recognised
    press: Callable[[GitIn], object]
    merge: str = "main"
    since: str | None = None


def merge(git: GitIn) -> None:
    git("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")


def forward(git: GitIn) -> None:
    """As a forge's button that rebases, with the same commits where nothing had to be moved."""
    git("branch", "--quiet", "--force", "old", "main~1")
    git("reset", "--quiet", "--hard", "old")
    git("merge", "--quiet", "--ff-only", "exp/fast")


def squash(git: GitIn) -> None:
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "--no-edit")


def squash_by_forge(git: GitIn) -> None:
    """With the messages of the commits listed, as GitHub does."""
    told = git("log", "--reverse", "--format=* %B", "main..exp/fast")
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "-m", f"Fast (#12)\n\n{told}")


def pick(git: GitIn) -> None:
    git.commit("Nothing, as the plan commit is")
    git.commit("Between", {"between": "between\n"})
    git("cherry-pick", "main~1..exp/fast", "--keep-redundant-commits", "--allow-empty")


def pick_scattered(git: GitIn) -> None:
    git("cherry-pick", "exp/fast~1")
    edit(git, MIDDLE, "middle\n")
    git("cherry-pick", "exp/fast")


def octopus(git: GitIn) -> None:
    git("branch", "--quiet", "topic", "main~1")
    git("switch", "--quiet", "topic")
    git.commit("A topic of its own", {"topic": "topic\n"})
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-edit", "exp/fast", "topic")


def through_another_branch(git: GitIn) -> None:
    git("switch", "--quiet", "-c", "develop", "main~1")
    git.commit("Develop", {"develop": "develop\n"})
    git("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")
    git.commit("Develop more", {"develop": "more\n"})
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-edit", "develop")


def squash_with_more(git: GitIn) -> None:
    git("merge", "--quiet", "--squash", "exp/fast")
    git.write("more", "more\n")
    git("add", "more")
    git("commit", "--quiet", "--no-edit")


PLAN = "exp/fast~2"
BUTTONS = {
    "merge": Button(Recognised.MERGED, merge),
    "fast-forward": Button(Recognised.FAST_FORWARD, forward, since=PLAN),
    "squash": Button(Recognised.SQUASHED, squash),
    "squash by forge": Button(Recognised.SQUASHED, squash_by_forge),
    "cherry-pick": Button(Recognised.CHERRY_PICKED, pick, since="main~2"),
    "octopus": Button(Recognised.MERGED, octopus, since=PLAN),
    "through another branch": Button(Recognised.MERGED, through_another_branch, since=PLAN),
    "squash with more": Button(Recognised.SQUASHED, squash_with_more, since=PLAN),
}


@pytest.fixture(params=BUTTONS.values(), ids=[*BUTTONS])
def button(request: pytest.FixtureRequest) -> Button:
    found = request.param
    assert isinstance(found, Button)
    return found


def test_what_is_in_the_target_is_recorded_as_promoted(git: GitIn, button: Button) -> None:
    button.press(git)
    branches = git("for-each-ref", "refs/heads")

    found = recognise(git)

    assert found is not None
    assert (found.recognised, found.target) == (button.how, "refs/heads/main")
    assert (found.tip, found.merge) == (git.id("exp/fast"), git.id(button.merge))
    assert found.since == (None if button.since is None else git.id(button.since))
    assert state(git.path) is State.PROMOTED
    assert git("for-each-ref", "refs/heads") == branches
    assert recognise(git) is None
    assert_sound(git)


def test_a_rollback_takes_out_this_and_nothing_else(git: GitIn, button: Button) -> None:
    button.press(git)
    edit(git, MIDDLE, "middle\n")
    files = set(git("ls-files").splitlines())

    done = do_roll_back(git.path)

    assert (git.path / LIB).read_text() == LINES.replace(MIDDLE, "middle\n")
    assert set(git("ls-files").splitlines()) == files
    assert git("rev-parse", f"{done.revert}^") == git.id("main~1")
    assert git("branch", "--list", "exp/fast") == ""
    assert state(git.path) is State.ROLLED_BACK
    assert recognise(git) is None
    assert_sound(git)


def test_a_restore_after_that_puts_it_in_place_again(git: GitIn, button: Button) -> None:
    button.press(git)
    do_roll_back(git.path)
    edit(git, MIDDLE, "middle\n")

    do_restore(git.path)

    assert (git.path / LIB).read_text() == changed(LINES).replace(MIDDLE, "middle\n")
    assert state(git.path) is State.PROMOTED
    do_roll_back(git.path)
    assert (git.path / LIB).read_text() == LINES.replace(MIDDLE, "middle\n")


def test_restore_itself_undoes_no_merge_made_by_hand(git: GitIn, button: Button) -> None:
    button.press(git)
    recognise(git)
    before = git("for-each-ref")

    with pytest.raises(Refused, match="restore only undoes what git exp promote did"):
        do_restore(git.path)

    assert git("for-each-ref") == before


def test_what_was_taken_out_again_by_hand_is_not_promoted(git: GitIn, button: Button) -> None:
    before = git.id("main~1" if button.press is forward else "main")
    button.press(git)
    git("rm", "--quiet", "-r", ".")
    git("checkout", "--quiet", before, "--", ".")
    git.commit("Take it out")

    assert recognise(git) is None
    assert state(git.path) is State.RUNNING


# --- reverts with git's own message ---------------------------------------------------------


def test_a_revert_is_understood_where_the_files_changed_since(git: GitIn) -> None:
    merge(git)
    merged = git.id("main")
    edit(git, EARLY, "early\n")
    git("revert", "--no-edit", "-m", "1", merged)

    assert recognise(git) is None


def test_a_revert_of_the_revert_is_understood(git: GitIn) -> None:
    merge(git)
    merged = git.id("main")
    edit(git, EARLY, "early\n")
    git("revert", "--no-edit", "-m", "1", merged)
    git("revert", "--no-edit", "HEAD")
    edit(git, MIDDLE, "middle\n")

    found = recognise(git)

    assert found is not None
    assert found.merge == merged


def test_one_of_two_commits_reverted_leaves_it_promoted(git: GitIn) -> None:
    forward(git)
    edit(git, MIDDLE, "middle\n")
    git("revert", "--no-edit", "exp/fast")

    assert recognise(git) is not None


# --- scattered ------------------------------------------------------------------------------


def test_scattered_commits_are_recorded_and_taken_out_by_hand(git: GitIn) -> None:
    pick_scattered(git)

    found = recognise(git)

    assert found is not None
    assert (found.recognised, found.since) == (Recognised.CHERRY_PICKED, None)
    with pytest.raises(Refused, match="commits of others in between") as refused:
        do_roll_back(git.path)
    command = refused.value.hint.partition("git revert ")[2].partition(",")[0]
    git("revert", *command.split())
    do_roll_back(git.path)
    last = experiment(git.path).state_event
    assert last is not None
    assert isinstance(last.body, RolledBack)
    assert last.body.revert is None
    assert (git.path / LIB).read_text() == LINES.replace(MIDDLE, "middle\n")
    assert state(git.path) is State.ROLLED_BACK
    assert recognise(git) is None


def test_scattered_commits_that_were_not_recorded_are_left_alone_by_a_rollback(git: GitIn) -> None:
    pick_scattered(git)
    before = git("for-each-ref")

    with pytest.raises(Refused, match="commits of others in between"):
        do_roll_back(git.path)

    assert git("for-each-ref") == before


def test_a_merge_that_left_the_change_out_is_none(git: GitIn) -> None:
    git("merge", "--quiet", "--no-edit", "--strategy", "ours", "exp/fast")

    assert recognise(git) is None


def test_a_merge_of_what_was_picked_before_is_there(git: GitIn) -> None:
    pick(git)
    merge(git)

    found = recognise(git)

    assert found is not None
    assert (found.recognised, found.merge) == (Recognised.MERGED, git.id("main"))
    do_roll_back(git.path)
    assert (git.path / LIB).read_text() == LINES


def test_a_squash_nobody_can_tell_is_promoted_by_an_empty_merge_and_taken_out(
    git: GitIn,
) -> None:
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "-m", "Fast (#12)")

    found = recognise(git)
    done = do_promote(git.path)
    do_roll_back(git.path)

    assert found is None
    assert git("diff", "--name-only", f"{done.merge}^1", done.merge) == ""
    assert (git.path / LIB).read_text() == LINES


# --- main merged into the experiment first --------------------------------------------------


def forward_over_a_merge(git: GitIn, *, is_measured: bool) -> None:
    git("switch", "--quiet", "exp/fast")
    git("merge", "--quiet", "--no-edit", "main")
    if is_measured:
        decide(git)
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--ff-only", "exp/fast")


def test_what_main_had_before_stays_when_a_measured_fast_forward_is_taken_out(git: GitIn) -> None:
    before = git.id("main")
    forward_over_a_merge(git, is_measured=True)

    found = recognise(git)
    do_roll_back(git.path)

    assert found is not None
    assert (found.recognised, found.since) == (Recognised.FAST_FORWARD, before)
    assert git("rev-parse", "main^{tree}") == git("rev-parse", f"{before}^{{tree}}")


def test_where_an_unmeasured_fast_forward_begins_is_not_guessed(git: GitIn) -> None:
    before = git.id("main")
    forward_over_a_merge(git, is_measured=False)

    found = recognise(git)

    assert found is not None
    assert (found.tip, found.since) == (git.id("main"), None)
    with pytest.raises(Refused, match="commits of others in between") as refused:
        do_roll_back(git.path)
    git("revert", *refused.value.hint.partition("git revert ")[2].partition(",")[0].split())
    assert git("rev-parse", "main^{tree}") == git("rev-parse", f"{before}^{{tree}}")
    do_roll_back(git.path)
    assert state(git.path) is State.ROLLED_BACK


# --- two experiments at once ----------------------------------------------------------------


def squash_both(git: GitIn) -> None:
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "--no-edit")
    told = git("log", "-1", "--format=%B")
    git("merge", "--quiet", "--squash", "exp/other")
    git("commit", "--quiet", "--no-edit")
    told += git("log", "-1", "--format=%B")
    git("reset", "--quiet", "--soft", "HEAD~2")
    git("commit", "--quiet", "-m", told)


def octopus_of_both(git: GitIn) -> None:
    git("merge", "--quiet", "--no-edit", "exp/fast", "exp/other")


@pytest.mark.parametrize("press", [squash_both, octopus_of_both])
def test_of_two_experiments_in_one_commit_either_can_be_taken_out(
    git: GitIn, press: Callable[[GitIn], None]
) -> None:
    create(git.path, plan_for(git, "other"))
    git.commit("Change another thing", {"thing": "new\n"})
    git("switch", "--quiet", "main")
    git.commit("Go on", {"other": "more\n"})
    press(git)
    store = open_store(git.path)

    both = [record_if_merged(store, load(store, ExperimentId(exp))) for exp in ("fast", "other")]
    do_roll_back(git.path)

    assert [found and found.merge for found in both] == [git.id("main~1")] * 2
    assert (git.path / LIB).read_text() == LINES
    assert (git.path / "thing").read_text() == "new\n"


# --- what is no merge -----------------------------------------------------------------------


def test_an_experiment_without_a_change_is_not_merged(git: GitIn) -> None:
    git("branch", "--force", "exp/fast", PLAN)
    merge(git)

    assert recognise(git) is None


def test_half_of_the_commits_is_not_the_treatment(git: GitIn) -> None:
    git("cherry-pick", "exp/fast~1")

    assert recognise(git) is None


def test_a_first_commit_merged_alone_is_not_the_treatment(git: GitIn) -> None:
    git("merge", "--quiet", "--no-edit", "exp/fast~1")

    assert recognise(git) is None


def test_a_remote_branch_that_is_behind_is_not_the_treatment(git: GitIn) -> None:
    git("update-ref", "refs/remotes/origin/exp/fast", "exp/fast~1")
    git("merge", "--quiet", "--no-edit", "exp/fast~1")

    assert recognise(git) is None


def test_a_branch_set_to_another_commit_of_main_is_not_merged(git: GitIn) -> None:
    edit(git, MIDDLE, "middle\n")
    git("branch", "--force", "exp/fast", "main~1")
    edit(git, EARLY, "early\n")

    assert recognise(git) is None


def test_a_fix_taken_over_from_main_is_not_merged_there(git: GitIn) -> None:
    edit(git, MIDDLE, "middle\n")
    fix = git.id("main")
    git("switch", "--quiet", "exp/fast")
    git("reset", "--quiet", "--hard", PLAN)
    git("cherry-pick", fix, env={"GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"})
    git("switch", "--quiet", "main")

    assert recognise(git) is None


def test_the_id_of_another_experiment_is_not_taken_for_this_one(git: GitIn) -> None:
    git("merge", "--quiet", "--squash", "exp/fast")
    git("commit", "--quiet", "-m", "Squash\n\nExp-Id: fast.er\nExp-Id: faster")

    assert recognise(git) is None


def test_a_commit_that_only_names_the_experiment_is_no_squash(git: GitIn) -> None:
    edit(git, MIDDLE, "middle\n")
    git("commit", "--quiet", "--amend", "-m", "Prepare\n\nExp-Id: fast")

    assert recognise(git) is None


def test_without_a_target_nothing_is_recognised(git: GitIn) -> None:
    merge(git)
    git("branch", "--quiet", "-m", "main", "trunk")

    assert recognise(git) is None
    done = do_promote(git.path, into="trunk")
    assert (done.recognised, done.target) == (Recognised.MERGED, "refs/heads/trunk")


# --- branches that moved --------------------------------------------------------------------


def test_a_rebased_branch_is_found_where_it_was_merged(git: GitIn) -> None:
    git("switch", "--quiet", "exp/fast")
    git("rebase", "--quiet", "--keep-empty", "main")
    git("switch", "--quiet", "main")
    merge(git)

    found = recognise(git)

    assert found is not None
    assert (found.recognised, found.tip) == (Recognised.MERGED, git.id("exp/fast"))


def test_a_branch_rebased_by_someone_else_is_found_by_its_patches(git: GitIn) -> None:
    git("switch", "--quiet", "--detach", "exp/fast")
    git("rebase", "--quiet", "--keep-empty", "main")
    rebased = git.id("HEAD")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-edit", rebased)

    found = recognise(git)

    assert found is not None
    assert (found.recognised, found.merge) == (Recognised.CHERRY_PICKED, rebased)
    do_roll_back(git.path)
    assert (git.path / LIB).read_text() == LINES


def test_what_a_teammate_added_and_merged_is_the_treatment(git: GitIn) -> None:
    tip = git.id("exp/fast")
    git("switch", "--quiet", "exp/fast")
    edit(git, MIDDLE, "middle\n")
    added = git.id("exp/fast")
    git("update-ref", "refs/remotes/origin/exp/fast", added)
    git("switch", "--quiet", "main")
    merge(git)
    git("branch", "--force", "exp/fast", tip)

    found = recognise(git)

    assert found is not None
    assert found.tip == added


def test_the_decided_treatment_counts_when_the_branch_went_on(git: GitIn) -> None:
    merge(git)
    decided = git.id("exp/fast")
    git("switch", "--quiet", "exp/fast")
    edit(git, MIDDLE, "middle\n")

    found = recognise(git)

    assert found is not None
    assert found.tip == decided
    shown = GitExp(git.path)("status", "fast", "--json").json["experiments"][0]
    assert shown["next"] == []  # deleting the branch would lose what is new on it


def test_a_deleted_branch_is_found_by_what_was_decided(git: GitIn) -> None:
    merge(git)
    tip = git.id("exp/fast")
    git("branch", "--quiet", "-D", "exp/fast")

    found = recognise(git)

    assert found is not None
    assert found.tip == tip


def test_a_merge_on_a_remote_is_enough(git: GitIn) -> None:
    git("init", "--quiet", "--bare", "../shared.git")
    git("remote", "add", "origin", "../shared.git")
    git("push", "--quiet", "origin", "main", "exp/fast")
    merge(git)
    git("push", "--quiet", "origin", "main")
    git("reset", "--quiet", "--hard", "main~1")

    found = recognise(git)

    assert found is not None
    assert found.merge == git.id("origin/main")
    with pytest.raises(Refused, match="main is behind origin/main") as refused:
        do_roll_back(git.path)
    assert "git switch main && git pull" in refused.value.hint
    git("merge", "--quiet", "--ff-only", "origin/main")
    do_roll_back(git.path)
    assert (git.path / LIB).read_text() == LINES


def test_a_merge_that_a_remote_took_out_again_is_none(git: GitIn) -> None:
    git("init", "--quiet", "--bare", "../shared.git")
    git("remote", "add", "origin", "../shared.git")
    merge(git)
    git("revert", "--no-edit", "-m", "1", "HEAD")
    git("push", "--quiet", "origin", "main")
    git("reset", "--quiet", "--hard", "main~1")

    assert recognise(git) is None


def test_a_merge_by_promote_whose_record_is_not_here_is_taken_as_it_says(git: GitIn) -> None:
    git("update-ref", "refs/saved", "refs/notes/exp/fast/ann-1")
    do_promote(git.path)
    promoted = experiment(git.path).promoted
    assert promoted is not None
    git("update-ref", "refs/notes/exp/fast/ann-1", "refs/saved")
    shutil.rmtree(git.path / ".git" / "exp")

    found = recognise(git)

    assert found is not None
    assert isinstance(promoted.body, Promoted)
    assert found.recognised is Recognised.MERGED
    assert (found.tip, found.merge) == (promoted.body.tip, promoted.body.merge)
    assert found.evidence == promoted.body.evidence


@pytest.mark.parametrize("depth", ["1", "2"])
def test_a_shallow_clone_that_cannot_tell_says_nothing(git: GitIn, depth: str) -> None:
    merge(git)
    whole = experiment(git.path)
    options = ("--quiet", "--depth", depth, "--no-single-branch")
    git("clone", *options, f"file://{git.path}", "../flat")

    assert arrival(open_store(git.path), whole) is not None
    assert arrival(open_store(git.path.parent / "flat"), whole) is None


def test_nothing_merged_costs_two_git_processes(
    git: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(git.path)
    loaded = load(store, EXP)
    asked: list[str] = []
    attempt = Git.attempt

    def counted(self: Git, *args: str, **options: object) -> object:
        asked.append(args[0])
        return attempt(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "attempt", counted)
    assert record_if_merged(store, loaded) is None

    assert len(asked) == 2


# --- what the commands say ------------------------------------------------------------------


def shown(git: GitIn) -> dict[str, object]:
    row: dict[str, object] = GitExp(git.path)("status", "fast", "--json").json["experiments"][0]
    return row


def test_a_merge_that_nobody_recorded_leaves_the_comparison_as_it_was(git: GitIn) -> None:
    before = shown(git)
    merge(git)

    after = shown(git)

    assert (after["control"], after["treatment"]) == (before["control"], before["treatment"])
    assert (after["state"], after["verdict"]) == ("running", "better")
    assert str(after["reason"]).startswith("main has it (merged), which is not recorded")
    assert after["next"] == ["git exp promote fast"]


def test_an_unmeasured_merge_is_compared_with_where_it_left_main(git: GitIn) -> None:
    base = git.id("main~1")
    create(git.path, plan_for(git, "other"))
    git.commit("Change it", {"new": "new\n"})
    control = git.id("main")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-edit", "exp/other")

    row = GitExp(git.path)("status", "other", "--json").json["experiments"][0]

    assert base != control == row["control"]
    assert row["treatment"] == git.id("exp/other")


def test_running_a_merged_experiment_is_refused_with_the_way_to_record_it(git: GitIn) -> None:
    merge(git)

    ran = GitExp(git.path)("run", "fast", "--blocks", "1", check=False)

    assert (ran.status, "git exp promote fast" in ran.stderr) == (6, True)


def test_promote_records_what_is_there_and_says_how_to_go_on(git: GitIn) -> None:
    squash(git)

    planned = GitExp(git.path)("promote", "fast", "--dry-run")
    done = GitExp(git.path)("promote", "fast")

    assert "record that" in planned.stdout
    assert "main has fast already: recorded as promoted" in done.stdout
    assert "found squashed" in done.stdout
    assert shown(git)["next"] == ["git switch main", "git branch -D exp/fast"]
    for command in (["switch", "main"], ["branch", "-D", "exp/fast"]):
        git(*command)
    assert shown(git)["next"] == []
    assert (shown(git)["state"], shown(git)["verdict"]) == ("promoted", "better")


def undecided(git: GitIn) -> Result:
    """An experiment that was merged before anybody measured it, recorded."""
    create(git.path, plan_for(git, "other"))
    git.commit("Change it", {"new": "new\n"})
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-edit", "exp/other")
    return GitExp(git.path)("promote", "other")


def test_a_merge_without_a_decision_is_a_fact_and_is_said_to_be_one(git: GitIn) -> None:
    done = undecided(git)

    row = GitExp(git.path)("status", "other", "--json").json["experiments"][0]
    logged = GitExp(git.path)("log", "other").stdout

    assert "merged without a decision" in done.stdout
    assert row["state"] == "promoted"
    assert row["verdict"] != "better"
    assert "merged without a decision elsewhere (merged)" in row["reason"]
    assert "(merged elsewhere), without a decision" in logged


def test_an_override_given_for_a_merge_made_by_hand_is_recorded(git: GitIn) -> None:
    merge(git)

    GitExp(git.path)("promote", "fast", "--override", "the release needs it")

    promoted = experiment(git.path).promoted
    assert promoted is not None
    assert isinstance(promoted.body, Promoted)
    assert promoted.body.override == "the release needs it"


def test_what_was_merged_and_taken_out_can_be_dropped_or_made_anew(git: GitIn) -> None:
    merge(git)
    git("revert", "--no-edit", "-m", "1", "HEAD")

    row = shown(git)
    ran = GitExp(git.path)("run", "fast", "--blocks", "1", check=False)
    anew = GitExp(git.path)("create", "--like", "fast", "--no-checkout", "--json").json
    GitExp(git.path)("rollback", "fast")

    assert row["next"] == ["git exp rollback fast"]
    assert (ran.status, "took it out again" in ran.stderr) == (6, True)
    again = git("show", f"exp/{anew['id']}:{LIB}")
    assert again == changed(LINES).rstrip("\n")
    assert shown(git)["state"] == "rolled-back"
    assert git("rev-parse", "main") == git.id("main")
