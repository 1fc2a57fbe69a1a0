"""`git exp demo`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import click

from gitexp.errors import FATAL

if TYPE_CHECKING:
    from gitexp.app.demo import Step


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def demo(folder: Path | None) -> int:
    """Walk through an experiment in a scratch repository.

    Builds a small repository in FOLDER (default: a new temporary one), runs two experiments on a
    real program, one that wins and one that loses, and leaves it for you to look at.

    \b
    Example:
      git exp demo
    """
    from gitexp.app import demo as app

    folder = Path(mkdtemp(prefix="gitexp-demo-")) if folder is None else folder.absolute()
    app.check_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # `git exp` inside must be this very program, and git must find it
    path = f"{Path(sys.argv[0]).resolve().parent}{os.pathsep}{os.environ.get('PATH', '')}"
    for step in app.set_up():
        _take(step, folder, path, quiet=True)
    for step in app.steps():
        status = _take(step, folder, path, quiet=False)
        if status != 0:
            print(f"error: the command ended with {status}", file=sys.stderr)
            print(f"hint: look around in {folder}", file=sys.stderr)
            return FATAL
    print(f"\nThe repository is yours to look at: cd {shlex.quote(str(folder))}")
    return 0


def _take(step: Step, folder: Path, path: str, *, quiet: bool) -> int:
    """Take one step of the demonstration; 0 when it went well."""
    from gitexp.app.demo import Command, Edit, Say
    from gitexp.store.git import show

    match step:
        case Say(text=text):
            print(f"\n{text}", flush=True)
        case Edit(text=text, path=name, content=content):
            (folder / name).write_bytes(content)
            if text:
                print(f"\n# {text}: {name}", flush=True)
        case Command(args=args):
            if not quiet:
                print(f"\n$ git {shlex.join(args)}", flush=True)
            return show(args, cwd=folder, env={"PATH": path, "GIT_PAGER": "cat"})
    return 0
