"""Facts about the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitexp.runner import environment
from gitexp.runner.environment import facts, host


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

    monkeypatch.setattr(environment, "_CPU", tmp_path / "none")
    monkeypatch.setattr(environment, "_text", lambda _path: None)
    monkeypatch.setattr("os.getloadavg", no_load)

    found = facts(git_version="2.39.5")

    assert not {"cpu", "governor", "turbo", "load1"} & found.keys()
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
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: dict[str, str],
    governor: str | None,
    turbo: str | None,
) -> None:
    for name, text in files.items():
        path = tmp_path / (f"{name}/cpufreq/scaling_governor" if name[-1].isdigit() else name)
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.setattr(environment, "_CPU", tmp_path)

    found = facts(git_version="2.39.5")

    assert (found.get("governor"), found.get("turbo")) == (governor, turbo)


@pytest.mark.parametrize(
    ("name", "short"),
    [("Laptop.example.com", "laptop"), ("a b", "a-b"), ("", "unknown"), ("x" * 99, "x" * 63)],
)
def test_the_host_name_is_short(monkeypatch: pytest.MonkeyPatch, name: str, short: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)

    assert host() == short
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", host())
