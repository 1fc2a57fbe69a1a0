"""What each reader finds in a file of its format: made by the tool where there is one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from statistics import median

import pytest

from gitexp.formats import Format, Result, Results, read_results
from gitexp.model import Arm, Direction, Outcome
from tests.formats import shapes

FILES = Path(__file__).parent / "files"


def read(name: str, format: Format | None = None) -> Results:
    """A file that a tool made."""
    return read_results(FILES / name, format)


def shaped(tmp_path: Path, name: str) -> Results:
    """A file of a shape of `shapes`."""
    path = tmp_path / name
    path.write_text(shapes.ALL[name])
    return read_results(path, None)


def values(result: Result) -> dict[str, float]:
    return {name: measure.value for name, measure in result.measures.items()}


def stored(name: str) -> dict[str, object]:
    found = json.loads((FILES / name).read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("hyperfine-one.json", Format.HYPERFINE),
        ("hyperfine-failing.json", Format.HYPERFINE),
        ("hyperfine-parameters.json", Format.HYPERFINE),
        ("pytest-benchmark.json", Format.PYTEST_BENCHMARK),
        ("pytest-benchmark-two.json", Format.PYTEST_BENCHMARK),
        ("pyperf.json", Format.PYPERF),
        ("pyperf-two.json.gz", Format.PYPERF),
        ("go-count.txt", Format.GO),
        ("go-many.txt", Format.GO),
        ("google-benchmark.json", Format.GOOGLE_BENCHMARK),
        ("google-benchmark-error.json", Format.GOOGLE_BENCHMARK),
        ("junit-pytest.xml", Format.JUNIT),
        ("promptfoo.json", Format.PROMPTFOO),
        ("promptfoo-repeat.json", Format.PROMPTFOO),
        ("criterion.csv", Format.CRITERION),
        ("vitest.json", Format.VITEST),
        ("libtest.txt", Format.LIBTEST),
        ("catch2.xml", Format.CATCH2),
        ("inspect.json", Format.INSPECT),
    ],
)
def test_a_format_is_told_by_its_shape_and_read_the_same_when_it_is_named(
    name: str, format: Format
) -> None:
    assert read(name).format is format
    assert read(name) == read(name, format)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("criterion.csv", Format.CRITERION),
        ("criterion.jsonl", Format.CRITERION),
        ("bmf.json", Format.BMF),
        ("github-action.json", Format.GITHUB_ACTION),
        ("jmh.json", Format.JMH),
        ("junit.xml", Format.JUNIT),
        ("trials.csv", Format.CSV),
        ("trials.jsonl", Format.JSONL),
    ],
)
@pytest.mark.parametrize("form", ["plain", "byte order mark", "carriage returns"])
def test_shapes_without_a_tool_at_hand_are_told_apart_too(
    tmp_path: Path, name: str, format: Format, form: str
) -> None:
    content = shapes.ALL[name].encode()
    if form == "byte order mark":
        content = b"\xef\xbb\xbf" + content
    elif form == "carriage returns":
        content = content.replace(b"\n", b"\r\n")
    path = tmp_path / name
    path.write_bytes(content)

    found = read_results(path, None)

    assert found.format is format
    assert found == read_results(path, format)


def test_hyperfine_gives_the_median_of_its_runs_as_one_value() -> None:
    (result,) = read("hyperfine-one.json").results

    times = stored("hyperfine-one.json")["results"][0]["times"]  # type: ignore[index]
    assert result.name == "sleep 0.01"
    assert result.measures["time"].value == median(times)
    assert list(result.measures["time"].samples) == times
    assert result.measures["time"].count == 5
    assert set(result.measures) == {"time", "user", "sys"}
    assert result.failure is None


def test_hyperfine_tells_failures_by_exit_codes() -> None:
    good, bad = read("hyperfine-failing.json").results

    assert (good.name, good.failure) == ("good", None)
    assert (bad.name, bad.failure) == ("bad", "3 of 3 runs ended with 1")


def test_results_of_one_name_are_told_apart(tmp_path: Path) -> None:
    entry = {"command": "a", "mean": 1.0, "stddev": None}
    (tmp_path / "x.json").write_text(json.dumps({"results": [entry, entry]}))

    found = read_results(tmp_path / "x.json", None)

    assert [result.name for result in found.results] == ["a", "a #2"]
    assert values(found.results[0]) == {"time": 1.0}


def test_hyperfine_gives_memory_and_a_signal(tmp_path: Path) -> None:
    entry = {
        "command": "a",
        "mean": 1.0,
        "memory_usage_byte": [1024, 4096, 2048],
        "exit_codes": [0, None],
    }
    (tmp_path / "x.json").write_text(json.dumps({"results": [entry]}))

    (result,) = read_results(tmp_path / "x.json", None).results

    assert result.measures["maxrss"].value == 2048
    assert result.failure == "1 of 2 runs ended by a signal"


def test_pytest_benchmark_knows_its_commit_and_short_names() -> None:
    found = read("pytest-benchmark-two.json")

    info = stored("pytest-benchmark-two.json")["commit_info"]
    assert (found.commit, found.is_dirty) == (info["id"], False)  # type: ignore[index]
    assert [result.name for result in found.results] == [
        "bench_two.py::test_sum[10]",
        "bench_two.py::test_sum[100]",
    ]
    assert found.results[0].aliases == ("test_sum[10]",)
    assert found.results[0].measures["time"].value == 9.153000064543449e-08


def test_pyperf_takes_values_and_neither_warm_ups_nor_calibration() -> None:
    (result,) = read("pyperf.json").results

    assert (result.name, result.main) == ("sum", "time")
    assert result.measures["time"].count == 12
    assert [r.name for r in read("pyperf-two.json.gz").results] == ["sum", "list"]


def test_go_lines_of_one_name_are_samples_of_one_trial() -> None:
    (result,) = read("go-count.txt").results

    assert (result.name, "Sum" in result.aliases) == ("BenchmarkSum-2", True)
    assert result.measures["time"].count == 5
    assert values(result) == {
        "time": 263.3 / 1e9,
        "ns/op": 263.3,
        "MB/s": 3889.65,
        "B/op": 1536,
        "allocs/op": 1,
    }
    assert {n: m.direction for n, m in result.measures.items()} == {
        "time": Direction.LOWER,
        "ns/op": Direction.LOWER,
        "MB/s": Direction.HIGHER,
        "B/op": Direction.LOWER,
        "allocs/op": Direction.LOWER,
    }


def test_go_benchmarks_of_one_name_in_two_packages_stay_apart(tmp_path: Path) -> None:
    text = "pkg: a\nBenchmarkX 1 2 ns/op\npkg: b\nBenchmarkX 1 4 ns/op\nBenchmarkY-nothing\n"
    (tmp_path / "go.txt").write_text(text)

    found = read_results(tmp_path / "go.txt", None).results

    assert [(r.name, r.measures["ns/op"].value) for r in found] == [
        ("a.BenchmarkX", 2),
        ("b.BenchmarkX", 4),
    ]


def test_google_benchmark_takes_runs_and_no_aggregates() -> None:
    (result,) = read("google-benchmark.json").results

    runs = [
        run
        for run in stored("google-benchmark.json")["benchmarks"]  # type: ignore[attr-defined]
        if run["run_type"] == "iteration"
    ]
    assert result.measures["time"].count == len(runs) == 3
    assert result.measures["time"].value == median(run["real_time"] for run in runs) / 1e9
    assert result.measures["depth"].value == 3
    assert result.measures["bytes_per_second"].direction is Direction.HIGHER


def test_google_benchmark_that_skipped_with_an_error_failed() -> None:
    copy, bad = read("google-benchmark-error.json").results

    assert (copy.failure, bad.failure) == (None, "no input")


def test_criterion_divides_by_iterations(tmp_path: Path) -> None:
    table, regex = shaped(tmp_path, "criterion.csv").results

    assert (table.name, regex.name) == ("parse/table/64", "parse/regex")
    assert table.measures["time"].value == 1e-7
    assert table.measures["time"].samples == (100 / 1e9, 220 / 1e9, 100 / 1e9)


def test_cargo_criterion_gives_its_typical_estimate(tmp_path: Path) -> None:
    (result,) = shaped(tmp_path, "criterion.jsonl").results

    assert (result.name, result.measures["time"].value) == ("norm", 104.5 / 1e9)
    assert result.measures["time"].count == 3


def test_criterion_as_it_writes_it_is_read() -> None:
    (result,) = read("criterion.csv").results

    assert (result.name, result.main) == ("parse/table", "time")
    assert result.measures["time"].count == 10


def test_vitest_counts_in_milliseconds() -> None:
    loop, reduce = read("vitest.json").results

    assert (loop.name, loop.aliases) == ("a.bench.mjs > sum > loop", ("loop",))
    assert loop.measures["time"].value == 0.00021000000003823516 / 1000
    assert reduce.measures["time"].count == 82520


def test_libtest_writes_commas_into_its_numbers() -> None:
    copy, total = read("libtest.txt").results

    assert (copy.name, copy.measures["time"].value) == ("bench_copy", 37.52 / 1e9)
    assert (total.name, total.measures["time"].value) == ("bench_sum", 2668.15 / 1e9)


def test_catch2_gives_means() -> None:
    first, second = read("catch2.xml").results

    assert (first.name, first.measures["time"].value) == ("fib 10", 3270.67 / 1e9)
    assert second.name == "fib 20, a longer name that does not fit into its column"
    assert second.measures["time"].count == 20


def test_jmh_tells_throughput_from_time(tmp_path: Path) -> None:
    table, regex = shaped(tmp_path, "jmh.json").results

    assert (table.name, table.main) == ("com.example.Parse.table:size=64", "score")
    assert table.aliases == ("Parse.table:size=64",)
    assert (table.measures["score"].value, table.measures["score"].count) == (1.5e8, 3)
    assert table.measures["score"].direction is Direction.HIGHER
    assert (regex.measures["time"].value, regex.measures["time"].direction) == (
        2.5e-6,
        Direction.LOWER,
    )


def test_inspect_takes_epochs_as_answers_to_one_case() -> None:
    found = read("inspect.json")

    (result,) = found.results
    assert (result.name, found.commit, found.is_dirty) == ("greet", "e9a9d71", True)
    assert [(case.key, case.measures["success"].value) for case in result.cases] == [
        ("w0", 1),
        ("w1", 0),
        ("w2", 1),
    ]
    assert result.cases[0].measures["includes"].count == 2
    assert result.measures["accuracy"].value == pytest.approx(2 / 3)


def test_bmf_latency_is_in_nanoseconds(tmp_path: Path) -> None:
    table, regex = shaped(tmp_path, "bmf.json").results

    assert values(table) == {"latency": 3247.5 / 1e9, "throughput": 9}
    assert table.measures["throughput"].direction is Direction.HIGHER
    assert values(regex) == {"Max Bytes": 12}
    assert regex.measures["Max Bytes"].direction is None


def test_github_action_benchmark_does_not_say_which_way_is_good(tmp_path: Path) -> None:
    load, start = shaped(tmp_path, "github-action.json").results

    assert (load.main, load.measures["value"].direction) == ("value", None)
    assert values(start) == {"time": 0.0125}


def test_junit_gives_cases_and_their_sum() -> None:
    found = read("junit-pytest.xml")

    (result,) = found.results
    assert {case.key: case.measures["success"].value for case in result.cases} == {
        "test_cases.test_even[0]": 1,
        "test_cases.test_even[1]": 0,
        "test_cases.test_even[2]": 1,
        "test_cases.test_broken": 0,
    }
    assert result.cases[3].failure == "an error"
    assert found.warnings == ("1 test cases were skipped and are no trials",)
    assert values(result) == {"pass-rate": 0.5, "tests": 4, "failed": 2, "time": 0.001}


def test_a_test_case_that_ran_twice_is_one_case(tmp_path: Path) -> None:
    (result,) = shaped(tmp_path, "junit.xml").results

    assert [case.key for case in result.cases] == ["a.B.t1", "a.B.t2", "t3"]
    assert result.cases[0].measures["time"].value == pytest.approx(0.023)
    assert "time" not in result.cases[2].measures


def test_promptfoo_tells_a_wrong_answer_from_none() -> None:
    short, loud = read("promptfoo.json").results

    assert (short.name, loud.name) == ("short", "loud")
    assert [case.measures["success"].value for case in loud.cases[:2]] == [0, 1]
    assert loud.cases[0].failure is None
    assert (loud.cases[2].failure, loud.cases[2].measures) == ("no answer", {})
    assert loud.cases[1].measures["tone"].value == 1
    assert loud.cases[0].measures["latency"].unit == "s"
    assert short.measures["pass-rate"].value == pytest.approx(2 / 3)


def test_repetitions_of_a_test_are_one_case() -> None:
    once, often = read("promptfoo.json").results[0], read("promptfoo-repeat.json").results[0]

    assert len(once.cases) == len(often.cases) == 3
    assert often.cases[0].measures["success"].count == 2


def test_a_table_keeps_what_a_trial_is_apart_from_its_values(tmp_path: Path) -> None:
    found = shaped(tmp_path, "trials.csv")

    assert found.columns == ("time", "comment")
    assert [(row.line, row.arm, row.block, dict(row.values)) for row in found.rows] == [
        (2, Arm.CONTROL, 1, {"time": "1.5", "comment": "a, b"}),
        (3, Arm.TREATMENT, 1, {"time": "1.25"}),
        (4, Arm.CONTROL, 2, {"comment": "two\nlines"}),
    ]
    assert all(row.outcome is Outcome.OK for row in found.rows)


def test_lines_of_json_are_a_table_too(tmp_path: Path) -> None:
    found = shaped(tmp_path, "trials.jsonl")

    assert found.columns == ("time", "passed")
    assert [(row.line, dict(row.values)) for row in found.rows] == [
        (1, {"time": 1.5, "passed": True}),
        (3, {"time": 1.25}),
    ]


def test_many_samples_give_the_median_of_all_and_keep_the_first(tmp_path: Path) -> None:
    lines = "".join(f"BenchmarkA 1 {value} ns/op\n" for value in range(1, 10_002))
    (tmp_path / "go.txt").write_text(lines)

    (result,) = read_results(tmp_path / "go.txt", None).results

    measure = result.measures["ns/op"]
    assert (measure.value, measure.count, len(measure.samples)) == (5001, 10_001, 2_000)


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "x.json.gz"
    packed.write_bytes(gzip.compress((FILES / "pyperf.json").read_bytes()))

    assert read_results(packed, None).results == read("pyperf.json").results
