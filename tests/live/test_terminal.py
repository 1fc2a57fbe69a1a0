"""Programs on a terminal, through a real shell with job control."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from tests.live.using import EXEC, Desk

BASH = shutil.which("bash")
PROMPT = "now? "
USE = " ".join([*EXEC, "fast", "--"])


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, cwd: str) -> None:
        assert BASH is not None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            environment = {**os.environ, "PS1": PROMPT, "TERM": "dumb", "HISTFILE": ""}
            os.execve(BASH, [BASH, "--norc", "--noprofile", "-i"], environment)
        self.said = ""
        self.wait_for(re.escape(PROMPT))

    def wait_for(self, pattern: str, *, timeout_s: float = 60) -> str:
        """What it says up to this pattern, which is taken out."""
        until = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.said)) is None:
            left = until - time.monotonic()
            assert left > 0, f"{pattern!r} does not come:\n{self.said}"
            if select.select([self.fd], [], [], left)[0]:
                self.said += os.read(self.fd, 4096).decode(errors="replace")
        text, self.said = self.said[: found.end()], self.said[found.end() :]
        return text

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def run(self, line: str) -> str:
        """What a command prints."""
        self.type(f"{line}\n")
        self.wait_for(r"\r\n")  # the terminal's echo
        return self.wait_for(re.escape(PROMPT)).removesuffix(PROMPT).replace("\r", "")

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def shell(desk: Desk) -> Iterator[Terminal]:
    if BASH is None:
        pytest.skip("there is no bash")
    desk.use("fast", "--", "./tool.sh")
    terminal = Terminal(str(desk.path))
    yield terminal
    terminal.close()


def test_a_program_that_needs_a_terminal_has_it(shell: Terminal, desk: Desk) -> None:
    code = "import os; print([os.isatty(n) for n in (0, 1, 2)], os.getpgrp() == os.tcgetpgrp(0))"
    desk.git.write("tty.py", code)

    assert shell.run(f"{USE} {sys.executable} {desk.path}/tty.py") == "[True, True, True] True\n"
    assert len(desk.trials) == 2


def test_what_is_typed_reaches_the_program(shell: Terminal) -> None:
    shell.type(f"{USE} sh -c 'echo ready; read name; echo hello, $name'\n")
    shell.wait_for("\nready")
    shell.type("world\n")
    shell.wait_for("\nhello, world")


def test_an_interrupt_ends_the_program_as_without_us(shell: Terminal, desk: Desk) -> None:
    shell.type(f"{USE} sh -c 'echo ready; exec sleep 60'\n")
    shell.wait_for("\nready")
    shell.type("\x03")
    shell.wait_for(re.escape(PROMPT))

    assert shell.run("echo $?") == "130\n"
    assert desk.trials[-1]["outcome"] == "failed"


def _counting(desk: Desk) -> str:
    """A script that counts interrupts for a while."""
    script = desk.git.write(
        "counting.sh",
        "n=0; trap 'n=$((n+1)); echo got $n' INT; echo ready\n"
        "for i in 1 2 3 4; do sleep 0.3; done\nexit 4\n",
    )
    return str(script)


def test_a_program_that_handles_an_interrupt_gets_one_and_goes_on(
    shell: Terminal, desk: Desk
) -> None:
    shell.type(f"{USE} sh {_counting(desk)}\n")
    shell.wait_for("\nready")
    shell.type("\x03")
    shell.wait_for("got 1")
    rest = shell.wait_for(re.escape(PROMPT))

    assert "got 2" not in rest
    assert shell.run("echo $?") == "4\n"
    assert desk.trials[-1]["exit"] == 4


def test_under_git_it_gets_one_interrupt_too(shell: Terminal, desk: Desk) -> None:
    shell.type(f"git exp exec fast -- sh {_counting(desk)}\n")
    shell.wait_for("\nready")
    shell.type("\x03")
    shell.wait_for("got 1")

    assert "got 2" not in shell.wait_for(re.escape(PROMPT))


def test_it_stops_and_goes_on_with_its_program(shell: Terminal, desk: Desk) -> None:
    code = "echo ready; read word; echo heard $word; exit 3"
    shell.type(f"{USE} sh -c '{code}'\n")
    shell.wait_for("\nready")
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.wait_for(re.escape(PROMPT))
    assert "Stopped" in shell.run("jobs")

    shell.type("fg\n")
    shell.wait_for(r"\n.*read word")
    shell.type("again\n")
    shell.wait_for("\nheard again")
    shell.wait_for(re.escape(PROMPT))

    assert shell.run("echo $?") == "3\n"
    assert desk.trials[-1]["exit"] == 3


def test_it_goes_on_in_the_background_and_is_stopped_when_it_reads(shell: Terminal) -> None:
    shell.type(f"{USE} sh -c 'echo ready; read word; echo heard $word'\n")
    shell.wait_for("\nready")
    shell.type("\x1a")
    shell.wait_for("Stopped")
    shell.wait_for(re.escape(PROMPT))
    shell.run("bg")
    until = time.monotonic() + 30
    while "Stopped" not in shell.run("jobs"):
        assert time.monotonic() < until
        time.sleep(0.1)
    shell.type("fg\n")
    shell.wait_for(r"\n.*read word")
    shell.type("words\n")
    shell.wait_for("\nheard words")


def test_a_program_that_takes_its_time_to_stop_has_it(shell: Terminal, desk: Desk) -> None:
    """As editors do: put the terminal right, then stop."""
    desk.git.write(
        "editor.py",
        "import os, select, signal, time\n"
        "def stop(*_):\n"
        "    time.sleep(0.3); os.write(1, b'put right\\n')\n"
        "    signal.signal(signal.SIGTSTP, signal.SIG_DFL)\n"
        "    os.kill(os.getpid(), signal.SIGTSTP)\n"
        "    os.write(1, b'back\\n')\n"
        "signal.signal(signal.SIGTSTP, stop)\n"
        "os.write(1, b'ready\\n')\n"
        # a handler runs between steps of Python's own: a read that has just begun would hold it up
        "while not select.select([0], [], [], 0.05)[0]: pass\n"
        "os.read(0, 9)\n",
    )
    shell.type(f"{USE} {sys.executable} {desk.path}/editor.py\n")
    shell.wait_for("\nready")
    shell.type("\x1a")
    assert "put right" in shell.wait_for("Stopped")
    shell.wait_for(re.escape(PROMPT))
    shell.type("fg\n")
    shell.wait_for("\nback")
    shell.type("\n")
    shell.wait_for(re.escape(PROMPT))
    assert shell.run("echo $?") == "0\n"


def test_continuing_us_alone_continues_the_program(desk: Desk) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('on', flush=True)"
    with desk.begin("fast", "--", *desk.python(code), start_new_session=True) as using:
        until = time.monotonic() + 30
        while _state(using.pid) != "T":
            assert time.monotonic() < until
            time.sleep(0.02)
        using.send_signal(signal.SIGCONT)
        assert using.stdout is not None
        assert using.stdout.read() == "on\n"
        assert using.wait() == 0


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
