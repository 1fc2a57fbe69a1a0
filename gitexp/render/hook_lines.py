"""What the hooks say: one line about a commit, a few about a push."""

from __future__ import annotations

from gitexp.app.post_commit import CommitNews, Meaning
from gitexp.app.pre_push import Fate, PushNews
from gitexp.refs import short
from gitexp.render import numbers
from gitexp.render.words import state


def commit_line(news: CommitNews) -> str:
    """What a commit means for its experiment, and the next command."""
    said = f"exp/{news.exp}: {_meaning(news)}"
    return f"{said}; next: {news.next[0]}" if news.next else said


def commit_summary(news: CommitNews) -> str | None:
    """The short text at the commit in `git log`; None when there is nothing to say of it."""
    match news.meaning:
        case Meaning.ENDED | Meaning.UNCHANGED:
            return None
        case Meaning.FIRST | Meaning.NEW | Meaning.TOO_MANY:
            return f"exp/{news.exp} {news.verdict}: not measured"
        case _:
            return news.kept or f"exp/{news.exp} {news.verdict}: {news.reason}"


def push_lines(news: PushNews) -> list[str]:
    """What became of the evidence of a push that goes on."""
    again = f"git exp sync {news.remote}" if news.is_named else "git exp sync"
    of = f"the evidence of {', '.join(news.exps[:3])}{', ...' * (len(news.exps) > 3)}"
    match news.fate:
        case Fate.NONE:
            return []
        case Fate.PUSHED:
            return [f"exp: {of} goes along ({numbers.plural(news.refs, 'ref')})"]
        case Fate.NOT_NOW:
            return [f"exp: {of} would go along"]
        case Fate.UNKNOWN:
            return [f"warning: {of} does not go along, this may be a dry run; push it: {again}"]
        case Fate.FAILED:
            return [f"warning: {of} did not go along: {news.why}; try again: {again}"]


def _meaning(news: CommitNews) -> str:
    used, registered = news.revisions
    trials = numbers.plural(news.trials, "trial")
    measured = f"the {trials} of {news.measured[:12]}" if news.measured else "no trial"
    match news.meaning:
        case Meaning.ENDED:
            return f"this commit is not measured, the experiment was {state(news.state).text}"
        case Meaning.INVALID:
            assert news.failed is not None
            return f"{news.verdict}, {news.failed.value} ({news.failed.advice})"
        case Meaning.UNCHANGED:
            return f"no change against {short(news.target)} yet"
        case Meaning.FIRST:
            return "a change to measure, no trial has run yet"
        case Meaning.SAME:
            return f"the same code, {trials} of it still {_count(news.trials)}"
        case Meaning.RESUMED:
            return f"back to earlier code, {measured} {_count(news.trials)} again"
        case Meaning.NEW:
            return (
                f"new code, {measured} no longer {_decide(news.trials)}; "
                f"this is revision {used} of the {registered} registered"
            )
        case Meaning.TOO_MANY:
            plan = numbers.plural(registered, "revision")
            return (
                f"new code, {measured} no longer {_decide(news.trials)}, "
                f"and the plan registers {plan}"
            )


def _count(trials: int) -> str:
    return "counts" if trials == 1 else "count"


def _decide(trials: int) -> str:
    return "decides" if trials == 1 else "decide"
