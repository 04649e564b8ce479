"""``--wait``: follows what was opened again to its end, and tells a person's missing yes and a time that is over apart from a failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from console.readmodel import ReadModel
from schemas.errors import ApprovalNeededError, TimedOutError
from schemas.ids import id_of
from schemas.recoveries import RecoveryOutcome

LOOK_S = 1.0
WAIT = typer.Option("", "--wait", help="30m, 2h: wait for its end; exit 6 when it has not come, 7 when somebody must say yes first")


def end_of(model: ReadModel, old: str, before: frozenset[str], now: datetime) -> RecoveryOutcome | None:
    """Return how the incident ended that reopens ``old`` and is not one of ``before``, None while it has not.

    Raises ApprovalNeededError when it waits for people: nothing more comes until they have spoken.
    """
    opened = next((view for name, view in model.incidents.items() if view.incident.reopens == old and name not in before), None)
    if opened is None:
        return None
    name = id_of(opened.incident)
    asked = next((row for row in model.pending(now) if row.decision.incident_id == name), None)
    if asked is not None:
        why = f"{asked.decision.strategy} on {asked.decision.target} waits for {asked.decision.approvals_required} yes"
        mend = f"Another person runs `healstream approval approve {asked.decision_id}`"
        raise ApprovalNeededError(f"incident {name}", why, mend)
    return opened.final()


def await_end(read: Callable[[], ReadModel], old: str, before: frozenset[str], wait_s: float) -> RecoveryOutcome:
    """Return the end; raises TimedOutError after ``wait_s`` seconds, or ApprovalNeededError."""
    end = time.monotonic() + wait_s
    while True:
        found = end_of(read(), old, before, datetime.now(UTC))
        if found is not None:
            return found
        if time.monotonic() > end:
            why = f"it has not come within {wait_s:.0f} s"
            raise TimedOutError(f"the end of what reopens incident {old}", why, "It goes on; follow it with `healstream incident watch`")
        time.sleep(LOOK_S)
