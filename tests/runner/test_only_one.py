"""One process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.errors import GitexpError, Refused
from gitexp.runner.only_one import timing_lock

HOLDER = """
import sys
from pathlib import Path
from gitexp.runner.only_one import timing_lock
with timing_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as holder,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with (
            pytest.raises(Refused, match=rf"process {holder.pid}\b") as caught,
            timing_lock(tmp_path),
        ):
            pass

        holder.kill()
    assert f"(process {holder.pid})" in caught.value.message
    with timing_lock(tmp_path):  # it ended with its holder
        assert (tmp_path / "exp" / "timing.lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with timing_lock(tmp_path):
            pass


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "timing.lock").symlink_to(tmp_path / "precious")

    with pytest.raises(GitexpError, match="symbolic link"), timing_lock(tmp_path):
        pass

    assert not (tmp_path / "precious").exists()
