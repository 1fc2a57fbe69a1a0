"""What create, promote, rollback and restore will do, as a value."""

from gitexp.changes.make import (
    creation_changes,
    drop_changes,
    event_changes,
    override_changes,
    promotion_changes,
    recognition_changes,
    restore_changes,
    revert_changes,
    revert_of_revert_changes,
    rollback_changes,
    undo_promotion_changes,
)
from gitexp.changes.messages import PLAN_TRAILER, PromotionText
from gitexp.changes.values import Changes, Kind, Undo, UndoCommit, UndoRange, steps

__all__ = [
    "PLAN_TRAILER",
    "Changes",
    "Kind",
    "PromotionText",
    "Undo",
    "UndoCommit",
    "UndoRange",
    "creation_changes",
    "drop_changes",
    "event_changes",
    "override_changes",
    "promotion_changes",
    "recognition_changes",
    "restore_changes",
    "revert_changes",
    "revert_of_revert_changes",
    "rollback_changes",
    "steps",
    "undo_promotion_changes",
]
