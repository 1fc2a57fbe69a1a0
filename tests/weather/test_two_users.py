"""One repository, two users of one group (`git init --shared=group`)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitexp
from tests.cli.scenes import CREATE, prepare, trials
from tests.support import BIN, GitIn, write_config

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only the system's administrator can be two users"
)
GROUP, ANN, BOB = 64001, 64002, 64003
PROGRAMS = (
    [str(BIN / "git-exp")],
    ["/usr/bin/python3", "-c", "import sys; from gitexp.entry import main; sys.exit(main())"],
)
"""The second where the first is in a folder that is its owner's alone, such as /root."""
PACKAGES = os.pathsep.join([str(Path(gitexp.__file__).parents[1]), *map(str, sys.path[1:])])


def program() -> list[str]:
    """How another user can start `git-exp`."""
    for each in PROGRAMS:
        with contextlib.suppress(OSError):
            done = subprocess.run(
                [*each, "--version"],
                env={**os.environ, "PYTHONPATH": PACKAGES},
                user=ANN,
                group=GROUP,
                capture_output=True,
                check=False,
            )
            if done.returncode == 0:
                return each
    pytest.skip("other users may not start the program from where it is installed")


class User:
    """A person with a home, in the group."""

    def __init__(self, uid: int, home: Path, repo: Path, program: list[str]) -> None:
        self.program = program
        self.uid, self.home, self.repo = uid, home, repo
        write_config(home)
        with (home / "gitconfig").open("a") as file:
            file.write("[safe]\n\tdirectory = *\n")
        for path in (home, home / "gitconfig"):
            os.chown(path, uid, GROUP)

    def type(self, *args: str, program: list[str] | None = None) -> str:
        """What a command that succeeds prints."""
        done = subprocess.run(
            [*(program or self.program), *args],
            cwd=self.repo,
            env={
                **os.environ,
                "HOME": str(self.home),
                "PYTHONPATH": PACKAGES,
                "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
                "GITEXP_WRITER": f"user-{self.uid}",
                **{f"XDG_{n}_HOME": str(self.home / n) for n in ("CACHE", "STATE", "CONFIG")},
            },
            capture_output=True,
            text=True,
            check=False,
            user=self.uid,
            group=GROUP,
            extra_groups=[],
            umask=0o007,
        )
        assert done.returncode == 0, f"{args}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def users() -> Iterator[tuple[User, User]]:
    # what is above belongs to root alone
    folder = Path(tempfile.mkdtemp(prefix="exp-users-", dir="/tmp"))
    folder.chmod(0o755)
    repo = folder / "repo"
    repo.mkdir()
    git = GitIn(repo)
    git("init", "--quiet", "--shared=group")
    prepare(git)
    subprocess.run(["chgrp", "-R", str(GROUP), str(repo)], check=True)
    subprocess.run(["chmod", "-R", "g+rwX", str(repo)], check=True)
    subprocess.run(f"find '{repo}' -type d -exec chmod g+s {{}} +", shell=True, check=True)
    ann, bob = (User(uid, folder / str(uid), repo, program()) for uid in (ANN, BOB))
    yield ann, bob
    shutil.rmtree(folder)


def test_each_goes_on_where_the_other_stopped(users: tuple[User, User]) -> None:
    ann, bob = users
    ann.type(*CREATE, "--run", "./bench.sh")
    (ann.repo / "speed").write_text("10\n")
    ann.type("commit", "--quiet", "-am", "Faster", program=["git"])
    ann.type("run", "--blocks", "2")
    bob.type("trust", "fast")

    bob.type("record", "fast", "--arm", "control", "-m", "score=20", "--trial-id", "b")
    ann.type("record", "fast", "--arm", "control", "-m", "score=21", "--trial-id", "a")
    bob.type("status")
    ann.type("run")
    ann.type("promote")
    bob.type("rollback", "fast", "--reason", "slower here")
    ann.type("restore", "fast")
    bob.type("doctor", "--fix")
    found = ann.type("log", "fast")

    assert "slower here" in found
    git = GitIn(ann.repo)
    subprocess.run(["git", "config", "--global", "--add", "safe.directory", "*"], check=True)
    assert len(trials(git)) == 14
    git("fsck", "--strict")
    assert [path for path in (ann.repo / ".git").rglob("*") if not _for_the_group(path)] == []


def _for_the_group(path: Path) -> bool:
    status = path.lstat()
    return status.st_gid == GROUP and (path.is_symlink() or bool(status.st_mode & 0o040))
