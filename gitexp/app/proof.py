"""Whether the records here bear out a promotion that is about to be pushed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from gitexp.app.arrivals import arrival
from gitexp.app.load import Loaded, load
from gitexp.app.merge_content import added
from gitexp.app.pushed_promotions import Claim, Mention, Promotions, merged_with
from gitexp.app.verdict_cache import cached_verdict
from gitexp.errors import CorruptEvidence, Refused, UnknownExperiment
from gitexp.lifecycle import Experiment
from gitexp.model import Decided, ExperimentId, Oid, Promoted, Revision, State, Verdict
from gitexp.refs import short
from gitexp.store import history
from gitexp.store.notes import read_lines
from gitexp.store.repository import MissingObject
from gitexp.store.store import Store
from gitexp.store.tree_paths import tree_with_harness

_ANYWAY = "git push --no-verify pushes it all the same"


class Proof:
    """Asks the records about promotions on their way to one branch.

    Args:
        branch: The full name of the branch that would get them.
        new: What it would be.
    """

    def __init__(self, store: Store, branch: str, new: Oid) -> None:
        self._store = store
        self._branch = branch
        self._new = new

    def require(self, found: Promotions) -> set[ExperimentId]:
        """The experiments whose change the branch would get, each borne out.

        Raises:
            Refused: for the first that is not, with the way out.
        """
        proven = set()
        for claim in found.claims:
            with self._unless_foreign(claim.commit):
                self._require_claim(claim)
                proven.add(claim.exp)
        for exp in dict.fromkeys(mention.exp for mention in found.mentions):
            mentions = [mention for mention in found.mentions if mention.exp == exp]
            with self._unless_foreign(*(mention.commit for mention in mentions)):
                if self._require_by_hand(exp, mentions, found.undone):
                    proven.add(exp)
        for again in found.again:
            with self._unless_foreign(again.commit):
                loaded = self._loaded(again.exp, again.commit)
                if not self._is_permitted(loaded, again.tip):
                    raise self._not_better(loaded, again.tip)
                proven.add(again.exp)
        return proven

    @contextmanager
    def _unless_foreign(self, *commits: Oid) -> Iterator[None]:
        """Let these through if they came with another project's history, as by `git subtree`.

        Nothing is known here of its experiments, which were judged there.
        """
        try:
            yield
        except Refused:
            # a shallow clone does not know where its history begins
            git = self._store.git
            is_shallow = (git.common_dir / "shallow").exists()
            if is_shallow or any(history.shares_root(git, oid, self._new) for oid in commits):
                raise

    # --- merges that promote made ------------------------------------------------------------

    def _require_claim(self, claim: Claim) -> None:
        loaded = self._loaded(claim.exp, claim.commit)
        experiment = loaded.experiment
        if claim.plan_hash != experiment.plan_hash:
            raise Refused(
                f"{claim.commit[:12]} promotes {claim.exp} by another plan than the one "
                "registered under that name here",
                hint=f"git exp show {claim.exp} shows the plan; {_ANYWAY}",
                code="other-plan",
            )
        if not _has_notes(self._store, experiment, claim.evidence):
            raise Refused(
                f"{short(self._branch)} would get the promotion of {claim.exp} "
                f"({claim.commit[:12]}), and not all of the evidence it rests on is here",
                hint="git exp sync, in the clone that promoted it and then here, and push again; "
                f"{_ANYWAY}",
                code="no-evidence",
            )
        tip = self._treatment(claim, loaded)
        if claim.override is None:
            self._require_better(claim, loaded, tip)
        # an override is a reason for the treatment, not for what was put beside it
        self._require_merge(claim, experiment, tip)

    def _treatment(self, claim: Claim, loaded: Loaded) -> Oid | None:
        """What was promoted: what it merged, or what that was before a rebase made both anew."""
        experiment = loaded.experiment
        promoted = [done for done in _promotions(experiment) if done.evidence == claim.evidence]
        if promoted:
            return promoted[-1].tip
        # the event is not here, and a reason would have come with it
        is_told = claim.override is not None
        if claim.tip is not None and (is_told or self._is_permitted(loaded, claim.tip)):
            return claim.tip
        decided = experiment.last_decision()
        return claim.tip if decided is None else decided.treatment

    def _require_better(self, claim: Claim, loaded: Loaded, tip: Oid | None) -> None:
        verdict = None if tip is None else self._verdict(loaded, tip)
        if claim.verdict == verdict == Verdict.BETTER:
            return
        raise Refused(
            f"{claim.commit[:12]} says that {claim.exp} was {claim.verdict}, "
            f"and by the records here it is {verdict or 'not measured'}",
            hint=f"git exp log {claim.exp} shows them; git exp sync brings what is missing; "
            f"{_ANYWAY}",
            code="not-borne-out",
        )

    def _require_merge(self, claim: Claim, experiment: Experiment, tip: Oid | None) -> None:
        made = [
            done
            for done in _promotions(experiment)
            if done.tip == tip and done.recognised is None  # the merge as promote made it
        ]
        more = None
        if tip is not None:
            more = added(self._store, claim.commit, tip, made, experiment.plan.base)
        if more is not None:
            files = ", ".join(more.paths[:3]) + ", ..." * (len(more.paths) > 3)
            raise Refused(
                f"{claim.commit[:12]} promotes {claim.exp}, and merging it does not give what it "
                f"has in {files}",
                hint=f"git diff {more.expected[:12]} {claim.commit[:12]} shows it; commit it by "
                f"itself, after the merge; {_ANYWAY}",
                code="more-than-merged",
            )

    # --- merges made by hand, and squashes -----------------------------------------------------

    def _require_by_hand(
        self, exp: ExperimentId, mentions: Sequence[Mention], undone: frozenset[Oid]
    ) -> bool:
        """Whether the branch would get the experiment's change at all."""
        loaded = self._loaded(exp, mentions[0].commit)
        came = arrival(self._store, loaded.experiment, into=self._branch, onto=self._new)
        if came is not None:
            tip = came.promoted.tip
            if not came.is_gone and not self._is_permitted(loaded, tip):
                raise self._not_better(loaded, tip)
            return not came.is_gone
        for mention in mentions:
            merged = merged_with(self._store, mention.commit, self._new)
            if merged is None or not undone.isdisjoint(merged):
                continue
            if self._tree(merged[1]) != self._tree(mention.commit):
                raise self._not_better(loaded, merged[1])
        return False

    def _is_permitted(self, loaded: Loaded, tip: Oid) -> bool:
        """Whether it is better, or a reason was stated for merging this code all the same."""
        is_stated = self._is_stated(loaded.experiment, tip)
        return is_stated or self._verdict(loaded, tip) is Verdict.BETTER

    def _is_stated(self, experiment: Experiment, tip: Oid) -> bool:
        return any(self._is_same_code(other, tip) for other in experiment.overrides)

    def _is_same_code(self, other: Oid, tip: Oid) -> bool:
        return self._store.repository.is_commit(other) and self._tree(other) == self._tree(tip)

    def _not_better(self, loaded: Loaded, tip: Oid) -> Refused:
        experiment = loaded.experiment
        verdict = self._verdict(loaded, tip)
        found = f"is {verdict}, not better" if verdict else "was not measured as it is there"
        go_on = self._way_on(experiment, tip)
        return Refused(
            f"{short(self._branch)} would get the change of {experiment.id}, which {found}",
            hint=f"{go_on}; {_ANYWAY}",
            code="not-better",
        )

    def _way_on(self, experiment: Experiment, tip: Oid) -> str:
        """What makes the push go through, or at least leads on."""
        exp, done = experiment.id, _promoted_tip(experiment)
        if experiment.state is State.PROMOTED:
            can_override, into = done is not None and self._is_same_code(done, tip), ""
        else:
            # what was promoted and taken back stays taken back
            can_override = experiment.state is not State.ROLLED_BACK or done is None
            is_target = self._branch == experiment.plan.target
            into = "" if is_target else f" --into {short(self._branch)}"
        if not can_override:
            return f"git exp create --like {exp} measures it as another experiment"
        return (
            f"git exp status {exp} shows what is missing; "
            f"git exp promote {exp}{into} --override REASON says why it is right all the same"
        )

    # --- what both ask -------------------------------------------------------------------------

    def _loaded(self, exp: ExperimentId, commit: Oid) -> Loaded:
        with suppress(UnknownExperiment, CorruptEvidence):
            loaded = load(self._store, exp)
            if loaded.experiment.records:
                return loaded
        raise Refused(
            f"{short(self._branch)} would get the change of {exp} ({commit[:12]}), "
            "and nothing is here that was recorded of it",
            hint=f"git exp sync, then push again; {_ANYWAY}",
            code="no-evidence",
        )

    def _verdict(self, loaded: Loaded, tip: Oid) -> Verdict | None:
        """What was decided of this commit's code, or else is found now; None: not measured."""
        experiment, comparison = loaded.experiment, loaded.comparison
        for revision, record in experiment.decisions.items():
            if isinstance(record.body, Decided) and self._is_of(experiment, tip, revision):
                return record.body.verdict
        if comparison is None or not self._is_of(experiment, tip, comparison.revision):
            return None
        if not any(run.trial.revision == comparison.revision for run in experiment.trials):
            return None
        cached = cached_verdict(self._store, loaded)
        return cached.verdict if cached is not None else _analyzed(self._store, experiment.id)

    def _is_of(self, experiment: Experiment, tip: Oid, revision: Revision) -> bool:
        """Whether the commit is what ran as this revision's treatment."""
        harness = experiment.plan.harness
        try:
            tree = self._tree(tip)
            if harness:
                repository = self._store.repository
                tree = tree_with_harness(repository, tree, revision.control_tree, harness)
        except MissingObject:
            return False
        return tree == revision.treatment_tree

    def _tree(self, commit: Oid) -> Oid:
        return self._store.repository.commit(commit).tree


def _promoted_tip(experiment: Experiment) -> Oid | None:
    """What was merged, by the record of it."""
    promoted = None if experiment.promoted is None else experiment.promoted.body
    return promoted.tip if isinstance(promoted, Promoted) else None


def _promotions(experiment: Experiment) -> list[Promoted]:
    """All that are on record, oldest first."""
    bodies = (record.body for record in experiment.records)
    return [body for body in bodies if isinstance(body, Promoted)]


def _has_notes(store: Store, experiment: Experiment, evidence: str) -> bool:
    """Whether the evidence commit is here, and all records it pins are among those that count."""
    repository = store.repository
    if not re.fullmatch("[0-9a-f]{40}", evidence) or not repository.is_commit(evidence):
        return False
    tips = [tip for name, tip in experiment.tips.items() if name.startswith("refs/")]
    known: set[bytes] | None = None
    for pinned in repository.commit(evidence).parents:
        if any(repository.contains(tip, pinned) for tip in tips):
            continue
        if not repository.is_commit(pinned):
            return False
        # notes that were compacted are in other commits, line for line
        known = known if known is not None else {record.line for record in experiment.records}
        if not {line.strip() for line in read_lines(repository, pinned)} <= known:
            return False
    return True


def _analyzed(store: Store, exp: ExperimentId) -> Verdict | None:
    """The verdict, by a process of its own: a hook loads no numbers."""
    answer = store.git.attempt("exp", "analyze", exp, "--json")
    try:
        return Verdict(json.loads(answer.stdout)["verdict"])
    except (ValueError, KeyError, TypeError):
        return None
