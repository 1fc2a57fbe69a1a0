"""From a name to an experiment: what every command starts with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gitexp import refs
from gitexp.app.arms import compare_commits, control_of, recorded, revision_at
from gitexp.app.arrivals import Arrival, arrival
from gitexp.app.branches import branch_tips, current_experiment, known_ids, target_tips
from gitexp.codec import parse_plan, plan_hash
from gitexp.errors import CorruptEvidence, GitexpError, UnknownExperiment, UsageError
from gitexp.health import Health, HealthState
from gitexp.lifecycle import Experiment, choose_plan, fold
from gitexp.model import (
    Comparison,
    Evidence,
    ExperimentId,
    Oid,
    Plan,
    PlanBody,
    State,
    experiment_id,
)
from gitexp.store.store import Store

PLAN_TRAILER = "Exp-Plan: "

_NONE_YET = "there is none yet: git exp create; in a new clone: git exp init"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One experiment as records and branches show it.

    Attributes:
        is_decider: Whether this clone is the one that decides.
        tip: Of its branch, wherever it was found; None when there is none any more.
        source: None for a branch of this clone, else the remote it was found on.
        comparison: What the arms run now, or ran last; None when that cannot be known here.
        arrived: How the target came to contain the branch, when no record says so.
        health: What only the repository could tell.
        rivals: What other clones registered under the same name, read by their own plans.
    """

    experiment: Experiment
    is_decider: bool
    tip: Oid | None
    source: str | None
    comparison: Comparison | None
    arrived: Arrival | None
    health: tuple[Health, ...]
    rivals: tuple[Experiment, ...]

    def compared(self) -> Comparison:
        """The two arms.

        Raises:
            GitexpError: when the branch is gone and no trial says what it held.
        """
        if self.comparison is None:
            raise GitexpError(
                f"the branch of {self.experiment.id} is gone and no trial tells what it held",
                hint=f"git exp restore {self.experiment.id}",
                code="no-treatment",
            )
        return self.comparison


def resolve_id(store: Store, text: str | None) -> ExperimentId:
    """The experiment the user means; without a text the one checked out here.

    Raises:
        UsageError: if nothing was named and no experiment is checked out.
        UnknownExperiment: if there is none of that name, with the nearest.
    """
    if text is None:
        current = current_experiment(store)
        if current is None:
            is_any = bool(known_ids(store))
            raise UsageError(
                "no experiment named, and none is checked out here",
                hint="name one: git exp status --all lists them" if is_any else _NONE_YET,
            )
        return current
    text = text.removeprefix("refs/heads/").removeprefix("exp/")
    known = known_ids(store)
    if text not in known:
        raise unknown_experiment(text, known)
    return experiment_id(text)


def unknown_experiment(text: str, known: Iterable[str]) -> UnknownExperiment:
    """The refusal, with the nearest name."""
    names = list(known)
    from difflib import get_close_matches

    near = get_close_matches(text, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "git exp status --all lists them"
    if not names:
        hint = _NONE_YET
    return UnknownExperiment(f"no experiment is named {text!r}", hint=hint)


def load(store: Store, exp: ExperimentId, *, at: Oid | None = None) -> Loaded:
    """The experiment, its branch and what the two arms are.

    Args:
        at: Where its branch is taken to be; None: where it is.

    Raises:
        UnknownExperiment: if neither records nor branch hold a plan.
    """
    tip, source = _find_tip(store, exp) if at is None else (at, None)
    evidence = store.read(exp)
    line = None if tip is None else _plan_line(store, evidence, tip)
    body = choose_plan(evidence, line, None if line is None else _parse(line))
    if body is None:
        raise _no_plan(exp, tip, has_evidence=bool(evidence.records or evidence.problems))
    experiment = fold(evidence, body, plan_hash(body.canonical))
    is_running = experiment.state is State.RUNNING and tip is not None
    targets = target_tips(store, experiment.plan.target) if is_running else ()
    comparison, arrived = _compare(store, experiment, tip, targets)
    return Loaded(
        experiment=experiment,
        is_decider=store.known_writer == experiment.decider,
        tip=tip,
        source=source,
        comparison=comparison,
        arrived=arrived,
        health=(
            *_plan_health(experiment, line),
            *_harness_health(store, experiment.plan, comparison),
            *(_base_health(store, experiment, comparison, targets) if arrived is None else ()),
        ),
        rivals=_rivals(evidence, body),
    )


def _rivals(evidence: Evidence, held: PlanBody) -> tuple[Experiment, ...]:
    bodies = {
        plan_hash(record.body.canonical): record.body
        for record in evidence.records
        if isinstance(record.body, PlanBody) and record.body.canonical != held.canonical
    }
    return tuple(fold(evidence, body, digest) for digest, body in sorted(bodies.items()))


def _find_tip(store: Store, exp: ExperimentId) -> tuple[Oid | None, str | None]:
    own = store.repository.ref(refs.branch(exp))
    if own is not None:
        return own, None
    return branch_tips(store.our_refs()).get(exp, (None, None))


def _plan_line(store: Store, evidence: Evidence, tip: Oid) -> str | None:
    """The plan in the messages of the branch's own commits; the newest that names it."""
    for message in _own_messages(store, evidence, tip):
        for line in message.splitlines():
            if line.startswith(PLAN_TRAILER):
                body = _parse(line.removeprefix(PLAN_TRAILER).strip())
                if body is not None and body.plan.id == evidence.exp:
                    return body.canonical
    return None


def _own_messages(store: Store, evidence: Evidence, tip: Oid) -> Iterator[str]:
    """Messages of the commits on the branch that its target lacks, newest first."""
    plans = (r.body.plan for r in evidence.records if isinstance(r.body, PlanBody))
    bases = (store.repository.ref(plan.target) for plan in plans)
    base = next((tip for tip in bases if tip is not None), None)
    repository = store.repository
    if base is not None:
        return (repository.commit(oid).message for oid in repository.commits(base, tip))
    # no plan record here: any branch that is no experiment may be where this one started
    trunks = [n for n in repository.refs("refs/heads/") if not n.startswith(refs.BRANCHES)]
    answer = store.git.run(
        "log", "-z", "--format=%B", f"--grep=^{PLAN_TRAILER}", tip, "--not", *trunks, "--"
    )
    return iter(answer.split("\0"))


def _parse(line: str) -> PlanBody | None:
    try:
        return PlanBody(plan=parse_plan(line), canonical=line)
    except ValueError:
        return None


def _no_plan(exp: ExperimentId, tip: Oid | None, *, has_evidence: bool) -> GitexpError:
    if tip is not None and not has_evidence:
        return UnknownExperiment(
            f"the branch exp/{exp} holds no plan: git exp did not create it",
            hint="git exp create starts an experiment of its own",
        )
    return CorruptEvidence(
        f"records of {exp} are here, but no plan that can be read",
        hint="git exp sync fetches it, if the remote has it",
    )


def _compare(
    store: Store, experiment: Experiment, tip: Oid | None, targets: Sequence[Oid]
) -> tuple[Comparison | None, Arrival | None]:
    """What the arms are: by the branches while it runs, by the records when those cannot tell."""
    last = recorded(experiment, experiment.last_revision())
    # one that expired unmeasured still has its branch, and no record tells what that held
    is_unmeasured = experiment.state is State.EXPIRED and last is None
    if tip is None or not (experiment.state is State.RUNNING or is_unmeasured):
        return last, None
    control = control_of(store, experiment.plan, tip, targets)
    if control is None:
        return last, None
    if control != tip:
        return compare_commits(store, experiment.plan, control, tip), None
    # the target contains it, and has nothing left to compare it with
    arrived = arrival(store, experiment)
    then = recorded(experiment, revision_at(experiment, tip))
    base = tip if arrived is None else arrived.control
    return then or compare_commits(store, experiment.plan, base, tip), arrived


def _plan_health(experiment: Experiment, line: str | None) -> tuple[Health, ...]:
    if line is None or line == experiment.canonical:
        return ()
    return (
        Health(
            check="plan",
            state=HealthState.FAIL,
            value="the plan on the branch is not the registered one",
            threshold=experiment.plan_hash[:12],
            advice=f"another plan is another experiment: git exp create --like {experiment.id}",
        ),
    )


def _harness_health(store: Store, plan: Plan, comparison: Comparison | None) -> tuple[Health, ...]:
    if comparison is None or not plan.harness:
        return ()
    repository = store.repository
    if not repository.has(comparison.treatment.commit):
        return ()
    own_tree = repository.commit(comparison.treatment.commit).tree
    if own_tree == comparison.treatment.tree:
        return ()
    edited = repository.changed_paths(own_tree, comparison.treatment.tree)
    return (
        Health(
            check="harness",
            state=HealthState.FAIL,
            value=f"the treatment edits the harness: {', '.join(edited[:3])}",
            threshold="the same harness in both arms",
            advice=f"git checkout {comparison.control.commit[:12]} -- {' '.join(edited[:3])}",
        ),
    )


def _base_health(
    store: Store, experiment: Experiment, comparison: Comparison | None, targets: Sequence[Oid]
) -> tuple[Health, ...]:
    """A warning when the target went on: the verdict is of the code as it was.

    Args:
        targets: Its tips while the experiment runs, here and on every remote.
    """
    if comparison is None:
        return ()
    control, repository = comparison.control.commit, store.repository
    count = max((sum(1 for _ in repository.commits(control, tip)) for tip in targets), default=0)
    if not count:
        return ()
    target = refs.short(experiment.plan.target)
    again = f"git exp create --like {experiment.id}"
    if not experiment.trials:
        again = f"git switch exp/{experiment.id} && git merge {target}"
    commits = "a commit" if count == 1 else f"{count} commits"
    return (
        Health(
            check="base",
            state=HealthState.WARN,
            value=f"{target} has {commits} that the control {control[:7]} lacks",
            threshold="no new commit",
            advice=f"the verdict is of the code without them; to measure with them: {again}",
        ),
    )
