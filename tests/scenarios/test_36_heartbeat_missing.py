"""Row 36: nothing is heard of a service; it is looked at, and started when it is dead, or given to a person when it lives."""

from __future__ import annotations

from schemas.incidents import Detection, DetectionStatus
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import MemoryWorld
from tests.support.story import actions_on, begin, steps_done, told_of, untouched

WEB = "service:web"


def _web_tells_of_itself(world: MemoryWorld) -> None:
    world.tellers |= {"web"}


def begin_telling() -> MemoryFlow:
    """Return a flow in which one service is heard of only by itself."""
    return begin(prepare=_web_tells_of_itself)


def fail(flow: MemoryFlow) -> None:
    """Let a service die that nobody but itself tells of."""
    flow.world.processes.alive -= {"web"}


def test_a_silent_service_that_is_dead_is_started_and_is_heard_of_again() -> None:
    flow = begin_telling()

    fail(flow)
    flow.pass_time(70)

    told = told_of(flow, WEB)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence) == (Kind.HEARTBEAT_MISSING, 0.9)
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("service_restart", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["start:web", "validate:web"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {
        "process_alive",
        "port_answers",
        "health_answers",
        "log_silence",
        "neighbours",
    }
    assert [row[:2] for row in flow.world.processes.ledger] == [("start", "web")]
    assert actions_on(flow, WEB)[-1] == "recovery.healed"
    [missing, back] = [row for row in flow.of(Detection, "heal.detections") if row.detector == "absence"]
    assert (missing.target, missing.status, back.status) == (WEB, DetectionStatus.FIRING, DetectionStatus.RESOLVED)


def test_a_silent_service_that_lives_and_answers_goes_to_a_person_untouched() -> None:
    flow = begin()

    flow.world.muted |= {"web"}
    flow.pass_time(70)

    told = told_of(flow, WEB)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.ESCALATED, "watcher_silent")
    assert [row.what for row in told.final.recommendations] == [
        "Look at what looks at it: it lives and answers, and yet nothing is heard of it"
    ]
    assert untouched(flow)
