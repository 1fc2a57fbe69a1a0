"""The environment variables a command sees."""

from __future__ import annotations

TYPE_CHECKING = False  # `exec` must start fast: the real one would load typing
if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

GIT_LOCAL = frozenset(
    [
        # git rev-parse --local-env-vars
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
        # set while git runs hooks and aliases
        "GIT_NAMESPACE",
        "GIT_QUARANTINE_PATH",
        "GIT_REFLOG_ACTION",
    ]
)
"""Variables that tie git to the user's checkout."""

_GIT_LOCAL_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def for_command(base: Mapping[str, str], *, cwd: PathLike[str] | str) -> dict[str, str]:
    """`base` without what ties it to the user's checkout; PWD is the command's folder."""
    kept = {
        name: value
        for name, value in base.items()
        if name not in GIT_LOCAL and not name.startswith(_GIT_LOCAL_PREFIXES) and name != "OLDPWD"
    }
    return {**kept, "PWD": str(cwd)}


def for_trial(
    base: Mapping[str, str],
    *,
    cwd: PathLike[str] | str,
    experiment: str,
    arm: str,
    block: int,
    trial: str,
    seed: int,
) -> dict[str, str]:
    """What the command of one trial sees; `trial.measure` adds GITEXP_METRICS.

    Args:
        block: 1, 2, …; 0 is warm-up.
        seed: The same for both arms of a block.
    """
    return {
        **for_command(base, cwd=cwd),
        "GITEXP_ID": experiment,
        "GITEXP_ARM": str(arm),
        "GITEXP_BLOCK": str(block),
        "GITEXP_TRIAL": trial,
        "GITEXP_SEED": str(seed),
    }
