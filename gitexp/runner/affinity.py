"""Which processor cores the measured command is pinned to: `exp.cpuAffinity`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

from gitexp.errors import Refused, UsageError

MOST_CORES = 4096


def parse_cores(text: str, place: str = "exp.cpuAffinity") -> frozenset[int]:
    """The cores in '2,3', '2-3' or '0,4-7'.

    >>> sorted(parse_cores("0, 4-6"))
    [0, 4, 5, 6]

    Args:
        place: Where the list stands, for the refusal.

    Raises:
        UsageError: when it is no such list.
    """
    cores: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?", part, re.ASCII)
        first = int(found[1]) if found else 0
        last = int(found[2] or first) if found else -1
        if not first <= last < MOST_CORES:
            raise UsageError(
                f"{place}: {text!r} is no list of cores",
                hint="git config exp.cpuAffinity 2-3",
            )
        cores.update(range(first, last + 1))
    return frozenset(cores)


def cores_text(cores: Iterable[int]) -> str:
    """The list as it is typed, shortest form.

    >>> cores_text({0, 4, 5, 6})
    '0,4-6'
    """
    runs: list[tuple[int, int]] = []
    for core in sorted(cores):
        if runs and runs[-1][1] == core - 1:
            runs[-1] = (runs[-1][0], core)
        else:
            runs.append((core, core))
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def usable_cores(text: str | None, place: str = "exp.cpuAffinity") -> frozenset[int]:
    """The cores to pin to; none when nothing is configured.

    Raises:
        UsageError: when the text is no list of cores.
        Refused: when this process may not use one of them.
    """
    if text is None:
        return frozenset()
    wanted = parse_cores(text, place)
    if sys.platform != "linux":
        raise Refused(
            f"{place}: this system pins no command to cores",
            hint="git config --unset exp.cpuAffinity",
            code="no-affinity",
        )
    usable = os.sched_getaffinity(0)
    if not wanted <= usable:
        raise Refused(
            f"{place}: no core {cores_text(wanted - usable)} is usable here",
            hint=f"git config exp.cpuAffinity {max(usable)}; usable are {cores_text(usable)}",
            code="no-core",
        )
    return wanted
