"""`git exp exec`: one real use of a command as one trial, without ever being in its way.

Neither click nor anything that reads records is imported here before the command starts. What that
takes is done in a process apart, so that nothing that goes wrong there, whatever it is, can reach
the user's command; it leaves a lane behind, by which this and later uses know what to do.
"""

from __future__ import annotations

import fcntl
import os
import sys

from gitexp.live import child, files, lane, places, quick_git
from gitexp.live.slots import USE, SlotsFile
from gitexp.runner.variables import for_trial

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitexp.live.slots import Reservation, Slot


class Request:
    """What was typed.

    Attributes:
        exp: An experiment's id; None: the one that `name` leads to, or whose branch is checked out.
        name: Of a command under experiment (`create --command`).
    """

    __slots__ = ("argv", "exp", "in_place", "name")

    def __init__(
        self, *, exp: str | None, name: str | None, in_place: bool, argv: Sequence[str]
    ) -> None:
        self.exp = exp
        self.name = name
        self.in_place = in_place
        self.argv = tuple(argv)


class _Unrecorded(Exception):
    """The command runs where the user is, and is no trial; the message says why."""


class _Use:
    """A use with its slot: all that is needed to run it and to record it."""

    __slots__ = ("common_dir", "cwd", "env", "lane", "locks", "reservation", "scratch")

    def __init__(
        self,
        *,
        common_dir: str,
        lane: lane.Lane,
        reservation: Reservation,
        cwd: str | None,
        env: Mapping[str, str],
        scratch: str,
        locks: Sequence[int],
    ) -> None:
        self.common_dir = common_dir
        self.lane = lane
        self.reservation = reservation
        self.cwd = cwd
        self.env = env
        self.scratch = scratch
        self.locks = locks


class _Place:
    """Where the user stands."""

    __slots__ = ("common_dir", "cwd", "head", "prefix", "top")

    def __init__(self, cwd: str, common_dir: str, top: str, prefix: str, head: str) -> None:
        self.cwd = cwd
        self.common_dir = common_dir
        self.top = top
        self.prefix = prefix
        self.head = head


def parse(args: Sequence[str]) -> Request | None:
    """What these words ask for; None for anything that needs an explanation."""
    if "--" not in args:
        return None
    at = list(args).index("--")
    own, argv = list(args[:at]), args[at + 1 :]
    exp = name = None
    in_place = False
    while own:
        word = own.pop(0)
        if word == "--in-place":
            in_place = True
        elif word == "--for" and own and name is None:
            name = own.pop(0)
        elif word.startswith("--for=") and name is None:
            name = word.removeprefix("--for=")
        elif not word.startswith("-") and exp is None:
            exp = word
        else:
            return None
    if not argv or (exp is not None and name is not None) or "" in (exp, name):
        return None
    return Request(exp=exp, name=name, in_place=in_place, argv=argv)


def use(request: Request) -> int:
    """Run the command once, as a trial where that is possible; its exit status."""
    inherited = child.Inherited()
    _hold_closed_streams()
    try:
        found = _assign(request)
    except _Unrecorded as why:
        _warn(f"not recorded: {why}")
    except Exception as error:  # whatever it is, the user's command runs
        _warn(f"not recorded: {_text_of(error)}")
    else:
        return _run(request, found, inherited)
    return _plainly(request, inherited)


def _hold_closed_streams() -> None:
    """Let no file of ours get the number of a stream that was closed: warnings go to number 2.

    The command finds them closed.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _plainly(request: Request, inherited: child.Inherited) -> int:
    try:
        child.become(request.argv, os.environ, inherited)
    except OSError as error:
        _say(f"error: cannot run '{request.argv[0]}': {os.strerror(error.errno or 0).lower()}")
        return child.status_of(error)


def _run(request: Request, found: _Use, inherited: child.Inherited) -> int:
    try:
        ended = child.run(request.argv, cwd=found.cwd, env=found.env, inherited=inherited)
    except OSError as error:
        _warn(f"not recorded: no process can be started: {_text_of(error)}")
        return _plainly(request, inherited)
    if ended.cannot_start is not None:
        _say(f"error: cannot run '{request.argv[0]}': {ended.cannot_start}")
    try:
        child.interrupt_after(5.0)  # recording takes a tenth of a second
        from gitexp.app.uses import record_use

        complaint = record_use(
            found.common_dir,
            found.lane,
            found.reservation,
            ended,
            metrics_file=f"{found.scratch}/metrics",
        )
        if complaint:
            _warn(complaint)
    except (Exception, KeyboardInterrupt) as error:
        _warn(f"not recorded: {_text_of(error)}")
    finally:
        child.block_from_now_on()
        _tidy_up(found)
    return child.end_like(ended, inherited)


def _tidy_up(found: _Use) -> None:
    import shutil

    shutil.rmtree(found.scratch, ignore_errors=True)
    for fd in found.locks:
        os.close(fd)


# --- before the command -----------------------------------------------------------------------


def _assign(request: Request) -> _Use:
    try:
        cwd = os.getcwd()
    except FileNotFoundError:
        raise _Unrecorded("the folder we are in is gone") from None
    found = quick_git.here()
    if found is None:
        nowhere = "git finds no work tree with a commit here: git status tells why"
        raise _Unrecorded("this folder's path holds a line break" if "\n" in cwd else nowhere)
    place = _Place(cwd, *found)
    name = _lane_name(request, place)
    for _ in range(2):
        known = lane.find(place.common_dir, name, os.environ)
        if known is not None and _is_current(known, place):
            if known.closed:
                raise _Unrecorded(known.closed)
            assigned = _take(request, known, place)
            if assigned is not None:
                return assigned
        _prepare(request, name)
    raise _Unrecorded("other uses take all slots there are; try again")


def _lane_name(request: Request, place: _Place) -> str:
    exp = request.exp
    if exp is None and request.name is None:
        if not place.head.startswith("refs/heads/exp/"):
            raise _Unrecorded("no experiment is named, and none is checked out here")
        exp = place.head
    if exp is not None:
        exp = exp.removeprefix("refs/heads/").removeprefix("exp/")
        if not exp.isascii() or "/" in exp or len(exp) > 64:
            raise _Unrecorded(f"there is no experiment '{exp}'")
    return lane.lane_name(exp=exp, command=request.name, writer=os.environ.get("GITEXP_WRITER"))


def _is_current(known: lane.Lane, place: _Place) -> bool:
    if not known.is_of(place.common_dir) or quick_git.listed(*known.patterns) != known.refs:
        return False
    # a trust that was taken back holds at once
    return bool(known.closed) or places.is_trusted(known.plan, os.environ)


def _take(request: Request, known: lane.Lane, place: _Place) -> _Use | None:
    """A slot of our own; None when the lane has to be prepared anew."""
    locks = _lock_checkouts(known)
    if locks is None:
        return None
    found = None
    try:
        found = _reserve(request, known, place, locks)
    finally:
        if found is None:  # else they last as long as the use
            for fd in locks:
                os.close(fd)
    return found


def _reserve(
    request: Request, known: lane.Lane, place: _Place, locks: Sequence[int]
) -> _Use | None:
    folders = {arm: _folder(path, place) for arm, path in known.checkouts.items()}
    if not request.in_place:
        _refuse_foreign(request.argv[0], folders, known, place)
    with SlotsFile(place.common_dir, known.slots) as file:
        slots = file.load()
        if slots is None or slots.closed or slots.plan != known.plan:
            return None
        if any(held.kind != USE and held.is_abandoned for held in slots.reserved.values()):
            return None
        slot = slots.take()
        if slot is None:
            return None
        held = slots.reserve(slot, kind=USE, commit=known.commits[slot.arm], limit_s=known.limit_s)
        scratch = f"{known.scratch}/{held.trial}"
        os.makedirs(scratch, mode=0o700)
        env = _environment(request, known, slot, place, folders[slot.arm]) | {
            "GITEXP_TRIAL": held.trial,
            "GITEXP_METRICS": f"{scratch}/metrics",
            "GITEXP_SEED": str(slots.draws.seed(slot.block, slot.attempt)),
        }
        file.save(slots)  # last: what fails before it has reserved nothing
    return _Use(
        common_dir=place.common_dir,
        lane=known,
        reservation=held,
        cwd=None if request.in_place else folders[slot.arm],
        env=env,
        scratch=scratch,
        locks=locks,
    )


def _environment(
    request: Request, known: lane.Lane, slot: Slot, place: _Place, folder: str
) -> dict[str, str]:
    """What the command sees, but for what depends on the reservation."""
    env = for_trial(
        os.environ,
        cwd=folder,
        experiment=known.exp,
        arm=slot.arm,
        block=slot.block,
        trial="",
        seed=0,
    )
    env["GITEXP_USER_DIR"] = place.cwd
    if not request.in_place:
        return env
    ours = {name: value for name, value in env.items() if name.startswith("GITEXP_")}
    return {**os.environ, **ours, "GITEXP_ARM_DIR": known.checkouts[slot.arm]}


def _folder(checkout: str, place: _Place) -> str:
    """Where in the checkout the user would stand."""
    inner = f"{checkout}/{place.prefix}".rstrip("/")
    return inner if os.path.isdir(inner) else checkout


def _refuse_foreign(word: str, folders: Mapping[str, str], known: lane.Lane, place: _Place) -> None:
    """Nothing, unless the command is no part of what is compared.

    Raises:
        _Unrecorded: then.
    """
    if "/" not in word:
        return
    if not any(os.path.exists(os.path.join(folder, word)) for folder in folders.values()):
        if os.path.exists(word):
            raise _Unrecorded(f"'{word}' is here, but in neither arm of the experiment")
        raise _Unrecorded(f"there is no '{word}' in either arm of the experiment")
    path = os.path.normpath(word)
    inside = path.removeprefix(f"{place.top}/")
    # what the arms do not have, as a virtual environment, is a tool of both
    if path != inside and any(os.path.exists(f"{c}/{inside}") for c in known.checkouts.values()):
        raise _Unrecorded(f"'{word}' is in your own checkout, so both arms would run the same")


def _lock_checkouts(known: lane.Lane) -> list[int] | None:
    """Locks that keep both checkouts as they are; None when somebody is changing one."""
    locks: list[int] = []
    try:
        for path in known.checkouts.values():
            fd = os.open(f"{path}.lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            locks.append(fd)
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        for fd in locks:
            os.close(fd)
        return None
    return locks


def _prepare(request: Request, name: str) -> None:
    """Have a process apart prepare the lane.

    Raises:
        _Unrecorded: when there is nothing to assign, or it could not find out.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _prepare_here(request, name, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = os.fsdecode(pipe.read(4096))
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise _Unrecorded(answer or "it could not be prepared")


def _prepare_here(request: Request, name: str, answer: int) -> None:
    status = 1
    try:
        from gitexp.app.lanes import prepare

        prepare(name, exp=request.exp, command=request.name, argv=request.argv)
        status = 0
    except BaseException as error:
        os.write(answer, os.fsencode(_text_of(error))[:4096])
    finally:
        os._exit(status)


# --- words ------------------------------------------------------------------------------------


def _text_of(error: BaseException) -> str:
    message, hint = getattr(error, "message", None), getattr(error, "hint", None)
    if message:
        return f"{message} ({hint})" if hint else str(message)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError | files.Unusable):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _warn(text: str) -> None:
    _say(f"warning: {text}")


def _say(text: str) -> None:
    """One line on stderr, whatever the text holds and whoever reads."""
    safe = "".join(c if c.isprintable() else " " for c in text)
    try:
        os.write(2, f"{safe}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def started_as(argv: Sequence[str] = sys.argv) -> Request | None:
    """The use this process was started for; None when it was started for something else."""
    return parse(argv[2:]) if argv[1:2] == ["exec"] else None
