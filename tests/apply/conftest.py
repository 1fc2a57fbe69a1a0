"""Repositories with an experiment in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitexp.store import recovery
from tests.apply.lab import DATES, begin
from tests.support import GitIn


@pytest.fixture(autouse=True)
def _dated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DATES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other git is at work in these repositories whose locks would have to be waited for."""
    monkeypatch.setattr(recovery, "_LIVE_LOCK_S", 0.05)


@pytest.fixture(scope="session")
def decided_template(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a decided experiment, exp/fast checked out."""
    folder = tmp_path_factory.mktemp("decided") / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in DATES.items():
            patch.setenv(name, value)
        begin(GitIn(folder))
    return folder


@pytest.fixture
def decided(decided_template: Path, tmp_path: Path) -> GitIn:
    """git in a repository with a decided experiment, exp/fast checked out."""
    folder = tmp_path / "decided"
    shutil.copytree(decided_template, folder, symlinks=True)
    return GitIn(folder)
