"""Endings that clones brought about without knowing of each other: all come to a stated end."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gitexp.app.analyze import settle, view_of
from gitexp.app.load import load
from gitexp.app.next_steps import next_commands
from gitexp.app.promote import Promotion
from gitexp.app.restore import Restoration
from gitexp.app.rollback import Rollback, roll_back
from gitexp.errors import Refused
from gitexp.model import State, Verdict
from gitexp.store.store import Store
from tests.apply.lab import do_promote, do_restore, do_roll_back
from tests.sharing.named import Named
from tests.sharing.village import FAST, Village
from tests.support import GitIn


class Teammate(Named):
    """A clone whose commands run in this process."""

    def promote(self) -> Promotion:
        return self.act(lambda _: do_promote(self.path))

    def roll_back(self) -> Rollback:
        return self.act(lambda _: do_roll_back(self.path))

    def restore(self) -> Restoration:
        return self.act(lambda _: do_restore(self.path))

    @property
    def state(self) -> State:
        return self.act(lambda store: load(store, FAST).experiment.state)

    @property
    def next(self) -> tuple[str, ...]:
        return self.act(lambda store: next_commands(load(store, FAST), Verdict.BETTER))

    @property
    def speed(self) -> str:
        """What the treatment changes from 20 to 10, as main has it."""
        return self.git("show", "main:speed")

    def pull(self) -> None:
        self.git("switch", "--quiet", "main")
        self.git("pull", "--quiet", "--no-rebase", "--no-edit")

    def push(self) -> None:
        self.git("push", "--quiet", "origin", "main")


@pytest.fixture(scope="session")
def decided_template(shared_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fast` was found better by ann; bob has its branch, and both know all there is."""
    folder = tmp_path_factory.mktemp("decided-village")
    shutil.copytree(shared_template, folder / "shared.git")
    village = Village(folder)
    ann, bob = (Teammate(village.clone(name).path, name) for name in ("ann", "bob"))
    for clone in (ann, bob):  # or what both do within one second would be one commit
        clone.git("config", "user.name", clone.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITEXP_WRITER", "ann")
        ann.start()
        ann.record(range(1, 7))
        ann.synced()
        ann.git("switch", "--quiet", "main")
    bob.synced()
    bob.git("branch", "--quiet", "exp/fast", "origin/exp/fast")
    return folder


@pytest.fixture
def team(decided_template: Path, tmp_path: Path) -> tuple[Teammate, Teammate]:
    """ann and bob, on main."""
    folder = tmp_path / "village"
    shutil.copytree(decided_template, folder, symlinks=True)
    for name in ("ann", "bob"):
        GitIn(folder / name)("remote", "set-url", "origin", f"file://{folder / 'shared.git'}")
    return Teammate(folder / "ann", "ann"), Teammate(folder / "bob", "bob")


def exchange(*clones: Teammate) -> None:
    """Everybody knows what the others know."""
    for clone in (*clones, *clones[:-1]):
        clone.synced()


def test_promoted_in_one_clone_and_dropped_in_another_is_promoted(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    ann.promote()
    bob.roll_back()
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.PROMOTED, State.PROMOTED)
    assert bob.promote().existed
    # main was not pushed: bob cannot take back what he does not have
    with pytest.raises(Refused, match="is not in this clone"):
        bob.roll_back()
    ann.push()
    bob.git("fetch", "--quiet")
    with pytest.raises(Refused, match="main is behind origin/main") as behind:
        bob.roll_back()
    assert behind.value.hint.startswith("git switch main && git pull")
    bob.pull()
    with pytest.raises(Refused, match="was pushed"):
        bob.restore()
    bob.roll_back()
    bob.push()
    exchange(bob, ann)
    assert (ann.state, bob.state, bob.speed) == (State.ROLLED_BACK, State.ROLLED_BACK, "20")


def test_promoted_there_while_the_branch_is_here_says_how_to_drop_it(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    bob.git("switch", "--quiet", "exp/fast")
    ann.promote()
    exchange(ann, bob)

    for command in bob.next:
        bob.git(*command.split()[1:])

    assert bob.git("branch", "--list", "exp/*") == ""
    assert bob.next == ()


def test_rolled_back_there_while_it_goes_on_here_is_said_with_both_ways_on(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    bob.git("switch", "--quiet", "exp/fast")
    ann.act(lambda store: roll_back(store, load(store, FAST).experiment, reason="too big"))
    exchange(ann, bob)

    ran = bob.exp("run", "fast")
    recorded = bob.exp("record", "fast", "--arm", "control", "-m", "score=1", check=False)

    assert "nothing run: the experiment has ended: it was rolled back by ann: too big" in ran.stdout
    assert recorded.status == 6
    assert "it was rolled back by ann: too big" in recorded.stderr
    assert "git exp restore fast goes on" in recorded.stderr
    with pytest.raises(Refused) as refused:
        bob.promote()
    assert refused.value.hint == "git exp restore fast"
    assert bob.next == ("git exp rollback fast",)


def test_a_branch_left_by_a_rollback_elsewhere_is_dropped_and_kept(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    bob.git("switch", "--quiet", "exp/fast")
    tip = bob.git.commit("Not pushed yet", {"more": "more\n"})
    ann.roll_back()
    exchange(ann, bob)
    before = len(bob.records())

    done = bob.roll_back()

    assert (done.tip, done.existed) == (tip, False)
    assert bob.git("branch", "--show-current") == "main"
    assert bob.git("branch", "--list", "exp/*") == ""
    assert len(bob.records()) == before  # that it was rolled back is on record already
    assert tip in bob.git("log", "--format=%H", "refs/exp/archive/fast/bob")
    assert bob.next == ()


def test_a_branch_left_by_a_rollback_elsewhere_goes_on(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    bob.git("switch", "--quiet", "exp/fast")
    tip = bob.git.commit("Not pushed yet", {"more": "more\n"})
    ann.roll_back()
    exchange(ann, bob)

    bob.restore()
    exchange(bob, ann)

    assert bob.git.id("exp/fast") == tip
    assert (ann.state, bob.state) == (State.RUNNING, State.RUNNING)


def test_restored_in_two_clones_is_rolled_back_by_one(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    ann.roll_back()
    exchange(ann, bob)
    ann.restore()
    bob.restore()
    exchange(ann, bob)

    ann.roll_back()
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.ROLLED_BACK, State.ROLLED_BACK)


def expire(store: Store) -> None:
    loaded = load(store, FAST)
    experiment = loaded.experiment
    view = view_of(experiment, loaded.compared(), loaded)
    settle(store, view, now=experiment.plan.expires + timedelta(days=1))
    store.flush()


def test_what_another_clone_restored_expires(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    bob.git("switch", "--quiet", "exp/fast")
    bob.git.commit("Another idea, not measured", {"speed": "15\n"})
    ann.roll_back()
    exchange(ann, bob)
    bob.restore()
    exchange(bob, ann)
    assert ann.state is State.RUNNING

    ann.act(expire)
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.EXPIRED, State.EXPIRED)


def test_promoted_twice_is_taken_back_once(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    ann.promote()
    bob.promote()
    ann.push()
    bob.pull()  # two merges of one tip, and their merge
    bob.push()
    ann.pull()
    exchange(ann, bob)
    assert (ann.state, ann.speed) == (State.PROMOTED, "10")

    ann.roll_back()
    ann.push()
    bob.pull()
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.ROLLED_BACK, State.ROLLED_BACK)
    assert (ann.speed, bob.speed) == ("20", "20")
    bob.restore()
    bob.push()
    exchange(bob, ann)
    assert (ann.state, bob.speed) == (State.PROMOTED, "10")


def test_promoted_twice_is_not_undone_by_one(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    ann.promote()
    bob.promote()
    exchange(ann, bob)

    for clone in (ann, bob):
        with pytest.raises(Refused):
            clone.restore()
        assert clone.state is State.PROMOTED


def test_taken_back_in_one_clone_and_restored_in_another(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    ann.promote()
    ann.push()
    bob.pull()
    ann.roll_back()
    ann.push()
    exchange(ann, bob)

    # bob has the news and not the revert
    assert bob.state is State.ROLLED_BACK
    with pytest.raises(Refused, match=r"is not in this clone|main is behind"):
        bob.restore()
    bob.pull()
    bob.restore()
    bob.push()
    exchange(bob, ann)
    with pytest.raises(Refused, match=r"is not in this clone|main is behind"):
        ann.roll_back()
    ann.pull()
    assert (ann.state, ann.speed) == (State.PROMOTED, "10")
    ann.roll_back()
    assert ann.speed == "20"


def test_taken_back_in_one_clone_while_another_did_so_and_restored_it(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    ann.promote()
    ann.push()
    bob.pull()
    exchange(ann, bob)
    ann.roll_back()
    bob.roll_back()
    bob.restore()
    ann.push()
    bob.pull()  # git takes ann's revert for the newer word
    exchange(ann, bob)
    assert (ann.state, bob.state, bob.speed) == (State.PROMOTED, State.PROMOTED, "20")

    bob.roll_back()
    bob.restore()

    assert (bob.state, bob.speed) == (State.PROMOTED, "10")


def test_dropped_here_and_merged_by_hand_there_is_promoted(
    team: tuple[Teammate, Teammate],
) -> None:
    ann, bob = team
    ann.roll_back()
    bob.git("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")
    bob.push()
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.PROMOTED, State.PROMOTED)
    ann.pull()
    ann.roll_back()
    ann.push()
    bob.pull()
    exchange(ann, bob)
    assert (bob.state, bob.speed) == (State.ROLLED_BACK, "20")


def test_a_merge_found_by_two_clones_is_one_promotion(team: tuple[Teammate, Teammate]) -> None:
    ann, bob = team
    ann.git("merge", "--quiet", "--no-ff", "--no-edit", "exp/fast")
    ann.push()
    ann.promote()
    bob.pull()
    bob.promote()
    exchange(ann, bob)

    ann.roll_back()
    exchange(ann, bob)

    assert (ann.state, bob.state) == (State.ROLLED_BACK, State.ROLLED_BACK)
