"""Whether the refs of a new experiment can be made."""

from __future__ import annotations

from collections.abc import Iterator

from gitexp import refs
from gitexp.errors import GitexpError, Refused
from gitexp.model import ExperimentId
from gitexp.refs import short
from gitexp.store.repository import Repository

_PARENTS = {
    "refs/heads/exp": ("a branch named 'exp'", "git branch -m exp exp-old"),
    "refs/notes/exp": (
        "the notes ref refs/notes/exp",
        "git update-ref refs/notes/exp-old refs/notes/exp && git update-ref -d refs/notes/exp",
    ),
    "refs/exp": ("the ref refs/exp", "git update-ref -d refs/exp"),
    "refs/exp/archive": ("the ref refs/exp/archive", "git update-ref -d refs/exp/archive"),
}


def blocking(repository: Repository) -> Iterator[tuple[str, str]]:
    """What leaves no room for any experiment's refs, each with the command that ends that."""
    for name, found in _PARENTS.items():
        # git keeps refs as files: one of this name leaves no room for a folder
        if repository.ref(name) is not None:
            yield found


def refuse_taken(repository: Repository, exp: ExperimentId) -> None:
    """Refuse an id that is in use, or whose refs something else keeps from being made.

    Raises:
        Refused: naming what is in the way.
    """
    for what, hint in blocking(repository):
        raise Refused(f"{what} is in the way of experiments' refs", hint=hint, code="name-taken")
    branch = refs.branch(exp)
    own, tracking = f"{refs.NOTES}{exp}/", f"{refs.REMOTE_NOTES}**/exp/{exp}/*"
    archived = (f"{refs.ARCHIVES}{exp}/", f"{refs.REMOTE_ARCHIVES}**/archive/{exp}/*")
    has_branch = repository.ref(branch) is not None
    if repository.refs(own, tracking, *archived):
        raise taken(exp, is_ours=True, has_branch=has_branch)
    if has_branch:
        raise taken(exp, is_ours=False, has_branch=True)
    for below in repository.refs(f"{branch}/"):
        raise Refused(
            f"the branch {short(below)} leaves no room for exp/{exp}",
            hint=f"git branch -m {short(below)} <another name>, or choose another --id",
            code="name-taken",
        )


def taken(exp: ExperimentId, *, is_ours: bool, has_branch: bool) -> GitexpError:
    """The id is somebody's already."""
    if not is_ours:
        return Refused(
            f"a branch exp/{exp} exists, and it is no experiment",
            hint=f"git branch -m exp/{exp} <another name>, or choose another --id",
            code="name-taken",
        )
    ended = "" if has_branch else ", and its records are kept"
    return Refused(
        f"an experiment {exp} exists already{ended}",
        hint=f"git exp status {exp}, or choose another --id",
        code="exists",
    )
