"""Desks, made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hooks.desks import WRITER, Desk, set_up


@pytest.fixture(scope="session")
def begun_template(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two blocks measured: nothing is decided."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", WRITER)
        desk = set_up(repository_template, folder)
        desk.measure(1, 2)
    return folder


@pytest.fixture(scope="session")
def decided_template(begun_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All blocks measured, and the decision on record: `better`."""
    folder = tmp_path_factory.mktemp("decided") / "desks"
    shutil.copytree(begun_template, folder, symlinks=True)
    desk = Desk(folder / "ann")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", WRITER)
        desk.measure(3, 4, 5)
        # the last one by the program itself, which then decides
        desk.exp("run", "--blocks", "1")
    assert desk.exp("analyze", "--json").json["verdict"] == "better"
    desk.git("switch", "--quiet", "main")
    return folder


@pytest.fixture
def begun(begun_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk where nothing is decided, on exp/fast."""
    monkeypatch.setenv("GITEXP_WRITER", WRITER)
    shutil.copytree(begun_template, tmp_path / "desks", symlinks=True)
    return Desk(tmp_path / "desks" / "ann")


@pytest.fixture
def decided(decided_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk where `fast` is better, on main."""
    monkeypatch.setenv("GITEXP_WRITER", WRITER)
    shutil.copytree(decided_template, tmp_path / "desks", symlinks=True)
    return Desk(tmp_path / "desks" / "ann")
