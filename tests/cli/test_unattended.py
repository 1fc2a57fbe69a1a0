"""Nobody there to answer: no command waits for somebody to type."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support import BIN, GitIn

COMMANDS = [
    ("create", "other"),
    ("create", "other", "--hypothesis", "it is 10 % faster", "--metric", "score"),
    ("trust", "fast"),
    ("run", "--max-time", "1m"),
    ("analyze",),
    ("promote", "fast"),
    ("promote", "fast", "--override", "wanted"),
    ("rollback", "fast", "--reason", "no use"),
    ("restore", "fast"),
    ("handover", "fast"),
    ("compact", "fast"),
    ("init",),
    ("hooks", "install"),
    ("sync",),
    ("record", "fast"),
    ("retract", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("power",),
    ("status",),
    ("export", "fast"),
    ("log",),
    ("show",),
]


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_without_a_terminal_no_command_waits(decided: GitIn, args: tuple[str, ...]) -> None:
    never_written, writer = os.pipe()
    try:
        done = subprocess.run(
            [BIN / "git-exp", *args],
            cwd=decided.path,
            stdin=never_written,
            capture_output=True,
            text=True,
            timeout=60,  # a prompt would wait for ever: the pipe stays open
            check=False,
            start_new_session=True,
        )
    finally:
        os.close(never_written)
        os.close(writer)

    assert done.returncode in (0, 6, 128, 129), done.stderr
    assert "Traceback" not in done.stderr
    assert "[y/N]" not in done.stderr
    assert "cancels" not in done.stderr
