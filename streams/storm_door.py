"""Who must wait at the door for a storm to end, and who may go since it has; used by ``streams/admit.py``.

A storm is known here by its parent: from the incident, from its decision, or from the first member that names it, whichever comes
first. It holds back every decision with its fingerprint, also those that waited before it opened. Once it is over for its members they
go at the policy's rate, each judged anew by all that may hold a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.decisions import Decision
from schemas.incidents import FLEET, Incident
from schemas.policy import Policy
from schemas.recoveries import HOLDING_ENDS, OutcomeStatus, RecoveryOutcome
from schemas.services import UPSTREAM
from streams.rows import Rows

MAX_STORMS = 2_000
# Nobody waited for the cause of a storm that ended so: it was only shown, and holds nothing.
_ONLY_SHOWN = frozenset({OutcomeStatus.OBSERVED, OutcomeStatus.REFUSED})


@dataclass(frozen=True, slots=True)
class Storm:
    """One parent: since when it is known, from when on its members may go (None: not yet known), and who went when of late."""

    fingerprint: str
    known_at: datetime
    free_from: datetime | None = None
    is_only_shown: bool = False
    released: tuple[datetime, ...] = ()


def is_parent(target: str) -> bool:
    """Tell whether a decision on this target is a storm's own, which no storm holds back."""
    return target == FLEET or target.startswith(f"{UPSTREAM}:")


class StormDoor:
    """Storms by parent, found by fingerprint; exact after a restart, because who went when is part of the row."""

    def __init__(self, entries: Mapping[str, str], policy: Policy) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("storm/", Storm, MAX_STORMS)
        self.rows.load(entries)
        self._policy = policy
        self._parents: dict[str, list[str]] = {}
        for name, storm in self.rows.items():
            self._parents.setdefault(storm.fingerprint, []).append(name)

    def note_incident(self, name: str, incident: Incident, now: datetime) -> None:
        """Take a parent in."""
        if incident.is_storm():
            self._know(name, incident.fingerprint, now)

    def note_decision(self, decision: Decision, now: datetime) -> None:
        """Take in the parent that a decision is on, or that a member names: the topics of the two are read side by side."""
        parent = decision.incident_id if is_parent(decision.target) else decision.parent
        if parent:
            self._know(parent, decision.fingerprint, now)

    def note_outcome(self, outcome: RecoveryOutcome, now: datetime) -> None:
        """Take in how a parent ended; one that a person has in hand goes on holding for the policy's time."""
        storm = self.rows.get(outcome.incident_id)
        if storm is None or not outcome.final or storm.free_from is not None:
            return
        wait_s = self._policy.storm_hold_s if outcome.status in HOLDING_ENDS else 0.0
        free_from = now + timedelta(seconds=wait_s)
        self.rows.put(outcome.incident_id, replace(storm, free_from=free_from, is_only_shown=outcome.status in _ONLY_SHOWN))

    def note_marked_healed(self, incident_id: str, now: datetime) -> None:
        """Take in a person's word that a parent's cause is gone, before or after its outcome."""
        storm = self.rows.get(incident_id)
        if storm and (storm.free_from is None or storm.free_from > now):
            self.rows.put(incident_id, replace(storm, free_from=now))

    def holder_of(self, decision: Decision, freed_at: datetime | None, now: datetime) -> str:
        """Return the parent that a decision waits for, empty when there is none; ``freed_at`` is when it was let go before.

        Of several the one that is not over counts: what a first storm would let go a second one keeps.
        """
        if is_parent(decision.target):
            return ""
        holder = ""
        for name in self._parents.get(decision.fingerprint, ()):
            storm = self.rows.get(name)
            if storm and _concerns(storm, decision, freed_at):
                holder = name
                if storm.free_from is None or now < storm.free_from:
                    return name
        return holder

    def may_go(self, parent: str, now: datetime) -> bool:
        """Tell whether one member of the storm may go now: it is over for them, and the rate allows one more."""
        storm = self.rows.get(parent)
        if storm is None:
            return True
        if storm.free_from is None or now < storm.free_from:
            return False
        rate = self._policy.storm_release
        since = now - timedelta(seconds=rate.window_s)
        return len(storm.released) < rate.limit or storm.released[-rate.limit] <= since

    def let_go(self, parent: str, now: datetime) -> None:
        """Count one member that goes."""
        storm = self.rows.get(parent)
        if storm:
            self.rows.put(parent, replace(storm, released=(*storm.released, now)[-self._policy.storm_release.limit :]))

    def forget_old(self, now: datetime) -> None:
        """Drop the storms that no decision can wait for any more."""
        longest = timedelta(seconds=self._policy.decision_valid_s)
        for name, storm in self.rows.items():
            if now >= (storm.free_from or storm.known_at + longest) + longest:
                self.rows.drop(name)
                self._forget(name, storm.fingerprint)

    def _know(self, name: str, fingerprint: str, now: datetime) -> None:
        if self.rows.get(name):
            return
        oldest = self.rows.oldest()
        gone = self.rows.put(name, Storm(fingerprint, now))
        self._parents.setdefault(fingerprint, []).append(name)
        if gone and oldest:
            self._forget(gone, oldest[1].fingerprint)

    def _forget(self, name: str, fingerprint: str) -> None:
        rest = [other for other in self._parents.get(fingerprint, ()) if other != name]
        self._parents[fingerprint] = rest
        if not rest:
            del self._parents[fingerprint]


def _concerns(storm: Storm, decision: Decision, freed_at: datetime | None) -> bool:
    """Tell whether a decision has to do with a storm: it was made before the storm's end, and not let go since."""
    if storm.is_only_shown:
        return False
    end = storm.free_from
    return end is None or (decision.decided_at < end and (freed_at is None or freed_at < end))
