"""Two of everything at once: any two commands started together, in one clone."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults import lab
from tests.faults.injection import PROGRAM
from tests.faults.lab import COMMANDS, Args, Lab
from tests.faults.test_system_calls import STRIDE

FEW = 1
"""Pairs a first command is in when there is no time for all."""
RECORDING = {"record": "t2", "import": "t4"}
"""Commands whose acknowledged trials are known by name."""


def seconds_of(first: str) -> list[str]:
    """The commands to start beside this one."""
    if STRIDE:
        return [*COMMANDS]
    return random.Random(first if "CI" in os.environ else None).sample([*COMMANDS], FEW)


def together(commands: list[Args], cwd: Path) -> list[tuple[int, str]]:
    """Start them all: how each ended, and what it said."""
    started = [
        subprocess.Popen(
            [PROGRAM, *args], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for args in commands
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


@pytest.mark.parametrize("first", COMMANDS)
def test_two_commands_at_once(faults_home: Path, first: str) -> None:
    shutil.rmtree(faults_home, ignore_errors=True)
    one = COMMANDS[first]
    made: Lab = lab.make(faults_home / "here", faults_home / "saved", one.before)
    before = lab.found(made)
    for second in seconds_of(first):
        other = COMMANDS[second]
        made.reset()
        ended = together([one.args, other.args], made.git.path)
        told = f"{first} and {second}:\n" + "\n".join(f"{status} {text}" for status, text in ended)
        statuses = {status for status, _ in ended}
        assert "Traceback" not in told, told
        assert statuses <= {0, 6, 128}, told
        assert 0 in statuses, told

        made.type("status")
        lab.assert_whole(made)
        now = lab.found(made)
        assert not before.records - now.records, told
        assert now.status == before.status, told
        for name, (status, _) in zip((first, second), ended, strict=True):
            if status == 0 and name in RECORDING:
                names = {trial for trial in lab.trial_ids(made) if trial is not None}
                assert RECORDING[name] in names, told
        ids = [trial for trial in lab.trial_ids(made) if trial is not None]
        assert len(ids) == len({*ids}), told
