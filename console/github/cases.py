"""What a report knows of one incident of a CI job: folded from incidents, decisions and outcomes in any order; a row of state. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from schemas.decisions import Decision, Verdict
from schemas.events import Origin, Trust
from schemas.ids import EPOCH, Record
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome

_MOST_ROWS, _MOST_LETTERS = 10, 300
NEEDS_PEOPLE = frozenset({OutcomeStatus.ESCALATED, OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})
WELL = frozenset({OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED})


@dataclass(frozen=True, slots=True)
class RunCase:
    """One incident; ``root`` is the first incident of a chain that was opened again, whose issue is that of all of them.

    ``check_id`` and ``issue`` are what was written for it, 0 while nothing was. ``had_people``: an issue was due at some time.
    """

    root: str = ""
    source: str = ""
    project: str = ""
    run_id: str = ""
    attempt: int = 0
    job: str = ""
    commit: str = ""
    url: str = ""
    kind: str = ""
    confidence: float = 0.0
    opened_at: datetime = EPOCH
    origin: str = Origin.UNSIGNED.value
    trust: str = Trust.UNKNOWN.value
    line: int = 0
    pattern: str = ""
    text: str = ""
    reasons: tuple[str, ...] = ()
    verdict: str = ""
    strategy: str = ""
    decided: str = ""
    risk: float = 0.0
    status: str = ""
    reason: str = ""
    steps: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    todo: tuple[str, ...] = ()
    ended_at: datetime | None = None
    had_people: bool = False
    check_id: int = 0
    issue: int = 0

    @property
    def is_of_a_run(self) -> bool:
        """Tell whether the incident itself has come, and is one of a run on a commit."""
        return bool(self.project and self.commit)

    @property
    def is_well(self) -> bool:
        """Tell whether it ended well."""
        return bool(self.status) and OutcomeStatus(self.status) in WELL

    @property
    def needs_people(self) -> bool:
        """Tell whether it ended in a person's hands."""
        return bool(self.status) and OutcomeStatus(self.status) in NEEDS_PEOPLE


def after(case: RunCase | None, record: Record) -> RunCase | None:
    """Return the case with a record taken in; None when the record says nothing that a report would tell."""
    match record:
        case Incident() if record.run is not None:
            return _opened(case or RunCase(), record)
        case Decision() if record.target.startswith("job:"):
            return _decided(case or RunCase(), record)
        case RecoveryOutcome() if record.target.startswith("job:"):
            return _ended(case or RunCase(), record)
        case _:
            return None


def _opened(case: RunCase, incident: Incident) -> RunCase:
    run, hit = incident.run, next((one for one in incident.hits if not one.shadow), None)
    if run is None:
        return case
    named = replace(case, source=run.source, project=run.project, run_id=run.run_id, attempt=run.attempt, job=run.job)
    shown = replace(named, line=hit.line, pattern=hit.pattern, text=hit.text[:_MOST_LETTERS]) if hit else named
    provenance = incident.provenance
    return replace(
        shown,
        commit=run.commit,
        url=run.url,
        kind=incident.kind.value,
        confidence=incident.confidence,
        opened_at=incident.opened_at,
        origin=provenance.origin.value,
        trust=provenance.trust.value,
        reasons=_short(incident.reasons),
    )


def _decided(case: RunCase, decision: Decision) -> RunCase:
    if case.status and decision.verdict is not Verdict.HEAL:
        return case
    told = replace(case, verdict=decision.verdict.value, strategy=decision.strategy, decided=decision.reason[:_MOST_LETTERS])
    return replace(told, risk=decision.risk.score, kind=decision.kind.value)


def _ended(case: RunCase, outcome: RecoveryOutcome) -> RunCase:
    if outcome.status is OutcomeStatus.PLANNED:
        return case
    steps = tuple(f"{step.name}: {step.status} {step.detail}".rstrip() for step in (*outcome.steps, *outcome.rollback))
    verified = tuple(
        f"{row.factor} ({row.source}): {'passed' if row.passed else 'failed'} {row.detail}".rstrip() for row in outcome.verification
    )
    return replace(
        case,
        status=outcome.status.value,
        reason=outcome.reason[:_MOST_LETTERS],
        strategy=outcome.strategy or case.strategy,
        kind=outcome.kind.value,
        steps=_short(steps),
        verified=_short(verified),
        todo=_short(tuple(f"{row.what} ({row.evidence})" for row in outcome.recommendations)),
        ended_at=outcome.finished_at,
        had_people=case.had_people or outcome.status in NEEDS_PEOPLE,
    )


def _short(rows: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row[:_MOST_LETTERS] for row in rows[:_MOST_ROWS])
