"""A page with something in every part: a day of incidents, one that waits, one under way, breakers, budgets, freezes, levels, audit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

from console.brake_words import freeze_of
from console.keys import load_key
from console.site.store import take
from console.site.tables import connect
from console.words import speaker_in
from schemas.avro_shape import record_from_plain
from schemas.ids import Record, from_micros, id_of
from schemas.oversight import AuditEntry, Freeze, RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import JournalRecord, OutcomeStatus
from schemas.services import Services
from schemas.vocabulary import Kind
from streams.breakers import Breakers
from streams.budgets import Budgets
from tests.support.brake_entries import chained, door_messages
from tests.support.many_incidents import decision_on, ended, incident_of, waiting
from tests.support.site_world import SiteWorld

KINDS = (
    (Kind.SERVICE_DOWN, "service_restart", "service:web"),
    (Kind.RATE_LIMITED, "rerun_job", "job:shop/build"),
    (Kind.CONFIG_DRIFT, "config_restore", "config:proxy"),
)
REASONS = {
    OutcomeStatus.HEALED: "all factors passed",
    OutcomeStatus.ESCALATED: "port_answers failed after two attempts",
    OutcomeStatus.ROLLED_BACK: "port_answers failed, the step was taken back",
}
POLICY = """
strategies:
  - {strategy: service_restart, level: automatic}
  - {strategy: config_restore, level: automatic}
  - {strategy: rerun_job, level: canary}
  - {strategy: cache_rebuild, level: canary}
"""
REPLAYS = Path(__file__).parents[1] / "replay"


def make_busy(world: SiteWorld) -> str:
    """Fill the read model; return the id of the incident that waits for people."""
    (world.home.config / "policy" / "observe.yaml").write_text(POLICY, encoding="utf-8")
    world.tell(*(row for number in range(40) for row in _story(number, timedelta(minutes=37 * number + 5), world)))
    world.tell(*(row for number in range(40, 130) for row in _story(number, timedelta(hours=7 * (number - 36)), world)))
    world.tell(*_under_way())
    incident = incident_of(1007, world.moment - timedelta(minutes=3))
    decision = decision_on(incident)
    world.tell(incident, decision, *waiting(decision))
    _keep_doors_state(world)
    speaker = speaker_in(world.home.people, "olga")
    until = world.moment + timedelta(hours=1, minutes=40)
    world.tell(freeze_of("f1", Freeze("group:shop", world.moment, until, "we look at the database"), speaker, world.moment))
    world.chain = chained(list(_told(world)), load_key(world.home.keys / "notary.key"))
    world.tell(*world.chain)
    return id_of(incident)


def _story(number: int, ago: timedelta, world: SiteWorld) -> list[Record]:
    """Return one incident from its beginning to its end, of some kind, with a reason that fits how it ended."""
    kind, strategy, target = KINDS[number % len(KINDS)]
    incident = replace(incident_of(number, world.moment - ago, kind=kind), target=f"{target}-{number % 9}")
    decision = replace(decision_on(incident), strategy=strategy)
    status = OutcomeStatus.HEALED if number % 11 else OutcomeStatus.ESCALATED
    status = OutcomeStatus.ROLLED_BACK if number % 17 == 5 else status
    return [incident, decision, replace(ended(decision, status, 10.0 + number % 60), reason=REASONS[status])]


def _under_way() -> Iterable[Record]:
    rows = json.loads((REPLAYS / "service_restart-healed-0.1.0.json").read_text(encoding="utf-8"))["journal"]
    return [cast("JournalRecord", record_from_plain(JournalRecord)({**row, "at": from_micros(row["at"])})) for row in rows[:2]]


def _keep_doors_state(world: SiteWorld) -> None:
    policy, at = Policy(), world.moment
    breakers, budgets = Breakers({}, policy), Budgets({}, policy, Services())
    for number in range(3):
        breakers.record(f"c{number}", ("target/service:web-7", "strategy/service_restart"), False, at - timedelta(minutes=9 - number))
        breakers.record(f"d{number}", ("target/service:web-3",), False, at - timedelta(minutes=50 - number))
    incident = incident_of(3, at)
    for number in range(14):
        target = f"service:web-{number % 6}"
        budgets.spend(f"s{number}", replace(decision_on(incident), target=target), at - timedelta(minutes=3 * number))
    with closing(connect(world.site().base_path)) as base:
        changes = {**breakers.rows.take_changes(), **budgets.rows.take_changes()}
        take(base, door_messages(changes))


def _told(world: SiteWorld) -> Iterable[AuditEntry]:
    begin = world.moment - timedelta(hours=6)
    yield AuditEntry(
        "decide", "rollout.set", "rerun_job", begin, (("by", "bob"), ("level", RolloutLevel.SHADOW.value), ("lowered_by", "bob"))
    )
    for number in range(118):
        at, target = begin + timedelta(minutes=3 * number), f"service:web-{number % 50}"
        yield AuditEntry("admit", "command.admitted", target, at, (("strategy", "service_restart"), ("decision", f"{number:08x}")))
    why = "3 of 12 outcomes healed, surely less than half"
    yield AuditEntry("decide", "strategy.demoted", "cache_rebuild", world.moment, (("level", "approve"), ("why", why)))
    yield AuditEntry("olga", "token.made", "token:4f2a91c0", world.moment, (("person", "vic"), ("role", "viewer")))
