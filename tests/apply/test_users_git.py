"""Merges and commits are made the way the user's git makes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitexp.errors import Refused
from tests.apply.lab import (
    EXP,
    assert_sound,
    create,
    decide,
    do_promote,
    do_restore,
    do_roll_back,
    experiment,
    own_refs,
    plan_for,
    snapshot,
)
from tests.support import GitIn


def hook(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


# --- merge drivers and attributes --------------------------------------------------------------


def test_a_merge_driver_named_by_tracked_attributes_is_used(git: GitIn) -> None:
    git.commit("Lists unite", {"src/.gitattributes": "*.list merge=unite\n", "src/a.list": "1\n"})
    git("config", "merge.unite.driver", "sort -u %A %B -o %A")
    create(git.path, plan_for(git))
    git.commit("Two", {"src/a.list": "1\n2\n"})
    decide(git)
    git("switch", "--quiet", "main")
    git.commit("Three", {"src/a.list": "1\n3\n"})

    do_promote(git.path)

    assert git("show", "main:src/a.list").split() == ["1", "2", "3"]
    assert (git.path / "src/a.list").read_text().split() == ["1", "2", "3"]
    assert_sound(git)


def test_line_ends_and_filters_are_those_of_the_users_files(git: GitIn) -> None:
    git("config", "filter.upper.smudge", "tr a-z A-Z")
    git("config", "filter.upper.clean", "tr A-Z a-z")
    git.commit("Attributes", {".gitattributes": "*.up filter=upper\n*.win text eol=crlf\n"})
    create(git.path, plan_for(git))
    git.commit("Add", {"a.up": "HELLO\n", "b.win": "line\r\n"})
    decide(git)
    git("switch", "--quiet", "main")

    do_promote(git.path)

    assert (git.path / "a.up").read_bytes() == b"HELLO\n"
    assert (git.path / "b.win").read_bytes() == b"line\r\n"
    assert git("show", "main:a.up") == "hello"
    assert git("status", "--porcelain") == ""


# --- settings that would change what we make -----------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [
        "merge.ff=only",
        "merge.log=true",
        "commit.cleanup=strip",
        "core.commentChar=auto",
        "merge.autoStash=true",
        "submodule.recurse=true",
        "core.autocrlf=input",
        "core.fsmonitor=true",
        "status.showUntrackedFiles=no",
        "diff.noprefix=true",
        "core.logAllRefUpdates=false",
        "rerere.enabled=true",
        "pull.rebase=true",
        "core.quotePath=false",
        "core.sparseCheckout=true",
    ],
)
def test_settings_do_not_change_what_is_made(decided: GitIn, setting: str) -> None:
    decided("config", *setting.split("="))

    merge = do_promote(decided.path).merge

    trailers = decided("log", "-1", "--format=%(trailers:only,unfold)", merge).splitlines()
    assert [line.split(":")[0] for line in trailers] == [
        "Exp-Id",
        "Exp-Decision",
        "Exp-Effect",
        "Exp-Interval",
        "Exp-Blocks",
        "Exp-Plan-Hash",
        "Exp-Evidence",
    ]
    assert len(decided("rev-parse", f"{merge}^@").split()) == 2
    assert decided("status", "--porcelain") == ""
    do_roll_back(decided.path)
    do_restore(decided.path)
    assert decided("status", "--porcelain") == ""


def test_a_sparse_checkout_stays_sparse(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    decided("sparse-checkout", "set", "--no-cone", "/README")

    do_promote(decided.path)
    do_roll_back(decided.path)
    do_restore(decided.path)

    assert sorted(path.name for path in decided.path.iterdir()) == [".git", "README"]
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


# --- signing ----------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_every_commit_on_a_branch_is_signed_when_the_user_signs(git: GitIn, tmp_path: Path) -> None:
    key = tmp_path / "key"
    git("-c", "alias.keygen=!ssh-keygen", "keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    (tmp_path / "allowed").write_text(f"ann@example.com {(tmp_path / 'key.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
        "commit.gpgSign": "true",
    }.items():
        git("config", name, value)

    create(git.path, plan_for(git))
    plan = git.id("HEAD")
    git.commit("Change", {"src/lib.txt": "1\n"})
    decide(git)
    merge = do_promote(git.path).merge
    revert = do_roll_back(git.path).revert

    for commit in (plan, merge, revert):
        assert git("log", "-1", "--format=%G?", str(commit)) == "G"


def test_a_signature_that_fails_refuses_everything(decided: GitIn) -> None:
    decided("config", "gpg.program", "false")
    decided("config", "commit.gpgSign", "true")
    before = snapshot(decided), own_refs(decided)

    with pytest.raises(Refused, match="failed to sign"):
        do_promote(decided.path)

    assert (snapshot(decided), own_refs(decided)) == before
    assert_sound(decided)


# --- hooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pre-merge-commit", "prepare-commit-msg", "commit-msg"])
def test_a_hook_that_refuses_the_merge_refuses_the_promotion(decided: GitIn, name: str) -> None:
    hook(decided.path / ".git/hooks", name, "echo 'ask Bob first' >&2; exit 1")
    before = snapshot(decided), own_refs(decided)

    with pytest.raises(Refused, match="ask Bob first") as refused:
        do_promote(decided.path)

    assert refused.value.hint.endswith("git switch main && git merge --no-ff exp/fast")
    assert (snapshot(decided), own_refs(decided)) == before
    assert_sound(decided)


def test_hooks_see_the_merged_files_and_may_add_to_the_message(decided: GitIn) -> None:
    log = decided.path.parent / "log"
    hooks = decided.path / ".git/hooks"
    hook(hooks, "pre-merge-commit", f"cat src/new/table.txt README >>{log}")
    hook(hooks, "commit-msg", 'echo "Change-Id: I123" >>"$1"')

    merge = do_promote(decided.path).merge

    assert log.read_text() == "t\na small program\n"
    trailers = decided("log", "-1", "--format=%(trailers:only)", merge)
    assert "Exp-Id: fast" in trailers
    assert "Change-Id: I123" in trailers
    assert_sound(decided)


def test_a_revert_runs_the_hooks_of_a_commit(decided: GitIn) -> None:
    do_promote(decided.path)
    log = decided.path.parent / "log"
    hook(decided.path / ".git/hooks", "pre-commit", f"git diff --cached --name-only >>{log}")

    do_roll_back(decided.path)

    assert log.read_text().split() == ["src/lib.txt", "src/new/table.txt"]
    hook(decided.path / ".git/hooks", "pre-commit", "echo 'no reverts today' >&2; exit 1")
    with pytest.raises(Refused, match="no reverts today"):
        do_restore(decided.path)
    assert_sound(decided)


def test_hooks_of_a_relative_hooks_path_are_found(decided: GitIn) -> None:
    decided("config", "core.hooksPath", ".husky/_")
    decided.write(".git/info/exclude", ".husky\n")
    hook(decided.path / ".husky/_", "commit-msg", 'echo "Seen-By: husky" >>"$1"')

    merge = do_promote(decided.path / "src").merge

    assert "Seen-By: husky" in decided("log", "-1", "--format=%B", merge)


def test_registering_a_plan_asks_no_commit_hook(git: GitIn) -> None:
    for name in ("pre-commit", "commit-msg"):
        hook(git.path / ".git/hooks", name, "exit 1")

    create(git.path, plan_for(git))

    assert git("log", "-1", "--format=%s") == "Register experiment fast: fast"


def test_a_failing_post_checkout_hook_refuses_nothing(decided: GitIn) -> None:
    hook(decided.path / ".git/hooks", "post-checkout", "exit 3")
    decided("switch", "--quiet", "main", check=False)

    do_promote(decided.path)
    do_roll_back(decided.path)

    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


def test_a_post_checkout_hook_runs_for_the_users_files_only(decided: GitIn) -> None:
    log = decided.path.parent / "log"
    hook(decided.path / ".git/hooks", "post-checkout", f"pwd >>{log}")

    do_promote(decided.path)

    assert set(log.read_text().splitlines()) == {str(decided.path.resolve())}


# --- what survives ------------------------------------------------------------------------------


def test_variant_and_data_survive_the_strictest_collection(decided: GitIn) -> None:
    tip = decided.id("exp/fast")
    before = len(experiment(decided.path).records)
    do_roll_back(decided.path)

    decided("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    shutil.rmtree(decided.path / ".git/exp/journal")
    decided("gc", "--quiet", "--prune=now", "--aggressive")

    found = experiment(decided.path)
    assert len(found.records) == before + 1
    assert found.problems == ()
    assert do_restore(decided.path).tip == tip == decided.id("exp/fast")
    assert_sound(decided)


def test_the_evidence_of_a_promotion_survives_too(decided: GitIn) -> None:
    store_tips = set(decided("for-each-ref", "--format=%(objectname)", "refs/notes/exp/").split())
    done = do_promote(decided.path)
    do_roll_back(decided.path)

    decided("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    decided("gc", "--quiet", "--prune=now")

    assert set(decided("rev-parse", f"{done.evidence}^@").split()) == store_tips
    assert f"Exp-Evidence: {done.evidence}" in decided("log", "-1", "--format=%B", done.merge)


def test_summaries_say_what_became_of_it(decided: GitIn) -> None:
    done = do_promote(decided.path)

    for commit in (done.merge, done.tip):
        note = decided("notes", "--ref=exp-summary", "show", commit)
        assert note.startswith("exp/fast promoted into main: treatment −4.5 %")


def test_the_branchs_own_configuration_goes_with_it(decided: GitIn) -> None:
    decided("config", "branch.exp/fast.description", "a table")

    do_promote(decided.path)

    assert "exp/fast" not in (decided.path / ".git/config").read_text()


def test_the_users_records_are_flushed_with_the_event(decided: GitIn) -> None:
    do_promote(decided.path)

    listing = decided("notes", f"--ref=exp/{EXP}/ann-1", "list")
    assert len(listing.splitlines()) == 1
    body = decided("notes", f"--ref=exp/{EXP}/ann-1", "show", listing.split()[1])
    assert [word in body for word in ('"created"', '"decided"', '"promoted"')] == [True] * 3
