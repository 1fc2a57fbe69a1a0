"""What a commit on an experiment's branch is said to mean, through real commits and the hook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.hooks.texts import POST_COMMIT, script
from tests.cli import scenes
from tests.support import GitExp, GitIn

NOTES = "--notes=exp-summary"


@pytest.fixture
def fast(git: GitIn) -> GitIn:
    """The experiment `fast` without a change, in a repository with the hook."""
    scenes.prepare(git)
    _hook(git)
    scenes.start(git, "--harness", "bench.sh", speed=None)
    return git


@pytest.fixture
def measured(fast: GitIn) -> GitIn:
    """Two blocks of a first change."""
    fast.commit("Try a table", {"speed": "10\n"})
    GitExp(fast.path)("run", "--blocks", "2")
    return fast


def _hook(git: GitIn) -> None:
    path = git.path / ".git" / "hooks" / POST_COMMIT
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(script(POST_COMMIT))
    path.chmod(0o755)


def _said(git: GitIn, *args: str, **files: str) -> str:
    """What git shows on stderr while it commits these files."""
    for name, text in files.items():
        git.write(name, text)
    git("add", "--all")
    done = subprocess.run(
        ["git", *(args or ("commit", "--quiet", "--allow-empty", "-m", "A commit"))],
        cwd=git.path,
        capture_output=True,
        text=True,
        check=True,
    )
    return "".join(line for line in done.stderr.splitlines(True) if line.startswith("exp/"))


def _summary(git: GitIn, commit: str) -> str:
    return git("log", "-1", "--format=%N", NOTES, commit).strip()


def test_the_first_change_is_to_be_measured(fast: GitIn) -> None:
    assert _said(fast) == (
        "exp/fast: no change against main yet; next: git commit -am 'the change'\n"
    )
    assert _said(fast, speed="10\n") == (
        "exp/fast: a change to measure, no trial has run yet; next: git exp run fast\n"
    )
    assert _summary(fast, "HEAD") == "exp/fast collecting: not measured"


def test_new_code_says_which_trials_no_longer_decide(measured: GitIn) -> None:
    then = measured.id("HEAD")

    assert _said(measured, speed="9\n") == (
        f"exp/fast: new code, the 4 trials of {then[:12]} no longer decide, "
        "and the plan registers 1 revision; next: git exp create --like fast\n"
    )
    assert _summary(measured, "HEAD") == "exp/fast collecting: not measured"
    assert "2 of 6 blocks" in _summary(measured, then)


def test_new_code_within_the_plan_is_the_next_revision(git: GitIn) -> None:
    scenes.prepare(git)
    _hook(git)
    scenes.start(git, "--revisions", "2", "--max-blocks", "7")
    GitExp(git.path)("run", "--blocks", "1")
    then = git.id("HEAD")

    assert _said(git, speed="9\n") == (
        f"exp/fast: new code, the 2 trials of {then[:12]} no longer decide; "
        "this is revision 2 of the 2 registered; next: git exp run fast\n"
    )


@pytest.mark.parametrize("args", [("--amend", "-m", "Said better"), ("--allow-empty", "-m", "x")])
def test_another_message_keeps_the_trials_and_the_summary(
    measured: GitIn, args: tuple[str, ...]
) -> None:
    before = _summary(measured, "HEAD")
    assert "2 of 6 blocks" in before

    assert _said(measured, "commit", "--quiet", *args) == (
        "exp/fast: the same code, 4 trials of it still count; next: git exp run fast\n"
    )
    assert _summary(measured, "HEAD") == before


def test_the_summary_leaves_a_commit_that_was_amended(measured: GitIn) -> None:
    replaced = measured.id("HEAD")

    _said(measured, "commit", "--quiet", "--amend", "-am", "Another table", speed="9\n")

    assert _summary(measured, replaced) == ""
    assert _summary(measured, "HEAD") == "exp/fast collecting: not measured"


def test_going_back_resumes_the_trials(measured: GitIn) -> None:
    then = measured.id("HEAD")
    _said(measured, speed="9\n")

    assert _said(measured, "revert", "--no-edit", "HEAD") == (
        f"exp/fast: back to earlier code, the 4 trials of {then[:12]} count again; "
        "next: git exp run fast\n"
    )


def test_an_edited_harness_is_invalid_and_can_be_put_back(measured: GitIn) -> None:
    said = _said(measured, **{"bench.sh": "echo METRIC score=1\n"})

    advice = f"git checkout {measured.id('main')[:12]} -- bench.sh"
    assert said == (f"exp/fast: invalid, the treatment edits the harness: bench.sh ({advice})\n")
    measured(*advice.split()[1:])
    assert "count again" in _said(measured)


def test_what_waits_in_the_journal_is_in_the_notes_after_the_commit(measured: GitIn) -> None:
    done = GitExp(measured.path)
    for arm in ("control", "treatment"):
        done("record", "fast", "--arm", arm, "-m", "score=3", "--block", "3")
    journal = measured.path / ".git" / "exp" / "journal"
    assert any(path.stat().st_size for path in journal.glob("*.jsonl"))

    _said(measured)

    assert not any(path.stat().st_size for path in journal.glob("*.jsonl"))


def test_after_the_end_it_says_so(measured: GitIn) -> None:
    tip = measured.id("HEAD")
    GitExp(measured.path)("rollback", "fast", "--yes")
    measured("switch", "--quiet", "-c", "exp/fast", tip)

    said = _said(measured, speed="8\n")

    assert said.startswith("exp/fast: this commit is not measured, the experiment was rolled back;")


def test_a_commit_elsewhere_gets_no_word(measured: GitIn) -> None:
    measured("switch", "--quiet", "-c", "exp/zzz", "main")
    assert _said(measured, speed="7\n") == ""  # nobody registered this one
    measured("switch", "--quiet", "-c", "exp/Not_an_Id", "main")
    assert _said(measured, speed="6\n") == ""  # nor can this be an experiment
    measured("switch", "--quiet", "main")
    assert _said(measured, speed="5\n") == ""
    measured("switch", "--quiet", "--detach", "exp/fast")
    assert _said(measured, speed="4\n") == ""


def test_it_works_in_a_linked_worktree(measured: GitIn, tmp_path: Path) -> None:
    measured("switch", "--quiet", "main")
    measured("worktree", "add", "--quiet", str(tmp_path / "linked"), "exp/fast")

    said = _said(GitIn(tmp_path / "linked"), speed="9\n")

    assert "no longer decide" in said


def test_a_rebase_a_merge_and_a_cherry_pick_go_through(measured: GitIn) -> None:
    measured("switch", "--quiet", "main")
    other = measured.commit("Elsewhere", {"other.txt": "x\n"})
    measured("switch", "--quiet", "exp/fast")

    assert "no longer decide" in _said(measured, "cherry-pick", other)
    measured("reset", "--quiet", "--hard", "HEAD^")
    measured("merge", "--quiet", "--no-commit", "main")
    # a merge changes both arms alike: that is other code, too
    assert "no longer decide" in _said(measured, "commit", "--quiet", "--no-edit")
    measured("reset", "--quiet", "--hard", "HEAD^")
    _said(measured, "rebase", "--quiet", "main")
    assert measured("status", "--porcelain") == ""
    assert GitExp(measured.path)("status", "fast", "--json").status == 0


def test_a_clone_without_the_records_is_told_how_to_get_them(
    measured: GitIn, tmp_path: Path
) -> None:
    measured("clone", "--quiet", str(measured.path), str(tmp_path / "other"))
    other = GitIn(tmp_path / "other")
    _hook(other)
    other("switch", "--quiet", "exp/fast")

    assert _said(other, speed="3\n").startswith("exp/fast: a change to measure")


def test_a_repository_we_cannot_write_is_committed_to_all_the_same(measured: GitIn) -> None:
    folder = measured.path / ".git" / "exp"
    journal = folder / "journal"
    journal.rename(folder / "journal.away")
    journal.symlink_to("/")  # a folder of ours that is a link is never followed

    said = _said(measured, speed="9\n")

    assert "Traceback" not in said
    assert measured("log", "-1", "--format=%s") == "A commit"


def test_no_numbers_are_imported(measured: GitIn) -> None:
    code = (
        "import sys; from gitexp.cli.main import main; "
        "status = main(['hooks', 'run', 'post-commit']); "
        "print(status, sorted({'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=measured.path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "0 []\n"
    assert "count" in done.stderr
