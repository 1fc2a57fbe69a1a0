"""Arrays in, frozen results out.

The only place that imports numpy and scipy at module level. Nothing here knows of git, plans or
files; `gitexp.policy` translates.
"""
