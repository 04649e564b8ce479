"""Row 21: a service's process is dead; it is started in dependency order and validated."""

from __future__ import annotations

from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of


def test_a_dead_service_is_started_and_what_rests_on_it_comes_back() -> None:
    flow = begin()

    flow.world.processes.alive -= {"api"}
    flow.pass_time(30)

    told = told_of(flow, "service:api")
    [incident] = told.incidents
    assert (incident.kind, incident.confidence >= 0.9, bool(incident.reasons)) == (Kind.SERVICE_DOWN, True, True)
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("service_restart", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["start:api", "validate:api"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {
        "process_alive",
        "port_answers",
        "health_answers",
        "log_silence",
        "neighbours",
    }
    assert told.final.time_to_recover_s is not None
    assert told.final.time_to_recover_s < 15
    assert [row[:2] for row in flow.world.processes.ledger] == [("start", "api")]
    assert actions_on(flow, "service:api")[-1] == "recovery.healed"


def test_a_chain_that_is_down_is_started_dependencies_first_and_each_is_an_incident_of_its_own() -> None:
    flow = begin()

    flow.world.processes.alive -= {"db", "api", "web"}
    flow.pass_time(120)

    assert [row[1] for row in flow.world.processes.ledger] == ["db", "api", "web"]
    finals = [told_of(flow, f"service:{name}").final for name in ("db", "api", "web")]
    assert [outcome.status for outcome in finals] == [OutcomeStatus.HEALED] * 3
    assert [outcome.opened_at for outcome in finals] == sorted(outcome.opened_at for outcome in finals)


def test_what_comes_back_with_its_cause_is_no_incident_of_its_own() -> None:
    flow = begin()

    flow.world.health.silent |= {"web-http"}
    flow.world.processes.alive -= {"db"}
    flow.pass_time(12)
    flow.world.health.silent -= {"web-http"}
    flow.pass_time(60)

    assert [row.target for row in flow.of(Incident, "heal.incidents")] == ["service:db"]
    assert told_of(flow, "service:db").final.status is OutcomeStatus.HEALED


def test_a_service_that_dies_again_and_again_is_given_to_a_person() -> None:
    flow = begin()
    for _ in range(4):
        flow.world.processes.alive -= {"api"}
        flow.pass_time(40)

    told = told_of(flow, "service:api")
    assert [row.status for row in told.outcomes].count(OutcomeStatus.HEALED) == 3
    assert told.outcomes[-1].status is OutcomeStatus.ESCALATED
    assert told.outcomes[-1].recommendations
