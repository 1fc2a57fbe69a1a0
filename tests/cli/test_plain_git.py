"""Plain git beside experiments: whoever does not use them notices nothing.

Every sequence of commands runs in two clones: one of a repository that holds the evidence of three
experiments, and one of its twin, with the same branches and no evidence. Both must answer alike.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.scenes import CREATE, HYPOTHESIS, prepare, start
from tests.support import GitExp, GitIn

DATES = {"GIT_AUTHOR_DATE": "2026-03-01T09:00Z", "GIT_COMMITTER_DATE": "2026-03-01T09:00Z"}
EVIDENCE = ("refs/notes/exp/*:refs/notes/exp/*", "refs/exp/archive/*:refs/exp/archive/*")
REMOTE = "--git-dir=../remote.git"
Sequence = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """How git answered; paths are those of neither repository."""

    args: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class World:
    """A folder with a clone and the repository it was cloned from."""

    base: Path

    @property
    def git(self) -> GitIn:
        return GitIn(self.base / "clone")

    @property
    def remote(self) -> GitIn:
        return GitIn(self.base / "remote.git")

    def clone(self) -> World:
        """As somebody does who knows nothing of experiments; by URL, so that only what the refs
        need is copied."""
        url = f"file://{self.remote.path}"
        GitIn(self.base)("clone", "--quiet", url, str(self.git.path))
        return self

    def answers(self, commands: Sequence) -> list[Answer]:
        found = []
        for args in commands:
            done = subprocess.run(
                ["git", *(word.replace("BASE", f"file://{self.base}") for word in args)],
                cwd=self.git.path,
                env={**os.environ, **DATES},
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            said = [out.replace(str(self.base), "BASE") for out in (done.stdout, done.stderr)]
            found.append(Answer(args, done.returncode, *said))
        return found

    def state(self) -> list[str]:
        """What people see of the clone: branches, tags, HEAD and files."""
        git = self.git
        return [
            git("for-each-ref", "refs/heads", "refs/remotes", "refs/tags", "refs/stash"),
            git("status", "--porcelain=v2", "--branch"),
            self.remote("for-each-ref", "refs/heads", "refs/tags"),
        ]


@pytest.fixture(scope="module")
def owned(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose owner has promoted one experiment, rolled back another, and runs a third."""
    base = tmp_path_factory.mktemp("owned")
    shutil.copytree(repository_template, base / "clone", symlinks=True)
    world = World(base)
    git, exp = world.git, GitExp(world.git.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann")
        git("init", "--quiet", "--bare", str(world.remote.path))
        git("remote", "add", "origin", f"file://{world.remote.path}")
        prepare(git)
        git("push", "--quiet", "--set-upstream", "origin", "main")
        exp("init")
        start(git)
        exp("run")
        exp("promote", "--yes")
        for name in ("slow", "open"):
            others = CREATE[CREATE.index("--metric") :]
            exp("create", name, "--hypothesis", HYPOTHESIS, *others, "--run", "./bench.sh")
            git.commit("Try more", {"speed": "30\n" if name == "slow" else "9\n"})
            exp("run", "--blocks", "1")
            if name == "slow":
                exp("rollback", "--yes")
        git("push", "--quiet", "origin", "main", "exp/open", *EVIDENCE)
        git("fetch", "--quiet")
        git("switch", "--quiet", "main")
    return base


@pytest.fixture(scope="module")
def worlds(owned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the evidence, and its twin without, as `with` and `without`."""
    base = tmp_path_factory.mktemp("worlds")
    shutil.copytree(owned / "remote.git", base / "with" / "remote.git")
    source = f"file://{owned}/remote.git"
    GitIn(owned)("init", "--quiet", "--bare", str(base / "without" / "remote.git"))
    twin = GitIn(base / "without" / "remote.git")
    twin("fetch", "--quiet", source, "refs/heads/*:refs/heads/*")
    assert GitIn(base / "with" / "remote.git")("for-each-ref", "refs/notes/exp", "refs/exp")
    assert not twin("for-each-ref", "refs/notes", "refs/exp")
    return base


@pytest.fixture
def pair(worlds: Path, tmp_path: Path) -> tuple[World, World]:
    """A plain clone of each."""
    shutil.copytree(worlds, tmp_path / "worlds", symlinks=True)
    with_it, without = (World(tmp_path / "worlds" / name) for name in ("with", "without"))
    return with_it.clone(), without.clone()


COMMIT = ("commit", "--quiet", "--allow-empty", "-m", "Work")
SEQUENCES: dict[str, Sequence] = {
    "look": (
        ("log", "--decorate=full", "--graph", "--all"),
        ("log", "--notes", "-3"),
        ("notes", "list"),
        ("branch", "--all", "-vv"),
        ("branch", "--remotes", "--merged", "main"),
        ("show-ref",),
        ("status",),
        ("describe", "--all"),
        ("shortlog", "--summary", "HEAD"),
        ("remote", "show", "origin"),
        ("ls-remote", "--heads", "--tags", "origin"),
        ("format-patch", "--stdout", "origin/main..origin/exp/open"),
        ("reflog",),
    ),
    "merge": (
        ("merge", "--no-ff", "-m", "Merge by hand", "origin/exp/open"),
        ("log", "-1", "--format=%T %P"),
        ("branch", "--remotes", "--no-merged"),
        ("revert", "--no-edit", "-m", "1", "HEAD"),
    ),
    "rebase": (
        COMMIT,
        ("push", "--quiet"),
        ("switch", "exp/open"),
        ("rebase", "main"),
        ("log", "--format=%s%n%b", "main.."),
        ("push", "--force-with-lease"),
        ("cherry-pick", "--allow-empty", "--keep-redundant-commits", "origin/exp/open"),
    ),
    "push": (
        COMMIT,
        ("push",),
        ("switch", "--create", "topic"),
        COMMIT,
        ("push", "--set-upstream", "origin", "topic"),
        ("tag", "v1"),
        ("push", "--tags"),
        ("push", "--all"),
        ("push", "origin", "--delete", "topic"),
        ("push", "--porcelain", "--dry-run", "--prune", "origin", "refs/heads/*:refs/heads/*"),
    ),
    "pull": (
        COMMIT,
        (REMOTE, "update-ref", "refs/heads/main", "refs/heads/exp/open"),
        ("push",),
        ("pull", "--rebase"),
        ("push",),
        (REMOTE, "update-ref", "refs/heads/main", "refs/heads/exp/open"),
        ("pull", "--no-rebase", "--no-edit"),
    ),
    "prune": (
        (REMOTE, "branch", "-D", "exp/open"),
        ("remote", "prune", "--dry-run", "origin"),
        ("fetch", "--prune"),
        ("remote", "prune", "origin"),
        ("fetch", "--all", "--prune", "--prune-tags", "--tags"),
        ("branch", "--all"),
    ),
    "keep house": (
        ("branch", "gone", "origin/exp/open"),
        ("branch", "-D", "gone"),
        ("reflog", "expire", "--expire=now", "--all"),
        ("gc", "--quiet", "--prune=now"),
        ("fsck", "--strict", "--full"),
        ("count-objects", "--verbose"),
        ("prune", "--verbose"),
        ("maintenance", "run", "--quiet"),
        ("worktree", "list"),
        ("worktree", "prune", "--verbose"),
    ),
    "copy": (
        ("bundle", "create", "--quiet", "../all.bundle", "--all"),
        ("bundle", "verify", "../all.bundle"),
        ("clone", "../all.bundle", "../from-bundle"),
        ("-C", "../from-bundle", "branch", "--all"),
        ("clone", "--depth=1", "--no-single-branch", "BASE/remote.git", "../shallow"),
        ("-C", "../shallow", "fsck", "--strict"),
        ("-C", "../shallow", "fetch", "--unshallow"),
        ("clone", "--single-branch", "BASE/remote.git", "../single"),
        ("-C", "../single", "log", "--oneline"),
    ),
    "set aside": (
        ("rm", "--quiet", "README"),
        ("stash", "list"),
        ("switch", "exp/open"),
        ("stash",),
        ("switch", "main"),
        ("bisect", "start", "HEAD", "HEAD~2"),
        ("bisect", "reset"),
        ("switch", "--detach", "origin/exp/open"),
    ),
}
REFUSED = {"pull": [("push",)]}
"""Commands git itself refuses: the remote is ahead."""


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_clone_that_never_heard_of_experiments_answers_as_ever(
    pair: tuple[World, World], name: str
) -> None:
    with_it, without = pair

    expected = without.answers(SEQUENCES[name])
    found = with_it.answers(SEQUENCES[name])

    assert found == expected
    assert [answer.args for answer in found if answer.status] == REFUSED.get(name, [])
    assert with_it.state() == without.state()


def test_a_merge_and_a_rebase_by_hand_bring_what_they_should(pair: tuple[World, World]) -> None:
    git = pair[0].git

    git("merge", "--quiet", "--no-edit", "origin/exp/open")
    assert (git.path / "speed").read_text() == "9\n"
    git("reset", "--quiet", "--hard", "origin/main")
    main = git.commit("Go on", {"README": "other\n"})
    git("switch", "--quiet", "exp/open")
    git("rebase", "--quiet", "main")

    # the registration has no change of its own, and a rebase keeps it
    assert git("log", "--format=%s", f"{main}..").splitlines()[0] == "Try more"
    assert "Exp-Plan-Hash: " in git("log", "-1", "--format=%B", "HEAD^")
    assert git("status", "--porcelain") == ""


def test_nothing_of_the_evidence_comes_along_unasked(pair: tuple[World, World]) -> None:
    git = pair[0].git

    assert {ref.split("/")[1] for ref in git("for-each-ref", "--format=%(refname)").split()} == {
        "heads",
        "remotes",
    }
    assert not (git.path / ".git" / "exp").exists()
    assert git("config", "--local", "--get-regexp", "exp", check=False) == ""


# --- those who take everything --------------------------------------------------------------


def refs(git: GitIn) -> str:
    return git("for-each-ref", "--format=%(objectname) %(refname)")


def test_a_mirror_and_a_bundle_hold_all_of_it(worlds: Path, tmp_path: Path) -> None:
    remote = GitIn(worlds / "with" / "remote.git")
    mirror, copy = GitIn(tmp_path / "mirror.git"), GitIn(tmp_path / "copy.git")

    remote("clone", "--quiet", "--mirror", f"file://{remote.path}", str(mirror.path))
    mirror("gc", "--quiet", "--prune=now")
    mirror("fetch", "--quiet", "--prune")
    mirror("bundle", "create", "--quiet", str(tmp_path / "all.bundle"), "--all")
    remote("clone", "--quiet", "--mirror", str(tmp_path / "all.bundle"), str(copy.path))

    for made in (mirror, copy):
        assert refs(made) == refs(remote)
        assert made("fsck", "--strict", "--full") == ""
    assert "refs/notes/exp/fast/ann" in refs(copy)


def test_the_evidence_outlives_what_others_do_with_plain_git(
    owned: Path, pair: tuple[World, World], tmp_path: Path
) -> None:
    world = pair[0]
    for name in ("push", "prune", "keep house"):
        world.answers(SEQUENCES[name])
    world.remote("reflog", "expire", "--expire=now", "--all")
    world.remote("gc", "--quiet", "--prune=now")
    world.remote("fsck", "--strict", "--full")

    git = GitIn(tmp_path / "teammate")
    world.remote("clone", "--quiet", f"file://{world.remote.path}", str(git.path))
    GitExp(git.path)("init")

    for exp in ("fast", "slow", "open"):
        theirs = GitExp(git.path)("log", exp, "--json").json["records"]
        assert theirs == GitExp(owned / "clone")("log", exp, "--json").json["records"]
        assert len(theirs) > 3
    for commit in git("for-each-ref", "--format=%(objectname)", "refs/exp").split():
        git("rev-list", "--objects", "--quiet", commit)


# --- the owner's own clone ------------------------------------------------------------------


@pytest.fixture
def owners(owned: Path, worlds: Path, tmp_path: Path) -> tuple[World, World]:
    """The owner's clone, and the same as it would be had there never been an experiment."""
    made = []
    for name in ("with", "without"):
        world = World(tmp_path / "owners" / name)
        shutil.copytree(owned / "clone", world.git.path, symlinks=True)
        shutil.copytree(worlds / name / "remote.git", world.remote.path, symlinks=True)
        world.git("remote", "set-url", "origin", f"file://{world.remote.path}")
        world.git("worktree", "prune")  # the copy has no checkouts
        made.append(world)
    git = made[1].git
    GitExp(git.path)("init", "--undo")
    for ref in git("for-each-ref", "--format=%(refname)", "refs/notes", "refs/exp").split():
        git("update-ref", "-d", ref)
    shutil.rmtree(git.path / ".git" / "exp")
    return made[0], made[1]


@pytest.mark.parametrize("name", ["merge", "rebase", "push", "pull", "prune", "set aside"])
def test_in_the_owners_clone_plain_git_does_what_it_did(
    owners: tuple[World, World], name: str
) -> None:
    ours, plain = owners

    expected = [(a.args, a.status, a.stdout) for a in plain.answers(SEQUENCES[name])]
    found = [(a.args, a.status, a.stdout) for a in ours.answers(SEQUENCES[name])]

    assert found == expected
    assert ours.state() == plain.state()


def test_in_the_owners_clone_housekeeping_loses_nothing(owners: tuple[World, World]) -> None:
    world = owners[0]
    exp = GitExp(world.git.path)
    before = {name: exp("log", name, "--json").stdout for name in ("fast", "slow", "open")}
    own = world.git("for-each-ref", "refs/notes", "refs/exp")

    for args in (*SEQUENCES["keep house"], ("fetch", "--prune"), ("remote", "prune", "origin")):
        (answer,) = world.answers((args,))
        assert answer.status == 0, answer

    assert world.git("for-each-ref", "refs/notes", "refs/exp") == own
    assert {name: exp("log", name, "--json").stdout for name in before} == before


def test_in_the_owners_clone_branches_show_experiments_and_no_evidence(
    owners: tuple[World, World],
) -> None:
    git = owners[0].git

    assert git("branch", "--all", "--format=%(refname)").split() == [
        "refs/heads/exp/open",
        "refs/heads/main",
        "refs/remotes/origin/exp/open",
        "refs/remotes/origin/main",
    ]
    assert git("status", "--porcelain", "--ignored") == ""
    assert git("notes", "list") == ""
    for line in git("log", "--branches", "--remotes", "--decorate=full", "--oneline").splitlines():
        assert "refs/notes" not in line
        assert "refs/exp" not in line
