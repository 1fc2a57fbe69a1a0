"""`git exp promote`."""

from __future__ import annotations

import click

from gitexp.cli.grace import give_time
from gitexp.cli.options import experiment_argument, output_options, yes_option
from gitexp.cli.output import Output


@click.command()
@experiment_argument
@click.option("--into", metavar="BRANCH", help="Merge into this branch instead of the plan's.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--override", metavar="REASON", help="Promote without a `better` verdict; recorded.")
@yes_option
@output_options
def promote(
    output: Output,
    exp_id: str | None,
    into: str | None,
    dry_run: bool,
    override: str | None,
    yes: bool,
) -> None:
    """Merge a treatment that proved better.

    Merges exp/ID into its target with a merge commit that says what was shown, and deletes the
    branch; the archive keeps it. Without a `better` verdict it refuses and says what is missing.
    A merge that was made by hand is recorded; --override adds why it is right all the same.

    \b
    Example:
      git exp promote fast-parse
    """
    from gitexp.app import promote as app
    from gitexp.app.endings import standing_on
    from gitexp.app.judge import judge
    from gitexp.app.load import load, resolve_id
    from gitexp.app.opening import open_store
    from gitexp.app.overriding import overriding, record_override
    from gitexp.changes import recognition_changes, steps
    from gitexp.render.promotion import planned, promoted, promotion_text

    store = open_store()
    exp = resolve_id(store, exp_id)
    typed = [("--into", into), ("--override", override)]
    experiment = load(store, exp).experiment
    late = overriding(experiment, override)
    if late is not None and dry_run:
        output.show(planned("promote", exp, late, here=standing_on(store), options=typed))
        return
    if late is not None:
        record_override(store, late)
        experiment = load(store, exp).experiment
    done = app.existing(experiment)
    if done is not None:
        output.show(promoted(done))
        return
    found = app.merged_already(store, experiment, into=into, override=override)
    if found is not None and dry_run:
        changes = recognition_changes(experiment, found)
        output.show(planned("promote", exp, changes, here=standing_on(store), options=typed))
        return
    if found is not None:
        output.show(promoted(app.record_promotion(store, experiment, found)))
        return
    judged = judge(store, exp)
    experiment = judged.loaded.experiment
    permission = judged.permission(override=override)
    tip, said = judged.view.comparison.treatment.commit, promotion_text(judged.view)
    changes = app.promotion(store, experiment, permission, tip=tip, said=said, into=into)
    here = standing_on(store)
    if dry_run:
        output.show(planned("promote", experiment.id, changes, here=here, options=typed))
        return
    give_time(output, steps(changes, here=here), yes=yes)
    result = app.promote(store, experiment, permission, tip=tip, said=said, into=into)
    output.show(promoted(result))
