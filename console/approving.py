"""A person's yes or no to what waits, one way for the command line, the page and a button in a chat: from rights to the signed word."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from console.configuration import load_people
from console.home import Home
from console.readmodel import Pending
from console.words import Speaker, approval_of, require_right, speaker_in
from schemas.errors import NotFoundError
from schemas.oversight import Control
from schemas.people import People, Right


def row_of(pending: Pending, people: People, now: datetime) -> dict[str, object]:
    """Return what waits as the row that lists show, with who has said a yes that counts now."""
    decision = pending.decision
    return {
        "decision": pending.decision_id,
        "target": decision.target,
        "strategy": decision.strategy,
        "risk": decision.risk.score,
        "steps": ", ".join(pending.steps),
        "plan_hash": pending.plan_hash,
        "given": ",".join(pending.given(people, now)),
        "needed": decision.approvals_required,
        "expires_at": decision.expires_at.isoformat(),
    }


def pending_named(waiting: Sequence[Pending], decision: str) -> Pending:
    """Return the one that waits and begins so; raises NotFoundError."""
    found = [row for row in waiting if row.decision_id.startswith(decision)]
    if len(found) != 1:
        why = f"{len(found)} waiting decisions begin so" if found else "no such decision waits for people"
        raise NotFoundError(f"decision {decision}", why, "List them with `healstream approval list -o json`")
    return found[0]


def answered(row: Pending, speaker: Speaker, people: People, now: datetime, nonce: str, *, approve: bool) -> Control:
    """Return the signed answer; raises DeniedError when the person is not known, may not, or proposed it."""
    require_right(people, speaker, Right.APPROVE)
    return approval_of(row, speaker, nonce, now, approve=approve)


def answer(
    place: Home, who: str, waiting: Callable[[], Sequence[Pending]], decision: str, say: Callable[[Control], None], *, yes: bool
) -> str:
    """Say a person's signed yes or no and return what was said; raises DeniedError, NotFoundError or UnreachableError."""
    speaker, people = speaker_in(place.people, who), load_people(place.config)
    # Who may not is told so before the topics are read.
    require_right(people, speaker, Right.APPROVE)
    found = pending_named(waiting(), decision)
    say(answered(found, speaker, people, datetime.now(UTC), secrets.token_hex(8), approve=yes))
    return f"{speaker.name} {'approves' if yes else 'denies'} {found.decision.strategy} on {found.decision.target}"
