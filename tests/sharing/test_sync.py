"""`git exp sync` between clones that behave."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.cli.scenes import begin
from tests.sharing.village import Clone, Village
from tests.support import GitIn


def test_the_first_sync_shares_the_experiment(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])

    answer = ann.sync()

    own = ann.writer
    assert set(answer["pushed"]) == {
        "refs/heads/exp/fast",
        f"refs/notes/exp/fast/{own}",
        f"refs/exp/archive/fast/{own}",
    }
    assert answer["attempts"] == 1
    assert village.refs("refs/notes") == ann.refs("refs/notes/exp/")
    assert "in step with origin: nothing new on either side" in ann.exp("sync").stdout


def test_blocks_of_others_come_count_and_decide(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1, 2, 3])
    ann.sync()
    bob.take_part()
    bob.record([1, 2, 3])

    waiting = bob.exp("sync").stdout
    taken = ann.sync()["experiments"][0]
    ann.sync()
    told = bob.sync()["experiments"][0]

    assert f"fast: 3 blocks wait for {ann.writer} to sync" in waiting
    assert taken["came"] == {bob.writer: {"records": 6, "blocks": 3}}
    assert taken["taken_in"] == {bob.writer: 3}
    assert taken["decided"] == "better"
    assert told["came"][ann.writer]["records"] == 2
    assert told["verdict"] == "better"
    assert told["waiting"] == {}
    assert bob.admitted() == ann.admitted()
    assert len(ann.admitted()) == 6


def test_a_sync_with_nothing_to_do_connects_once(village: Village, ann: Clone) -> None:
    ann.start()
    ann.sync()
    log = village.folder / "connections"
    for pack in ("upload-pack", "receive-pack"):
        script = village.folder / pack
        script.write_text(f'#!/bin/sh\necho {pack} >>"{log}"\nexec git-{pack} "$@"\n')
        script.chmod(0o755)
        ann.git("config", f"remote.origin.{pack.replace('-', '')}", str(script))

    ann.sync()

    assert log.read_text().split() == ["upload-pack"]


def test_plain_git_log_shows_what_was_decided_here(ann: Clone) -> None:
    ann.exp("init")
    ann.start()
    ann.record(range(1, 7))

    ann.sync()

    assert "better" in ann.git("log", "-1", "exp/fast")


def test_what_a_plain_fetch_brought_is_taken_in_by_the_next_sync(ann: Clone, bob: Clone) -> None:
    ann.exp("init")
    ann.start()
    ann.sync()
    bob.take_part()
    bob.record([1])
    bob.sync()
    ann.git("fetch", "--quiet")

    answer = ann.sync()["experiments"][0]

    assert answer["taken_in"] == {bob.writer: 1}


def test_a_last_day_that_passed_is_recorded_by_the_deciding_clone_alone(
    ann: Clone, bob: Clone
) -> None:
    ann.start("--max-days", "0.00001")
    ann.git("push", "--quiet", "origin", "exp/fast", f"{ann.own_notes()}:{ann.own_notes()}")
    time.sleep(1)

    before = bob.sync()["experiments"][0]
    ours = ann.sync()["experiments"][0]
    after = bob.sync()["experiments"][0]

    assert (before["state"], before["expired"]) == ("running", False)
    assert (ours["state"], ours["expired"]) == ("expired", True)
    assert (after["state"], after["expired"]) == ("expired", False)


def test_without_anything_to_decide_no_numbers_are_imported(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.take_part()
    bob.record([1])
    code = (
        "import sys; from gitexp.cli.main import main; assert main(['sync']) == 0; "
        "print(sorted({'numpy', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=bob.path, capture_output=True, text=True, check=True
    )

    assert done.stderr.splitlines()[-1] == "[]"


def test_a_second_sync_waits_for_the_first(village: Village, ann: Clone) -> None:
    ann.start()
    log = village.folder / "received"
    village.hook("pre-receive", f"echo a push >>{log}; sleep 2")

    syncs = [begin("sync", "--json", cwd=ann.path) for _ in range(2)]
    answers = [json.loads(sync.communicate(timeout=60)[0]) for sync in syncs]

    # side by side, both would have pushed; one after the other, the second finds it done
    assert log.read_text() == "a push\n"
    assert sorted(len(answer["pushed"]) for answer in answers) == [0, 3]


# --- kinds of clones -----------------------------------------------------------------------------


def test_a_clone_of_one_branch_takes_part(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    single = village.clone("single", "--single-branch", "--branch", "main")

    single.take_part()
    single.record([1])
    answer = single.sync()

    assert answer["experiments"][0]["waiting"] == {single.writer: 1}
    assert ann.sync()["experiments"][0]["taken_in"] == {single.writer: 1}


def test_a_shallow_clone_takes_part_without_the_history_it_was_spared(
    village: Village, ann: Clone
) -> None:
    lane = village.clone("lane", "--depth", "1")
    spared = ann.git.id("main~1")
    ann.start()
    ann.record([1])
    ann.sync()

    lane.take_part()
    lane.record([1])
    done = lane.exp("sync", "--json")
    again = lane.sync()

    assert "this clone is shallow: 1 archives were not fetched" in done.stderr
    assert f"refs/exp/archive/fast/{lane.writer}" in done.json["pushed"]
    assert again["pushed"] == []
    assert not lane.store.repository.has(spared)
    assert ann.sync()["experiments"][0]["taken_in"] == {lane.writer: 1}
    assert village.shared("fsck", "--strict", "--no-dangling") == ""


def test_where_too_much_history_is_missing_evidence_is_kept_and_the_way_on_is_said(
    village: Village, ann: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    cut = village.clone("cut", "--depth", "1", "--no-single-branch")

    done = cut.exp("sync")
    cut.git("fetch", "--quiet", "--unshallow")
    after = cut.sync()

    assert "fast: 4 records came and are kept, not used" in done.stderr
    assert "git fetch --unshallow" in done.stderr
    assert after["warnings"] == []
    assert cut.admitted() == [(ann.writer, 1)]


def test_a_bare_clone_shares_what_it_holds(village: Village, ann: Clone) -> None:
    ann.start()
    ann.sync()
    bare = village.clone("bare.git", "--bare")
    bare.exp("init")
    bare.git("fetch", "--quiet")
    bare.record([1])

    answer = bare.sync()

    assert f"refs/notes/exp/fast/{bare.writer}" in answer["pushed"]
    assert ann.sync()["experiments"][0]["taken_in"] == {bare.writer: 1}


def test_a_worktree_a_folder_in_it_and_a_detached_head_do_as_well(
    village: Village, ann: Clone
) -> None:
    ann.start()
    ann.sync()
    tree = village.folder / "tree"
    ann.git("worktree", "add", "--quiet", "--detach", str(tree), "main")
    ann.record([1])

    answer = ann.exp("sync", "--json", cwd=tree / "src").json

    assert answer["remote"] == "origin"
    assert ann.own_notes() in answer["pushed"]


def test_settings_for_plain_fetch_and_push_change_nothing(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.sync()
    bob.take_part()
    bob.record([1])
    bob.sync()
    main = village.refs("refs/heads/main")
    for key, value in (
        ("push.default", "matching"),
        ("push.followTags", "true"),
        ("push.recurseSubmodules", "on-demand"),
        ("remote.origin.mirror", "true"),
        ("remote.origin.push", "+refs/heads/*:refs/heads/other/*"),
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
        ("remote.origin.tagOpt", "--tags"),
        ("fetch.writeCommitGraph", "true"),
    ):
        ann.git("config", key, value)
    ann.git("tag", "-m", "mine", "v1")
    ann.git.commit("Not to be pushed")
    ann.git("switch", "--quiet", "main")
    ann.git.commit("Nor this")

    answer = ann.sync()

    assert answer["experiments"][0]["taken_in"] == {bob.writer: 1}
    assert village.refs("refs/heads/main") == main
    assert village.refs("refs/tags") == {}
    assert set(village.refs("refs/notes")) == {ann.own_notes(), bob.own_notes()}


def test_what_is_pushed_elsewhere_is_pushed_there(village: Village, ann: Clone) -> None:
    fork = village.folder / "fork.git"
    ann.git("clone", "--quiet", "--bare", str(village.shared.path), str(fork))
    ann.start()
    ann.sync()
    ann.git("config", "remote.origin.pushurl", str(fork))

    first = ann.sync()
    ann.record([1])
    second, third = ann.sync(), ann.sync()

    assert len(first["pushed"]) == 3
    assert ann.own_notes() in second["pushed"]
    assert third["pushed"] == []
    assert GitIn(fork).id(ann.own_notes()) == ann.git.id(ann.own_notes())
    assert village.refs("refs/notes")[ann.own_notes()] != ann.git.id(ann.own_notes())


# --- lanes ---------------------------------------------------------------------------------------


def test_two_jobs_of_one_lane_lose_nothing(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    jobs = [village.clone(f"job-{number}") for number in (1, 2)]
    lane = {"GITEXP_WRITER": "ci"}
    for number, job in enumerate(jobs, 1):
        job.take_part()
        for arm, value in (("control", 20), ("treatment", 10)):
            score = ("-m", f"score={value}", "--block", str(number))
            job.exp("record", "fast", "--arm", arm, *score, env=lane)

    answers = [job.exp("sync", "--json", env=lane).json for job in (*jobs, jobs[0])]
    told = ann.sync()["experiments"][0]

    assert [answer["refused"] for answer in answers] == [[], [], []]
    assert [answer["attempts"] for answer in answers] == [1, 1, 1]
    assert told["came"] == {"ci": {"records": 4, "blocks": 2}}
    assert {problem["kind"] for problem in told["problems"]} == {"duplicate-seq"}
    assert jobs[0].records().keys() == jobs[1].records().keys()
    assert len(jobs[0].git("rev-list", "--merges", "refs/notes/exp/fast/ci").split()) == 1


def test_a_lane_goes_on_counting_in_a_fresh_clone(village: Village, ann: Clone) -> None:
    ann.start()
    ann.sync()
    lane = {"GITEXP_WRITER": "ci"}
    for number in (1, 2):
        job = village.clone(f"job-{number}")
        job.take_part()
        for arm, value in (("control", 20), ("treatment", 10)):
            score = ("-m", f"score={value}", "--block", str(number))
            job.exp("record", "fast", "--arm", arm, *score, env=lane)
        job.exp("sync", env=lane)

    told = ann.sync()["experiments"][0]

    assert told["taken_in"] == {"ci": 2}
    assert told["problems"] == []
