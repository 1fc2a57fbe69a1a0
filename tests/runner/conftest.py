"""A launcher, and a way to find the processes a test has started."""

from __future__ import annotations

import os
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
def token() -> str:
    """A mark to put into the environment of processes, to find them again."""
    return uuid.uuid4().hex


@pytest.fixture
def env(token: str) -> dict[str, str]:
    return {**os.environ, "TEST_TOKEN": token}


@pytest.fixture
def processes(token: str) -> Callable[[], list[str]]:
    """Lists the command lines of living processes that carry the token."""

    def alive() -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if token.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    return alive
