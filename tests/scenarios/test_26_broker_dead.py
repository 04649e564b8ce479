"""Row 26: a broker is dead; it is started when the others can spare it, and believed when the lag falls. Nothing when two are down."""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from schemas.attempts import Sight
from schemas.probes import Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition, OutcomeStatus
from schemas.services import Services
from schemas.vocabulary import Kind
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import MemoryWorld, shop_service
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

NAMES = ("broker-1", "broker-2", "broker-3")
SYNC = ProbeSpec("bus-in-sync", ProbeKind.IN_SYNC, "bus")
BUS = Services(services=tuple(replace(shop_service(name), group="bus", start_when=(SYNC,)) for name in NAMES))
LAG = ProbeSpec(
    "lag-falls",
    ProbeKind.PROMETHEUS,
    "prometheus",
    1.0,
    metric=MetricTest("deriv(bus_consumer_lag[1m])", Comparison.AT_MOST, 0.0, "bus_consumer_lag", "records/s"),
)
FIRST = "service:broker-1"


class LagOfTheBus(dict[str, Sight]):
    """What a Prometheus says of the bus: what waits to be read grows while a broker is dead, and ``is_stuck`` also after that."""

    def __init__(self, world: MemoryWorld, *, is_stuck: bool) -> None:
        super().__init__()
        self.world, self.is_stuck, self.has_died = world, is_stuck, False

    @override
    def get(self, name: str, default: object = None, /) -> Sight:
        self.has_died |= not self.world.processes.alive.issuperset(NAMES)
        grows = self.has_died and (self.is_stuck or not self.world.processes.alive.issuperset(NAMES))
        return Sight(name, Condition.ILL if grows else Condition.WELL, "lag 12 a second" if grows else "lag -40 a second")


def begin_measured(*, is_stuck: bool) -> MemoryFlow:
    """Return the bus with a Prometheus that is asked for the slope of its lag."""

    def ready(world: MemoryWorld) -> None:
        _three_brokers(world)
        world.metrics = LagOfTheBus(world, is_stuck=is_stuck)

    first, *others = BUS.services
    return begin(services=replace(BUS, services=(replace(first, probes=(*first.probes, LAG)), *others)), prepare=ready)


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
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["start:broker-1", "validate:broker-1"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"proc", "tcp", "http", "stream"}
    assert actions_on(flow, target)[-1] == "recovery.healed"


def test_it_is_believed_when_the_lag_falls() -> None:
    flow = begin_measured(is_stuck=False)

    fail(flow)
    flow.pass_time(20)

    final = told_of(flow, FIRST).final
    assert final.status is OutcomeStatus.HEALED
    assert ("prometheus.lag-falls", "prometheus") in {(row.factor, row.source) for row in final.verification if row.passed}


def test_a_broker_that_lives_again_while_the_lag_grows_is_not_called_healed() -> None:
    flow = begin_measured(is_stuck=True)

    fail(flow)
    flow.pass_time(90)

    told = told_of(flow, FIRST)
    ends = {row.status for row in told.outcomes}
    assert OutcomeStatus.HEALED not in ends
    assert OutcomeStatus.ROLLED_BACK in ends
    failed = {row.factor for outcome in told.outcomes for row in outcome.verification if not row.passed}
    assert failed == {"prometheus.lag-falls"}


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
