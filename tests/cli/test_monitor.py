"""Alerts over all running experiments: told once, handed over once, never acting."""

from __future__ import annotations

import json
import signal
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gitexp.runner import notify
from tests.cli.scenes import begin, record_blocks, refused, start
from tests.support import GitExp, GitIn, Result

FAILING = "#!/bin/sh\nexit 3\n"


@pytest.fixture
def failing(git: GitIn) -> GitIn:
    """git where the treatment of exp/fast fails each time; eight blocks are run."""
    start(git, "--max-blocks", "60", "--warm-up", "0", speed=None)
    git.commit("Break it", {"bench.sh": FAILING})
    (git.path / "bench.sh").chmod(0o755)
    GitExp(git.path)("run", "fast", "--blocks", "8")
    return git


def monitor(git: GitIn, *args: str, **more: Any) -> Result:
    return GitExp(git.path)("monitor", *args, check=False, **more)


def checks(result: Result) -> list[str]:
    return [alert["check"] for alert in result.json["alerts"]]


def taking(place: Path) -> str:
    """A command that keeps what it is handed."""
    return f"cat >>'{place}'"


def handed(place: Path) -> list[dict[str, Any]]:
    if not place.exists():
        return []
    return [json.loads(line) for line in place.read_text().splitlines()]


# --- what is told -------------------------------------------------------------------------------


def test_without_alerts_it_says_how_many_were_looked_at(ready: GitIn) -> None:
    done = monitor(ready, "--exit-code")

    assert (done.status, done.stdout) == (0, "1 experiment: no alerts\n")


def test_without_experiments_there_is_nothing_to_tell(git: GitIn) -> None:
    assert monitor(git).stdout == "no experiment is running\n"
    assert monitor(git, "--json").json["checked"] == []


def test_failures_of_the_treatment_are_told_with_what_to_do(failing: GitIn) -> None:
    page = " ".join(monitor(failing).stdout.split())
    [alert] = [a for a in monitor(failing, "--json").json["alerts"] if a["check"] == "error rate"]

    assert "fast ✗ error rate: the treatment failed 8 times in 8 trials" in page
    assert "git exp rollback fast" in page
    assert (alert["id"], alert["severity"]) == ("fast", "fail")
    assert alert["threshold"]


def test_a_metric_below_its_floor_a_regression_and_odd_values_are_told(git: GitIn) -> None:
    start(git, "--watch", "satisfaction:higher:score:floor=0.5", "--max-blocks", "40")
    pairs = [(20.0 + 0.1 * (k % 3), 30.0 + 0.1 * (k % 4)) for k in range(14)]
    record_blocks(git, [*pairs, (20.0, 9000.0)], others={"satisfaction": (0.8, 0.3)})

    found = {a["check"]: a for a in monitor(git, "--json").json["alerts"]}

    assert found.keys() == {"floor", "regression", "anomalies"}
    assert found["floor"]["subject"] == "satisfaction"
    assert "git exp auto" in found["regression"]["advice"]


def test_time_that_has_run_out_is_told(git: GitIn) -> None:
    start(git, "--max-days", "0.000000001")

    assert checks(monitor(git, "--json")) == ["duration"]


def test_what_makes_an_analysis_invalid_is_told(decided: GitIn) -> None:
    plan = decided("log", "--format=%B", "--grep=^Exp-Plan: ", "exp/fast")
    line = next(text for text in plan.splitlines() if text.startswith("Exp-Plan: "))
    decided.commit(f"Another plan\n\n{line.replace('0.05', '0.04')}")

    assert "plan" in checks(monitor(decided, "--json"))


def test_alerts_change_the_exit_status_only_when_asked(failing: GitIn) -> None:
    assert monitor(failing).status == 0
    assert monitor(failing, "--exit-code").status == 1


def test_it_writes_nothing_into_the_evidence_and_ends_nothing(failing: GitIn) -> None:
    before = failing("for-each-ref")

    monitor(failing)

    assert failing("for-each-ref") == before


def test_status_counts_them_afterwards_without_numbers(failing: GitIn) -> None:
    monitor(failing)

    [row] = GitExp(failing.path)("status", "--json").json["experiments"]

    assert "error rate" in [alert["check"] for alert in row["alerts"]]


def test_an_ended_experiment_has_no_alerts_left(failing: GitIn) -> None:
    GitExp(failing.path)("rollback", "fast", "--yes")

    assert monitor(failing, "--json").json == {
        "schema": "gitexp.monitor/1",
        "ok": True,
        "checked": [],
        "alerts": [],
        "unread": [],
        "undelivered": [],
    }


def test_one_that_cannot_be_read_is_named_and_the_others_are_told(failing: GitIn) -> None:
    empty = failing("hash-object", "-w", "-t", "tree", "/dev/null")
    failing("update-ref", "refs/notes/exp/odd/ann", failing("commit-tree", "-m", "notes", empty))

    done = monitor(failing, "--json")

    assert done.status == 128
    assert "odd: " in done.stderr
    assert "error rate" in checks(done)


# --- handing over -------------------------------------------------------------------------------


def test_each_alert_is_handed_over_once_as_json(failing: GitIn, tmp_path: Path) -> None:
    place = tmp_path / "got"
    for _ in range(3):
        assert monitor(failing, "--notify", taking(place)).status == 0

    got = handed(place)
    assert len(got) == len({alert["check"] for alert in got}) > 0
    assert {alert["schema"] for alert in got} == {"gitexp.alert/1"}
    assert {alert["repository"] for alert in got} == {str(failing.path)}


def test_more_of_the_same_is_no_new_alert_and_another_revision_is(
    failing: GitIn, tmp_path: Path
) -> None:
    place = tmp_path / "got"
    git_exp = GitExp(failing.path)
    monitor(failing, "--notify", taking(place))
    before = [alert["check"] for alert in handed(place)]

    git_exp("run", "fast", "--blocks", "1")
    monitor(failing, "--notify", taking(place))

    assert [alert["check"] for alert in handed(place)].count("error rate") == 1
    assert before.count("error rate") == 1


def test_a_command_that_fails_is_told_and_tried_again(failing: GitIn, tmp_path: Path) -> None:
    place = tmp_path / "got"

    first = monitor(failing, "--notify", "echo no route >&2; exit 7")
    second = monitor(failing, "--notify", taking(place))

    assert first.status == 128
    assert "error rate: the command did not take it: exit status 7: no route" in first.stderr
    assert second.status == 0
    assert "error rate" in [alert["check"] for alert in handed(place)]


def test_of_a_command_that_prints_without_end_the_end_is_told(tmp_path: Path) -> None:
    tracemalloc.start()
    said = notify.deliver(
        "head -c 30000000 /dev/zero | tr '\\0' x; echo; echo busy; exit 3",
        b"{}",
        cwd=tmp_path,
        environ={},
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert said == "exit status 3: busy"
    assert peak < 10_000_000


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()

    why = notify.deliver(
        "cat >/dev/null; sleep 60", b"{}\n", cwd=tmp_path, environ={}, timeout_s=0.2
    )

    assert why == "it did not end within 0.2 s"
    assert time.monotonic() - began < 30


def test_the_command_may_be_configured_but_never_by_what_was_cloned(
    failing: GitIn, tmp_path: Path
) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    failing.write(".gitexp", f'[exp]\n\tnotify = "{taking(theirs)}"\n')

    monitor(failing)
    failing("config", "exp.notify", taking(ours))
    monitor(failing)

    assert not theirs.exists()
    assert "error rate" in [alert["check"] for alert in handed(ours)]


def test_monitors_at_once_hand_each_alert_over_once(failing: GitIn, tmp_path: Path) -> None:
    place = tmp_path / "got"
    at_once = [begin("monitor", "--notify", taking(place), cwd=failing.path) for _ in range(4)]

    ended = [(process.communicate(timeout=120), process.returncode) for process in at_once]

    assert [status for _, status in ended] == [0] * 4
    found = [alert["check"] for alert in handed(place)]
    assert sorted(found) == sorted(set(found))
    assert "error rate" in found


def test_damaged_memory_tells_again_rather_than_never(failing: GitIn, tmp_path: Path) -> None:
    place = tmp_path / "got"
    monitor(failing, "--notify", taking(place))
    [kept] = (failing.path / ".git/exp/alerts").iterdir()
    kept.write_text("{")

    assert monitor(failing, "--notify", taking(place)).status == 0

    assert [alert["check"] for alert in handed(place)].count("error rate") == 2


# --- watching -----------------------------------------------------------------------------------


def test_a_watch_tells_what_is_new_once_and_ends_by_an_interrupt(
    failing: GitIn, tmp_path: Path
) -> None:
    place = tmp_path / "got"
    watching = begin(
        "monitor", "--watch", "--every", "50ms", "--json", "--notify", taking(place),
        cwd=failing.path,
    )  # fmt: skip
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    time.sleep(1.5)  # several looks more

    watching.send_signal(signal.SIGINT)
    rest, said = watching.communicate(timeout=60)

    told = [first, *map(json.loads, rest.splitlines()[:-1])]
    found = [alert["check"] for alert in told]
    assert (first["schema"], first["kind"]) == ("gitexp.monitor/1", "alert")
    assert sorted(found) == sorted(set(found)) == sorted(a["check"] for a in handed(place))
    assert watching.returncode == 130
    assert "interrupted" in said


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("--every", "5s"), 129, "--watch"),
        (("--watch", "--every", "soon"), 129, "not a duration"),
        (("--watch", "--exit-code"), 129, "ends by"),
        (("fsat",), 128, "did you mean fast"),
        (("--watch", "fsat"), 128, "did you mean fast"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    ready: GitIn, args: tuple[str, ...], status: int, said: str
) -> None:
    refused(monitor(ready, *args), status, said)


def test_a_command_that_is_not_there_is_named(failing: GitIn) -> None:
    done = monitor(failing, "--notify", "no-such-mailer -s x")

    assert done.status == 128
    assert "no-such-mailer: not found" in done.stderr
    assert "GITEXP_DOCUMENT" not in done.stderr
