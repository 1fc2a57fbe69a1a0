"""What experiments that ended left on the disk, and slots that nobody will give back."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from gitexp.app.check_locks import remove
from gitexp.app.doctor_view import Finding, Repair, Severity, repairable
from gitexp.app.load import load
from gitexp.app.reservations import open_named, sweep_all
from gitexp.app.rig import worktrees_of
from gitexp.app.seen import Seen
from gitexp.errors import GitexpError
from gitexp.live import lane, places, slots
from gitexp.live.files import Unusable
from gitexp.model import ExperimentId, experiment_id
from gitexp.store.files import Folder

AREA = "leftovers"
_SCRATCH = "scratch"
_SHOWN = 5
_OLD_SCRATCH_S = 86_400.0
"""Longer than a trial lasts, whose folder goes when it has ended."""


def check(seen: Seen) -> Iterator[Finding]:
    """Checkouts, scratch folders, slots and lanes that nobody needs."""
    yield from _checkouts(seen)
    found = dict(_slots(seen))
    yield from _ended_slots(seen, found)
    yield from _dead_slots(seen, found)
    yield from _scratch(seen, found)
    yield from _lanes(seen)


def _checkouts(seen: Seen) -> Iterator[Finding]:
    worktrees = worktrees_of(seen.store)
    names = {*worktrees.experiments(), *(path.parent.name for path in worktrees.gone())}
    for name in sorted(names):
        exp = _as_id(name)
        if exp is None or not seen.has_ended(exp) or not worktrees.paths(exp):
            continue
        yield repairable(
            AREA,
            Severity.NOTE,
            f"{_ended(seen, exp)}, and its checkouts are in {worktrees.root / exp}",
            Repair(
                what=f"remove the checkouts of {exp}",
                done=f"removed the checkouts of {exp}",
                act=partial(_drop, seen, exp),
            ),
        )
    for path in worktrees.gone():
        exp = _as_id(path.parent.name)
        if exp is not None and seen.has_ended(exp):
            continue  # told above
        yield repairable(
            AREA,
            Severity.NOTE,
            f"git has a worktree of ours on its list whose folder is gone: {path}",
            Repair(
                what=f"take {path} off git's list",
                done=f"took {path} off git's list of worktrees",
                act=partial(_forget, seen, path),
            ),
        )


def _drop(seen: Seen, exp: ExperimentId) -> None:
    in_use = worktrees_of(seen.store).remove_all(exp)
    if in_use:
        raise GitexpError(f"{in_use[0]} is in use", hint="run it again when that has ended")


def _forget(seen: Seen, path: Path) -> None:
    if not worktrees_of(seen.store).remove(path):
        raise GitexpError(f"{path} is in use", hint="run it again when that has ended")


def _slots(seen: Seen) -> Iterator[tuple[str, slots.Slots]]:
    """The files of slots that can be read, by name."""
    folder = _slots_folder(seen)
    for name in folder.names():
        if "@" not in name or "." in name.rpartition("@")[2]:
            continue
        with suppress(GitexpError, ValueError, IndexError, KeyError):
            yield name, slots.parse(os.fsdecode(folder.read(name) or b""))


def _slots_folder(seen: Seen) -> Folder:
    return Folder(seen.store.git.common_dir, *slots.FOLDER)


def _ended_slots(seen: Seen, found: dict[str, slots.Slots]) -> Iterator[Finding]:
    by_exp = {name: exp for name in found if (exp := _exp_of(name)) and seen.has_ended(exp)}
    if by_exp:
        names = _shortened(by_exp.values())
        yield repairable(
            AREA,
            Severity.NOTE,
            f"slots of {names} are kept, and nothing is measured there any more",
            Repair(
                what=f"remove the slots of {names}",
                done=f"removed the slots of {names}",
                act=partial(_remove_slots, seen, list(by_exp)),
            ),
        )


def _remove_slots(seen: Seen, names: list[str]) -> None:
    folder = _slots_folder(seen)
    for name in names:
        try:
            with open_named(seen.store, name):
                remove(folder, name)
                remove(folder, f"{name}.lock")
        except Unusable as error:
            raise GitexpError(str(error), hint=f"look at it: ls -l {folder.path}") from error


def _dead_slots(seen: Seen, found: dict[str, slots.Slots]) -> Iterator[Finding]:
    writer = seen.store.known_writer
    for experiment in seen.running:
        mine = f"{experiment.id}@{writer}@"
        count = sum(
            held.is_abandoned
            for name, each in found.items()
            if name.startswith(mine) and each.plan == experiment.plan_hash
            for held in each.reserved.values()
        )
        if count:
            held_by = "slot is held by a use" if count == 1 else "slots are held by uses"
            yield repairable(
                AREA,
                Severity.NOTE,
                f"{count} {held_by} of {experiment.id} that nobody will end",
                Repair(
                    what=f"give back {count} slot{'s' * (count != 1)} of {experiment.id}, "
                    "recording what was given up as failed",
                    done=f"gave back {count} slot{'s' * (count != 1)} of {experiment.id}",
                    act=partial(_sweep, seen, experiment.id),
                ),
            )


def _sweep(seen: Seen, exp: ExperimentId) -> None:
    sweep_all(seen.store, load(seen.store, exp).experiment)


def _scratch(seen: Seen, found: dict[str, slots.Slots]) -> Iterator[Finding]:
    folder = worktrees_of(seen.store).root / _SCRATCH
    live = {
        trial
        for each in found.values()
        for trial, held in each.reserved.items()
        if not held.is_abandoned
    }
    old = [path for path in _trial_folders(folder) if path.name not in live and _is_old(path)]
    if old:
        count = "a trial that was" if len(old) == 1 else f"{len(old)} trials that were"
        yield repairable(
            AREA,
            Severity.NOTE,
            f"{count} killed left files in {folder}",
            Repair(
                what=f"remove the folders of {len(old)} killed trial{'s' * (len(old) != 1)}",
                done=f"removed {len(old)} folder{'s' * (len(old) != 1)} of killed trials",
                act=partial(_remove_folders, old),
            ),
        )


def _trial_folders(folder: Path) -> list[Path]:
    """Those that are named as a trial, of which an experiment called 'scratch' has none."""
    if not folder.is_dir():
        return []
    named = (path for path in folder.iterdir() if len(path.name) == 26 and path.name.isalnum())
    return sorted(path for path in named if path.is_dir() and not path.is_symlink())


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _OLD_SCRATCH_S
    except OSError:
        return False


def _remove_folders(paths: list[Path]) -> None:
    for path in paths:
        shutil.rmtree(path)


def _lanes(seen: Seen) -> Iterator[Finding]:
    common = seen.store.git.common_dir
    folder = Folder(Path(places.state_folder(os.environ)), *places.lanes_folder(str(common)))
    stale = [name for name in folder.names() if _is_stale(seen, folder, name)]
    if stale:
        count = "a lane" if len(stale) == 1 else f"{len(stale)} lanes"
        yield repairable(
            AREA,
            Severity.NOTE,
            f"{count} of experiments that ended in {folder.path}",
            Repair(
                what=f"remove {count} of experiments that ended",
                done=f"removed {count} of experiments that ended",
                act=partial(_remove_lanes, common, stale),
            ),
        )


def _is_stale(seen: Seen, folder: Folder, name: str) -> bool:
    common = seen.store.git.common_dir
    try:
        found = lane.parse(os.fsdecode(folder.read(name) or b""))
    except (GitexpError, ValueError, KeyError):
        return False
    if found.inode != common.stat().st_ino:
        return True
    exp = _as_id(found.exp)
    return exp is not None and seen.has_ended(exp)


def _remove_lanes(common: Path, names: list[str]) -> None:
    for name in names:
        lane.forget(str(common), name, os.environ)


def _shortened(ids: Iterable[ExperimentId]) -> str:
    distinct = sorted(set(ids))
    more = f" and {len(distinct) - _SHOWN} more" if len(distinct) > _SHOWN else ""
    return ", ".join(distinct[:_SHOWN]) + more


def _exp_of(name: str) -> ExperimentId | None:
    return _as_id(name.partition("@")[0])


def _as_id(text: str) -> ExperimentId | None:
    try:
        return experiment_id(text)
    except ValueError:
        return None


def _ended(seen: Seen, exp: ExperimentId) -> str:
    found = seen.experiments.get(exp)
    if found is None:
        return f"there is no experiment {exp} any more"
    return f"{exp} was {found.state.replace('-', ' ')}"
