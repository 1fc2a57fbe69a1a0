"""The answers of `hooks`: what runs, through what, and what is missing."""

from __future__ import annotations

import os
from typing import assert_never

from gitexp.app.hooks import HooksView
from gitexp.hooks.files import Kind
from gitexp.hooks.states import HookState, State
from gitexp.render.changes import ChangeReport

_INSTALL = "git exp hooks install"
_LEFTHOOK = (
    "takes the place of other hooks whenever it installs itself again; it calls these when you "
    "type the commands below at the worktree's top and put the last two lines into lefthook.yml"
)


def hooks_report(view: HooksView) -> ChangeReport:
    """The answer of `hooks install`, `hooks uninstall` or `hooks status`."""
    silent = [hook for hook in view.hooks if not hook.is_active]
    facts = [("hooks" if at == 0 else "", hook_line(hook)) for at, hook in enumerate(view.hooks)]
    if view.why_not is not None and silent:
        facts.append(("folder", f"{view.folder} {view.why_not}: it is left as it is"))
    elif view.add:
        facts.append(("lefthook", _LEFTHOOK))
    facts += [("kept", f"{path}: an earlier hook, which no longer runs") for path in view.aside]
    undo = {"install": "git exp hooks uninstall", "uninstall": _INSTALL}
    return ChangeReport(
        command="hooks",
        headline=_headline(view, len(silent)),
        facts=tuple(facts),
        add=view.add,
        next=_next(view, silent),
        undo=undo.get(view.action) if view.changed else None,
        values={
            "action": view.action,
            "folder": os.fspath(view.folder),
            "why_not": view.why_not,
            "hooks": [_values(hook) for hook in view.hooks],
            "changed": view.changed,
            "add": view.add,
            "aside": [os.fspath(path) for path in view.aside],
        },
    )


def hook_line(hook: HookState) -> str:
    """Where one hook stands, in one sentence."""
    match hook.state:
        case State.ACTIVE:
            return f"{hook.name}: active, {_reached(hook)}{_before(hook)}"
        case State.OUTDATED:
            return f"{hook.name}: active in another version, {_reached(hook)}{_before(hook)}"
        case State.MISSING if hook.through is not None:
            return f"{hook.name}: not installed; the line that calls it in {hook.file} does nothing"
        case State.MISSING if hook.is_barred:
            return f"{hook.name}: not installed; lefthook's hook is there and must call it"
        case State.MISSING:
            return f"{hook.name}: not installed{_before(hook)}"
        case State.DISPLACED:
            taken = f"{hook.file} is {_taker(hook)}"
            return f"{hook.name}: not active, {taken}{_before(hook)}"
        case _:
            assert_never(hook.state)


def _headline(view: HooksView, silent: int) -> str:
    match view.action:
        case "uninstall":
            return "the hooks are taken out" if view.changed else "there were no hooks to take out"
        case "install" if not silent:
            return "the hooks are installed" if view.changed else "the hooks are installed already"
        case "install":
            return "the hooks are ready, but not all of them are called yet"
        case _:
            found = {0: "are active", len(view.hooks): "are not active"}
            return f"the hooks {found.get(silent, 'are not all active')}"


def _next(view: HooksView, silent: list[HookState]) -> tuple[str, ...]:
    can_install = view.why_not is None and any(not hook.is_barred for hook in silent)
    is_stale = any(
        hook.state is State.OUTDATED or (hook.state is State.MISSING and hook.through is not None)
        for hook in view.hooks
    )
    if view.action == "status" and (can_install or is_stale):
        return (_INSTALL,)
    return ("git exp hooks status",) if view.action == "install" and silent else ()


def _reached(hook: HookState) -> str:
    match hook.through:
        case "git":
            return f"{hook.file}"
        case "pre-commit":
            return f"run by pre-commit as {hook.file}"
        case _:
            return f"called by {hook.through}, {hook.file}"


def _before(hook: HookState) -> str:
    if hook.before is None:
        return ""
    whose = "" if hook.before_kind in (None, Kind.OTHER) else f" ({hook.before_kind})"
    if not hook.is_active:
        return f"; the hook from before is kept in {hook.before.name}{whose}"
    if not hook.before_runs:
        return f"; {hook.before.name}{whose} is kept and not executable, so it does not run"
    return f"; runs {hook.before.name}{whose} first"


def _taker(hook: HookState) -> str:
    return "another hook" if hook.taken_by in (None, Kind.OTHER) else f"{hook.taken_by}'s now"


def _values(hook: HookState) -> dict[str, object]:
    return {
        "name": hook.name,
        "state": hook.state,
        "file": os.fspath(hook.file),
        "through": hook.through,
        "taken_by": hook.taken_by,
        "before": None if hook.before is None else os.fspath(hook.before),
        "before_kind": hook.before_kind,
        "before_runs": hook.before_runs,
    }
