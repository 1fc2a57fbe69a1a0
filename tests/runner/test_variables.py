"""The environment of a command."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitexp.model import Arm, ExperimentId, RecordId
from gitexp.runner.variables import GIT_LOCAL, for_command, for_trial


def test_every_variable_git_calls_local_is_removed() -> None:
    listing = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], check=True, capture_output=True, text=True
    ).stdout

    assert set(listing.split()) <= GIT_LOCAL


def test_what_ties_to_the_users_checkout_is_removed_and_the_rest_kept() -> None:
    base = {
        "GIT_DIR": "/x/.git",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.worktree",
        "GIT_CONFIG_VALUE_0": "/x",
        "GIT_AUTHOR_NAME": "A",
        "OLDPWD": "/x",
        "PWD": "/x",
        "PATH": "/bin",
    }

    assert for_command(base, cwd=Path("/arm")) == {
        "GIT_AUTHOR_NAME": "A",
        "PATH": "/bin",
        "PWD": "/arm",
    }


def test_a_trial_knows_what_it_is() -> None:
    env = for_trial(
        {"GITEXP_ARM": "stale"},
        cwd=Path("/arm"),
        experiment=ExperimentId("fast"),
        arm=Arm.TREATMENT,
        block=0,
        trial=RecordId("01J"),
        seed=42,
    )

    assert env == {
        "PWD": "/arm",
        "GITEXP_ID": "fast",
        "GITEXP_ARM": "treatment",
        "GITEXP_BLOCK": "0",
        "GITEXP_TRIAL": "01J",
        "GITEXP_SEED": "42",
    }
