"""What the hooks' scripts call: `git exp hooks run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

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


def pre_push(args: Sequence[str]) -> int:
    """Judge a push, and take the evidence along; a refusal ends the push.

    Args:
        args: The remote's name and its URL, as git gives them to the hook.

    Raises:
        Refused: when the push must not go on.
    """
    from gitexp.app.pre_push import pre_push as ask
    from gitexp.app.pushed import parse_pushed
    from gitexp.render.hook_lines import push_lines
    from gitexp.store.store import Store

    remote, url = (*args, "", "")[:2]
    pid = os.environ.get("GITEXP_PUSH_PID", "")
    pushed = parse_pushed(sys.stdin.buffer.read())
    try:
        store = Store.open()
    except GitexpError:
        return DONE  # no repository of ours to read
    caller = int(pid) if pid.isdecimal() else None
    for text in push_lines(ask(store, pushed, remote=remote, url=url, pid=caller)):
        _say(text)
    return DONE


def _say(text: str) -> None:
    print(clean(text), file=sys.stderr)
