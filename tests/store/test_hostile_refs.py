"""Anybody who may push can point refs of our names at anything: reading says so and goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gitexp import refs
from gitexp.cli.main import main
from gitexp.model import ExperimentId
from gitexp.store.store import Store
from tests.cli.scenes import prepare, refused, start
from tests.store.hostile import THINGS
from tests.support import GitExp, GitIn

FAST = ExperimentId("fast")
OWN = "refs/notes/exp/fast/ann"
PLACES = {
    "own": OWN,
    "own-archive": "refs/exp/archive/fast/ann",
    "fetched": "refs/notes/remotes/origin/exp/fast/bob",
    "fetched-archive": "refs/exp/remotes/origin/archive/fast/bob",
    "lane-begun-elsewhere": "refs/notes/remotes/origin/exp/fast/ci-1",
}
READERS = ("status", "log", "show", "analyze")
LARGE = {"many_files", "many_notes", "huge_note"}
"""They take seconds, wherever they are."""


@pytest.fixture(scope="session")
def measured(repository_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fast` with one block of ann's, and its journal forgotten: git alone has the records."""
    folder = tmp_path_factory.mktemp("hostile") / "repo"
    shutil.copytree(repository_template, folder, symlinks=True)
    git = GitIn(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann")
        prepare(git)
        start(git)
        for arm, value in (("control", "20"), ("treatment", "10")):
            _record(folder, arm, value, block=1)
        Store.open(folder).flush()
    shutil.rmtree(folder / ".git" / "exp" / "journal")
    return folder


@pytest.fixture
def git(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitIn:
    folder = tmp_path / "repo"
    shutil.copytree(measured, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITEXP_WRITER", "ann")
    return GitIn(folder)


def _record(folder: Path, arm: str, value: str, *, block: int) -> None:
    GitExp(folder)("record", "fast", "--arm", arm, "-m", f"score={value}", "--block", str(block))


def _point(git: GitIn, ref: str, oid: str) -> None:
    """Without asking git, which would refuse some of this."""
    path = git.path / ".git" / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{oid}\n")


def _says(*args: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The answer of a command that goes well, run in this process."""
    status = main([*args, "--json"])
    said = capsys.readouterr()
    assert (status, said.err) == (0, "")
    answer: dict[str, object] = json.loads(said.out)
    return answer


def _problems(git: GitIn) -> set[str]:
    return {problem.kind for problem in Store.open(git.path).read(FAST).problems}


CASES = [
    *((thing, place) for thing in THINGS.keys() - LARGE for place in PLACES),
    *((thing, "own") for thing in LARGE),
]


@pytest.mark.parametrize(("thing", "place"), sorted(CASES))
def test_whatever_a_ref_is_everything_reads_on_and_records_are_kept(
    git: GitIn,
    thing: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _point(git, PLACES[place], THINGS[thing](git))
    # own records cannot be read where own notes are gone: the plan is on the branch
    is_gone = place == "own"

    for reader in READERS:
        answer = _says(reader, "fast", capsys=capsys)
        if reader == "log" and not is_gone:
            assert len(answer["records"]) == 4  # type: ignore[arg-type]
    if place == "lane-begun-elsewhere":
        monkeypatch.setenv("GITEXP_WRITER", "ci-1")
    made = _says(*("record", "fast", "--arm", "control", "-m", "score=21"), capsys=capsys)

    store = Store.open(git.path)
    assert made["id"] in {record.id for record in store.read(FAST).records}
    assert store.journal.is_empty
    name = refs.notes(FAST, store.writer)
    assert str(made["id"]) in git("log", "-1", "-p", "--format=", name)


@pytest.mark.parametrize("place", ["own", "fetched"])
@pytest.mark.parametrize("thing", sorted(THINGS.keys() - LARGE - {"tree", "lying_message"}))
def test_what_is_no_note_is_reported(git: GitIn, thing: str, place: str) -> None:
    _point(git, PLACES[place], THINGS[thing](git))

    assert _problems(git) & {"missing-object", "foreign-entry", "foreign-line", "huge-blob"}


@pytest.mark.parametrize("blocking", ["refs/notes/exp", "refs/notes/exp/fast", f"{OWN}/x"])
def test_a_ref_in_the_way_is_named_and_records_wait_for_it_to_go(git: GitIn, blocking: str) -> None:
    before = len(Store.open(git.path).read(FAST).records)
    shutil.rmtree(git.path / ".git" / "logs")
    tip = git.id(OWN)
    git("update-ref", "-d", OWN)
    git("update-ref", blocking, tip)

    _record(git.path, "control", "21", block=2)
    problem = Store.open(git.path).read(FAST).problems[0]
    stopped = GitExp(git.path)("rollback", "fast", "--yes", check=False)

    assert (problem.kind, problem.text.split()[0]) == ("not-flushed", blocking)
    refused(stopped, 6, f"git update-ref -d {blocking}")
    git("update-ref", "-d", blocking)
    git("update-ref", OWN, tip)
    assert len(Store.open(git.path).read(FAST).records) == before + 1
    assert Store.open(git.path).journal.is_empty


def test_a_symbolic_ref_under_our_names_moves_nobodys_branch(git: GitIn) -> None:
    before = git.id("main")
    git("update-ref", "-d", OWN)
    git("symbolic-ref", OWN, "refs/heads/main")

    _record(git.path, "control", "21", block=2)
    found = Store.open(git.path).read(FAST)

    assert git.id("main") == before
    assert len(found.records) == 1  # the journal of the others was forgotten
    assert git.id(OWN) != before


def test_names_that_are_not_ours_are_left_alone(
    git: GitIn, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _says("status", "--all", capsys=capsys)
    tip = git.id(OWN)
    for name in (
        *("refs/notes/exp/FAST/ann", "refs/notes/exp/fast/Ann"),
        *("refs/notes/remotes/origin/exp/Fast/bob", "refs/notes/remotes/origin/fast/bob"),
        *("refs/exp/archive/FAST/ann", "refs/exp/other/fast/ann", "refs/notes/exp/con/ann"),
    ):
        git("update-ref", name, tip)

    after = _says("status", "--all", capsys=capsys)

    assert after["experiments"] == before["experiments"]
    assert len(_says("log", "fast", capsys=capsys)["records"]) == 4  # type: ignore[arg-type]


def test_records_without_a_plan_hold_nothing_else_up(
    git: GitIn, capsys: pytest.CaptureFixture[str]
) -> None:
    git("update-ref", "refs/notes/remotes/origin/exp/ghost/bob", OWN)

    rows = _says("status", "--all", capsys=capsys)["experiments"]
    answer = GitExp(git.path)("log", "ghost", check=False)

    assert [row["id"] for row in rows] == ["fast"]  # type: ignore[attr-defined]
    refused(answer, 128, "records of ghost are here, but no plan", "git exp sync")
