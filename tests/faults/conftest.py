"""A home of the lab's own for every fault, and the table of what was done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.apply.lab import DATES

PROPERTY = "fault"
"""What a test notes of every fault: the command, the fault, and what was there afterwards."""
OUTCOMES = ("as before", "in between", "as after", "wrong")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A row a command and fault: how many there were, and how often what was there afterwards."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    noted = [value for each in reports for name, value in each.user_properties if name == PROPERTY]
    rows: dict[tuple[str, str], Counter[str]] = {}
    for command, fault, outcome in noted:
        rows.setdefault((command, fault), Counter())[outcome] += 1
    head = "".join(f"{outcome:>12}" for outcome in OUTCOMES)
    terminalreporter.write_line(f"\n{'':<56}{'faults':>6}{head}")
    for (command, fault), counts in rows.items():
        told = "".join(f"{counts[outcome] or '·':>12}" for outcome in OUTCOMES)
        terminalreporter.write_line(f"{command:<26}{fault:<30}{counts.total():>6}{told}")


@pytest.fixture(scope="session")
def faults_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(autouse=True)
def _at_home(faults_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = faults_home / "here" / "home"
    for name, value in DATES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    for kind in ("CACHE", "CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
