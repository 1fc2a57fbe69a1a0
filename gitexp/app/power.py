"""`power`: how many blocks an effect takes, and what a number of blocks can show."""

from __future__ import annotations

from dataclasses import replace

from gitexp.app.branches import current_experiment
from gitexp.app.known_noise import KnownNoise, noise_in, noise_of_command
from gitexp.app.load import load, resolve_id
from gitexp.app.option_reader import OptionReader, between, size_reader
from gitexp.app.planning import PlanOptions, Registration, build_plan
from gitexp.app.settings import Settings
from gitexp.app.views import PowerView
from gitexp.decision import Noise
from gitexp.errors import Refused, UsageError
from gitexp.lifecycle import Experiment
from gitexp.model import Oid, Plan, Scale, WriterId, experiment_id
from gitexp.policy.sizing import (
    POWER,
    blocks_for,
    detectable,
    guard_sizes,
    scales_of,
    with_max_blocks,
)
from gitexp.store.store import Store

NUMBERS = (10, 20, 50, 100, 200, 500)
"""Blocks whose smallest effects are listed."""


def power(
    store: Store,
    exp: str | None,
    options: PlanOptions,
    *,
    noise: str | None,
    level: str | None,
) -> PowerView:
    """The answer for a plan with these options, or like that of an experiment.

    Args:
        options: `min_effect` is the effect asked for, `max_blocks` the number of blocks.
        noise: Standard deviation of a block's difference, as typed; None: as recorded.
        level: The power, as typed.

    Raises:
        UsageError: for options that cannot be meant.
        Refused: when no noise is known.
    """
    experiment = _named(store, exp, options)
    plan = _plan(store, options, experiment)
    reader = OptionReader()
    wanted_power = reader.read("power", level, between(plan.alpha, 1.0), POWER)
    given = reader.read("noise", noise, size_reader(plan.primary, plan.scale), None)
    reader.refuse_unless(given != 0.0, "--noise: without any, there is no noise to size by")
    if reader.complaints:
        raise UsageError("; ".join(reader.complaints), hint="git exp power -h")
    known = None if given is not None else _recorded(store, plan, experiment)
    if given is not None:
        found = Noise(sd=given, blocks=0)
    elif known is not None:
        found = known.by_metric[plan.primary.name]
    else:
        raise _unknown(plan, experiment)
    asked = plan.min_effect if plan.min_effect > 0 else None
    return PowerView(
        plan=plan,
        power=wanted_power,
        noise=found,
        source=None if known is None else known.source,
        effect=detectable(plan, found.sd, power=wanted_power),
        wanted=asked,
        needed=None if asked is None else blocks_for(plan, asked, found.sd, power=wanted_power),
        finds=tuple(
            (n, detectable(with_max_blocks(plan, n), found.sd, power=wanted_power))
            for n in sorted({*NUMBERS, plan.max_blocks})
        ),
        guards=guard_sizes(plan, {} if known is None else known.sds),
    )


def _named(store: Store, exp: str | None, options: PlanOptions) -> Experiment | None:
    """The experiment that was named, or is checked out when nothing else was."""
    if exp is None and (options.run is not None or current_experiment(store) is None):
        return None
    return load(store, resolve_id(store, exp)).experiment


def _plan(store: Store, options: PlanOptions, experiment: Experiment | None) -> Plan:
    """The plan that `create` would make of these options."""
    typed = options.configured(Settings.of(store.git))
    registration = Registration(
        id=experiment_id("power"),
        name="power",
        created=store.clock(),
        target="refs/heads/main",
        base=Oid("0" * 40),
        decider=WriterId("nobody"),
    )
    like = None if experiment is None else experiment.plan
    try:
        return build_plan(
            replace(typed, hypothesis="sized, not registered"), registration, like=like
        )
    except UsageError as error:
        raise UsageError(_as_typed(error.message), hint="see 'git exp power -h'") from error


def _as_typed(complaint: str) -> str:
    """What `create` complains of, by the names the options have here."""
    said = complaint.removeprefix("this plan cannot be registered: ")
    return said.replace("--min-effect", "--effect").replace("--max-blocks", "--blocks")


def _recorded(store: Store, plan: Plan, experiment: Experiment | None) -> KnownNoise | None:
    if experiment is not None:
        found = noise_in(experiment, scales_of(plan), is_paired=plan.test.is_paired)
        if plan.primary.name in found:
            return KnownNoise(source=experiment.id, by_metric=found)
    if plan.command is None:
        return None
    return noise_of_command(store, plan)


def _unknown(plan: Plan, experiment: Experiment | None) -> Refused:
    unit = "5%" if plan.scale is Scale.LOG else "0.5"
    if experiment is not None:
        measured = f"git exp run {experiment.id} --aa, which measures it; or "
        return Refused(
            f"nothing recorded of {experiment.id} tells how much {plan.primary.name} scatters",
            hint=f"{measured if experiment.plan.command else ''}give it: --noise {unit}",
            code="no-noise",
        )
    what = "no experiment here has measured this command" if plan.command else "no noise is known"
    return Refused(
        what,
        hint=f"give the standard deviation of a block's difference: --noise {unit}; "
        "or name an experiment: git exp power ID",
        code="no-noise",
    )
