"""`git exp hooks`: where it writes, where it does not, and what it says then."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from gitexp.hooks import texts
from tests.cli.scenes import refused
from tests.hooks.lab import OLD, snapshot, with_remote, write_hook
from tests.support import GitExp, GitIn, Result

SHARED = Path(".git", "exp", "hooks")


def states(result: Result) -> list[tuple[str, str | None]]:
    """(state, through) of post-commit and pre-push."""
    return [(hook["state"], hook["through"]) for hook in result.json["hooks"]]


def install(git_exp: GitExp) -> Result:
    return git_exp("hooks", "install", "--json")


def status(git_exp: GitExp) -> Result:
    return git_exp("hooks", "status", "--json")


def follow(result: Result, cwd: Path) -> None:
    """Type every command the answer says to add."""
    for command in result.json["add"]:
        subprocess.run(["sh", "-c", command], cwd=cwd, check=True)


ACTIVE = [("active", "git")] * 2
MISSING = [("not installed", None)] * 2


def test_install_puts_both_where_git_looks_and_where_others_call_them(
    repo: Path, git_exp: GitExp
) -> None:
    said = install(git_exp)

    assert states(said) == ACTIVE
    for name in texts.NAMES:
        for folder in (Path(".git", "hooks"), SHARED):
            assert (repo / folder / name).read_bytes() == texts.script(name)
            assert os.access(repo / folder / name, os.X_OK)


def test_the_hooks_folder_is_left_as_it_was_found(repo: Path, git_exp: GitExp) -> None:
    before = sorted((repo / ".git").rglob("*"))
    assert not (repo / ".git" / "hooks").exists()

    install(git_exp)
    git_exp("hooks", "uninstall")

    new = set((repo / ".git").rglob("*")) - set(before)
    assert {str(path.relative_to(repo / ".git")) for path in new} <= {"exp", "exp/lock"}


@pytest.mark.parametrize("content", [OLD, None])
def test_a_folder_that_was_there_stays_as_it_was(
    repo: Path, git_exp: GitExp, content: str | None
) -> None:
    folder = repo / ".git" / "hooks"
    folder.mkdir()
    if content is not None:
        write_hook(folder, "pre-push", content, 0o710)
        write_hook(folder, "pre-commit", content)
    before = snapshot(folder)

    install(git_exp)
    assert len(snapshot(folder)) > len(before)
    git_exp("hooks", "uninstall")

    assert snapshot(folder) == before


def test_installing_again_changes_nothing_and_says_so(repo: Path, git_exp: GitExp) -> None:
    write_hook(repo / ".git" / "hooks", "pre-push", OLD)
    install(git_exp)
    before = snapshot(repo / ".git" / "hooks")

    again = git_exp("hooks", "install")

    assert again.stdout.startswith("the hooks are installed already\n")
    assert snapshot(repo / ".git" / "hooks") == before
    assert "undo" not in again.stdout


def test_status_tells_what_runs_first(repo: Path, git_exp: GitExp) -> None:
    write_hook(repo / ".git" / "hooks", "pre-push", '#!/bin/sh\ngit lfs pre-push "$@"\n')
    write_hook(repo / ".git" / "hooks", "post-commit", OLD, 0o644)
    assert states(status(git_exp)) == MISSING

    install(git_exp)
    commit, push = status(git_exp).json["hooks"]

    assert (push["before_kind"], push["before_runs"]) == ("git-lfs", True)
    assert push["before"] == str(repo / ".git" / "hooks" / "pre-push.before-exp")
    assert commit["before_runs"] is False
    said = " ".join(git_exp("hooks", "status").stdout.split())
    assert "runs pre-push.before-exp (git-lfs) first" in said
    assert "post-commit.before-exp is kept and not executable, so it does not run" in said


def test_a_text_of_ours_that_was_edited_is_made_anew(repo: Path, git_exp: GitExp) -> None:
    write_hook(repo / ".git" / "hooks", "pre-push", OLD)
    install(git_exp)
    ours = repo / ".git" / "hooks" / "pre-push"
    ours.write_bytes(ours.read_bytes() + b"echo mine\n")

    assert states(status(git_exp))[1] == ("outdated", "git")
    assert status(git_exp).json["next"] == ["git exp hooks install"]
    install(git_exp)

    assert ours.read_bytes() == texts.script("pre-push")
    git_exp("hooks", "uninstall")
    assert ours.read_text() == OLD


def test_uninstall_where_nothing_was_installed_says_so(git_exp: GitExp) -> None:
    assert git_exp("hooks", "uninstall").stdout.startswith("there were no hooks to take out\n")


# --- core.hooksPath -------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["--local", "--worktree"])
@pytest.mark.parametrize("value", [".git/own hooks", "ignored/hooks", "{tmp}/out'side"])
def test_a_folder_of_this_repository_alone_is_written_to(
    git: GitIn, git_exp: GitExp, tmp_path: Path, scope: str, value: str
) -> None:
    git.commit("Ignore", {".gitignore": "ignored/\n"})
    git("config", "extensions.worktreeConfig", "true")
    folder = git.path / value.format(tmp=tmp_path)
    folder.parent.mkdir(exist_ok=True)
    git("config", scope, "core.hooksPath", value.format(tmp=tmp_path))

    assert states(git_exp("hooks", "install", "--json", cwd=git.path / "src")) == ACTIVE

    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == [*texts.NAMES]
    assert not (git.path / ".git" / "hooks").exists()
    git_exp("hooks", "uninstall")
    assert not folder.exists()


@pytest.mark.parametrize("is_tracked", [True, False])
def test_a_folder_in_the_worktree_is_not_touched_and_the_line_works(
    git: GitIn, git_exp: GitExp, is_tracked: bool
) -> None:
    folder = git.path / "git hooks"
    write_hook(folder, "pre-push", "#!/bin/sh\necho theirs >>order")  # no line end
    if is_tracked:
        git.commit("Add hooks")
    git("config", "core.hooksPath", "git hooks")
    before = snapshot(folder)

    said = install(git_exp)

    assert (states(said), said.status) == (MISSING, 0)
    assert snapshot(folder) == before
    assert str(folder) in git_exp("hooks", "install").stdout.replace("\n           ", " ")
    follow(said, git.path)
    assert states(install(git_exp)) == [("active", "a hook of yours")] * 2
    assert install(git_exp).json["add"] == []


def test_the_line_does_nothing_for_those_without_gitexp(git: GitIn, git_exp: GitExp) -> None:
    git("config", "core.hooksPath", "shared")
    (git.path / "shared").mkdir()
    follow(install(git_exp), git.path)
    git("switch", "--quiet", "--create", "exp/fast")
    git.commit("Add hooks")
    git("clone", "--quiet", ".", "../teammate")
    theirs = GitIn(git.path.parent / "teammate")
    theirs("config", "core.hooksPath", "shared")
    theirs("remote", "set-url", "origin", str(with_remote(git, "there")))

    theirs.commit("Their commit")
    theirs("push", "--quiet", "origin", "HEAD")

    assert theirs("ls-remote", "origin", "exp/fast") != ""


def test_a_tracked_folder_in_another_worktree_counts_as_tracked(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    git.commit("Add hooks", {"shared/pre-push": OLD})
    git("config", "core.hooksPath", str(git.path / "shared"))
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))

    said = git_exp("hooks", "install", "--json", cwd=tmp_path / "linked")

    assert said.json["why_not"] == "holds tracked files"


def test_a_link_to_a_folder_of_the_worktree_is_not_written_through(
    git: GitIn, git_exp: GitExp
) -> None:
    git.commit("Add hooks", {"shared/pre-push": OLD})
    (git.path / ".git" / "hooks").symlink_to("../shared")

    said = install(git_exp)
    git_exp("hooks", "uninstall")

    assert said.json["why_not"] == "is a link to ../shared"
    assert git("status", "--porcelain") == ""


@pytest.mark.parametrize("scope", ["--global", "-c"])
def test_a_folder_for_all_repositories_is_refused_and_the_line_works(
    git: GitIn, git_exp: GitExp, home: Path, scope: str
) -> None:
    folder = home / "all my hooks"
    folder.mkdir()
    env = {}
    if scope == "-c":
        env = {"GIT_CONFIG_PARAMETERS": f"'core.hooksPath'={shlex.quote(str(folder))}"}
    else:
        git("config", "--global", "core.hooksPath", str(folder))

    said = git_exp("hooks", "install", check=False, env=env)

    refused(said, 6, "nothing is written there", "exp/hooks/pre-push")
    assert list(folder.iterdir()) == []
    assert not (git.path / ".git" / "hooks").exists()
    add = said.stderr.splitlines()[1].removeprefix("hint: let its hooks call ours: ")
    subprocess.run(["sh", "-c", add], check=True)
    done = git_exp("hooks", "install", "--json", env=env)
    assert states(done) == [("active", "a hook of yours")] * 2


@pytest.mark.parametrize("value", ["/dev/null", ""])
def test_hooks_that_are_switched_off_are_refused_with_the_switch(
    git: GitIn, git_exp: GitExp, value: str
) -> None:
    git("config", "core.hooksPath", value)
    assert states(status(git_exp)) == MISSING

    said = git_exp("hooks", "install", check=False)

    refused(said, 6, "switched off")
    assert not (git.path / ".git" / "exp").exists()
    hint = said.stderr.splitlines()[1].removeprefix("hint: ")
    subprocess.run(hint.split(), cwd=git.path, check=True)
    assert states(install(git_exp)) == ACTIVE


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder root cannot write to")
def test_a_folder_that_cannot_be_written_is_refused(git: GitIn, git_exp: GitExp) -> None:
    git("config", "core.hooksPath", "/sys/kernel")

    refused(git_exp("hooks", "install", check=False), 6, "/sys/kernel", "writable")


def test_hooks_of_an_earlier_hooks_path_are_taken_out_too(
    git: GitIn, git_exp: GitExp, tmp_path: Path
) -> None:
    write_hook(git.path / ".git" / "hooks", "pre-push", OLD)
    before = snapshot(git.path / ".git" / "hooks")
    install(git_exp)
    git("config", "core.hooksPath", str(tmp_path / "elsewhere"))
    install(git_exp)

    git_exp("hooks", "uninstall")

    assert snapshot(git.path / ".git" / "hooks") == before
    assert not (tmp_path / "elsewhere").exists()


# --- other kinds of repositories ------------------------------------------------------------


def test_a_linked_worktree_shares_the_hooks(git: GitIn, git_exp: GitExp, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))

    assert states(git_exp("hooks", "install", "--json", cwd=tmp_path / "linked")) == ACTIVE

    assert (git.path / ".git" / "hooks" / "pre-push").exists()
    assert states(status(git_exp)) == ACTIVE


def test_a_bare_repository_may_have_them(git: GitIn, git_exp: GitExp, tmp_path: Path) -> None:
    git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))

    assert states(git_exp("hooks", "install", "--json", cwd=tmp_path / "bare.git")) == ACTIVE

    assert (tmp_path / "bare.git" / "hooks" / "pre-push").exists()


@pytest.mark.parametrize("name", ['it\'s a "$HOME"', "ü 日本", "line\nbreak", "esc\x1b[31m"])
def test_a_folder_of_any_name_is_installed_to_and_told_safely(
    git: GitIn, git_exp: GitExp, tmp_path: Path, name: str
) -> None:
    moved = tmp_path / name
    git.path.rename(moved)

    said = git_exp("hooks", "install", cwd=moved)
    told = git_exp("hooks", "status", "--json", cwd=moved)

    assert states(told) == ACTIVE
    assert told.json["folder"] == str(moved / ".git" / "hooks")
    assert "\x1b" not in said.stdout + told.stdout


def test_outside_of_a_repository_it_says_so(git_exp: GitExp, tmp_path: Path) -> None:
    refused(git_exp("hooks", "status", cwd=tmp_path, check=False), 128, "not inside a git repo")


def test_without_a_word_it_asks_for_one(git_exp: GitExp) -> None:
    refused(git_exp("hooks", check=False), 129, "missing command", "git exp hooks -h")
