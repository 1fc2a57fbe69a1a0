"""Experiments in real repositories, and a whole repository as one value to compare."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from gitexp.app.load import load
from gitexp.app.opening import open_store
from gitexp.app.promote import Promotion, promote
from gitexp.app.restore import Restoration, restore
from gitexp.app.rollback import Rollback, roll_back
from gitexp.changes import PromotionText, creation_changes
from gitexp.codec import canonical, plan_hash
from gitexp.decision import MayPromote
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, ExperimentId, Oid, Plan, Revision, State, Verdict
from gitexp.store.apply import Applied, apply
from gitexp.store.store import Store
from tests.making import BASE
from tests.support import GitIn

EXP = ExperimentId("fast")
BRANCH = "refs/heads/exp/fast"
MAIN = "refs/heads/main"
ALLOWED = MayPromote(verdict=Verdict.BETTER, decided=None, override=None)
SAID = PromotionText(
    result="treatment −4.5 % (95 % repeated interval −8.0 % … −0.9 %)",
    effect="−4.5 %",
    interval="−8.0 % … −0.9 %",
    blocks="10 of 20",
    goal=None,
)
DATES = {
    "GIT_AUTHOR_DATE": "2026-01-06T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-06T09:00:00Z",
    "GITEXP_WRITER": "ann-1",
}
"""With these the same steps make the same commits."""


def plan_for(git: GitIn, exp: str = EXP, *, target: str = MAIN) -> Plan:
    """A plan whose base is where the target is."""
    return changed(BASE, id=ExperimentId(exp), base=Oid(git.id(target)), target=target)


def create(
    folder: Path,
    plan: Plan,
    *,
    carry: tuple[ExperimentId, Oid] | None = None,
    checkout: bool = True,
    worktree: Path | None = None,
) -> Applied:
    """The experiment with this plan, made."""
    text = canonical(plan)
    return apply(
        open_store(folder),
        creation_changes(
            plan,
            canonical=text,
            plan_hash=plan_hash(text),
            carry=carry,
            checkout=checkout,
            worktree=None if worktree is None else str(worktree),
        ),
    )


def begin(git: GitIn) -> None:
    """An experiment on `git`'s main with a change in it, decided; the user stands on it."""
    create(git.path, plan_for(git))
    git.commit(
        "Try a table", {"src/lib.txt": "one\ntwo\nthree\nfour\n", "src/new/table.txt": "t\n"}
    )
    decide(git)


def decide(git: GitIn, exp: ExperimentId = EXP) -> None:
    """Record that the branch as it is was found better."""
    store = open_store(git.path)
    found = load(store, exp).experiment
    trees = [Oid(git.id(f"{rev}^{{tree}}")) for rev in ("main", f"exp/{exp}")]
    body = Decided(
        verdict=Verdict.BETTER,
        revision=Revision(trees[0], trees[1]),
        control=Oid(git.id("main")),
        treatment=Oid(git.id(f"exp/{exp}")),
        blocks=10,
        effect=-0.045,
        interval=(-0.08, -0.009),
        level=0.95,
    )
    assert found.plan_commit is not None
    store.record(exp, found.plan_hash, body, target=found.plan_commit)
    store.flush()


def experiment(folder: Path, exp: ExperimentId = EXP) -> Experiment:
    return load(open_store(folder), exp).experiment


def state(folder: Path) -> State:
    return experiment(folder).state


def do_promote(
    folder: Path, *, permission: MayPromote = ALLOWED, into: str | None = None
) -> Promotion:
    """Promote what the branch is."""
    store = open_store(folder)
    found = load(store, EXP)
    tip = found.tip or Oid("0" * 40)
    return promote(store, found.experiment, permission, tip=tip, said=SAID, into=into)


def do_roll_back(folder: Path, reason: str = "slower under load") -> Rollback:
    store = open_store(folder)
    return roll_back(store, load(store, EXP).experiment, reason=reason, result="treatment +3.0 %")


def do_restore(folder: Path) -> Restoration:
    store = open_store(folder)
    return restore(store, load(store, EXP).experiment)


@dataclass(frozen=True)
class Snapshot:
    """Everything of a repository that users can see."""

    branches: tuple[str, ...]
    heads: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    config: str
    story: tuple[str, ...]


def snapshot(git: GitIn) -> Snapshot:
    """The repository as it is: branches, worktrees, files, configuration and what is recorded."""
    common = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    tops = [
        Path(line.removeprefix("worktree "))
        for line in git("worktree", "list", "--porcelain").splitlines()
        if line.startswith("worktree ")
    ]
    trees = [GitIn(top) for top in tops if (top / ".git").exists()]
    listing = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
    return Snapshot(
        branches=tuple(listing.splitlines()),
        heads=tuple((str(g.path), head(g)) for g in trees or [git]),
        statuses=tuple((str(g.path), g("status", "--porcelain", "--ignored")) for g in trees),
        files=tuple(_files(trees)),
        config=(common / "config").read_text(),
        story=_story(git),
    )


def head(git: GitIn) -> str:
    """The branch HEAD names, or the commit."""
    return git("symbolic-ref", "--quiet", "HEAD", check=False) or git.id("HEAD")


def own_refs(git: GitIn) -> str:
    return git("for-each-ref", "refs/notes", "refs/exp")


def _story(git: GitIn) -> tuple[str, ...]:
    """What the records say, without when."""
    store = Store.open(git.path)
    told = []
    for exp in store.experiment_ids():
        evidence = store.read(exp)
        assert evidence.problems == ()
        told += [f"{exp} {record.body!r}" for record in evidence.records]
    return tuple(sorted(told))


def _files(trees: list[GitIn]) -> Iterator[tuple[str, str]]:
    for tree in trees:
        for folder, folders, names in os.walk(tree.path):
            if ".git" in folders:
                folders.remove(".git")
            folders.sort()
            for name in sorted(names):
                if name != ".git":
                    yield str(Path(folder) / name), _content(Path(folder) / name)
            if not folders and not names:
                yield folder, "an empty folder"


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return f"{path.stat().st_mode:o} {path.read_text()}"


def litter(git: GitIn) -> list[str]:
    """Files that an interrupted command would have left in the git dir."""
    common = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    names = [path.relative_to(common) for path in common.rglob("*")]
    return [
        str(name)
        for name in names
        if (name.suffix == ".lock" and name.parts[0] != "exp")
        or name.name in ("pending.json", "packed-refs.new")
    ]


def assert_sound(git: GitIn) -> None:
    """git finds nothing wrong, and nothing is left lying about."""
    assert litter(git) == []
    git("fsck", "--strict", "--no-dangling", "--no-progress")
    assert "gitexp-" not in git("worktree", "list")
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).glob("gitexp/building/*"))
