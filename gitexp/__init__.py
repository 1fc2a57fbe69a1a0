"""A/B experiments on a git repository, kept entirely in git."""

__version__ = "0.1.0"
