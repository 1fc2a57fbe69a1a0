"""What `create` answers."""

from __future__ import annotations

import shlex

from gitexp import refs
from gitexp.app.answered import known_answer
from gitexp.app.arms import compare_commits
from gitexp.app.branches import head_branch
from gitexp.app.hypothesis import hypothesis_warnings
from gitexp.app.level import earliest_decision
from gitexp.app.load import Loaded
from gitexp.app.next_steps import measuring
from gitexp.app.settings import Settings
from gitexp.app.team_file import team_notes
from gitexp.app.trust import is_trusted
from gitexp.app.views import CreatedView, Sizing
from gitexp.codec import plan_hash
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Oid, Plan, State
from gitexp.store.remote import remote_names
from gitexp.store.store import Store


def carried(store: Store, like: Loaded | None, base: Oid) -> tuple[ExperimentId, Oid] | None:
    """The change that comes along: that of the experiment copied, measured from the same base."""
    if like is None or like.comparison is None:
        return None
    treatment = like.comparison.treatment.commit
    if like.comparison.control.commit != base:
        return None
    commit = store.repository.commit
    if commit(treatment).tree == commit(base).tree:
        return None
    return like.experiment.id, treatment


def created_view(
    store: Store,
    plan: Plan,
    text: str,
    plan_commit: Oid,
    worktree: str | None,
    like: Loaded | None,
    *,
    existed: Experiment | None = None,
) -> CreatedView:
    """The answer: what was registered, what it can find, and what to type next."""
    notes = team_notes(Settings.of(store.git), run=plan.command, setup=plan.setup)
    if like is not None and like.experiment.state is State.RUNNING:
        notes.append(f"{like.experiment.id} goes on: git exp rollback {like.experiment.id} ends it")
    notes += _judged_before(store, plan, like)
    if plan.grant is not None and existed is None and remote_names(store.git):
        notes.append("other clones count this plan once they have it: git exp sync")
    if not is_trusted(plan_hash(text)):
        notes.append(f"its commands came from elsewhere: read them with git exp trust {plan.id}")
    is_here = head_branch(store) == refs.branch(plan.id)
    if worktree is None and store.git.top is None:
        go = _worktree_beside(store, plan.id)
    elif worktree is not None:
        go = (f"cd {shlex.quote(worktree)}",)
    else:
        go = () if is_here else (f"git switch exp/{plan.id}",)
    return CreatedView(
        id=plan.id,
        branch=refs.short(refs.branch(plan.id)),
        plan_commit=plan_commit,
        plan_hash=plan_hash(text),
        target=refs.short(plan.target),
        worktree=worktree,
        checked_out=is_here,
        existed=existed is not None,
        earliest_decision=earliest_decision(plan),
        max_blocks=plan.max_blocks,
        sizing=_sizing(store, plan),
        warnings=hypothesis_warnings(plan.hypothesis),
        notes=tuple(notes),
        next=_next(plan, go, has_change=carried(store, like, plan.base) is not None),
    )


def _judged_before(store: Store, plan: Plan, like: Loaded | None) -> list[str]:
    """What the records say of the change that comes along."""
    change = carried(store, like, plan.base)
    if change is None:
        return []
    compared = compare_commits(store, plan, plan.base, change[1])
    answer = known_answer(store, plan, compared.revision)
    if answer is None:
        return []
    return [
        (
            f"these two trees were judged in {answer.by}: {answer.judged.verdict}; "
            f"{answer.next[1]} measures them all the same"
        )
    ]


def _sizing(store: Store, plan: Plan) -> Sizing:
    # numbers are loaded only once there is a plan to size
    from gitexp.app.known_noise import noise_of_command
    from gitexp.policy.sizing import detectable, guard_sizes

    known = noise_of_command(store, plan)
    noise = None if known is None else known.by_metric[plan.primary.name]
    return Sizing(
        plan=plan,
        noise=noise,
        source=None if known is None else known.source,
        effect=None if noise is None else detectable(plan, noise.sd),
        guards=guard_sizes(plan, {} if known is None else known.sds),
    )


def _worktree_beside(store: Store, exp: ExperimentId) -> tuple[str, ...]:
    """How to get files of the branch where this repository has none: it is bare."""
    path = shlex.quote(str(store.git.common_dir.with_name(exp)))
    return (f"git worktree add {path} exp/{exp}", f"cd {path}")


def _next(plan: Plan, go: tuple[str, ...], *, has_change: bool) -> tuple[str, ...]:
    """The commands to go on with.

    Args:
        go: What leads to where the change is made.
    """
    change = () if has_change else (*go, "git commit -am 'the change'")
    is_run = plan.command or plan.command_name
    return (*change, measuring(plan) if is_run else f"git exp status {plan.id}")
