"""What a command says about itself."""

from __future__ import annotations

import json
import math
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp.runner.metrics import Reported, _assignment, _Sample, read_metrics, tail

Read = Callable[..., Reported]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the metrics of a trial with this output and this metrics file."""

    def read_it(output: str | bytes = "", *, file: str | bytes | None = None) -> Reported:
        for name, text in (("output", output), ("metrics", file)):
            if text is not None:
                (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_metrics(tmp_path / "output", tmp_path / "metrics")

    return read_it


def test_lines_of_output_give_values_in_base_units(read: Read) -> None:
    found = read("hello\nMETRIC parse/time=1.4201 ms\nMETRIC accuracy=0.913\nbye\n")

    assert found.values == {"parse/time": pytest.approx(0.0014201), "accuracy": 0.913}
    assert found.units == {"parse/time": "s"}
    assert found.complaints == ()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("METRIC a=1", "a", 1.0),
        ("METRIC \t a=1", "a", 1.0),
        ("METRIC two words=-2.5e-3", "two words", -0.0025),
        ("METRIC a=b=3", "a=b", 3.0),
        ("METRIC a=.5", "a", 0.5),
        ("METRIC a=5.", "a", 5.0),
        ("METRIC a=+5E2", "a", 500.0),
        ("METRIC a=5  ", "a", 5.0),
        ("METRIC a=5\r", "a", 5.0),
        ("METRIC größe=5", "größe", 5.0),
    ],
)
def test_the_grammar(read: Read, text: str, name: str, value: float) -> None:
    assert read(f"{text}\n").values == {name: value}


@pytest.mark.parametrize(
    "text",
    [
        " METRIC a=1",
        "METRIC a",
        "METRIC a=",
        "METRIC =1",
        "METRIC a=1x",
        "METRIC a=1,5",
        "METRIC a=1 ms more",
        "METRIC a=0x10",
        "METRIC a=1_000",
        "METRIC a=١",
        "METRICa=1",
        "metric a=1",
        "xMETRIC a=1",
    ],
)
def test_other_lines_of_output_are_none_of_ours(read: Read, text: str) -> None:
    found = read(f"{text}\n")

    assert (found.values, found.complaints) == ({}, ())


@pytest.mark.parametrize(
    ("unit", "base", "factor"),
    [
        ("ns", "s", 1e-9),
        ("us", "s", 1e-6),
        ("µs", "s", 1e-6),
        ("μs", "s", 1e-6),
        ("ms", "s", 1e-3),
        ("s", "s", 1),
        ("sec", "s", 1),
        ("seconds", "s", 1),
        ("min", "s", 60),
        ("h", "s", 3600),
        ("B", "B", 1),
        ("bytes", "B", 1),
        ("kB", "B", 1000),
        ("MB", "B", 1e6),
        ("GB", "B", 1e9),
        ("KiB", "B", 1024),
        ("MiB", "B", 1024**2),
        ("GiB", "B", 1024**3),
        ("req/s", "req/s", 1),
        ("%", "%", 1),
    ],
)
def test_units(read: Read, unit: str, base: str, factor: float) -> None:
    found = read(f"METRIC a=3 {unit}\n")

    assert found.units == {"a": base}
    assert found.values["a"] == pytest.approx(3 * factor, rel=1e-15)


def test_a_repeated_name_gives_inner_samples_and_their_median(read: Read) -> None:
    found = read("METRIC a=1 s\nMETRIC a=9 s\nMETRIC a=2000 ms\nMETRIC b=1\nMETRIC d=4\nMETRIC d=1")

    assert found.values == {"a": 2.0, "b": 1.0, "d": 2.5}
    assert found.samples == {"a": (1.0, 9.0, 2.0), "d": (4.0, 1.0)}


def test_the_file_wins_for_its_metrics_and_the_rest_is_still_recorded(read: Read) -> None:
    found = read("METRIC a=1 ms\nMETRIC b=2\n", file='{"name":"a","value":5,"unit":"s"}\nc=3 B\n')

    assert found.values == {"a": 5.0, "b": 2.0, "c": 3.0}
    assert found.units == {"a": "s", "c": "B"}
    assert found.complaints == ()


def test_a_file_may_hold_json_lines_and_assignments(read: Read) -> None:
    text = '{"name": "a", "value": true}\n\n{"name":"b","value":null}\nMETRIC c=1\nd = 2 ms\n'

    assert read(file=text).values == {"a": 1.0, "c": 1.0, "d": 0.002}


@pytest.mark.parametrize(
    "line",
    [
        "{broken",
        '{"value": 1}',
        '{"name": "a"}',
        '{"name": "a", "value": "1"}',
        '{"name": "", "value": 1}',
        '{"name": "a", "value": 1, "unit": 5}',
        '[{"name": "a", "value": 1}]',
        "a: 1",
        "[" * 100_000,
    ],
)
def test_other_lines_of_the_file_are_complained_about(read: Read, line: str) -> None:
    found = read(file=f"ok=1\n{line[:60_000]}\n")

    assert found.values == {"ok": 1.0}
    assert len(found.complaints) == 1
    assert found.complaints[0].startswith("line 2 of $GITEXP_METRICS ")
    assert len(found.complaints[0]) < 200


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_a_value_that_is_no_finite_number_is_refused_by_name(read: Read, value: str) -> None:
    found = read(f"METRIC latency={value}\nMETRIC b=1\n")

    assert found.values == {"b": 1.0}
    assert len(found.complaints) == 1
    assert "'latency'" in found.complaints[0]
    assert "finite" in found.complaints[0]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "1" + "0" * 400])
def test_json_has_such_values_too(read: Read, value: str) -> None:
    found = read(file=f'{{"name": "a", "value": {value}}}\n')

    assert found.values == {}
    assert "'a'" in found.complaints[0]


def test_one_bad_sample_spoils_its_metric(read: Read) -> None:
    found = read("METRIC a=1\nMETRIC a=nan\nMETRIC a=2\n")

    assert (found.values, found.samples) == ({}, {})
    assert len(found.complaints) == 1


def test_a_metric_refused_in_the_file_is_not_taken_from_the_output(read: Read) -> None:
    found = read("METRIC a=1\n", file="a=nan\n")

    assert found.values == {}
    assert "'a'" in found.complaints[0]


def test_a_value_that_overflows_in_base_units_is_refused(read: Read) -> None:
    found = read("METRIC a=1e308 h\n")

    assert found.values == {}
    assert "'a'" in found.complaints[0]


def test_a_value_too_large_to_compute_with_is_refused_with_its_samples(read: Read) -> None:
    found = read("METRIC a=1\nMETRIC a=1e61\nMETRIC a=2\nMETRIC b=-1e60\n")

    assert found.values == {"b": -1e60}
    assert found.samples == {}
    assert found.complaints == ("metric 'a' is beyond 1e+60 in base units",)


@pytest.mark.parametrize(("one", "other"), [("ms", "B"), ("ms", ""), ("req", "rows")])
def test_one_metric_in_two_units_is_refused(read: Read, one: str, other: str) -> None:
    found = read(f"METRIC a=1 {one}\nMETRIC a=1 {other}\n")

    assert found.values == {}
    assert "'a' comes in two units" in found.complaints[0]


def test_output_may_be_anything(read: Read) -> None:
    found = read(b"\xff\xfe\x00\nMETRIC a=1\n\xc3METRIC b=2\n10%\r20%\rMETRIC c=3\nMETRIC d=4")

    assert found.values == {"a": 1.0, "c": 3.0, "d": 4.0}


def test_large_output_takes_little_memory(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        file.write(b"METRIC first=1\n")
        for _ in range(50):
            file.write(b"x" * 1_000_000)  # one line of 50 MB
        file.write(b"METRIC inside=1\nMETRIC middle=2\n")
        for _ in range(500):
            file.write(b"some progress\n" * 7_000)
        file.write(b"METRIC last=3\n")

    tracemalloc.start()
    found = read_metrics(output, tmp_path / "metrics")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.values == {"first": 1.0, "middle": 2.0, "last": 3.0}
    assert peak < 10_000_000


@pytest.mark.parametrize("before", [0, 65_000, 65_537, 1_048_570, 1_048_576, 1_200_000])
def test_lines_across_chunks_are_whole(read: Read, before: int) -> None:
    text = ("x" * 999 + "\n") * (before // 1000) + "y" * (before % 1000) + "\nMETRIC a=1.5\nz"

    assert read(text).values == {"a": 1.5}
    assert read(file="b=1\n" * (before // 4) + "a=1.5\n").values["a"] == 1.5


def test_a_long_line_is_ignored(read: Read) -> None:
    found = read(f"METRIC {'x' * 70_000}=1\nMETRIC a=1\n", file=f"{' ' * 70_000}b=1\nc=1\n")

    assert found.values == {"a": 1.0, "c": 1.0}


def test_a_silly_name_is_complained_about(read: Read) -> None:
    found = read(f"METRIC {'x' * 200}=1\nMETRIC a\x1b[31m=1\n")

    assert found.values == {}
    assert len(found.complaints) == 2


def test_too_many_metrics_are_complained_about(read: Read) -> None:
    found = read("".join(f"METRIC a{n}=1\n" for n in range(5000)))

    assert "more than" in found.complaints[0]
    assert len(found.values) < 1100


def test_the_metrics_file_may_have_become_something_else(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("METRIC a=1\n")
    os.mkfifo(tmp_path / "metrics")

    found = read_metrics(tmp_path / "output", tmp_path / "metrics")

    assert found.values == {"a": 1.0}
    assert found.complaints == ("$GITEXP_METRICS is no longer a regular file",)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_replaced_a_file_is_neither_waited_for_nor_fatal(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "output")
    make(tmp_path / "metrics")

    found = read_metrics(tmp_path / "output", tmp_path / "metrics")

    assert found.values == {}
    assert found.complaints == (
        "$GITEXP_METRICS is no longer a regular file",
        "standard output is no longer a regular file",
    )
    assert tail(tmp_path / "output") == ""


def test_files_that_are_gone_report_nothing(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "output", tmp_path / "metrics").values == {}


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_full_precision_survives(value: float) -> None:
    assert _assignment(f"a={value!r}") == _Sample("a", value, None)


@given(value=st.floats())
def test_json_and_assignments_agree(value: float) -> None:
    sample = _assignment(f"a={value!r}")

    assert sample is not None
    again = json.loads(json.dumps(value))
    assert sample.value == again or (math.isnan(sample.value) and math.isnan(again))


def test_the_tail_starts_at_a_line(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("first line\nsecond line\nthird\n")

    assert tail(tmp_path / "output", 20) == "second line\nthird\n"
    assert tail(tmp_path / "output", 12) == "third\n"
    assert tail(tmp_path / "output", 3) == "rd\n"
    assert tail(tmp_path / "output") == "first line\nsecond line\nthird\n"
    assert tail(tmp_path / "missing") == ""


def test_the_tail_of_bytes_is_text(tmp_path: Path) -> None:
    (tmp_path / "output").write_bytes(b"\xff\xfeabc")

    assert tail(tmp_path / "output") == "\ufffd\ufffdabc"
