"""File names that are no text, in every place a name can be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.scenes import CREATE, trials
from tests.support import GitExp, GitIn

NAMES = [b"caf\xe9.txt", b"\xff\xfe", b"line\nbreak", b'quo"te', b"-dash", b"\xe2\x80\xaetxt.exe"]


def at(top: Path, name: bytes) -> Path:
    return top / os.fsdecode(name)


@pytest.mark.parametrize("name", NAMES, ids=map(ascii, NAMES))
def test_a_change_to_such_a_file(repo: Path, git: GitIn, name: bytes) -> None:
    at(repo, name).write_bytes(b"20\n")
    bench = 'echo "METRIC score=$(cat -- ./*[!h] | grep -x "[0-9]*" | tail -1).$GITEXP_BLOCK"\n'
    git.write("bench.sh", f"#!/bin/sh\nrm -f README speed\n{bench}").chmod(0o755)
    git.commit("Have such a file")
    exp = GitExp(repo)
    exp(*CREATE, "--run", "./bench.sh")
    at(repo, name).write_bytes(b"10\n")
    git.commit("Change it")

    exp("run", "--blocks", "1", "--json")
    exp("show", "fast")
    plan = exp("promote", "--dry-run", "--override", "it is small", check=False)
    exp("promote", "--override", "it is small")

    assert "Traceback" not in plan.stderr
    assert len(trials(git)) == 2
    assert at(repo, name).read_bytes() == b"10\n"
    exp("rollback", "fast", "--reason", "not worth it")
    assert at(repo, name).read_bytes() == b"20\n"
    git("fsck", "--strict")


@pytest.mark.parametrize("name", NAMES, ids=map(ascii, NAMES))
def test_such_a_file_in_the_way_is_kept(repo: Path, git: GitIn, name: bytes) -> None:
    exp = GitExp(repo)
    exp(*CREATE, "--run", "./bench.sh")
    at(repo, name).write_bytes(b"theirs\n")
    git.commit("Add such a file")
    git("switch", "--quiet", "main")
    at(repo, name).write_bytes(b"mine, not committed\n")

    result = exp("promote", "fast", "--override", "it is small", check=False)

    assert result.status == 6, result.stderr
    assert "Traceback" not in result.stderr
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["error", "hint"]
    assert not any(ord(c) < 32 or c == "\u202e" for c in result.stderr.replace("\n", ""))
    assert at(repo, name).read_bytes() == b"mine, not committed\n"
