"""Hooks and hook managers that call ours by a line of their own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitexp.hooks import texts
from gitexp.hooks.files import LEGACY, File, Kind, calls

_LEFTHOOK_NAMES = ("lefthook", ".lefthook", "lefthook-local", ".lefthook-local")
_LEFTHOOK_FOLDERS = (".lefthook", ".lefthook-local")
_LEFTHOOK_FORMS = ("yml", "yaml", "toml", "json", "jsonc")

# scripts, because lefthook passes over commands when a push brings no changed file
LEFTHOOK_LINES = (
    "post-commit: {scripts: {gitexp: {runner: sh}}}",
    "pre-push: {scripts: {gitexp: {runner: sh, use_stdin: true}}}",
)
"""What lefthook.yml must say for lefthook to call ours."""


def caller(folder: Path, name: str, files: Mapping[str, File], top: Path | None) -> Path | None:
    """The file that calls our hook although ours is in no hook's place, if there is one.

    Args:
        files: What lies in the hooks folder around this hook.
        top: The worktree, where managers keep their configuration; None in a bare repository.
    """
    for file in (name, name + LEGACY, name + texts.BEFORE):
        about = files.get(file)
        if about is not None and about.calls and about.runs:
            return folder / file
    if top is None or not has_lefthook(name, files):
        return None
    return next((path for path in _lefthook_files(top, name) if calls(path, name)), None)


def has_lefthook(name: str, files: Mapping[str, File]) -> bool:
    """Whether lefthook runs for this hook, alone or before ours."""
    return any(
        file in files and files[file].kind is Kind.LEFTHOOK for file in (name, name + texts.BEFORE)
    )


def lefthook_commands() -> tuple[str, ...]:
    """The commands that make the scripts LEFTHOOK_LINES name, typed at the worktree's top."""
    folders = " ".join(f".lefthook/{name}" for name in texts.NAMES)
    return (
        f"mkdir -p {folders}",
        *(
            rf"printf '%s\n' {shlex.quote(texts.call(name))} >.lefthook/{name}/gitexp"
            for name in texts.NAMES
        ),
    )


def _lefthook_files(top: Path, name: str) -> Iterator[Path]:
    for folder in (top, top / ".config"):
        for stem in _LEFTHOOK_NAMES:
            yield from (folder / f"{stem}.{form}" for form in _LEFTHOOK_FORMS)
    for kept in _LEFTHOOK_FOLDERS:
        yield from sorted((top / kept / name).glob("*"))
