"""Laws are checked on many examples, and no example is timed: other work may share the machine."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
