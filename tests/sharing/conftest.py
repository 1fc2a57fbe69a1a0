"""A shared repository with a benchmark on main, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import prepare
from tests.sharing.village import Clone, Village
from tests.support import GitIn


@pytest.fixture(scope="session")
def shared_template(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("village")
    shutil.copytree(repository_template, folder / "first", symlinks=True)
    git = GitIn(folder / "first")
    prepare(git)
    git("clone", "--quiet", "--bare", ".", str(folder / "shared.git"))
    shutil.rmtree(folder / "shared.git" / "hooks", ignore_errors=True)
    return folder / "shared.git"


@pytest.fixture
def village(shared_template: Path, tmp_path: Path) -> Village:
    """A shared repository of the test's own."""
    shutil.copytree(shared_template, tmp_path / "shared.git")
    return Village(tmp_path)


@pytest.fixture
def ann(village: Village) -> Clone:
    """Who creates the experiment."""
    return village.clone("ann")


@pytest.fixture
def bob(village: Village) -> Clone:
    """A teammate, whose clone was made before."""
    return village.clone("bob")
