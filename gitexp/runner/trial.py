"""One trial: run the command, read what it reports, name the outcome.

Every trial has the built-in metrics `time` (wall), `user`, `sys` (seconds), `maxrss` (bytes) and
`failures` (1 when it failed or timed out, else 0). A command may report `time`, `user`, `sys` or
`maxrss` itself: its value then stands under that name, and `wall` keeps the clock's. `failures` is
ours alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gitexp.model import BUILT_IN_METRICS, Outcome
from gitexp.runner.extract import Extraction
from gitexp.runner.metrics import TAIL_LIMIT, Reported, read_metrics, tail
from gitexp.runner.process import Finished, Launcher, errors_path

VOID_STATUS = 125
"""The command says: this trial does not count (as in `git bisect run`)."""
TIMEOUT_STATUSES = frozenset({124, 137})
"""What timeout(1) and a shell whose child was killed return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one trial gave.

    Attributes:
        exit_code: None when a signal ended the command or its time was up.
        metrics: Name to value in base units: the built-in ones and what the command reported.
        samples: Inner samples of metrics that came several times.
        units: Units by metric name, where known.
        tail: The end of standard output, then the end of standard error.
        notes: Why metrics that were looked for are missing, one sentence each.
        complaint: Why a reported metric of an otherwise good trial cannot be used: the run must
            stop, as every trial would repeat it. None for failed, timed-out and void trials,
            whose reports may be cut off.
    """

    outcome: Outcome
    exit_code: int | None
    metrics: Mapping[str, float]
    samples: Mapping[str, tuple[float, ...]]
    units: Mapping[str, str]
    tail: str
    complaint: str | None
    notes: tuple[str, ...] = ()


def measure(
    launcher: Launcher,
    command: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    scratch: Path,
    extraction: Extraction | None = None,
    cores: Collection[int] = (),
) -> Measurement:
    """Run the command once and read its metrics.

    Args:
        env: From `variables.for_trial`; GITEXP_METRICS is added.
        scratch: A folder of this trial's own; created if missing, removed before this returns.
        extraction: How to find what the command does not report.
        cores: As for `Launcher.run`.

    Raises:
        CannotStart: the command did not get to run, in this arm at least.
        GitexpError: as `Launcher.run`.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        output, metrics_file = scratch / "output", scratch / "metrics"
        finished = launcher.run(
            command,
            cwd=cwd,
            env={**env, "GITEXP_METRICS": str(metrics_file)},
            timeout_s=timeout_s,
            output=output,
            cores=cores,
        )
        extract = None if extraction is None else partial(extraction.read, output)
        reported = read_metrics(output, metrics_file, extract=extract)
        return measurement(finished, reported, tail=_tails(output))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def measurement(finished: Finished, reported: Reported, *, tail: str) -> Measurement:
    """The trial that a finished command and its report amount to."""
    outcome = outcome_of(finished)
    complaints = list(reported.complaints)
    values, units = dict(reported.values), dict(reported.units)
    for name in values.keys() & BUILT_IN_METRICS.keys():
        if why := _clash(name, units.get(name)):
            complaints.append(why)
            del values[name]
    for name in values.keys() & BUILT_IN_METRICS.keys():
        units[name] = BUILT_IN_METRICS[name].unit or ""
    if "time" in values:
        values.setdefault("wall", finished.wall_s)
        units.setdefault("wall", "s")
    built_in = {
        "time": finished.wall_s,
        "user": finished.user_s,
        "sys": finished.sys_s,
        "maxrss": float(finished.maxrss_bytes),
        "failures": 1.0 if outcome in (Outcome.FAILED, Outcome.TIMEOUT) else 0.0,
    }
    return Measurement(
        outcome=outcome,
        exit_code=None if finished.timed_out else finished.exit_code,
        metrics={**built_in, **values},
        samples={name: numbers for name, numbers in reported.samples.items() if name in values},
        units={name: unit for name, unit in units.items() if name in values},
        tail=tail,
        complaint=complaints[0] if complaints and outcome is Outcome.OK else None,
        notes=reported.notes,
    )


def outcome_of(finished: Finished) -> Outcome:
    """0 is ok, 125 void, our limit or 124 or 137 a timeout, anything else a failure."""
    if finished.timed_out or finished.exit_code in TIMEOUT_STATUSES:
        return Outcome.TIMEOUT
    if finished.exit_code == VOID_STATUS:
        return Outcome.VOID
    return Outcome.OK if finished.exit_code == 0 else Outcome.FAILED


def _clash(name: str, unit: str | None) -> str | None:
    """Why the command may not report a built-in metric so; None if it may."""
    if name == "failures":
        return "metric 'failures' is built in (1 for a failed trial): report yours by another name"
    if unit not in (None, BUILT_IN_METRICS[name].unit):
        return f"metric '{name}' is built in, in {BUILT_IN_METRICS[name].unit}, not in '{unit}'"
    return None


def _tails(output: Path) -> str:
    """The end of standard output, then that of standard error; at most TAIL_LIMIT bytes read."""
    errors = tail(errors_path(output), TAIL_LIMIT // 2)
    text = tail(output, TAIL_LIMIT - len(errors.encode()))
    separator = "\n" if text and errors and not text.endswith("\n") else ""
    return f"{text}{separator}{errors}"
