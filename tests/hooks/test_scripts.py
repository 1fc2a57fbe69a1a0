"""What the two scripts do when git runs them: when they start anything, and what runs before."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitexp.hooks import texts
from tests.hooks.lab import OLD, STUB, Heard, path_without_git_exp, put_ours, with_remote
from tests.hooks.lab import write_hook as write
from tests.support import GitIn

ROOT = Path(__file__).parents[2]
SHELLS = [shell for shell in ("sh", "bash", "busybox") if shutil.which(shell)]
"""Whatever is at hand; `sh` always is, and on many systems it is dash."""

ZERO = "0" * 40


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """The stub on PATH, before the real git-exp."""
    stub, notes = tmp_path / "stub", tmp_path / "heard"
    notes.mkdir()
    write(stub, "git-exp", STUB)
    monkeypatch.setenv("PATH", f"{stub}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HEARD", str(notes))
    return Heard(notes)


@pytest.fixture
def hooks(git: GitIn) -> Path:
    """The hooks folder, empty; exp/fast is checked out."""
    git("switch", "--quiet", "--create", "exp/fast")
    folder = git.path / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    return folder


def run(
    script: Path,
    *args: str,
    shell: str = "sh",
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """The script as git would run it, at the worktree's top, by a shell of our choice."""
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*words, os.path.relpath(script, script.parents[2]), *args],
        cwd=script.parents[2],
        input=stdin,
        env={**os.environ, **(env or {})},
        capture_output=True,
        check=False,
    )


def pushed(*refs: str) -> bytes:
    """git's lines for these remote refs."""
    return "".join(f"HEAD {'1' * 40} {ref} {ZERO}\n" for ref in refs).encode()


# --- the rendered copies --------------------------------------------------------------------


@pytest.mark.parametrize("name", texts.NAMES)
def test_the_copy_at_the_top_of_the_project_is_what_is_installed(name: str) -> None:
    assert (ROOT / "hooks" / name).read_bytes() == texts.script(name)


@pytest.mark.parametrize("name", texts.NAMES)
def test_every_shell_at_hand_can_read_the_scripts(name: str) -> None:
    for shell in SHELLS:
        words = ["busybox", "sh"] if shell == "busybox" else [shell]
        subprocess.run([*words, "-n", str(ROOT / "hooks" / name)], check=True)


# --- when there is something to do ----------------------------------------------------------


def test_a_commit_starts_the_work_on_an_experiment_only(
    git: GitIn, hooks: Path, heard: Heard
) -> None:
    put_ours(hooks)

    git("switch", "--quiet", "main")
    git.commit("On main")
    git("switch", "--quiet", "--detach")
    git.commit("Detached")
    assert heard.text("git-exp") == ""

    git("switch", "--quiet", "exp/fast")
    git.commit("Try it")
    assert heard.text("git-exp") == "hooks run post-commit\n"


def test_a_push_hands_on_the_remote_and_gits_lines(git: GitIn, hooks: Path, heard: Heard) -> None:
    put_ours(hooks)
    remote = with_remote(git)
    pushing = subprocess.Popen(
        ["git", "push", "--quiet", "origin", "exp/fast", "main"], cwd=git.path
    )

    assert pushing.wait() == 0
    tip, main = git.id("exp/fast"), git.id("main")
    assert heard.text("git-exp").splitlines() == [
        f"hooks run pre-push -- origin {remote}",
        f"refs/heads/exp/fast {tip} refs/heads/exp/fast {ZERO}",
        f"refs/heads/main {main} refs/heads/main {ZERO}",
    ]
    assert heard.text("env") == f"1 {pushing.pid}\n"


def test_a_push_from_a_repository_without_experiments_starts_nothing(
    git: GitIn, hooks: Path, heard: Heard
) -> None:
    put_ours(hooks, before=OLD)
    with_remote(git)
    git("switch", "--quiet", "main")
    git("branch", "--quiet", "-D", "exp/fast")

    git("push", "--quiet", "origin", "main")

    assert heard.text("git-exp") == ""
    assert heard.text("old-input") == f"refs/heads/main {git.id('main')} refs/heads/main {ZERO}\n"


@pytest.mark.parametrize(
    "ref",
    [
        "refs/exp/archive/fast/ann",
        "refs/notes/exp/fast/ann",
        "refs/notes/remotes/origin/exp/fast/b",
        "refs/remotes/origin/exp/fast",
    ],
)
def test_evidence_without_a_branch_is_an_experiment_too(
    git: GitIn, hooks: Path, heard: Heard, ref: str
) -> None:
    put_ours(hooks)
    with_remote(git)
    git("update-ref", ref, "exp/fast")
    git("switch", "--quiet", "main")
    git("branch", "--quiet", "-D", "exp/fast")

    git("push", "--quiet", "origin", "main")

    assert heard.text("git-exp").startswith("hooks run pre-push -- origin ")


def test_evidence_can_be_erased_from_a_clone_that_holds_none(
    git: GitIn, hooks: Path, heard: Heard
) -> None:
    with_remote(git)
    git("push", "--quiet", "origin", "main:refs/notes/exp/fast/ann")
    git("switch", "--quiet", "main")
    git("branch", "--quiet", "-D", "exp/fast")
    put_ours(hooks)

    git("push", "--quiet", "origin", "--delete", "refs/notes/exp/fast/ann")

    assert heard.text("git-exp").splitlines()[1].split()[2] == "refs/notes/exp/fast/ann"


def test_tags_alone_start_nothing(git: GitIn, hooks: Path, heard: Heard) -> None:
    put_ours(hooks, before=OLD)
    with_remote(git)
    git("tag", "v1")

    git("push", "--quiet", "origin", "v1")

    assert heard.text("order") == "old\n"


@pytest.mark.parametrize(
    "args",
    [
        ["HEAD^{/Add a library}:refs/heads/odd"],  # its name in git's line has spaces
        ["--delete", "gone"],
        ["--mirror"],
        ["--all"],
        ["HEAD:refs/heads/ü'$x"],
        ["HEAD:refs/notes/exp/fast/ann"],
    ],
    ids=lambda args: args[0],
)
def test_whatever_is_pushed_arrives_line_by_line(
    git: GitIn, hooks: Path, heard: Heard, args: list[str]
) -> None:
    with_remote(git)
    git("push", "--quiet", "origin", "main", "main:gone")
    put_ours(hooks, before=OLD)

    git("push", "--quiet", "origin", *args)

    lines = heard.bytes("git-exp").split(b"\n", 1)[1]
    assert lines == heard.bytes("old-input") != b""


def test_a_remote_that_looks_like_an_option_is_handed_on(hooks: Path, heard: Heard) -> None:
    put_ours(hooks)

    done = run(hooks / "pre-push", "--json", "-h", stdin=pushed("refs/heads/x"))

    assert done.returncode == 0
    assert heard.text("git-exp").startswith("hooks run pre-push -- --json -h\n")


@pytest.mark.parametrize("name", texts.NAMES)
def test_what_our_commands_start_needs_no_hook_of_ours(
    hooks: Path, heard: Heard, name: str
) -> None:
    put_ours(hooks, before=OLD)

    done = run(
        hooks / name,
        stdin=pushed("refs/heads/exp/fast"),
        env={"GITEXP_IN_HOOK": "1", "OLD_STATUS": "3"},
    )

    assert done.returncode == 3
    assert heard.text("order") == "old\n"


# --- the hook that was there before ---------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("has_work", [True, False])
@pytest.mark.parametrize(
    "stdin",
    [pushed("refs/heads/main", "refs/heads/exp/fast"), b"", b"no end", b"\xff\xe3 \\n %s\r\n\n\n"],
    ids=["lines", "nothing", "no-newline", "odd-bytes"],
)
def test_the_hook_from_before_gets_arguments_and_input_to_the_byte(
    git: GitIn, hooks: Path, heard: Heard, shell: str, has_work: bool, stdin: bytes
) -> None:
    put_ours(hooks, before=OLD)
    if not has_work:
        git("switch", "--quiet", "main")
        git("branch", "--quiet", "-D", "exp/fast")

    done = run(hooks / "pre-push", "the remote", "a 'url' $x *", shell=shell, stdin=stdin)

    assert (done.returncode, done.stderr) == (0, b"")
    assert heard.text("old-args") == "[the remote][a 'url' $x *]"
    assert heard.bytes("old-input") == stdin


@pytest.mark.parametrize("shell", SHELLS)
def test_a_push_the_hook_from_before_refuses_ends_there(
    hooks: Path, heard: Heard, shell: str
) -> None:
    put_ours(hooks, before=OLD)
    env = {"OLD_STATUS": "7"}

    done = run(
        hooks / "pre-push", "o", "u", shell=shell, stdin=pushed("refs/heads/exp/fast"), env=env
    )

    assert done.returncode == 7
    assert heard.text("order") == "old\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("old", "ours", "expected"), [(7, 0, 7), (7, 5, 7), (0, 5, 5), (0, 0, 0)])
def test_after_a_commit_both_run_and_the_first_failure_counts(
    hooks: Path, heard: Heard, shell: str, old: int, ours: int, expected: int
) -> None:
    put_ours(hooks, before=OLD)
    env = {"OLD_STATUS": str(old), "STUB_STATUS": str(ours)}

    done = run(hooks / "post-commit", shell=shell, env=env)

    assert done.returncode == expected
    assert heard.text("order") == "old\ngit-exp\n"


@pytest.mark.parametrize("name", texts.NAMES)
def test_off_experiments_the_status_is_that_of_the_hook_from_before(
    git: GitIn, hooks: Path, heard: Heard, name: str
) -> None:
    put_ours(hooks, before=OLD)
    git("switch", "--quiet", "main")
    git("branch", "--quiet", "-D", "exp/fast")

    assert run(hooks / name, env={"OLD_STATUS": "9"}).returncode == 9
    assert heard.text("order") == "old\n"


def test_a_refusal_of_ours_stops_the_push(git: GitIn, hooks: Path, heard: Heard) -> None:
    put_ours(hooks, before=OLD)
    with_remote(git)

    git("push", "--quiet", "origin", "exp/fast", check=False, env={"STUB_STATUS": "6"})

    assert heard.text("order") == "old\ngit-exp\n"
    assert git("ls-remote", "origin") == ""


@pytest.mark.parametrize("name", texts.NAMES)
def test_a_hook_from_before_that_is_not_executable_stays_silent_as_before(
    hooks: Path, heard: Heard, name: str
) -> None:
    put_ours(hooks, before=OLD, mode=0o644)

    assert run(hooks / name, stdin=pushed("refs/heads/exp/fast")).returncode == 0
    assert heard.text("order") == "git-exp\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hook_from_before_without_a_first_line_is_a_shell_script(
    hooks: Path, heard: Heard, shell: str
) -> None:
    put_ours(hooks, before=OLD.partition("\n")[2])

    assert run(hooks / "post-commit", shell=shell).returncode == 0
    assert heard.text("order") == "old\ngit-exp\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_nobody_has_to_read_a_long_list_of_refs(hooks: Path, heard: Heard, shell: str) -> None:
    put_ours(hooks, before="#!/bin/sh\nexec <&-\necho old >>$HEARD/order\n")
    lines = pushed(*(f"refs/heads/branch-{number}" for number in range(5000)))

    done = run(hooks / "pre-push", "o", "u", shell=shell, stdin=lines)

    assert (done.returncode, done.stderr) == (0, b"")
    assert heard.text("git-exp").count("\n") == 5001


# --- without git-exp ------------------------------------------------------------------------


@pytest.mark.parametrize("name", texts.NAMES)
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("old_status", [0, 4])
def test_without_git_exp_there_is_one_warning_and_no_failure(
    hooks: Path, heard: Heard, tmp_path: Path, name: str, shell: str, old_status: int
) -> None:
    programs = path_without_git_exp(tmp_path / "bare", shell)
    put_ours(hooks, before=OLD)
    env = {"PATH": programs, "OLD_STATUS": str(old_status)}

    done = run(hooks / name, shell=shell, stdin=pushed("refs/heads/exp/fast"), env=env)

    assert done.returncode == old_status
    assert heard.text("order") == "old\n"
    if name == texts.POST_COMMIT or old_status == 0:
        said = done.stderr.decode().splitlines()
        assert [line.partition(":")[0] for line in said] == ["warning"]


@pytest.mark.parametrize("name", texts.NAMES)
def test_a_git_exp_whose_python_is_gone_is_as_good_as_none(
    hooks: Path, heard: Heard, tmp_path: Path, name: str
) -> None:
    programs = path_without_git_exp(tmp_path / "bare")
    write(tmp_path / "bare", "git-exp", "#!/nowhere/python3\n")
    put_ours(hooks)

    done = run(hooks / name, stdin=pushed("refs/heads/exp/fast"), env={"PATH": programs})

    assert done.returncode == 0
    assert b"\nwarning: git-exp cannot be started here" in b"\n" + done.stderr
    assert heard.text("order") == ""


# --- where repositories are -----------------------------------------------------------------


@pytest.mark.parametrize("folder", ["a b", "it's", '"$HOME"', "%s\\n", "ü日本", "-x"])
def test_the_folders_name_may_be_anything(
    git: GitIn, hooks: Path, heard: Heard, tmp_path: Path, folder: str
) -> None:
    put_ours(hooks, before=OLD)
    with_remote(git)
    moved = tmp_path / folder / folder
    moved.parent.mkdir()
    git.path.rename(moved)
    git = GitIn(moved)
    git("remote", "set-url", "origin", str(tmp_path / "origin.git"))

    git.commit("Try it")
    git("push", "--quiet", "origin", "exp/fast")

    assert heard.text("order") == "old\ngit-exp\nold\ngit-exp\n"


def test_a_linked_worktree_has_the_same_hooks(
    git: GitIn, hooks: Path, heard: Heard, tmp_path: Path
) -> None:
    put_ours(hooks, before=OLD)
    with_remote(git)
    git("switch", "--quiet", "main")
    git("worktree", "add", "--quiet", str(tmp_path / "linked tree"), "exp/fast")
    linked = GitIn(tmp_path / "linked tree")

    linked.commit("Try it")
    linked("push", "--quiet", "origin", "HEAD:exp/fast")

    assert heard.text("order") == "old\ngit-exp\nold\ngit-exp\n"


def test_a_bare_repository_that_pushes_has_them_too(
    git: GitIn, hooks: Path, heard: Heard, tmp_path: Path
) -> None:
    git("clone", "--quiet", "--bare", str(git.path), str(tmp_path / "bare.git"))
    bare = GitIn(tmp_path / "bare.git")
    put_ours(bare.path / "hooks", before=OLD)
    git("init", "--quiet", "--bare", str(tmp_path / "there.git"))

    bare("push", "--quiet", str(tmp_path / "there.git"), "exp/fast")

    assert hooks.exists()
    assert heard.text("order") == "old\ngit-exp\n"
