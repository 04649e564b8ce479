"""The gateway beside a real broker: what is answered with 202 is on its topic, and a broker that goes and comes loses nothing.

GitHub is a loop that does as it is told; the alerts come from a real Prometheus by a real Alertmanager. Both see the same outage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import read_to_end
from infra.topics_admin import create_topics
from schemas.events import Alert, AlertStatus, JobFinished, Origin
from schemas.ids import id_of
from tests.support.gateway import TOKEN, signed
from tests.support.gateway_process import GatewayProcess
from tests.support.github_hooks import workflow_job
from tests.support.hot_exporter import ALERT, Running, eventually, scraped_exporter
from tests.support.real_alertmanager import RealAlertmanager, real_alertmanager

PATIENCE_S = 180.0
SHARDS = 2
# A broker starts twice.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def broker_of_ours(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    port, controller = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path_factory.mktemp("broker"), port, controller), jars)
    server.start()
    try:
        server.wait_ready()
        create_topics(server.address)
        yield server
    finally:
        server.stop()


@dataclass
class Outage:
    """What was seen before, while and after the broker was away."""

    answers: list[httpx.Response] = field(default_factory=list)
    refused: list[httpx.Response] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)
    was_ready: int = 0
    exit_code: int = -1
    log: str = ""


@pytest.fixture(scope="module")
def outage(broker_of_ours: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Outage:
    """Return what happened: alerts fire, the broker goes, they resolve and a job fails, the broker comes."""
    gateway, seen = GatewayProcess(broker_of_ours.address, tmp_path_factory.mktemp("gateway")), Outage()
    heat = {f'web_heat{{service="web",shard="{shard}"}}': 95.0 for shard in ("a", "b")}
    gateway.start()
    try:
        url, folder = f"{gateway.url}/ingest/alertmanager", tmp_path_factory.mktemp("alerts")
        with real_alertmanager(folder, url, TOKEN) as manager, scraped_exporter(folder, heat, manager.address) as prometheus:
            play(broker_of_ours, gateway, manager, prometheus, seen)
        seen.exit_code = gateway.close()
    finally:
        gateway.process.kill()
        gateway.process.wait()
    seen.log = gateway.log
    return seen


def play(broker: EmbeddedBroker, gateway: GatewayProcess, manager: RealAlertmanager, prometheus: Running, seen: Outage) -> None:
    """Let it happen; each step waits until the one before has been seen."""
    seen.answers.append(send(gateway, 1))
    assert eventually(lambda: len(alerts_on(broker, AlertStatus.FIRING)) == SHARDS), gateway.log
    seen.groups = manager.groups()
    broker.stop()
    seen.refused.append(send(gateway, 2))
    seen.was_ready = httpx.get(f"{gateway.url}/readyz").status_code
    for series in prometheus.shown:
        prometheus.shown[series] = 20.0
    assert eventually(lambda: manager.refusals() > 0), gateway.log
    broker.start()
    broker.wait_ready()
    seen.answers += [send_until_taken(gateway, 2), send_until_taken(gateway, 3)]
    assert eventually(lambda: len(alerts_on(broker, AlertStatus.RESOLVED)) == SHARDS), gateway.log


def alerts_on(broker: EmbeddedBroker, status: AlertStatus) -> dict[str, Alert]:
    """Return the alerts on the topic in this state, by their ids."""
    found = [record for record in read_to_end(broker.address, "infra.alerts") if isinstance(record, Alert)]
    return {id_of(record): record for record in found if record.status is status}


def send(gateway: GatewayProcess, run_id: int) -> httpx.Response:
    body = json.dumps(workflow_job(run_id=run_id)).encode()
    headers = {**signed(body), "X-GitHub-Event": "workflow_job", "X-GitHub-Delivery": f"d-{run_id}"}
    return httpx.post(f"{gateway.url}/ingest/github", content=body, headers=headers, timeout=60)


def send_until_taken(gateway: GatewayProcess, run_id: int) -> httpx.Response:
    end = time.monotonic() + PATIENCE_S
    answer = send(gateway, run_id)
    while answer.status_code == 503 and time.monotonic() < end:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = send(gateway, run_id)
    return answer


def test_nothing_is_lost_when_the_broker_goes_and_comes_while_a_sender_does_as_it_is_told(
    broker_of_ours: EmbeddedBroker, outage: Outage
) -> None:
    [refused] = outage.refused
    assert (outage.answers[0].status_code, outage.answers[0].json()["duplicate"]) == (202, False)
    assert (refused.status_code, refused.json()["title"], int(refused.headers["Retry-After"]) > 0) == (503, "Broker away", True)
    assert outage.was_ready == 503
    assert [answer.status_code for answer in outage.answers] == [202, 202, 202]
    assert outage.exit_code == 0, outage.log
    jobs = [record for record in read_to_end(broker_of_ours.address, "ci.events") if isinstance(record, JobFinished)]
    # One that was answered 503 may have arrived all the same; then its second record has the same id.
    assert {id_of(job) for job in jobs} == {answer.json()["records"][0] for answer in outage.answers}
    assert {(job.project, job.run_id) for job in jobs} == {("acme/shop", str(number)) for number in (1, 2, 3)}


def test_alerts_of_a_real_alertmanager_fire_and_resolve_once_each_though_the_broker_was_away_when_they_resolved(
    broker_of_ours: EmbeddedBroker, outage: Outage
) -> None:
    # given one group of two alerts, by the server's own account
    [group] = outage.groups
    known = {row["fingerprint"]: row["labels"] for row in group["alerts"]}
    assert (group["labels"], len(known)) == ({"alertname": ALERT}, SHARDS)
    # then each fired and resolved under the fingerprint and the labels that Alertmanager knows it by, and nothing else did
    for status in AlertStatus:
        alerts = list(alerts_on(broker_of_ours, status).values())
        assert {alert.fingerprint: dict(alert.labels) for alert in alerts} == known
        assert {(alert.target, alert.name, alert.severity) for alert in alerts} == {("service:web", ALERT, "critical")}
        assert {(alert.ends_at is not None) for alert in alerts} == {status is AlertStatus.RESOLVED}
        assert {alert.provenance.origin for alert in alerts} == {Origin.AUTHENTICATED_PRODUCER}
    firing, over = (alerts_on(broker_of_ours, status).values() for status in (AlertStatus.FIRING, AlertStatus.RESOLVED))
    assert {(alert.fingerprint, alert.starts_at) for alert in firing} == {(alert.fingerprint, alert.starts_at) for alert in over}
