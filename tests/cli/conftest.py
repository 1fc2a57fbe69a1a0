"""Repositories with an experiment in them, made by the installed program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import copy, prepare, start
from tests.support import GitExp, GitIn

WRITER = "ann"
"""Named, because a copied clone is another writer than its original."""


@pytest.fixture(scope="session")
def bench_template(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a benchmark on main."""
    folder = tmp_path_factory.mktemp("bench") / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    prepare(GitIn(folder))
    return folder


@pytest.fixture(scope="session")
def ready_template(bench_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an experiment whose change is committed, nothing measured."""
    folder = tmp_path_factory.mktemp("ready") / "repo"
    shutil.copytree(bench_template, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", WRITER)
        start(GitIn(folder))
    return folder


@pytest.fixture(scope="session")
def decided_template(ready_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an experiment whose six blocks were run: it is better."""
    folder = tmp_path_factory.mktemp("decided") / "repo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", WRITER)
        git = copy(ready_template, folder)
        GitExp(git.path)("run", "fast")
    return folder


@pytest.fixture
def repo(bench_template: Path, tmp_path: Path) -> Path:
    """A repository of the test's own with a benchmark, on main, clean."""
    folder = tmp_path / "repo"
    shutil.copytree(bench_template, folder, symlinks=True)
    return folder


@pytest.fixture
def ready(ready_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    """git where exp/fast holds a change, is checked out, and nothing was measured."""
    monkeypatch.setenv("GITEXP_WRITER", WRITER)
    return copy(ready_template, tmp_path / "ready")


@pytest.fixture
def decided(decided_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    """git where exp/fast is checked out and was found better."""
    monkeypatch.setenv("GITEXP_WRITER", WRITER)
    return copy(decided_template, tmp_path / "decided")
