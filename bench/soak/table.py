"""The page a soak ends with."""

from __future__ import annotations

from collections import Counter

from bench.soak.checks import Findings
from bench.soak.workers import Soak

MOST = 20
"""Findings of a kind that are printed."""


def page(soak: Soak, acknowledged: int, found: Findings, *, seconds: float) -> str:
    """Processes by how they ended, then what is there afterwards."""
    ended, killed = soak.processes.ended, soak.processes.killed
    gcs = sum(times for (name, _), times in ended.items() if name.startswith("git gc"))
    counts = {
        "seconds": round(seconds),
        "processes": sum(ended.values()),
        "killed alone": killed["alone"],
        "killed with its git": killed["with its git"],
        "git gc --prune=now": gcs,
        "acknowledged": acknowledged,
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "lines stored twice, read as one": len(found.repeated),
        "fsck complaints": len(found.fsck),
        "fsck about what no ref needs": len(found.garbage),
        "broken refs": len(found.broken),
        "left behind": len(found.left),
        "refs unlike records": len(found.endings),
        "broken refs mended at the remote": len(soak.mended),
        "git's lock files removed by hand": len(soak.swept),
    }
    parts = [_statuses(ended), "\n".join(f"{name:<34}{count:>6}" for name, count in counts.items())]
    refusals = [
        f"{name:<20} {status:>4} {kind}  {times}"
        for (name, status, kind), times in sorted(soak.processes.refusals.items())
    ]
    parts.append("\n".join(["why not 0:", *refusals]))
    hand = Counter([f"mended {name}" for name in soak.mended])
    hand.update(f"lock {name}" for name in soak.swept)
    parts += ["\n".join(["by hand:", *(f"{n} {what}" for what, n in hand.items())])] if hand else []
    for name in ("lost", "doubled", "repeated", "fsck", "broken", "garbage", "left", "endings"):
        lines = getattr(found, name)
        if lines:
            parts.append("\n".join([f"{name}:", *lines[:MOST]]))
    return "\n\n".join(["", *parts])


def _statuses(ended: Counter[tuple[str, int]]) -> str:
    """One row a command, one column an exit status; −9 is `killed`."""
    statuses = sorted({status for _, status in ended}, key=lambda status: (status < 0, status))
    heads = ["killed" if status == -9 else str(status) for status in statuses]
    rows = [["command", *heads]]
    for name in sorted({name for name, _ in ended}):
        rows.append([name, *(str(ended[name, status] or "·") for status in statuses)])
    return "\n".join(f"{row[0]:<20}" + "".join(f"{cell:>8}" for cell in row[1:]) for row in rows)
