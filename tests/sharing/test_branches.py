"""Experiment branches between clones: forward only, nothing deleted, and always a way on."""

from __future__ import annotations

import shlex

from tests.sharing.village import Clone, Village


def follow(clone: Clone, commands: list[str]) -> None:
    """Type the commands as they were printed."""
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "git"
        if words[0] == "exp":
            clone.exp(*words[1:])
        else:
            clone.git(*words)


def test_a_branch_deleted_elsewhere_by_its_promotion_does_not_come_back(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record(range(1, 7))
    ann.sync()
    bob.take_part()
    ann.exp("promote", "fast", "--yes")
    ann.git("push", "--quiet", "origin", "main")
    ours = ann.sync()
    follow(ann, ours["next"])

    answer = bob.sync()

    assert ours["next"] == ["git push origin --delete exp/fast"]
    assert answer["experiments"][0]["state"] == "promoted"
    assert "refs/heads/exp/fast" not in village.refs("refs/heads")
    assert answer["next"] == ["git switch main", "git branch -D exp/fast"]
    follow(bob, answer["next"])
    assert bob.sync()["next"] == []


def test_a_branch_deleted_by_hand_is_pushed_again_while_the_experiment_runs(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.sync()
    bob.take_part()
    village.shared("branch", "-D", "exp/fast")

    answer = bob.sync()

    assert answer["pushed"] == ["refs/heads/exp/fast"]


def test_what_would_be_lost_with_a_branch_is_not_proposed(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record(range(1, 7))
    ann.sync()
    bob.take_part()
    bob.git("switch", "--quiet", "exp/fast")
    bob.git.commit("A better table", {"speed": "9\n"})
    bob.git("switch", "--quiet", "main")
    ann.exp("promote", "fast", "--yes")
    ann.sync()

    answer = bob.sync()

    assert "git branch -D exp/fast" not in answer["next"]


def test_one_name_created_twice_keeps_both_and_goes_on_under_another(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    bob.start("--max-days", "9", speed=8)
    mine = bob.record([1, 2])
    ann.sync()

    done = bob.try_sync()
    conflict = done.json["refused"][0]
    follow(bob, conflict["way_out"])
    after = bob.sync()

    assert done.status == 6
    assert conflict["refs"] == ["refs/heads/exp/fast"]
    assert "another experiment of the same name" in conflict["reason"]
    assert after["refused"] == []
    assert village.refs("refs/heads/exp/fast-2")
    assert bob.git("show", "exp/fast-2:speed") == "8"
    assert set(mine) <= bob.records().keys()
    # the first clone has them, too, says so, and goes on with its own
    problems = ann.sync()["experiments"][0]["problems"]
    assert "plan-mismatch" in {problem["kind"] for problem in problems}
    assert set(mine) <= ann.records().keys()
    assert ann.admitted() == [(ann.writer, 1)]


def test_a_rebased_branch_is_not_forced_and_can_be(village: Village, ann: Clone) -> None:
    ann.start()
    ann.sync()
    before = village.refs("refs/heads/exp")
    ann.git("switch", "--quiet", "main")
    ann.git.commit("Meanwhile", {"README": "more\n"})
    ann.git("switch", "--quiet", "exp/fast")
    ann.git("rebase", "--quiet", "--keep-empty", "main")

    done = ann.try_sync()
    conflict = done.json["refused"][0]
    kept = village.refs("refs/heads/exp")
    follow(ann, conflict["way_out"])

    assert done.status == 6
    assert "rebased or amended here" in conflict["reason"]
    assert kept == before
    assert village.refs("refs/heads/exp") == {"refs/heads/exp/fast": ann.git.id("exp/fast")}
    assert ann.sync()["refused"] == []


def test_an_amended_branch_takes_its_evidence_along_all_the_same(
    village: Village, ann: Clone
) -> None:
    ann.start()
    ann.sync()
    ann.git("commit", "--quiet", "--amend", "-m", "Try a table, said better")
    ann.record([1])

    done = ann.try_sync()

    assert done.status == 6
    assert [refused["refs"] for refused in done.json["refused"]] == [["refs/heads/exp/fast"]]
    assert village.refs("refs/notes")[ann.own_notes()] == ann.git.id(ann.own_notes())


def test_a_branch_that_is_behind_is_told_how_to_follow(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.sync()
    bob.take_part()
    ann.git.commit("Try a longer table", {"speed": "9\n"})
    ann.sync()

    elsewhere = bob.sync()["next"]
    bob.git("switch", "--quiet", "exp/fast")
    here = bob.sync()["next"]
    follow(bob, here)

    assert "git fetch origin exp/fast:exp/fast" in elsewhere
    assert here[-1] == "git merge --ff-only origin/exp/fast"
    assert bob.git.id("exp/fast") == ann.git.id("exp/fast")


def test_a_branch_that_moves_there_during_the_sync_is_looked_at_again(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.sync()
    bob.take_part()
    bob.git("switch", "--quiet", "exp/fast")
    theirs = bob.git.commit("Bob's table", {"speed": "8\n"})
    bob.git("push", "--quiet", "--no-verify", "origin", "exp/fast:refs/heads/waiting")
    ann.git.commit("Ann's table", {"speed": "9\n"})
    # the first push is received after somebody else's
    script, mark = village.folder / "receive-pack", village.folder / "pushed"
    script.write_text(
        f'#!/bin/sh\nmkdir "{mark}" && git -C "{village.shared.path}" update-ref '
        f'refs/heads/exp/fast {theirs}\nexec git-receive-pack "$@"\n'
    )
    script.chmod(0o755)
    ann.git("config", "remote.origin.receivepack", str(script))

    done = ann.try_sync()

    assert done.status == 6
    assert done.json["attempts"] == 2
    assert "has a commit that exp/fast here lacks" in done.json["refused"][0]["reason"]
    assert village.refs("refs/heads/exp") == {"refs/heads/exp/fast": theirs}


def test_a_branch_under_exp_that_is_no_experiment_is_left_alone(
    village: Village, ann: Clone
) -> None:
    ann.git("branch", "exp/idea")

    answer = ann.sync()

    assert answer["pushed"] == []
    assert "refs/heads/exp/idea" not in village.refs("refs/heads")
    assert ann.exp("status").status == 0


def test_a_merge_made_by_hand_is_recognised_by_whoever_syncs_first(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.git("fetch", "--quiet")
    bob.git("merge", "--quiet", "--no-ff", "-m", "Merge the table", "origin/exp/fast")
    bob.git("push", "--quiet", "origin", "main")

    answer = ann.sync()["experiments"][0]
    told = bob.sync()["experiments"][0]

    assert answer["merge"] == bob.git.id("main")
    assert answer["state"] == told["state"] == "promoted"
