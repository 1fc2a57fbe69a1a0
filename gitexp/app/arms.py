"""What the two arms are: by the branches while it runs, by the records when those cannot tell."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.lifecycle import Experiment
from gitexp.model import Arm, ArmTip, Comparison, Decided, Oid, Plan, Revision
from gitexp.store.store import Store
from gitexp.store.tree_paths import tree_with_harness


def control_of(store: Store, plan: Plan, tip: Oid, targets: Iterable[Oid]) -> Oid | None:
    """The newest commit the treatment shares with its target, wherever the target is known.

    A clone's own target branch may be older than where the experiment began: then the plan's base,
    or the remote's target, knows better, and every clone compares the same two commits.

    Args:
        targets: The target branch here and on every remote.
    """
    repository = store.repository
    shared = {repository.merge_base(target, tip) for target in targets}
    if plan.base not in shared and repository.is_commit(plan.base):
        shared |= {plan.base} if repository.is_ancestor(plan.base, tip) else set()
    newest: Oid | None = None
    for commit in sorted(commit for commit in shared if commit is not None):
        if newest is None or repository.is_ancestor(newest, commit):
            newest = commit
    return newest


def compare_commits(store: Store, plan: Plan, control: Oid, tip: Oid) -> Comparison:
    """These two commits, the treatment with the harness of the control."""
    repository = store.repository
    control_tree = repository.commit(control).tree
    treatment_tree = repository.commit(tip).tree
    if plan.harness:
        treatment_tree = tree_with_harness(repository, treatment_tree, control_tree, plan.harness)
    return Comparison(
        control=ArmTip(commit=control, tree=control_tree),
        treatment=ArmTip(commit=tip, tree=treatment_tree),
    )


def revision_at(experiment: Experiment, tip: Oid) -> Revision | None:
    """What was measured last with this commit as the treatment."""
    for record in experiment.decisions.values():
        if isinstance(record.body, Decided) and record.body.treatment == tip:
            return record.body.revision
    for run in reversed(experiment.trials):
        trial = run.trial
        if trial.arm is Arm.TREATMENT and trial.commit == tip and trial.block != 0:
            return trial.revision
    return None


def recorded(experiment: Experiment, revision: Revision | None) -> Comparison | None:
    """The two commits that a revision was measured with; None when no record tells both."""
    if revision is None:
        return None
    record = experiment.decisions.get(revision)
    commits: dict[str, Oid] = {
        run.trial.arm: run.trial.commit
        for run in experiment.trials
        if run.trial.revision == revision
    }
    if record is not None and isinstance(record.body, Decided):
        commits = {"control": record.body.control, "treatment": record.body.treatment}
    if len(commits) < 2:
        return None
    return Comparison(
        control=ArmTip(commit=commits["control"], tree=revision.control_tree),
        treatment=ArmTip(commit=commits["treatment"], tree=revision.treatment_tree),
    )
