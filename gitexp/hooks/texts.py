"""The hooks' texts: POSIX sh that is out again before Python would have started.

The hook that was there before is run from a fixed name in the hook's own folder: managers rename
our file, so the name in `$0` would not tell. hooks/ at the top of the project shows both rendered.
"""

from __future__ import annotations

import re

POST_COMMIT = "post-commit"
PRE_PUSH = "pre-push"
NAMES = (POST_COMMIT, PRE_PUSH)

BEFORE = ".before-exp"
"""Ends the name under which the hook that was there before is kept and run."""

_HEAD = """\
#!/bin/sh
# git-exp hook NAME, version 1. Do not edit: 'git exp hooks install' writes it anew,
# 'git exp hooks uninstall' takes it out and puts back the hook that was here before.
set -u
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
before=$here/NAME.before-exp
"""

_MARK = re.compile(rb"\A#![^\n]*\n# git-exp hook [a-z-]+, version ")

_POST_COMMIT = """
status=0
if [ -x "$before" ]; then
    "$before" "$@"
    status=$?
fi

# git that our own commands start needs no hooks of ours
[ -z "${GITEXP_IN_HOOK-}" ] || exit "$status"
case $(git symbolic-ref --quiet HEAD) in
refs/heads/exp/*) ;;
*) exit "$status" ;;
esac

ours=127
if command -v git-exp >/dev/null 2>&1; then
    GITEXP_IN_HOOK=1 git-exp hooks run post-commit
    ours=$?
fi
# 126 and 127: not there, or the Python it starts with is gone
if [ "$ours" -eq 126 ] || [ "$ours" -eq 127 ]; then
    echo "warning: git-exp cannot be started here: nothing was noted of this commit" >&2
    ours=0
fi
[ "$status" -ne 0 ] || status=$ours
exit "$status"
"""

_PRE_PUSH = """
# git that our own commands start needs no hooks of ours
if [ -n "${GITEXP_IN_HOOK-}" ]; then
    [ ! -x "$before" ] || exec "$before" "$@"
    exit 0
fi

# two readers of one input; the dot keeps its last line end from being cut
pushed=$(cat && echo .)
pushed=${pushed%.}
if [ -x "$before" ]; then
    printf %s "$pushed" 2>/dev/null | "$before" "$@" || exit
fi

# what --mirror deletes git tells no hook; the command does, where it can be read without a process
caller=
read -r caller 2>/dev/null <"/proc/$PPID/cmdline"
case $caller in
*push*--mirror*) ;;
*)
    # a remote ref under heads, exp or notes; one pattern, for there may be thousands of tags
    case $pushed in
    *" refs/"[ehn]*) ;;
    *) exit 0 ;;
    esac
    # a clone that holds nothing of ours can still erase what others recorded
    case $pushed in
    *" refs/exp/"* | *" refs/notes/exp/"*) ;;
    *)
        [ -n "$(git for-each-ref --count=1 --format=x refs/heads/exp/ refs/exp/ \\
            refs/notes/exp/ refs/notes/remotes/ 'refs/remotes/**/exp/*')" ] || exit 0
        ;;
    esac
    ;;
esac

ours=127
if command -v git-exp >/dev/null 2>&1; then
    printf %s "$pushed" 2>/dev/null |
        GITEXP_IN_HOOK=1 GITEXP_PUSH_PID=$PPID git-exp hooks run pre-push -- "${1-}" "${2-}"
    ours=$?
fi
# 126 and 127: not there, or the Python it starts with is gone
if [ "$ours" -eq 126 ] || [ "$ours" -eq 127 ]; then
    echo "warning: git-exp cannot be started here: no evidence was checked or pushed" >&2
    ours=0
fi
exit "$ours"
"""

_BODIES = {POST_COMMIT: _POST_COMMIT, PRE_PUSH: _PRE_PUSH}


def script(name: str) -> bytes:
    """The hook as it is installed; the same for every repository."""
    return (_HEAD.replace("NAME", name) + _BODIES[name]).encode("ascii")


def is_ours(content: bytes) -> bool:
    """Whether this is a hook of ours, of any version, edited or not."""
    return _MARK.match(content) is not None


def call(name: str, arguments: str = '"$@"') -> str:
    """One line of sh that runs our hook from another, and does nothing where there is none."""
    place = f'"$(git rev-parse --git-common-dir)/exp/hooks/{name}"'
    return f'hook={place}; [ ! -x "$hook" ] || "$hook" {arguments}'


def calls_ours(content: bytes, name: str) -> bool:
    """Whether another file's text calls our hook by such a line."""
    wanted = f"/exp/hooks/{name}".encode()
    return any(
        wanted in line for line in content.splitlines() if not line.lstrip().startswith(b"#")
    )
