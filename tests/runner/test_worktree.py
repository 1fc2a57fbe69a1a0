"""Checkouts of both arms."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from gitexp.errors import GitexpError, Refused
from gitexp.model import ExperimentId, Oid
from gitexp.runner.process import Launcher
from gitexp.runner.worktree import Checkout, Recipe, Worktrees, default_base
from gitexp.store.git import Git
from tests.support import GitIn

EXP = ExperimentId("fast")
Open = Callable[..., AbstractContextManager[Checkout]]


@pytest.fixture
def worktrees(repo: Path) -> Worktrees:
    return worktrees_of(repo)


def worktrees_of(repo: Path) -> Worktrees:
    git = Git.open(repo)
    base = default_base(os.environ)
    return Worktrees(git, common_dir=git.common_dir, user_checkout=git.top, base=base)


@pytest.fixture
def checkout(worktrees: Worktrees, launcher: Launcher, env: dict[str, str]) -> Open:
    return lambda recipe: worktrees.checkout(EXP, recipe, launcher=launcher, env=env)


def recipe(git: GitIn, *, commit: str = "HEAD", control: str | None = None) -> Recipe:
    oid = Oid(git.id(commit))
    return Recipe(
        commit=oid, tree=Oid(git.id(f"{oid}^{{tree}}")), control=Oid(git.id(control or commit))
    )


def with_setup(base: Recipe, command: str) -> Recipe:
    return dataclasses.replace(base, setup=command)


def with_links(base: Recipe, *links: str) -> Recipe:
    return dataclasses.replace(base, links=links)


def files(folder: Path) -> dict[str, str]:
    """Tracked and untracked files with their text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


@pytest.fixture
def harnessed(git: GitIn) -> Recipe:
    """A treatment that edits, adds and removes files of the harness, and changes the code."""
    git.commit("harness", {"bench/run.sh": "echo honest\n", "bench/gone.txt": "keep me\n"})
    control = git.id("HEAD")
    (git.path / "bench" / "gone.txt").unlink()
    cheat = {"bench/run.sh": "echo cheat\n", "bench/extra/new.txt": "x\n", "work.sh": "faster\n"}
    git.commit("treatment", cheat)
    git("checkout", "--quiet", "HEAD^", "--", "bench")
    (git.path / "bench" / "extra" / "new.txt").unlink()
    git("add", "--all")
    tree = git("write-tree")
    git("reset", "--quiet", "--hard")
    return Recipe(
        commit=Oid(git.id("HEAD")), tree=Oid(tree), control=Oid(control), harness=("bench",)
    )


def test_a_checkout_holds_the_commit_and_leaves_the_user_alone(git: GitIn, checkout: Open) -> None:
    first = recipe(git, commit="HEAD^")

    with checkout(first) as made:
        assert set(files(made.path)) == {"README", "work.sh"}
        assert GitIn(made.path).id("HEAD") == first.commit
        assert GitIn(made.path)("symbolic-ref", "--quiet", "HEAD", check=False) == ""

    assert git("status", "--porcelain") == ""
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"


def test_both_arms_have_paths_of_equal_length_in_the_cache(
    git: GitIn, worktrees: Worktrees, home: Path
) -> None:
    control = worktrees.path(EXP, recipe(git, commit="HEAD^"))
    treatment = worktrees.path(EXP, with_setup(recipe(git), "make"))

    assert control != treatment
    assert len(str(control)) == len(str(treatment))
    assert control.parents[1].parent == home / "cache" / "gitexp"
    assert control.parents[1].name.startswith("repo-")
    assert len(control.name) == 12


def test_the_base_is_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert default_base({"XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/gitexp")
    assert default_base({}) == Path("/home/me/.cache/gitexp")
    assert default_base({"XDG_CACHE_HOME": "relative"}) == Path("/home/me/.cache/gitexp")


def test_a_relative_base_is_refused(repo: Path) -> None:
    git = Git.open(repo)

    with pytest.raises(ValueError, match="must be absolute"):
        Worktrees(git, common_dir=git.common_dir, user_checkout=repo, base=Path("x"))


def test_a_ready_checkout_is_reused_with_what_was_built_in_it(git: GitIn, checkout: Open) -> None:
    made_once = with_setup(recipe(git), "echo once >> setup.log")
    with checkout(made_once) as first:
        (first.path / "built.o").write_text("object code")

    with checkout(made_once) as second:
        assert second == first
        assert (second.path / "built.o").exists()
        assert (second.path / "setup.log").read_text() == "once\n"


@pytest.mark.parametrize("change", ["edit", "delete", "commit", "stage"])
def test_a_checkout_whose_tracked_files_changed_is_made_anew(
    git: GitIn, checkout: Open, change: str
) -> None:
    made = with_setup(recipe(git), "echo generated > src/lib.txt")
    with checkout(made) as first:
        inside = GitIn(first.path)
        match change:
            case "edit":
                inside.write("src/lib.txt", "generated by a trial\n")
            case "delete":
                (first.path / "README").unlink()
            case "commit":
                inside.commit("a trial commits")
            case _:
                inside.write("new.txt", "x\n")
                inside("add", "new.txt")

    with checkout(made) as second:
        assert GitIn(second.path)("status", "--porcelain") == " M src/lib.txt"
        assert (second.path / "src" / "lib.txt").read_text() == "generated\n"
        assert GitIn(second.path).id("HEAD") == made.commit


def remove_marker(path: Path, _git: GitIn) -> None:
    path.with_name(f"{path.name}.json").unlink()


def damage_marker(path: Path, _git: GitIn) -> None:
    path.with_name(f"{path.name}.json").write_text("[")


def remove_folder(path: Path, _git: GitIn) -> None:
    shutil.rmtree(path)


def remove_and_prune(path: Path, git: GitIn) -> None:
    shutil.rmtree(path)
    git("worktree", "prune")


def remove_metadata(_path: Path, git: GitIn) -> None:
    shutil.rmtree(git.path / ".git" / "worktrees")


def lock_and_remove(path: Path, git: GitIn) -> None:
    git("worktree", "lock", str(path))
    shutil.rmtree(path)


def replace_by_link(path: Path, git: GitIn) -> None:
    shutil.rmtree(path)
    path.symlink_to(git.path)


@pytest.mark.parametrize(
    "damage",
    [
        remove_marker,
        damage_marker,
        remove_folder,
        remove_and_prune,
        remove_metadata,
        lock_and_remove,
        replace_by_link,
    ],
)
def test_a_damaged_checkout_is_repaired(
    git: GitIn, checkout: Open, damage: Callable[[Path, GitIn], None]
) -> None:
    with checkout(recipe(git)) as first:
        pass
    damage(first.path, git)

    with checkout(recipe(git)) as second:
        assert GitIn(second.path)("status", "--porcelain") == ""
        assert not second.path.is_symlink()
    assert (git.path / "README").exists()
    assert git("worktree", "list", "--porcelain").count(str(first.path)) == 1


def test_hooks_of_the_user_do_not_run(git: GitIn, checkout: Open, tmp_path: Path) -> None:
    hook = git.path / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)

    with checkout(recipe(git)):
        pass

    assert not (tmp_path / "ran").exists()


def test_variables_of_a_surrounding_git_do_not_matter(
    git: GitIn, checkout: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (git.path / ".git" / "index").read_bytes()
    monkeypatch.setenv("GIT_DIR", str(git.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(git.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(git.path / ".git" / "index"))

    with checkout(recipe(git, commit="HEAD^")) as made:
        assert set(files(made.path)) == {"README", "work.sh"}

    assert (git.path / ".git" / "index").read_bytes() == index


def test_a_wrong_tree_is_noticed(git: GitIn, checkout: Open) -> None:
    wrong = dataclasses.replace(recipe(git), tree=Oid(git.id("HEAD^^{tree}")))

    with pytest.raises(GitexpError, match="holds tree"), checkout(wrong):
        pass


def test_a_linked_worktree_will_do(git: GitIn, tmp_path: Path, launcher: Launcher) -> None:
    git("worktree", "add", "--quiet", "--detach", str(tmp_path / "second"))
    here, there = worktrees_of(git.path), worktrees_of(tmp_path / "second")

    assert here.root == there.root
    with there.checkout(EXP, recipe(git), launcher=launcher, env=os.environ) as made:
        assert (made.path / "README").exists()


# --- harness --------------------------------------------------------------------------------


def test_the_harness_comes_from_control(checkout: Open, harnessed: Recipe) -> None:
    with checkout(harnessed) as made:
        found = files(made.path)

    assert found["bench/run.sh"] == "echo honest\n"
    assert found["bench/gone.txt"] == "keep me\n"
    assert "bench/extra/new.txt" not in found
    assert found["work.sh"] == "faster\n"


def test_the_harness_of_control_is_its_own(checkout: Open, git: GitIn, harnessed: Recipe) -> None:
    control = dataclasses.replace(recipe(git, commit=harnessed.control), harness=harnessed.harness)

    with checkout(control) as made:
        assert GitIn(made.path)("status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["*", ":(top)README", "a b.txt"])
def test_a_harness_path_is_taken_literally(checkout: Open, git: GitIn, name: str) -> None:
    git.commit("harness", {name: "control\n"})
    control = git.id("HEAD")
    tree = git.commit("treatment", {"README": "changed\n"})
    made = dataclasses.replace(recipe(git, commit=tree, control=control), harness=(name,))

    with checkout(made) as found:
        assert files(found.path)["README"] == "changed\n"


def test_a_harness_that_control_does_not_have_is_refused(git: GitIn, checkout: Open) -> None:
    missing = dataclasses.replace(recipe(git), harness=("bench/new.py",))

    with pytest.raises(Refused, match=r"harness 'bench/new\.py' is not in control"):
        checkout(missing).__enter__()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ".git/config", ".", ""])
@pytest.mark.parametrize("option", ["links", "harness"])
def test_paths_that_lead_outside_are_refused(
    git: GitIn, checkout: Open, path: str, option: str
) -> None:
    fine = recipe(git)
    if option == "links":
        outside = with_links(fine, path)
    else:
        outside = dataclasses.replace(fine, harness=(path,))

    with pytest.raises(Refused, match="is not a path inside"):
        checkout(outside).__enter__()


# --- links ----------------------------------------------------------------------------------


def test_links_lead_to_the_users_checkout(git: GitIn, checkout: Open) -> None:
    git.commit("ignore", {".gitignore": "node_modules/\nbig.csv\n"})
    git.write("node_modules/left-pad/index.js", "pad\n")
    git.write("web/new/big.csv", "1,2\n")

    with checkout(with_links(recipe(git), "node_modules", "web/new/big.csv")) as made:
        assert (made.path / "node_modules").readlink() == git.path / "node_modules"
        assert (made.path / "web/new/big.csv").read_text() == "1,2\n"


def test_setup_runs_after_the_links_are_there(git: GitIn, checkout: Open) -> None:
    git.write("deps/tool", "x\n")

    with checkout(with_setup(with_links(recipe(git), "deps"), "cp deps/tool copied")) as made:
        assert (made.path / "copied").exists()


def test_a_link_to_nothing_is_refused(git: GitIn, checkout: Open) -> None:
    with pytest.raises(Refused, match="--link 'deps': there is no"):
        checkout(with_links(recipe(git), "deps")).__enter__()


def test_a_link_that_vanished_since_is_refused(git: GitIn, checkout: Open) -> None:
    git.write("deps/tool", "x\n")
    with checkout(with_links(recipe(git), "deps")):
        pass
    shutil.rmtree(git.path / "deps")

    with pytest.raises(Refused, match="--link 'deps': there is no"):
        checkout(with_links(recipe(git), "deps")).__enter__()


def test_a_link_in_place_of_committed_files_is_refused(git: GitIn, checkout: Open) -> None:
    with pytest.raises(Refused, match="the commit has it"):
        checkout(with_links(recipe(git), "src")).__enter__()


def test_a_link_below_a_link_to_elsewhere_is_refused(
    git: GitIn, checkout: Open, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "x").mkdir(parents=True)
    (git.path / "deps").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Refused, match="leads outside"):
        checkout(with_links(recipe(git), "deps/x")).__enter__()


def test_removing_a_checkout_leaves_what_it_links_to(
    git: GitIn, checkout: Open, worktrees: Worktrees
) -> None:
    git.write("deps/tool", "x\n")
    with checkout(with_links(recipe(git), "deps")):
        pass

    worktrees.remove_all(EXP)

    assert (git.path / "deps" / "tool").exists()


# --- setup ----------------------------------------------------------------------------------


def test_setup_sees_a_clean_environment(git: GitIn, checkout: Open, env: dict[str, str]) -> None:
    env["GIT_DIR"] = "/nowhere"

    with checkout(with_setup(recipe(git), "env > seen")) as made:
        seen = (made.path / "seen").read_text()

    assert "GIT_DIR" not in seen
    assert f"PWD={made.path}\n" in seen


def test_a_setup_that_fails_is_refused_with_what_it_said(
    git: GitIn, checkout: Open, worktrees: Worktrees
) -> None:
    failing = with_setup(recipe(git), "echo starting; echo 'no such package' >&2; exit 3")

    with pytest.raises(Refused) as caught:
        checkout(failing).__enter__()

    assert "failed with exit status 3: no such package" in caught.value.message
    log = worktrees.path(EXP, failing).with_name(f"{failing.key}.setup.err")
    assert str(log) in caught.value.hint
    assert log.read_text() == "no such package\n"


def test_a_setup_that_failed_is_tried_again_from_scratch(git: GitIn, checkout: Open) -> None:
    once = git.path.parent / "once"
    flaky = with_setup(recipe(git), f"test ! -e left && touch left && mv {once} {once}.used")
    with pytest.raises(Refused):
        checkout(flaky).__enter__()
    once.touch()

    with checkout(flaky) as made:
        assert (made.path / "left").exists()


@pytest.mark.parametrize("command", ["no-such-program", "true && no-such-program"])
def test_a_setup_that_does_not_start_is_refused(git: GitIn, checkout: Open, command: str) -> None:
    with pytest.raises(Refused, match="setup command does not start"):
        checkout(with_setup(recipe(git), command)).__enter__()


# --- removal and concurrency ----------------------------------------------------------------


def test_everything_of_an_experiment_can_be_removed(
    git: GitIn, checkout: Open, worktrees: Worktrees
) -> None:
    with ExitStack() as stack:
        stack.enter_context(checkout(recipe(git, commit="HEAD^")))
        made = stack.enter_context(checkout(with_setup(recipe(git), "mkdir -p a/b; chmod 500 a/b")))
    git("worktree", "lock", str(made.path))
    assert worktrees.experiments() == (EXP,)

    assert worktrees.remove_all(EXP) == ()

    assert worktrees.experiments() == ()
    assert not worktrees.root.exists()
    assert git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert not any((git.path / ".git" / "worktrees").glob("*"))
    assert worktrees.remove_all(EXP) == ()


def test_what_is_not_ours_is_left(git: GitIn, checkout: Open, worktrees: Worktrees) -> None:
    git("worktree", "add", "--quiet", "--detach", str(git.path.parent / "users"))
    with checkout(recipe(git)) as made:
        pass
    (made.path.parent / ".DS_Store").write_text("x")
    shutil.rmtree(git.path.parent / "users")  # as if its drive were not mounted

    worktrees.remove_all(EXP)

    assert (made.path.parent / ".DS_Store").exists()
    assert "users" in git("worktree", "list", "--porcelain")


def test_a_checkout_in_use_is_not_removed(git: GitIn, checkout: Open, worktrees: Worktrees) -> None:
    with checkout(recipe(git)) as used:
        with checkout(recipe(git, commit="HEAD^")) as other:
            pass

        assert worktrees.remove_all(EXP) == (used.path,)

        assert (used.path / "README").exists()
        assert not other.path.exists()
    assert worktrees.remove_all(EXP) == ()


def test_a_changed_checkout_in_use_is_not_pulled_away(
    git: GitIn, checkout: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitexp.runner.worktree._PATIENCE_S", 0.2)

    with checkout(recipe(git)) as used:
        (used.path / "README").write_text("a trial is at it\n")

        with pytest.raises(Refused, match="in use by another process"):
            checkout(recipe(git)).__enter__()

        assert (used.path / "README").read_text() == "a trial is at it\n"


def test_two_users_of_one_checkout_make_it_once(
    git: GitIn, worktrees: Worktrees, env: dict[str, str]
) -> None:
    log = git.path.parent / "log"
    slow = with_setup(recipe(git), f"echo made >> {log}; sleep 0.5")
    found: list[Path] = []

    def use() -> None:
        with Launcher() as own, worktrees.checkout(EXP, slow, launcher=own, env=env) as made:
            found.append(made.path)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert log.read_text() == "made\n"


KILLED = """
import os, sys
from pathlib import Path
from gitexp.model import ExperimentId, Oid
from gitexp.runner.process import Launcher
from gitexp.runner.worktree import Recipe, Worktrees, default_base
from gitexp.store.git import Git
git = Git.open(Path(sys.argv[1]))
trees = Worktrees(
    git, common_dir=git.common_dir, user_checkout=git.top, base=default_base(os.environ)
)
commit, tree = sys.argv[2:4]
recipe = Recipe(commit=Oid(commit), tree=Oid(tree), control=Oid(commit), setup=sys.argv[4])
with Launcher() as launcher, trees.checkout(
    ExperimentId("fast"), recipe, launcher=launcher, env=os.environ
):
    pass
"""


def test_a_build_that_was_killed_is_made_anew(git: GitIn, checkout: Open) -> None:
    flag = git.path.parent / "flag"
    half = with_setup(recipe(git), f"touch half; test -e {flag} || {{ touch {flag}; kill $PPID; }}")
    arguments = [str(git.path), half.commit, half.tree, half.setup or ""]
    subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert flag.exists()

    with checkout(half) as made:
        marker = made.path.with_name(f"{half.key}.json")
        assert json.loads(marker.read_text()).keys() == {"state"}
        assert (made.path / "half").exists()
