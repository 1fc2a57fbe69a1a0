"""Setting a clone up: what plain git then shows and fetches of experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.app import hooks
from gitexp.app.receive import Received, receive, refuse_mirror
from gitexp.errors import GitexpError
from gitexp.store.git import Git
from gitexp.store.lock import syncing_lock
from gitexp.store.refspecs import brings_branches
from gitexp.store.remote import evidence_refspecs, remote_names
from gitexp.store.store import Store

_HOOKS = "post-commit and pre-push look after experiments"
_BEGIN = ("git exp create NAME --hypothesis '…' --run 'CMD'",)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitView:
    """What `init` answers.

    Attributes:
        done: What was changed, one line each; empty when all was in place.
        remotes: Remotes whose evidence `git fetch` now brings.
        came: How many records of how many experiments were fetched, by remote.
        add: Commands and lines by which other hooks call ours, where ours cannot be installed.
    """

    done: tuple[str, ...]
    remotes: tuple[str, ...]
    came: Mapping[str, tuple[int, int]]
    undone: bool
    warnings: tuple[str, ...]
    next: tuple[str, ...]
    add: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One configuration line of ours."""

    key: str
    value: str
    meaning: str


def init(git: Git, *, ask: bool = False) -> InitView:
    """Add configuration lines and hooks that are missing, and fetch what the remotes have.

    Args:
        ask: Whether git may ask for a password on the terminal.

    Raises:
        Refused: if a fetch erases what is recorded here, as in a mirror.
    """
    warnings = [*refuse_mirror(git)]
    remotes = remote_names(git)
    done = []
    for line in _lines(git, remotes):
        if line.value not in _local(git, line.key):
            add(git, line)
            done.append(line.meaning)
    to_add = _install_hooks(git, done, warnings)
    came = {}
    for remote in remotes:
        try:
            received = _receive(git, remote, ask=ask)
        except GitexpError as error:
            warnings.append(f"{error.message}; later: git exp sync {remote}")
        else:
            came[remote] = sum(map(len, received.new.values())), len(received.new)
            warnings += received.warnings
    return InitView(
        done=tuple(done),
        remotes=remotes,
        came=came,
        undone=False,
        warnings=tuple(warnings),
        next=("git exp status --all",) if any(records for records, _ in came.values()) else _BEGIN,
        add=to_add,
    )


def undo(git: Git) -> InitView:
    """Take out again exactly the lines and hooks `init` adds; experiments and evidence stay."""
    remotes = remote_names(git)
    done = []
    for line in _every_line(remotes):
        if line.value in _local(git, line.key):
            git.run("config", "--local", "--fixed-value", "--unset-all", line.key, line.value)
            done.append(f"no longer: {line.meaning}")
    warnings = []
    try:
        if hooks.uninstall(git).changed:
            done.append(f"no longer: {_HOOKS}")
    except GitexpError as error:
        warnings.append(f"{error.message}; {error.hint}")
    return InitView(
        done=tuple(done),
        remotes=remotes,
        came={},
        undone=True,
        warnings=tuple(warnings),
        next=("git exp init",),
    )


def missing(git: Git) -> tuple[Setting, ...]:
    """The lines of ours that this clone's configuration lacks."""
    lines = _lines(git, remote_names(git))
    return tuple(line for line in lines if line.value not in _local(git, line.key))


def is_set_up(git: Git) -> bool:
    """Whether `init` was here, and was not undone: a line of ours is there still."""
    return any(line.value in _local(git, line.key) for line in _every_line(remote_names(git)))


def add(git: Git, line: Setting) -> None:
    """Add one line to this clone's configuration."""
    git.run("config", "--local", "--add", line.key, line.value)


def _install_hooks(git: Git, done: list[str], warnings: list[str]) -> tuple[str, ...]:
    """Install them, or say why not: a clone is set up without them, too.

    Returns:
        What else is to be typed for them to run.
    """
    try:
        view = hooks.install(git)
    except GitexpError as error:
        warnings.append(f"{error.message}; {error.hint}")
        return ()
    if view.is_active:
        if view.changed:
            done.append(_HOOKS)
        return ()
    reason = view.why_not or "is lefthook's"
    warnings.append(f"the hooks folder {view.folder} {reason}: let its hooks call ours, see 'add'")
    return view.add


def _lines(git: Git, remotes: Iterable[str]) -> list[Setting]:
    """The lines this clone needs: experiment branches come with an ordinary clone's own."""
    brought = {f"remote.{name}.fetch" for name in remotes if brings_branches(git, name)}
    return [
        line
        for line in _every_line(remotes)
        if not (line.value.startswith(f"+{refs.BRANCHES}") and line.key in brought)
    ]


def _every_line(remotes: Iterable[str]) -> list[Setting]:
    lines = [Setting("notes.displayRef", refs.SUMMARY, "git log shows results of experiments")]
    for remote in remotes:
        key = f"remote.{remote}.fetch"
        notes, archives = evidence_refspecs(remote)
        branches = f"+{refs.BRANCHES}*:{refs.REMOTE_BRANCHES}{remote}/exp/*"
        lines.append(Setting(key, branches, f"git fetch {remote} brings experiment branches"))
        lines.append(Setting(key, notes, f"git fetch {remote} brings evidence"))
        lines.append(Setting(key, archives, f"git fetch {remote} brings archived variants"))
    return lines


def _receive(git: Git, remote: str, *, ask: bool) -> Received:
    with syncing_lock(git):
        return receive(Store(git), remote, ask=ask)


def _local(git: Git, key: str) -> list[str]:
    answer = git.attempt("config", "--local", "--get-all", key)
    return answer.stdout.decode(errors="surrogateescape").splitlines()
