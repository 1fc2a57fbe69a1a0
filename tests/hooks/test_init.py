"""`git exp init` installs the hooks where it can, and never fails because it cannot."""

from __future__ import annotations

import subprocess

from gitexp.hooks import texts
from tests.hooks.lab import OLD, snapshot, write_hook
from tests.support import GitExp, GitIn

DONE = "post-commit and pre-push look after experiments"


def test_init_installs_the_hooks_once_and_undo_takes_them_out(git: GitIn, git_exp: GitExp) -> None:
    folder = git.path / ".git" / "hooks"
    write_hook(folder, "pre-push", OLD, 0o700)
    before = snapshot(folder)

    first, second = git_exp("init", "--json").json, git_exp("init", "--json").json

    assert DONE in first["done"]
    assert second["done"] == first["add"] == first["warnings"] == []
    assert (folder / "post-commit").read_bytes() == texts.script("post-commit")
    undone = git_exp("init", "--undo", "--json").json
    assert f"no longer: {DONE}" in undone["done"]
    assert snapshot(folder) == before
    assert git_exp("init", "--undo", "--json").json["done"] == []


def test_init_says_which_line_is_missing_where_the_hooks_are_tracked(
    git: GitIn, git_exp: GitExp
) -> None:
    git.commit("Add hooks", {"shared/pre-push": OLD})
    git("config", "core.hooksPath", "shared")

    said = git_exp("init")

    assert "holds tracked files: let its hooks call ours" in said.stderr
    assert "/exp/hooks/pre-push" in said.stdout
    assert git("status", "--porcelain") == ""
    for command in git_exp("init", "--json").json["add"]:
        subprocess.run(["sh", "-c", command], check=True)
    again = git_exp("init", "--json")
    assert (again.json["add"], again.stderr) == ([], "")


def test_init_warns_where_hooks_are_for_all_repositories(git: GitIn, git_exp: GitExp) -> None:
    git("config", "--global", "core.hooksPath", "/nowhere/hooks")

    said = git_exp("init")

    assert "warning: the hooks folder /nowhere/hooks is named by core.hooksPath" in said.stderr
    assert "exp/hooks/pre-push" in said.stderr
    assert said.stdout.startswith("this clone is set up")


def test_init_goes_on_where_hooks_are_switched_off(git: GitIn, git_exp: GitExp) -> None:
    git("config", "core.hooksPath", "/dev/null")

    said = git_exp("init")

    assert "warning: hooks are switched off" in said.stderr
    assert said.stdout.startswith("this clone is set up")
    assert git_exp("init", "--undo").status == 0
