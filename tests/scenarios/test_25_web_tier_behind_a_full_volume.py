"""Row 25: the web tier is down because the database's volume is full: first room, then the database, then what rests on it."""

from __future__ import annotations

from dataclasses import replace

from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus
from schemas.targets.disk import CleanRule, DiskSpec
from schemas.vocabulary import Kind
from streams.depth import beneath, deepest
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of

DISK = DiskSpec("db-1", "/srv/db", "shop", (CleanRule("backups", "*.old", 3600.0, regenerable=True),), every_s=1.0, data=("tables",))
TARGETS = (DISK.target, "service:db", "service:web")
FOREIGN = replace(DISK, host="mail-1", group="mail")


def fill(flow: MemoryFlow) -> None:
    """Let the volume fill up: first by old backups, then by tables that nobody may touch."""
    flow.world.disks.put("backups/monday.old", 400)
    flow.world.disks.put("tables/orders", 580)


def test_a_disk_lies_beneath_every_service_of_its_group_and_of_no_other() -> None:
    services = replace(SHOP, disks=(DISK, FOREIGN))

    assert all(DISK.target in beneath(f"service:{name}", services) for name in ("db", "api", "web"))
    assert FOREIGN.target not in beneath("service:web", services)
    assert beneath(DISK.target, services) == frozenset()
    assert deepest(["service:web", "service:db", DISK.target], services) == DISK.target


def test_room_is_made_first_then_the_database_starts_and_the_web_tier_with_it() -> None:
    flow = begin(services=replace(SHOP, disks=(DISK,)))

    fill(flow)
    flow.pass_time(4)
    flow.world.processes.alive -= {"db"}
    flow.world.health.silent |= {"web-http"}
    flow.pass_time(60)
    # The page answers as soon as the database does.
    flow.world.health.silent -= {"web-http"}
    flow.pass_time(120)

    incidents = flow.of(Incident, "heal.incidents")
    assert [row.target for row in incidents][:2] == [DISK.target, "service:db"]
    disk, database = told_of(flow, DISK.target), told_of(flow, "service:db")
    assert disk.incidents[0].kind is Kind.DISK_FULL
    assert seconds_to_detect(disk) < 5
    assert disk.decisions[0].strategy == "disk_cleanup"
    assert ("dependents", "3") in {(factor.name, factor.value) for factor in disk.decisions[0].risk.factors}
    assert steps_done(disk) == ["delete:db-1:/srv/db"]
    assert [row[:2] for row in flow.world.disks.ledger] == [("delete", "backups/monday.old")]
    assert "tables/orders" in flow.world.disks.live
    assert steps_done(database) == ["start:db", "validate:db"]
    assert [told.final.status for told in (disk, database)] == [OutcomeStatus.HEALED] * 2
    assert disk.final.finished_at < (database.final.started_at or disk.final.opened_at)
    assert actions_on(flow, DISK.target)[-1] == "recovery.healed"


def test_nothing_is_started_on_a_volume_that_stays_full() -> None:
    flow = begin(services=replace(SHOP, disks=(replace(DISK, rules=()),)))

    fill(flow)
    flow.world.processes.alive -= {"db"}
    flow.pass_time(12)

    told = told_of(flow, DISK.target)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "rules_free_too_little")
    assert told.final.recommendations
    assert flow.world.disks.ledger == []
    assert flow.world.processes.ledger == []
