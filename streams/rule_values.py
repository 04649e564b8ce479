"""From an incident and what is known around it to the values of ``schemas/rule_variables.py``; called by ``streams/decision_making.py``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.conditions import Value
from schemas.decisions import Oversight
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.services import ServiceSpec
from streams.office_time import LocalTime
from streams.risk import RiskInputs


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules may read beside the incident: who owns the target, what would be done, and what its risk is made of."""

    owner: ServiceSpec | None
    strategy: str
    level: RolloutLevel
    commands: int
    given: RiskInputs
    time: LocalTime
    oversight: Oversight


def values_of(incident: Incident, around: Surroundings) -> dict[str, Value]:
    """Return every variable but those of the risk score, which the rules themselves change."""
    given, time = around.given, around.time
    return {
        **_of_incident(incident),
        **_of_run(incident),
        **_of_owner(around.owner),
        "dependents": given.dependents,
        "dependents_share": given.share(),
        "strategy": around.strategy,
        "level": around.level.value,
        "attempt": given.attempt,
        "recent_failures": given.failures,
        "recent_commands": around.commands,
        "success_rate": given.success_rate,
        "deployments": given.deployments,
        "oversight": around.oversight.value,
        "hour": time.hour,
        "weekday": time.weekday,
        "office_hours": time.name == "office",
    }


def _of_incident(incident: Incident) -> dict[str, Value]:
    kind, _, name = incident.target.partition(":")
    return {
        "kind": incident.kind.value,
        "group": incident.group.value,
        "severity": incident.severity,
        "confidence": incident.confidence,
        "complete": incident.complete,
        "result": incident.result.value if incident.result else "",
        "members": incident.member_count,
        "target": incident.target,
        "target_type": kind,
        "target_name": name,
        "origin": incident.provenance.origin.value,
        "trust": incident.provenance.trust.value,
        "opened_by": incident.opened_by,
    }


def _of_run(incident: Incident) -> dict[str, Value]:
    run = incident.run
    return {
        "source": run.source if run else "",
        "project": run.project if run else "",
        "job": run.job if run else "",
        "branch": run.branch if run else "",
        "trigger": run.trigger if run else "",
    }


def _of_owner(owner: ServiceSpec | None) -> dict[str, Value]:
    return {
        "environment": owner.environment.value if owner else "",
        "team": owner.team if owner else "",
        "service_group": owner.group if owner else "",
        "labels": dict(owner.labels) if owner else {},
    }
