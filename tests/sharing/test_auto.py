"""`git exp auto` in several clones: whoever decides acts, once, and nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.scenes import begin
from tests.sharing.village import Clone, Village

BLOCKS = range(1, 7)


def managed(clone: Clone, *args: str, status: int = 0) -> dict[str, Any]:
    done = clone.exp("auto", *args, "--json", check=False)
    assert done.status == status, done.stdout + done.stderr
    [found] = done.json["experiments"]
    assert isinstance(found, dict)
    return found


def test_of_two_clones_at_once_exactly_the_deciding_one_acts(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record(BLOCKS)
    ann.sync()
    bob.take_part()
    before = bob.git("for-each-ref")

    at_once = [begin("auto", "--json", cwd=clone.path) for clone in (bob, ann)]
    ended = [(process.communicate(timeout=120)[0], process.returncode) for process in at_once]

    [bobs], [anns] = (json.loads(out)["experiments"] for out, _ in ended)
    assert [status for _, status in ended] == [0, 0]
    assert (anns["done"], anns["state"]) == (True, "promoted")
    assert (bobs["done"], bobs["reason"]) == (False, f"waits for {ann.writer}, who decides")
    assert bob.git("for-each-ref") == before
    assert ann.git("rev-list", "--count", "--merges", "main") == "1"


def test_after_a_handover_the_other_one_acts(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record(BLOCKS)
    ann.sync()
    bob.take_part()
    bob.exp("handover", "fast")
    bob.sync()
    ann.sync()

    waits, acts = managed(ann), managed(bob)

    assert (waits["done"], waits["reason"]) == (False, f"waits for {bob.writer}, who decides")
    assert (acts["done"], acts["state"]) == (True, "promoted")


def test_blocks_of_others_are_taken_in_before_the_verdict(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record(BLOCKS[:3])
    ann.sync()
    bob.take_part()
    bob.record(BLOCKS[:3])
    bob.sync()
    ann.exp("init")  # fetches, and takes nothing in

    looked = managed(ann, "--dry-run")
    acted = managed(ann)

    assert (looked["verdict"], looked["done"]) == ("collecting", False)
    assert (acted["verdict"], acted["done"]) == ("better", True)


def test_a_lane_of_ci_goes_on_from_job_to_job(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITEXP_WRITER", "ci")
    first = village.clone("job-1")
    first.start()
    first.exp("run", "fast", "--blocks", "3")
    first.sync()

    second = village.clone("job-2")
    second.sync()
    second.git("branch", "--quiet", "exp/fast", "origin/exp/fast")
    found = managed(second, "--run", "--yes")
    second.git("push", "--quiet", "origin", "main")
    second.sync()

    assert (found["blocks_run"], found["done"], found["state"]) == (3, True, "promoted")
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    third = village.clone("reader")
    third.sync()
    [row] = third.exp("status", "fast", "--json").json["experiments"]
    assert (row["state"], row["merge"]) == ("promoted", third.git.id("origin/main"))


def test_a_branch_that_only_the_remote_has_is_refused_with_the_way_to_get_it(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITEXP_WRITER", "ci")
    first = village.clone("job-1")
    first.start()
    first.record(BLOCKS)
    first.sync()
    second = village.clone("job-2")
    second.sync()

    found = managed(second, status=6)
    command = found["next"][0].split()
    second.git(*command[1:])

    assert found["error"]["code"] == "no-branch"
    assert managed(second)["done"] is True
