"""Text from strangers, followed to wherever it comes out: terminals, and the arguments of git.

Every text a record can hold, every text a user can type and every name git allows gets a mark with
it that a terminal would obey, a shell would run and git would take for an option. Then all commands
are run, with a `git` before the real one that writes down how it was called.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp.codec import decode, ulid
from tests.cli.scenes import CREATE
from tests.support import GitExp, GitIn, Result

MARK = "\x1b]0;owned\x07\u202e\x9b31m"
EVIL = f"--upload-pack=touch pwned;$(touch pwned)`touch pwned`{MARK}"
WRITER = "bob-1"
READING: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "--all"),
    ("status", "fast"),
    ("status", "--porcelain=v1"),
    ("show", "fast"),
    ("log", "fast"),
    ("analyze", "fast"),
    ("analyze", "fast", "--verbose"),
    ("monitor",),
    ("doctor",),
    ("auto", "--dry-run"),
    ("promote", "fast", "--dry-run"),
    ("rollback", "fast", "--dry-run", "--reason", EVIL),
    ("hooks", "status"),
    ("export", "fast", "--format", "markdown"),
    ("export", "fast", "--format", "csv"),
    ("export", "fast", "--format", "go"),
    ("sync", "--dry-run"),
    ("compact", "fast", "--dry-run"),
)
JSON: tuple[tuple[str, ...], ...] = (
    ("status", "--json"),
    ("show", "fast", "--json"),
    ("log", "fast", "--json"),
    ("analyze", "fast", "--json"),
    ("monitor", "--json"),
    ("doctor", "--json"),
    ("export", "fast"),
)
CALLED = """#!/bin/sh
{ for word; do printf '%s\\0' "$word"; done; printf '\\1'; } >>"$GIT_CALLS"
exec "$REAL_GIT" "$@"
"""
TAKE_VALUES = {"-m", "-F", "--message", "--format", "-c", "--git-dir", "--work-tree", "-C"}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the arguments of every git our programs start."""
    real = shutil.which("git")
    assert real is not None
    folder = tmp_path / "before-git"
    folder.mkdir()
    (folder / "git").write_text(CALLED)
    (folder / "git").chmod(0o755)
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("GIT_CALLS", str(log))
    monkeypatch.setenv("REAL_GIT", real)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


def is_obeyed(character: str) -> bool:
    """Whether a terminal would do something else than show it."""
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def harmless(result: Result) -> None:
    told = f"{result.args}\n{result.stdout!r}\n{result.stderr!r}"
    assert "Traceback" not in result.stderr, told
    obeyed = {c for c in result.stdout + result.stderr if is_obeyed(c)} - {"\t"}
    assert not obeyed, f"{obeyed}: {told}"


def assert_no_options(calls: Path) -> int:
    """No text of a stranger stands where git looks for options; how often one reached git."""
    count = 0
    for call in calls.read_text(errors="surrogateescape").split("\1")[:-1]:
        words = call.split("\0")[:-1]
        for at, word in enumerate(words):
            if "upload-pack=touch" in word:
                count += 1
                before = words[:at]
                is_value = before[-1:] and before[-1] in TAKE_VALUES
                is_path = {"--", "--end-of-options"} & {*before}
                assert is_value or is_path or not word.startswith("-"), words
    return count


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all strings in a JSON value."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from leaves(each, (*path, at))


def keys(value: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The places of all objects within a JSON object whose keys could be anything."""
    for key, each in value.items():
        if isinstance(each, dict):
            yield (key,)


def marked(record: dict[str, Any]) -> Iterator[bytes]:
    """The record once for each of its texts and keys, replaced, where that is a record still."""
    for at in [*leaves(record), *keys(record)]:
        forged = copy.deepcopy(record)
        place = forged
        for key in at[:-1]:
            place = place[key]
        if isinstance(place[at[-1]], str):
            place[at[-1]] = EVIL
        else:
            place[at[-1]] = dict.fromkeys([EVIL], next(iter(place[at[-1]].values()), 1))
        forged["id"] = ulid(1_800_000_000_000, os.urandom(10))
        forged["writer"] = WRITER
        line = json.dumps(forged, sort_keys=True, separators=(",", ":"))
        try:
            decode(line.encode())
        except ValueError:
            continue
        yield line.encode()


def lines(git: GitIn, name: str) -> list[str]:
    blobs = [line.split()[2] for line in git("ls-tree", "-r", name).splitlines()]
    texts = [git("cat-file", "blob", blob) for blob in blobs]
    return [line for text in texts for line in text.splitlines() if line.startswith("{")]


def test_text_in_records_of_strangers(ready: GitIn, calls: Path) -> None:
    exp = GitExp(ready.path)
    exp("run", "--blocks", "2")
    exp("record", "fast", "--arm", "control", "-m", "score=1", "--trial-id", "by-hand")
    exp("retract", first_trial(exp), "--reason", "asleep")
    exp("promote", "--override", "it is small")
    exp("rollback", "fast", "--reason", "slower")
    exp("restore", "fast")
    found = lines(ready, "refs/notes/exp/fast/ann")
    forged = [line for text in found for line in marked(json.loads(text))]
    texts = "".join(f"{line.decode()}\n" for line in numbered(forged))
    ready("notes", f"--ref=refs/notes/exp/fast/{WRITER}", "add", "-F", "-", "main", stdin=texts)
    assert sum(b"upload-pack" in line for line in forged) >= 8

    for args in READING:
        harmless(exp(*args, check=False))
    for args in JSON:
        answer = exp(*args, check=False)
        assert "Traceback" not in answer.stderr
        assert json.loads(answer.stdout)
        assert not any(is_obeyed(c) for c in answer.stdout)

    shown = exp("log", "fast", check=False).stdout
    assert "\\x1b]0;owned" in shown
    assert_no_options(calls)
    assert not [*ready.path.rglob("pwned")]


def first_trial(exp: GitExp) -> str:
    records = exp("log", "fast", "--json").json["records"]
    return str(next(record["id"] for record in records if record["kind"] == "trial"))


def numbered(forged: list[bytes]) -> Iterator[bytes]:
    """The same, each with a number of its own as the writer's records have."""
    for number, line in enumerate(forged):
        record = json.loads(line) | {"seq": number + 1}
        text = json.dumps(record, sort_keys=True, separators=(",", ":"))
        yield text.encode()


def test_text_that_users_type_and_names_that_git_allows(
    repo: Path, git: GitIn, tmp_path: Path, calls: Path
) -> None:
    odd = "ma\u202ein;$(touch${IFS}pwned)"
    remote = tmp_path / f"remote {MARK.replace('/', '')}.git"
    git("init", "--quiet", "--bare", str(remote))
    git("config", "user.name", f"Ann {EVIL}")
    git("config", "remote.--upload-pack=touch pwned.url", str(remote))
    git("config", f"remote.there{odd}.url", str(remote))
    git("update-ref", "refs/heads/--upload-pack=touch", "main")
    git("update-ref", "refs/heads/exp/--upload-pack=touch", "main")
    git("update-ref", "refs/heads/exp/$(touch${IFS}pwned)", "main")
    git("branch", odd, "main")
    git("switch", "--quiet", odd)
    exp = GitExp(repo)

    create = [word if word != CREATE[3] else f"{EVIL} 10 %" for word in CREATE]
    more = ("--description", EVIL, "--run", f"./bench.sh # {MARK}")
    harmless(exp(*create, *more))
    (repo / os.fsdecode(b"--upload-pack=touch\x1b[31m\xff")).write_text("x\n")
    git.commit(f"A change {EVIL}", {"speed": "10\n", "--upload-pack=touch pwned": "x\n"})
    for args in (
        ("record", "fast", "--arm", "control", "-m", "score=1", "--trial-id", EVIL),
        ("record", "--for", EVIL, "-m", "liked=1"),
        ("retract", EVIL, "--reason", EVIL),
        ("retract", EVIL, "--reason", EVIL),
        ("run", "fast", "--blocks", "1"),
        ("run", EVIL),
        ("show", EVIL),
        ("log", f"x{EVIL}"),
        ("create", EVIL, "--hypothesis", EVIL),
        ("create", "new", "--hypothesis", "x", "--base", EVIL),
        ("create", "new", "--hypothesis", "x", "--base", "--upload-pack=touch"),
        ("create", "new", "--hypothesis", "x", "--harness", EVIL, "--link", EVIL),
        ("create", "new", "--hypothesis", "x", "--metric", EVIL, "--test", EVIL),
        ("create", "new", "--hypothesis", "x", "--worktree", f"{tmp_path}/{MARK}", "--id", EVIL),
        ("import", "fast", EVIL),
        ("export", "fast", "--output", f"{tmp_path}/no/{EVIL}"),
        ("sync", f"there{odd}"),
        ("sync", EVIL),
        ("sync", "--upload-pack=touch pwned"),
        ("compact", "fast", EVIL),
        ("handover", EVIL),
        ("init", EVIL),
        ("trust", EVIL),
        ("promote", "fast", "--override", EVIL),
        *READING,
        ("rollback", "fast", "--reason", EVIL),
        *READING,
        ("restore", "fast"),
        (EVIL,),
        ("status", f"--{MARK}"),
    ):
        harmless(exp(*args, check=False))

    assert assert_no_options(calls) > 5
    assert not [*repo.rglob("pwned"), *tmp_path.glob("pwned")]
    git("fsck", "--strict", "--no-dangling")
