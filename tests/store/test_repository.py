"""Objects, trees and history, checked against git."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.errors import GitexpError, Refused, StaleRef
from gitexp.model import Oid
from gitexp.refs import RefUpdate
from gitexp.store.git import Git
from gitexp.store.repository import MissingObject, Repository
from gitexp.store.tree_objects import TreeEntry
from gitexp.store.tree_paths import path_exists, tree_with_harness
from tests.support import GitIn, leave_lock

ABSENT = Oid("e5" * 20)


@pytest.fixture
def repository(repo: Path) -> Repository:
    return Repository(Git.open(repo))


def test_refs_are_those_of_git(repository: Repository, git: GitIn) -> None:
    git("branch", "exp/one")
    git("branch", "exp/two")
    git("pack-refs", "--all")
    git("branch", "exp/three")

    head = git.id("HEAD")
    assert repository.refs("refs/heads/exp/") == {
        f"refs/heads/exp/{n}": head for n in ("one", "two", "three")
    }
    assert repository.ref("refs/heads/exp/three") == repository.ref("refs/heads/exp/one") == head
    assert repository.ref("refs/heads/none") is None
    assert repository.ref("HEAD") == head


def test_user_text_is_resolved_and_never_an_option(repository: Repository, git: GitIn) -> None:
    git("tag", "-a", "-m", "v1", "v1")

    assert repository.resolve("v1") == repository.resolve("HEAD") == git.id("HEAD")
    for text in ("--all", "-h", "", "none", "HEAD:README", "HEAD^{tree}", "main..HEAD"):
        with pytest.raises(GitexpError, match="no commit is named"):
            repository.resolve(text)


def test_commits_are_what_git_says(repository: Repository, git: GitIn) -> None:
    oid = git.commit("Über\n\nbody", {"a": "1"})

    found = repository.commit(oid)

    assert found.message == "Über\n\nbody\n"
    assert (found.author_name, found.author_email) == ("Ann Author", "ann@example.com")
    assert found.tree == git("rev-parse", f"{oid}^{{tree}}")
    assert list(found.parents) == git("rev-parse", f"{oid}^@").split()


@pytest.mark.parametrize("name", ["commit", "tree", "blob", "blob_size"])
def test_missing_objects_are_ours_to_report(repository: Repository, name: str) -> None:
    with pytest.raises(MissingObject):
        getattr(repository, name)(ABSENT)


def test_an_object_of_another_kind_is_missing(repository: Repository, git: GitIn) -> None:
    blob = git.id("HEAD:README")
    assert repository.blob(blob) == b"a small program\n"
    for read in (repository.commit, repository.tree):
        with pytest.raises(MissingObject):
            read(blob)
    assert repository.has(blob)
    assert not repository.is_commit(blob)
    assert not repository.has(ABSENT)


def test_what_is_written_satisfies_git(repository: Repository, git: GitIn) -> None:
    blob = repository.write_blob(b"x")
    names = [b"b", b"b.c", b"bc", b"\xff", b"a"]
    inner = repository.write_tree([TreeEntry(b"f", 0o100644, blob)])
    tree = repository.write_tree(
        [
            *(TreeEntry(n, 0o100644, blob) for n in names if n != b"b"),
            TreeEntry(b"b", 0o40000, inner),
        ]
    )
    commit = repository.write_commit(tree, [git.id("HEAD")], "ours\n")
    git("update-ref", "refs/heads/ours", commit)

    git("fsck", "--strict")
    assert git("log", "-1", "--format=%an <%ae> %cn%n%B", commit).splitlines() == [
        "Ann Author <ann@example.com> Ann Author",
        "ours",
    ]


def test_without_an_identity_the_writer_signs(
    repo: Path, git: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GITEXP_WRITER", "ci-7")
    repository = Repository(Git.open(repo))

    commit = repository.commit(repository.write_commit(repository.write_tree([]), [], "ours"))

    assert commit.author_name == "gitexp"
    assert commit.author_email.startswith("ci-7@")


def test_dates_of_the_environment_count(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-05T12:00:00-03:30")
    commit = repository.commit(repository.write_commit(repository.write_tree([]), [], "ours"))

    assert commit.author_time == 1_767_627_000


def test_merge_bases_are_those_of_git(repository: Repository, git: GitIn) -> None:
    base = git.id("HEAD")
    git("switch", "-q", "-c", "one")
    one = git.commit("one")
    git("switch", "-q", "-c", "two", "main")
    two = git.commit("two")
    git("switch", "-q", "--orphan", "alone")
    alone = git.commit("alone")

    assert repository.merge_base(one, two) == base
    assert repository.merge_base(one, alone) is None
    assert repository.is_ancestor(base, one)
    assert repository.is_ancestor(one, one)
    assert not repository.is_ancestor(one, two)
    assert list(repository.commits(base, one)) == [one]


def test_equal_merge_bases_are_chosen_alike_from_both_sides(
    repository: Repository, git: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-05T12:00:00Z")
    tree = git("rev-parse", "HEAD^{tree}")
    a, b = (git("commit-tree", "-p", "HEAD", "-m", text, tree) for text in "ab")
    left = git("commit-tree", "-p", a, "-p", b, "-m", "left", tree)
    right = git("commit-tree", "-p", b, "-p", a, "-m", "right", tree)

    assert len(git("merge-base", "--all", left, right).split()) == 2
    assert repository.merge_base(left, right) == repository.merge_base(right, left) == min(a, b)


def test_a_shallow_clone_refuses_by_name(git: GitIn, tmp_path: Path) -> None:
    base = git.id("HEAD")
    git("switch", "-q", "-c", "one")
    for number in range(4):
        one = git.commit(f"one {number}")
    git("switch", "-q", "-c", "two", "main")
    for number in range(4):
        two = git.commit(f"two {number}")
    git("clone", "-q", "--depth=2", "--no-single-branch", f"file://{git.path}", str(tmp_path / "s"))
    shallow = Repository(Git.open(tmp_path / "s"))

    with pytest.raises(Refused, match="shallow clone lacks") as refused:
        shallow.merge_base(one, two)
    assert refused.value.hint == "git fetch --unshallow"
    with pytest.raises(Refused):
        shallow.is_ancestor(two, one)
    assert shallow.merge_base(one, one) == one
    assert shallow.is_ancestor(shallow.commit(one).parents[0], one)
    GitIn(tmp_path / "s")("fetch", "-q", "--unshallow")
    assert Repository(Git.open(tmp_path / "s")).merge_base(one, two) == base


CONTROL = {"bench/a": "1", "bench/deep/b": "2", "data": "3", "gone/x": "4", "app": "old"}
TREATMENT = {"bench/a": "9", "bench/extra": "9", "app": "new", "only": "5", "data/inner": "6"}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], TREATMENT),
        (["bench"], {**TREATMENT, "bench/a": "1", "bench/deep/b": "2", "bench/extra": None}),
        (["bench/"], {**TREATMENT, "bench/a": "1", "bench/deep/b": "2", "bench/extra": None}),
        (["./bench/a"], {**TREATMENT, "bench/a": "1"}),
        (["bench/deep"], {**TREATMENT, "bench/deep/b": "2"}),
        (["bench/extra"], {**TREATMENT, "bench/extra": None}),
        (["only"], {**TREATMENT, "only": None}),
        (["data"], {**TREATMENT, "data/inner": None, "data": "3"}),
        (["data/inner"], {**TREATMENT, "data/inner": None}),
        (["gone/x"], {**TREATMENT, "gone/x": "4"}),
        (["app/none"], TREATMENT),
        (["none"], TREATMENT),
        (["bench/a", "gone"], {**TREATMENT, "bench/a": "1", "gone/x": "4"}),
        (["."], CONTROL),
    ],
)
def test_the_harness_comes_from_control(
    repository: Repository, git: GitIn, paths: list[str], expected: dict[str, str | None]
) -> None:
    treatment, control = (tree_of(git, files) for files in (TREATMENT, CONTROL))

    found = tree_with_harness(repository, treatment, control, paths)

    wanted = {name: text for name, text in expected.items() if text is not None}
    assert found == tree_of(git, wanted)


def test_a_harness_stays_in_the_repository(repository: Repository, git: GitIn) -> None:
    tree = git("rev-parse", "HEAD^{tree}")
    for path in ("../x", "a/../../b", "/etc"):
        with pytest.raises(ValueError, match="leads out"):
            tree_with_harness(repository, tree, tree, [path])


def test_nothing_left_is_the_empty_tree(repository: Repository, git: GitIn) -> None:
    one, none = tree_of(git, {"a/b": "1"}), git("mktree")

    assert tree_with_harness(repository, one, none, ["a"]) == none
    git("fsck", "--strict")


def test_paths_and_differences(repository: Repository, git: GitIn) -> None:
    treatment, control = (tree_of(git, files) for files in (TREATMENT, CONTROL))

    assert path_exists(repository, control, "bench/deep")
    assert path_exists(repository, control, "bench/deep/b")
    assert not path_exists(repository, control, "bench/deep/b/c")
    assert not path_exists(repository, control, "none")
    changed = git("diff-tree", "-r", "--name-only", control, treatment).splitlines()
    assert list(repository.changed_paths(control, treatment)) == sorted(changed)


def tree_of(git: GitIn, files: dict[str, str]) -> str:
    index = {"GIT_INDEX_FILE": str(git.path / ".git" / "scratch")}
    git("read-tree", "--empty", env=index)
    for name, text in files.items():
        blob = git("hash-object", "-w", "--stdin", stdin=text)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", env=index)
    return git("write-tree", env=index)


def test_objects_are_written_while_git_removes_empty_folders(
    repository: Repository, repo: Path
) -> None:
    """As `git gc` does, once each; here as soon as a folder is there."""
    emptying = """
import contextlib, os, sys
gone = set()
while True:
    for name in {*os.listdir(sys.argv[1])} - gone:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(sys.argv[1], name))
            gone.add(name)
"""
    objects = str(repo / ".git" / "objects")

    with subprocess.Popen([sys.executable, "-c", emptying, objects]) as other:
        try:
            written = [repository.write_blob(b"%d" % number) for number in range(200)]
        finally:
            other.kill()

    assert [repository.blob(oid) for oid in written] == [b"%d" % number for number in range(200)]


def test_a_ref_is_to_be_moved_again_when_git_collected_what_it_was_to_become(repo: Path) -> None:
    with pytest.raises(StaleRef, match="git collected"):
        Git.open(repo).update_refs([RefUpdate("refs/notes/x", ABSENT, None)], reason="x")


def test_a_lock_that_outlived_its_git_is_named_in_the_hint(repo: Path) -> None:
    git = Git.open(repo)
    lock = git.common_dir / "refs" / "notes" / "x.lock"
    leave_lock(lock)

    with pytest.raises(StaleRef) as refusal:
        git.update_refs([RefUpdate("refs/notes/x", git.ref("HEAD"), None)], reason="x")

    age, _, advice = refusal.value.hint.partition("; ")
    assert re.fullmatch(r"locked \d+ days ago", age)
    assert advice == f"if no other git is at work here: rm {lock}"
