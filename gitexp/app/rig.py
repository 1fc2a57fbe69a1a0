"""Both arms checked out and ready, and one trial run and recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitexp.app.inner_samples import payload_of
from gitexp.app.settings import Settings
from gitexp.codec import metrics_fit, ulid
from gitexp.errors import GitexpError, Refused
from gitexp.lifecycle import Experiment
from gitexp.machine import Facts, is_timed, machine_warnings
from gitexp.model import (
    BUILT_IN_METRICS,
    Arm,
    Comparison,
    Environment,
    Outcome,
    Record,
    RecordId,
    Trial,
)
from gitexp.runner.affinity import cores_text, usable_cores
from gitexp.runner.declared import declared_units, in_declared_units
from gitexp.runner.environment import facts, host, times_throttled
from gitexp.runner.extract import extraction_of
from gitexp.runner.isolation import Shared, shared
from gitexp.runner.process import Launcher
from gitexp.runner.schedule import order, seed
from gitexp.runner.trial import Measurement, measure
from gitexp.runner.variables import for_command, for_trial
from gitexp.runner.worktree import Checkout, Recipe, Worktrees, default_base
from gitexp.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """All that a trial of this run needs.

    Attributes:
        env: Id of this run's environment record.
        cores: What the command is pinned to; none: anything.
    """

    store: Store
    experiment: Experiment
    comparison: Comparison
    command: str
    launcher: Launcher
    checkouts: dict[Arm, Checkout]
    scratch: Path
    env: RecordId
    cores: frozenset[int]
    warnings: tuple[str, ...]

    def order(self, block: int, attempt: int) -> tuple[Arm, Arm]:
        """The arms of this block in the order they run."""
        return order(
            plan=self.experiment.plan_hash,
            revision=self.comparison.revision,
            writer=self.store.writer,
            block=block,
            attempt=attempt,
        )

    def trial(self, arm: Arm, *, block: int, attempt: int, slot: int) -> Record:
        """Run one trial; it is durable when this returns.

        Raises:
            GitexpError: if the command cannot start, or reports a number that cannot be used:
                then the trial is recorded as failed first.
        """
        name = ulid(time.time_ns() // 1_000_000, os.urandom(10))
        measured = in_declared_units(
            self._measure(arm, block=block, attempt=attempt, name=name),
            declared_units(self.experiment.plan.declared),
        )
        outcome, metrics, complaint = self._judge(measured)
        record = self.store.record(
            self.experiment.id,
            self.experiment.plan_hash,
            Trial(
                arm=arm,
                commit=self.comparison.arm(arm).commit,
                revision=self.comparison.revision,
                block=block,
                attempt=attempt,
                slot=slot,
                host=host(),
                outcome=outcome,
                exit_code=measured.exit_code,
                metrics=metrics,
                env=self.env,
            ),
            target=self.comparison.arm(arm).commit,
            payload=trial_payload(measured, outcome),
            id=name,
        )
        if complaint is not None:
            raise GitexpError(
                f"the command's report in the {arm} cannot be used: {complaint}",
                hint="mend what it prints; the trial is recorded as failed",
                code="bad-metric",
            )
        return record

    def _measure(self, arm: Arm, *, block: int, attempt: int, name: RecordId) -> Measurement:
        checkout = self.checkouts[arm].path
        env = for_trial(
            os.environ,
            cwd=checkout,
            experiment=self.experiment.id,
            arm=arm,
            block=block,
            trial=name,
            seed=seed(
                plan=self.experiment.plan_hash,
                revision=self.comparison.revision,
                writer=self.store.writer,
                block=block,
                attempt=attempt,
            ),
        )
        return measure(
            self.launcher,
            self.command,
            cwd=checkout,
            env=env,
            timeout_s=self.experiment.plan.timeout_s,
            scratch=self.scratch / name,
            extraction=extraction_of(self.experiment.plan, checkout),
            cores=self.cores,
        )

    def _judge(self, measured: Measurement) -> tuple[Outcome, dict[str, float], str | None]:
        """Outcome, metrics as a record can hold them, and what is wrong with the report.

        A trial without its primary metric failed, however it exited.
        """
        plan, metrics, complaint = self.experiment.plan, dict(measured.metrics), measured.complaint
        if not metrics_fit(metrics):
            known = {*BUILT_IN_METRICS, *(metric.name for metric in plan.declared)}
            if complaint is None and measured.outcome is Outcome.OK:
                complaint = f"{len(metrics)} metrics are more than a record can hold"
            metrics = {name: value for name, value in metrics.items() if name in known}
        lacks_primary = measured.outcome is Outcome.OK and plan.primary.name not in metrics
        if lacks_primary or complaint is not None:
            return Outcome.FAILED, metrics | {"failures": 1.0}, complaint
        return measured.outcome, metrics, None


@contextmanager
def open_rig(
    store: Store, experiment: Experiment, comparison: Comparison, *, allow_shared: bool
) -> Iterator[Rig]:
    """Check out both arms and note the environment.

    Raises:
        Refused: if the set-up fails, or both arms would run the user's own checkout.
    """
    plan = experiment.plan
    assert plan.command is not None, "refuse_to_run has looked"
    # which processors this machine has is not for a file that came with a clone to say
    settings = Settings.of(store.git)
    affinity = settings.value("cpu-affinity", None, is_local=True)
    cores = usable_cores(affinity, settings.place("cpu-affinity", is_local=True))
    worktrees = worktrees_of(store)
    with ExitStack() as stack:
        launcher = stack.enter_context(Launcher())
        checkouts = {
            arm: stack.enter_context(
                worktrees.checkout(
                    experiment.id,
                    Recipe(
                        commit=comparison.arm(arm).commit,
                        tree=comparison.arm(arm).tree,
                        control=comparison.control.commit,
                        setup=plan.setup,
                        links=plan.links,
                        harness=plan.harness,
                        is_twin=comparison.revision.is_self and arm is Arm.TREATMENT,
                    ),
                    launcher=launcher,
                    env=for_command(os.environ, cwd=worktrees.root),
                )
            )
            for arm in Arm
        }
        found = _shared(store, plan.command, checkouts, plan.links)
        if found and not allow_shared:
            raise _refuse_shared(found)
        machine = _machine(store, cores)
        env = _note_environment(store, experiment, comparison, machine, found)
        stack.callback(_note_end, store, experiment, comparison, machine, env)
        yield Rig(
            store=store,
            experiment=experiment,
            comparison=comparison,
            command=plan.command,
            launcher=launcher,
            checkouts=checkouts,
            scratch=worktrees.root / "scratch",
            env=env,
            cores=cores,
            warnings=(
                *(f"{s.what} ({s.where}): both arms may run it" for s in found),
                *(machine_warnings(machine) if is_timed(plan) else ()),
            ),
        )


def worktrees_of(store: Store) -> Worktrees:
    """Our checkouts of this repository, in `exp.worktreeDir` or the user's cache folder."""
    # where files go on this machine is not for a file that came with a clone to say
    configured = Settings.of(store.git).value("worktree-dir", None, is_local=True)
    base = default_base(os.environ) if configured is None else Path(configured).expanduser()
    if not base.is_absolute():
        base = (store.git.top or store.git.common_dir) / base
    return Worktrees(
        store.git, common_dir=store.git.common_dir, user_checkout=store.git.top, base=base
    )


def _shared(
    store: Store, command: str, checkouts: dict[Arm, Checkout], links: tuple[str, ...]
) -> tuple[Shared, ...]:
    if store.git.top is None:
        return ()
    arm = checkouts[Arm.TREATMENT].path
    return shared(
        command,
        user_checkout=store.git.top,
        arm_checkout=arm,
        env=for_command(os.environ, cwd=arm),
        links=links,
    )


def _refuse_shared(found: tuple[Shared, ...]) -> Refused:
    first = found[0]
    return Refused(
        f"both arms would run the code of your own checkout: {first.what} ({first.where})",
        hint=f"{first.advice}; or, if that does not matter here: git exp run --allow-shared",
        code="not-isolated",
    )


def _machine(store: Store, cores: frozenset[int]) -> Facts:
    version = store.git.run("version").removeprefix("git version ").strip()
    return facts(git_version=version, pinned=cores_text(cores) or None)


def _note_environment(
    store: Store,
    experiment: Experiment,
    comparison: Comparison,
    machine: Facts,
    found: tuple[Shared, ...],
) -> RecordId:
    known = dict(machine)
    if found:
        known["shared"] = "; ".join(s.what for s in found)[:500]
    return store.record(
        experiment.id,
        experiment.plan_hash,
        Environment(facts=known),
        target=experiment.plan_commit or comparison.control.commit,
    ).id


def _note_end(
    store: Store, experiment: Experiment, comparison: Comparison, machine: Facts, env: RecordId
) -> None:
    """Record that the machine got too hot since the run began, if it did."""
    before, after = machine.get("throttled"), times_throttled()
    if not isinstance(before, float) or after is None or after <= before:
        return
    store.record(
        experiment.id,
        experiment.plan_hash,
        Environment(facts={"began": env, "host": host(), "throttled": after - before}),
        target=experiment.plan_commit or comparison.control.commit,
    )


def trial_payload(measured: Measurement, outcome: Outcome) -> bytes | None:
    """What a record has no room for: inner samples, and the output of a trial that failed."""
    kept: dict[str, object] = {}
    tail = measured.tail
    if outcome is not measured.outcome and measured.notes:
        # it went well and failed all the same: what is missing is the reason
        tail = "\n".join([tail.rstrip("\n"), *measured.notes])
    if outcome in (Outcome.FAILED, Outcome.TIMEOUT) and tail:
        kept["tail"] = tail
    return payload_of(kept, measured.samples)
