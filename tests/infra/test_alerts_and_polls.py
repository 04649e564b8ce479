"""Alerts as witnesses and queries as sources over real HTTP: what is no clear word is never a yes, and no label makes a target."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from infra.adapters.prometheus import MAX_LONG_ANSWER_BYTES, Prometheus, UnusableError, alerts_in
from schemas.attempts import Sight
from schemas.events import Provenance
from schemas.metric_queries import MetricQuery, Polled
from schemas.probes import AlertTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import ConfigSpec, PrometheusServer, Services, ServiceSpec
from schemas.targets.disk import DiskSpec
from streams.polling import MAX_SAMPLES, batches_of
from tests.support.prometheus_server import Shown, prometheus_server

PROBE = ProbeSpec("hot", ProbeKind.ALERT, "main", timeout_s=30.0, alert=AlertTest("Hot", (("job", "web"),)))
QUERY = MetricQuery("heat", "main", "heat", "heat", "service:{job}", "celsius", timeout_s=30.0)
SERVICES = Services(
    (ServiceSpec("web", "shop", ("x",), "/", "/p"),),
    (ConfigSpec("cfg", "web", "/etc/web.yaml", "/r", "web.yaml", "0" * 40),),
    disks=(DiskSpec("db-1", "/srv"),),
)


@pytest.fixture
def shown() -> Iterator[Shown]:
    with prometheus_server(Shown()) as found:
        yield found


def rule(*alerts: Mapping[str, object], age_s: float = 1.0, health: str = "ok") -> dict[str, object]:
    judged = datetime.fromtimestamp(Shown().clock() - age_s, UTC).isoformat()
    return {
        "type": "alerting",
        "name": "Hot",
        "health": health,
        "lastError": "x" * (health != "ok"),
        "lastEvaluation": judged,
        "alerts": alerts,
    }


def alert(state: str, job: str = "web") -> dict[str, object]:
    return {"state": state, "labels": {"job": job}}


def asked_of(shown: Shown, *rules: object) -> Sight:
    groups = [{"name": "g", "rules": [*rules, {"type": "recording", "name": "Hot"}]}]
    shown.rules = {"groups": groups}
    return Prometheus(shown.servers).ask(PROBE)


@pytest.mark.parametrize(
    ("alerts", "condition"),
    [((), Condition.WELL), (("firing",), Condition.ILL), (("pending",), Condition.ILL), (("inactive",), Condition.WELL)],
)
def test_an_alert_is_well_when_it_neither_fires_nor_is_about_to(shown: Shown, alerts: tuple[str, ...], condition: Condition) -> None:
    assert asked_of(shown, rule(*(alert(state) for state in alerts))).condition is condition


def test_only_alerts_with_the_wanted_labels_count(shown: Shown) -> None:
    assert asked_of(shown, rule(alert("firing", "other"))).condition is Condition.WELL
    assert asked_of(shown, rule(alert("firing", "other")), rule(alert("firing"))).condition is Condition.ILL


def test_a_rule_that_is_not_there_or_not_judged_is_no_witness(shown: Shown) -> None:
    assert asked_of(shown).detail == "there is no alerting rule Hot"
    assert "cannot be judged: x" in asked_of(shown, rule(health="err")).detail
    assert "judged 600 s ago" in asked_of(shown, rule(age_s=600.0)).detail
    never = {**rule(), "lastEvaluation": "0001-01-01T00:00:00Z"}
    assert asked_of(shown, never).condition is Condition.UNREADABLE


@pytest.mark.parametrize("data", [{}, {"groups": 7}, {"groups": [{"rules": [{"type": "alerting", "name": "Hot"}]}]}, [], None])
def test_what_is_no_list_of_rules_is_refused(data: object) -> None:
    with pytest.raises(UnusableError):
        alerts_in(json.dumps({"status": "success", "data": data}).encode(), AlertTest("Hot"))


def test_a_poll_gives_every_series_with_its_labels(shown: Shown) -> None:
    now = shown.clock()
    shown.results = {"heat": {"resultType": "vector", "result": [{"metric": {"job": "web"}, "value": [now, "7"]}]}}
    assert Prometheus(shown.servers).poll(QUERY) == [Polled((("job", "web"),), 7.0, now)]


def test_a_poll_is_bounded_in_bytes_and_series_and_refuses_old_answers_and_strange_hosts(shown: Shown) -> None:
    server = Prometheus(shown.servers)
    shown.raw = lambda: iter([b"x" * (MAX_LONG_ANSWER_BYTES + 1)])
    with pytest.raises(UnusableError, match="larger than"):
        server.poll(QUERY)
    shown.raw, shown.late_s, shown.series = None, 600.0, {"heat": [("1", 0.0)]}
    with pytest.raises(UnusableError, match="keeps answers"):
        server.poll(QUERY)
    shown.late_s, shown.series = 0.0, {"heat": [("1", 0.0)] * 5001}
    with pytest.raises(UnusableError, match="5001 series"):
        server.poll(QUERY)
    with pytest.raises(UnusableError, match="allowed host"):
        Prometheus((PrometheusServer("main", "http://192.0.2.7:9090"),)).poll(QUERY)


def test_a_series_becomes_a_metric_of_a_target_that_the_catalogue_knows_and_of_no_other() -> None:
    def row(value: float = 1.0, **labels: str) -> Polled:
        return Polled(tuple(sorted(labels.items())), value, 1000.0)

    rows = [
        row(job="web", zone="a", __name__="heat"),
        row(2.0, job="web", zone="b"),
        row(job="x"),
        row(job="web:x"),
        row(),
        row(float("nan"), job="web"),
    ]
    [batch], left_out = batches_of(QUERY, rows, SERVICES, Provenance())
    assert (batch.target, batch.source, left_out) == ("service:web", "prometheus:main", 4)
    assert [(one.value, one.unit, one.labels) for one in batch.samples] == [
        (1.0, "celsius", (("zone", "a"),)),
        (2.0, "celsius", (("zone", "b"),)),
    ]


@pytest.mark.parametrize(
    ("target", "is_known"), [("disk:db-1:/srv", True), ("config:cfg:/etc/web.yaml", True), ("config:cfg:/etc/shadow", False)]
)
def test_any_target_of_the_catalogue_may_be_polled_by_its_whole_name(target: str, is_known: bool) -> None:
    query = MetricQuery("x", "main", "x", "x", target)
    batches, _ = batches_of(query, [Polled((), 1.0, 1000.0)], SERVICES, Provenance())
    assert bool(batches) is is_known


def test_many_series_of_one_target_are_cut_into_records_of_a_bounded_size() -> None:
    rows = [Polled((("job", "web"), ("n", str(number))), 1.0, 1000.0) for number in range(MAX_SAMPLES + 1)]
    batches, _ = batches_of(QUERY, rows, SERVICES, Provenance())
    assert [len(batch.samples) for batch in batches] == [MAX_SAMPLES, 1]
    assert len({batch.samples_sha for batch in batches}) == 2
