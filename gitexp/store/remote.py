"""Another repository: what it has, fetching from it, pushing to it.

Answers are judged by `--porcelain` flags and exit statuses, never by git's English.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from gitexp import refs
from gitexp.errors import GitexpError, Refused
from gitexp.model import Oid
from gitexp.store.git import Git

_PUSHED_AT_ONCE = 2000
"""Refs named on one command line, which has a limit."""
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_BATCH_SSH = "ssh -o BatchMode=yes"


class Unreachable(GitexpError):
    """The other repository did not answer, or stopped answering."""

    code = "unreachable"


class Flag(StrEnum):
    """What became of one ref, as `git push --porcelain` says it."""

    FORWARD = " "
    NEW = "*"
    FORCED = "+"
    DELETED = "-"
    SAME = "="
    REJECTED = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefPush:
    """One ref to be pushed under its own name, never forced.

    Attributes:
        oid: What it is to become there; None deletes it.
        expected: It is only moved if this is what it is there; None: whatever is an ancestor.
            A deletion needs it.
    """

    name: str
    oid: Oid | None
    expected: Oid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of one ref.

    Attributes:
        said: The other side's words, for people only.
    """

    name: str
    flag: Flag
    said: str

    @property
    def is_rejected(self) -> bool:
        return self.flag is Flag.REJECTED


def remote_names(git: Git) -> tuple[str, ...]:
    """The configured remotes whose names git can put into a ref, sorted."""
    names = git.run("remote").splitlines()
    return tuple(sorted(name for name in names if _is_ref_name(name)))


def configured_remotes(git: Git) -> frozenset[str]:
    """The names of all configured remotes, as the configuration has them; no process of its own."""
    keys = (key.removeprefix("remote.") for key in git.config if key.startswith("remote."))
    return frozenset(key.rpartition(".")[0] for key in keys if "." in key)


def checked_remote(git: Git, text: str | None, *, branch: str | None = None) -> str:
    """The remote the user means; without a text the one the branch follows, or the obvious one.

    Args:
        branch: Short name of the branch checked out here.

    Raises:
        Refused: if it is no configured remote, or several could be meant.
    """
    names = remote_names(git)
    if text is not None:
        if text in names:
            return text
        raise _unknown(text, names)
    followed = git.setting(f"branch.{branch}.remote") if branch else None
    for name in (followed, "origin"):
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    if not names:
        raise Refused(
            "there is no remote to share with",
            hint="git remote add origin <URL>",
            code="no-remote",
        )
    raise Refused(
        f"there are several remotes: {', '.join(names)}",
        hint=f"name one: git exp sync {names[0]}",
        code="no-remote",
    )


def listed(git: Git, remote: str, patterns: Iterable[str], *, ask: bool = False) -> dict[str, Oid]:
    """The refs the other repository has now, by full name.

    Args:
        remote: A configured remote, or a URL.
        patterns: As `git ls-remote` takes them.
        ask: Whether git may ask for a password on the terminal.

    Raises:
        Unreachable: if it does not answer.
    """
    answer = git.attempt(
        "ls-remote", "--refs", "--quiet", "--", remote, *patterns, env=_manners(git, ask=ask)
    )
    if answer.returncode != 0:
        raise _unreachable(remote, answer.stderr)
    pairs = (line.split("\t", 1) for line in answer.stdout.decode(errors="replace").splitlines())
    return {name: Oid(oid) for oid, name in pairs}


def fetch(git: Git, remote: str, names: Sequence[str], *, ask: bool = False) -> dict[str, str]:
    """Bring what these refs name: no ref moves here, no tags, no pruning, no FETCH_HEAD.

    Where one cannot be had, because it is damaged there, all the others are brought.

    Returns:
        Those that cannot be had, with git's words, for people only.

    Raises:
        Unreachable: if the other repository does not answer.
        GitexpError: if what it sends cannot be written here.
    """
    said = _fetch(git, remote, names, ask=ask) if names else None
    if said is None:
        return {}
    listed(git, remote, names[:1], ask=ask)
    if len(names) == 1:
        # it may be this clone that lacks objects, which git does not ask for when a ref names them
        is_mended = _fetch(git, remote, names, "--refetch", ask=ask) is None
        return {} if is_mended else {names[0]: _first_line(said)}
    half = len(names) // 2
    return fetch(git, remote, names[:half], ask=ask) | fetch(git, remote, names[half:], ask=ask)


def _fetch(git: Git, remote: str, names: Sequence[str], *options: str, ask: bool) -> bytes | None:
    """What git said when it failed; None: it did not."""
    answer = git.attempt(
        *("fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head"),
        *("--no-auto-maintenance", "--no-recurse-submodules", "--refmap=", "--stdin"),
        *(*options, "--", remote),
        stdin="".join(f"{name}\n" for name in names).encode(),
        env=_manners(git, ask=ask),
    )
    if answer.returncode == 0:
        return None
    _refuse_full_disk(answer.stderr)
    return answer.stderr


def _refuse_full_disk(stderr: bytes) -> None:
    """Tell what this side could not write from what the other one could not give."""
    said = [line for line in stderr.decode(errors="replace").splitlines() if "remote: " not in line]
    for number in (errno.ENOSPC, errno.EDQUOT):
        reason = os.strerror(number)  # the system's words, not git's
        if any(reason in line for line in said):
            raise GitexpError(
                f"what was fetched cannot be written: {reason.lower()}",
                hint="nothing recorded is lost: free some space and run it again",
                code="no-space",
            )


def push(
    git: Git, remote: str, pushes: Iterable[RefPush], *, ask: bool = False
) -> tuple[Pushed, ...]:
    """Push each ref for itself: one that is rejected holds up no other.

    Returns:
        One entry for each ref the other side spoke of.

    Raises:
        Unreachable: if the connection fails; some refs may have been moved then.
    """
    found: list[Pushed] = []
    rest = iter(pushes)
    while some := list(islice(rest, _PUSHED_AT_ONCE)):
        found += _push(git, remote, some, ask=ask)
    return tuple(found)


def _push(git: Git, remote: str, pushes: Sequence[RefPush], *, ask: bool) -> list[Pushed]:
    leases = [f"--force-with-lease={push.name}:{push.expected}" for push in pushes if push.expected]
    specs = [f"{push.oid or ''}:{push.name}" for push in pushes]
    answer = git.configured({f"remote.{remote}.mirror": "false"}).attempt(
        *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"),
        *(*leases, "--", remote, *specs),
        env=_manners(git, ask=ask),
    )
    found = [*_flags(answer.stdout.decode(errors="replace"))]
    # with rejected refs git ends with 1 and speaks of all of them; a broken line leaves some out,
    # and of several push addresses one may be silent
    is_told = len(found) >= len(pushes) and any(answer.is_rejected for answer in found)
    if answer.returncode != 0 and not is_told:
        raise _unreachable(remote, answer.stderr)
    return found


def _flags(output: str) -> Iterator[Pushed]:
    for line in output.splitlines():
        flag, _, rest = line.partition("\t")
        names, found, said = rest.partition("\t")
        if found and flag in [*Flag]:
            yield Pushed(name=names.rpartition(":")[2], flag=Flag(flag), said=said)


def _manners(git: Git, *, ask: bool) -> dict[str, str]:
    if ask:
        return {"GIT_TERMINAL_PROMPT": "1"}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
    if git.setting("core.sshcommand") is None and "GIT_SSH_COMMAND" not in os.environ:
        quiet["GIT_SSH_COMMAND"] = _BATCH_SSH
    return quiet


def _is_ref_name(name: str) -> bool:
    """Whether tracking refs can be named after the remote; a URL never is a name."""
    if name.startswith(("-", "/", ".")) or name.endswith(("/", ".", ".lock")):
        return False
    return not _CONTROL.search(name) and not any(
        bad in name for bad in ("..", "@{", "//", "/.", "~", "^", ":", "?", "*", "[", "\\")
    )


def _unknown(text: str, names: Sequence[str]) -> Refused:
    if not names:
        return Refused(
            f"there is no remote {text!r}",
            hint="git remote add origin <URL>",
            code="no-remote",
        )
    return Refused(
        f"there is no remote {text!r}; sync keeps what it fetches under a remote's name",
        hint=f"git exp sync {names[0]}, or git remote add NAME <URL> first",
        code="no-remote",
    )


def _unreachable(remote: str, stderr: bytes) -> Unreachable:
    return Unreachable(
        f"{remote} cannot be reached: {_first_line(stderr)}",
        hint=f"nothing recorded is lost; when it answers again: git exp sync {remote}",
    )


def _first_line(stderr: bytes) -> str:
    said = [
        line.strip().removeprefix("remote: ").removeprefix("fatal: ").removeprefix("error: ")
        for line in stderr.decode(errors="replace").splitlines()
        if line.strip()
    ]
    return said[0] if said else "no message"


def evidence_refspecs(remote: str) -> tuple[str, str]:
    """What brings notes and archives of others into tracking refs, never into our own."""
    return (
        f"+{refs.NOTES}*:{refs.REMOTE_NOTES}{remote}/exp/*",
        f"+{refs.ARCHIVES}*:{refs.REMOTE_ARCHIVES}{remote}/archive/*",
    )
