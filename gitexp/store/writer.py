"""Who this clone is: the writer id its records and refs carry."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from gitexp.errors import UsageError
from gitexp.model import WriterId, writer_id
from gitexp.store.files import Folder, failing

VARIABLE = "GITEXP_WRITER"
_NAME = "writer"
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def named_writer(environ: Mapping[str, str] = os.environ) -> WriterId | None:
    """The writer GITEXP_WRITER names, or None.

    Raises:
        UsageError: if the variable holds no writer name.
    """
    name = environ.get(VARIABLE, "")
    if not name:
        return None
    try:
        return writer_id(name)
    except ValueError as error:
        raise UsageError(f"{VARIABLE}: {error}", hint=f"unset {VARIABLE}, or shorten it") from error


def known_writer(common_dir: Path, environ: Mapping[str, str] = os.environ) -> WriterId | None:
    """This clone's writer if it has one already; writes nothing."""
    return named_writer(environ) or _stored(common_dir)


def clone_writer(common_dir: Path, environ: Mapping[str, str] = os.environ) -> WriterId:
    """This clone's writer; made up and stored the first time.

    The stored id counts only where it was made: on this machine, in a common dir with this
    inode, in this very file. A copy of the repository (`cp -r`, rsync, a restored backup) must
    not go on writing as its original, or both would move the same refs and count the same seq.
    """
    return known_writer(common_dir, environ) or _create(common_dir)


def _stored(common_dir: Path) -> WriterId | None:
    folder = Folder(common_dir, "exp")
    content = folder.read(_NAME)
    status = folder.status(_NAME)
    if content is None or status is None:
        return None
    try:
        stored = json.loads(content)
        writer = writer_id(stored["writer"])
        is_here = stored["bound"] == _binding(common_dir, status.st_ino, stored["token"])
    except (ValueError, KeyError, TypeError):
        return None
    return writer if is_here else None


def _create(common_dir: Path) -> WriterId:
    folder = Folder(common_dir, "exp")
    writer = _readable_id()
    temporary = f"{_NAME}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    path = folder.path / _NAME
    # not Folder.write: the content holds the inode of the file itself
    found = folder.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with failing(path), os.fdopen(found, "wb") as file:
            token = os.urandom(16).hex()
            bound = _binding(common_dir, os.fstat(file.fileno()).st_ino, token)
            file.write(json.dumps({"writer": writer, "token": token, "bound": bound}).encode())
            file.flush()
            os.fsync(file.fileno())
        return _settle(common_dir, folder, temporary, writer)
    finally:
        folder.remove(temporary)


def _settle(common_dir: Path, folder: Folder, temporary: str, writer: WriterId) -> WriterId:
    """Put the file in place unless another process was first: then its id is ours."""
    lock = folder.open(f"{_NAME}.lock", os.O_WRONLY | os.O_CREAT)
    try:
        with failing(folder.path / _NAME):
            fcntl.flock(lock, fcntl.LOCK_EX)
        first = _stored(common_dir)
        if first is not None:
            return first
        folder.rename(temporary, _NAME)
        folder.sync()
        return writer
    finally:
        os.close(lock)


def _binding(common_dir: Path, own_inode: int, token: str) -> str:
    facts = [_machine(), str(common_dir.stat().st_ino), str(own_inode), str(token)]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def _machine() -> str:
    for path in _MACHINE_IDS:
        try:
            found = path.read_text("ascii", errors="replace").strip()
        except OSError:
            continue
        if found:
            return found
    return platform.node()


def _readable_id() -> WriterId:
    """Such as ann-laptop-7f3kq2: user, host, and enough chance to be the only one."""
    chance = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(6))
    words = [_word(_user(), 12), _word(platform.node().split(".")[0], 12), chance]
    return writer_id("-".join(filter(None, words)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _word(text: str, length: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:length].strip("-")
