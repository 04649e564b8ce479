"""Row 29: what heals also causes the failure; after three attempts people get the history, and the recipe asks them on that target."""

from __future__ import annotations

from schemas.decisions import AdmissionState, Verdict
from schemas.oversight import AuditRecord
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from streams.loops import LOOPED
from tests.support.memory_flow import MemoryFlow
from tests.support.story import begin, told_of

API = "service:api"


def fall_after_each_start(flow: MemoryFlow, seconds: float) -> None:
    """Let the start itself be what breaks the service: it falls as soon as its recovery is believed."""
    for _ in range(int(seconds)):
        healed = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.target == API]
        starts = [row for row in flow.world.processes.ledger if row[:2] == ("start", "api")]
        if len(healed) == len(starts):
            flow.world.processes.alive -= {"api"}
        flow.pass_time(1)


def test_after_three_attempts_a_person_gets_the_history_and_the_recipe_has_lost_the_target() -> None:
    flow = begin()

    fall_after_each_start(flow, 70)

    told = told_of(flow, API)
    assert [row.status for row in told.outcomes] == [OutcomeStatus.HEALED] * 3 + [OutcomeStatus.ESCALATED]
    assert [row.verdict for row in told.decisions] == [Verdict.HEAL] * 3 + [Verdict.ESCALATE]
    times = [row.at.isoformat() for row in told.admissions if row.state is AdmissionState.ADMITTED]
    assert len(times) == 3
    assert all(time in told.decisions[-1].reason for time in times)
    assert told.outcomes[-1].recommendations
    assert [row[:2] for row in flow.world.processes.ledger] == [("start", "api")] * 3
    [said] = [row.entry for row in flow.of(AuditRecord, "heal.audit") if row.entry.action == LOOPED]
    assert (said.subject, dict(said.details)["target"], dict(said.details)["level"]) == ("service_restart", API, "approve")
