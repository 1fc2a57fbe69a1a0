"""What a push means for experiments: judged first, then its evidence goes along.

Refused is what could not be taken back by a later push: a promotion nobody can check on a branch
that others build upon, a plan that is not the registered one, the erasure of others' records.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from gitexp import refs
from gitexp.app.load import load
from gitexp.app.push_command import PushCommand, push_command
from gitexp.app.pushed import PushedRef
from gitexp.app.registry import registered_plans
from gitexp.app.settings import Settings
from gitexp.app.share import lacking, own_evidence, push_each
from gitexp.errors import GitexpError, Refused
from gitexp.model import ExperimentId, Oid
from gitexp.store.callers import callers
from gitexp.store.remote import RefPush, listed, remote_names
from gitexp.store.store import Store

_BRANCHES = "refs/heads/"
_TRUNKS = ("main", "master")


class Fate(StrEnum):
    """What became of the evidence of what is pushed."""

    NONE = "none"
    PUSHED = "pushed"
    NOT_NOW = "not-now"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushNews:
    """What a push was found to mean; a push that must not go on is refused instead.

    Attributes:
        remote: As the user named it.
        is_named: It is a configured remote, and no URL.
        exps: Whose evidence belongs to it.
        fate: `not-now` on a dry run, `unknown` when that cannot be told.
        refs: How many refs the other repository took, of `pushed` ones.
        why: What was said, of `failed` ones.
    """

    remote: str
    is_named: bool
    exps: tuple[ExperimentId, ...] = ()
    fate: Fate = Fate.NONE
    refs: int = 0
    why: str = ""


def pre_push(
    store: Store, pushed: Sequence[PushedRef], *, remote: str, url: str, pid: int | None
) -> PushNews:
    """Judge a push, and take the evidence of what it carries along.

    Args:
        remote: The remote's name, or the URL when it has none.
        pid: Of the `git push`, or of a process it started.

    Raises:
        Refused: when the push must not go on, with the way out.
    """
    command = None if pid is None else push_command(callers(pid))
    is_named = f"remote.{remote}.url" in store.git.config
    there = _There(name=remote, place=remote if is_named else url, is_named=is_named)
    _refuse_erasing(store, pushed, there, command)
    exps = {*_branches(store, pushed), *_promoted(store, pushed)}
    if not exps:
        return PushNews(remote=remote, is_named=is_named)
    return _share(store, pushed, exps, there, command)


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """The other repository.

    Attributes:
        place: What git is to connect to: the name, or a URL without one.
    """

    name: str
    place: str
    is_named: bool


def _refuse_erasing(
    store: Store, pushed: Sequence[PushedRef], there: _There, command: PushCommand | None
) -> None:
    gone = [ref for ref in pushed if ref.evidence is not None and ref.old is not None]
    own = own_evidence(store) if gone else {}
    lost = {ref.evidence for ref in gone if ref.evidence and _drops(store, ref, own)}
    is_mirror = _is_set(store, f"remote.{there.name}.mirror")
    if is_mirror or (command is not None and command.is_mirror):
        lost |= _not_mirrored(store, there)
    if lost:
        again = f"git exp sync {there.name}" if there.is_named else "git exp sync"
        raise Refused(
            f"this push would erase what {_some({ref.writer for ref in lost})} recorded of "
            f"{_some({ref.exp for ref in lost})} from {there.name}",
            hint=f"{again} keeps a copy here; then push branches alone, or erase it with "
            "git push --no-verify",
            code="erases-evidence",
        )


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3]) + ", ..." * (len(names) > 3)


def _drops(store: Store, ref: PushedRef, own: Collection[str]) -> bool:
    """Whether the push takes evidence away: another writer's ref, or what it was built upon."""
    if ref.new is None or ref.old is None:
        return ref.name not in own
    return not store.repository.contains(ref.new, ref.old)


def _not_mirrored(store: Store, there: _There) -> set[refs.WriterRef]:
    """Evidence there that has no ref of the same name here; git tells no hook what goes so."""
    try:
        found = listed(store.git, there.place, (f"{refs.NOTES}*", f"{refs.ARCHIVES}*"))
    except GitexpError:
        return set()
    here = store.repository.refs(refs.NOTES, refs.ARCHIVES)
    parsed = (refs.parse_notes(n) or refs.parse_archive(n) for n in found if n not in here)
    return {ref for ref in parsed if ref is not None}


def _is_set(store: Store, name: str) -> bool:
    return (store.git.setting(name) or "").lower() in ("true", "yes", "on", "1")


def _branches(store: Store, pushed: Iterable[PushedRef]) -> set[ExperimentId]:
    """Experiments whose branches are pushed, each by the plan it was registered with.

    Raises:
        Refused: for one with trials and another plan.
    """
    found = set()
    for ref in pushed:
        exp = ref.experiment
        if exp is None or ref.new is None or not store.repository.is_commit(ref.new):
            continue
        found.add(exp)
        try:
            loaded = load(store, exp, at=ref.new)
        except GitexpError:
            continue  # no experiment, or what is here of it does not tell
        if loaded.experiment.trials and any(check.check == "plan" for check in loaded.health):
            raise Refused(
                f"the plan on {refs.short(ref.name)} is not the one its trials were run by",
                hint=f"put the commit that registered it back, as git exp show {exp} has it; "
                f"another plan is another experiment: git exp create --like {exp}",
                code="plan-changed",
            )
    return found


# --- protected branches -------------------------------------------------------------------------


def _promoted(store: Store, pushed: Iterable[PushedRef]) -> set[ExperimentId]:
    """Experiments whose change protected branches would get, each borne out by its records.

    Raises:
        Refused: for one that is not.
    """
    found: set[ExperimentId] = set()
    branches = [r for r in pushed if r.name.startswith(_BRANCHES) and r.new is not None]
    branches = [r for r in branches if not r.name.startswith(refs.BRANCHES)]
    if not branches:
        return found
    protected = _Protected.of(store)
    for ref in branches:
        if ref.new is not None and protected.has(ref.name):
            # imported only now: most pushes go to branches nobody protects
            from gitexp.app.proof import Proof
            from gitexp.app.pushed_promotions import promotions

            known = [*protected.tips(store), *([ref.old] if ref.old else [])]
            known = [oid for oid in known if store.repository.is_commit(oid)]
            arriving = promotions(store, ref.new, known)
            found |= Proof(store, ref.name, ref.new).require(arriving)
    return found


@dataclass(frozen=True, slots=True)
class _Protected:
    """Branches that take promotions only with their evidence.

    Attributes:
        patterns: Names without refs/heads/, or globs.
    """

    patterns: tuple[str, ...]

    @staticmethod
    def of(store: Store) -> _Protected:
        """As configured; else the targets of all plans known here; else main and master."""
        named = Settings.of(store.git).values("protect", ()) or _targets(store) or _TRUNKS
        return _Protected(tuple(name.removeprefix(_BRANCHES) for name in named))

    def has(self, name: str) -> bool:
        short = name.removeprefix(_BRANCHES)
        return any(fnmatchcase(short, pattern) for pattern in self.patterns)

    def tips(self, store: Store) -> set[Oid]:
        """What such branches of all remotes were at last sight: judged when it got there.

        Not what other branches of theirs have: else a detour would do.
        """
        return {
            tip
            for remote in remote_names(store.git)
            for name, tip in store.repository.refs(f"{refs.REMOTE_BRANCHES}{remote}/").items()
            if self.has(name.removeprefix(f"{refs.REMOTE_BRANCHES}{remote}/"))
        }


def _targets(store: Store) -> tuple[str, ...]:
    """The targets of all plans that archives here hold."""
    return tuple(dict.fromkeys(plan.target for plan in registered_plans(store)))


# --- the evidence -------------------------------------------------------------------------------


def _share(
    store: Store,
    pushed: Sequence[PushedRef],
    exps: set[ExperimentId],
    there: _There,
    command: PushCommand | None,
) -> PushNews:
    """Push the evidence along, unless this is a rehearsal, or might be one."""
    news = PushNews(remote=there.name, is_named=there.is_named, exps=tuple(sorted(exps)))
    try:
        store.flush()
        offers = _offers(store, pushed, exps, there.name)
        if not offers:
            return news
        if command is None or command.is_dry_run:
            return replace(news, fate=Fate.UNKNOWN if command is None else Fate.NOT_NOW)
        answer = push_each(store, there.place, offers)
    except GitexpError as error:
        return replace(news, fate=Fate.FAILED, why=error.message)
    if answer.refused:
        return replace(news, fate=Fate.FAILED, why=f"refused, {answer.refused[0].said}")
    return replace(news, fate=Fate.PUSHED, refs=len(answer.pushed)) if answer.pushed else news


def _offers(
    store: Store, pushed: Iterable[PushedRef], exps: set[ExperimentId], remote: str
) -> list[RefPush]:
    """Own evidence of these experiments that the remote was not seen to have."""
    # what the push itself moves must not move under it
    moving = {ref.name for ref in pushed}
    return [
        offer
        for offer in lacking(store, _seen_at(store, remote))
        if offer.name not in moving and _experiment(offer.name) in exps
    ]


def _seen_at(store: Store, remote: str) -> dict[str, Oid]:
    """The evidence a remote had when it was last looked at, by its own names."""
    found = {}
    for name, oid in store.repository.refs(refs.REMOTE_NOTES, refs.REMOTE_ARCHIVES).items():
        notes, archive = refs.parse_notes(name), refs.parse_archive(name)
        if notes is not None and notes.remote == remote:
            found[refs.notes(notes.exp, notes.writer)] = oid
        elif archive is not None and archive.remote == remote:
            found[refs.archive(archive.exp, archive.writer)] = oid
    return found


def _experiment(name: str) -> ExperimentId | None:
    ref = refs.parse_notes(name) or refs.parse_archive(name)
    return None if ref is None else ref.exp
