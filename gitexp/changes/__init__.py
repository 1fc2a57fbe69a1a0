"""What create, promote, rollback and restore will do, as a value."""

from gitexp.changes.make import (
    creation_changes,
    event_changes,
    promotion_changes,
    restore_changes,
    revert_changes,
    revert_of_revert_changes,
    rollback_changes,
    undo_promotion_changes,
)
from gitexp.changes.messages import PLAN_TRAILER, PromotionText
from gitexp.changes.values import Changes, Kind, steps

__all__ = [
    "PLAN_TRAILER",
    "Changes",
    "Kind",
    "PromotionText",
    "creation_changes",
    "event_changes",
    "promotion_changes",
    "restore_changes",
    "revert_changes",
    "revert_of_revert_changes",
    "rollback_changes",
    "steps",
    "undo_promotion_changes",
]
