"""What lies in a hooks folder around one hook, and the steps that put ours in or take it out.

Every step is one rename, one deletion or one write beside: whoever is killed between two of them
leaves a state the next install or uninstall goes on from, with the hook that was there before
either in its place or kept.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path

from gitexp.hooks import texts

LEGACY = ".legacy"
"""pre-commit moves the hook it finds there, and runs it first."""
OLD = ".old"
"""lefthook moves the hook it finds there, and does not run it."""
_NEW = ".exp-new"
_MADE = ".made-by-git-exp"
_ENOUGH = 1 << 20


class Kind(StrEnum):
    """Whose hook a file is."""

    OURS = "gitexp"
    PRE_COMMIT = "pre-commit"
    LEFTHOOK = "lefthook"
    GIT_LFS = "git-lfs"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a hooks folder.

    Attributes:
        is_current: It is exactly the hook this version installs, and git would run it.
        runs: It may be executed; git passes over hooks that may not.
        calls: It is not ours and has a line that calls ours.
    """

    kind: Kind
    is_current: bool = False
    runs: bool = True
    calls: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Put our hook beside, under a name nothing runs."""

    file: str


@dataclass(frozen=True, slots=True)
class Move:
    """Rename a file; what had the new name is gone."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Remove:
    file: str


Step = Write | Move | Remove


def look(folder: Path, name: str) -> dict[str, File]:
    """The files that matter to the hook of this name: those that are there, by their name."""
    suffixes = ("", LEGACY, OLD, texts.BEFORE, _NEW)
    found = {name + suffix: _file(folder / (name + suffix), name) for suffix in suffixes}
    return {file: about for file, about in found.items() if about is not None}


def home(name: str, files: Mapping[str, File]) -> str:
    """The file we belong into: under pre-commit's own, or we would take turns moving each other."""
    top = files.get(name)
    is_below = top is not None and top.kind is Kind.PRE_COMMIT
    return name + LEGACY if is_below else name


def is_barred(name: str, files: Mapping[str, File]) -> bool:
    """Whether being in place would break lefthook, which must be able to move us to `.old`."""
    top, old = files.get(name), files.get(name + OLD)
    return (
        top is not None
        and top.kind is Kind.LEFTHOOK
        and old is not None
        and old.kind is not Kind.OURS
    )


def installing(name: str, files: Mapping[str, File], taken: Collection[str] = ()) -> list[Step]:
    """The steps after which ours runs, and then what ran so far; none when it is so.

    Args:
        taken: Other names in the folder, not to be used.
    """
    plan = _Plan(name, files)
    plan.tidy()
    place, kept = home(name, plan.files), name + texts.BEFORE
    there = plan.files.get(place)
    if is_barred(name, plan.files) or (there is not None and there.is_current):
        return plan.steps
    plan.steps.append(Write(name + _NEW))
    if there is not None and there.kind is not Kind.OURS:
        if kept in plan.files:
            # somebody put another hook over ours: the one before ours would not run without us
            free = next(f"{kept}.{n}" for n in count(1) if f"{kept}.{n}" not in taken)
            plan.move(kept, free)
        plan.move(place, kept)
    plan.move(name + _NEW, place)
    return plan.steps


def uninstalling(name: str, files: Mapping[str, File]) -> list[Step]:
    """The steps after which everything is as if we had never been there."""
    plan = _Plan(name, files)
    plan.tidy()
    plan.drop(name + _NEW)
    kept = name + texts.BEFORE
    for place in (name, name + LEGACY):
        if plan.is_ours(place):
            if kept in plan.files:
                plan.move(kept, place)
            else:
                plan.drop(place)
    if kept in plan.files and home(name, plan.files) not in plan.files:
        plan.move(kept, home(name, plan.files))  # an install was killed halfway
    return plan.steps


class _Plan:
    """Steps, and the files as they will be after them."""

    def __init__(self, name: str, files: Mapping[str, File]) -> None:
        self.name = name
        self.files = dict(files)
        self.steps: list[Step] = []

    def is_ours(self, file: str) -> bool:
        return file in self.files and self.files[file].kind is Kind.OURS

    def move(self, old: str, new: str) -> None:
        self.steps.append(Move(old, new))
        about = self.files.pop(old, None)
        self.files[new] = about or File(kind=Kind.OURS, is_current=True)

    def drop(self, file: str) -> None:
        if self.files.pop(file, None) is not None:
            self.steps.append(Remove(file))

    def tidy(self) -> None:
        """Clear away hooks of ours that others moved and nothing runs."""
        legacy, old, kept = (self.name + suffix for suffix in (LEGACY, OLD, texts.BEFORE))
        if self.is_ours(kept):
            self.drop(kept)  # it would run itself
        if self.is_ours(legacy) and home(self.name, self.files) == self.name:
            self.drop(legacy)
        if self.is_ours(old):
            self._make_up_for_lefthook(old, kept)

    def _make_up_for_lefthook(self, old: str, kept: str) -> None:
        top = self.files.get(self.name)
        if top is not None and top.kind is Kind.LEFTHOOK and kept in self.files:
            if self.files[kept].kind is not Kind.LEFTHOOK:
                # what lefthook would have moved there, had it not found us
                self.move(kept, old)
                return
            self.drop(kept)  # lefthook has written a newer one
        self.drop(old)


def carry_out(folder: Path, name: str, steps: Sequence[Step]) -> None:
    """Take the steps in this folder.

    Raises:
        OSError: if one cannot be taken; those before it are.
    """
    for step in steps:
        match step:
            case Write(file=file):
                _write(folder / file, texts.script(name))
            case Move(old=old, new=new):
                (folder / old).rename(folder / new)
            case Remove(file=file):
                (folder / file).unlink()
    if steps:
        _sync(folder)


def make_folder(folder: Path) -> None:
    """Make the folder unless it is there, and note in it that it was us."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    (folder / _MADE).touch()


def remove_folder(folder: Path) -> None:
    """Remove the folder again if we made it and nobody else uses it."""
    try:
        (folder / _MADE).unlink()
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):  # not empty
        folder.rmdir()


def calls(path: Path, name: str) -> bool:
    """Whether this file has a line that calls our hook; False when it cannot be read."""
    try:
        return path.is_file() and texts.calls_ours(_start(path), name)
    except OSError:
        return False


def _file(path: Path, name: str) -> File | None:
    if not os.path.lexists(path):
        return None
    if not path.is_file():  # a broken link, a pipe, a folder
        return File(kind=Kind.OTHER, runs=False)
    runs = os.access(path, os.X_OK)
    try:
        content = _start(path)
    except OSError:
        return File(kind=Kind.OTHER, runs=runs)  # not ours: we let everybody read them
    if texts.is_ours(content):
        is_current = content == texts.script(name) and runs and not path.is_symlink()
        return File(kind=Kind.OURS, is_current=is_current, runs=runs)
    return File(kind=_kind(content), runs=runs, calls=texts.calls_ours(content, name))


def _kind(content: bytes) -> Kind:
    if b"File generated by pre-commit" in content:
        return Kind.PRE_COMMIT
    if b"call_lefthook" in content:
        return Kind.LEFTHOOK
    if b"git lfs " in content:
        return Kind.GIT_LFS
    return Kind.OTHER


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_ENOUGH)  # a hook may be a program of any size


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # of an install that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        # whoever may use the repository runs its hooks, whatever our umask
        os.fchmod(file.fileno(), 0o755)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(found)
    finally:
        os.close(found)
