"""A repository with an experiment on a small program, to be used for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.live.using import Desk
from tests.support import GitExp, GitIn

PROGRAM = """#!/bin/sh
# old
echo "$GITEXP_ARM $(cat version)"
echo "score=$(cat version)" >>"${GITEXP_METRICS:-/dev/null}"
exit "${STATUS:-0}"
"""


@pytest.fixture(scope="session")
def desk_template(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """exp/fast is checked out and holds a change; nothing was measured."""
    folder = tmp_path_factory.mktemp("desk") / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    git = GitIn(folder)
    git.write("tool.sh", PROGRAM).chmod(0o755)
    git.write("sub/inner.sh", PROGRAM.replace("cat version", "cat ../version")).chmod(0o755)
    git.commit("Add a tool", {"version": "20\n"})
    GitExp(folder)(
        "create", "fast", "--hypothesis", "a table lowers the score by 20 %",
        "--metric", "score:lower", "--max-blocks", "100", "--command", "tool",
    )  # fmt: skip
    git.commit("Use a table", {"version": "10\n"})
    return folder


@pytest.fixture
def desk(desk_template: Path, tmp_path: Path) -> Desk:
    folder = tmp_path / "desk"
    shutil.copytree(desk_template, folder, symlinks=True)
    desk = Desk(GitIn(folder))
    desk.exp("trust", "fast", "--yes")
    desk.exp("handover", "fast")  # a copied clone is another writer
    return desk
