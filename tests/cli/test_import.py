"""Trials from files that other tools wrote, through the installed program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import ExperimentId
from gitexp.store.store import Store
from tests.cli.scenes import begin, refused, state, trials
from tests.support import GitExp, GitIn, Result

FILES = Path(__file__).parents[1] / "formats" / "files"
TIMED = ("--hypothesis", "a table makes parsing 20 % faster", "--max-blocks", "6")
JUDGED = (
    *("--hypothesis", "a shorter prompt passes 20 % more cases"),
    *("--metric", "success:higher:bool", "--test", "mcnemar", "--max-blocks", "10"),
)


@pytest.fixture
def create(git: GitIn, git_exp: GitExp) -> Callable[..., None]:
    """Registers the experiment `fast` with these options and commits a change."""

    def made(*options: str) -> None:
        git_exp("create", "fast", *options)
        git.commit("Change", {"change.txt": "two\n"})

    return made


def hyperfine(path: Path, times: Sequence[float], **more: object) -> Path:
    entry = {"command": "parse", "mean": sum(times) / len(times), "times": list(times), **more}
    path.write_text(json.dumps({"results": [entry]}))
    return path


def promptfoo(path: Path, answers: Mapping[int, bool | None]) -> Path:
    """Answers to tests by their index; None stands for an error."""
    entries = [
        {
            "promptIdx": 0,
            "testIdx": index,
            "success": bool(answer),
            "score": float(bool(answer)),
            "failureReason": 2 if answer is None else int(not answer),
            "latencyMs": 100 + index,
        }
        for index, answer in answers.items()
    ]
    prompts = [{"label": "p", "provider": "toy"}]
    content = {"results": {"version": 3, "prompts": prompts, "results": entries}}
    path.write_text(json.dumps(content))
    return path


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(git: GitIn) -> list[dict[str, Any]]:
    return trials(git)


def payload_of(git: GitIn, trial: Mapping[str, Any]) -> Any:
    store = Store.open(git.path)
    store.read(ExperimentId("fast"))
    return json.loads(store.payload(trial["payload"]))


# --- one file, one trial ---------------------------------------------------------------------


def test_files_of_both_arms_decide(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    for arm, base in (("control", 1.0), ("treatment", 0.5)):
        files = [
            hyperfine(tmp_path / f"{arm}{n}.json", [base + n / 100, base, base + n / 50])
            for n in range(1, 7)
        ]
        git_exp("import", "fast", "--arm", arm, "--block", "1", *files)

    found = git_exp("analyze", "fast", "--json").json
    assert (found["verdict"], found["blocks"]["used"]) == ("better", 6)
    assert [(t["block"], t["arm"], t["metrics"]["time"]) for t in imported(git)][:2] == [
        (1, "control", 1.01),
        (2, "control", 1.02),
    ]


def test_inner_samples_are_kept_and_never_counted(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)

    git_exp("import", "fast", "--arm", "control", "--block", "1", FILES / "hyperfine-one.json")

    (trial,) = imported(git)
    kept = payload_of(git, trial)
    assert (kept["format"], kept["counts"]) == ("hyperfine", {"time": 5})
    assert sorted(kept["samples"]["time"])[2] == trial["metrics"]["time"]
    assert set(trial["metrics"]) == {"time", "user", "sys", "failures"}


def test_the_same_file_again_records_nothing(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    args = ("import", "fast", "--arm", "control", "--block", "1", FILES / "hyperfine-one.json")
    git_exp(*args)
    git_exp("log", "fast")
    before = state(git)

    again = git_exp(*args)

    assert again.stdout.startswith("nothing to record for fast: 1 trial recorded already")
    assert state(git) == before
    assert len(imported(git)) == 1


def test_the_same_file_is_no_trial_of_another_block(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    file = FILES / "hyperfine-one.json"
    git_exp("import", "fast", "--arm", "control", "--block", "1", file)

    again = git_exp("import", "fast", "--arm", "control", "--block", "2", file, check=False)

    refused(again, 6, "is recorded already, in block 1")
    # unless somebody says that it is one, by name
    named = ("--block", "2", "--trial-id", "second")
    git_exp("import", "fast", "--arm", "control", *named, file)
    assert [t["trial_id"] for t in imported(git)][1] == "second"


def test_commands_that_failed_make_a_failed_trial(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    args = ("--arm", "control", "--block", "1", "--select", "bad")

    done = git_exp("import", "fast", *args, FILES / "hyperfine-failing.json")

    assert "3 of 3 runs ended with 1" in done.stderr
    (trial,) = imported(git)
    assert (trial["outcome"], trial["metrics"]["failures"]) == ("failed", 1.0)


@pytest.mark.parametrize(
    ("options", "file", "metric", "value"),
    [
        (("--select", "BenchmarkSum"), "go-many.txt", "time", 642.1 / 1e9),
        (("--select", "Sum"), "go-many.txt", "time", 642.1 / 1e9),
        (("--map", "Encode/format=gob=time"), "go-many.txt", "time", 0.36 / 1e9),
        (("--map", "BenchmarkSum:time=time"), "go-many.txt", "time", 642.1 / 1e9),
        ((), "pyperf.json", "time", 4.802762499878099e-07),
        (("--select", "list"), "pyperf-two.json.gz", "time", 9.094599994341478e-08),
        ((), "google-benchmark.json", "time", 1.344999998309504e-08),
        (("--map", "cpu_time=time"), "google-benchmark.json", "time", 1.3290000000000005e-08),
    ],
)
def test_names_of_the_file_become_metrics(
    git: GitIn,
    git_exp: GitExp,
    create: Callable[..., None],
    options: tuple[str, ...],
    file: str,
    metric: str,
    value: float,
) -> None:
    create(*TIMED)

    git_exp("import", "fast", "--arm", "control", "--block", "1", *options, FILES / file)

    (trial,) = imported(git)
    assert trial["metrics"][metric] == value


def test_one_file_can_hold_several_metrics_of_one_trial(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "json:lower:s", "--secondary", "gob:lower:s", "--secondary", "B/op")
    names = ("Encode/format=json=json", "Encode/format=gob=gob", "Sum:B/op=B/op")
    maps = [word for name in names for word in ("--map", name)]

    git_exp("import", "fast", "--arm", "control", "--block", "1", *maps, FILES / "go-many.txt")

    (trial,) = imported(git)
    assert trial["metrics"] == {
        "json": 0.361 / 1e9,
        "gob": 0.36 / 1e9,
        "B/op": 1536,
        "failures": 0,
    }


def test_values_come_in_the_unit_of_the_plan(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--metric", "parse:lower:ms")
    file = hyperfine(tmp_path / "x.json", [0.0125, 0.0135, 0.0145])

    git_exp("import", "fast", "--arm", "control", "--block", "1", file)

    (trial,) = imported(git)
    assert trial["metrics"]["parse"] == 13.5
    assert payload_of(git, trial)["samples"]["parse"] == [12.5, 13.5, 14.5]


# --- the commit ------------------------------------------------------------------------------


def benchmarked(path: Path, commit: str, *, is_dirty: bool = False) -> Path:
    content = json.loads((FILES / "pytest-benchmark.json").read_text())
    content["commit_info"] |= {"id": commit, "dirty": is_dirty}
    path.write_text(json.dumps(content))
    return path


def test_a_file_of_the_arms_commit_is_taken_and_another_refused(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    control, treatment = git.id("main"), git.id("exp/fast")
    before = state(git)

    other = benchmarked(tmp_path / "x.json", treatment)
    result = git_exp("import", "fast", "--arm", "control", other, check=False)
    refused(result, 6, f"measured {treatment[:12]}, and the control of fast is {control[:12]}")
    unknown = benchmarked(tmp_path / "y.json", "1" * 40)
    refused(git_exp("import", "fast", "--arm", "control", unknown, check=False), 6, "1{12}")
    assert state(git) == before

    own = benchmarked(tmp_path / "z.json", control, is_dirty=True)
    done = git_exp("import", "fast", "--arm", "control", "--block", "1", own)
    assert "uncommitted changes" in done.stderr
    assert len(imported(git)) == 1


def test_a_commit_that_differs_in_its_message_alone_is_the_same_code(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    before = git.id("exp/fast")
    git("commit", "--quiet", "--amend", "-m", "Change, better said")

    file = benchmarked(tmp_path / "x.json", before)
    git_exp("import", "fast", "--arm", "treatment", "--block", "1", file)

    assert len(imported(git)) == 1


# --- cases -----------------------------------------------------------------------------------


def test_cases_are_blocks_paired_by_their_key(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    control = promptfoo(tmp_path / "c.json", {n: n % 3 == 0 for n in range(10)})
    treatment = promptfoo(tmp_path / "t.json", {9 - n: True for n in range(10)})

    first = git_exp("import", "fast", "--arm", "control", control)
    git_exp("import", "fast", "--arm", "treatment", treatment)

    found = imported(git)
    plan = found[0]["plan"]
    order = sorted(map(str, range(10)), key=lambda case: sha256(f"{plan}\0{case}"))
    by_arm = {
        arm: {t["block"]: t["case"] for t in found if t["arm"] == arm}
        for arm in ("control", "treatment")
    }
    assert by_arm["control"] == dict(enumerate(order, 1)) == by_arm["treatment"]
    assert "these blocks wait for their treatment" in first.stdout
    analysis = git_exp("analyze", "fast", "--json").json
    assert (analysis["verdict"], analysis["blocks"]["complete"]) == ("better", 10)
    assert analysis["treatment"]["n"] == 10


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_cases_keep_their_block_and_new_ones_come_after(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    few = promptfoo(tmp_path / "few.json", dict.fromkeys(range(4), True))
    more = promptfoo(tmp_path / "more.json", dict.fromkeys(range(7), True))
    done = git_exp("import", "fast", "--arm", "control", few)
    assert "4 cases, and the plan ends with block 10" in " ".join(done.stdout.split())

    git_exp("import", "fast", "--arm", "control", more)
    git_exp("import", "fast", "--arm", "treatment", more)

    found = imported(git)
    blocks = {t["case"]: t["block"] for t in found if t["arm"] == "control"}
    assert len(found) == 14
    assert {blocks[str(n)] for n in range(4)} == {1, 2, 3, 4}
    assert {t["case"]: t["block"] for t in found if t["arm"] == "treatment"} == blocks
    assert sorted(blocks.values()) == [1, 2, 3, 4, 5, 6, 7]


def test_more_cases_than_blocks_are_said_to_come_after(
    git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    many = promptfoo(tmp_path / "many.json", dict.fromkeys(range(12), True))

    done = git_exp("import", "fast", "--arm", "control", many)

    assert "the rest comes after and decides nothing" in " ".join(done.stdout.split())


def test_an_error_is_a_failed_trial_and_a_wrong_answer_is_none(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)

    file = promptfoo(tmp_path / "c.json", {0: True, 1: False, 2: None})
    git_exp("import", "fast", "--arm", "control", file)

    assert "case 2 control  failed" in git_exp("log", "fast").stdout
    assert {t["case"]: (t["outcome"], t["metrics"]) for t in imported(git)} == {
        "0": ("ok", {"success": 1, "failures": 0}),
        "1": ("ok", {"success": 0, "failures": 0}),
        "2": ("failed", {"failures": 1}),
    }


def test_where_time_is_compared_a_wrong_answer_counts_as_failed(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--metric", "latency:lower:s")

    file = promptfoo(tmp_path / "c.json", {0: True, 1: False})
    git_exp("import", "fast", "--arm", "control", file)

    assert {t["case"]: t["outcome"] for t in imported(git)} == {"0": "ok", "1": "failed"}


def test_a_case_is_answered_once(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    git_exp("import", "fast", "--arm", "control", promptfoo(tmp_path / "a.json", {0: True}))

    other = promptfoo(tmp_path / "b.json", {1: True, 0: False})
    result = git_exp("import", "fast", "--arm", "control", other, check=False)

    refused(result, 6, "case 0 of b.json is recorded already, with success 1")
    assert len(imported(git)) == 1


def test_a_plan_that_shows_counts_alone_tells_no_recorded_value(
    git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED, "--on-expiry", "spend")
    git_exp("import", "fast", "--arm", "control", promptfoo(tmp_path / "a.json", {0: True}))

    other = promptfoo(tmp_path / "b.json", {0: False})
    result = git_exp("import", "fast", "--arm", "control", other, check=False)

    refused(result, 6, "case 0 of b.json is recorded already, with another success")


def test_a_case_belongs_to_one_clone(
    git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    file = promptfoo(tmp_path / "a.json", {0: True})
    git_exp("import", "fast", "--arm", "control", file, env={"GITEXP_WRITER": "bob"})

    args = ("import", "fast", "--arm", "treatment", file)
    result = git_exp(*args, env={"GITEXP_WRITER": "ann"}, check=False)

    refused(result, 6, "has its block in the clone of bob, who imported the control")


def test_other_code_asks_the_same_cases_anew(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED, "--revisions", "2")
    file = promptfoo(tmp_path / "a.json", {0: True, 1: False})
    git_exp("import", "fast", "--arm", "control", file)
    git_exp("import", "fast", "--arm", "treatment", file)

    git.commit("Change again", {"change.txt": "three\n"})
    git_exp("import", "fast", "--arm", "control", file)

    found = imported(git)
    assert len(found) == 6
    assert len({t["tree"] for t in found}) == 2


def test_a_test_report_gives_a_case_for_every_test(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*JUDGED)

    done = git_exp("import", "fast", "--arm", "control", FILES / "junit-pytest.xml")

    assert "1 test cases were skipped" in done.stderr
    assert {t["case"]: (t["outcome"], t["metrics"].get("success")) for t in imported(git)} == {
        "test_cases.test_even[0]": ("ok", 1),
        "test_cases.test_even[1]": ("ok", 0),
        "test_cases.test_even[2]": ("ok", 1),
        "test_cases.test_broken": ("failed", 0),
    }


def test_an_evaluation_can_be_one_trial_of_its_sums(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "pass-rate:higher:score")
    args = ("--arm", "control", "--block", "1", "--select", "short")

    git_exp("import", "fast", *args, FILES / "promptfoo.json")

    (trial,) = imported(git)
    assert (trial["metrics"]["pass-rate"], trial.get("case")) == (2 / 3, None)


def test_a_sum_over_all_cases_can_be_mapped(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "score:higher:score")
    args = ("--arm", "control", "--block", "1", "--map", "pass-rate=score")

    git_exp("import", "fast", *args, FILES / "junit-pytest.xml")

    (trial,) = imported(git)
    assert trial["metrics"]["score"] == 0.5


# --- tables ----------------------------------------------------------------------------------


def test_a_table_tells_arm_block_and_outcome(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    file = table(
        tmp_path / "t.csv",
        "trial_id,arm,block,outcome,time,note",
        "a,control,1,ok,1.5,quiet",
        "b,treatment,1,failed,,loud",
        ",control,0,ok,9,warm-up",
        ",control,2,void,9,slept",
        ",control,2,,2,",
        ",treatment,,,2,",
    )

    done = git_exp("import", "fast", file)

    assert "2 warm-up or void trials of t.csv are left out" in done.stderr
    assert "does not name note" in done.stderr
    told = [(t["arm"], t.get("block"), t["outcome"], t["metrics"]) for t in imported(git)]
    assert told == [
        ("control", 1, "ok", {"time": 1.5, "failures": 0}),
        ("treatment", 1, "failed", {"failures": 1}),
        ("control", 2, "ok", {"time": 2, "failures": 0}),
        ("treatment", None, "ok", {"time": 2, "failures": 0}),
    ]


def test_a_table_that_grows_is_imported_again_and_again(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--test", "welch")
    lines = ["arm,time", "control,1", "control,1", "treatment,1"]
    git_exp("import", "fast", table(tmp_path / "t.csv", *lines))

    done = git_exp("import", "fast", table(tmp_path / "t.csv", *lines, "control,1", "treatment,2"))

    assert done.stdout.startswith("2 trials recorded for fast, 3 recorded already")
    assert len(imported(git)) == 5


def test_a_table_of_windows_tells_how_many_uses_each_is(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--windows", "--test", "t")
    head = "arm,block,count,failures,time,time.variance"
    file = table(tmp_path / "t.csv", head, "control,1,5000,12,0.8,0.04", "treatment,1,4900,,0.7,")

    done = git_exp("import", "fast", file)

    assert done.stderr == ""
    assert [(t["window"], t["metrics"]) for t in imported(git)] == [
        (
            {"count": 5000, "failures": 12, "variances": {"time": 0.04}},
            {"time": 0.8, "failures": 12 / 5000},
        ),
        ({"count": 4900, "failures": 0, "variances": {}}, {"time": 0.7, "failures": 0}),
    ]
    assert git_exp("import", "fast", file).stdout.startswith("nothing to record")
    few = table(tmp_path / "t.csv", head, "control,2,5,12,0.8,")
    refused(git_exp("import", "fast", few, check=False), 6, "line 2 of t.csv is no window")


def test_a_file_that_is_imported_several_times_at_once_is_recorded_once(
    git: GitIn, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--test", "welch")
    rows = [f"{arm},{n}" for n in range(1, 21) for arm in ("control", "treatment")]
    file = table(tmp_path / "t.csv", "arm,time", *rows)

    programs = [begin("import", "fast", str(file), cwd=git.path) for _ in range(4)]

    said = [program.communicate(timeout=120) for program in programs]
    assert [program.returncode for program in programs] == [0] * 4, said
    assert sum(out.startswith("40 trials recorded") for out, _ in said) == 1
    assert len(imported(git)) == 40


def test_values_that_come_later_have_no_arm(
    git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--watch", "satisfaction:floor=0.5")
    trial = '{"arm": "control", "block": 1, "trial_id": "mon-1", "time": 1}'
    git_exp("import", "fast", table(tmp_path / "t.jsonl", trial))

    for line in (
        '{"for": "mon-1", "satisfaction": 0.8}',
        '{"trial_id":"mon-1","satisfaction":0.8}',
    ):
        done = git_exp("import", "fast", table(tmp_path / "l.jsonl", line), "--json").json

    assert (done["observed"], done["recorded"]) == (0, 0)
    records = git_exp("log", "fast", "--json").json["records"]
    assert [r["metrics"] for r in records if r["kind"] == "observation"] == [{"satisfaction": 0.8}]


def test_a_metric_that_is_called_like_a_column_has_a_longer_name(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED, "--metric", "case:lower:count")
    file = table(tmp_path / "t.csv", "arm,block,case,metric.case", "control,1,'=a,7")

    git_exp("import", "fast", file)

    (trial,) = imported(git)
    assert (trial["case"], trial["metrics"]["case"]) == ("=a", 7)


def test_trials_that_were_exported_are_known_again(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    git_exp("record", "fast", "--arm", "control", "-m", "time=1.5", "--block", "1")
    (trial,) = imported(git)
    head = "trial_id,exp,arm,block,case,outcome,at,host,commit,time"
    row = f"{trial['id']},fast,control,1,,ok,{trial['at']},h,{trial['commit']},1.5"

    done = git_exp("import", "fast", table(tmp_path / "t.csv", head, row))

    assert done.stdout.startswith("nothing to record for fast: 1 trial recorded already")
    other = table(tmp_path / "t.csv", head, row.replace(",1.5", ",1.6"))
    refused(git_exp("import", "fast", other, check=False), 6, "recorded already, with time 1.5")
    assert len(imported(git)) == 1


# --- before anything is recorded -------------------------------------------------------------


def test_a_dry_run_shows_and_records_nothing(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    file = promptfoo(tmp_path / "a.json", {0: True, 1: False})
    args = ("import", "fast", "--arm", "control", file, "--dry-run")
    before = state(git)

    text, document = git_exp(*args), git_exp(*args, "--json").json

    assert text.stdout.startswith("2 trials would be recorded for fast")
    assert "case 1: ok, failures 0, success 0" in text.stdout
    assert document["recorded"] == 0
    assert [(t["id"], t["existed"]) for t in document["trials"]] == [(None, False)] * 2
    assert state(git) == before
    assert imported(git) == []


def test_a_document_lists_what_was_recorded(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    args = ("--arm", "control", "--block", "3", FILES / "pyperf.json")

    document = git_exp("import", "fast", *args, "--json").json

    (trial,) = imported(git)
    assert document["schema"] == "gitexp.import/1"
    assert document["files"] == [{"file": "pyperf.json", "format": "pyperf"}]
    assert [t["id"] for t in document["trials"]] == [trial["id"]]
    assert document["next"] == ["git exp import fast --arm treatment --block 3 FILE"]


def test_a_measure_of_one_of_several_results_is_named_with_the_way_to_take_it(
    git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "Sum:lower:s", "--guardrail", "allocs/op:lower:count:+10%")
    args = ("import", "fast", "--arm", "control", "--block", "1", FILES / "go-many.txt")

    said = git_exp(*args, "--dry-run").stderr

    assert "--map BenchmarkSum:allocs/op=allocs/op takes it" in said
    taken = git_exp(*args, "--map", "BenchmarkSum:allocs/op=allocs/op", "--json").json
    assert taken["trials"][0]["metrics"]["allocs/op"] == 1.0


REFUSALS: dict[str, tuple[Sequence[str | Path], int, str]] = {
    "no arm": ([FILES / "hyperfine-one.json"], 129, "does not say which arm"),
    "no such arm": (["--arm", "left", FILES / "hyperfine-one.json"], 129, "left"),
    "no file": (["--arm", "control"], 129, "FILE"),
    "no such file": (["--arm", "control", "nothing.json"], 6, "nothing.json cannot be read"),
    "a directory": (["--arm", "control", "."], 6, "is a directory"),
    "no such format": (["--format", "x", "a.json"], 129, "no format is named 'x'"),
    "another format": (
        ["--arm", "control", "--format", "go", FILES / "pyperf.json"],
        6,
        "holds no results",
    ),
    "several results": (
        ["--arm", "control", FILES / "go-many.txt"],
        6,
        "has 3 results: BenchmarkSum, BenchmarkEncode/format=json",
    ),
    "no such result": (
        ["--arm", "control", "--select", "x", FILES / "go-many.txt"],
        6,
        "no result named 'x'",
    ),
    "nothing to map": (
        ["--arm", "control", "--map", "x=time", FILES / "go-count.txt"],
        6,
        "has no 'x'",
    ),
    "no such metric": (
        ["--arm", "control", "--map", "time=x", FILES / "go-count.txt"],
        129,
        "declares no metric 'x'",
    ),
    "no map": (["--map", "time", FILES / "go-count.txt"], 129, "maps nothing"),
    "one metric twice": (
        ["--map", "a=time", "--map", "b=time", FILES / "go-count.txt"],
        129,
        "two names are mapped to time",
    ),
    "a block far ahead": (
        ["--arm", "control", "--block", "99", FILES / "pyperf.json"],
        6,
        "block 99 would wait",
    ),
    "block 0": (["--arm", "control", "--block", "0", FILES / "pyperf.json"], 129, "no block 0"),
    "a name for two": (
        ["--arm", "control", "--trial-id", "x", *[FILES / "pyperf.json"] * 2],
        129,
        "names one trial",
    ),
    "zero of a ratio": (
        ["--arm", "control", FILES / "junit-pytest.xml"],
        6,
        "time is 0 in case .* logarithms",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_meant_is_refused_with_nothing_recorded(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], name: str
) -> None:
    create(*TIMED)
    args, status, said = REFUSALS[name]
    before = state(git)

    result = git_exp("import", "fast", *args, check=False)

    refused(result, status, said)
    assert state(git) == before
    assert imported(git) == []


def test_a_file_without_a_declared_metric_is_refused_with_what_it_has(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "score:higher")

    result = git_exp("import", "fast", "--arm", "control", FILES / "pyperf.json", check=False)

    refused(
        result,
        6,
        "has none of the metrics of fast: it has time; the plan declares score",
        "--map 'time=score'",
    )
    assert imported(git) == []


@pytest.mark.parametrize(
    ("metric", "map", "said"),
    [
        ("MB/s:lower", None, "MB/s is better the higher in go-count.txt, and the plan says lower"),
        ("time2:lower:B", "time=time2", "time2 is in s in go-count.txt"),
    ],
)
def test_a_file_that_contradicts_the_plan_is_refused(
    git: GitIn,
    git_exp: GitExp,
    create: Callable[..., None],
    metric: str,
    map: str | None,
    said: str,
) -> None:
    create(*TIMED, "--metric", metric)
    args = ("import", "fast", "--arm", "control", "--block", "1", FILES / "go-count.txt")

    refused(git_exp(*args, *(["--map", map] if map else []), check=False), 6, said)

    assert imported(git) == []


def test_a_mapping_overrules_the_direction_of_a_file(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED, "--metric", "MB/s:lower")
    args = ("import", "fast", "--arm", "control", "--block", "1", FILES / "go-count.txt")

    done = git_exp(*args, "--map", "MB/s=MB/s")

    assert "the plan holds" in done.stderr
    assert len(imported(git)) == 1


def test_one_bad_file_of_many_leaves_nothing_recorded(
    git: GitIn, git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*TIMED)
    good, bad = FILES / "pyperf.json", hyperfine(tmp_path / "bad.json", [1.0, float("nan")])
    before = state(git)

    result = git_exp("import", "fast", "--arm", "control", "--block", "1", good, bad, check=False)

    refused(result, 6, "a finite number is needed")
    assert state(git) == before
    assert imported(git) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["arm,case,time", "control,a,1", "control,a,2"], "answers case 'a' .* again"),
        (["trial_id,arm,time", "x,control,1", "x,control,2"], "have one trial id, x"),
        (["arm,block,time", "control,1,1", "control,1,2"], "block 1 has its control trial"),
        (["arm,time", "control,1", "control,fast"], "line 3 of t.csv has a time that is no number"),
        (["arm,time", "control,inf"], "no number: inf"),
        (["arm,score", "control,1"], "has none of the metrics"),
        (["case,time", "a,1"], "line 2 of t.csv names no arm"),
        (["arm,commit,time", "control,1234567,1"], "measured 1234567"),
        (["arm,trial_id,time", "control,x,1", ",y,2"], "has trials .* and values that came later"),
        (["for,time", "nobody,1"], "no trial of fast is named 'nobody'"),
    ],
)
def test_one_bad_line_leaves_nothing_recorded(
    git: GitIn,
    git_exp: GitExp,
    create: Callable[..., None],
    tmp_path: Path,
    lines: list[str],
    said: str,
) -> None:
    create(*TIMED)

    result = git_exp("import", "fast", table(tmp_path / "t.csv", *lines), check=False)

    refused(result, result.status, said)
    assert result.status in (6, 128, 129)
    assert imported(git) == []


def test_an_experiment_that_has_ended_takes_no_trials(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    args = ("import", "fast", "--arm", "control", "--block", "1", FILES / "pyperf.json")
    git_exp(*args)
    git_exp("import", "fast", "--arm", "treatment", "--block", "1", FILES / "go-count.txt")
    git("switch", "--quiet", "main")
    git_exp("rollback", "fast", "--yes")

    other: Result = git_exp(*args[:-1], FILES / "hyperfine-one.json", check=False)

    refused(other, 6, "fast has ended")
    # what it has, it still knows
    assert git_exp(*args).stdout.startswith("nothing to record")


def test_hostile_names_are_made_safe_to_print(
    git_exp: GitExp, create: Callable[..., None], tmp_path: Path
) -> None:
    create(*JUDGED)
    case = json.dumps("a\x1b[2J\u202e")
    file = table(tmp_path / "t.jsonl", f'{{"arm": "control", "case": {case}, "success": 1}}')

    done = git_exp("import", "fast", file, "--dry-run")
    wrong = table(tmp_path / "t.jsonl", f'{{"arm": "control", "case": {case}, "success": 2}}')
    refusal = git_exp("import", "fast", wrong, check=False)

    for text in (done.stdout, done.stderr, refusal.stderr):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_an_experiment_that_is_gone_unmeasured_takes_no_trials(
    git: GitIn, git_exp: GitExp, create: Callable[..., None]
) -> None:
    create(*TIMED)
    git("switch", "--quiet", "main")
    git_exp("rollback", "fast", "--yes")

    result = git_exp("import", "fast", "--arm", "control", FILES / "pyperf.json", check=False)

    refused(result, 6, "fast has ended")
