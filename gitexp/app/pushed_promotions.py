"""Promotions among the commits a push adds to a branch, by what their messages say.

`promote` leaves trailers on its merge. A merge made by hand brings the plan commit along, whose
message holds `Exp-Id:`; a squash made by a forge or by git quotes it. The one `git log` here
sees only commits that are new to the branch.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp.app.merged_again import REVERTING, MergedAgain, merged_again, undone
from gitexp.model import ExperimentId, Oid, experiment_id
from gitexp.store import history
from gitexp.store.history import Told
from gitexp.store.repository import Repository
from gitexp.store.store import Store

_SAID = ("^[[:space:]*]*Exp-Id: ", *REVERTING)
# squashes quote the messages they are made of: indented, or as the items of a list
_TRAILER = re.compile(r"^[ \t*]*(Exp-[A-Za-z-]+): *(.*?) *$", re.MULTILINE)
_OWN_ID = re.compile(r"^Exp-Id: ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A commit that says of itself that it promotes an experiment, as `promote` writes it.

    Attributes:
        tip: What it merged; None when it is no merge (any more).
        verdict: What it says was decided.
        evidence: The commit it says pins the notes.
        override: The reason it gives for merging all the same.
    """

    commit: Oid
    exp: ExperimentId
    tip: Oid | None
    plan_hash: str
    verdict: str
    evidence: str
    override: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A commit that names an experiment: its plan commit, or a squash of its branch.

    Attributes:
        is_plan: It changes no file, so it brings no treatment itself.
    """

    commit: Oid
    exp: ExperimentId
    is_plan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotions:
    """What the commits of a range say of experiments, newest first.

    Attributes:
        again: Merges of new commits after earlier ones were taken out.
        undone: Commits that a later one of the range reverts.
    """

    claims: tuple[Claim, ...]
    mentions: tuple[Mention, ...]
    again: tuple[MergedAgain, ...]
    undone: frozenset[Oid]


def promotions(store: Store, new: Oid, known: Sequence[Oid]) -> Promotions:
    """What the commits of `new` that none of `known` has say of experiments; reverted ones not."""
    repository = store.repository
    told = history.saying(store.git, _SAID, [new], but=known)
    found = {commit.oid: commit for commit in told}
    gone = undone(found)
    claims: list[Claim] = []
    mentions: list[Mention] = []
    promoted: set[ExperimentId] = set()
    for oid, commit in found.items():
        said = _trailers(commit.message)
        exps = () if "Exp-Reverts" in said else _experiments(said)
        is_own = len(exps) == 1 and {"Exp-Decision", "Exp-Plan-Hash"} <= said.keys()
        if is_own and not _is_quoting(commit.message):
            # the plan commit that the merge brought along says nothing of its own
            promoted.add(exps[0])
            claims += [] if oid in gone else [_claim(commit, exps[0], said)]
        elif oid not in gone:
            is_plan = _is_empty(repository, commit)
            mentions += [Mention(commit=oid, exp=exp, is_plan=is_plan) for exp in exps]
    return Promotions(
        claims=tuple(claims),
        mentions=tuple(m for m in mentions if m.exp not in promoted),
        again=merged_again(store, new, known, gone, lambda plan: _planned(repository, plan)),
        undone=frozenset(gone),
    )


def _claim(commit: Told, exp: ExperimentId, said: Mapping[str, Sequence[str]]) -> Claim:
    return Claim(
        commit=commit.oid,
        exp=exp,
        tip=commit.parents[1] if len(commit.parents) == 2 else None,
        plan_hash=said["Exp-Plan-Hash"][-1],
        verdict=said["Exp-Decision"][-1],
        evidence=said.get("Exp-Evidence", ("",))[-1],
        override=said.get("Exp-Override", (None,))[-1],
    )


def _experiments(said: Mapping[str, Sequence[str]]) -> tuple[ExperimentId, ...]:
    found = []
    for text in said.get("Exp-Id", ()):
        try:
            found.append(experiment_id(text))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


def _is_quoting(message: str) -> bool:
    """Whether these are messages of others: a squash of a branch that had a promotion."""
    return len(_trailers(message)["Exp-Id"]) > 1 or not _OWN_ID.search(message)


def _planned(repository: Repository, commit: Told) -> ExperimentId | None:
    """The experiment whose plan commit it is."""
    exps = _experiments(_trailers(commit.message))
    return exps[0] if len(exps) == 1 and _is_empty(repository, commit) else None


def _trailers(message: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, value in _TRAILER.findall(message):
        found[key].append(value)
    return dict(found)


def _is_empty(repository: Repository, commit: Told) -> bool:
    parents = commit.parents
    if len(parents) != 1 or not repository.is_commit(parents[0]):
        return False
    return repository.commit(parents[0]).tree == repository.commit(commit.oid).tree


def merged_with(store: Store, plan: Oid, new: Oid) -> tuple[Oid, Oid] | None:
    """The merge that brought the plan commit into `new`, and what it merged.

    None when it came by no merge, or by one that brought nothing else.
    """
    chain = history.first_parents(store.git, plan, new)
    within = history.descendants(store.git, plan, new)
    merge = next((oid for oid in reversed(chain) if oid in within), None)
    if merge is None:
        return None
    parents = store.repository.commit(merge).parents[1:]
    tip = next((parent for parent in parents if parent in within), None)
    return None if tip is None else (merge, tip)
