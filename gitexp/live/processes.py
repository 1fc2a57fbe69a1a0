"""Who a process is, so that it can be told later whether it still runs."""

from __future__ import annotations

import os

UNKNOWN = "-"


def machine() -> str:
    """This machine's name as the kernel has it, without white space."""
    return "".join(os.uname().nodename.split()) or UNKNOWN


def boot() -> str:
    """Which start of the machine this is, and which process numbers are meant; '-' if unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            started = file.read().strip()
        return f"{started}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return UNKNOWN


def started(pid: int) -> str:
    """When the process started, in ticks of the kernel; '-' if there is none, or none can tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the name, in brackets, may hold anything
            fields = file.read().rpartition(b")")[2].split()
        return UNKNOWN if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except (OSError, IndexError, ValueError):
        return UNKNOWN


def is_gone(pid: int, start: str, where: str, on: str) -> bool:
    """Whether the process has surely ended; one of elsewhere is never surely gone.

    Args:
        start: What `started` gave for it.
        where: What `boot` gave where it ran.
        on: What `machine` gave there.
    """
    if on != machine():
        return False
    if where != boot():
        # started in another container its number means nothing here
        return where.partition("/")[0] != boot().partition("/")[0]
    if where != UNKNOWN:
        return started(pid) != start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
