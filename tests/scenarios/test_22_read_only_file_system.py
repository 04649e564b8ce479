"""Row 22: the kernel made a file system read-only; nobody mounts it anew or cleans it up, people are told."""

from __future__ import annotations

from dataclasses import replace

from schemas.decisions import Verdict
from schemas.events import Alert, AlertStatus, Origin, Provenance, Trust
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.scenarios.test_07_disk_full import DISK
from tests.support.ci_logs import READ_ONLY
from tests.support.memory_world import SHOP, Job, MemoryWorld
from tests.support.story import actions_on, begin, refused, told_of, untouched

MONITORING = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "alerts")


def _half_full(world: MemoryWorld) -> None:
    world.disks.put("data/orders.db", 490)
    world.disks.put("logs/january.log", 200, age_s=90_000.0)


def test_a_disk_that_became_read_only_goes_to_people_and_is_not_taken_for_a_full_one() -> None:
    flow = begin(services=replace(SHOP, disks=(DISK,)), prepare=_half_full)

    flow.send(Alert(DISK.target, "Host filesystem read-only", AlertStatus.FIRING, "critical", flow.now, "f", provenance=MONITORING))
    flow.pass_time(20)

    told = told_of(flow, DISK.target)
    assert [row.kind for row in told.incidents] == [Kind.SERVICE_DEGRADED]
    [decision] = told.decisions
    assert (decision.verdict, decision.strategy) == (Verdict.ESCALATE, "")
    assert (told.final.status, told.commands) == (OutcomeStatus.ESCALATED, [])
    assert told.final.recommendations
    assert actions_on(flow, DISK.target) == ["incident.opened", "decision.escalate", "incident.escalated"]
    assert untouched(flow)


def test_a_job_that_met_it_is_not_run_again_on_the_same_node() -> None:
    flow = begin()
    job = Job((READ_ONLY,))

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(10)

    refused(flow, job.target, "until its owner mends it")
