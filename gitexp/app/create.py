"""Registering an experiment: the plan, its branch, and where the user goes on working."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gitexp import refs
from gitexp.app.branches import head_branch
from gitexp.app.budget import configured_rate
from gitexp.app.command_names import refuse_second
from gitexp.app.created import carried, created_view
from gitexp.app.granting import granted, learn_of_others
from gitexp.app.level import refuse_unreachable
from gitexp.app.load import Loaded, load, resolve_id
from gitexp.app.planning import PlanOptions, Registration, build_plan
from gitexp.app.settings import Settings
from gitexp.app.trust import is_trusted, trust
from gitexp.app.views import CreatedView
from gitexp.changes import creation_changes
from gitexp.codec import canonical, parse_plan, plan_hash
from gitexp.codec.fields import format_time, parse_time
from gitexp.errors import Refused, UsageError
from gitexp.model import ExperimentId, Oid, Plan, experiment_id, slug
from gitexp.store.apply import apply
from gitexp.store.lock import syncing_lock
from gitexp.store.store import Store
from gitexp.store.tree_paths import path_exists


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions:
    """Everything `create` takes besides the plan's own options.

    Attributes:
        base: A revision; when it names a branch, that is the target.
        like: Copy plan and change of this experiment.
        worktree: '' for a place of our choosing beside the user's checkout.
        ask: Whether git may ask for a password on the terminal.
    """

    plan: PlanOptions
    name: str | None = None
    id: str | None = None
    base: str | None = None
    like: str | None = None
    worktree: str | None = None
    no_checkout: bool = False
    if_not_exists: bool = False
    ask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """Where the branch begins."""

    target: str
    base: Oid


def create(store: Store, options: CreateOptions) -> CreatedView:
    """Register the experiment; branch and first records appear together or not at all.

    Raises:
        UsageError: naming everything missing or wrong in the plan at once.
        Refused: when the id is taken, the base cannot be used, nothing is left of the error
            budget, or no plan could decide.
    """
    rate = configured_rate(store.git)
    if rate is None:
        return _create(store, options)
    # two plans of one clone must not both be granted what is there for one
    with syncing_lock(store.git):
        warnings = learn_of_others(store, ask=options.ask)
        view = _create(store, options, rate=rate)
    return replace(view, warnings=(*warnings, *view.warnings))


def _create(store: Store, options: CreateOptions, *, rate: float | None = None) -> CreatedView:
    like = None if options.like is None else load(store, resolve_id(store, options.like))
    now = _now(store)
    exp = _choose_id(store, options, like, now)
    if exp in store.experiment_ids():
        return _existing(store, exp, options)
    start = _start(store, options, like)
    typed = options.plan.configured(Settings.of(store.git))
    plan = build_plan(
        typed,
        Registration(
            id=exp,
            name=options.name or (like.experiment.plan.name if like else exp),
            created=now,
            target=start.target,
            base=start.base,
            decider=store.writer,
        ),
        like=None if like is None else like.experiment.plan,
    )
    _refuse_missing_harness(store, plan)
    refuse_second(store, plan)
    if rate is not None:
        plan = granted(
            store,
            plan,
            rate,
            like=None if like is None else like.experiment.plan,
            is_sized=typed.max_blocks is not None,
        )
    refuse_unreachable(plan)
    worktree = _worktree(store, exp, options)
    text = _registered(plan)
    result = apply(
        store,
        creation_changes(
            plan,
            canonical=text,
            plan_hash=plan_hash(text),
            carry=carried(store, like, start.base),
            checkout=not options.no_checkout and store.git.top is not None,
            worktree=worktree,
        ),
    )
    if not _copies_untrusted(typed, like):
        trust(plan_hash(text))
    assert result.plan_commit is not None, "a creation makes it"
    return created_view(store, plan, text, result.plan_commit, worktree, like)


def _copies_untrusted(typed: PlanOptions, like: Loaded | None) -> bool:
    """Whether the new plan runs a command of one that came from elsewhere and is not trusted."""
    if like is None or is_trusted(like.experiment.plan_hash):
        return False
    plan = like.experiment.plan
    return bool((plan.command and not typed.run) or (plan.setup and not typed.setup))


def _registered(plan: Plan) -> str:
    """The plan's canonical text, which every reader accepts.

    Raises:
        UsageError: when something is longer or larger than a plan may hold.
    """
    text = canonical(plan)
    try:
        parse_plan(text)
    except ValueError as error:
        raise UsageError(
            f"this plan cannot be registered: {error}",
            hint="make it smaller; a long command or text can be a file in the repository",
        ) from error
    return text


def _now(store: Store) -> datetime:
    """The clock's time as it will be read back: to the millisecond."""
    return parse_time(format_time(store.clock()))


def _choose_id(
    store: Store, options: CreateOptions, like: Loaded | None, now: datetime
) -> ExperimentId:
    if options.id is not None:
        try:
            return experiment_id(options.id)
        except ValueError as error:
            raise UsageError(str(error), hint="for example: --id fast-parse") from error
    if options.name is None and like is not None:
        return _numbered(like.experiment.id, store.experiment_ids())
    text = slug(options.name or "")
    if not text:
        text = f"{now:%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
    try:
        return experiment_id(text)
    except ValueError as error:
        raise UsageError(str(error), hint="name it yourself: --id NAME") from error


def _numbered(origin: ExperimentId, taken: tuple[ExperimentId, ...]) -> ExperimentId:
    """The origin's id with the next free number: fast-parse, fast-parse-2, fast-parse-3."""
    stem, _, number = origin.rpartition("-")
    if not stem or not number.isdecimal() or len(number) > 3:
        stem, number = origin, "1"
    count = int(number) + 1
    while f"{stem[:60]}-{count}" in taken:
        count += 1
    return experiment_id(f"{stem[:60]}-{count}")


def _existing(store: Store, exp: ExperimentId, options: CreateOptions) -> CreatedView:
    if not options.if_not_exists:
        raise Refused(
            f"there is an experiment {exp} already",
            hint=f"give another name or --id, or: git exp create --like {exp}",
            code="exists",
        )
    loaded = load(store, exp)
    plan = loaded.experiment.plan
    commit = loaded.experiment.plan_commit or loaded.tip or plan.base
    text = loaded.experiment.canonical
    return created_view(store, plan, text, commit, None, None, existed=loaded.experiment)


# --- where it starts -----------------------------------------------------------------------------


def _start(store: Store, options: CreateOptions, like: Loaded | None) -> _Start:
    if options.base is not None:
        return _given_start(store, options.base)
    if like is not None:
        comparison = like.compared()
        return _Start(target=like.experiment.plan.target, base=comparison.control.commit)
    branch = head_branch(store)
    if branch is None:
        raise Refused(
            "HEAD is detached: there is no branch that could take the change",
            hint="git switch BRANCH, or name one: git exp create --base BRANCH …",
            code="detached",
        )
    tip = store.repository.ref(branch)
    if tip is None:
        raise Refused(
            f"the branch {refs.short(branch)} has no commit yet, so there is nothing to compare",
            hint="make a first commit: git add --all && git commit -m 'Begin'",
            code="unborn",
        )
    _refuse_experiment_branch(branch)
    return _Start(target=branch, base=tip)


def _given_start(store: Store, base: str) -> _Start:
    commit = store.repository.resolve(base)
    branch = f"refs/heads/{base.removeprefix('refs/heads/')}"
    if store.repository.ref(branch) is None:
        current = head_branch(store)
        if current is None:
            raise Refused(
                f"{base} is no branch and HEAD is detached: no branch could take the change",
                hint="git switch BRANCH, then run it again",
                code="detached",
            )
        branch = current
    _refuse_experiment_branch(branch)
    return _Start(target=branch, base=commit)


def _refuse_experiment_branch(branch: str) -> None:
    if not branch.startswith(refs.BRANCHES):
        return
    raise Refused(
        f"{refs.short(branch)} is itself an experiment; its change could be dropped any time",
        hint="start from the branch that would take the change: git exp create --base main …",
        code="on-experiment",
    )


def _tree(store: Store, commit: Oid) -> Oid:
    return store.repository.commit(commit).tree


def _refuse_missing_harness(store: Store, plan: Plan) -> None:
    tree = _tree(store, plan.base)
    for path in plan.harness:
        try:
            found = path_exists(store.repository, tree, path)
        except ValueError as error:
            raise UsageError(f"--harness: {error}", hint="name a path of the project") from error
        if not found:
            raise Refused(
                f"--harness: {path} is not in {refs.short(plan.target)}, "
                "where both arms take it from",
                hint=f"commit {path} on {refs.short(plan.target)} first",
                code="no-harness",
            )


def _worktree(store: Store, exp: ExperimentId, options: CreateOptions) -> str | None:
    if options.worktree is None:
        return None
    if store.git.top is None and not options.worktree:
        raise UsageError(
            "a bare repository has no place for a worktree of its own", hint="--worktree PATH"
        )
    if options.worktree:
        return str((store.git.cwd / Path(options.worktree).expanduser()).absolute())
    assert store.git.top is not None
    return str(store.git.top.with_name(f"{store.git.top.name}-{exp}"))
