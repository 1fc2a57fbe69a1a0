"""What a push moves, as git tells its pre-push hook."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gitexp import refs
from gitexp.model import ExperimentId, Oid

_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRef:
    """One ref of the other repository that a push moves.

    Attributes:
        local: What is pushed, in the user's words: often a full ref name.
        new: The object it is to be there; None deletes it.
        name: Its full name there.
        old: The object it is there now; None when it is not there.
    """

    local: str
    new: Oid | None
    name: str
    old: Oid | None

    @property
    def experiment(self) -> ExperimentId | None:
        """The experiment whose branch it is, there or here."""
        return refs.parse_branch(self.name) or refs.parse_branch(self.local)

    @property
    def evidence(self) -> refs.WriterRef | None:
        """Whose notes or archive it is there; None for any other ref."""
        ref = refs.parse_notes(self.name) or refs.parse_archive(self.name)
        return None if ref is None or ref.remote is not None else ref


def parse_pushed(lines: bytes) -> tuple[PushedRef, ...]:
    """The lines git gives the hook; what is no such line is passed over.

    >>> zeros = b"0" * 40
    >>> [ref] = parse_pushed(b"HEAD~2^{/a fix} " + b"1" * 40 + b" refs/heads/x " + zeros)
    >>> ref.local, ref.name, ref.old
    ('HEAD~2^{/a fix}', 'refs/heads/x', None)
    """
    found = []
    for line in lines.split(b"\n"):
        # what is pushed may be an expression with blanks; the other words never have any
        words = os.fsdecode(line).rsplit(" ", _WORDS - 1)
        if len(words) == _WORDS:
            local, new, name, old = words
            found.append(PushedRef(local=local, new=_oid(new), name=name, old=_oid(old)))
    return tuple(found)


def _oid(text: str) -> Oid | None:
    return None if text == refs.ZERO else Oid(text)
