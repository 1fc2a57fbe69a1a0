"""What a fresh checkout is given: the harness, links to the user's files, the setup command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from gitexp.errors import GitexpError, Refused
from gitexp.model import Oid
from gitexp.runner import filters, variables
from gitexp.runner.metrics import tail
from gitexp.runner.process import CannotStart, Finished, Launcher, errors_path
from gitexp.runner.quiet_git import QuietGit

SETUP_LIMIT_S = 3600.0
"""How long a setup command may take."""


def relative_path(text: str, *, what: str) -> PurePosixPath:
    """A path inside a checkout, given by the user.

    Args:
        what: The option it comes from, for the message.

    Raises:
        Refused: if it is absolute, empty, leads outside or into the git dir.
    """
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or ".." in path.parts or path.parts[0] == ".git":
        raise Refused(
            f"{what} '{text}' is not a path inside the checkout",
            hint=f"give it relative to the top of the repository: {what} node_modules",
            code="bad-path",
        )
    return path


def apply_harness(
    git: QuietGit, *, control: Oid, commit: Oid, tree: Oid, harness: tuple[str, ...]
) -> None:
    """Make the harness paths what they are in control: the index and the files.

    Args:
        git: In the checkout of `commit`.
        tree: That of the commit with the harness applied.

    Raises:
        Refused: if control does not have one of the paths, or a required filter fails.
    """
    for text in harness:
        path = str(relative_path(text, what="--harness"))
        if not git.run("--literal-pathspecs", "ls-tree", "-z", "--full-tree", control, "--", path):
            raise Refused(
                f"the harness '{text}' is not in control ({control[:10]})",
                hint=f"commit '{text}' on the target branch, then merge that into the experiment",
                code="no-harness",
            )
    if harness and commit != control:
        go = ("read-tree", "-m", "-u", "HEAD", tree)
        if git.attempt(*go).returncode != 0:
            filters.refuse_failing(git, tree)
            git.run(*go)


def make_links(checkout: Path, links: tuple[str, ...], *, user_checkout: Path | None) -> None:
    """Link paths of the checkout to the same paths of the user's.

    Raises:
        Refused: a path is missing there, leads outside, or comes with the commit.
    """
    for text in links:
        path = relative_path(text, what="--link")
        if user_checkout is None:
            raise Refused(
                f"--link '{text}' needs a checkout, and this repository has none",
                hint="run it from a clone with a working tree",
                code="no-checkout",
            )
        source, place = user_checkout / path, checkout / path
        if not source.exists():
            raise Refused(
                f"--link '{text}': there is no '{source}'",
                hint=f"make '{text}' in your checkout first (install the dependencies)",
                code="no-link",
            )
        if not source.parent.resolve().is_relative_to(user_checkout.resolve()):
            raise Refused(
                f"--link '{text}' leads outside of the checkout",
                hint="link a path below the top of the repository",
                code="bad-path",
            )
        if os.path.lexists(place):
            raise Refused(
                f"--link '{text}': the commit has it; a link would give both arms your files",
                hint="link only what git ignores",
                code="tracked-link",
            )
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(source)
        except OSError as error:
            raise GitexpError(
                f"cannot link '{text}': {error.strerror}",
                hint=f"look what is in the way: ls -ld '{place}'",
            ) from error


def run_setup(
    command: str, checkout: Path, *, launcher: Launcher, env: Mapping[str, str], log: Path
) -> None:
    """Run the setup command in the checkout; nothing it started outlives it.

    Args:
        log: Where standard output goes; standard error goes to `errors_path(log)`.

    Raises:
        Refused: if it does not exit with 0; the message ends with what it printed last.
    """
    try:
        finished = launcher.run(
            command,
            cwd=checkout,
            env=variables.for_command(env, cwd=checkout),
            timeout_s=SETUP_LIMIT_S,
            output=log,
        )
    except CannotStart as error:
        raise Refused(
            f"the setup command does not start: {error.reason}", hint=error.hint, code="setup"
        ) from error
    if finished.exit_code == 0 and not finished.timed_out:
        return
    said = log if not errors_path(log).stat().st_size else errors_path(log)
    last = " | ".join(line.strip() for line in tail(said).splitlines()[-4:] if line.strip())
    raise Refused(
        f"the setup command '{command}' {_how_it_ended(finished)}{': ' if last else ''}{last}",
        hint=f"all it printed is in '{said}'",
        code="setup",
    )


def _how_it_ended(finished: Finished) -> str:
    if finished.timed_out:
        return f"took more than {SETUP_LIMIT_S / 60:.0f} minutes"
    if finished.signal is not None:
        return f"was ended by signal {finished.signal}"
    return f"failed with exit status {finished.exit_code}"
