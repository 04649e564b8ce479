"""An incident as people follow it: one sentence, and a line from seen to undone with how long each part took. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from console.readmodel import IncidentView
from schemas.decisions import AdmissionState, Decision
from schemas.recoveries import FactorResult, OutcomeStatus, RecoveryOutcome, StepDone

_SAID = {
    OutcomeStatus.HEALED: "was healed",
    OutcomeStatus.SELF_HEALED: "healed by itself",
    OutcomeStatus.ROLLED_BACK: "was not healed; what was done was taken back",
    OutcomeStatus.ROLLBACK_FAILED: "was not healed, and what was done could not be taken back: a person is needed",
    OutcomeStatus.ESCALATED: "was handed to a person",
    OutcomeStatus.REFUSED: "was left alone",
    OutcomeStatus.OBSERVED: "was only observed",
    OutcomeStatus.EXPIRED: "was not acted upon in time",
    OutcomeStatus.PLANNED: "has a plan",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the line: what happened, when, how long after the one before, and what is to be said of it."""

    name: str
    at: datetime | None
    after: timedelta | None
    what: str
    lines: tuple[str, ...] = ()


def sentence(view: IncidentView) -> str:
    """Return the whole story in one sentence."""
    incident, final = view.incident, view.final()
    kind = incident.kind.value.replace("_", " ")
    if final is None:
        return f"{incident.target} has trouble of the kind {kind}, and it stands at {view.life().value.replace('_', ' ')}."
    by = f" by {final.strategy.replace('_', ' ')}" if final.strategy and final.command_id else ""
    is_timed = final.time_to_recover_s is not None and final.status is OutcomeStatus.HEALED
    took = f" within {final.time_to_recover_s:.0f} s" if is_timed else ""
    return f"{incident.target} had trouble of the kind {kind} and {_SAID[final.status]}{by}{took}."


def timeline(view: IncidentView) -> list[Moment]:
    """Return the moments in the order in which they came."""
    incident = view.incident
    rows: list[Row] = [("seen", incident.opened_at, f"on {incident.target}", ()), _recognised(view)]
    rows += [("decided", row.decided_at, f"{row.verdict.value}: {row.reason}", _gates(row)) for row in view.decisions]
    rows += [("waited", row.at, row.reason, ()) for row in view.admissions if row.state is AdmissionState.QUEUED]
    for outcome in view.outcomes:
        rows += _outcome(outcome)
    ordered = sorted(rows, key=lambda row: row[1])
    befores: list[datetime | None] = [None, *(row[1] for row in ordered)]
    return [
        Moment(name, at, at - before if before else None, what, tuple(lines))
        for before, (name, at, what, lines) in zip(befores, ordered, strict=False)
    ]


Row = tuple[str, datetime, str, tuple[str, ...]]


def _recognised(view: IncidentView) -> Row:
    incident = view.incident
    kind = incident.kind.value.replace("_", " ")
    return ("recognised", incident.detected_at, f"{kind}, {incident.confidence:.0%} sure", incident.reasons)


def _gates(decision: Decision) -> tuple[str, ...]:
    return tuple(f"{gate.name}: {gate.verdict.value}, {gate.reason}" for gate in decision.gates)


def _outcome(outcome: RecoveryOutcome) -> list[Row]:
    if outcome.status is OutcomeStatus.PLANNED:
        return [("planned", outcome.finished_at, outcome.reason, outcome.plan.steps if outcome.plan else ())]
    rows: list[Row] = []
    if outcome.steps:
        begun = outcome.started_at or outcome.finished_at
        rows.append(("did", begun, (outcome.strategy or "").replace("_", " "), tuple(map(_step, outcome.steps))))
    if outcome.verification:
        factors = tuple(map(_factor, outcome.verification))
        rows.append(("checked", outcome.verified_at or outcome.recovered_at or outcome.finished_at, f"{len(factors)} factors", factors))
    if outcome.rollback:
        rows.append(("undone", outcome.finished_at, "in reverse order", tuple(map(_step, outcome.rollback))))
    rows.append((outcome.status.value.replace("_", " "), outcome.finished_at, outcome.reason, ()))
    return rows


def _step(step: StepDone) -> str:
    return f"{step.name}: {step.status} {step.detail}".rstrip() + f" ({step.took_ms:.0f} ms)"


def _factor(row: FactorResult) -> str:
    return f"{row.factor} ({row.source}): {'passed' if row.passed else 'failed'} {row.detail}".rstrip()
