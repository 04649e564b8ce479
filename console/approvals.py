"""A person's yes or no to a waiting decision, whoever brings it: the command line, a button in a chat; one way for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.readmodel import Pending
from console.words import Speaker, approval_of, require_right
from schemas.errors import NotFoundError
from schemas.oversight import Control
from schemas.people import People, Right

_MEND = "List them with `healstream approval list -o json`"


def waiting_named(waiting: Sequence[Pending], decision: str) -> Pending:
    """Return the one decision that waits for people and whose id begins so; raises NotFoundError."""
    found = [row for row in waiting if row.decision_id.startswith(decision)]
    if len(found) != 1:
        why = f"{len(found)} waiting decisions begin so" if found else "no such decision waits for people"
        raise NotFoundError(f"decision {decision}", why, _MEND)
    return found[0]


def answered(row: Pending, speaker: Speaker, people: People, now: datetime, nonce: str, *, approve: bool) -> Control:
    """Return the signed answer; raises DeniedError when the person is not known, may not, or proposed it."""
    require_right(people, speaker, Right.APPROVE)
    return approval_of(row, speaker, nonce, now, approve=approve)
