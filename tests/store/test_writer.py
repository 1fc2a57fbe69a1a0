"""Who a clone is, and that a copy is somebody else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.errors import Refused, UsageError
from gitexp.model import writer_id
from gitexp.store import writer as writers
from gitexp.store.git import Git
from gitexp.store.store import Store
from gitexp.store.writer import clone_writer, known_writer


@pytest.fixture
def common(repo: Path) -> Path:
    return Git.open(repo).common_dir


def test_it_is_readable_stays_and_is_not_made_by_reading(common: Path) -> None:
    assert known_writer(common, {}) is None
    first = clone_writer(common, {})

    assert writer_id(first) == first
    assert clone_writer(common, {}) == known_writer(common, {}) == first


def test_every_clone_has_its_own(repo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(repo, copy)

    assert Store.open(repo).writer != Store.open(copy).writer


def test_a_linked_worktree_is_the_same_clone(repo: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "worktree", "add", "-q", str(tmp_path / "w")], cwd=repo, check=True)

    assert Store.open(repo).writer == Store.open(tmp_path / "w").writer


@pytest.mark.parametrize(
    "command",
    [
        "cp -r repo copy",
        "cp -a repo copy",
        "mkdir copy && tar -C repo -cf - . | tar -C copy -xpf -",
    ],
)
def test_a_copied_clone_gets_another(repo: Path, tmp_path: Path, command: str) -> None:
    original = Store.open(repo).writer
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)

    assert Store.open(tmp_path / "copy").writer != original
    assert Store.open(repo).writer == original


def test_a_moved_clone_keeps_its_own(repo: Path, tmp_path: Path) -> None:
    original = Store.open(repo).writer
    repo.rename(tmp_path / "moved")

    assert Store.open(tmp_path / "moved").writer == original


def test_another_machine_is_another_writer(common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = clone_writer(common, {})
    monkeypatch.setattr(writers, "_machine", lambda: "elsewhere")

    assert clone_writer(common, {}) != original


def test_a_backup_restored_in_place_is_another_writer(common: Path) -> None:
    original = clone_writer(common, {})
    path = common / "exp" / "writer"
    content = path.read_bytes()
    path.with_name("other").write_bytes(content)
    path.with_name("other").rename(path)

    assert clone_writer(common, {}) != original


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"writer":"A B","token":"","bound":""}', b"null"]
)
def test_a_damaged_file_is_replaced(common: Path, content: bytes) -> None:
    (common / "exp").mkdir()
    (common / "exp" / "writer").write_bytes(content)

    assert clone_writer(common, {}) == known_writer(common, {})


def test_the_variable_replaces_it(common: Path) -> None:
    assert clone_writer(common, {"GITEXP_WRITER": "ci-7"}) == "ci-7"
    assert not (common / "exp").exists()
    with pytest.raises(UsageError, match="not a writer name"):
        clone_writer(common, {"GITEXP_WRITER": "CI 7"})


def test_it_does_not_tell_the_machine(common: Path) -> None:
    clone_writer(common, {})
    stored = json.loads((common / "exp" / "writer").read_text())

    assert set(stored) == {"writer", "token", "bound"}
    assert writers._machine() not in (common / "exp" / "writer").read_text()


def test_a_link_in_its_place_is_refused(common: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (common / "exp").mkdir()
    (common / "exp" / "writer").symlink_to(tmp_path / "victim")

    with pytest.raises(Refused):
        clone_writer(common, {})
    assert (tmp_path / "victim").read_text() == "precious"


def test_processes_that_start_together_agree(repo: Path) -> None:
    code = "from gitexp.store.store import Store; print(Store.open().writer)"
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, cwd=repo, stdout=subprocess.PIPE) for _ in range(4)]

    assert len({process.communicate()[0] for process in started}) == 1
