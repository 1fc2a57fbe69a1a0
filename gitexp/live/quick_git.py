"""One git process and what it printed, without importing subprocess."""

from __future__ import annotations

import os
import signal


def ask(*args: str) -> str | None:
    """What `git args…` printed here; None when it failed or there is no git."""
    reading, writing = os.pipe()
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            pid = os.posix_spawnp(
                "git",
                ("git", *args),
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nowhere, 0),
                    (os.POSIX_SPAWN_DUP2, writing, 1),
                    (os.POSIX_SPAWN_DUP2, nowhere, 2),
                ],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except OSError:
            return None
        finally:
            os.close(writing)
            os.close(nowhere)
        chunks = []
        while chunk := os.read(reading, 1 << 16):
            chunks.append(chunk)
    finally:
        os.close(reading)
    _, status = os.waitpid(pid, 0)
    return os.fsdecode(b"".join(chunks)) if status == 0 else None


def here() -> tuple[str, str, str, str] | None:
    """The common git dir, the top of the work tree, where in it we are, and HEAD's branch.

    None where there is no work tree, or a path cannot be told.
    """
    answer = ask(
        "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-toplevel",
        "--show-prefix", "--symbolic-full-name", "HEAD",
    )  # fmt: skip
    lines = [] if answer is None else answer.split("\n")
    if len(lines) != 5:  # a path with a line break in it is one we cannot tell
        return None
    common_dir, top, prefix, head, _ = lines
    return common_dir, top, prefix, head


def listed(*patterns: str) -> str | None:
    """The refs below these patterns, with what they point at, one a line."""
    return ask("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
