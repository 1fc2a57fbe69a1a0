"""Where the program can be used, and which repositories it refuses, by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.scenes import HYPOTHESIS, copy, prepare, refused, start, state, trials
from tests.support import GitExp, GitIn

MINIMAL = ("create", "fast", "--hypothesis", HYPOTHESIS, "--run", "./bench.sh")


# --- ways to say which repository ------------------------------------------------------------


def test_git_finds_it_as_one_of_its_own_commands(decided: GitIn, tmp_path: Path) -> None:
    outside = GitIn(tmp_path)

    told = outside("-C", str(decided.path), "exp", "status", "--porcelain=v1")

    assert told.startswith("exp fast running better * ")


@pytest.mark.parametrize("way", ["variable", "option", "subfolder"])
def test_however_the_repository_is_named(decided: GitIn, tmp_path: Path, way: str) -> None:
    git_dir, outside = str(decided.path / ".git"), GitIn(tmp_path)

    match way:
        case "variable":
            told = outside("exp", "status", "fast", "--json", env={"GIT_DIR": git_dir})
        case "option":
            told = outside(
                f"--git-dir={git_dir}", f"--work-tree={decided.path}", "exp", "status", "--json"
            )
        case _:
            told = GitIn(decided.path / "src")("exp", "status", "--json")

    assert '"id": "fast"' in told


@pytest.mark.parametrize("is_relative", [True, False])
def test_a_repository_named_from_elsewhere_is_used_from_create_to_promote(
    git: GitIn, tmp_path: Path, is_relative: bool
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    top = Path("..", git.path.name) if is_relative else git.path
    exp = (f"--git-dir={top / '.git'}", f"--work-tree={top}", "exp")
    outside = GitIn(elsewhere)

    outside(*exp, *MINIMAL, "--metric=score:lower", "--max-blocks=6", "--warm-up=0")
    git.commit("Try a table", {"speed": "10\n"})
    outside(*exp, "run", "fast")
    outside(*exp, "promote", "fast")

    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert (git.path / "speed").read_text() == "10\n"
    assert git("status", "--porcelain") == ""
    assert list(elsewhere.iterdir()) == []


def test_a_linked_worktree_sees_the_same_experiments(ready: GitIn, tmp_path: Path) -> None:
    ready("worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    linked = GitExp(tmp_path / "linked")

    linked("run", "fast", "--blocks", "1")

    row = linked("status", "--json").json["experiments"][0]
    assert row["is_current"] is False
    assert row["blocks"]["complete"] == 1
    assert len(trials(ready)) == 2


def test_a_rollback_from_the_experiments_own_worktree_says_where_it_leads(
    ready: GitIn, tmp_path: Path
) -> None:
    ready("switch", "--quiet", "main")
    ready("worktree", "add", "--quiet", str(tmp_path / "linked"), "exp/fast")
    linked, tip = GitExp(tmp_path / "linked"), ready.id("main")[:12]

    planned = linked("rollback", "--dry-run")
    done = linked("rollback")

    assert f"leave you on {tip}, no branch\n" in planned.stdout
    assert f"you are on {tip} now, which is no branch\n" in done.stdout


def test_a_detached_head_can_look_and_run_by_name(ready: GitIn) -> None:
    ready("switch", "--quiet", "--detach", "exp/fast")
    git_exp = GitExp(ready.path)

    git_exp("run", "fast", "--blocks", "1")

    refused(git_exp("run", check=False), 129, "no experiment named")
    assert git_exp("status", "fast", "--json").json["experiments"][0]["blocks"]["complete"] == 1


def test_an_unborn_branch_can_look(tmp_path: Path) -> None:
    git = GitIn(tmp_path)
    git("init", "--quiet")

    assert GitExp(tmp_path)("status", "--json").json["experiments"] == []


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    for args in ((), ("create", "x", "--hypothesis", HYPOTHESIS), ("run", "x")):
        refused(GitExp(tmp_path)(*args, check=False), 128, "not inside a git repository")


@pytest.mark.parametrize("name", ["with space", "ünïcode-日本", "quo'te\"s", "-dash", "new\nline"])
def test_the_path_of_the_repository_may_be_anything(
    repository_template: Path, tmp_path: Path, name: str
) -> None:
    git = copy(repository_template, tmp_path / name / "repo")
    prepare(git)

    start(git)
    answer = GitExp(git.path)("run", "--json").objects[-1]
    GitExp(git.path)("promote")

    assert answer["verdict"] == "better"
    assert git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert (git.path / "speed").read_text() == "10\n"


def test_inside_the_git_dir_it_can_look(decided: GitIn) -> None:
    result = GitExp(decided.path / ".git")("status", "--porcelain=v1")

    assert result.stdout.startswith("exp fast running better")


# --- kinds of repositories -------------------------------------------------------------------


def test_a_bare_repository_can_look_and_cannot_run(ready: GitIn, tmp_path: Path) -> None:
    ready("clone", "--quiet", "--mirror", str(ready.path), str(tmp_path / "bare.git"))
    git_exp = GitExp(tmp_path / "bare.git")

    refused(git_exp("run", "fast", check=False), 6, "bare", "git clone")

    assert git_exp("status", "--json").json["experiments"][0]["id"] == "fast"
    assert git_exp("analyze", "fast", "--json").json["verdict"] == "collecting"


def test_an_experiment_can_be_registered_in_a_bare_repository(ready: GitIn, tmp_path: Path) -> None:
    ready("clone", "--quiet", "--bare", "--single-branch", "--branch=main", str(ready.path),
          str(tmp_path / "bare.git"))  # fmt: skip
    bare = GitIn(tmp_path / "bare.git")

    created = GitExp(bare.path)("create", "other", "--hypothesis", HYPOTHESIS, "--json")

    assert bare("branch", "--list", "exp/other") != ""
    assert bare("symbolic-ref", "HEAD") == "refs/heads/main"
    go, enter = created.json["next"][:2]
    bare(*go.split()[1:])
    assert GitIn(Path(enter.removeprefix("cd ")))("branch", "--show-current") == "exp/other"


def sha256(git: GitIn) -> None:
    git("init", "--quiet", "--object-format=sha256")


def reftable(git: GitIn) -> None:
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "Begin")
    git("config", "core.repositoryFormatVersion", "1")
    git("config", "extensions.refStorage", "reftable")


def partial(git: GitIn) -> None:
    origin = GitIn(git.path.parent / "origin")
    origin.path.mkdir()
    origin("init", "--quiet")
    origin.commit("Begin", {"file": "x\n"})
    origin("config", "uploadpack.allowFilter", "true")
    git("clone", "--quiet", "--filter=blob:none", f"file://{origin.path}", ".")


@pytest.mark.parametrize(
    ("make", "name"),
    [(sha256, "SHA-256|objectformat"), (reftable, "(?i)ref ?storage"), (partial, "partial clone")],
)
def test_repositories_the_library_cannot_read_are_refused_by_name(
    tmp_path: Path, make: object, name: str
) -> None:
    folder = tmp_path / "strange"
    folder.mkdir()
    assert callable(make)
    make(GitIn(folder))

    for args in ((), MINIMAL):
        refused(GitExp(folder)(*args, check=False), 6, name)


def test_a_shallow_clone_can_look(decided: GitIn, tmp_path: Path) -> None:
    decided("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{decided.path}",
            str(tmp_path / "shallow"))  # fmt: skip
    shallow = GitIn(tmp_path / "shallow")
    shallow("fetch", "--quiet", "origin", "+refs/notes/*:refs/notes/remotes/origin/*")

    result = GitExp(shallow.path)("status", "--json", check=False)

    assert "Traceback" not in result.stderr
    assert result.status in (0, 6)


def read_only(folder: Path) -> list[tuple[Path, int]]:
    """Take every write permission away; what they were."""
    before = []
    for root, _, names in os.walk(folder):
        for path in (Path(root), *(Path(root) / name for name in names)):
            if not path.is_symlink():
                before.append((path, path.stat().st_mode))
                path.chmod(path.stat().st_mode & ~0o222)
    return before


def test_a_repository_we_may_not_write_can_be_read(decided: GitIn) -> None:
    before, expected = read_only(decided.path), state(decided)
    try:
        looked = {
            command: as_nobody(decided, command, "fast", "--json")
            for command in ("status", "show", "log", "analyze")
        }
        wrote = {
            command: as_nobody(decided, command, "fast", *options)
            for command, *options in (
                ("promote", "--yes"),
                ("rollback", "--yes"),
                ("run", "--blocks=1"),
                ("record", "--arm=control", "-m", "score=1"),
                ("create", "--id=other", f"--hypothesis={HYPOTHESIS}"),
            )
        }
    finally:
        for path, mode in before:
            path.chmod(mode)

    for command, (status, out, err) in looked.items():
        assert status == 0, f"{command}: {err}"
        assert '"ok": true' in out
    for command, (status, _, err) in wrote.items():
        assert status in (6, 128), f"{command}: {status} {err}"
        kinds = [line.partition(":")[0] for line in err.splitlines()]
        assert kinds == ["error", "hint"], f"{command}: {err}"
    assert state(decided) == expected


def as_nobody(git: GitIn, *args: str) -> tuple[int, str, str]:
    """The program as a user without any right to the repository, even when we are root."""
    import subprocess

    from tests.support import BIN

    # permission bits mean nothing to root, unless its capabilities are gone
    dropped = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner",
               "--inh-caps=-dac_override,-dac_read_search,-fowner"]  # fmt: skip
    prefix = dropped if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, str(BIN / "git-exp"), *args],
        cwd=git.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


# --- init ------------------------------------------------------------------------------------


def test_init_is_undone_to_the_byte(decided: GitIn, tmp_path: Path) -> None:
    decided("remote", "add", "origin", str(tmp_path))
    git_exp = GitExp(decided.path)
    before = (decided.path / ".git/config").read_bytes()

    git_exp("init")
    git_exp("init")
    during = (decided.path / ".git/config").read_bytes()
    git_exp("init", "--undo")

    assert during != before
    assert (decided.path / ".git/config").read_bytes() == before
    assert GitExp(decided.path)("status", "--json").json["experiments"][0]["id"] == "fast"


def test_after_init_plain_fetch_brings_evidence(decided: GitIn, tmp_path: Path) -> None:
    decided("switch", "--quiet", "main")
    decided("clone", "--quiet", str(decided.path), str(tmp_path / "clone"))
    clone = GitIn(tmp_path / "clone")
    GitExp(clone.path)("init")
    for ref in clone("for-each-ref", "--format=%(refname)", "refs/notes/remotes/").split():
        clone("update-ref", "-d", ref)  # what `init` itself has brought

    clone("fetch", "--quiet")

    row = GitExp(clone.path)("status", "--json").json["experiments"][0]
    assert (row["id"], row["source"], row["verdict"]) == ("fast", "origin", "better")


def test_a_fresh_clone_shows_what_its_remote_has(ready: GitIn, tmp_path: Path) -> None:
    ready("switch", "--quiet", "main")
    ready("clone", "--quiet", str(ready.path), str(tmp_path / "clone"))
    git_exp = GitExp(tmp_path / "clone")

    [row] = git_exp("status", "--json").json["experiments"]

    assert (row["id"], row["state"], row["source"]) == ("fast", "running", "origin")
    assert git_exp("show", "fast", "--json").json["is_trusted"] is True
    refused(git_exp("show", "fats", check=False), 128, "did you mean fast")
