"""One trial, from command to measurement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.model import Outcome
from gitexp.runner.metrics import Reported
from gitexp.runner.process import CannotStart, Finished, Launcher
from gitexp.runner.trial import Measurement, measure, measurement, outcome_of

Measure = Callable[..., Measurement]


@pytest.fixture
def measured(launcher: Launcher, env: dict[str, str], tmp_path: Path) -> Measure:
    def measure_it(command: str, *, timeout_s: float = 120.0) -> Measurement:
        scratch = tmp_path / "scratch"
        found = measure(
            launcher, command, cwd=tmp_path, env=env, timeout_s=timeout_s, scratch=scratch
        )
        assert not scratch.exists()
        return found

    return measure_it


def finished(**changes: object) -> Finished:
    fields: dict[str, object] = {
        "wall_s": 2.0,
        "user_s": 1.0,
        "sys_s": 0.5,
        "maxrss_bytes": 3000,
        "exit_code": 0,
        "signal": None,
        "timed_out": False,
    }
    return Finished(**{**fields, **changes})  # type: ignore[arg-type]


def reported(values: dict[str, float], **units: str) -> Reported:
    return Reported(values=values, samples={}, units=units, complaints=())


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0, Outcome.OK),
        (1, Outcome.FAILED),
        (124, Outcome.TIMEOUT),
        (125, Outcome.VOID),
        (126, Outcome.FAILED),
        (137, Outcome.TIMEOUT),
    ],
)
def test_the_exit_status_names_the_outcome(status: int, outcome: Outcome) -> None:
    assert outcome_of(finished(exit_code=status)) is outcome


def test_a_signal_is_a_failure_and_our_limit_a_timeout() -> None:
    assert outcome_of(finished(exit_code=None, signal=9)) is Outcome.FAILED
    assert outcome_of(finished(exit_code=None, signal=15, timed_out=True)) is Outcome.TIMEOUT
    assert outcome_of(finished(exit_code=0, timed_out=True)) is Outcome.TIMEOUT


def test_a_good_trial_has_the_built_in_metrics_and_its_own(measured: Measure) -> None:
    found = measured("echo 'METRIC a=3 ms'; echo b=4 >> $GITEXP_METRICS")

    assert found.outcome is Outcome.OK
    assert found.exit_code == 0
    assert found.metrics.keys() == {"time", "user", "sys", "maxrss", "failures", "a", "b"}
    assert found.metrics["a"] == 0.003
    assert found.metrics["failures"] == 0.0
    assert found.units == {"a": "s"}
    assert found.tail == "METRIC a=3 ms\n"
    assert found.complaint is None


def test_a_failed_trial_keeps_what_it_said(measured: Measure) -> None:
    found = measured("printf 'METRIC a=3\nworking'; echo broken >&2; exit 3")

    assert (found.outcome, found.exit_code) == (Outcome.FAILED, 3)
    assert (found.metrics["failures"], found.metrics["a"]) == (1.0, 3.0)
    assert found.tail == "METRIC a=3\nworking\nbroken\n"


def test_a_timed_out_trial_has_no_exit_status(measured: Measure) -> None:
    found = measured("trap 'exit 0' TERM; sleep 100 & wait", timeout_s=0.3)

    assert (found.outcome, found.exit_code) == (Outcome.TIMEOUT, None)
    assert found.metrics["failures"] == 1.0


def test_a_void_trial_is_no_failure(measured: Measure) -> None:
    found = measured("exit 125")

    assert (found.outcome, found.metrics["failures"]) == (Outcome.VOID, 0.0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("METRIC a=nan", "'a'"),
        ("METRIC a=1 s\nMETRIC a=1 B", "two units"),
        ("METRIC time=1 B", "'time' is built in"),
        ("METRIC failures=0", "'failures' is built in"),
    ],
)
def test_a_metric_that_cannot_be_used_is_complained_about(
    measured: Measure, line: str, words: str
) -> None:
    found = measured(f"printf '{line}\n'")

    assert found.complaint is not None
    assert words in found.complaint


def test_what_a_failed_trial_reports_is_not_complained_about(measured: Measure) -> None:
    found = measured('printf \'{"name": "a", "val\' >> $GITEXP_METRICS; exit 1')

    assert found.complaint is None


def test_a_reported_time_stands_and_the_clock_is_kept_as_wall() -> None:
    found = measurement(finished(), reported({"time": 0.25}), tail="")

    assert (found.metrics["time"], found.metrics["wall"]) == (0.25, 2.0)
    assert found.units == {"time": "s", "wall": "s"}


def test_a_reported_wall_is_left_alone() -> None:
    found = measurement(finished(), reported({"time": 0.25, "wall": 7.0}, wall="s"), tail="")

    assert found.metrics["wall"] == 7.0


def test_a_command_that_cannot_start_leaves_nothing(measured: Measure, tmp_path: Path) -> None:
    with pytest.raises(CannotStart):
        measured("./missing")

    assert not (tmp_path / "scratch").exists()


def test_a_command_may_remove_its_own_scratch_folder(measured: Measure) -> None:
    assert measured('rm -r "$(dirname "$GITEXP_METRICS")"').outcome is Outcome.OK


def test_the_tail_of_much_output_is_short(measured: Measure) -> None:
    found = measured("yes out | head -c 100000; yes err | head -c 100000 >&2")

    assert len(found.tail) <= 16 * 1024
    assert found.tail.startswith("out\n")
    assert found.tail.endswith("err\n")
