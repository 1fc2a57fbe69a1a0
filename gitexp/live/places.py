"""What this user keeps outside of every repository: which plans may run, and what is prepared."""

from __future__ import annotations

import os

from gitexp.live.sha256 import sha256

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Mapping


def state_folder(environ: Mapping[str, str]) -> str:
    """`$XDG_STATE_HOME/gitexp`; a relative XDG_STATE_HOME does not count."""
    state = environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        home = environ.get("HOME") or os.path.expanduser("~")
        state = f"{home}/.local/state"
    return f"{state}/gitexp"


def is_trusted(plan: str, environ: Mapping[str, str]) -> bool:
    """Whether this user created or trusted the plan of this hash."""
    return os.path.isfile(f"{state_folder(environ)}/trusted/{plan}")


def lanes_folder(common_dir: str) -> tuple[str, str]:
    """Where, below the state folder, what is prepared for this repository is kept."""
    return "lanes", sha256(os.fsencode(os.path.realpath(common_dir))).hexdigest()[:24]
