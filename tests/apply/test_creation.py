"""Creating an experiment: branch, records and archive at once, the user's work untouched."""

from __future__ import annotations

import pytest

from gitexp.errors import GitexpError, Refused
from gitexp.model import Created, Oid, PlanBody, State
from tests.apply.lab import (
    BRANCH,
    EXP,
    assert_sound,
    create,
    do_roll_back,
    experiment,
    head,
    own_refs,
    plan_for,
    snapshot,
)
from tests.support import GitIn


def test_the_plan_commit_is_readable_empty_and_holds_the_plan(git: GitIn) -> None:
    base = git.id("HEAD")

    made = create(git.path, plan_for(git))

    assert git.id(BRANCH) == made.plan_commit == made.made
    assert git("rev-parse", f"{BRANCH}^") == base
    assert git("diff", base, BRANCH) == ""
    body = git("log", "-1", "--format=%B", BRANCH)
    assert body.startswith("Register experiment fast: fast\n\nHypothesis: a table makes")
    plan = git("log", "-1", "--format=%(trailers:key=Exp-Plan,valueonly)", BRANCH).strip()
    found = experiment(git.path)
    assert found.canonical == plan
    assert found.state is State.RUNNING
    kinds = [type(record.body) for record in found.records]
    assert kinds == [PlanBody, Created]
    assert found.plan_commit == made.plan_commit
    assert_sound(git)


def test_uncommitted_work_is_carried_along_as_it_is(git: GitIn) -> None:
    git.write("README", "half done\n")
    git.write("staged.txt", "staged\n")
    git("add", "staged.txt")
    git.write("staged.txt", "and changed again\n")
    git.write("untracked.txt", "new\n")
    before = git("status", "--porcelain"), git("ls-files", "--stage", "--debug")

    create(git.path, plan_for(git))

    assert head(git) == BRANCH
    # the index is not even rewritten
    assert (git("status", "--porcelain"), git("ls-files", "--stage", "--debug")) == before
    assert (git.path / "staged.txt").read_text() == "and changed again\n"


def test_without_checkout_the_user_stays(git: GitIn) -> None:
    before = snapshot(git)

    create(git.path, plan_for(git), checkout=False)

    after = snapshot(git)
    assert (after.heads, after.files, after.statuses) == (
        before.heads,
        before.files,
        before.statuses,
    )
    assert git.id(BRANCH)


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_worktree_gets_the_branch(git: GitIn, exists: bool) -> None:
    path = git.path.parent / "elsewhere" / "fast"
    if exists:
        path.mkdir(parents=True)

    create(git.path, plan_for(git), worktree=path)

    linked = GitIn(path)
    assert head(linked) == BRANCH
    assert linked("status", "--porcelain") == ""
    assert head(git) == "refs/heads/main"
    assert_sound(git)
    linked.commit("Work on", {"README": "there\n"})
    with pytest.raises(Refused, match="checked out in another worktree"):
        do_roll_back(git.path)
    do_roll_back(linked.path)


def test_a_worktree_path_that_is_taken_is_refused(git: GitIn) -> None:
    path = git.path.parent / "mine"
    path.mkdir()
    (path / "thesis.txt").write_text("years of work\n")
    before = snapshot(git), own_refs(git)

    with pytest.raises(Refused, match="exists already"):
        create(git.path, plan_for(git), worktree=path)

    assert (snapshot(git), own_refs(git)) == before
    assert (path / "thesis.txt").read_text() == "years of work\n"
    assert_sound(git)


def test_another_base_is_checked_out_like_a_switch(git: GitIn) -> None:
    git("switch", "--quiet", "-c", "other", "main~1")
    git.write("notes.txt", "mine\n")

    create(git.path, plan_for(git))

    assert head(git) == BRANCH
    assert (git.path / "src/lib.txt").exists()
    assert git("status", "--porcelain") == "?? notes.txt"
    git("switch", "--quiet", "-")
    assert head(git) == "refs/heads/other"


def test_another_base_is_refused_when_files_are_in_the_way(git: GitIn) -> None:
    git("switch", "--quiet", "-c", "other", "main~1")
    git.write("src/lib.txt", "mine\n")
    before = snapshot(git), own_refs(git)

    with pytest.raises(Refused, match=r"untracked files are in the way: src/lib\.txt"):
        create(git.path, plan_for(git))

    assert (snapshot(git), own_refs(git)) == before
    assert_sound(git)


def test_a_detached_user_ends_on_the_branch(git: GitIn) -> None:
    git("switch", "--quiet", "--detach", "main")

    create(git.path, plan_for(git))

    assert head(git) == BRANCH


def test_in_the_middle_of_a_merge_nothing_is_created(git: GitIn) -> None:
    git("switch", "--quiet", "-c", "side", "main~1")
    git.commit("Aside", {"README": "side\n"})
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    before = snapshot(git), own_refs(git)

    with pytest.raises(Refused, match="a merge is under way here"):
        create(git.path, plan_for(git))

    assert (snapshot(git), own_refs(git)) == before


def test_another_experiments_change_is_carried_with_its_author(decided: GitIn) -> None:
    decided(
        "commit", "--quiet", "--amend", "--no-edit", "--author", "Bob <bob@example.com>",
        "--date", "2020-02-02T02:02:02Z",
    )  # fmt: skip
    tip = Oid(decided.id("exp/fast"))

    made = create(decided.path, plan_for(decided, "again"), carry=(EXP, tip))

    assert decided("diff", "exp/fast", "exp/again") == ""
    assert decided("rev-parse", f"{made.made}^") == made.plan_commit
    assert decided("rev-parse", f"{made.plan_commit}^") == decided.id("main")
    shown = decided("log", "-1", "--format=%an %ae %as %s", "exp/again")
    assert shown == "Bob bob@example.com 2020-02-02 Take over the change of exp/fast"
    assert head(decided) == "refs/heads/exp/again"
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


# --- names that are taken --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("refs/heads/exp", "a branch named 'exp' is in the way"),
        ("refs/notes/exp", "the notes ref refs/notes/exp is in the way"),
        ("refs/exp/archive", "the ref refs/exp/archive is in the way"),
        ("refs/heads/exp/fast", "a branch exp/fast exists, and it is no experiment"),
        ("refs/heads/exp/fast/deep", "the branch exp/fast/deep leaves no room for exp/fast"),
        ("refs/notes/exp/fast/bob-1", "an experiment fast exists already"),
        ("refs/notes/remotes/origin/exp/fast/bob-1", "an experiment fast exists already"),
        ("refs/exp/remotes/origin/archive/fast/bob-1", "an experiment fast exists already"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_name_that_is_taken_is_refused(git: GitIn, ref: str, message: str, packed: bool) -> None:
    git("update-ref", ref, "HEAD")
    if packed:
        git("pack-refs", "--all")
    before = git("for-each-ref"), head(git), git("status", "--porcelain")

    with pytest.raises(GitexpError) as refused:
        create(git.path, plan_for(git))

    assert message in refused.value.message
    assert refused.value.hint
    assert (git("for-each-ref"), head(git), git("status", "--porcelain")) == before
    assert_sound(git)


def test_the_hints_for_names_in_the_way_work(git: GitIn) -> None:
    git("update-ref", "refs/notes/exp", "HEAD")
    with pytest.raises(Refused) as refused:
        create(git.path, plan_for(git))
    for command in refused.value.hint.split(" && "):
        git(*command.split()[1:])
    git("update-ref", "refs/heads/exp", "HEAD")
    with pytest.raises(Refused) as refused:
        create(git.path, plan_for(git))
    git(*refused.value.hint.split()[1:])

    create(git.path, plan_for(git))

    assert_sound(git)


def test_an_id_is_not_used_twice_even_after_its_branch_is_gone(decided: GitIn) -> None:
    do_roll_back(decided.path)

    with pytest.raises(Refused, match="and its records are kept"):
        create(decided.path, plan_for(decided))
