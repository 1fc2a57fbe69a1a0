"""Objects no ref names yet, kept where `git gc` does not look, so that they can be written again.

`git gc --prune=now` deletes what no ref named when it began, also what a change under way has just
made. The parcel travels in the intent; it is a pack (gitformat-pack), in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from gitexp.model import Oid
from gitexp.store.git import Git


def pack(git: Git, tips: Iterable[Oid]) -> str | None:
    """All that these commits reach and no ref does; None if broken refs keep git from telling."""
    listed = git.attempt("rev-list", "--objects", *tips, "--not", "--all")
    if listed.returncode != 0:
        return None
    made = git.attempt("pack-objects", "--stdout", "--quiet", stdin=listed.stdout)
    return base64.b64encode(made.stdout).decode() if made.returncode == 0 else None


def unpack(git: Git, parcel: str | None) -> None:
    """Write again what is gone of it; what is there stays as it is.

    Raises:
        GitexpError: when git cannot write.
    """
    if parcel is not None:
        git.run("unpack-objects", "-q", stdin=base64.b64decode(parcel))
