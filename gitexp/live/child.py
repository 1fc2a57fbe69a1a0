"""The user's command as our child: on our streams, in our process group, as if we were not there.

The terminal sends its signals (^C, ^\\, ^Z, a hang-up) to the whole foreground group, so the
command has them already; what somebody sent to us alone is passed on. We block all of them and
sleep until one comes or the command's state changes. When it stops, we stop in the same way, for
the shell that started us waits for us; it continues both of us by the group, and if it continues us
alone, so do we the command. A program that handles ^Z itself has all the time it needs.

The command gets the dispositions and the mask that we got. Python sets SIGPIPE and SIGXFSZ to be
ignored before any of our code runs: these two it gets as the default, whatever they were. In the C
locale Python also sets LC_CTYPE (PEP 538), by which `sort`, `tr` or `ls` would do other things than
without us: that is taken out again.
"""

from __future__ import annotations

import errno
import os
import signal
import time

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from resource import struct_rusage
    from typing import NoReturn

NOT_FOUND, NOT_EXECUTABLE = 127, 126
_UNTOUCHED = {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGWINCH, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE,
    signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGSYS, signal.SIGPIPE, signal.SIGXFSZ,
    signal.SIGXCPU, signal.SIGPROF, signal.SIGVTALRM,
}  # fmt: skip
"""They stop us or mean nothing to us, or they are of faults and limits of our own."""
_WATCHED = signal.valid_signals() - _UNTOUCHED
_SHELL = "/bin/sh"


class Inherited:
    """What we were started with and changed: taken before anything is changed."""

    __slots__ = ("ignores_children", "mask")

    def __init__(self) -> None:
        _forget_coerced_locale()
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        # children of a process that ignores SIGCHLD leave no status behind
        self.ignores_children = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            # before the command starts there is nothing to tidy up
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _forget_coerced_locale() -> None:
    """Take LC_CTYPE out of the environment when it was not in the one we were started with.

    Only Linux tells.
    """
    if os.environ.get("LC_CTYPE") not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read()
    except OSError:
        return
    if not any(entry.startswith(b"LC_CTYPE=") for entry in given.split(b"\0")):
        del os.environ["LC_CTYPE"]


class Ended:
    """How the command ended.

    Attributes:
        exit_code: What a shell would show; None when a signal ended it.
        signal: The signal's number, or None.
        cannot_start: Why it did not get to run; None if it did.
    """

    __slots__ = ("cannot_start", "exit_code", "maxrss_bytes", "signal", "sys_s", "user_s", "wall_s")

    def __init__(
        self,
        *,
        wall_s: float,
        user_s: float,
        sys_s: float,
        maxrss_bytes: int,
        exit_code: int | None,
        signal: int | None,
        cannot_start: str | None,
    ) -> None:
        self.wall_s = wall_s
        self.user_s = user_s
        self.sys_s = sys_s
        self.maxrss_bytes = maxrss_bytes
        self.exit_code = exit_code
        self.signal = signal
        self.cannot_start = cannot_start


def run(
    argv: Sequence[str], *, cwd: str | None, env: Mapping[str, str], inherited: Inherited
) -> Ended:
    """Run the command to its end. All signals that were blocked for it are blocked afterwards.

    Args:
        cwd: Where; None: where we are.

    Raises:
        OSError: if no process can be started, and only then.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    reading, writing = os.pipe()
    begun = time.perf_counter()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited.mask)
        raise
    if pid == 0:
        _become(argv, cwd, env, inherited, writing)
    os.close(writing)
    failure = os.read(reading, 16)  # empty once the command runs
    os.close(reading)
    try:
        status, usage = _until_ended(pid)
    except Exception:  # it runs: whatever is wrong with us must not have it run once more
        _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - begun
    code = os.waitstatus_to_exitcode(status)
    number = int(failure) if failure else None
    return Ended(
        wall_s=wall_s,
        user_s=usage.ru_utime,
        sys_s=usage.ru_stime,
        maxrss_bytes=usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024),
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        cannot_start=None if number is None else os.strerror(number).lower(),
    )


def end_like(ended: Ended, inherited: Inherited) -> int:
    """The exit status that says how the command ended; a signal ends us instead.

    Not under git, as which `git exp` runs: it would turn the signal into this very status, and say
    a word about it.
    """
    if ended.signal is None:
        return ended.exit_code or 0
    if _is_git(os.getppid()):
        return 128 + ended.signal
    if ended.signal not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(ended.signal, signal.SIG_DFL)
    # if it left a core, that is worth having; ours is not
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    signal.pthread_sigmask(signal.SIG_SETMASK, inherited.mask - {ended.signal})
    os.kill(os.getpid(), ended.signal)
    return 128 + ended.signal


def _is_git(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read() == "git\n"
    except OSError:
        return False


def interrupt_after(patience_s: float) -> None:
    """^C and requests to end raise KeyboardInterrupt again, once that time is over.

    Until then they are dropped, as are those that the command had: what we do then takes a moment,
    and whoever interrupts means the command.
    """
    since = time.monotonic()

    def hear(*_: object) -> None:
        if time.monotonic() - since > patience_s:
            raise KeyboardInterrupt

    for number in signal.sigpending() & _WATCHED:
        signal.sigwait({number})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hear)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def block_from_now_on() -> None:
    """Nothing that is sent to us is heard any more."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)


def _become(
    argv: Sequence[str],
    cwd: str | None,
    env: Mapping[str, str],
    inherited: Inherited,
    failure: int,
) -> None:
    """In the child: become the command, or say why not and end."""
    status = NOT_FOUND
    try:
        if cwd is not None:
            os.chdir(cwd)
        become(argv, env, inherited)
    except OSError as error:
        status = status_of(error)
        os.write(failure, str(error.errno).encode())
    finally:
        os._exit(status)


def status_of(error: OSError) -> int:
    """What a shell exits with when a command cannot be started."""
    return NOT_FOUND if error.errno in (errno.ENOENT, errno.ENOTDIR) else NOT_EXECUTABLE


def become(argv: Sequence[str], env: Mapping[str, str], inherited: Inherited) -> NoReturn:
    """Become the command, with the dispositions and the mask that we got.

    Raises:
        OSError: if it cannot be started.
    """
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if inherited.ignores_children:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, inherited.mask)
    _exec(argv, env)


def _exec(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """As a shell would: what is found but may not be executed is remembered, and looked past."""
    denied: OSError | None = None
    for path in _candidates(argv[0], env):
        try:
            os.execve(path, list(argv), dict(env))
        except OSError as error:
            if error.errno == errno.ENOEXEC:  # a script without a '#!' line
                os.execve(_SHELL, [_SHELL, path, *argv[1:]], dict(env))
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                denied = denied or error
    raise denied or FileNotFoundError(errno.ENOENT, "not found")


def _candidates(word: str, env: Mapping[str, str]) -> Iterator[str]:
    if not word:  # found nowhere, as in a shell
        return
    if "/" in word:
        yield word
        return
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(folder or ".", word)


def _until_ended(pid: int) -> tuple[int, struct_rusage]:
    """Sleep until the command has ended; its status and what it used."""
    from_terminal: dict[int, float] = {}
    while True:
        number, sender = _next_signal()
        if number == signal.SIGCHLD:
            found, status, usage = os.wait4(pid, os.WNOHANG | os.WUNTRACED)
            if found and os.WIFSTOPPED(status):
                _stop_too(os.WSTOPSIG(status))
                _continue(pid)
            elif found:
                return status, usage
        elif number == signal.SIGALRM and sender is None:
            os.kill(
                pid, number
            )  # an alarm set by who became us, which the command does not inherit
        elif sender is None:
            from_terminal[number] = time.monotonic()
        elif sender == os.getppid() and time.monotonic() < from_terminal.get(number, 0.0) + 1:
            # git, as which `git exp` runs, passes on to us what the whole group was sent
            continue
        elif sender != pid:
            os.kill(pid, number)


def _next_signal() -> tuple[int, int | None]:
    """The next signal, and which process sent it to us; None: the kernel, to the whole group."""
    if not hasattr(signal, "sigwaitinfo"):  # macOS cannot tell who sent it
        number = signal.sigwait(_WATCHED)
        return number, None if number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP) else 0
    info = signal.sigwaitinfo(_WATCHED)
    return info.si_signo, info.si_pid if info.si_code <= 0 else None


def _stop_too(number: int) -> None:
    """Stop as the command did, until somebody continues us."""
    if number == signal.SIGSTOP:
        os.kill(os.getpid(), number)
        return
    os.kill(os.getpid(), number)  # waits while it is blocked
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_BLOCK, {number})


def _continue(pid: int) -> None:
    """Have the command go on, too; it may have been told already, by its group."""
    while signal.SIGCONT in signal.sigpending():
        signal.sigwait({signal.SIGCONT})
    is_told = False
    if hasattr(os, "waitid"):  # not on macOS before Python 3.13
        try:
            is_told = os.waitid(os.P_PID, pid, os.WCONTINUED | os.WNOHANG) is not None
        except ChildProcessError:  # it has ended already
            return
    if not is_told:
        os.kill(pid, signal.SIGCONT)
