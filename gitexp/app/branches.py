"""What HEAD and the branches say, without reading any record."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp import refs
from gitexp.model import ExperimentId, Oid
from gitexp.store.store import Store


def head_branch(store: Store) -> str | None:
    """The full name of the branch checked out here; None when detached."""
    answer = store.git.attempt("symbolic-ref", "--quiet", "HEAD")
    return answer.stdout.decode().strip() if answer.returncode == 0 else None


def current_experiment(store: Store) -> ExperimentId | None:
    """The experiment whose branch is checked out here."""
    branch = head_branch(store)
    return refs.parse_branch(branch) if branch else None


def without_switch(commands: tuple[str, ...], exp: ExperimentId) -> tuple[str, ...]:
    """The next commands for somebody who stands on the experiment's branch already."""
    return tuple(command for command in commands if command != f"git switch exp/{exp}")


def branch_tips(listed: Mapping[str, Oid]) -> dict[ExperimentId, tuple[Oid, str | None]]:
    """Experiment branches with their tips; those of this clone before those seen on remotes.

    Args:
        listed: What `Store.our_refs` gave.
    """
    found: dict[ExperimentId, tuple[Oid, str | None]] = {}
    for name, tip in sorted(listed.items(), key=lambda item: not item[0].startswith("refs/heads/")):
        exp, remote = refs.parse_branch(name), None
        if exp is None and name.startswith(refs.REMOTE_BRANCHES):
            remote, _, rest = name.removeprefix(refs.REMOTE_BRANCHES).rpartition("/exp/")
            exp = refs.parse_branch(f"{refs.BRANCHES}{rest}")
        if exp is not None:
            found.setdefault(exp, (tip, remote))
    return found


def target_tips(store: Store, target: str) -> tuple[Oid, ...]:
    """The target branch here and on every remote, as last fetched; each commit once."""
    return tuple(sorted(set(store.known_tips(target)[target].values())))


def known_ids(store: Store, listed: Mapping[str, Oid] | None = None) -> tuple[ExperimentId, ...]:
    """Every experiment of this clone, and those whose branch was only seen on a remote.

    Args:
        listed: What `Store.our_refs` gave, to ask git but once.
    """
    listed = store.our_refs() if listed is None else listed
    return tuple(sorted({*store.experiment_ids(listed), *branch_tips(listed)}))
