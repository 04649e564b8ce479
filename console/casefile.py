"""From an incident's view to its case file: what a person needs to go on where healing ended, as JSON and as Markdown. Pure."""

from __future__ import annotations

import json
from datetime import datetime

from console.readmodel import IncidentView
from schemas.avro_shape import record_to_plain
from schemas.decisions import Decision
from schemas.ids import Record
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome

VERSION = 1
CASE_STATUSES = frozenset({OutcomeStatus.ESCALATED, OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})


def plain(record: Record) -> object:
    """Return a record as JSON-able values, times as ISO 8601."""
    return _text_times(record_to_plain(type(record))(record))


def _text_times(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _text_times(part) for name, part in value.items()}
    return [_text_times(part) for part in value] if isinstance(value, list) else value


def case_json(name: str, view: IncidentView) -> str:
    """Return the whole case: incident, decisions, admissions and outcomes with all their evidence."""
    rows: dict[str, object] = {
        "version": VERSION,
        "incident_id": name,
        "incident": plain(view.incident),
        "updates": [plain(row) for row in view.updates],
        "decisions": [plain(row) for row in view.decisions],
        "admissions": [plain(row) for row in view.admissions],
        "outcomes": [plain(row) for row in view.outcomes],
    }
    return json.dumps(rows, indent=2, sort_keys=True)


def case_markdown(name: str, view: IncidentView) -> str:
    """Return the case as a page to read."""
    incident, final = view.incident, view.final()
    lines = [
        f"# {incident.target}: {incident.kind}",
        "",
        f"Incident `{name}`, opened {incident.opened_at.isoformat()}, confidence {incident.confidence:.2f}.",
        f"It ended as **{view.life()}**" + (f": {final.reason}" if final else ""),
        "",
        *_evidence(incident),
        *(line for decision in view.decisions for line in _decision(decision)),
        *(line for outcome in view.outcomes for line in _outcome(outcome)),
    ]
    return "\n".join(lines) + "\n"


def _evidence(incident: Incident) -> list[str]:
    hits = [f"- line {hit.line}, `{hit.pattern}`: `{_code(hit.text)}`" for hit in incident.hits]
    places = [f"- {ref.topic}[{ref.partition}] at {ref.offset}" for ref in incident.evidence]
    sample = ["```", *(_code(text) for text in incident.sample), "```"] if incident.sample else []
    run = [f"- run {incident.run.project} {incident.run.run_id}, job {incident.run.job} {incident.run.url}"] if incident.run else []
    guesses = [f"- perhaps {row.kind} ({row.probability:.2f})" for row in incident.alternatives]
    reasons = [f"- {reason}" for reason in incident.reasons]
    return ["## Evidence", "", *run, *reasons, *guesses, *hits, *places, *sample, ""]


def _code(text: str) -> str:
    # A log line is a stranger's text: it may not end the code that it is shown as.
    return text.replace("`", "'").replace("\n", " ")[:500]


def _decision(decision: Decision) -> list[str]:
    gates = [f"- {gate.name}: {gate.verdict}, {gate.reason}" for gate in decision.gates]
    return [
        f"## Decision {decision.attempt}: {decision.verdict}",
        "",
        f"{decision.reason} (risk {decision.risk.score:.0f})",
        "",
        *gates,
        *_chances(decision),
        "",
    ]


def _chances(decision: Decision) -> list[str]:
    """Say among what the strategy was chosen and with which chance; nothing where there was no choice."""
    rows = [f"{row.strategy} {row.propensity:.1%}" for row in decision.candidates if row.propensity > 0]
    return [f"- choice: {decision.strategy}, among {', '.join(rows)}"] if len(rows) > 1 else []


def _outcome(outcome: RecoveryOutcome) -> list[str]:
    steps = [f"- {step.name}: {step.status} {step.detail}".rstrip() for step in (*outcome.steps, *outcome.rollback)]
    factors = [
        f"- {row.factor} ({row.source}): {'passed' if row.passed else 'failed'} {row.detail}".rstrip() for row in outcome.verification
    ]
    around = [f"- neighbour {row.target}: {row.before} before, {row.after} after {row.detail}".rstrip() for row in outcome.neighbours]
    todo = [f"- {row.what} ({row.evidence})" for row in outcome.recommendations]
    return [f"## Outcome {outcome.attempt}: {outcome.status}", "", outcome.reason, "", *steps, *factors, *around, *todo, ""]
