"""What the next command makes of an interrupted one, and of one that still runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitexp.app.load import load
from gitexp.app.opening import open_store
from gitexp.app.promote import promote
from gitexp.errors import GitexpError, Refused
from gitexp.model import Environment, Oid, Record, State
from gitexp.store import git as git_module
from gitexp.store.intent import Pending
from gitexp.store.lock import repository_lock
from gitexp.store.recovery import recover
from tests.apply.killing import COMPLETED, DIED, run_and_die, run_and_kill_git
from tests.apply.lab import (
    ALLOWED,
    EXP,
    MAIN,
    SAID,
    assert_sound,
    create,
    decide,
    do_promote,
    do_restore,
    do_roll_back,
    experiment,
    head,
    own_refs,
    plan_for,
    snapshot,
    state,
)
from tests.apply.test_users_git import hook
from tests.support import GitIn

PENDING = ".git/exp/pending.json"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def stopped_before(git: GitIn, command: str) -> None:
    """Promote from main, and die right before this git command."""
    git("switch", "--quiet", "main")

    def patched() -> None:
        real = git_module._run

        def run(args: Any, **kwargs: Any) -> Any:
            if command in args:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(args, **kwargs)

        git_module._run = run
        do_promote(git.path)

    assert run_and_die(patched, at=0) == DIED


# --- being interrupted again ------------------------------------------------------------------


@needs_strace
@pytest.mark.parametrize("call", [3, 9, 14, 18, 22])
def test_recovery_itself_may_be_killed(decided: GitIn, call: int) -> None:
    decided("switch", "--quiet", "main")
    before = snapshot(decided)
    assert (
        run_and_kill_git(lambda: do_promote(decided.path), command="checkout", call=min(call, 8))
        == DIED
    )

    for step in range(1, 30):
        if run_and_die(lambda: open_store(decided.path), at=step) == COMPLETED:
            break
    open_store(decided.path)

    assert snapshot(decided) == before
    assert_sound(decided)


@needs_strace
def test_finishing_may_be_killed_too(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    before = own_refs(decided)
    call = 0
    while own_refs(decided) == before:
        open_store(decided.path)
        call += 1
        how = run_and_kill_git(lambda: do_promote(decided.path), command="update-ref", call=call)
        assert how == DIED
    assert decided.id("exp/fast")

    for step in range(1, 30):
        if run_and_die(lambda: open_store(decided.path), at=step) == COMPLETED:
            break

    assert state(decided.path) is State.PROMOTED
    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


# --- what the user does in between --------------------------------------------------------------


def test_a_file_half_written_is_restored_and_the_users_own_work_is_not(git: GitIn) -> None:
    git.commit("Files", {"a.txt": "a\n" * 5000, "b.txt": "b\n" * 5000, "c.txt": "c\n"})
    create(git.path, plan_for(git))
    git.commit("Longer", {"a.txt": "A\n" * 9000, "b.txt": "B\n" * 9000, "new.txt": "n\n" * 9000})
    decide(git)
    stopped_before(git, "update-ref")
    # as if git checkout had been cut off: index and HEAD are old, of the files some are new
    git("checkout", "--quiet", "main")
    git.write("a.txt", ("A\n" * 9000)[:7001])
    git.write("new.txt", ("n\n" * 9000)[:100])
    git.write("b.txt", "mine, written after the accident\n")
    (git.path / ".git/index.lock").write_text("cut off")

    open_store(git.path)

    assert (git.path / "a.txt").read_text() == "a\n" * 5000
    assert not (git.path / "new.txt").exists()
    assert git("status", "--porcelain") == " M b.txt"
    assert (git.path / "b.txt").read_text() == "mine, written after the accident\n"
    assert_sound(git)


def test_a_user_who_went_elsewhere_in_between_is_left_there(decided: GitIn) -> None:
    stopped_before(decided, "update-ref")
    decided("switch", "--quiet", "-c", "other", "exp/fast")

    open_store(decided.path)

    assert head(decided) == "refs/heads/other"
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


def test_work_that_cannot_come_along_back_is_not_lost(decided: GitIn) -> None:
    stopped_before(decided, "update-ref")
    assert head(decided) not in (MAIN, "refs/heads/exp/fast")
    decided.write("src/lib.txt", "mine, written after the accident\n")

    with pytest.raises(Refused, match="cannot bring your files along") as refused:
        open_store(decided.path)

    assert refused.value.hint.startswith("git stash")
    decided("stash", "--quiet", "--include-untracked")
    open_store(decided.path)
    assert head(decided) == MAIN
    assert_sound(decided)


def test_the_next_command_may_come_from_another_worktree(decided: GitIn) -> None:
    decided("worktree", "add", "--quiet", "--detach", "../linked", "main~1")
    before = snapshot(decided)
    stopped_before(decided, "update-ref")

    open_store(decided.path.parent / "linked")

    decided("switch", "--quiet", "exp/fast")
    assert snapshot(decided) == before
    assert_sound(decided)


def test_a_target_that_moved_in_between_stays_moved(decided: GitIn) -> None:
    stopped_before(decided, "update-ref")
    tree = decided.id("main^{tree}")
    moved = decided("commit-tree", tree, "-p", "main", "-m", "From elsewhere")
    decided("update-ref", MAIN, moved)

    open_store(decided.path)

    assert decided.id("main") == moved
    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == ""
    do_promote(decided.path)
    assert decided.id("main^1") == moved


def test_locks_of_others_stay(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    lock = decided.path / ".git/refs/heads/another.lock"
    lock.touch()
    stopped_before(decided, "update-ref")
    old = decided.path / ".git/packed-refs.lock"
    old.touch()
    os.utime(old, (1, 1))

    open_store(decided.path)

    assert lock.exists()
    assert old.exists()


def test_an_intent_of_another_version_is_refused(decided: GitIn) -> None:
    decided.write(PENDING, '{"v": 99}')

    with pytest.raises(Refused, match="another gitexp version"):
        open_store(decided.path)


def test_without_an_interrupted_command_nothing_is_started(
    decided: GitIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(decided.path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", never)

    assert recover(store.git) is False


# --- commands that run at the same time ----------------------------------------------------------


def test_git_left_running_by_a_killed_command_is_waited_for(decided: GitIn) -> None:
    decided("switch", "--quiet", "main")
    ended, begun = decided.path.parent / "ended", decided.path.parent / "begun"
    hook(decided.path / ".git/hooks", "pre-merge-commit", f"touch {begun}; sleep 1; touch {ended}")
    before, refs = snapshot(decided), own_refs(decided)
    pid = os.fork()
    if pid == 0:
        try:
            do_promote(decided.path)
        finally:
            os._exit(0)
    while not begun.exists():
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    open_store(decided.path)

    assert ended.exists()
    assert (snapshot(decided), own_refs(decided)) == (before, refs)
    assert_sound(decided)


def test_a_command_that_takes_long_is_refused_to_be_disturbed(decided: GitIn) -> None:
    store = open_store(decided.path)
    with repository_lock(store.git) as git:
        Pending(git.common_dir).begin("exp: something long")
        with (
            pytest.raises(Refused, match="still changing") as refused,
            repository_lock(store.git, patience_s=0.1),
        ):
            pass
        assert refused.value.code == "busy"
        Pending(git.common_dir).end()
    open_store(decided.path)


def in_processes(acts: list[Callable[[], object]]) -> list[int]:
    """Each act in a process of its own, all at once; their exit statuses."""
    pids = []
    for act in acts:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                act()
                status = 0
            except GitexpError:
                status = 6
            finally:
                os._exit(status)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_of_two_promotions_at_once_one_merges_and_the_other_agrees(decided: GitIn) -> None:
    before = decided.id("main")

    statuses = in_processes([lambda: do_promote(decided.path)] * 4)

    assert set(statuses) <= {0, 6}
    assert 0 in statuses
    assert decided.id("main^1") == before
    found = experiment(decided.path)
    assert sum(type(record.body).__name__ == "Promoted" for record in found.records) == 1
    assert_sound(decided)


def test_of_two_creations_at_once_one_is_refused(git: GitIn) -> None:
    plan = plan_for(git)

    statuses = in_processes([lambda: create(git.path, plan, checkout=False)] * 4)

    assert sorted(statuses) == [0, 6, 6, 6]
    assert len(experiment(git.path).records) == 2
    assert_sound(git)


def test_promotion_and_rollback_at_once_leave_one_of_the_two(decided: GitIn) -> None:
    statuses = in_processes([lambda: do_promote(decided.path), lambda: do_roll_back(decided.path)])

    assert 0 in statuses
    assert state(decided.path) in (State.PROMOTED, State.ROLLED_BACK)
    assert_sound(decided)


def test_records_taken_meanwhile_are_not_lost(decided: GitIn) -> None:
    store, plan = open_store(decided.path), experiment(decided.path)
    stop = threading.Event()
    recorded: list[Record] = []

    def record() -> None:
        while not stop.is_set():
            body = Environment(facts={"n": len(recorded)})
            recorded.append(store.record(EXP, plan.plan_hash, body, target=Oid(decided.id(MAIN))))

    thread = threading.Thread(target=record)
    thread.start()
    try:
        for _ in range(3):
            do_promote(decided.path)
            do_restore(decided.path)
    finally:
        stop.set()
        thread.join()

    ids = {found.id for found in experiment(decided.path).records}
    assert recorded
    assert {record.id for record in recorded} <= ids
    assert_sound(decided)


def test_a_target_that_moves_during_the_merge_is_merged_with(decided: GitIn) -> None:
    decided("switch", "--quiet", "exp/fast")
    moved = decided("commit-tree", decided.id("main^{tree}"), "-p", "main", "-m", "Meanwhile")
    once = decided.path.parent / "once"
    hook(
        decided.path / ".git/hooks",
        "pre-merge-commit",
        f"test -e {once} || git update-ref {MAIN} {moved}; touch {once}",
    )

    merge = do_promote(decided.path).merge

    assert decided.id(f"{merge}^1") == moved
    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


def test_an_experiment_that_moves_during_the_merge_is_refused(decided: GitIn) -> None:
    store = open_store(decided.path)
    found = load(store, EXP)
    tip = Oid(decided.id("exp/fast"))
    moved = decided("commit-tree", f"{tip}^{{tree}}", "-p", tip, "-m", "Meanwhile")
    hook(
        decided.path / ".git/hooks",
        "pre-merge-commit",
        f"git update-ref refs/heads/exp/fast {moved}",
    )
    decided("switch", "--quiet", "main")

    with pytest.raises(Refused, match="moved since it was analysed"):
        promote(store, found.experiment, ALLOWED, tip=tip, said=SAID)

    assert decided.id("exp/fast") == moved
    assert head(decided) == MAIN
    assert decided("status", "--porcelain") == ""
    assert_sound(decided)


def test_an_interrupt_leaves_everything_as_it_was(decided: GitIn) -> None:
    begun = decided.path.parent / "begun"
    hook(decided.path / ".git/hooks", "pre-merge-commit", f"touch {begun}; sleep 60")
    before, refs = snapshot(decided), own_refs(decided)
    program = "import sys; from pathlib import Path; from tests.apply.lab import do_promote;"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{program} do_promote(Path(sys.argv[1]))", str(decided.path)],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not begun.exists():
        time.sleep(0.01)
    assert (decided.path / PENDING).exists()
    os.killpg(process.pid, signal.SIGINT)
    process.wait()

    assert not (decided.path / PENDING).exists()
    assert (snapshot(decided), own_refs(decided)) == (before, refs)
    assert_sound(decided)
