"""A person's yes or no to what waits, as one deed for the command line and the page: rights, the one decision meant, the signed word."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from console.configuration import load_people
from console.home import Home
from console.readmodel import Pending
from console.words import approval_of, require_right, speaker_in
from schemas.errors import NotFoundError
from schemas.oversight import Control
from schemas.people import Right


def row_of(pending: Pending) -> dict[str, object]:
    """Return what waits as the row that lists show."""
    decision = pending.decision
    return {
        "decision": pending.decision_id,
        "target": decision.target,
        "strategy": decision.strategy,
        "risk": decision.risk.score,
        "steps": ", ".join(pending.steps),
        "plan_hash": pending.plan_hash,
        "given": ",".join(pending.given),
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


def answer(
    place: Home, who: str, waiting: Callable[[], Sequence[Pending]], decision: str, say: Callable[[Control], None], *, yes: bool
) -> str:
    """Say a person's signed yes or no and return what was said; raises DeniedError, NotFoundError or UnreachableError."""
    speaker = speaker_in(place.people, who)
    require_right(load_people(place.config), speaker, Right.APPROVE)
    found = pending_named(waiting(), decision)
    say(approval_of(found, speaker, secrets.token_hex(8), datetime.now(UTC), approve=yes))
    return f"{speaker.name} {'approves' if yes else 'denies'} {found.decision.strategy} on {found.decision.target}"
