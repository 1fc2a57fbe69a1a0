"""Clocks that jump: what is recorded, decided and kept does not hang on what time it was."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitexp.app.record import NewTrial, record
from gitexp.model import Arm, ExperimentId
from gitexp.store.store import Store
from tests.cli.scenes import refused, trials
from tests.support import GitExp, GitIn

PAST, FUTURE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


def set_times(folder: Path, when: datetime) -> None:
    """Give all files the time they would have, had the clock been wrong when they were written."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (when.timestamp(), when.timestamp()), follow_symlinks=False)


@pytest.mark.parametrize("when", [PAST, FUTURE], ids=["past", "future"])
def test_files_of_another_time_change_nothing(ready: GitIn, when: datetime) -> None:
    exp = GitExp(ready.path)
    exp("run", "--blocks", "2")
    exp("status")
    set_times(ready.path / ".git", when)

    exp("run", "--blocks", "1")
    set_times(ready.path / ".git", when)
    answer = exp("run", "--json").objects[-1]
    set_times(ready.path / ".git", when)

    assert answer["verdict"] == "better"
    assert len({(t["block"], t["arm"]) for t in trials(ready)}) == len(trials(ready)) == 12
    told = exp("status", "fast", "--json").json["experiments"][0]
    assert (told["verdict"], told["problems"]) == ("better", [])
    exp("promote")
    assert ready("symbolic-ref", "HEAD") == "refs/heads/main"


def test_records_keep_the_order_they_were_made_in(ready: GitIn) -> None:
    fast, store = ExperimentId("fast"), Store.open(ready.path)
    moments = [PAST, datetime.now(UTC), PAST, FUTURE]
    for number, moment in enumerate(moments):
        store.clock = lambda moment=moment: moment  # type: ignore[misc]
        store.journal.clock = store.clock
        new = NewTrial(arm=Arm.CONTROL, metrics={"score": 20.0}, block=number + 1)
        record(store, fast, new)
    store.flush()

    found = sorted(trials(ready), key=lambda trial: trial["seq"])

    assert [trial["block"] for trial in found] == [1, 2, 3, 4]
    assert len({trial["id"] for trial in found}) == 4
    assert {trial["at"][:4] for trial in found} >= {"1999", "2050"}
    GitExp(ready.path)("analyze", "fast")
    # its last day cannot be told by a clock that is behind
    refused(GitExp(ready.path)("run", check=False), 6, "2050", "create --like fast")
