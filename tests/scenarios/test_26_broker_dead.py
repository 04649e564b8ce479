"""Row 26: a broker is dead; it is started when the others can spare it, and nothing is done when two are down."""

from __future__ import annotations

from dataclasses import replace

from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.services import Services
from schemas.vocabulary import Kind
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import MemoryWorld, shop_service
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

NAMES = ("broker-1", "broker-2", "broker-3")
SYNC = ProbeSpec("bus-in-sync", ProbeKind.IN_SYNC, "bus")
BUS = Services(services=tuple(replace(shop_service(name), group="bus", start_when=(SYNC,)) for name in NAMES))
FIRST = "service:broker-1"


def _three_brokers(world: MemoryWorld) -> None:
    world.processes.alive |= set(NAMES)
    world.health.clusters["bus"] = NAMES


def begin_bus() -> MemoryFlow:
    return begin(services=BUS, prepare=_three_brokers)


def fail(flow: MemoryFlow, seed: int = 0) -> str:
    """Let one of the three brokers die."""
    name = NAMES[seed % len(NAMES)]
    flow.world.processes.alive -= {name}
    return f"service:{name}"


def test_a_dead_broker_is_started_while_the_others_hold_its_data() -> None:
    flow = begin_bus()

    target = fail(flow)
    flow.pass_time(15)

    told = told_of(flow, target)
    assert [row.kind for row in told.incidents] == [Kind.SERVICE_DOWN]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert decision.risk.score == sum(factor.points for factor in decision.risk.factors)
    assert steps_done(told) == ["start:broker-1", "validate:broker-1"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"proc", "tcp", "http", "stream"}
    assert actions_on(flow, target)[-1] == "recovery.healed"


def test_when_two_are_down_nothing_is_started_and_a_person_is_told_what_must_be_well_first() -> None:
    flow = begin_bus()

    flow.world.processes.alive -= {"broker-1", "broker-2"}
    flow.pass_time(15)

    told = told_of(flow, FIRST)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.ESCALATED, "start_forbidden: bus-in-sync")
    assert told.final.recommendations[0].what.startswith("Bring back by hand")
    assert untouched(flow)


def test_a_second_broker_that_dies_between_the_plan_and_the_act_stops_the_start() -> None:
    flow = begin_bus()
    flow.world.health.script["bus-in-sync"] = [True, False, False]

    fail(flow)
    flow.pass_time(30)

    told = told_of(flow, FIRST)
    assert [row.status for row in told.outcomes] == [OutcomeStatus.ROLLED_BACK, OutcomeStatus.ESCALATED]
    assert untouched(flow)
