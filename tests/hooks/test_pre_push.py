"""A push of an experiment takes its evidence along, and a rehearsal takes nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.hooks import texts
from tests.hooks.desks import ARCHIVE, NOTES, Desk, install
from tests.support import GitIn

ALONG = ["exp: the evidence of fast goes along (2 refs)"]


def _evidence(desk: Desk) -> dict[str, str]:
    return {name: oid for name, oid in desk.there().items() if not name.startswith("refs/heads/")}


def _own(desk: Desk) -> dict[str, str]:
    return {name: desk.here(name) for name in (ARCHIVE, NOTES)}


def _write_hook(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def test_a_push_of_the_branch_takes_the_evidence_along(begun: Desk) -> None:
    done = begun.push("origin", "exp/fast")

    assert (done.status, done.said) == (0, ALONG)
    assert begun.there()["refs/heads/exp/fast"] == begun.here("exp/fast")
    assert _evidence(begun) == _own(begun)


def test_what_the_remote_has_is_not_offered_again(begun: Desk) -> None:
    begun.exp("init")
    begun.push("origin", "exp/fast")
    begun.git("commit", "--quiet", "--allow-empty", "-m", "Say more")

    done = begun.push("origin", "exp/fast")

    assert (done.status, done.said) == (0, [])


def test_what_a_remote_without_tracking_refs_has_is_not_announced_again(begun: Desk) -> None:
    begun.push("../origin.git", "exp/fast")
    begun.git("commit", "--quiet", "--allow-empty", "-m", "Say more")

    done = begun.push("../origin.git", "exp/fast")

    assert (done.status, done.said) == (0, [])


def test_what_was_recorded_since_goes_along_with_the_next_push(begun: Desk) -> None:
    begun.push("origin", "exp/fast")
    begun.git("commit", "--quiet", "--allow-empty", "-m", "Say more")
    begun.exp("record", "fast", "--arm", "control", "-m", "score=3", "--block", "3")

    begun.push("origin", "exp/fast")

    assert _evidence(begun) == _own(begun)


@pytest.mark.parametrize(
    "args",
    [
        ["--atomic", "origin", "main", "+exp/fast", "HEAD:refs/heads/wip"],
        ["origin", "HEAD:refs/heads/exp/fast"],
        ["--all", "../origin.git"],
        ["-c", "alias.p=push --quiet", "p", "origin", "exp/fast:refs/heads/review"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_however_it_is_spelled(begun: Desk, args: list[str]) -> None:
    done = begun.push(*args)

    assert (done.status, done.said) == (0, ALONG), done.stderr
    assert _evidence(begun) == _own(begun)


@pytest.mark.parametrize(
    "args",
    [
        ["origin", "exp/fast", "--dry-run"],
        ["-c", "alias.p=!git -c a.b=push push -n", "p", "origin", "exp/fast"],
        ["-c", "alias.rehearse=p origin", "-c", "alias.p=push -vn", "rehearse", "exp/fast"],
    ],
    ids=" ".join,
)
def test_a_rehearsal_pushes_nothing_of_ours(begun: Desk, args: list[str]) -> None:
    before = begun.there()

    done = begun.push(*args)

    assert (done.status, done.said) == (0, ["exp: the evidence of fast would go along"])
    assert begun.there() == before


def test_a_rehearsal_behind_a_hook_manager_is_seen(begun: Desk) -> None:
    hooks = begun.path / ".git" / "hooks"
    (hooks / "pre-push").rename(hooks / "ours")
    _write_hook(hooks / "pre-push", 'sh -c \'"$0" "$@"; exit $?\' "$(dirname "$0")/ours" "$@"\n')
    before = begun.there()

    assert begun.push("-n", "origin", "exp/fast").said == [
        "exp: the evidence of fast would go along"
    ]
    assert begun.there() == before
    assert begun.push("origin", "exp/fast").said == ALONG


def test_a_caller_that_cannot_be_read_gets_a_reminder(begun: Desk) -> None:
    line = f"refs/heads/exp/fast {begun.here('exp/fast')} refs/heads/exp/fast {'0' * 40}\n"

    done = subprocess.run(
        [str(begun.path / ".git" / "hooks" / "pre-push"), "origin", "../origin.git"],
        cwd=begun.path,
        input=line,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == (
        "warning: the evidence of fast does not go along, this may be a dry run; "
        "push it: git exp sync origin\n"
    )
    assert _evidence(begun) == {}


@pytest.mark.parametrize(
    "args",
    [
        ["--no-verify", "origin", "exp/fast"],
        ["origin", "v1"],
        ["origin", "main:refs/heads/other"],
        ["origin", ":refs/heads/wip"],
    ],
    ids=" ".join,
)
def test_a_push_of_something_else_says_nothing(begun: Desk, args: list[str]) -> None:
    begun.git("tag", "v1", "exp/fast")
    begun.git("push", "--quiet", "--no-verify", "origin", "main:wip")

    done = begun.push(*args)

    assert (done.status, done.said) == (0, [])
    assert not {NOTES, ARCHIVE} & begun.there().keys()


def test_deleting_the_branch_there_keeps_the_evidence(begun: Desk) -> None:
    begun.push("origin", "exp/fast")

    done = begun.push("origin", ":exp/fast")

    assert (done.status, done.said) == (0, [])
    assert _evidence(begun) == _own(begun)


@pytest.mark.parametrize("refused", ["refs/notes/exp/", "refs/exp/", "refs/"])
def test_a_remote_that_refuses_our_refs_gets_the_branch(begun: Desk, refused: str) -> None:
    _write_hook(
        begun.origin.path / "hooks" / "update",
        f'case $1 in refs/heads/*) ;; {refused}*) exit 1 ;; esac\n',
    )  # fmt: skip

    done = begun.push("origin", "exp/fast")

    assert done.status == 0
    (said,) = done.said
    assert said.startswith("warning: the evidence of fast did not go along: ")
    assert said.endswith("; try again: git exp sync origin")
    assert begun.there()["refs/heads/exp/fast"] == begun.here("exp/fast")


def test_a_push_address_that_fails_for_evidence_alone_blocks_nothing(begun: Desk) -> None:
    _write_hook(
        begun.origin.path / "hooks" / "pre-receive",
        "while read -r old new ref; do case $ref in refs/heads/*) ;; *) kill $PPID ;; esac; done\n",
    )

    done = begun.push("origin", "exp/fast")

    assert done.status == 0
    assert len(done.said) == 1
    assert begun.there()["refs/heads/exp/fast"] == begun.here("exp/fast")


def test_from_a_linked_worktree_and_a_detached_head(begun: Desk, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    begun.git("remote", "set-url", "origin", str(begun.origin.path))
    begun.git("worktree", "add", "--quiet", "--detach", str(linked), "exp/fast")
    (linked / "sub").mkdir()

    done = begun.push("origin", "HEAD:refs/heads/exp/fast", cwd=linked / "sub")

    assert (done.status, done.said) == (0, ALONG)
    assert _evidence(begun) == _own(begun)


def test_from_a_bare_repository(begun: Desk) -> None:
    bare = begun.path.parent / "bare.git"
    begun.git("clone", "--quiet", "--mirror", str(begun.path), str(bare))
    install(bare)

    done = begun.push("../origin.git", "exp/fast", cwd=bare)

    assert (done.status, done.said) == (0, ALONG)
    assert _evidence(begun) == _own(begun)


def test_a_mirror_of_this_clone_carries_its_refs_itself(begun: Desk) -> None:
    begun.exp("record", "fast", "--arm", "control", "-m", "score=3", "--block", "3")

    done = begun.push("--mirror", "origin")

    assert done.status == 0, done.stderr
    assert done.said == []
    assert {NOTES, ARCHIVE} <= begun.there().keys()


def test_the_hook_that_was_there_runs_once(begun: Desk, tmp_path: Path) -> None:
    count = tmp_path / "count"
    before = begun.path / ".git" / "hooks" / f"{texts.PRE_PUSH}{texts.BEFORE}"
    _write_hook(before, f"cat >>{count}\n")

    begun.push("origin", "exp/fast")

    assert count.read_text().splitlines() == [
        f"refs/heads/exp/fast {begun.here('exp/fast')} refs/heads/exp/fast {'0' * 40}"
    ]


def test_a_promotion_takes_its_evidence_along(decided: Desk) -> None:
    decided.exp("promote", "fast", "--yes")

    done = decided.push("origin", "main")

    assert (done.status, done.said) == (0, ALONG)
    assert _evidence(decided) == _own(decided)


def test_a_ref_with_an_odd_name_is_no_trouble(begun: Desk) -> None:
    odd = "refs/heads/exp/É'$(touch${IFS}x)\"&;ü"
    begun.git("update-ref", odd, "main")
    begun.git("update-ref", "refs/notes/exp/not_an_id", "main")

    done = begun.push(
        "origin", f"{odd}:{odd}", "refs/notes/exp/not_an_id", "main^{/Begin}:refs/heads/b"
    )

    assert (done.status, done.said) == (0, [])
    assert odd in begun.there()


def test_a_foreign_branch_under_exp_is_pushed_like_any_other(begun: Desk) -> None:
    begun.git("branch", "exp/zzz", "main")

    assert begun.push("origin", "exp/zzz").said == []


def test_no_numbers_are_imported(begun: Desk) -> None:
    tip = begun.here("exp/fast")
    lines = "".join(
        f"refs/heads/{name} {tip} refs/heads/{name} {'0' * 40}\n" for name in ("exp/fast", "main")
    )
    code = (
        "import sys; from gitexp.cli.main import main; "
        "status = main(['hooks', 'run', 'pre-push', '--', 'origin', '../origin.git']); "
        "print(status, sorted({'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=begun.path,
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "6 []\n"
    assert "collecting, not better" in done.stderr


def test_outside_a_repository_of_ours_nothing_is_judged(begun: Desk) -> None:
    shutil.rmtree(begun.path / ".git" / "exp")
    GitIn(begun.path)("config", "extensions.partialClone", "origin")
    GitIn(begun.path)("config", "core.repositoryFormatVersion", "1")

    assert begun.push("origin", "exp/fast").status == 0
