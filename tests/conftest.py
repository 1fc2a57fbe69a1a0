"""The seal: no test sees the user's configuration, home, terminal or clock settings."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import WARM, GitExp, GitIn, sealed, write_config

# Laws are checked on many examples, and no example is timed: other work may share the machine. A
# developer's run looks for new ones each time; continuous integration must not fail by chance over
# a change that has nothing to do with them, so there they are the same until the test changes.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("untimed")


IN_MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30
"""Bytes; all tests together fill less than half of that."""


def pytest_configure(config: pytest.Config) -> None:
    """Tests write to memory where they can: a disk would have them wait at every fsync.

    What they leave is gone when they end; `--basetemp` names a folder that stays.
    """
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.basetemp is not None or not _can_hold_tests(IN_MEMORY):
        return
    for left in IN_MEMORY.glob("exp-tests-*-*"):
        # whoever made it was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"exp-tests-{os.getpid()}-", dir=IN_MEMORY)
    config.option.basetemp = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def _can_hold_tests(folder: Path) -> bool:
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= ENOUGH


@pytest.fixture(scope="session", autouse=True)
def _sealed_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fixtures that outlive a test are as sealed as the tests are."""
    with pytest.MonkeyPatch.context() as patch:
        _seal(patch, tmp_path_factory.mktemp("session-home"))
        _let_interrupts_through()
        yield
    WARM.end()


@pytest.fixture(autouse=True)
def home(
    _sealed_session: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A home of the test's own: what one test trusts or caches, no other sees."""
    folder = tmp_path_factory.mktemp("home")
    _seal(monkeypatch, folder)
    return folder


@pytest.fixture(scope="session")
def repository_template(_sealed_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits on main, to be copied, not changed."""
    folder = tmp_path_factory.mktemp("template") / "repo"
    folder.mkdir()
    git = GitIn(folder)
    git("init", "--quiet")
    # copying some twenty sample hooks would cost more than all the rest
    shutil.rmtree(folder / ".git" / "hooks", ignore_errors=True)
    dated = {
        "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
    }
    git.write("README", "a small program\n")
    git.write("work.sh", "#!/bin/sh\nprintf 'METRIC score=1\\n'\n").chmod(0o755)
    git("add", "--all")
    git("commit", "--quiet", "-m", "Begin", env=dated)
    git.write("src/lib.txt", "one\ntwo\nthree\n")
    git("add", "--all")
    git("commit", "--quiet", "-m", "Add a library", env=dated)
    return folder


@pytest.fixture
def repo(repository_template: Path, tmp_path: Path) -> Path:
    """A repository of the test's own, on main, clean."""
    folder = tmp_path / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    return folder


@pytest.fixture
def git(repo: Path) -> GitIn:
    """git in that repository."""
    return GitIn(repo)


@pytest.fixture
def git_exp(repo: Path) -> GitExp:
    """The installed program in that repository, without a terminal."""
    return GitExp(repo)


def _let_interrupts_through() -> None:
    """What tests start can be interrupted, even if a shell started the tests in its background.

    Such a shell has SIGINT ignored in them, and whatever they start would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _seal(patch: pytest.MonkeyPatch, home: Path) -> None:
    write_config(home)
    environment = sealed(home)
    for name in set(os.environ) - set(environment) - {"PYTEST_CURRENT_TEST"}:
        patch.delenv(name)
    for name, value in environment.items():
        if os.environ.get(name) != value:
            patch.setenv(name, value)
