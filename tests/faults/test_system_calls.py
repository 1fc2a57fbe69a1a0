"""Every change of the disk fails or is the last one, in every command that writes."""

from __future__ import annotations

import json
import os
import random
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import injection, lab
from tests.faults.conftest import PROPERTY
from tests.faults.injection import Fault, Step
from tests.faults.lab import COMMANDS, Command, Found, Lab

pytestmark = pytest.mark.skipif(
    injection.STRACE is None, reason="strace, which brings the faults about, is not installed"
)

STRIDE = int(os.environ.get("GITEXP_TEST_EVERY_STEP", "0"))
"""1: take hours, and leave no step out; 4: every fourth, from anywhere; 0: two a command."""
MOST_CALLS_OF_A_GIT = 12
"""More calls of one name than any git makes in what is done here."""

ENDS = {
    Fault.KILLED: (-9, 0),
    Fault.FULL_ONCE: (0, 6, 128),
    Fault.FULL: (0, 6, 120, 128),
    Fault.READ_ONLY: (0, 6, 120, 128),
    Fault.ALL_FULL: (0, 6, 128),
}
"""Exit statuses. 120 is Python's when nothing can be printed: these faults meet every write.

Who was to be killed ends with 0 when that call did not come: it depends on the ids of objects
which folders are there already.
"""


class Case:
    """One command, to be disturbed again and again."""

    def __init__(self, home: Path, command: Command) -> None:
        shutil.rmtree(home, ignore_errors=True)
        self.command = command
        self.lab: Lab = lab.make(home / "here", home / "saved", command.before)
        self.before = lab.found(self.lab)
        self.lab.reset()
        self.steps, said = injection.steps(command.args, cwd=self.lab.git.path, home=home / "here")
        self.settle()
        self.after = lab.found(self.lab)
        if "run" in command.args:  # or what is compared below would always be 0
            assert acknowledged(said) == self.after.trials - self.before.trials == 2

    def settle(self) -> None:
        """The next command, whatever it is."""
        self.lab.type("status")

    def disturb(self, fault: Fault, step: Step) -> str:
        """One fault: how the command ended, and what was there after the next one."""
        self.lab.reset()
        done = injection.disturbed(self.command.args, fault, step, cwd=self.lab.git.path)
        told = f"{fault} at {step.call} {step.number}: {step.text}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, told
        assert done.returncode in ENDS[fault] or (done.returncode == 0 and self._forgives), told
        self.settle()
        lab.assert_whole(self.lab)
        now = lab.found(self.lab)
        assert self._may_be(now), told
        if done.returncode == 0 and "warning:" not in done.stderr:
            assert now == self.after or not (self.command.again or self.command.whole), told
        assert now.trials - self.before.trials >= acknowledged(done.stdout), told
        if self.command.again:
            self.lab.type(*self.command.args)
            self.settle()
            assert lab.found(self.lab) == self.after, told
            lab.assert_whole(self.lab)
        if now == self.before:
            return "as before"
        return "as after" if now == self.after else "in between"

    @property
    def _forgives(self) -> bool:
        """Whether it ends as what it started does, whatever happens to us."""
        return self.command.args[0] == "exec"

    def _may_be(self, now: Found) -> bool:
        if now in (self.before, self.after):
            return True
        if self.command.whole:
            # a slot that was given out and not told is given back in time
            return self.command.args[0] == "assign" and now.records == self.before.records
        if self.command.again:
            return not self.before.records - now.records
        # it is drawn which arm comes first
        return now.records.total() <= self.after.records.total() and (
            not self.before.records - now.records
        )


def acknowledged(output: str) -> int:
    """Trials that `run --json` told, a line each."""
    told = [line for line in output.splitlines() if line.startswith("{") and line.endswith("}")]
    return sum(json.loads(line).get("kind") == "trial" for line in told)


def chosen(case: Case) -> list[tuple[Fault, Step]]:
    """All there are, or two: others every day, the same under continuous integration."""
    gits = [Step("", number, {}, "") for number in range(1, MOST_CALLS_OF_A_GIT)]
    every = [
        (fault, step)
        for fault in Fault
        for step in (gits if fault is Fault.ALL_FULL else case.steps)
    ]
    if STRIDE:
        return every[random.randrange(STRIDE) :: STRIDE]
    chance = random.Random(str(case.command.args) if "CI" in os.environ else None)
    faults = chance.sample([*Fault], 2)
    return [chance.choice([each for each in every if each[0] is fault]) for fault in faults]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_fault_at_any_step(
    faults_home: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    case = Case(faults_home, COMMANDS[name])
    assert len(case.steps) >= 3
    wrong: list[str] = []
    for fault, step in chosen(case):
        try:
            outcome = case.disturb(fault, step)
        except AssertionError as error:
            outcome = "wrong"
            wrong.append("".join(traceback.format_exception(error)[-3:]))
        record_property(PROPERTY, [name, str(fault), outcome])
    assert not wrong, "\n\n".join(wrong)
