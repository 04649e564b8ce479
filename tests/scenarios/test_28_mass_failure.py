"""Row 28: most of the fleet fails at once; nothing is restarted, one person is told, and that person's word resumes the backlog."""

from __future__ import annotations

from collections import Counter

from schemas.configuration import Configuration
from schemas.decisions import Admission, HealingCommand
from schemas.ids import id_of
from schemas.incidents import FLEET, Incident
from schemas.oversight import Control, Override
from schemas.policy import Budget, Policy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services, ServiceSpec
from schemas.signing import sign
from schemas.vocabulary import Kind
from tests.support.fakes import FakeProcesses
from tests.support.memory_flow import MemoryFlow, shipped_rules
from tests.support.memory_world import MemoryWorld
from tests.support.story import AUTOMATIC, KEYS, PEOPLE, told_of

FLEET_SIZE = 20
NAMES = [f"s{number:02}" for number in range(FLEET_SIZE)]
WIDE = Budget(limit=1000, window_s=3600.0)
POLICY = Policy(
    strategies=AUTOMATIC,
    strategy_budget=WIDE,
    fleet_budget=WIDE,
    decision_valid_s=120.0,
    storm_release=Budget(limit=4, window_s=10.0),
)


def service(name: str) -> ServiceSpec:
    probes = tuple(ProbeSpec(f"{name}-{kind}", kind, name, 1.0) for kind in (ProbeKind.PROCESS, ProbeKind.TCP, ProbeKind.HTTP))
    return ServiceSpec(name, f"group-{name}", ("serve", name), f"/srv/{name}", f"/srv/{name}/pid", (), probes)


def fleet() -> MemoryFlow:
    services = Services(services=tuple(map(service, NAMES)))
    world = MemoryWorld(shipped_rules().detect.matcher, processes=FakeProcesses(alive=set(NAMES)), services=services)
    flow = MemoryFlow(Configuration(policy=POLICY, services=services, people=PEOPLE, version="v1"), world)
    flow.pass_time(3)
    return flow


def ends(flow: MemoryFlow) -> Counter[OutcomeStatus]:
    rows = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.target.startswith("service:") and row.final]
    return Counter(row.status for row in rows)


def pages(flow: MemoryFlow) -> list[str]:
    return [row.target for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.status is OutcomeStatus.ESCALATED]


def test_when_half_of_the_fleet_fails_at_once_nothing_is_restarted_and_one_person_is_told() -> None:
    flow = fleet()
    flow.world.processes.alive -= set(NAMES[:12])
    flow.pass_time(20)

    [parent] = [row for row in flow.of(Incident, "heal.incidents") if row.is_storm()]
    assert (parent.target, parent.kind, parent.may_act) == (FLEET, Kind.SERVICE_DOWN, False)
    assert "10 service groups" in parent.reasons[0]
    assert pages(flow) == [FLEET]
    assert flow.of(HealingCommand, "recovery.commands") == []
    held = Counter(row.target for row in flow.of(Admission, "heal.admissions") if row.reason.startswith("storm"))
    assert held == {f"service:{name}": 1 for name in NAMES[:12]}

    flow.pass_time(120)
    assert told_of(flow, FLEET).final.status is OutcomeStatus.ESCALATED
    assert ends(flow) == {OutcomeStatus.EXPIRED: 12}, "without a word the backlog is skipped"
    assert flow.world.processes.ledger == []


def test_the_word_of_a_person_resumes_the_backlog_at_the_rate_and_what_came_back_is_left_alone() -> None:
    flow = fleet()
    flow.world.processes.alive -= set(NAMES[:12])
    flow.pass_time(20)
    flow.world.processes.alive |= set(NAMES[:3])
    flow.pass_time(10)
    [parent] = [row for row in flow.of(Incident, "heal.incidents") if row.is_storm()]
    flow.send(sign(Control(f"override/{id_of(parent)}/n", "olga", flow.now, override=Override("n", mark_healed=True)), KEYS["olga"]))
    flow.pass_time(60)

    assert ends(flow) == {OutcomeStatus.SELF_HEALED: 3, OutcomeStatus.HEALED: 9}
    sent = [row.issued_at for row in flow.of(HealingCommand, "recovery.commands")]
    assert all(sum(0 <= (other - one).total_seconds() < 10 for other in sent) <= 4 for one in sent)
    assert sorted(name for _, name, _ in flow.world.processes.ledger) == NAMES[3:12]


def test_a_smaller_part_of_the_fleet_is_restarted_as_ever() -> None:
    flow = fleet()
    flow.world.processes.alive -= set(NAMES[:9])
    flow.pass_time(60)

    assert ends(flow) == {OutcomeStatus.HEALED: 9}
    assert pages(flow) == []
