"""Run a command and measure it, through a launcher process that lives as long as a run.

What is measured: wall time from just before the command is spawned until its end is noticed;
user and system time and maximum resident size of the command and of those of its descendants that
it waited for. `launcher` says why a process of its own does that, and what the smallest size is.
"""

from __future__ import annotations

import errno
import marshal
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from gitexp.errors import GitexpError
from gitexp.runner import launcher

_SHELL = "/bin/sh"
_CLOSE_S = launcher.GRACE_S + launcher.INSIST_S + launcher.SWEEP_S + 3.0

# Words that mean the same to a shell and to shlex. '=' is plain only after the first word.
_PLAIN_WORDS = re.compile(
    r"""
    [\ \t]* (?: [\w@%+:,./^-] | '[^'\n]*' | "[^"$`\\!\n]*" )+
    (?: [\ \t]+ (?: [\w@%+:,./^=-] | '[^'\n]*' | "[^"$`\\!\n]*" )+ )*
    [\ \t]*
    """,
    re.VERBOSE,
)
_SHELL_WORDS = frozenset(
    [
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec",
        "exit", "export", "fg", "for", "function", "getopts", "hash", "if", "jobs", "local", "read",
        "readonly", "return", "select", "set", "shift", "source", "times", "trap", "type", "ulimit",
        "umask", "unalias", "unset", "until", "wait", "while",
    ]
)  # fmt: skip
"""Words with which a shell starts something that is not a program."""


class CannotStart(GitexpError):
    """The command could not be started: it was not found, or may not or cannot be executed.

    Attributes:
        reason: Why, without the command; one line.
    """

    code = "cannot-start"

    def __init__(self, command: str, reason: str, *, hint: str) -> None:
        super().__init__(f"cannot start '{command}': {reason}", hint=hint)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that ran and ended.

    Attributes:
        maxrss_bytes: The largest of the command and its waited-for descendants.
        exit_code: None when a signal ended it.
        signal: Number of the signal that ended it, else None.
        timed_out: Whether we ended it because its time was up.
    """

    wall_s: float
    user_s: float
    sys_s: float
    maxrss_bytes: int
    exit_code: int | None
    signal: int | None
    timed_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invocation:
    """What is handed to the system for a command."""

    program: str
    argv: tuple[str, ...]
    is_shell: bool


def needs_shell(command: str) -> bool:
    """Whether the command is more than plain words.

    >>> needs_shell("./bench 'two words' --n=3"), needs_shell("N=3 ./bench | tail -1")
    (False, True)
    """
    if not _PLAIN_WORDS.fullmatch(command):
        return True
    return shlex.split(command)[0] in _SHELL_WORDS


def errors_path(output: Path) -> Path:
    """Where standard error goes when standard output goes to `output`."""
    return output.with_name(f"{output.name}.err")


def find_program(word: str, *, cwd: Path, path: str) -> Path | None:
    """The file a shell in `cwd` would run for this word, executable or not; None if there is none.

    Args:
        path: The value of PATH; relative entries are meant relative to `cwd`.
    """
    if "/" in word:
        candidates = [cwd / word]
    else:
        candidates = [cwd / entry / word for entry in path.split(os.pathsep)]
    files = [candidate for candidate in candidates if _is_file(candidate)]
    executable = [file for file in files if os.access(file, os.X_OK)]
    return next(iter(executable or files), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that is closed to us
        return False


class Launcher:
    """Runs commands, one at a time. A context manager: leaving it ends what still runs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(launcher.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the command that runs, if any, with all its processes; then the launcher."""
        if (process := self._process) is None:
            return
        self._process = None
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdout:
            process.stdin.close()
            try:
                process.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(
        self,
        command: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        timeout_s: float,
        output: Path,
        cores: Collection[int] = (),
    ) -> Finished:
        """Run the command to its end and measure it.

        Plain words are executed directly, everything else by `/bin/sh -c`. Standard input is
        empty; standard output goes to `output`, standard error to `errors_path(output)`. When this
        returns, no process the command started is alive. An exception on the way, `^C` included,
        ends the command and closes the launcher.

        Args:
            env: All of the command's environment.
            cores: What the command and all it starts may run on; none given: anything.
            timeout_s: After this the command is ended: SIGTERM, 2 s of grace, SIGKILL.

        Raises:
            CannotStart: the command did not get to run.
            GitexpError: `cwd` or `output` cannot be used, or the command cannot be ended.
        """
        if not timeout_s > 0:
            raise ValueError(f"timeout {timeout_s!r} is not above 0")
        invocation = _invocation(command, cwd=cwd, env=env)
        request = {
            "cwd": str(cwd),
            "env": dict(env),
            "timeout_s": float(timeout_s),
            "cores": sorted(cores),
            "stdout": str(output),
            "stderr": str(errors_path(output)),
        }
        reply = self._ask({**request, **_program(invocation)})
        if reply.get("step") == "spawn" and reply["errno"] == errno.ENOEXEC:
            # a script without a '#!' line: what shells do with it
            invocation = _Invocation(
                program=_SHELL,
                argv=(_SHELL, invocation.program, *invocation.argv[1:]),
                is_shell=True,
            )
            reply = self._ask({**request, **_program(invocation)})
        if "step" in reply:
            raise _failure(command, invocation, reply, cwd)
        if invocation.is_shell and not reply["timed_out"] and reply["code"] in (126, 127):
            raise CannotStart(
                command, _last_line(errors_path(output)), hint=_CANNOT_START_HINTS[reply["code"]]
            )
        return Finished(
            wall_s=reply["wall_s"],
            user_s=reply["user_s"],
            sys_s=reply["sys_s"],
            maxrss_bytes=reply["maxrss_bytes"],
            exit_code=reply["code"] if reply["code"] >= 0 else None,
            signal=-reply["code"] if reply["code"] < 0 else None,
            timed_out=reply["timed_out"],
        )

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None:
            raise ValueError("the launcher is not running")
        assert process.stdin is not None
        assert process.stdout is not None
        data = marshal.dumps(dict(request))
        try:
            _write(process.stdin, len(data).to_bytes(4, "little") + data)
            reply: dict[str, Any] = marshal.loads(_read_message(process.stdout))
        except (BrokenPipeError, EOFError) as error:
            self.close()
            raise GitexpError(
                "the process that runs the commands has died", hint="run the same command again"
            ) from error
        except BaseException:
            self.close()
            raise
        return reply


_CANNOT_START_HINTS = {
    127: "check the spelling; a file the command needs must be committed, "
    "a tool it needs must be installed (see --setup, --link)",
    126: "make it executable: chmod +x FILE && git add --chmod=+x FILE",
}


def _invocation(command: str, *, cwd: Path, env: Mapping[str, str]) -> _Invocation:
    if not command.strip():
        raise CannotStart(command, "it is empty", hint="give a command: --run CMD")
    if "\0" in command:
        raise CannotStart(command.replace("\0", "?"), "it holds a NUL", hint="remove it")
    if needs_shell(command):
        return _Invocation(program=_SHELL, argv=(_SHELL, "-c", command), is_shell=True)
    argv = tuple(shlex.split(command))
    program = find_program(argv[0], cwd=cwd, path=env.get("PATH", os.defpath))
    if program is None:
        where = "in the checkout" if "/" in argv[0] else "on PATH"
        reason = f"there is no '{argv[0]}' {where}"
        raise CannotStart(command, reason, hint=_CANNOT_START_HINTS[127])
    return _Invocation(program=str(program), argv=argv, is_shell=False)


def _program(invocation: _Invocation) -> dict[str, object]:
    return {"program": invocation.program, "argv": list(invocation.argv)}


def _failure(
    command: str, invocation: _Invocation, reply: Mapping[str, Any], cwd: Path
) -> GitexpError:
    why = os.strerror(reply["errno"])
    match reply["step"]:
        case "prepare":
            path = reply["path"]
            return GitexpError(f"cannot use '{path}': {why}", hint=f"ls -ld '{path}'")
        case "stop":
            return GitexpError(
                f"cannot end '{command}': it runs as another user or hangs in the kernel",
                hint="end it by hand, then run again",
            )
        case _:
            return _cannot_start(command, invocation, reply["errno"], cwd)


def _cannot_start(command: str, invocation: _Invocation, number: int, cwd: Path) -> CannotStart:
    name = invocation.argv[0]
    if number == errno.EACCES:
        reason = f"'{name}' may not be executed"
        return CannotStart(command, reason, hint=_CANNOT_START_HINTS[126])
    if number == errno.ENOENT and (first := _interpreter_line(cwd / invocation.program)):
        reason = f"the interpreter that '{name}' names is missing: {first}"
        return CannotStart(command, reason, hint="install it, or correct the file's first line")
    return CannotStart(command, os.strerror(number), hint=_CANNOT_START_HINTS[127])


def _interpreter_line(program: Path) -> str | None:
    try:
        with program.open("rb") as file:
            first = file.readline(256)
    except OSError:
        return None
    return first.decode(errors="replace").strip() if first.startswith(b"#!") else None


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1] if spoken else "the shell cannot run it"


def _write(pipe: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def _read_message(pipe: IO[bytes]) -> bytes:
    return _read(pipe, int.from_bytes(_read(pipe, 4), "little"))


def _read(pipe: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := pipe.read(size - len(data))):
            raise EOFError
        data += more
    return data
