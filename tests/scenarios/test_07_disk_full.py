"""Row 7: a disk is full; what its rules allow is set aside or deleted, data is never touched, and what does not help is put back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from schemas.events import Origin, Provenance, Sample, Trust
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.targets.disk import CleanRule, DiskSpec
from schemas.vocabulary import Kind
from streams.polling import batch_of
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

RULES = (CleanRule("logs", "*.log", 3600.0), CleanRule("cache", "*", 3600.0, regenerable=True))
DISK = DiskSpec("build-1", "/srv/build", "build", RULES, every_s=1.0, data=("logs/ledger",), quarantine="/srv/spare/aside")
TARGET = DISK.target


def full_disk(room: int = 1000, policy: Policy | None = None) -> MemoryFlow:
    """Return a flow whose disk holds 990 of 1000 bytes, 400 of them old files that the rules name."""
    flow = begin(policy, services=replace(SHOP, disks=(DISK,)))
    disks = flow.world.disks
    disks.room = room
    disks.put("data/orders.db", 490)
    disks.put("logs/ledger/2025.log", 60)
    disks.put("logs/open.log", 20, in_use=True)
    disks.put("logs/today.log", 20, age_s=60.0)
    disks.put("logs/january.log", 200, age_s=90_000.0)
    disks.put("logs/february.log", 100, age_s=80_000.0)
    disks.put("cache/wheel", 100, age_s=70_000.0)
    flow.world.look(flow.now)
    return flow


def test_the_oldest_that_the_rules_allow_are_set_aside_until_the_disk_is_well() -> None:
    flow = full_disk()

    flow.pass_time(10)

    told = told_of(flow, TARGET)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence >= 0.9) == (Kind.DISK_FULL, True)
    assert seconds_to_detect(told) < 5
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required, decision.parameters) == ("disk_cleanup", 0, (("disk", "build-1:/srv/build"),))
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert ("reversibility", "compensated") in {(factor.name, factor.value) for factor in decision.risk.factors}
    assert steps_done(told) == ["move:build-1:/srv/build"]
    assert [row[:2] for row in flow.world.disks.ledger] == [("move", "logs/january.log")]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source, row.passed) for row in told.final.verification} == {
        ("usage_well", "statvfs", True),
        ("write_passes", "write", True),
        ("log_silence", "stream", True),
    }
    assert actions_on(flow, TARGET)[-1] == "recovery.healed"


def test_without_room_in_a_quarantine_only_what_can_be_made_again_goes() -> None:
    flow = full_disk(room=100)
    flow.world.disks.put("cache/layers", 100, age_s=60_000.0)
    flow.world.disks.size = 1090

    flow.pass_time(10)

    told = told_of(flow, TARGET)
    assert steps_done(told) == ["move:build-1:/srv/build", "delete:build-1:/srv/build"]
    assert [row[:2] for row in flow.world.disks.ledger] == [
        ("move", "logs/february.log"),
        ("delete", "cache/wheel"),
        ("delete", "cache/layers"),
    ]
    assert told.final.status is OutcomeStatus.HEALED


def test_a_disk_that_the_rules_do_not_make_well_is_left_as_it_is_and_a_person_is_told_to_resize_it() -> None:
    flow = full_disk(0)
    before = dict(flow.world.disks.live)

    flow.pass_time(8)

    told = told_of(flow, TARGET)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "rules_free_too_little")
    assert told.final.recommendations[0].what.startswith("Resize")
    assert flow.world.disks.live == before
    assert untouched(flow)


def test_what_was_set_aside_is_put_back_when_the_disk_still_takes_no_writes() -> None:
    flow = full_disk()
    before = dict(flow.world.disks.live)
    flow.world.disks.read_only = True

    flow.pass_time(25)

    # The disk is full again, so its next incident may have begun.
    outcome = told_of(flow, TARGET).outcomes[0]
    assert (outcome.status, outcome.final) == (OutcomeStatus.ROLLED_BACK, True)
    assert [step.name for step in outcome.rollback] == ["move:build-1:/srv/build"]
    assert flow.world.disks.live == before
    assert outcome.rollback_s is not None
    assert outcome.rollback_s < 60


def test_a_disk_that_is_only_observed_is_not_touched() -> None:
    flow = full_disk(policy=Policy())

    flow.pass_time(8)

    assert told_of(flow, TARGET).final.status is OutcomeStatus.OBSERVED
    assert told_of(flow, TARGET).commands == []
    assert untouched(flow)


def filling(disk: DiskSpec, growth: float) -> MemoryFlow:
    """Return a flow whose disk is at 88 %, and has come there within an hour from so much less."""
    flow = begin(services=replace(SHOP, disks=(disk,)))
    flow.world.disks.room = 1000
    flow.world.disks.put("data/orders.db", 600)
    flow.world.disks.put("logs/january.log", 280, age_s=90_000.0)
    times = [flow.now - timedelta(minutes=number) for number in range(50, 0, -1)]
    ratios = [(0.88 - growth * number / 60) / 0.95 for number in range(50, 0, -1)]
    samples = [Sample("probe_disk_fill_ratio", "1", ratio, at) for at, ratio in zip(times, ratios, strict=True)]
    flow.send(batch_of(disk.target, "prober", samples, Provenance(Origin.LOCAL, Trust.PROTECTED)))
    flow.pass_time(10)
    return flow


def test_a_disk_that_will_be_full_is_cleaned_before_it_is() -> None:
    flow = filling(replace(DISK, early_percent=85.0), growth=0.06)

    told = told_of(flow, TARGET)
    assert [(incident.kind, incident.confidence) for incident in told.incidents] == [(Kind.DISK_FULL, 0.9)]
    assert (told.final.status, told.decisions[0].strategy) == (OutcomeStatus.HEALED, "disk_cleanup")
    assert [row[:2] for row in flow.world.disks.ledger] == [("move", "logs/january.log")]


def test_a_disk_that_fills_too_slowly_to_matter_is_left_alone() -> None:
    assert untouched(filling(replace(DISK, early_percent=85.0), growth=0.01))


def test_a_disk_that_may_only_be_cleaned_when_it_is_full_is_not_cleaned_before() -> None:
    flow = filling(DISK, growth=0.06)
    assert untouched(flow)
    assert flow.world.disks.ledger == []
