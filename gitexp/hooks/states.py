"""Whether a hook of ours runs, through which file, and what runs before it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gitexp.hooks import texts
from gitexp.hooks.callers import caller
from gitexp.hooks.files import OLD, File, Kind, calls, home, is_barred
from gitexp.hooks.places import OthersFolder


class State(StrEnum):
    ACTIVE = "active"
    OUTDATED = "outdated"
    """It runs, and its text is another version's or was edited."""
    MISSING = "not installed"
    DISPLACED = "displaced"
    """It was there, and another hook has taken its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """One of our hooks, as git would find it now.

    Attributes:
        file: The file through which ours is reached; of one that is not, the file git would run.
        through: What calls it: 'git', 'pre-commit', 'lefthook', 'husky' or 'a hook of yours'.
        taken_by: Whose hook is in its place.
        before: The hook that was there before and is kept; None: there is none.
        before_kind: Whose that is.
        before_runs: Whether it may be executed, and so runs first.
        is_barred: `hooks install` leaves it to lefthook, which could not go on otherwise.
    """

    name: str
    state: State
    file: Path
    through: str | None = None
    taken_by: Kind | None = None
    before: Path | None = None
    before_kind: Kind | None = None
    before_runs: bool = False
    is_barred: bool = False

    @property
    def is_active(self) -> bool:
        """Whether git comes to it, in whichever version."""
        return self.state in (State.ACTIVE, State.OUTDATED)


def state_in(folder: Path, name: str, files: Mapping[str, File], top: Path | None) -> HookState:
    """The state in a folder that is this repository's own."""
    place, kept = home(name, files), files.get(name + texts.BEFORE)
    there, by = files.get(place), caller(folder, name, files, top)
    if there is not None and there.kind is Kind.OURS and there.runs:
        return HookState(
            name=name,
            state=State.ACTIVE if there.is_current else State.OUTDATED,
            file=folder / place,
            through="git" if place == name else "pre-commit",
            before=None if kept is None else folder / (name + texts.BEFORE),
            before_kind=None if kept is None else kept.kind,
            before_runs=kept is not None and kept.runs,
        )
    if by is not None:
        through = "a hook of yours" if by.parent == folder else "lefthook"
        return HookState(name=name, state=State.ACTIVE, file=by, through=through)
    was_here = kept is not None or (name + OLD in files and files[name + OLD].kind is Kind.OURS)
    is_taken = there is not None and there.kind is not Kind.OURS
    return HookState(
        name=name,
        state=State.DISPLACED if was_here and is_taken else State.MISSING,
        file=folder / name,
        taken_by=there.kind if is_taken and there is not None else None,
        before=None if kept is None else folder / (name + texts.BEFORE),
        before_kind=None if kept is None else kept.kind,
        is_barred=is_barred(name, files),
    )


def state_among_others(folder: OthersFolder, name: str) -> HookState:
    """The state in a folder that is not ours to write into."""
    file = folder.path / name
    if not calls(file, name) or not (folder.is_huskys or os.access(file, os.X_OK)):
        return HookState(name=name, state=State.MISSING, file=file)
    through = "husky" if folder.is_huskys else "a hook of yours"
    return HookState(name=name, state=State.ACTIVE, file=file, through=through)
