"""Facts about the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitexp.runner import environment
from gitexp.runner.environment import facts, host, times_throttled

CPU = "devices/system/cpu"


def sysfs(root: Path, files: dict[str, str]) -> None:
    """Files as Linux shows them below /sys."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_facts_are_text_and_numbers_and_no_variable_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "do-not-store-this")

    found = facts(git_version="2.39.5")

    assert {"host", "os", "kernel", "cores", "python", "git"} <= found.keys()
    assert found["git"] == "2.39.5"
    assert all(isinstance(fact, str | float) for fact in found.values())
    assert "do-not-store-this" not in str(found)


def test_a_machine_that_tells_nothing_is_fine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_load() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr(environment, "_text", lambda _path: None)
    monkeypatch.setattr("os.getloadavg", no_load)

    found = facts(git_version="2.39.5", sysfs=tmp_path / "none")

    unknown = {"cpu", "governor", "turbo", "load1", "smt", "power", "throttled", "affinity"}
    assert not unknown & found.keys()
    assert found["host"] == host()


@pytest.mark.parametrize(
    ("files", "governor", "turbo"),
    [
        ({"cpu0": "performance\n", "cpu1": "performance\n"}, "performance", None),
        ({"cpu0": "powersave\n", "cpu1": "performance\n"}, "performance+powersave", None),
        ({"intel_pstate/no_turbo": "1\n"}, None, "off"),
        ({"intel_pstate/no_turbo": "0\n"}, None, "on"),
        ({"cpufreq/boost": "0\n"}, None, "off"),
        ({"cpufreq/boost": "1\n"}, None, "on"),
    ],
)
def test_governor_and_turbo(
    tmp_path: Path,
    files: dict[str, str],
    governor: str | None,
    turbo: str | None,
) -> None:
    sysfs(
        tmp_path,
        {
            f"{CPU}/{name}/cpufreq/scaling_governor"
            if name[-1].isdigit()
            else f"{CPU}/{name}": text
            for name, text in files.items()
        },
    )

    found = facts(git_version="2.39.5", sysfs=tmp_path)

    assert (found.get("governor"), found.get("turbo")) == (governor, turbo)


@pytest.mark.parametrize(
    ("text", "smt"), [("1\n", "on"), ("0\n", "off"), ("\n", None), ("x", None)]
)
def test_smt(tmp_path: Path, text: str, smt: str | None) -> None:
    sysfs(tmp_path, {f"{CPU}/smt/active": text})

    assert facts(git_version="2", sysfs=tmp_path).get("smt") == smt


AC = {"AC/type": "Mains", "AC/online": "1"}
UNPLUGGED = {"AC/type": "Mains", "AC/online": "0"}
EMPTYING = {"BAT0/type": "Battery", "BAT0/status": "Discharging"}
FULL = {"BAT0/type": "Battery", "BAT0/status": "Full"}
MOUSE = {"hid/type": "Battery", "hid/status": "Discharging", "hid/scope": "Device"}


@pytest.mark.parametrize(
    ("files", "power"),
    [
        ({}, None),
        (AC, "mains"),
        ({**AC, **FULL}, "mains"),
        ({**AC, **EMPTYING}, "mains"),  # a weak charger
        ({**UNPLUGGED, **EMPTYING}, "battery"),
        ({**UNPLUGGED, **FULL}, "battery"),
        ({**UNPLUGGED}, None),  # a desk computer says so of its USB sockets
        (EMPTYING, "battery"),
        (FULL, None),
        (MOUSE, None),
        ({**AC, **MOUSE}, "mains"),
    ],
)
def test_where_the_power_comes_from(
    tmp_path: Path, files: dict[str, str], power: str | None
) -> None:
    sysfs(tmp_path, {f"class/power_supply/{name}": text for name, text in files.items()})

    assert facts(git_version="2", sysfs=tmp_path).get("power") == power


def test_how_often_it_got_too_hot_counts_each_package_once(tmp_path: Path) -> None:
    for core, count in ((0, 3), (1, 4)):
        folder = f"{CPU}/cpu{core}/thermal_throttle"
        counts = {"core_throttle_count": f"{count}\n", "package_throttle_count": "10\n"}
        sysfs(tmp_path, {f"{folder}/{name}": text for name, text in counts.items()})

    assert times_throttled(tmp_path) == 17.0
    assert facts(git_version="2", sysfs=tmp_path)["throttled"] == 17.0


def test_a_count_that_is_none_is_no_error(tmp_path: Path) -> None:
    sysfs(tmp_path, {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "often"})

    assert times_throttled(tmp_path) == 0.0
    assert times_throttled(tmp_path / "none") is None


def test_the_cores_it_is_pinned_to_are_a_fact() -> None:
    assert facts(git_version="2", pinned="2-3")["affinity"] == "2-3"


@pytest.mark.parametrize(
    ("name", "short"),
    [("Laptop.example.com", "laptop"), ("a b", "a-b"), ("", "unknown"), ("x" * 99, "x" * 63)],
)
def test_the_host_name_is_short(monkeypatch: pytest.MonkeyPatch, name: str, short: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)

    assert host() == short
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", host())
