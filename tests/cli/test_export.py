"""`git exp export`: read back what was written."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from gitexp.app.load import load
from gitexp.model import Arm, ExperimentId, Outcome, Trial
from gitexp.store.store import Store
from tests.cli.scenes import HYPOTHESIS, measured, refused, start, trials
from tests.support import BIN, GitExp, GitIn

COLUMNS = [
    *("trial_id", "exp", "arm", "block", "case", "outcome", "at", "host", "commit"),
    *("writer", "marks"),
]


def csv_rows(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text, newline=""))]


def scores(rows: list[dict[str, str]]) -> list[tuple[int, str, float]]:
    return sorted((int(row["block"]), row["arm"], float(row["score"])) for row in rows)


# --- tables -----------------------------------------------------------------------------------


def test_csv_has_every_trial_and_every_number_exactly(decided: GitIn) -> None:
    text = GitExp(decided.path)("export", "--format", "csv").stdout

    rows = csv_rows(text)
    assert text.splitlines()[0].split(",")[: len(COLUMNS)] == COLUMNS
    assert scores(rows) == measured(decided)
    stored = {t["id"]: t for t in trials(decided)}
    assert {row["trial_id"] for row in rows} == stored.keys()
    for row in rows:
        trial = stored[row["trial_id"]]
        assert row["commit"] == trial["commit"]
        assert (row["outcome"], row["host"], row["at"]) == ("ok", trial["host"], trial["at"])
        values = {name: float(row[name]) for name in trial["metrics"]}
        assert values == trial["metrics"]


def test_jsonl_is_the_same_table(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)

    rows = [json.loads(line) for line in git_exp("export", "--format", "jsonl").stdout.splitlines()]

    in_csv = csv_rows(git_exp("export", "--format", "csv").stdout)
    assert [row["trial_id"] for row in rows] == [row["trial_id"] for row in in_csv]
    assert sorted((r["block"], r["arm"], r["score"]) for r in rows) == measured(decided)
    assert all("case" not in row and "marks" not in row for row in rows)


def test_warm_up_void_and_retracted_trials_are_in_json_alone(git: GitIn) -> None:
    git.write(
        "bench.sh",
        '#!/bin/sh\n[ -e "$ONCE" ] || { touch "$ONCE"; exit 125; }\n'
        'echo "METRIC score=3.$GITEXP_BLOCK"\n',
    ).chmod(0o755)
    git.commit("A benchmark that is void once")
    start(git, "--warm-up", "1")
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "3", env={"ONCE": str(git.path / "once")})
    last = trials(git)[-1]["id"]
    git_exp("retract", last, "--reason", "the cat")

    rows = csv_rows(git_exp("export", "--format", "csv").stdout)
    document = git_exp("export").json

    [exported] = document["experiments"]
    recorded = [r for r in exported["records"] if r["kind"] == "trial"]
    assert len(recorded) == len(trials(git))
    assert len(rows) == 5
    assert last not in {row["trial_id"] for row in rows}
    assert {row["block"] for row in rows} == {"1", "2", "3"}


def test_trials_that_do_not_count_say_why(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    git_exp("run", "--blocks", "1")

    marks = [row["marks"] for row in csv_rows(git_exp("export", "--format", "csv").stdout)]

    assert marks == [""] * 12 + ["after"] * 2


def test_later_values_are_merged_in_and_missing_ones_are_empty(git: GitIn) -> None:
    start(git, "--watch", "liked:higher")
    git_exp = GitExp(git.path)
    for block, arm in ((1, "control"), (1, "treatment")):
        extra = ("-m", "liked=0.25") if arm == "control" else ()
        git_exp("record", "fast", "--arm", arm, "-m", "score=1.5", *extra, "--block", str(block))

    text = git_exp("export", "--format", "csv").stdout
    rows = {row["arm"]: row for row in csv_rows(text)}
    lines = [json.loads(line) for line in git_exp("export", "--format=jsonl").stdout.splitlines()]

    assert (rows["control"]["liked"], rows["treatment"]["liked"]) == ("0.25", "")
    assert [line.get("liked") for line in lines] == [0.25, None]


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    'a "b", c',
    "a\nb",
    "\x1b[2J",
    "é",
]


def test_no_cell_is_a_formula_and_no_cell_moves_the_cursor(git: GitIn) -> None:
    start(git)
    store = Store.open(git.path)
    loaded = load(store, ExperimentId("fast"))
    tip = loaded.compared().control.commit
    for number, name in enumerate(HOSTILE, 1):  # as no command of ours would write it
        trial = Trial(
            arm=Arm.CONTROL,
            commit=tip,
            revision=loaded.compared().revision,
            block=number,
            attempt=1,
            slot=None,
            host="mill",
            outcome=Outcome.OK,
            exit_code=0,
            metrics={"score": -1.5},
            trial_id=name,
        )
        store.record(loaded.experiment.id, loaded.experiment.plan_hash, trial, target=tip)
    store.flush()
    git_exp = GitExp(git.path)

    text = git_exp("export", "--format", "csv").stdout
    exact = [json.loads(line) for line in git_exp("export", "--format=jsonl").stdout.splitlines()]

    rows = csv_rows(text)
    assert "\x1b" not in text
    for cell in (cell for row in csv.reader(io.StringIO(text)) for cell in row):
        is_number = re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", cell)
        assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert [row["score"] for row in rows] == ["-1.5"] * len(HOSTILE)
    assert rows[0]["trial_id"] == "'" + HOSTILE[0]
    assert rows[5]["trial_id"] == HOSTILE[5]
    assert [line["trial_id"] for line in exact] == HOSTILE


def test_no_name_of_a_metric_is_a_formula(git: GitIn) -> None:
    git.write("bench.sh", "#!/bin/sh\necho 'METRIC score=1'\necho 'METRIC @SUM(A1)=2'\n")
    git.commit("A benchmark that reports more than it was asked for")
    start(git)
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "1")

    [row, _] = csv_rows(git_exp("export", "--format", "csv").stdout)

    assert row["'@SUM(A1)"] == "2.0"


def test_a_metric_called_like_a_column_stands_beside_it(git: GitIn) -> None:
    start(git, "--watch", "block:lower")
    git_exp = GitExp(git.path)
    git_exp("record", "fast", "--arm=control", "-mscore=1", "-mblock=7", "--block=1")

    [row] = csv_rows(git_exp("export", "--format", "csv").stdout)
    [line] = git_exp("export", "--format", "jsonl").objects

    assert (row["block"], row["metric.block"]) == ("1", "7.0")
    assert (line["block"], line["metric.block"]) == (1, 7.0)


def test_several_experiments_are_one_table(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    git_exp("create", "other", "--like", "fast", "--metric", "time", "--no-checkout")
    git_exp("record", "other", "--arm", "treatment", "-m", "time=2", "--block", "1")

    rows = csv_rows(git_exp("export", "fast", "other", "fast", "--format", "csv").stdout)

    assert [row["exp"] for row in rows] == ["fast"] * 12 + ["other"]
    assert rows[-1]["score"] == ""


def test_what_the_plan_hides_is_not_exported(git: GitIn) -> None:
    start(git, "--on-expiry", "spend", "--max-blocks", "60", "--min-blocks", "50")
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "2")

    for format in ("csv", "jsonl", "go", "json", "markdown"):
        result = git_exp("export", "--format", format)
        assert "shows no values" in result.stderr
        assert not re.search(r"\b[12]0\.[12]\b", result.stdout), format
    assert len(csv_rows(git_exp("export", "--format", "csv").stdout)) == 4


# --- documents --------------------------------------------------------------------------------


def test_json_has_plan_records_and_analysis(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)

    document = git_exp("export", "--json").json

    [exported] = document["experiments"]
    assert (document["schema"], document["ok"]) == ("gitexp.export/1", True)
    assert exported["records"] == git_exp("log", "--json").json["records"]
    assert exported["plan"] == git_exp("show", "--json").json["plan"]
    analysed = git_exp("analyze", "--json").json
    assert exported["analysis"]["primary"] == analysed["primary"]
    assert exported["analysis"]["verdict"] == "better"


def test_markdown_is_a_summary_with_a_table(decided: GitIn) -> None:
    text = GitExp(decided.path)("export", "--format", "markdown").stdout

    lines = text.splitlines()
    assert lines[0] == "### `exp/fast`: better"
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| `score` | primary | 20.35 | 10.35 |")


def test_markdown_of_a_user_is_text(git: GitIn) -> None:
    hypothesis = "<img src=x> **bold** | pipe [a](b) @ann `code` 20 % faster"
    GitExp(git.path)("create", "fast", "--hypothesis", hypothesis, "--run", "./bench.sh")
    git.commit("Try a table", {"speed": "10\n"})

    text = GitExp(git.path)("export", "--format", "markdown").stdout

    [quoted] = [line for line in text.splitlines() if line.startswith("> ")]
    assert not re.search(r"(?<!\\)[`*|\[\]]", quoted[2:])
    assert re.sub(r"\\(.)", r"\1", quoted[2:]).replace("@<!-- -->", "@") == hypothesis


# --- go ---------------------------------------------------------------------------------------


def benchmarks(text: str) -> tuple[dict[str, str], list[tuple[str, dict[str, float]]]]:
    """Units with their direction, and results: as golang.org/x/perf/benchfmt reads them."""
    units: dict[str, str] = {}
    found: list[tuple[str, dict[str, float]]] = []
    for line in text.splitlines():
        if line.startswith("Benchmark"):
            name, count, *pairs = line.split()
            assert int(count) > 0
            assert pairs
            assert len(pairs) % 2 == 0
            named = [*zip(pairs[1::2], map(float, pairs[::2]), strict=True)]
            assert len({unit for unit, _ in named}) == len(named)
            found.append((name, dict(named)))
        elif line.startswith("Unit "):
            _, unit, better = line.split()
            key, _, way = better.partition("=")
            assert key == "better"
            assert units.setdefault(unit, way) == way
        else:
            assert re.match(r"[a-z][^\sA-Z:]*:[ \t]+\S", line), line
    return units, found


def test_go_text_has_one_line_a_trial(git: GitIn) -> None:
    git.write("bench.sh", '#!/bin/sh\necho "METRIC score=$(cat speed).$GITEXP_BLOCK"\n')
    git.commit("Bench")
    start(
        git,
        "--metric",
        "time",
        "--guardrail=maxrss:+50%",
        "--secondary=score:higher",
        "--watch=sys",
    )
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "3")

    units, found = benchmarks(git_exp("export", "--format", "go").stdout)

    assert units == {
        "sec/op": "lower",
        "maxrss-B/op": "lower",
        "score": "higher",
        "sys-sec/op": "lower",
    }
    assert sorted({name for name, _ in found}) == [
        "BenchmarkTrial/exp=fast/arm=control",
        "BenchmarkTrial/exp=fast/arm=treatment",
    ]
    stored = {(t["arm"], t["metrics"]["time"], t["metrics"]["score"]) for t in trials(git)}
    assert {(n.rpartition("=")[2], v["sec/op"], v["score"]) for n, v in found} == stored


def test_go_text_has_one_value_of_each_unit_whatever_metrics_are_called(git: GitIn) -> None:
    start(git, "--metric", "time", "--watch=sec/op:higher", run="echo METRIC sec/op=3")
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "1")

    units, found = benchmarks(git_exp("export", "--format", "go").stdout)

    assert units == {"sec/op": "lower", "metric-sec/op": "higher"}
    assert [values["metric-sec/op"] for _, values in found] == [3.0, 3.0]


def test_go_text_leaves_out_trials_that_failed(git: GitIn) -> None:
    start(git, run='test "$GITEXP_BLOCK$GITEXP_ARM" != 2treatment && ./bench.sh')
    git_exp = GitExp(git.path)
    git_exp("run", "--blocks", "2")

    _, found = benchmarks(git_exp("export", "--format", "go").stdout)

    assert [name.rpartition("=")[2] for name, _ in found].count("treatment") == 1
    assert all(math.isfinite(value) for _, values in found for value in values.values())


# --- files ------------------------------------------------------------------------------------


def test_a_file_is_what_stdout_would_be_and_the_answer_says_so(decided: GitIn) -> None:
    git_exp = GitExp(decided.path)
    told = git_exp("export", "--format", "csv").stdout

    result = git_exp("export", "--format", "csv", "--output", "t.csv", "--json")

    assert (decided.path / "t.csv").read_text() == told
    assert result.json["trials"] == 12
    assert result.json["bytes"] == len(told.encode())
    assert git_exp("export", "--format", "csv", "--output", "-").stdout == told


def test_a_file_is_replaced_whole_and_keeps_its_mode_and_its_link(decided: GitIn) -> None:
    real = decided.path / "real.csv"
    real.write_text("old")
    real.chmod(0o640)
    (decided.path / "link.csv").symlink_to("real.csv")

    GitExp(decided.path)("export", "--format", "csv", "--output", "link.csv")

    assert (decided.path / "link.csv").is_symlink()
    assert real.read_text().startswith("trial_id,")
    assert real.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in decided.path.iterdir() if "tmp" in p.name] == []


@pytest.mark.parametrize("target", ["none/t.csv", "src"])
def test_a_file_that_cannot_be_written_is_an_error(decided: GitIn, target: str) -> None:
    before = sorted(p.name for p in decided.path.rglob("*") if ".git" not in p.parts)

    refused(GitExp(decided.path)("export", "--output", target, check=False), 128, "cannot write")

    assert sorted(p.name for p in decided.path.rglob("*") if ".git" not in p.parts) == before


def test_what_was_there_stays_when_the_disk_is_full(decided: GitIn) -> None:
    kept = decided.path / "t.json"
    kept.write_text("old")
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 1; exec "$0" export --output t.json', BIN / "git-exp"],
        cwd=decided.path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 128
    assert "Traceback" not in done.stderr
    assert kept.read_text() == "old"
    assert [p.name for p in decided.path.iterdir() if "tmp" in p.name] == []


def test_a_pipe_is_written_to(decided: GitIn, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()

    GitExp(decided.path)("export", "--format", "csv", "--output", pipe)

    reader.join(30)
    assert len(csv_rows(read[0])) == 12


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("--format", "xml"), 129, "xml"),
        (("none",), 128, "no experiment"),
        (("--format", "csv", "--json"), 129, "both say what stdout is"),
    ],
)
def test_bad_requests_are_refused(
    decided: GitIn, args: tuple[str, ...], status: int, said: str
) -> None:
    result = GitExp(decided.path)("export", *args, check=False)

    assert (result.status, said in result.stderr) == (status, True)


def test_an_experiment_without_trials_is_an_empty_table(ready: GitIn) -> None:
    git_exp = GitExp(ready.path)

    assert git_exp("export", "--format", "csv").stdout.strip().split(",") == COLUMNS
    assert git_exp("export", "--format", "jsonl").stdout == ""
    assert "collecting" in git_exp("export", "--format", "markdown").stdout


# --- and back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_table_imported_elsewhere_gives_the_same_verdict(
    decided: GitIn, ready: GitIn, tmp_path: Path, format: str
) -> None:
    ours, theirs = GitExp(decided.path), GitExp(ready.path)
    table = tmp_path / f"trials.{format}"
    ours("export", "--format", format, "--output", table)

    theirs("import", "fast", table)
    theirs("import", "fast", table)

    assert measured(ready) == measured(decided)
    told = [git_exp("analyze", "--json").json for git_exp in (ours, theirs)]
    assert told[0]["verdict"] == told[1]["verdict"] == "better"
    assert told[0]["primary"] == told[1]["primary"]
    again = csv_rows(theirs("export", "--format", "csv").stdout)
    before = csv_rows(ours("export", "--format", "csv").stdout)
    kept = ("trial_id", "arm", "block", "outcome", "commit", "score", "time")
    assert [{name: row[name] for name in kept} for row in again] == [
        {name: row[name] for name in kept} for row in before
    ]


def test_a_table_imported_where_it_came_from_adds_nothing(decided: GitIn, tmp_path: Path) -> None:
    git_exp, table = GitExp(decided.path), tmp_path / "trials.csv"
    git_exp("export", "--format", "csv", "--output", table)

    git_exp("import", "fast", table, check=False)

    assert len(trials(decided)) == 12


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_windows_come_back_too(git: GitIn, tmp_path: Path, format: str) -> None:
    GitExp(git.path)(
        *("create", "fast", "--hypothesis", HYPOTHESIS, "--metric", "score:lower", "--windows")
    )
    git.commit("Try a table", {"speed": "10\n"})
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(git.path, elsewhere, symlinks=True)
    git_exp, table = GitExp(git.path), tmp_path / f"windows.{format}"
    table.write_text(
        "arm,block,count,failures,score,score.variance\n"
        "control,1,5000,12,1.5,0.25\ntreatment,1,4000,3,1.25,0.5\n"
    )
    git_exp("import", "fast", "--format", "csv", table)

    git_exp("export", "--format", format, "--output", table)
    GitExp(elsewhere)("import", "fast", table, env={"GITEXP_WRITER": "ann"})

    kept = ("arm", "block", "metrics", "window")
    there, here = trials(GitIn(elsewhere)), trials(git)
    assert here[0]["window"]["count"] == 5000
    assert [{k: t.get(k) for k in kept} for t in there] == [
        {k: t.get(k) for k in kept} for t in here
    ]
