"""`git exp record` in full: outcomes, values that come later, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitexp.app.load import load
from gitexp.app.observe import NewObservation, observe_all
from gitexp.app.record import NewTrial, record_all
from gitexp.errors import GitexpError, Refused, UsageError
from gitexp.model import Arm, ExperimentId, Outcome
from gitexp.store.store import Store
from tests.cli.scenes import prepare, refused, state
from tests.support import GitExp, GitIn

HYPOTHESIS = "the new prompt makes users 0.2 points happier"
PLAN = (
    *("create", "ask", "--hypothesis", HYPOTHESIS, "--metric", "joy:higher:score"),
    *("--guardrail", "latency:lower:s:+10%", "--min-blocks", "4", "--max-blocks", "6"),
)


@pytest.fixture
def ask(git: GitIn, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    """An experiment whose primary value is asked for later."""
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    GitExp(git.path)(*PLAN)
    git.commit("Another prompt", {"prompt.txt": "please\n"})
    return git


def _trial(git: GitIn, arm: str, block: int, *options: str) -> str:
    args = ("record", "ask", "--arm", arm, "--block", str(block), "-m", "latency=1.0")
    answer = GitExp(git.path)(*args, *options, "--json").json
    return str(answer["id"])


def _later(git: GitIn, trial: str, joy: float, **options: Any) -> Any:
    return GitExp(git.path)("record", "--for", trial, "-m", f"joy={joy}", "--json", **options)


def _fill(git: GitIn, blocks: int, first: int = 1) -> list[tuple[str, str]]:
    """Blocks recorded in one process, without their primary value; ids of both trials."""
    store, found = Store.open(git.path), []
    new = [
        NewTrial(arm=arm, metrics={"latency": 1 + block % (3 + at) / 100}, block=block)
        for block in range(first, first + blocks)
        for at, arm in enumerate(Arm)
    ]
    views = record_all(store, load(store, ExperimentId("ask")), new)
    store.flush()
    found = [str(view.id) for view in views]
    return list(zip(found[::2], found[1::2], strict=True))


def _answer(git: GitIn, ids: list[tuple[str, str]]) -> None:
    store = Store.open(git.path)
    observe_all(
        store,
        load(store, ExperimentId("ask")),
        [
            NewObservation(trial=trial, metrics={"joy": value + at * value / 20})
            for at, pair in enumerate(ids)
            for trial, value in zip(pair, (0.1, 0.9), strict=True)
        ],
    )
    store.flush()


def test_a_trial_without_its_primary_value_says_how_to_add_it(ask: GitIn) -> None:
    args = ("record", "ask", "--arm", "control", "--block", "1", "-m", "latency=1.0")
    answer = GitExp(ask.path)(*args, "--json").json

    assert answer["awaits"] == ["joy"]
    assert answer["next"] == [f"git exp record ask --for {answer['id']} -m joy=VALUE"]
    assert "joy is awaited" in answer["note"]


def test_values_that_come_later_decide(ask: GitIn) -> None:
    ids = _fill(ask, 5)
    exp = GitExp(ask.path)
    row = exp("status", "ask", "--json").json["experiments"][0]
    assert (row["blocks"]["complete"], row["blocks"]["awaiting"]) == (0, {"joy": 5})
    assert row["next"] == [f"git exp record ask --for {ids[0][0]} -m joy=VALUE"]
    assert "5 blocks await joy" in exp("status", "ask").stdout
    assert "5 blocks await joy" in exp("analyze", "ask").stdout

    _answer(ask, ids)

    answer = exp("analyze", "ask", "--json").json
    assert answer["verdict"] == "better"
    assert answer["blocks"]["awaiting"] == {}
    marks = [r["marks"] for r in exp("log", "ask", "--json").json["records"] if "arm" in r]
    assert all(mark == [] for mark in marks)


def test_the_log_shows_what_is_awaited(ask: GitIn) -> None:
    _trial(ask, "control", 1)

    [entry] = [r for r in GitExp(ask.path)("log", "ask", "--json").json["records"] if "arm" in r]

    assert "awaited" in entry["marks"]


def test_the_same_value_again_is_recorded_once(ask: GitIn) -> None:
    trial = _trial(ask, "control", 1, "--trial-id", "u-17")
    _later(ask, "u-17", 0.5)

    again = _later(ask, trial[:20].lower(), 0.5).json

    assert (again["existed"], again["id"], again["trial"]) == (True, None, trial)
    refused(_later(ask, trial, 0.6, check=False), 6, "joy 0.5 already", f"retract {trial}")


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("--for", "u-404", "-m", "joy=1"), 128, "no trial is named"),
        (("ask", "--for", "u-404", "-m", "joy=1"), 128, "no trial of ask is named"),
        (("--for", "u-1", "-m", "joy=nan"), 129, "finite"),
        (("--for", "u-1", "-m", "joy=1e70"), 129, "beyond"),
        (("--for", "u-1", "-m", "joy"), 129, "not a metric"),
        (("--for", "u-1"), 129, "no value"),
        (("--for", "u-1", "--arm", "control", "-m", "joy=1"), 129, "recorded already"),
        (("--for", "u-1", "-m", "latency=2"), 6, "latency 1 already"),
        (("-m", "joy=1"), 129, "needs its arm"),
        (("ask", "--arm", "control", "-m", "other=1"), 129, "primary metric joy is missing"),
        (("ask", "--arm", "control", "--block", "1", "-m", "joy=1", "--variance", "joy=1"), 129,
         "of a window"),
        (("ask", "--arm", "control", "--block", "1", "-m", "joy=1", "--window", "count=2"), 6,
         "--windows"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    ask: GitIn, args: tuple[str, ...], status: int, said: str
) -> None:
    _trial(ask, "control", 1, "--trial-id", "u-1")
    GitExp(ask.path)("status")
    before = state(ask)

    result = GitExp(ask.path)("record", *args, check=False)

    refused(result, status, said)
    assert state(ask) == before


def test_nothing_joins_a_decision_a_warm_up_or_a_retracted_trial(ask: GitIn) -> None:
    ids = _fill(ask, 5)
    _answer(ask, ids)
    sixth = _trial(ask, "control", 6)
    gone = _trial(ask, "treatment", 6)
    exp = GitExp(ask.path)
    exp("retract", gone, "--reason", "the wrong user")
    refused(_later(ask, gone, 0.5, check=False), 6, "was retracted")
    exp("promote", "ask", "--dry-run")
    exp("sync", check=False)

    exp("promote", "ask", "--yes")

    refused(_later(ask, sixth, 0.5, check=False), 6, "is decided|has ended")


def test_a_metric_the_plan_does_not_name_is_kept_and_said(ask: GitIn) -> None:
    trial = _trial(ask, "control", 1)

    answer = GitExp(ask.path)("record", "--for", trial, "-m", "typo=1", "--json").json

    assert "does not name typo" in answer["note"]
    assert "typo 1" in GitExp(ask.path)("log", "ask").stdout


def test_a_value_that_came_later_is_not_taken_out_alone(ask: GitIn) -> None:
    trial = _trial(ask, "control", 1)
    observation = _later(ask, trial, 0.5).json["id"]

    result = GitExp(ask.path)("retract", observation, "--reason", "typo", check=False)

    refused(result, 6, "cannot be taken out alone", f"git exp retract {trial}")


def test_a_retracted_trial_takes_its_later_values_with_it(ask: GitIn) -> None:
    ids = _fill(ask, 5)
    _answer(ask, ids)

    GitExp(ask.path)("retract", ids[0][0], "--reason", "the wrong user")

    answer = GitExp(ask.path)("analyze", "ask", "--json").json
    assert (answer["blocks"]["complete"], answer["blocks"]["retracted"]) == (4, 1)


def test_outcomes_need_no_value_and_count(ask: GitIn) -> None:
    exp = GitExp(ask.path)
    exp("record", "ask", "--arm", "treatment", "--block", "1", "--outcome", "timeout")
    exp("record", "ask", "--arm", "control", "--block", "1", "-m", "joy=0.5", "-m", "latency=1")
    exp("record", "ask", "--arm", "control", "--block", "2", "--outcome", "void")
    exp("record", "ask", "--arm", "control", "--block", "2", "-m", "joy=0.5")

    answer = exp("analyze", "ask", "--json").json

    assert (answer["treatment"]["timeout"], answer["control"]["void"]) == (1, 1)
    assert answer["blocks"]["complete"] == 1


# --- many at once ----------------------------------------------------------------------------


def test_of_many_none_is_recorded_if_one_is_refused(ask: GitIn) -> None:
    store = Store.open(ask.path)
    loaded = load(store, ExperimentId("ask"))
    fine = [NewTrial(arm=arm, metrics={"joy": 1.0}, block=1) for arm in Arm]
    wrong: list[tuple[NewTrial, type[GitexpError]]] = [
        (NewTrial(arm=Arm.CONTROL, metrics={"joy": 1.0}, block=1), Refused),
        (NewTrial(arm=Arm.CONTROL, metrics={"joy": float("inf")}, block=2), UsageError),
        (NewTrial(arm=Arm.CONTROL, metrics={"joy": 1.0}, block=9), Refused),
        (NewTrial(arm=Arm.CONTROL, metrics={"x" * 199 + str(k): 1.0 for k in range(40)} |
                  {"joy": 1.0}), GitexpError),
    ]  # fmt: skip
    before = state(ask)

    for new, error in wrong:
        with pytest.raises(error):
            record_all(store, loaded, [*fine, new])

    store.flush()
    assert state(ask) == before


def test_many_are_recorded_in_order_and_once(ask: GitIn) -> None:
    store, exp = Store.open(ask.path), ExperimentId("ask")
    new = [
        NewTrial(arm=arm, metrics={"joy": 1.0}, block=block, trial_id=f"{arm}-{block}")
        for block in (1, 2)
        for arm in Arm
    ]

    first = record_all(store, load(store, exp), [*new, new[0]])
    again = record_all(store, load(store, exp), new)

    assert [view.existed for view in first] == [False] * 4 + [True]
    assert [view.id for view in again] == [view.id for view in first[:4]]
    assert all(view.existed for view in again)
    other = NewTrial(arm=Arm.CONTROL, metrics={"joy": 2.0}, block=1, trial_id="control-1")
    with pytest.raises(Refused, match="joy differs"):
        record_all(store, load(store, exp), [other])
    trials = load(store, exp).experiment.trials
    assert [(run.trial.block, run.trial.arm) for run in trials] == [
        (block, arm) for block in (1, 2) for arm in Arm
    ]


def test_a_void_among_many_frees_its_block(ask: GitIn) -> None:
    store, exp = Store.open(ask.path), ExperimentId("ask")
    new = [
        NewTrial(arm=Arm.CONTROL, metrics={}, block=1, outcome=Outcome.VOID),
        NewTrial(arm=Arm.CONTROL, metrics={"joy": 1.0}, block=1),
        NewTrial(arm=Arm.TREATMENT, metrics={"joy": 1.0}, block=1),
    ]

    record_all(store, load(store, exp), new)

    [found] = load(store, exp).experiment.series.values()
    assert [block.attempt for block in found.blocks] == [2]


def test_nobody_is_asked_for_values_of_an_attempt_that_was_replaced(ask: GitIn) -> None:
    replaced = _trial(ask, "control", 1)
    GitExp(ask.path)(*("record", "ask", "--arm", "treatment", "--block", "1", "--outcome", "void"))
    again = [_trial(ask, arm, 1) for arm in ("control", "treatment")]

    [row] = GitExp(ask.path)("status", "ask", "--json").json["experiments"]

    assert replaced not in again
    assert row["next"] == [f"git exp record ask --for {again[0]} -m joy=VALUE"]


# --- two clones ------------------------------------------------------------------------------


@pytest.fixture
def clones(ask: GitIn, tmp_path: Path) -> tuple[GitIn, GitIn]:
    """The decider's clone, and another that has all its records."""
    shared = tmp_path / "shared.git"
    ask("init", "--quiet", "--bare", str(shared))
    ask("remote", "add", "origin", str(shared))
    ids = _fill(ask, 5)
    _answer(ask, ids[:3])
    ask("push", "--quiet", "origin", "main")
    GitExp(ask.path)("init")
    GitExp(ask.path)("sync")
    folder = tmp_path / "bob"
    ask("clone", "--quiet", str(shared), str(folder))
    bob = GitIn(folder)
    GitExp(bob.path)("init")
    return ask, bob


def test_a_value_recorded_in_another_clone_enters_by_intake(
    clones: tuple[GitIn, GitIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = clones
    ids = [r["id"] for r in GitExp(bob.path)("log", "ask", "--json").json["records"] if "arm" in r]
    before = GitExp(ann.path)("analyze", "ask", "--json").json
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    said = _later(bob, ids[-2], 0.3).json
    _later(bob, ids[-1], 1.1)
    waiting = GitExp(bob.path)("analyze", "ask", "--json").json
    GitExp(bob.path)("sync")
    monkeypatch.setenv("GITEXP_WRITER", "ann")

    GitExp(ann.path)("sync")

    assert "waits until ann" in said["note"]
    assert (before["blocks"]["complete"], waiting["blocks"]["complete"]) == (3, 3)
    after = GitExp(ann.path)("analyze", "ask", "--json").json
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    GitExp(bob.path)("sync")
    assert after["blocks"]["complete"] == 4
    assert after["verdict"] == "better"
    theirs = GitExp(bob.path)("analyze", "ask", "--json").json
    assert theirs["primary"] == after["primary"]


def test_a_value_recorded_after_the_decision_elsewhere_does_not_count(
    clones: tuple[GitIn, GitIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = clones
    ids = _ids(ann)
    store = Store.open(ann.path)
    loaded = load(store, ExperimentId("ask"))
    new = [NewObservation(trial=ids[at], metrics={"joy": at % 2 + 0.1}) for at in range(-4, 0)]
    observe_all(store, loaded, new)
    store.flush()
    GitExp(ann.path)("sync")
    decided = GitExp(ann.path)("analyze", "ask", "--json").json
    monkeypatch.setenv("GITEXP_WRITER", "bob")
    late = _later(bob, _ids(bob)[-2], 0.9).json["id"]
    GitExp(bob.path)("sync")
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    GitExp(ann.path)("sync")

    after = GitExp(ann.path)("analyze", "ask", "--json").json

    assert decided["verdict"] == "better"
    assert after["primary"] == decided["primary"]
    records = GitExp(ann.path)("log", "ask", "--json").json["records"]
    [entry] = [record for record in records if record["id"] == late]
    assert entry["marks"] in (["after"], ["waiting"])


def _ids(git: GitIn) -> list[str]:
    records = GitExp(git.path)("log", "ask", "--json").json["records"]
    return [record["id"] for record in records if record["kind"] == "trial"]


def test_no_value_is_recorded_that_the_plan_cannot_use(git: GitIn, git_exp: GitExp) -> None:
    prepare(git)
    git_exp("create", "ratio", "--hypothesis", "it takes 20 % less", "--metric", "cost:lower",
            "--guardrail", "right:higher:bool:+5pp")  # fmt: skip
    git.commit("Try a table", {"speed": "10\n"})
    arm = ("record", "ratio", "--arm", "control", "--block", "1")

    for values, said in (
        (("-m", "cost=0"), "compares logarithms"),
        (("-m", "cost=3", "-m", "right=0.5"), "takes 0 or 1"),
    ):
        refused(git_exp(*arm, *values, check=False), 6, said)
    first = git_exp(*arm, "-m", "right=1", "--json").json["id"]
    refused(git_exp("record", "--for", first, "-m", "cost=-2", check=False), 6, "logarithms")

    kinds = [r["kind"] for r in git_exp("log", "ratio", "--json").json["records"]]
    assert kinds.count("trial") == 1
    assert "observation" not in kinds
