"""Commands pinned to cores."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.errors import Refused, UsageError
from gitexp.runner.affinity import cores_text, parse_cores, usable_cores
from gitexp.runner.process import Launcher

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="no other system pins")


@pytest.mark.parametrize(
    ("text", "cores", "short"),
    [
        ("2,3", {2, 3}, "2-3"),
        ("2-3", {2, 3}, "2-3"),
        (" 0 , 4 - 6 ", {0, 4, 5, 6}, "0,4-6"),
        ("7", {7}, "7"),
        ("3,1,3", {1, 3}, "1,3"),
    ],
)
def test_lists_of_cores(text: str, cores: set[int], short: str) -> None:
    assert parse_cores(text) == cores
    assert cores_text(cores) == short
    assert parse_cores(short) == cores


@pytest.mark.parametrize("text", ["", "x", "1,", "3-2", "-1", "1-", "0x1", "99999", "4096", "1;2"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no list of cores"):
        parse_cores(text)


@linux_only
def test_a_core_that_is_not_usable_is_refused_by_name() -> None:
    usable = os.sched_getaffinity(0)
    beyond = max(usable) + 1

    with pytest.raises(Refused, match=f"no core {beyond} is usable here") as caught:
        usable_cores(f"{min(usable)},{beyond}")

    assert cores_text(usable) in caught.value.hint


def test_nothing_configured_pins_nothing() -> None:
    assert usable_cores(None) == frozenset()


@linux_only
@pytest.mark.parametrize("command", ["{python} {script}", "{python} {script} | cat"])
def test_a_command_and_what_it_starts_run_on_its_cores(
    launcher: Launcher, env: dict[str, str], tmp_path: Path, command: str
) -> None:
    usable = os.sched_getaffinity(0)
    core = max(usable)
    script = tmp_path / "cores.py"
    script.write_text(
        "import os, subprocess, sys\n"
        "print(sorted(os.sched_getaffinity(0)))\n"
        "if len(sys.argv) < 2: subprocess.run([sys.executable, sys.argv[0], 'again'])\n"
    )
    output = tmp_path / "output"

    def cores_of(pinned: tuple[int, ...]) -> list[str]:
        launcher.run(
            command.format(python=sys.executable, script=script),
            cwd=tmp_path,
            env=env,
            timeout_s=60,
            output=output,
            cores=pinned,
        )
        return sorted(output.read_text().splitlines())

    assert cores_of((core,)) == [str([core])] * 2
    assert cores_of(()) == [str(sorted(usable))] * 2
    assert os.sched_getaffinity(0) == usable
