"""The installed program in a process of its own, without waiting for its imports.

Loading the program takes Python several times longer than the program takes to answer. So one
process loads everything once and then forks: each fork gets the arguments, the folder, the
environment, the streams and a session of its own, and ends as any program does. What only a program
started by the system can show (how it loads, what its interpreter makes of the environment) is for
tests that start it that way.

Run as a script, this module is that process.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from pygit2 import settings
from pygit2.enums import ConfigLevel

_LIMIT = 200_000
"""Bytes of a request; the arguments and the environment of a test are far fewer."""

_PIPE = 65_536
"""Bytes a pipe takes before anybody reads."""


class Warm:
    """A process that has loaded the program, and starts it by forking."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._requests, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def begin(self) -> None:
        """Load the program, unless that has been done."""
        if self._server is None:
            with self._theirs as theirs:
                self._server = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(theirs.fileno())],
                    # one thread: a fork takes no other along
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                    # what Python makes of its streams when it starts is right for pipes only
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )

    def end(self) -> None:
        """Nothing is started any more."""
        self._requests.close()
        self._theirs.close()
        if self._server is not None:
            self._server.communicate()

    def run(
        self,
        program: str,
        args: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: str,
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        """What `subprocess.run` gives for `program args…` in a session of its own.

        Raises:
            TimeoutExpired: It took longer than `timeout` seconds, and was killed.
        """
        self.begin()
        request = json.dumps({"argv": [program, *args], "cwd": str(cwd), "env": dict(env)})
        assert len(request) <= _LIMIT
        assert len(stdin.encode()) <= _PIPE
        given, feed = os.pipe()
        os.write(feed, stdin.encode())
        os.close(feed)
        stdout, said = os.pipe()
        stderr, told = os.pipe()
        state, ended = os.pipe()
        theirs = [given, said, told, ended]
        socket.send_fds(self._requests, [request.encode()], theirs)
        for fd in theirs:
            os.close(fd)
        begun = os.read(state, _PIPE)
        assert begun, "the process that has loaded the program is gone"
        out, err, rest = _read_all([stdout, stderr, state], timeout)
        pid, *status = map(int, (begun + rest).split())
        if not status:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired([program, *args], timeout, out, err)
        return subprocess.CompletedProcess([program, *args], status[0], _text(out), _text(err))


def _read_all(fds: Sequence[int], timeout: float) -> list[bytes]:
    """What comes until all have ended, or the time is up."""
    texts = dict.fromkeys(fds, b"")
    give_up = time.monotonic() + timeout
    with selectors.DefaultSelector() as open_ones:
        for fd in fds:
            open_ones.register(fd, selectors.EVENT_READ)
        while open_ones.get_map() and time.monotonic() < give_up:
            for key, _ in open_ones.select(give_up - time.monotonic()):
                piece = os.read(key.fd, _PIPE)
                texts[key.fd] += piece
                if not piece:
                    open_ones.unregister(key.fd)
    for fd in fds:
        os.close(fd)
    return list(texts.values())


def _text(output: bytes) -> str:
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")


def _load() -> None:
    """Import all that any command could."""
    package = Path(import_module("gitexp").__file__ or "").parent
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        import_module(name.removesuffix(".__init__"))


def _serve(requests: socket.socket) -> None:
    """Fork at every request; returns in the forks that are to be the program."""
    while True:
        request, fds, _, _ = socket.recv_fds(requests, _LIMIT, 4)
        if not request:
            os._exit(0)
        # one fork to wait for the program, which leaves this one free for the next
        if os.fork() == 0:
            requests.close()
            *streams, state = fds
            program = os.fork()
            if program == 0:
                os.close(state)
                _become(streams, **json.loads(request))
                return
            _follow(program, streams, state)
        for fd in fds:
            os.close(fd)
        _reap()


def _become(streams: Sequence[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    os.setsid()
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    # libgit2 looked these up when it was loaded
    home = env.get("HOME", "")
    settings.search_path[ConfigLevel.GLOBAL] = home
    settings.search_path[ConfigLevel.XDG] = f"{env.get('XDG_CONFIG_HOME') or home + '/.config'}/git"
    sys.argv = argv


def _follow(program: int, streams: Sequence[int], state: int) -> None:
    """Tell the id of the process, and how it ended."""
    for fd in streams:
        os.close(fd)
    os.write(state, f"{program} ".encode())
    _, status = os.waitpid(program, 0)
    os.write(state, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    _load()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from gitexp.cli.main import main

    returned = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # taking an interpreter down module by module costs more than what the program did
    os._exit(returned)
