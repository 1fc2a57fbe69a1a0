"""A launcher, and a way to find the processes a test has started."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gitexp.runner.process import Launcher


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with Launcher() as started:
        yield started


@pytest.fixture
def token() -> Iterator[str]:
    """A mark to put into the environment of processes; those that carry it end with the test."""
    value = uuid.uuid4().hex
    yield value
    for pid in _carriers(value):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def env(token: str) -> dict[str, str]:
    return {**os.environ, "TEST_TOKEN": token}


@pytest.fixture
def processes(token: str) -> Callable[[], list[str]]:
    """Lists the command lines of living processes that carry the token."""
    return lambda: list(_carriers(token).values())


def _carriers(token: str) -> dict[int, str]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if token.encode() in (folder / "environ").read_bytes():
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = line.decode(errors="replace")
    return found
