"""Facts about this machine, taken once per run. Never the value of an environment variable."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

SYSFS = Path("/sys")


def host() -> str:
    """A short stable name of this machine: its host name up to the first dot, lower case."""
    name = socket.gethostname().partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", name)[:63].strip("-") or "unknown"


def facts(
    *, git_version: str, pinned: str | None = None, sysfs: Path = SYSFS
) -> Mapping[str, str | float]:
    """What is known about this machine; a fact that cannot be read is left out.

    Keys: host, os, kernel, arch, cpu, cores (usable by this process), affinity, memory (bytes),
    governor, turbo and smt ('on' or 'off'), power ('mains' or 'battery'), load1, load5 (at this
    moment), throttled (times since it was started), container, git, python.

    Args:
        git_version: As `git version` gives it, without the words.
        pinned: The cores that the command is pinned to.
    """
    uname = os.uname()
    load = _load()
    cpu = sysfs / "devices/system/cpu"
    found: dict[str, str | float | None] = {
        "host": host(),
        "os": _os_name() or uname.sysname,
        "kernel": f"{uname.sysname} {uname.release}",
        "arch": uname.machine,
        "cpu": _cpu_model(),
        "cores": float(_usable_cores()),
        "memory": _memory_bytes(),
        "affinity": pinned,
        "governor": _governor(cpu),
        "turbo": _turbo(cpu),
        "smt": {"0": "off", "1": "on"}.get(_text(cpu / "smt/active") or ""),
        "power": _power(sysfs / "class/power_supply"),
        "throttled": times_throttled(sysfs),
        "load1": load and load[0],
        "load5": load and load[1],
        "container": "yes" if Path("/.dockerenv").exists() or _text("/run/.containerenv") else None,
        "git": git_version,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def _text(path: str | Path) -> str | None:
    """The file's text without surrounding white space; None if unreadable or empty."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()[:65_536] or None
    except OSError:
        return None


def _cpu_model() -> str | None:
    info = _text("/proc/cpuinfo") or ""
    match = re.search(r"^(?:model name|Model|Hardware|cpu model)\s*:\s*(.+)$", info, re.MULTILINE)
    return match[1].strip() if match else None


def _os_name() -> str | None:
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text("/etc/os-release") or "", re.MULTILINE)
    return match[1] if match else None


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> float | None:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError):
        return None


def _load() -> tuple[float, float] | None:
    try:
        one, five, _ = os.getloadavg()
    except OSError:
        return None
    return one, five


def _governor(cpu: Path) -> str | None:
    """The governors of all cores, joined by '+' when they differ."""
    governors = {_text(path) for path in cpu.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return "+".join(sorted(governor for governor in governors if governor)) or None


def _turbo(cpu: Path) -> str | None:
    if (no_turbo := _text(cpu / "intel_pstate/no_turbo")) is not None:
        return "off" if no_turbo == "1" else "on"
    if (boost := _text(cpu / "cpufreq/boost")) is not None:
        return "on" if boost == "1" else "off"
    return None


def _power(supplies: Path) -> str | None:
    """Where the machine's power comes from; None where nothing says so, as on most servers."""
    online, batteries = [], []
    for supply in sorted(supplies.glob("*")):
        if _text(supply / "scope") == "Device":
            continue  # the battery of a mouse
        if _text(supply / "type") == "Battery":
            batteries.append(_text(supply / "status"))
        elif (plugged := _text(supply / "online")) is not None:
            online.append(plugged != "0")
    if any(online):
        return "mains"
    if batteries and (online or "Discharging" in batteries):
        return "battery"
    return None


def times_throttled(sysfs: Path = SYSFS) -> float | None:
    """How often cores or packages slowed down because of heat since the machine was started.

    A package counts once, though each of its cores tells its number.
    """
    cores, packages = [], [0]
    for folder in (sysfs / "devices/system/cpu").glob("cpu[0-9]*/thermal_throttle"):
        cores.append(_count(folder / "core_throttle_count"))
        packages.append(_count(folder / "package_throttle_count"))
    return float(sum(cores) + max(packages)) if cores else None


def _count(path: Path) -> int:
    text = _text(path) or ""
    return int(text) if text.isdecimal() else 0
