"""Smudge filters, line ends and encodings in the arms' checkouts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gitexp.errors import GitexpError, Refused
from gitexp.model import ExperimentId, Oid
from gitexp.runner.process import Launcher
from gitexp.runner.worktree import Checkout, Recipe, Worktrees, default_base
from gitexp.store.git import Git
from tests.support import GitIn

EXP = ExperimentId("fast")

PROCESS = """
import sys

def packet():
    size = int(sys.stdin.buffer.read(4) or b"0", 16)
    return sys.stdin.buffer.read(size - 4) if size else None

def packets():
    return list(iter(packet, None))

def send(*texts):
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        sys.stdout.buffer.write(b"%04x" % (len(data) + 4) + data)
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()

packets()
send("git-filter-server\\n", "version=2\\n")
packets()
send("capability=clean\\n", "capability=smudge\\n")
while True:
    head = packets()
    if not head:
        break
    content = b"".join(packets())
    if b"command=smudge\\n" in head and b"refuse" in content:
        send("status=error\\n")
        continue
    send("status=success\\n")
    send(content.upper() if b"command=smudge\\n" in head else content.lower())
    send()
"""
"""A long-running filter: capitals in the worktree; it fails on a file that says `refuse`."""


@pytest.fixture
def process(tmp_path: Path) -> str:
    """The command of the long-running filter."""
    program = tmp_path / "process.py"
    program.write_text(PROCESS)
    return f"{sys.executable} {program}"


Open = Callable[..., AbstractContextManager[Checkout]]


@pytest.fixture
def arm(git: GitIn, launcher: Launcher, env: dict[str, str]) -> Open:
    """Opens the checkout of HEAD, or of what a recipe says."""

    def opened(**recipe: object) -> AbstractContextManager[Checkout]:
        found = Git.open(git.path)
        worktrees = Worktrees(
            found,
            common_dir=found.common_dir,
            user_checkout=found.top,
            base=default_base(os.environ),
        )
        head = Oid(git.id("HEAD"))
        base = {"commit": head, "tree": Oid(git.id("HEAD^{tree}")), "control": head}
        return worktrees.checkout(
            EXP,
            Recipe(**base | recipe),  # type: ignore[arg-type]
            launcher=launcher,
            env=env,
        )

    return opened


def files(folder: Path) -> dict[str, bytes]:
    """Every file but git's own, as bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def checked_out_by_user(git: GitIn, *, keep: str) -> dict[str, bytes]:
    """What a checkout of HEAD gives in the user's worktree, which has one file already."""
    for path in filter(None, git("ls-files", "-z").split("\0")):
        if path != keep:
            (git.path / path).unlink()
    git("reset", "--quiet", "--hard")
    return files(git.path)


SETTINGS: dict[str, tuple[str, dict[str, str]]] = {
    "smudge": ("*.txt filter=up", {"filter.up.smudge": "tr a-z A-Z", "filter.up.clean": "cat"}),
    "required": (
        "*.txt filter=up",
        {
            "filter.up.smudge": "tr a-z A-Z",
            "filter.up.clean": "tr A-Z a-z",
            "filter.up.required": "true",
        },
    ),
    "by name": (
        "*.txt filter=name",
        {"filter.name.smudge": "sed 's:^:%f :'", "filter.name.clean": "cat"},
    ),
    "failing": ("*.txt filter=bad", {"filter.bad.smudge": "false", "filter.bad.clean": "cat"}),
    "unknown": ("*.txt filter=nobody", {}),
    "program of the project": (
        "*.txt filter=own",
        {
            "filter.own.smudge": "tools/up.sh",
            "filter.own.clean": "cat",
            "filter.own.required": "true",
        },
    ),
    "odd name": (
        "*.txt filter=a.b",
        {"filter.a.b.smudge": "tr a-z A-Z", "filter.a.b.clean": "cat"},
    ),
    "eol": ("*.txt text eol=crlf", {}),
    "autocrlf": ("*.txt text=auto", {"core.autocrlf": "true"}),
    "encoding": ("*.txt text working-tree-encoding=UTF-16LE", {}),
    "ident": ("*.txt ident", {}),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_files_are_as_in_the_users_checkout(git: GitIn, arm: Open, name: str) -> None:
    attributes, settings = SETTINGS[name]
    git.commit("plain", {"a.txt": "some text $Id$\n", "sub/b c.txt": "more\n"})
    git.write("tools/up.sh", "#!/bin/sh\ntr a-z A-Z\n").chmod(0o755)
    git.write("to-a.txt", "").unlink()
    (git.path / "to-a.txt").symlink_to("a.txt")
    for key, value in settings.items():
        git("config", key, value)
    git.write(".gitattributes", f"{attributes}\n")
    git("add", ".gitattributes", "tools", "to-a.txt")
    git("commit", "--quiet", "-m", "Filter")
    expected = checked_out_by_user(git, keep=settings.get("filter.own.smudge", ""))

    with arm() as made:
        assert files(made.path) == expected
        assert (made.path / "to-a.txt").is_symlink()


def test_a_long_running_filter_is_at_work(git: GitIn, arm: Open, process: str) -> None:
    git("config", "filter.up.process", process)
    git("config", "filter.up.required", "true")
    git.commit("Filter", {".gitattributes": "*.txt filter=up\n", "a.txt": "a\n", "b.txt": "b\n"})

    with arm() as made:
        assert (made.path / "a.txt").read_text() == "A\n"
        assert (made.path / "b.txt").read_text() == "B\n"
        assert GitIn(made.path)("status", "--porcelain") == ""


def test_attributes_of_the_clone_alone_count(git: GitIn, arm: Open) -> None:
    git("config", "filter.up.smudge", "tr a-z A-Z")
    attributes = git.path / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("README filter=up\n")

    with arm() as made:
        assert (made.path / "README").read_text() == "A SMALL PROGRAM\n"


def test_a_sparse_checkout_stays_sparse(git: GitIn, arm: Open) -> None:
    git("config", "filter.up.smudge", "tr a-z A-Z")
    git.commit("Filter", {".gitattributes": "*.txt filter=up\n", "a.txt": "a\n"})
    git("sparse-checkout", "set", "--no-cone", "/*", "!/src")

    with arm() as made:
        assert (made.path / "a.txt").read_text() == "A\n"
        assert not (made.path / "src").exists()


def test_a_harness_passes_the_filters(git: GitIn, arm: Open) -> None:
    git("config", "filter.up.smudge", "tr a-z A-Z")
    git("config", "filter.up.clean", "tr A-Z a-z")
    git("config", "filter.up.required", "true")
    control = git.commit("Filter", {".gitattributes": "*.txt filter=up\n", "h/a.txt": "a\n"})
    tree = git.id("HEAD^{tree}")
    git.commit("Cheat", {"h/a.txt": "cheat\n", "h/b.txt": "b\n"})

    with arm(control=control, tree=tree, harness=("h",)) as made:
        assert (made.path / "h/a.txt").read_text() == "A\n"
        assert not (made.path / "h/b.txt").exists()


# --- refusals -------------------------------------------------------------------------------


def required(git: GitIn, smudge: str | None) -> None:
    """`b.txt` goes through a filter that must not fail."""
    git("config", "filter.must.clean", "cat")
    git("config", "filter.must.required", "true")
    if smudge is not None:
        git("config", "filter.must.smudge", smudge)
    git.commit("Filter", {".gitattributes": "b.txt filter=must\n", "a.txt": "a\n", "b.txt": "b\n"})


@pytest.mark.parametrize(
    ("smudge", "said"),
    [
        ("sh -c 'echo the key is missing >&2; exit 3'", "the key is missing"),
        ("no-such-program", "cannot run no-such-program"),
        (None, "it has no command for checking files out"),
    ],
)
def test_a_required_filter_that_fails_is_refused_by_name(
    git: GitIn, arm: Open, smudge: str | None, said: str
) -> None:
    required(git, smudge)

    with pytest.raises(Refused, match=f"filter 'must', .* fails on 'b.txt': .*{said}") as caught:
        arm().__enter__()

    git("config", "filter.must.smudge", "tr a-z A-Z")
    by_hand = caught.value.hint.partition(": git ")[2].split()
    assert git(*by_hand) == "B"
    with arm() as made:
        assert (made.path / "b.txt").read_text() == "B\n"


def test_a_required_process_that_fails_is_refused_by_name(
    git: GitIn, arm: Open, process: str
) -> None:
    git("config", "filter.up.process", process)
    git.commit("Filter", {".gitattributes": "*.txt filter=up\n", "a.txt": "a\n", "b.txt": "refuse"})
    with arm() as made:  # not required: as it is in git
        assert (made.path / "b.txt").read_text() == "refuse"
    git.commit("Begin anew")
    git("config", "filter.up.required", "true")

    with pytest.raises(Refused, match=r"filter 'up', .* fails on 'b\.txt'"):
        arm().__enter__()


def test_a_filter_that_fails_on_the_harness_is_refused_by_name(git: GitIn, arm: Open) -> None:
    required(git, "sh -c 'if grep control; then exit 3; fi'")
    control = git.commit("Control", {"b.txt": "control\n"})
    tree = git.id("HEAD^{tree}")
    git.commit("Treatment", {"b.txt": "treatment\n"})

    with pytest.raises(Refused, match=r"filter 'must', .* fails on 'b\.txt'"):
        arm(control=control, tree=tree, harness=("b.txt",)).__enter__()


def test_a_failure_that_is_no_filters_keeps_its_reason(git: GitIn, arm: Open) -> None:
    git("config", "filter.up.smudge", "tr a-z A-Z")
    git.commit("Filter", {".gitattributes": "*.txt filter=up\n", "a.txt": "lost\n"})
    blob = git.id("HEAD:a.txt")
    (git.path / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(GitexpError, match="git reset failed") as caught:
        arm().__enter__()
    assert not isinstance(caught.value, Refused)


def test_a_filter_that_fails_in_a_submodule_is_refused_by_name(
    git: GitIn, arm: Open, tmp_path: Path
) -> None:
    lib = GitIn(tmp_path / "lib")
    lib.path.mkdir()
    lib("init", "--quiet")
    lib.commit("Begin", {".gitattributes": "b.txt filter=must\n", "b.txt": "b\n"})
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(lib.path), "lib")
    git("config", "filter.up.smudge", "tr a-z A-Z")  # has nothing to do with a submodule
    git.commit("Use it", {".gitattributes": "* filter=up\n"})
    inside = GitIn(git.path / "lib")
    inside("config", "filter.must.clean", "cat")
    inside("config", "filter.must.required", "true")
    inside("config", "filter.must.smudge", "false")

    with pytest.raises(Refused, match=r"filter 'must', .* fails on 'lib/b\.txt'"):
        arm().__enter__()

    inside("config", "filter.must.smudge", "tr a-z A-Z")
    with arm() as made:
        assert (made.path / "lib/b.txt").read_text() == "B\n"


# --- the real git-lfs -----------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed here")
def test_large_files_are_there_or_refused_by_name(git: GitIn, arm: Open, tmp_path: Path) -> None:
    git("lfs", "install", "--local", "--skip-repo")
    git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    git("remote", "add", "origin", f"file://{tmp_path}/remote.git")
    git.commit("Large", {".gitattributes": "*.bin filter=lfs diff=lfs -text\n", "big.bin": "x" * 9})

    with arm() as made:
        assert (made.path / "big.bin").read_text() == "x" * 9
        assert GitIn(made.path)("status", "--porcelain") == ""

    git.commit("Lost", {"big.bin": "y" * 9})
    shutil.rmtree(git.path / ".git" / "lfs" / "objects")
    with pytest.raises(Refused, match=r"filter 'lfs', .* fails on 'big\.bin': .*rror"):
        arm().__enter__()
