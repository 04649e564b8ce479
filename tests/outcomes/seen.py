"""What became of each failure of the healed shop: its incident, its end, and the measured times. Pure; read by ``figures.py``.

Times begin at the failure's own time as its injector knows it, not at what the system believes; a job fails when it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from tests.outcomes.plan import BY_WAY, REFUSALS, Failure
from tests.outcomes.records import Begun


@dataclass(frozen=True, slots=True)
class Ended:
    """One failure and its end. ``status`` is None when it made no incident; seconds are None where nothing was detected or healed.

    ``incidents`` is how many its target had until its next failure; the first is the one that counts.
    """

    failure: Failure
    target: str
    at: datetime
    status: OutcomeStatus | None = None
    reason: str = ""
    detect_s: float | None = None
    recover_s: float | None = None
    sources: int = 0
    rollback_s: float | None = None
    put_back: bool | None = None
    by_hand: bool = False
    was_well_again: bool = False
    incidents: int = 0
    strategy: str = ""

    @property
    def is_right(self) -> bool:
        """Tell whether it ended as it should; what came back by itself before anybody knew needs no end."""
        row = BY_WAY[self.failure.way]
        if self.status is None:
            return OutcomeStatus.SELF_HEALED in row.ends and self.was_well_again
        return self.status in row.ends

    @property
    def is_refused_rightly(self) -> bool:
        """Tell whether what nobody may touch was refused, and nothing was sent for it."""
        return self.failure.way in REFUSALS and self.is_right and not self.strategy

    @property
    def is_avoided(self) -> bool:
        """Tell whether nobody had to come."""
        return self.status is OutcomeStatus.HEALED and not self.by_hand


def ends_of(
    begun: Sequence[Begun],
    ended_at: Mapping[str, datetime],
    incidents: Sequence[Incident],
    outcomes: Sequence[RecoveryOutcome],
) -> list[Ended]:
    """Return the end of each failure that really began; ``ended_at`` is when a CI run's first attempt had failed."""
    by_target: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in sorted(incidents, key=lambda one: one.detected_at):
        by_target[incident.target].append(incident)
    finals = {one.incident_id: one for one in outcomes if one.final}
    tried = {one.incident_id for one in outcomes if one.command_id}
    found: list[Ended] = []
    real = [one for one in begun if not one.was_broken]
    for one in real:
        later = [other.at for other in real if other.target == one.target and other.at > one.at]
        until = min(later) if later else None
        own = [row for row in by_target[one.target] if row.detected_at >= one.at and (until is None or row.detected_at < until)]
        failed_at = ended_at.get(one.failure.run_id, one.at) if not one.failure.service else one.at
        found.append(_end_of(one, failed_at, own, finals, tried))
    return found


def _end_of(one: Begun, failed_at: datetime, own: Sequence[Incident], finals: Mapping[str, RecoveryOutcome], tried: set[str]) -> Ended:
    plain = Ended(one.failure, one.target, failed_at, put_back=one.put_back, by_hand=one.by_hand, was_well_again=one.well_at is not None)
    if not own:
        return plain
    final = finals.get(id_of(own[0]))
    if final is None:
        return plain
    is_healed = final.status is OutcomeStatus.HEALED and final.recovered_at is not None
    recover_s = (final.recovered_at - failed_at).total_seconds() - final.external_wait_s if is_healed and final.recovered_at else None
    return Ended(
        one.failure,
        one.target,
        failed_at,
        status=final.status,
        reason=final.reason,
        detect_s=(own[0].detected_at - failed_at).total_seconds(),
        recover_s=recover_s,
        sources=len({row.source for row in final.verification if row.passed}),
        rollback_s=final.rollback_s,
        put_back=one.put_back,
        by_hand=one.by_hand,
        was_well_again=plain.was_well_again,
        incidents=len(own),
        strategy=(final.strategy or "") if id_of(own[0]) in tried else "",
    )
