"""Who signs the commits we make for bookkeeping."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass

from gitexp.store.git import Git
from gitexp.store.writer import known_writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A name, an address and a date as git writes them; `moment` in seconds since 1970."""

    name: str
    email: str
    moment: int
    offset_minutes: int


def committer(git: Git) -> Identity:
    """The user as git resolves them; where git knows none, gitexp itself.

    Notes and archives are written in places without a user, such as CI and hooks of a server, and
    must not fail there: the record says who measured.
    """
    answer = git.attempt("var", "GIT_COMMITTER_IDENT")
    if answer.returncode != 0:
        email = f"{known_writer(git.common_dir) or 'unknown'}@{platform.node() or 'localhost'}"
        return Identity(name="gitexp", email=email, moment=int(time.time()), offset_minutes=0)
    name, _, rest = answer.stdout.decode(errors="replace").strip().rpartition(" <")
    email, _, date = rest.rpartition("> ")
    moment, _, zone = date.partition(" ")
    minutes = int(zone[-4:-2]) * 60 + int(zone[-2:])
    return Identity(
        name=name,
        email=email,
        moment=int(moment),
        offset_minutes=-minutes if zone.startswith("-") else minutes,
    )
