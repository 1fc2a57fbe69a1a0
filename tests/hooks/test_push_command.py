"""What the arguments of a push mean to us is what they mean to git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitexp.app.push_command import PushCommand, push_command
from gitexp.store.callers import CommandLine, callers
from tests.support import GitIn

RECORDER = """#!/bin/sh
cp "/proc/$PPID/cmdline" "$NOTED"
"""


@pytest.fixture
def there(git: GitIn, tmp_path: Path) -> GitIn:
    """A repository to push to."""
    git("init", "--quiet", "--bare", str(tmp_path / "there.git"))
    git("remote", "add", "there", str(tmp_path / "there.git"))
    there = GitIn(tmp_path / "there.git")
    there("config", "receive.advertisePushOptions", "true")
    hook = git.write(".git/hooks/pre-push", RECORDER)
    hook.chmod(0o755)
    return there


@pytest.mark.parametrize(
    "args",
    [
        "push there HEAD:refs/heads/x",
        "push -n there HEAD:refs/heads/x",
        "push there HEAD:refs/heads/x -n",
        "push -fvn there HEAD:refs/heads/x",
        "push --dry-run --no-dry-run there HEAD:refs/heads/x",
        "push --no-dry-run -n there HEAD:refs/heads/x",
        "push --dr there HEAD:refs/heads/x",
        "push --dry-ru there HEAD:refs/heads/x --no-dr",
        "push -o -n there HEAD:refs/heads/x",
        "push -o --dry-run there HEAD:refs/heads/x",
        "push -on there HEAD:refs/heads/x",
        "push -vno x there HEAD:refs/heads/x",
        "push --push-option -n there HEAD:refs/heads/x",
        "push --pus -n there HEAD:refs/heads/x",
        "push --push-option=a -n there HEAD:refs/heads/x",
        "push --repo -n there HEAD:refs/heads/x",
        "push --recurse-submodules no -n there HEAD:refs/heads/x",
        "push --receive-pack git-receive-pack --dry-run there HEAD:refs/heads/x",
        "push there -- HEAD:refs/heads/x",
        "push --no-mirror there HEAD:refs/heads/x",
        "push --mirror there",
        "push --mirror -n there",
        "push --mi there",
        "push --mirror --no-mirror there HEAD:refs/heads/x",
        "-c push.default=push -C . push -n there HEAD:refs/heads/x",
        "-c alias.p=push\\ -n p there HEAD:refs/heads/x",
        "--git-dir .git --work-tree . push --dry-run there HEAD:refs/heads/x",
        "--no-pager --exec-path push there HEAD:refs/heads/x",
    ],
)
def test_it_is_read_as_git_reads_it(git: GitIn, there: GitIn, tmp_path: Path, args: str) -> None:
    noted = tmp_path / "noted"
    there("update-ref", "refs/heads/extra", _empty_commit(there))
    words = [word.replace("\0", " ") for word in args.replace("\\ ", "\0").split(" ")]

    git(*words, env={"NOTED": str(noted)}, check=False)

    before = {"refs/heads/extra"}
    after = set(there("for-each-ref", "--format=%(refname)").split())
    if not noted.exists():
        assert after == before  # git refused it, and no hook was asked
        return
    line = tuple(map(os.fsdecode, noted.read_bytes().split(b"\0")[:-1]))
    found = push_command([CommandLine(line, is_exact=True)])
    assert found is not None
    assert found.is_dry_run == (after == before)
    if not found.is_dry_run:
        assert found.is_mirror == ("refs/heads/extra" not in after)


def _empty_commit(git: GitIn) -> str:
    return git("commit-tree", "-m", "x", git("mktree"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sh .git/hooks/pre-push there", None),
        ("git pushy -n", None),
        ("git", None),
        ("", None),
        ("/usr/lib/git-core/git-push -n there", PushCommand(True, False)),
        ("git push -o a -n b there", PushCommand(True, False)),
        ("git push there --mirror", PushCommand(False, True)),
    ],
)
def test_where_blanks_divide_words_anything_that_may_be_a_rehearsal_is_one(
    line: str, found: PushCommand | None
) -> None:
    assert push_command([CommandLine(tuple(line.split()), is_exact=False)]) == found


def test_the_nearest_push_counts() -> None:
    outer = CommandLine(("git", "push", "--recurse-submodules=on-demand"), is_exact=True)
    inner = CommandLine(("git", "push", "-n"), is_exact=True)
    shell = CommandLine(("sh", "-c", "git push"), is_exact=True)

    assert push_command([shell, inner, outer]) == PushCommand(True, False)


def test_the_callers_of_a_process_are_its_ancestors() -> None:
    found = [line.words for line in callers(os.getpid())]

    with_ps = subprocess.run(
        ["ps", "-o", "args=", "-p", str(os.getppid())], capture_output=True, text=True, check=True
    ).stdout
    assert " ".join(found[1]).split() == with_ps.split()
    assert [*callers(2**22 + 1)] == []
