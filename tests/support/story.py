"""One scenario's flow and what it came to: the start of every file in ``tests/scenarios``, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.redecide import STREAM_TOPICS, altered_fields, replay
from schemas.catalogue import CARDS
from schemas.configuration import Configuration
from schemas.decisions import Admission, Decision, HealingCommand, Verdict
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.oversight import Approval, AuditRecord, Control, DeadLetter, RolloutLevel
from schemas.people import People, Person, Role
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import LOG_SILENCE, NEIGHBOURS, JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from schemas.services import Services
from schemas.signing import private_key_from, public_text, sign
from streams.notary import find_breaks
from tests.support.fakes import START
from tests.support.memory_flow import CHECKPOINT_EVERY, NOTARY_KEY, MemoryFlow, shipped_rules
from tests.support.memory_world import SHOP, MemoryWorld

KEYS: dict[str, Ed25519PrivateKey] = {name: private_key_from(name.encode().ljust(32, b".")) for name in ("olga", "anton")}
ROLES = {"olga": Role.OPERATOR, "anton": Role.APPROVER}
PEOPLE = People(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))
AUTOMATIC = tuple(StrategyPolicy(card.name, RolloutLevel.AUTOMATIC) for card in CARDS)


def begin(
    policy: Policy | None = None,
    people: People = PEOPLE,
    services: Services = SHOP,
    prepare: Callable[[MemoryWorld], None] = lambda _: None,
) -> MemoryFlow:
    """Return a flow whose targets are well, as ``prepare`` leaves them, and have been seen to be well."""
    world = MemoryWorld(shipped_rules().detect.matcher, services=services)
    configuration = Configuration(policy=policy or Policy(strategies=AUTOMATIC), services=services, people=people, version="v1")
    prepare(world)
    flow = MemoryFlow(configuration, world)
    flow.pass_time(5)
    assert not flow.of(Incident, "heal.incidents")
    return flow


@dataclass(frozen=True)
class Told:
    """Everything that is on the topics about one target."""

    incidents: Sequence[Incident]
    decisions: Sequence[Decision]
    admissions: Sequence[Admission]
    commands: Sequence[HealingCommand]
    outcomes: Sequence[RecoveryOutcome]
    journal: Sequence[JournalRecord]

    @property
    def final(self) -> RecoveryOutcome:
        """Return the one final outcome."""
        [found] = [outcome for outcome in self.outcomes if outcome.final]
        return found


def told_of(flow: MemoryFlow, target: str) -> Told:
    """Return the target's records, oldest first, after the checks that hold for every story."""
    _check_what_always_holds(flow)
    commands = [row for row in flow.of(HealingCommand, "recovery.commands") if row.target == target]
    ids = {id_of(command) for command in commands}
    return Told(
        [row for row in flow.of(Incident, "heal.incidents") if row.target == target],
        [row for row in flow.of(Decision, "heal.decisions") if row.target == target],
        [row for row in flow.of(Admission, "heal.admissions") if row.target == target],
        commands,
        [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.target == target],
        [row for row in flow.of(JournalRecord, "recovery.journal") if row.command_id in ids],
    )


def approve_plan(flow: MemoryFlow) -> None:
    """Let an approver say yes to the one plan that waits."""
    [plan] = [row for row in flow.of(HealingCommand, "recovery.commands") if row.mode == "plan"]
    yes = Approval(plan.plan_hash, True, flow.now + timedelta(hours=1), "nonce-1")
    flow.send(sign(Control(f"approval/{plan.decision_id}/anton", "anton", flow.now, approval=yes), KEYS["anton"]))


def actions_on(flow: MemoryFlow, target: str) -> list[str]:
    """Return what the audit says was done about a target or one of its incidents, in order."""
    names = {target, *(id_of(row) for row in flow.of(Incident, "heal.incidents") if row.target == target)}
    return [row.entry.action for row in flow.of(AuditRecord, "heal.audit") if row.entry.subject in names]


def untouched(flow: MemoryFlow) -> bool:
    """Tell whether no fake target was ever acted upon."""
    world = flow.world
    ledgers = (
        world.processes.ledger,
        world.files.ledger,
        world.containers.ledger,
        world.disks.ledger,
        world.caches.ledger,
        world.packages.ledger,
        world.proposals.ledger,
        world.indexes.ledger,
        world.limits.ledger,
        world.cluster.ledger,
        world.quarantines.ledger,
        world.trunks.ledger,
        world.pushes.ledger,
    )
    return not (any(ledgers) or world.ci.asked)


def refused(flow: MemoryFlow, target: str, word: str) -> Told:
    """Return what is told of a target that had to be left alone: refused for that reason, with nothing ordered and nothing touched."""
    told = told_of(flow, target)
    [decision] = told.decisions
    assert (decision.verdict, told.final.status) == (Verdict.REFUSE, OutcomeStatus.REFUSED)
    assert word in told.final.reason
    assert told.final.recommendations, "whoever it concerns is told why"
    assert actions_on(flow, target) == ["incident.opened", "decision.refuse", "incident.refused"]
    assert told.commands == []
    assert untouched(flow)
    assert seconds_to_detect(told) < 10
    return told


def steps_done(told: Told) -> list[str]:
    """Return the steps that were done, each once."""
    done = [row.step for row in told.journal if row.kind is JournalKind.DONE]
    assert len(done) == len(set(done)), done
    return done


def seconds_to_detect(told: Told) -> float:
    """Return the time from the failure to its detection."""
    [incident] = told.incidents[:1]
    return (incident.detected_at - incident.opened_at) / timedelta(seconds=1)


def _check_what_always_holds(flow: MemoryFlow) -> None:
    incidents = {id_of(row) for row in flow.of(Incident, "heal.incidents")}
    finals = [row.incident_id for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.final]
    assert sorted(finals) == sorted(incidents), "each incident has exactly one final outcome"
    for outcome in flow.of(RecoveryOutcome, "recovery.outcomes"):
        if outcome.status is OutcomeStatus.HEALED:
            assert len({row.source for row in outcome.verification if row.passed and row.factor not in {NEIGHBOURS, LOG_SILENCE}}) >= 2
    assert find_breaks(flow.of(AuditRecord, "heal.audit"), public_text(NOTARY_KEY), CHECKPOINT_EVERY) == []
    decisions = flow.of(Decision, "heal.decisions")
    assert [(row.target, altered_fields(row)) for row in decisions if altered_fields(row)] == []
    stream = [record for topic in STREAM_TOPICS for record in flow.topics.records(topic)]
    assert [(row.before.target, row.changed) for row in replay(stream, flow.configuration) if row.changed] == []
    assert not flow.of(DeadLetter, "heal.deadletter")
    assert flow.now > START
