"""What a commit on an experiment's branch means for its trials: asked by the post-commit hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gitexp import refs
from gitexp.app.branches import current_experiment, without_switch
from gitexp.app.load import Loaded, load
from gitexp.app.status_row import row_of
from gitexp.blocks import RunTrial
from gitexp.errors import GitexpError
from gitexp.health import Health, HealthState
from gitexp.model import Arm, ExperimentId, Oid, Revision, State, Verdict
from gitexp.store.store import Store


class Meaning(StrEnum):
    """What the commit is to the experiment."""

    ENDED = "ended"
    INVALID = "invalid"
    UNCHANGED = "unchanged"
    FIRST = "first"
    SAME = "same"
    RESUMED = "resumed"
    NEW = "new"
    TOO_MANY = "too-many"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNews:
    """What a commit means.

    Attributes:
        tip: The commit.
        trials: How many there are of the code it keeps or goes back to; of new code: how many
            measured other code and do not decide on this.
        measured: The treatment those trials ran.
        revisions: Used up with this one, and registered.
        failed: The check that makes the experiment invalid.
        reason: Of the verdict, in words.
        kept: The summary on the commit this one replaces, when the code is the same.
        replaced: The commit that was amended.
        next: Commands to go on with, the likeliest first.
    """

    exp: ExperimentId
    target: str
    tip: Oid
    meaning: Meaning
    state: State
    verdict: Verdict
    reason: str
    trials: int
    measured: Oid | None
    revisions: tuple[int, int]
    failed: Health | None
    kept: str | None
    replaced: Oid | None
    next: tuple[str, ...]


def post_commit(store: Store) -> CommitNews | None:
    """What the commit just made means, everything pending flushed; never a word about statistics.

    Returns:
        None when HEAD is on no experiment of ours, or what is stored of it cannot be read here.
    """
    exp = current_experiment(store)
    tip = None if exp is None else store.repository.ref(refs.branch(exp))
    if exp is None or tip is None:
        return None
    try:
        return _news(store, load(store, exp), tip)
    except GitexpError:
        # the commit is made, and whoever asks next is told what is wrong
        return None


def _news(store: Store, loaded: Loaded, tip: Oid) -> CommitNews:
    experiment = loaded.experiment
    before = _before(store, tip)
    meaning = _meaning(store, loaded, before)
    row = row_of(store, loaded)
    runs = _runs(loaded, meaning)
    used = len({*experiment.revisions(), *([] if row.treatment is None else [_revision(loaded)])})
    replaced = before if _is_amended(store, before, tip) else None
    return CommitNews(
        exp=experiment.id,
        target=experiment.plan.target,
        tip=tip,
        meaning=meaning,
        state=experiment.state,
        verdict=row.verdict,
        reason=row.reason,
        trials=len(runs),
        measured=next((r.trial.commit for r in runs if r.trial.arm is Arm.TREATMENT), None),
        revisions=(used, experiment.plan.revisions),
        failed=_failed(loaded),
        kept=_summary(store, before) if meaning is Meaning.SAME else None,
        replaced=replaced,
        next=_next(meaning, experiment.id, row.next),
    )


def _meaning(store: Store, loaded: Loaded, before: Oid | None) -> Meaning:
    experiment, comparison = loaded.experiment, loaded.comparison
    if experiment.state is not State.RUNNING:
        return Meaning.ENDED
    if _failed(loaded) is not None:
        return Meaning.INVALID
    if comparison is None or comparison.control.tree == comparison.treatment.tree:
        return Meaning.UNCHANGED
    revision = comparison.revision
    if _of(loaded, revision):
        repository = store.repository
        treatment = comparison.treatment.commit
        same = before and repository.commit(before).tree == repository.commit(treatment).tree
        return Meaning.SAME if same else Meaning.RESUMED
    used = experiment.revisions()
    if revision not in used and len(used) >= experiment.plan.revisions:
        return Meaning.TOO_MANY
    return Meaning.NEW if _counted(loaded) else Meaning.FIRST


def _runs(loaded: Loaded, meaning: Meaning) -> tuple[RunTrial, ...]:
    """The trials the news is about."""
    match meaning:
        case Meaning.SAME | Meaning.RESUMED:
            return _of(loaded, _revision(loaded))
        case Meaning.NEW | Meaning.TOO_MANY:
            counted = _counted(loaded)
            return _of(loaded, counted[-1].trial.revision)
        case _:
            return ()


def _revision(loaded: Loaded) -> Revision:
    return loaded.compared().revision


def _counted(loaded: Loaded) -> tuple[RunTrial, ...]:
    return tuple(run for run in loaded.experiment.trials if run.trial.block != 0)


def _of(loaded: Loaded, revision: Revision) -> tuple[RunTrial, ...]:
    return tuple(run for run in _counted(loaded) if run.trial.revision == revision)


def _failed(loaded: Loaded) -> Health | None:
    return next((check for check in loaded.health if check.state is HealthState.FAIL), None)


def _before(store: Store, tip: Oid) -> Oid | None:
    """The commit the branch was at before: the amended one, or the parent."""
    answer = store.git.attempt("rev-parse", "--verify", "--quiet", "HEAD@{1}^{commit}")
    if answer.returncode == 0:
        return Oid(answer.stdout.decode().strip())
    parents = store.repository.commit(tip).parents
    return parents[0] if parents and store.repository.is_commit(parents[0]) else None


def _is_amended(store: Store, before: Oid | None, tip: Oid) -> bool:
    if before is None or before == tip:
        return False
    commit = store.repository.commit
    return commit(before).parents == commit(tip).parents


def _summary(store: Store, commit: Oid | None) -> str | None:
    """What plain `git log` shows at the commit."""
    if commit is None:
        return None
    answer = store.git.attempt("notes", f"--ref={refs.SUMMARY}", "show", commit)
    return answer.stdout.decode(errors="replace").strip() if answer.returncode == 0 else None


def _next(meaning: Meaning, exp: ExperimentId, proposed: tuple[str, ...]) -> tuple[str, ...]:
    match meaning:
        case Meaning.TOO_MANY:
            return (f"git exp create --like {exp}",)
        case Meaning.INVALID:
            return ()  # what failed says what to type
        case Meaning.UNCHANGED:
            return without_switch(proposed, exp)
        case Meaning.ENDED:
            return proposed or (f"git exp create --like {exp}",)
        case _:
            return proposed


def summaries(news: CommitNews, text: str | None) -> Mapping[Oid, str | None]:
    """What becomes of the short texts that plain `git log` shows.

    Args:
        text: That of the new commit; None leaves it without one.
    """
    gone: dict[Oid, str | None] = {} if news.replaced is None else {news.replaced: None}
    return gone if text is None else {**gone, news.tip: text}
