"""Remotes that refuse, vanish, forget, or hold what is not ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.scenes import refused
from tests.sharing.village import Clone, Village
from tests.store.hostile import THINGS
from tests.support import GitIn, leave_lock

REFUSE = """while read -r old new name; do case $name in {pattern}) exit 1;; esac; done"""


# --- refusing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "kinds"),
    [
        ("refs/notes/*", {"notes"}),
        ("refs/exp/*", {"archive"}),
        ("refs/notes/*|refs/exp/*", {"notes", "archive"}),
    ],
)
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_what_a_remote_refuses_is_said_and_the_rest_is_pushed(
    village: Village, ann: Clone, hook: str, pattern: str, kinds: set[str]
) -> None:
    by_ref = f'case "$1" in {pattern}) exit 1;; esac'
    village.hook(hook, REFUSE.format(pattern=pattern) if hook == "pre-receive" else by_ref)
    ann.start()
    ids = ann.record([1])

    done = ann.try_sync()
    text = ann.exp("sync", check=False)

    refused_refs = [name for each in done.json["refused"] for name in each["refs"]]
    assert done.status == text.status == 6
    assert {name.split("/")[1].replace("exp", "archive") for name in refused_refs} == kinds
    assert done.json["attempts"] == 1
    assert "refs/heads/exp/fast" in village.refs("refs/")
    assert set(village.refs("refs/")) == {"refs/heads/main", *done.json["pushed"]}
    assert "origin does not have everything of this clone" in text.stdout
    assert "origin refuses it" in text.stdout
    assert set(ids) <= ann.records().keys()
    (village.shared.path / "hooks" / hook).unlink()
    assert set(ann.sync()["pushed"]) == set(refused_refs)


def test_the_way_out_of_a_refusal_shows_what_the_remote_says(village: Village, ann: Clone) -> None:
    village.hook("update", 'case "$1" in refs/notes/*) echo "no notes here" >&2; exit 1;; esac')
    ann.start()

    command = ann.try_sync().json["refused"][0]["way_out"][0]
    with pytest.raises(AssertionError, match="no notes here"):
        ann.git(*command.split()[1:])


# --- gone ----------------------------------------------------------------------------------------


def test_a_remote_that_is_gone_is_tried_again_and_costs_nothing(
    village: Village, ann: Clone
) -> None:
    ann.start()
    ids = ann.record([1])
    village.shared.path.rename(village.folder / "away")

    done = ann.exp("sync", check=False)

    refused(
        done, 128, "origin cannot be reached", "nothing recorded is lost", "git exp sync origin"
    )
    assert set(ids) <= ann.records().keys()
    (village.folder / "away").rename(village.shared.path)
    assert len(ann.sync()["pushed"]) == 3


def test_a_remote_that_stutters_is_asked_again(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])
    script, mark = village.folder / "upload-pack", village.folder / "asked"
    script.write_text(f'#!/bin/sh\nmkdir "{mark}" && exit 1\nexec git-upload-pack "$@"\n')
    script.chmod(0o755)
    ann.git("config", "remote.origin.uploadpack", str(script))

    answer = ann.sync()

    assert answer["attempts"] == 2
    assert len(answer["pushed"]) == 3


def test_a_remote_that_goes_between_fetch_and_push_has_given_what_it_had(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.sync()
    bob.take_part()
    bob.record([1])
    bob.sync()
    ann.record([1])
    hook = ann.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f'#!/bin/sh\ntest "$1" = committed || exit 0\n'
        f'grep -q refs/notes/remotes/ && mv "{village.shared.path}" "{village.folder}/away"\n'
        "exit 0\n"
    )
    hook.chmod(0o755)

    done = ann.exp("sync", check=False)
    hook.unlink()
    (village.folder / "away").rename(village.shared.path)

    refused(done, 128, "cannot be reached", "before that, 2 records came")
    assert ann.admitted() == [(ann.writer, 1), (bob.writer, 1)]
    assert ann.sync()["pushed"] == [
        f"refs/exp/archive/fast/{ann.writer}",
        ann.own_notes(),
    ]


def test_a_remote_that_dies_while_it_receives_leaves_both_sides_whole(
    village: Village, ann: Clone
) -> None:
    ann.start()
    ids = ann.record([1])
    village.hook("pre-receive", "kill -9 $PPID")

    done = ann.exp("sync", check=False)
    (village.shared.path / "hooks" / "pre-receive").unlink()

    refused(done, 128, "origin cannot be reached")
    assert "refs/notes" not in "".join(village.refs("refs/"))
    assert set(ids) <= ann.records().keys()
    assert len(ann.sync()["pushed"]) == 3
    assert ann.is_sound()


# --- forgetting ----------------------------------------------------------------------------------


def test_evidence_erased_there_is_pushed_again_or_kept(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1, 2])
    ann.sync()
    bob.take_part()
    bob.record([1])
    bob.sync()
    everything = ann.records() | bob.records()
    carl = village.clone("carl")
    carl.git("push", "--quiet", "--mirror", "origin")
    erased = village.refs("refs/notes")

    answer = bob.sync()
    told = bob.exp("sync").stdout
    again = answer["kept"][0]
    status = bob.admitted()
    ann.sync()
    after = bob.sync()

    assert erased == {}
    assert f"refs/notes/exp/fast/{bob.writer}" in answer["pushed"]
    assert (again["id"], again["writer"], again["records"]) == ("fast", ann.writer, 6)
    assert f"6 records of {ann.writer} that origin no longer has" in told
    assert bob.records().keys() >= everything.keys()
    assert status == [(ann.writer, 1), (ann.writer, 2)]
    assert set(village.refs("refs/notes")) == {ann.own_notes(), bob.own_notes()}
    # ann's own sync brought hers back: nothing needs to be kept any more
    assert after["kept"] == []
    assert bob.refs("refs/notes/remotes/origin.lost/") == {}
    assert bob.refs("refs/exp/remotes/origin.lost/") == {}


def test_what_was_kept_can_be_given_back(village: Village, ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.exp("init")
    before = village.refs("refs/notes")
    village.shared("update-ref", "-d", ann.own_notes())

    kept = bob.sync()["kept"]
    bob.git(*kept[0]["again"].split()[1:])
    after = bob.sync()

    assert village.refs("refs/notes") == before
    assert after["kept"] == []


def test_tracking_refs_that_moved_backwards_lose_nothing(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    first = village.refs("refs/notes")[ann.own_notes()]
    ann.record([2])
    ann.sync()
    bob.exp("init")
    before = bob.records().keys()
    village.shared("update-ref", ann.own_notes(), first)

    answer = bob.sync()
    bob.git("gc", "--quiet", "--prune=now")
    again = bob.sync()

    assert bob.git.id(f"refs/notes/remotes/origin/exp/fast/{ann.writer}") == first
    assert [kept["writer"] for kept in answer["kept"]] == [ann.writer]
    assert again["kept"] == answer["kept"]
    assert bob.records().keys() == before


def test_what_is_lost_twice_is_kept_together(village: Village, ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.exp("init")
    created = village.refs("refs/notes")[ann.own_notes()]
    base = village.shared("rev-list", "--max-parents=0", created)
    for block in (2, 3):
        # the remote forgets, and the writer, put back to the start too, goes another way
        village.shared("update-ref", ann.own_notes(), base)
        ann.git("update-ref", ann.own_notes(), base)
        shutil.rmtree(ann.path / ".git" / "exp" / "journal")
        ann.git("update-ref", "-d", f"refs/notes/remotes/origin/exp/fast/{ann.writer}")
        bob.sync()
        ann.record([block])
        ann.sync()
        bob.sync()

    blocks = {
        record.body.block for record in bob.records().values() if hasattr(record.body, "block")
    }
    assert blocks == {1, 2, 3}


def test_an_own_ref_put_back_from_a_backup_catches_up(village: Village, ann: Clone) -> None:
    ann.start()
    ann.record([1])
    old = ann.git.id(ann.own_notes())
    ann.record([2])
    before = ann.records().keys()
    ann.sync()
    ann.git("update-ref", ann.own_notes(), old)
    shutil.rmtree(ann.path / ".git" / "exp" / "journal")

    ann.record([3])
    ann.sync()

    records = [*ann.records().values()]
    assert before < ann.records().keys()
    assert len({record.seq for record in records}) == len(records)
    assert village.refs("refs/notes")[ann.own_notes()] == ann.git.id(ann.own_notes())


def test_catching_up_waits_for_no_git_that_was_killed(village: Village, ann: Clone) -> None:
    ann.start()
    old = ann.git.id(ann.own_notes())
    ann.record([1])
    ann.sync()
    ann.git("update-ref", ann.own_notes(), old)
    leave_lock(ann.path / ".git" / f"{ann.own_notes()}.lock")

    ann.sync()

    assert ann.git.id(ann.own_notes()) == village.refs("refs/notes")[ann.own_notes()]


# --- holding what is not ours --------------------------------------------------------------------


def test_what_is_no_notes_tree_under_our_names_is_reported(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    shared = village.shared
    blob = shared("hash-object", "-w", "--stdin", stdin="hello")
    commit = shared.id("main")
    shared("tag", "-m", "a tag", "v1", commit)
    for writer, oid in (("blob", blob), ("tag", shared.id("v1")), ("files", commit)):
        shared("update-ref", f"refs/notes/exp/fast/{writer}", oid)
        shared("update-ref", f"refs/exp/archive/fast/{writer}", oid)

    done = bob.exp("sync", "--json")
    status = bob.exp("status", "fast", "--json").json["experiments"][0]
    bob.git("fetch", "--quiet", "origin", "+refs/notes/exp/*:refs/notes/remotes/origin/exp/*")
    after = bob.exp("status", "fast")

    for writer in ("blob", "tag"):
        assert f"refs/notes/exp/fast/{writer} on origin is no commit" in done.stderr
    assert {problem["kind"] for problem in status["problems"]} == {"foreign-entry"}
    assert status["blocks"]["complete"] == 1
    assert "Traceback" not in done.stderr + after.stderr


@pytest.mark.parametrize("thing", ["missing_tree", "garbage_tree", "missing_notes"])
def test_a_ref_damaged_there_is_said_and_holds_nothing_else_up(
    village: Village, ann: Clone, bob: Clone, thing: str
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    oid = THINGS[thing](ann.git)
    shutil.copytree(
        ann.path.joinpath(".git", "objects"), village.shared.path / "objects", dirs_exist_ok=True
    )
    damaged = "refs/notes/exp/fast/x"
    village.shared("update-ref", damaged, oid)

    begun, text, done = bob.exp("init"), bob.exp("sync", check=False), bob.try_sync()

    for answer in (begun, text, done):
        assert f"{damaged} cannot be fetched from origin" in answer.stderr
    assert text.status == done.status == 6
    assert "this clone does not have everything of origin" in text.stdout
    assert done.json["not_fetched"] == [damaged]
    assert bob.records().keys() == ann.records().keys()
    assert bob.is_sound()


def test_an_own_ref_replaced_there_by_something_else_is_said(village: Village, ann: Clone) -> None:
    ann.start()
    ann.sync()
    blob = village.shared("hash-object", "-w", "--stdin", stdin="hello")
    village.shared("update-ref", ann.own_notes(), blob)

    done = ann.try_sync()
    (conflict,) = done.json["refused"]
    ann.git(*conflict["way_out"][0].split()[1:])

    assert done.status == 6
    assert "none of ours" in conflict["reason"]
    assert ann.sync()["pushed"] == [ann.own_notes()]


def test_records_of_an_unknown_experiment_are_kept_and_said(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    # only what was measured, without the plan, arrived there
    notes = village.shared.path / "worktree"
    village.shared("worktree", "add", "--quiet", "--detach", "--no-checkout", str(notes), "main")
    tree = GitIn(notes)
    line = ann.git("notes", f"--ref={ann.own_notes()}", "show", "exp/fast")
    tree("notes", "--ref=refs/notes/exp/fast/x", "add", "-m", line.splitlines()[-1], "main")
    village.shared("update-ref", "-d", ann.own_notes())
    village.shared("update-ref", "-d", f"refs/exp/archive/fast/{ann.writer}")
    village.shared("branch", "-D", "exp/fast")

    done = bob.exp("sync")

    assert "Traceback" not in done.stderr
    assert bob.refs("refs/notes/remotes/origin/exp/fast/x")


def test_a_newer_peer_is_counted_and_nothing_of_it_is_lost(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.exp("init")
    line = ann.git("notes", f"--ref={ann.own_notes()}", "show", "exp/fast").splitlines()[-1]
    newer = line.replace('"v":1', '"v":7').replace(f'"{ann.writer}"', '"zoe-1"')
    newer = newer.replace('"id":"0', '"id":"1')
    village.shared("notes", "--ref=refs/notes/exp/fast/zoe-1", "add", "-m", newer, "exp/fast")

    told = bob.sync()["experiments"][0]

    assert told["came"]["zoe-1"]["records"] == 1
    assert "newer-version" in {problem["kind"] for problem in told["problems"]}
    assert bob.admitted() == [(ann.writer, 1)]


def test_two_writers_with_one_id_are_said_and_neither_is_used(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    line = ann.git("notes", f"--ref={ann.own_notes()}", "show", "exp/fast").splitlines()[-1]
    other = line.replace(f'"{ann.writer}"', '"zoe-1"')
    village.shared("notes", "--ref=refs/notes/exp/fast/zoe-1", "add", "-m", other, "exp/fast")

    told = bob.sync()["experiments"][0]

    assert "corrupt" in {problem["kind"] for problem in told["problems"]}


def test_a_plan_that_does_not_match_its_hash_is_said_and_not_used(
    village: Village, ann: Clone, bob: Clone
) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    plan = ann.git("log", "-1", "--format=%H", "--grep=^Exp-Plan: ", "exp/fast")
    noted = ann.git("notes", f"--ref={ann.own_notes()}", "show", plan).splitlines()
    line = next(line for line in noted if '"kind":"plan"' in line)
    easier = line.replace('\\"alpha\\":0.05', '\\"alpha\\":0.4').replace('"id":"0', '"id":"1')
    easier = easier.replace(f'"writer":"{ann.writer}"', '"writer":"zoe-1"')
    assert easier != line
    village.shared("notes", "--ref=refs/notes/exp/fast/zoe-1", "add", "-m", easier, plan)

    told = bob.sync()["experiments"][0]

    assert "corrupt" in {problem["kind"] for problem in told["problems"]}
    assert bob.exp("show", "fast", "--json").json["plan"]["alpha"] == 0.05
    assert bob.admitted() == [(ann.writer, 1)]


PRUNE = """#!/bin/sh
test "$1" = prepared && grep -q " refs/notes/remotes/" && mkdir "{mark}" 2>/dev/null || exit 0
git prune --expire=now
"""
"""What a `git gc --prune=now` that began before the refs moved does; once, and leaves a mark."""


def test_what_git_collects_beside_a_fetch_is_fetched_again(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    hook = bob.path / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(PRUNE.format(mark=bob.path / "pruned"))
    hook.chmod(0o755)

    answer = bob.sync()

    assert (bob.path / "pruned").is_dir()
    assert answer["attempts"] == 2
    assert bob.records().keys() == ann.records().keys()
    assert bob.is_sound()


def test_what_this_clone_lost_of_others_is_fetched_again(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.record([1])
    ann.sync()
    bob.sync()
    for name in (
        f"refs/notes/remotes/origin/exp/fast/{ann.writer}",
        "refs/remotes/origin/exp/fast",
    ):
        oid = bob.git.id(name)
        (bob.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()

    bob.sync()

    assert bob.records().keys() == ann.records().keys()
    assert bob.is_sound()


def test_summaries_that_git_lost_hold_no_fetch_up(ann: Clone, bob: Clone) -> None:
    ann.start()
    ann.sync()
    bob.sync()
    bob.git("notes", "--ref=exp-summary", "add", "-m", "better", "main")
    oid = bob.git.id("refs/notes/exp-summary")
    (bob.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    ann.record([1])
    ann.sync()

    bob.sync()

    assert bob.records().keys() == ann.records().keys()
    assert bob.is_sound()


# --- this clone ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["sync", "init"])
def test_a_mirror_is_refused_before_it_erases_anything(
    village: Village, ann: Clone, command: str
) -> None:
    mirror = village.clone("mirror.git", "--mirror")
    before = ann.git("config", "--list", "--local")

    done = mirror.exp(command, check=False)

    refused(done, 6, "mirrors origin: a fetch would erase", "git clone 'file://|git clone file://")
    assert ann.git("config", "--list", "--local") == before


def test_a_refspec_that_overwrites_own_evidence_is_said_with_the_way_out(ann: Clone) -> None:
    ann.git("config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*")

    done = ann.exp("init", "--json")
    warning = next(text for text in done.json["warnings"] if "overwrites" in text)
    command = warning.partition("to end that: git ")[2]
    ann.git(*(word.strip("'") for word in command.split()))
    after = ann.exp("init", "--json")

    assert warning in done.stderr
    assert after.json["warnings"] == []
    assert "+refs/notes/*:refs/notes/*" not in ann.git("config", "--list")


def test_a_refspec_is_harmless_where_ours_are_left_out_of_it(ann: Clone) -> None:
    ann.git("config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*")
    ann.git("config", "--add", "remote.origin.fetch", "^refs/notes/exp/*")

    assert ann.sync()["warnings"] == []


def test_a_remote_named_like_an_option_is_passed_over(ann: Clone, tmp_path: Path) -> None:
    config = ann.path / ".git" / "config"
    config.write_text(
        config.read_text() + f'[remote "--upload-pack=touch x"]\n\turl = {tmp_path}\n'
        '[branch "main"]\n\tremote = "--upload-pack=touch x"\n'
    )

    answer = ann.sync()
    named = ann.exp("sync", "--", "--upload-pack=touch x", check=False)
    ann.exp("init")

    assert answer["remote"] == "origin"
    refused(named, 6, "there is no remote")
    assert not (ann.path / "x").exists()


def test_an_address_with_control_characters_breaks_no_terminal(ann: Clone) -> None:
    ann.git("config", "remote.origin.url", "/no\x1b[2J/where\nat all")

    done = ann.exp("sync", check=False)

    refused(done, 128, "origin cannot be reached")
    assert "\x1b" not in done.stderr


def test_a_remote_that_is_not_configured_is_refused(ann: Clone) -> None:
    refused(
        ann.exp("sync", "upstream", check=False), 6, "no remote 'upstream'", "git exp sync origin"
    )
    ann.git("remote", "remove", "origin")
    refused(ann.exp("sync", check=False), 6, "no remote", "git remote add origin")


def test_of_several_remotes_none_is_guessed(ann: Clone, village: Village) -> None:
    ann.git("remote", "rename", "origin", "a")
    ann.git("remote", "add", "b", str(village.shared.path))
    ann.git("config", "--unset", "branch.main.remote")

    refused(ann.exp("sync", check=False), 6, "several remotes: a, b", "git exp sync a")
    ann.git("config", "branch.main.remote", "b")
    assert ann.sync()["remote"] == "b"
