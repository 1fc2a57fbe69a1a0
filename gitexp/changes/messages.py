"""The commit messages of creation, promotion, rollback and restore."""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import category

from gitexp.changes.values import EVIDENCE, Message, Undo, UndoRange
from gitexp.decision import MayPromote
from gitexp.lifecycle import Experiment
from gitexp.model import ExperimentId, Oid, Plan, PlanHash
from gitexp.refs import short

PLAN_TRAILER = "Exp-Plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionText:
    """What the merge says was shown, already rounded and with units; None: not known.

    Attributes:
        result: A sentence or two: effect, interval, when it was decided.
        effect: Such as '−4.5 %'.
        interval: Such as '−8.0 % … −0.9 %'.
        blocks: Such as '10 of 20'.
        goal: Such as 'no-regression 10%'; None for the usual one.
    """

    result: str
    effect: str | None
    interval: str | None
    blocks: str
    goal: str | None


def registration(plan: Plan, canonical: str, plan_hash: PlanHash) -> Message:
    """The plan commit's message: a readable summary, and the plan itself on one line."""
    goal = f"{plan.primary.name} ({plan.primary.direction} is better)"
    rule = (
        f"{plan.test}, {plan.stopping}, at level {plan.alpha:g}, "
        f"{plan.min_blocks} to {plan.max_blocks} blocks"
    )
    facts = [
        f"Hypothesis: {one_line(plan.hypothesis)}",
        f"Primary metric: {goal}",
        f"Decided by: {rule}",
    ]
    if plan.guardrails:
        facts.append(f"Guardrails: {', '.join(g.metric.name for g in plan.guardrails)}")
    if plan.command is not None:
        facts.append(f"Command: {one_line(plan.command)}")
    text = "\n\n".join(
        filter(
            None,
            [
                f"Register experiment {plan.id}: {one_line(plan.name)}",
                "\n".join(facts),
                plain(plan.description),
            ],
        )
    )
    return Message(
        text=text,
        trailers=(
            ("Exp-Id", plan.id),
            ("Exp-Plan-Hash", plan_hash),
            (PLAN_TRAILER, canonical),
        ),
    )


def carried_over(exp: ExperimentId, origin: ExperimentId, commit: Oid) -> Message:
    """The message of the commit that brings another experiment's change along."""
    return Message(
        text=f"Take over the change of exp/{origin}\n\n"
        f"The tree is that of {commit}, the treatment of experiment {origin}.",
        trailers=(("Exp-Id", exp), ("Exp-Like", origin)),
    )


def promotion(
    experiment: Experiment, permission: MayPromote, *, target: str, said: PromotionText
) -> Message:
    """The merge's message: what was shown, for ever."""
    override = None if permission.override is None else one_line(permission.override)
    paragraphs = [
        f"Promote exp/{experiment.id} into {short(target)}: {one_line(experiment.plan.name)}",
        plain(said.result),
        f"Hypothesis: {one_line(experiment.plan.hypothesis)}",
    ]
    if override is not None:
        paragraphs.append(f"The verdict was {permission.verdict}; merged all the same: {override}")
    trailers = [
        ("Exp-Id", experiment.id),
        ("Exp-Decision", permission.verdict),
        ("Exp-Goal", said.goal and one_line(said.goal)),
        ("Exp-Effect", said.effect and one_line(said.effect)),
        ("Exp-Interval", said.interval and one_line(said.interval)),
        ("Exp-Blocks", one_line(said.blocks)),
        ("Exp-Plan-Hash", experiment.plan_hash),
        ("Exp-Evidence", EVIDENCE),
        ("Exp-Override", override),
    ]
    return Message(
        text="\n\n".join(filter(None, paragraphs)),
        trailers=tuple((key, value) for key, value in trailers if value is not None),
    )


def rollback(
    experiment: Experiment, *, merge: Oid, undo: Undo, reason: str, result: str | None
) -> Message:
    """The message of the revert that takes a promotion back."""
    what = f"{merge}, which promoted it."
    if isinstance(undo, UndoRange):
        what = f"the change from {undo.since} to {undo.commit}, which came with {merge}."
    paragraphs = [
        f"Roll back exp/{experiment.id}: {one_line(experiment.plan.name)}",
        f"This reverts {what}",
        f"Reason: {one_line(reason)}",
        plain(result or ""),
    ]
    return Message(
        text="\n\n".join(filter(None, paragraphs)),
        trailers=(("Exp-Id", experiment.id), ("Exp-Reverts", merge)),
    )


def restoration(experiment: Experiment, *, revert: Oid) -> Message:
    """The message of the commit that undoes a rollback's revert."""
    return Message(
        text=f"Restore exp/{experiment.id}: {one_line(experiment.plan.name)}\n\n"
        f"This reverts {revert}, which had rolled it back.",
        trailers=(("Exp-Id", experiment.id), ("Exp-Reverts", revert)),
    )


def one_line(text: str) -> str:
    """The text with every run of white space as one blank, control characters dropped."""
    return " ".join(plain(text).split())


def plain(text: str) -> str:
    """The text without control and formatting characters; line ends and tabs stay."""
    return "".join(c for c in text if c in "\n\t" or category(c)[0] != "C").strip()
