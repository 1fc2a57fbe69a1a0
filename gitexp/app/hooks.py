"""Our hooks in this repository: installed, taken out, looked at."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitexp.errors import Refused
from gitexp.hooks import files, texts
from gitexp.hooks.callers import LEFTHOOK_LINES, caller, has_lefthook, lefthook_commands
from gitexp.hooks.files import File, Step
from gitexp.hooks.places import NoFolder, OthersFolder, OwnFolder, Place, hooks_place
from gitexp.hooks.states import HookState, State, state_among_others, state_in
from gitexp.store.files import Folder
from gitexp.store.git import Git
from gitexp.store.lock import repository_lock

_Planner = Callable[[str, Mapping[str, File]], list[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HooksView:
    """What `hooks install`, `hooks uninstall` and `hooks status` answer.

    Attributes:
        action: 'install', 'uninstall' or 'status'.
        folder: Where git looks for hooks, or where its hooks may be edited.
        why_not: What keeps us from writing there: 'the hooks folder …'; None: nothing does.
        hooks: Each of ours, as it is now.
        changed: The names of those that were changed.
        add: Commands and lines by which other hooks call ours; none when nothing is missing.
        aside: Files that hold an earlier hook which no longer runs.
    """

    action: str
    folder: Path
    why_not: str | None
    hooks: tuple[HookState, ...]
    changed: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    aside: tuple[Path, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether git comes to all of them."""
        return all(hook.is_active for hook in self.hooks)


def status(git: Git) -> HooksView:
    """Which of our hooks run here, and through what."""
    return _view(git, hooks_place(git), "status")


def install(git: Git) -> HooksView:
    """Put our hooks where git runs them, before what is there, or say how others can call them.

    Raises:
        Refused: if the hooks folder serves other repositories too, is none, or cannot be written.
    """
    place = hooks_place(git)
    if isinstance(place, NoFolder):
        raise Refused(
            f"hooks are switched off: core.hooksPath is {place.path!r}",
            hint=place.on,
            code="hooks-elsewhere",
        )
    with repository_lock(git):
        changed = _place_scripts(git)
        if isinstance(place, OwnFolder):
            changed |= _change(place.path, _installer(git, place.path), make=True)
    view = _view(git, place, "install")
    if isinstance(place, OthersFolder) and place.is_everywhere and view.add:
        raise Refused(
            f"the hooks folder {place.path} {place.why}: nothing is written there",
            hint=f"let its hooks call ours: {'; '.join(view.add)}",
            code="hooks-elsewhere",
        )
    return replace(view, changed=_named(changed))


def uninstall(git: Git) -> HooksView:
    """Take our hooks out and put back what was there before, to the byte.

    Raises:
        Refused: if a hooks folder cannot be written.
    """
    place = hooks_place(git)
    # an install may have been before core.hooksPath was set
    folders = {git.common_dir / "hooks"} | ({place.path} if isinstance(place, OwnFolder) else set())
    with repository_lock(git):
        changed: set[str] = set()
        for folder in folders:
            if folder.is_dir() and not folder.is_symlink():
                changed |= _change(folder, files.uninstalling)
                files.remove_folder(folder)
        changed |= _remove_scripts(git)
    return replace(_view(git, place, "uninstall"), changed=_named(changed), add=())


def _view(git: Git, place: Place, action: str) -> HooksView:
    match place:
        case OwnFolder(path=folder):
            found = {name: files.look(folder, name) for name in texts.NAMES}
            states = [state_in(folder, name, found[name], git.top) for name in texts.NAMES]
            return HooksView(
                action=action,
                folder=folder,
                why_not=None,
                hooks=_callable(git, states),
                add=_lefthook_lines(states, found),
                aside=tuple(sorted(folder.glob(f"*{texts.BEFORE}.[0-9]*"))),
            )
        case OthersFolder():
            hooks = _callable(git, [state_among_others(place, name) for name in texts.NAMES])
            silent = [hook.name for hook in hooks if hook.through is None]
            return HooksView(
                action=action,
                folder=place.path,
                why_not=place.why,
                hooks=hooks,
                add=tuple(place.adding(name) for name in silent),
            )
        case NoFolder(path=path):
            missing = [
                HookState(name=name, state=State.MISSING, file=Path(path, name))
                for name in texts.NAMES
            ]
            return HooksView(
                action=action,
                folder=Path(path),
                why_not="is switched off by core.hooksPath",
                hooks=tuple(missing),
                add=(place.on,),
            )


def _lefthook_lines(
    states: list[HookState], found: Mapping[str, Mapping[str, File]]
) -> tuple[str, ...]:
    """How lefthook can be made to call ours, when it runs here and does not."""
    if any(
        hook.through != "lefthook" and has_lefthook(hook.name, found[hook.name]) for hook in states
    ):
        return (*lefthook_commands(), *LEFTHOOK_LINES)
    return ()


def _installer(git: Git, folder: Path) -> _Planner:
    def plan(name: str, found: Mapping[str, File]) -> list[Step]:
        if caller(folder, name, found, git.top) is not None:
            return files.uninstalling(name, found)  # it would run twice
        return files.installing(name, found, {path.name for path in folder.iterdir()})

    return plan


def _change(folder: Path, plan: _Planner, *, make: bool = False) -> set[str]:
    """Take the planned steps for each hook; the names of those that needed any."""
    changed = set()
    try:
        if make:
            files.make_folder(folder)
        for name in texts.NAMES:
            steps = plan(name, files.look(folder, name))
            files.carry_out(folder, name, steps)
            changed |= {name} if steps else set()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        is_lost = isinstance(error, FileNotFoundError)
        parent = shlex.quote(os.fspath(folder.parent))
        raise Refused(
            f"cannot change the hooks in {folder}: {reason}",
            hint=f"mkdir -p {parent}"
            if is_lost
            else "make that folder writable for you, then run it again",
            code="cannot-write",
        ) from error
    return changed


# --- the scripts that other hooks and managers call -----------------------------------------


def _scripts(git: Git) -> Folder:
    return Folder(git.common_dir, "exp", "hooks")


def _place_scripts(git: Git) -> set[str]:
    """Put both where a line in another hook finds them; the names of those that were not there."""
    folder = _scripts(git)
    missing = {name for name in texts.NAMES if not _is_placed(folder, name)}
    for name in missing:
        folder.write(name, texts.script(name), mode=0o777)
    return missing


def _remove_scripts(git: Git) -> set[str]:
    folder = _scripts(git)
    there = {name for name in texts.NAMES if folder.status(name) is not None}
    for name in there:
        folder.remove(name)
    if not folder.names() and folder.path.is_dir():
        folder.path.rmdir()
    return there


def _is_placed(folder: Folder, name: str) -> bool:
    about = folder.status(name)
    runs = about is not None and bool(about.st_mode & 0o100)
    return runs and folder.read(name) == texts.script(name)


def _callable(git: Git, states: list[HookState]) -> tuple[HookState, ...]:
    """The states, less what a line calls that is not there."""
    folder = _scripts(git)
    return tuple(
        replace(hook, state=State.MISSING)
        if hook.through not in (None, "git", "pre-commit") and not _is_placed(folder, hook.name)
        else hook
        for hook in states
    )


def _named(names: set[str]) -> tuple[str, ...]:
    return tuple(name for name in texts.NAMES if name in names)
