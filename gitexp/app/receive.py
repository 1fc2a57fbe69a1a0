"""What a remote has, brought here: nothing of it is judged, and nothing of ours moves."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitexp import refs
from gitexp.app.status import every_row
from gitexp.errors import Refused
from gitexp.model import ExperimentId, Oid, Record, State
from gitexp.refs import RefUpdate
from gitexp.store import evidence
from gitexp.store.git import Git
from gitexp.store.refspecs import is_mirrored, overwriting
from gitexp.store.store import Store
from gitexp.store.tracking import Arrived, Theirs, look, take


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one look at a remote brought.

    Attributes:
        theirs: What the remote has.
        new: Records that were not here before, by experiment.
        strange: Refs of the remote, under our names, that are no commits: left there.
        damaged: Those that cannot be had: left there, too.
    """

    theirs: Theirs
    strange: tuple[str, ...]
    damaged: tuple[str, ...]
    new: Mapping[ExperimentId, tuple[Record, ...]]
    warnings: tuple[str, ...]


def receive(store: Store, remote: str, *, ask: bool = False) -> Received:
    """Bring all evidence, the experiments' branches and the branches they want to get into.

    Raises:
        Unreachable: if the remote does not answer; nothing was moved, or all but a target branch.
        StaleRef: if a ref moved meanwhile.
    """
    theirs = look(store.git, remote, ask=ask)
    before = store.our_refs()
    arrived = take(store.git, store.repository, remote, theirs, targets=_targets(store), ask=ask)
    new = _new_records(store, before, arrived.moved)
    if new:  # perhaps with targets that nobody here had heard of
        take(store.git, store.repository, remote, theirs, targets=_targets(store), ask=ask)
    return Received(
        theirs=theirs,
        strange=arrived.strange,
        damaged=tuple(sorted(arrived.damaged)),
        new=new,
        warnings=arrival_warnings(remote, arrived),
    )


def refuse_mirror(git: Git) -> tuple[str, ...]:
    """Warnings about fetch refspecs that would overwrite own evidence.

    Raises:
        Refused: if everything here is fetched over: such a clone cannot hold evidence.
    """
    found = overwriting(git)
    for spec in found:
        if is_mirrored(spec):
            url = git.setting(f"remote.{spec.remote}.url") or "URL"
            raise Refused(
                f"this clone mirrors {spec.remote}: a fetch would erase what is recorded here",
                hint=f"use an ordinary clone: git clone {shlex.quote(url)} FOLDER",
                code="mirror",
            )
    return tuple(
        "git fetch overwrites what is recorded here; to end that: git config --fixed-value "
        f"--unset-all {shlex.quote(f'remote.{spec.remote}.fetch')} {shlex.quote(spec.text)}"
        for spec in found
    )


def _targets(store: Store) -> set[str]:
    """Branches that running experiments want to get into."""
    return {row.target for row in every_row(store) if row.state is State.RUNNING}


def _new_records(
    store: Store, before: Mapping[str, Oid], moved: Iterable[RefUpdate]
) -> dict[ExperimentId, tuple[Record, ...]]:
    """The records that these moves brought."""
    tips: dict[ExperimentId, dict[str, Oid]] = {}
    for update in moved:
        ref = refs.parse_notes(update.name)
        if ref is not None and update.new is not None:
            tips.setdefault(ref.exp, {})[update.name] = update.new
    found = {}
    for exp, after in tips.items():
        known = {record.id for record in evidence.read(store.repository, exp, before).records}
        came = evidence.read(store.repository, exp, after).records
        found[exp] = tuple(record for record in came if record.id not in known)
    return {exp: new for exp, new in found.items() if new}


def arrival_warnings(remote: str, arrived: Arrived) -> tuple[str, ...]:
    """What could not be taken from the remote, and why."""
    said = [f"{name} on {remote} is no commit; it was left there" for name in arrived.strange]
    said += [
        f"{name} cannot be fetched from {remote}: {why}; it was left there"
        for name, why in sorted(arrived.damaged.items())
    ]
    if arrived.left_out:
        said.append(
            f"this clone is shallow: {arrived.left_out} archives were not fetched, for they would "
            "bring all of the history; git fetch --unshallow, then sync again"
        )
    return tuple(said)
