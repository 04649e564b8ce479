"""Row 34, the other way: the target is healed, and something beside it is not well any more; or a metric is only well because it is old."""

from __future__ import annotations

from dataclasses import replace

from console.casefile import case_markdown
from console.readmodel import ReadModel
from schemas.attempts import Sight
from schemas.ids import id_of
from schemas.oversight import AuditRecord
from schemas.probes import Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition, JournalKind, Neighbour, OutcomeStatus
from schemas.services import PrometheusServer, Services
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP
from tests.support.story import begin, told_of

METRIC = ProbeSpec(
    "api-errors", ProbeKind.PROMETHEUS, "main", 1.0, metric=MetricTest("errors", Comparison.BELOW, 1.0, "errors", "errors/s")
)


def page_of(flow: MemoryFlow, incident: str) -> str:
    model = ReadModel()
    for topic in ("heal.incidents", "heal.decisions", "heal.admissions", "recovery.outcomes"):
        for record in flow.topics.records(topic):
            model.apply(record)
    return case_markdown(incident, model.incidents[incident])


def test_a_restart_that_heals_the_target_and_breaks_its_neighbour_is_rolled_back() -> None:
    flow = begin()
    flow.world.processes.smothers = {"api": "db"}

    flow.world.processes.alive -= {"api"}
    flow.pass_time(60)

    told = told_of(flow, "service:api")
    first = told.outcomes[0]
    assert (first.status, first.reason) == (OutcomeStatus.ROLLED_BACK, "verification failed: it made service:db worse")
    assert flow.world.processes.alive == {"db", "web"}
    done = [row.step for row in told.journal if row.kind is JournalKind.DONE]
    assert [row.step for row in told.journal if row.kind is JournalKind.UNDONE] == done[::-1]
    assert first.rollback_s is not None
    assert first.rollback_s < 60
    # The target itself passed: only its surroundings did not.
    assert {row.factor for row in first.verification if not row.passed} == {"neighbours"}
    page = page_of(flow, id_of(told.incidents[0]))
    assert "- neighbour service:db: well before, ill after" in page
    assert "The recovery made service:db worse and was taken back" in page
    audited = [dict(row.entry.details) for row in flow.of(AuditRecord, "heal.audit") if row.entry.action == "recovery.rolled_back"]
    assert {row.get("made_worse") for row in audited} == {"service:db"}


def test_a_neighbour_that_was_ill_before_is_not_held_against_the_recovery() -> None:
    flow = begin()
    flow.world.processes.alive -= {"api"}
    flow.world.health.silent |= {"web-http", "web-tcp"}
    flow.pass_time(40)

    told = told_of(flow, "service:api")
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.target: (row.before, row.after) for row in told.final.neighbours} == {
        "service:db": (Condition.WELL, Condition.WELL),
        "service:web": (Condition.ILL, Condition.ILL),
    }


def measured() -> Services:
    services = tuple(replace(row, probes=(*row.probes, METRIC)) if row.name == "api" else row for row in SHOP.services)
    return replace(SHOP, services=services, prometheus=(PrometheusServer("main", "http://127.0.0.1:9090"),))


def test_a_metric_that_is_well_verifies_as_a_source_of_its_own() -> None:
    flow = begin(services=measured(), prepare=lambda world: world.metrics.update({"api-errors": Sight("api-errors", Condition.WELL)}))
    flow.world.processes.alive -= {"api"}
    flow.pass_time(40)

    told = told_of(flow, "service:api")
    assert told.final.status is OutcomeStatus.HEALED
    assert ("prometheus.api-errors", "prometheus", True) in {(row.factor, row.source, row.passed) for row in told.final.verification}


def test_a_metric_that_lies_stale_heals_nothing() -> None:
    flow = begin(services=measured(), prepare=lambda world: world.metrics.update({"api-errors": Sight("api-errors", Condition.WELL)}))
    flow.world.processes.alive -= {"api"}
    # Its value is as wanted for ever: nobody has measured since.
    flow.world.metrics["api-errors"] = Sight("api-errors", Condition.UNREADABLE, "stale: the oldest sample is 900 s old")
    flow.pass_time(60)

    told = told_of(flow, "service:api")
    assert told.outcomes[0].status is OutcomeStatus.ROLLED_BACK
    [failed] = [row for row in told.outcomes[0].verification if not row.passed]
    assert (failed.factor, failed.detail) == ("prometheus.api-errors", "unreadable: stale: the oldest sample is 900 s old")
    assert told.outcomes[0].neighbours == (
        Neighbour("service:db", Condition.WELL),
        Neighbour("service:web", Condition.WELL),
    )
