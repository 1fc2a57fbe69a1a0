"""Commands are measured, ended, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.errors import GitexpError
from gitexp.runner.process import CannotStart, Finished, Launcher, errors_path, needs_shell

Run = Callable[..., Finished]
Processes = Callable[[], list[str]]
LONG_S = 5_000


@pytest.fixture
def run(launcher: Launcher, env: dict[str, str], tmp_path: Path) -> Run:
    def run_it(command: str, *, timeout_s: float = 120.0, cwd: Path = tmp_path) -> Finished:
        return launcher.run(
            command, cwd=cwd, env=env, timeout_s=timeout_s, output=tmp_path / "output"
        )

    return run_it


def wait_for(claim: Callable[[], bool], *, limit_s: float = 60.0) -> bool:
    give_up = time.monotonic() + limit_s
    while not claim():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_good_command_is_timed(run: Run) -> None:
    finished = run("sleep 0.2")

    assert (finished.exit_code, finished.signal, finished.timed_out) == (0, None, False)
    assert 0.2 <= finished.wall_s < 30


@pytest.mark.parametrize("status", [1, 124, 125, 137, 255])
def test_the_exit_status_is_the_commands(run: Run, status: int) -> None:
    assert run(f"exit {status}").exit_code == status


def test_a_command_ended_by_a_signal_has_no_exit_status(run: Run) -> None:
    finished = run("kill -SEGV $$")

    assert (finished.exit_code, finished.signal) == (None, signal.SIGSEGV)


def test_user_time_is_that_of_the_command(run: Run) -> None:
    busy = "import time\nwhile time.process_time() < 0.4: sum(range(100_000))"

    finished = run(f"{sys.executable} -S -c '{busy}' && true")

    assert finished.user_s > 0.2
    assert finished.user_s + finished.sys_s >= 0.35


def test_the_memory_of_a_small_command_does_not_depend_on_ours(run: Run) -> None:
    ballast = bytearray(150_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])

    finished = run("true")

    assert finished.maxrss_bytes < 40_000_000 < len(ballast)


def test_the_memory_of_a_large_command_is_seen(run: Run) -> None:
    finished = run(f"""{sys.executable} -S -c 'x = b"x" * 200_000_000'""")

    assert 200_000_000 < finished.maxrss_bytes < 260_000_000


def test_standard_streams_go_to_files_and_input_is_empty(run: Run, tmp_path: Path) -> None:
    run("cat; echo out; echo err >&2")

    assert (tmp_path / "output").read_text() == "out\n"
    assert errors_path(tmp_path / "output").read_text() == "err\n"


def test_a_hundred_megabytes_of_output_are_no_trouble(run: Run, tmp_path: Path) -> None:
    finished = run("head -c 100000000 /dev/zero")

    assert finished.exit_code == 0
    assert (tmp_path / "output").stat().st_size == 100_000_000


def test_the_command_sees_exactly_its_environment(launcher: Launcher, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "ONLY": "this"}

    launcher.run("env", cwd=tmp_path, env=env, timeout_s=60, output=tmp_path / "output")

    assert set((tmp_path / "output").read_text().split()) == {f"PATH={env['PATH']}", "ONLY=this"}


def test_the_command_has_no_ignored_signals_and_none_of_our_files(run: Run, tmp_path: Path) -> None:
    run("ls /proc/self/fd; grep SigIgn /proc/self/status")

    *descriptors, ignored = (tmp_path / "output").read_text().splitlines()
    assert descriptors == ["0", "1", "2", "3"]  # 3 is the listing's own
    assert int(ignored.split()[1], 16) & 0x7FFF_FFFF == 0


def test_a_timeout_ends_the_command_with_all_it_started(run: Run, processes: Processes) -> None:
    finished = run(f"sleep {LONG_S} & setsid sleep {LONG_S} & sleep {LONG_S}", timeout_s=0.5)

    assert finished.timed_out
    assert 0.5 <= finished.wall_s < 60
    assert processes() == []


def test_a_command_that_ignores_sigterm_is_killed(run: Run, processes: Processes) -> None:
    finished = run(f"trap '' TERM; sleep {LONG_S}; sleep {LONG_S}", timeout_s=0.3)

    assert finished.timed_out
    assert finished.signal == signal.SIGKILL
    assert processes() == []


def test_what_a_good_command_leaves_running_is_ended(run: Run, processes: Processes) -> None:
    deep = f"setsid sh -c 'setsid sleep {LONG_S} & sleep {LONG_S}' &"

    finished = run(f"{deep} sleep {LONG_S} & exit 0")

    assert finished.exit_code == 0
    assert not finished.timed_out
    assert processes() == []


def test_a_command_may_wait_for_its_own_daemon_to_vanish(run: Run, tmp_path: Path) -> None:
    daemon = script(tmp_path / "daemon", "#!/bin/sh\nsleep 0.2 & echo $! > pid\n")

    finished = run(f"{daemon}; p=$(cat pid); while kill -0 $p 2>/dev/null; do sleep 0.05; done")

    assert finished.exit_code == 0


def test_trials_follow_one_another(run: Run) -> None:
    assert [run(f"exit {n}").exit_code for n in range(20)] == list(range(20))


def test_a_large_environment_fits(launcher: Launcher, tmp_path: Path) -> None:
    env = {**os.environ, **{f"V{n}": "x" * 1000 for n in range(200)}}

    finished = launcher.run("true", cwd=tmp_path, env=env, timeout_s=60, output=tmp_path / "o")

    assert finished.exit_code == 0


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("./bench --n=3 data/in.json", False),
        ("python3 -c 'print(1); print(2)'", False),
        ('grep "two words" file', False),
        ("make -j4 bench", False),
        ("echo $HOME", True),
        ('echo "$HOME"', True),
        ("N=3 ./bench", True),
        ("a | b", True),
        ("a && b", True),
        ("ls *.py", True),
        ("cat ~/x", True),
        ("a > b", True),
        ("two\nlines", True),
        ("echo it's", True),
        ("cd sub", True),
        ("echo {a,b}", True),
    ],
)
def test_plain_words_need_no_shell(command: str, *, expected: bool) -> None:
    assert needs_shell(command) is expected


def test_a_program_is_found_relative_to_the_folder_it_runs_in(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    script(folder / "bench", "#!/bin/sh\npwd\n")

    run("./bench", cwd=folder)

    assert (tmp_path / "output").read_text() == f"{folder}\n"


def test_a_script_without_an_interpreter_line_runs_as_in_a_shell(run: Run, tmp_path: Path) -> None:
    script(tmp_path / "bench", "echo $1\n")

    run("./bench 'two words'")

    assert (tmp_path / "output").read_text() == "two words\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("./missing", "there is no './missing' in the checkout"),
        ("no-such-program --x", "there is no 'no-such-program' on PATH"),
        ("./plain", "'./plain' may not be executed"),
        ("./orphan", "the interpreter that './orphan' names is missing: #!/nope/python"),
        ("true && no-such-program", "no-such-program: not found"),
        ("./plain | cat; ./plain", "Permission denied"),
        (" ", "it is empty"),
    ],
)
def test_a_command_that_cannot_start_says_why(
    run: Run, tmp_path: Path, command: str, reason: str
) -> None:
    (tmp_path / "plain").write_text("echo hello\n")
    script(tmp_path / "orphan", "#!/nope/python\n")

    with pytest.raises(CannotStart) as caught:
        run(command)

    assert reason in caught.value.reason
    assert caught.value.hint


def test_the_launcher_lives_on_after_a_command_that_cannot_start(run: Run) -> None:
    with pytest.raises(CannotStart):
        run("./missing")

    assert run("true").exit_code == 0


def test_a_missing_folder_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(GitexpError, match="gone"):
        run("/bin/true", cwd=tmp_path / "gone")


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("nan")])
def test_a_timeout_must_be_positive(run: Run, timeout_s: float) -> None:
    with pytest.raises(ValueError, match="is not above 0"):
        run("true", timeout_s=timeout_s)


def test_the_terminal_reaches_neither_the_launcher_nor_the_command(
    run: Run, launcher: Launcher, tmp_path: Path
) -> None:
    assert launcher._process is not None
    own = launcher._process.pid

    run("cut -d ' ' -f 5-7 /proc/self/stat")

    group, session, terminal = map(int, (tmp_path / "output").read_text().split())
    assert os.getsid(own) == own == session != os.getsid(0)
    assert group not in (own, os.getpgid(0))
    assert terminal == 0


def test_a_launcher_that_was_killed_is_reported(run: Run, launcher: Launcher) -> None:
    assert launcher._process is not None
    launcher._process.kill()
    launcher._process.wait()

    with pytest.raises(GitexpError, match="has died"):
        run("true")


MAIN = """
import os, sys
from pathlib import Path
from gitexp.runner.process import Launcher
folder = Path(sys.argv[1])
with Launcher() as launcher:
    launcher.run(sys.argv[2], cwd=folder, env=os.environ, timeout_s=4000, output=folder / "output")
"""


@pytest.fixture
def main_process(env: dict[str, str], tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Starts another process that runs a command, and waits until that runs."""

    def start(command: str) -> subprocess.Popen[bytes]:
        started = tmp_path / "started"
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, str(tmp_path), f"touch {started}; {command}"],
            env=env,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        assert wait_for(started.exists)
        return process

    return start


STUBBORN = f"setsid sleep {LONG_S} & trap '' TERM INT; sleep {LONG_S}; sleep {LONG_S}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("command", [f"sleep {LONG_S}", STUBBORN])
def test_no_orphan_survives_the_main_process(
    main_process: Callable[[str], subprocess.Popen[bytes]],
    processes: Processes,
    number: int,
    command: str,
) -> None:
    process = main_process(command)

    process.send_signal(number)
    process.wait()

    assert wait_for(lambda: processes() == [])


@pytest.mark.parametrize("command", [f"sleep {LONG_S}", STUBBORN])
def test_an_interrupt_ends_the_command_first(
    main_process: Callable[[str], subprocess.Popen[bytes]], processes: Processes, command: str
) -> None:
    process = main_process(command)

    process.send_signal(signal.SIGINT)

    assert process.wait(60) == -signal.SIGINT  # what Python does with a KeyboardInterrupt
    assert processes() == []


def test_a_launcher_that_is_told_to_end_ends_its_command(
    main_process: Callable[[str], subprocess.Popen[bytes]], processes: Processes
) -> None:
    process = main_process(f"sleep {LONG_S}")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    for child in children:
        os.kill(int(child), signal.SIGTERM)
    process.wait(60)

    assert wait_for(lambda: processes() == [])
