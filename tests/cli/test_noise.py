"""What `run` says of the machine before it starts, and the cores it pins to."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from gitexp.app import rig
from gitexp.app.load import load
from gitexp.app.run import RunOptions, run
from gitexp.app.views import RunStarted
from gitexp.model import Environment, ExperimentId
from gitexp.runner import environment
from gitexp.runner.trial import measure
from gitexp.store.store import Store
from tests.cli.scenes import HYPOTHESIS, refused, trials
from tests.support import GitExp, GitIn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sysfs and affinity are Linux's")


@pytest.fixture
def timed(git: GitIn) -> GitIn:
    """An experiment on a clock."""
    git.write("bench.sh", "#!/bin/sh\ngrep Cpus_allowed_list /proc/self/status >>$CORES\n")
    (git.path / "bench.sh").chmod(0o755)
    git.commit("A benchmark")
    create = ("create", "fast", "--hypothesis", HYPOTHESIS, "--run", "./bench.sh")
    GitExp(git.path)(*create, "--warm-up", "0")
    git.commit("Try a table", {"speed": "10\n"})
    return git


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of our own making, as the facts see it."""
    root = tmp_path / "sys"
    real = environment.facts
    monkeypatch.setenv("CORES", str(tmp_path / "cores"))
    monkeypatch.setattr(rig, "facts", lambda **kwargs: real(sysfs=root, **kwargs))
    monkeypatch.setattr(rig, "times_throttled", lambda: environment.times_throttled(root))
    return root


def put(root: Path, name: str, text: str) -> None:
    path = root / "devices/system/cpu" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def started(git: GitIn, *, blocks: int = 1) -> tuple[str, ...]:
    """The warnings before the first trial."""
    store = Store.open(git.path)
    messages = [*run(store, ExperimentId("fast"), RunOptions(blocks=blocks))]
    [start] = [message for message in messages if isinstance(message, RunStarted)]
    # how busy this machine is the test cannot say
    return tuple(warning for warning in start.warnings if not warning.startswith("load"))


def test_a_run_says_what_makes_clocks_scatter_before_it_starts(timed: GitIn, machine: Path) -> None:
    put(machine, "cpu0/cpufreq/scaling_governor", "powersave")
    put(machine, "intel_pstate/no_turbo", "0")
    put(machine, "smt/active", "1")

    warnings = started(timed)

    assert [warning.partition(":")[0] for warning in warnings] == ["governor", "turbo", "smt"]
    assert all("; " in warning and "\n" not in warning for warning in warnings)
    assert "exp.cpuAffinity" in warnings[2]


def test_load_is_told_as_it_is_now(
    timed: GitIn, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (1000.0, 9.0, 9.0))

    store = Store.open(timed.path)
    messages = [*run(store, ExperimentId("fast"), RunOptions(blocks=1))]

    [start] = [message for message in messages if isinstance(message, RunStarted)]
    [warning] = [text for text in start.warnings if text.startswith("load")]
    assert re.fullmatch(r"load: 1000\.0 on \d+ cores of \S+; measure while nothing .*", warning)
    assert not machine.exists()


def test_what_was_done_is_not_advised_again(timed: GitIn, machine: Path) -> None:
    put(machine, "cpu0/cpufreq/scaling_governor", "performance")
    put(machine, "intel_pstate/no_turbo", "1")
    put(machine, "smt/active", "1")
    timed("config", "exp.cpuAffinity", str(max(os.sched_getaffinity(0))))

    assert started(timed) == ()


def test_getting_too_hot_during_a_run_is_noted_at_its_end(
    timed: GitIn, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = "cpu0/thermal_throttle/core_throttle_count"
    put(machine, count, "5")
    started(timed)
    store = Store.open(timed.path)

    def noted() -> list[Environment]:
        records = load(store, ExperimentId("fast")).experiment.records
        return [r.body for r in records if isinstance(r.body, Environment)]

    assert [facts.facts.get("began") for facts in noted()] == [None]

    def heats(*args: object, **kwargs: object) -> object:
        put(machine, count, "8")
        return measure(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(rig, "measure", heats)
    started(timed)

    assert noted()[-1].facts["throttled"] == 3.0
    shown = GitExp(timed.path)("analyze").stdout
    assert "slowed down 3 times" in " ".join(shown.split())


def test_the_command_runs_on_the_cores_that_are_configured(timed: GitIn, tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    timed("config", "exp.cpuAffinity", str(core))
    env = {"CORES": str(tmp_path / "cores")}

    GitExp(timed.path)("run", "--blocks", "1", env=env)

    told = (tmp_path / "cores").read_text().split("\n")[:-1]
    assert [line.split()[1] for line in told] == [str(core)] * len(trials(timed))
    facts = [
        record["facts"]
        for record in GitExp(timed.path)("log", "--json").json["records"]
        if record["kind"] == "env"
    ]
    assert [known["affinity"] for known in facts] == [str(core)]


def test_a_core_that_is_not_there_is_refused_and_nothing_recorded(timed: GitIn) -> None:
    timed("config", "exp.cpuAffinity", "4000")

    result = GitExp(timed.path)("run", check=False)

    refused(result, 6, "no core 4000 is usable here", "git config exp.cpuAffinity")
    assert trials(timed) == []


def test_a_list_of_cores_that_cannot_be_meant_is_refused(timed: GitIn) -> None:
    timed("config", "exp.cpuAffinity", "all of them")

    refused(GitExp(timed.path)("run", check=False), 129, "'all of them' is no list of cores")


def test_the_teams_file_cannot_choose_cores(timed: GitIn, tmp_path: Path) -> None:
    timed.commit("Team defaults", {".gitexp": "[exp]\n\tcpuAffinity = 4000\n"})

    GitExp(timed.path)("run", "--blocks", "1", env={"CORES": str(tmp_path / "cores")})

    assert len(trials(timed)) == 2
