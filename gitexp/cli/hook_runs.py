"""What the hooks' scripts call: `git exp hooks run`."""

from __future__ import annotations

import sys

from gitexp.errors import DONE, GitexpError
from gitexp.render.text import clean


def post_commit() -> int:
    """Say what the commit means; whatever happens, it is made."""
    from gitexp.app.post_commit import post_commit as ask
    from gitexp.app.post_commit import summaries
    from gitexp.render.hook_lines import commit_line, commit_summary
    from gitexp.store.store import Store

    try:
        # not the door of the commands: a hook finishes nothing that moves branches
        store = Store.open()
        news = ask(store)
        if news is not None:
            _say(commit_line(news))
            store.write_summaries(summaries(news, commit_summary(news)))
    except (GitexpError, OSError):
        # a repository that is none of ours to read or write; the next command says what is wrong
        return DONE
    return DONE


def _say(text: str) -> None:
    print(clean(text), file=sys.stderr)
