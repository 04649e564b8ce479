"""Do the detectors keep silent about the failure since its factors pass? Heard from the stream, not read again from a file.

Called by ``verify``: a target that looks well and is told of again in the same moment is not healed.
"""

from __future__ import annotations

from datetime import datetime

from recoverers.contain import LOOK_S, ask
from recoverers.journal import RunState
from recoverers.ports import Answer, Hands
from recoverers.steps import EntryStatus
from recoverers.terms import Terms
from schemas.attempts import Sight
from schemas.recoveries import Condition

SOURCE = "stream"


def silence(run: RunState, terms: Terms, since: datetime, hands: Hands) -> Answer | None:
    """Return whether nothing fired again on what was healed; nothing where no stream is heard. A stream that is not heard is not silent."""
    stream = terms.around.stream if terms.around else None
    if stream is None:
        return None
    made = [entry.target for entry in run.entries if run.workflow and entry.status is EntryStatus.OPEN]
    targets = dict.fromkeys([run.command.target, *made])
    said = ask(lambda: [stream.fired(target, run.command.kind, since) for target in targets], LOOK_S, hands)
    sights = said if isinstance(said, list) else [Sight(run.command.target, Condition.UNREADABLE, "the stream was not heard in time")]
    loud = [f"{sight.name}: {sight.detail}" for sight in sights if sight.condition is not Condition.WELL]
    return Answer(not loud, SOURCE, "; ".join(loud) or f"no {run.command.kind} since {since.isoformat(timespec='milliseconds')}")
