"""A table of trials is read as it was written, whatever it holds."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gitexp.formats import Format, read_results
from gitexp.model import Arm, Outcome

COLUMNS = [
    *("trial_id", "exp", "arm", "block", "case", "outcome", "at", "host", "commit"),
    *("time", "score"),
]
"""What `git exp export` writes, with two metrics."""

# a cell of CSV can neither be told from the space around it nor from a missing one
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=20)
WRITTEN = NAMES.map(str.strip).filter(bool).filter(lambda text: not text.startswith("'"))
TRIALS = st.lists(
    st.fixed_dictionaries(
        {"arm": st.sampled_from([*map(str, Arm)])},
        optional={
            "trial_id": WRITTEN,
            "exp": st.just("fast"),
            "block": st.integers(0, 1000),
            "case": WRITTEN,
            "outcome": st.sampled_from([*map(str, Outcome)]),
            "at": st.just("2026-01-05T09:00:00.000Z"),
            "host": WRITTEN,
            "commit": st.just("a" * 40),
            "time": st.floats(-1e60, 1e60),
            "score": st.floats(0, 1),
        },
    ),
    min_size=1,
    max_size=20,
)


def told(path: Path, format: Format) -> list[dict[str, object]]:
    """The rows of a file in the words of `COLUMNS`, what is missing left out."""
    found: list[dict[str, object]] = []
    for row in read_results(path, format).rows:
        values = {
            "arm": row.arm,
            "block": row.block,
            "trial_id": row.trial_id,
            "case": row.case,
            "outcome": row.outcome,
            "host": row.host,
            "commit": row.commit,
            **{name: float(str(value)) for name, value in row.values.items()},
        }
        found.append({name: value for name, value in values.items() if value is not None})
    return found


def expected(trials: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    return [
        {"outcome": "ok"} | {n: v for n, v in trial.items() if n not in ("exp", "at")}
        for trial in trials
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trials=TRIALS)
def test_csv(tmp_path: Path, trials: list[dict[str, object]]) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(trials)

    assert told(path, Format.CSV) == expected(trials)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trials=TRIALS)
def test_json_lines(tmp_path: Path, trials: list[dict[str, object]]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(trial) + "\n" for trial in trials))

    assert told(path, Format.JSONL) == expected(trials)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trials=TRIALS)
def test_the_shape_tells_the_format(tmp_path: Path, trials: list[dict[str, object]]) -> None:
    assume(len(trials) > 1)
    path = tmp_path / "t"
    path.write_text("".join(json.dumps(trial) + "\n" for trial in trials))

    assert read_results(path, None).format is Format.JSONL
