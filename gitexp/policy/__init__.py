"""From an experiment's records to a verdict: joins the records to the statistics."""

from gitexp.policy.analyse import analyse
from gitexp.policy.permission import permit
from gitexp.policy.walk import Signal, Walk, walk

__all__ = ["Signal", "Walk", "analyse", "permit", "walk"]
