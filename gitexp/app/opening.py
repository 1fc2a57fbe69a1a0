"""The store of the repository the user is in, whole again if the last command was killed."""

from __future__ import annotations

from pathlib import Path

from gitexp.store.files import PENDING
from gitexp.store.store import Store


def open_store(cwd: Path | None = None) -> Store:
    """The store around `cwd`, after finishing or undoing what a killed command left.

    Raises:
        GitexpError: if there is no repository we can read.
    """
    store = Store.open(cwd)
    if store.git.common_dir.joinpath("exp", PENDING).exists():
        # imported only after a kill: docs/own-experiment.md says what that saves
        from gitexp.store.recovery import recover

        recover(store.git)
    return store
