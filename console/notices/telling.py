"""From our records to CDEvents for programs outside; an event's words are from our catalogue or from authenticated metadata."""

from __future__ import annotations

from console.notices.cases import Case
from console.notices.markup import visible
from console.notices.routing import owner_of
from schemas.cdevents import CdEvent, CdType
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services

_RESOLVED = frozenset({OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED})
_SERVICES = frozenset({"service", "deployment", "container", "config"})
# A recipe whose healing itself is the way back to an earlier release.
_ROLLBACKS = frozenset({"deployment_rollback"})
# Where nobody has described the target, the specification still wants an environment's id.
_NOWHERE = "unknown"


def cdevents_of(case: Case, record: Record, services: Services) -> tuple[CdEvent, ...]:
    """Return what a record means to programs outside."""
    owner = services.owner_of(case.target)
    service = owner.name if owner else visible(case.target)
    environment = owner_of(case.target, services)[1]
    if isinstance(record, Incident):
        said = f"{record.kind.value} on {visible(record.target)}"
        return (
            CdEvent(
                CdType.INCIDENT_DETECTED, id_of(record), record.detected_at, description=said, environment=environment, service=service
            ),
        )
    if not isinstance(record, RecoveryOutcome):
        return ()
    found = []
    if _is_rollback(record):
        artifact = f"pkg:generic/{_purl(service)}"
        found.append(
            CdEvent(CdType.SERVICE_ROLLEDBACK, service, record.finished_at, environment=environment or _NOWHERE, artifact=artifact)
        )
    if record.final and record.status in _RESOLVED:
        said = f"{record.kind.value} on {visible(record.target)} is {record.status.value}"
        found.append(
            CdEvent(
                CdType.INCIDENT_RESOLVED, record.incident_id, record.finished_at, description=said, environment=environment, service=service
            )
        )
    return tuple(found)


def _is_rollback(outcome: RecoveryOutcome) -> bool:
    if outcome.dry_run or outcome.target.partition(":")[0] not in _SERVICES:
        return False
    is_undone = outcome.status is OutcomeStatus.ROLLED_BACK and bool(outcome.rollback)
    return is_undone or (outcome.status is OutcomeStatus.HEALED and outcome.strategy in _ROLLBACKS)


def _purl(name: str) -> str:
    return "".join(one if one.isalnum() or one in ".-_" else "-" for one in name).lower()
