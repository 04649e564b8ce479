"""The gateway beside a real broker: what is answered with 202 is on its topic, and a broker that goes and comes loses nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import read_to_end
from infra.topics_admin import create_topics
from schemas.events import JobFinished
from schemas.ids import id_of
from tests.support.gateway import signed
from tests.support.gateway_process import GatewayProcess
from tests.support.github_hooks import workflow_job

PATIENCE_S = 180.0
# A broker starts twice.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def broker_of_ours(jars: tuple[Path, ...], tmp_path: Path) -> Iterator[EmbeddedBroker]:
    port, controller = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path / "broker", port, controller), jars)
    server.start()
    try:
        server.wait_ready()
        create_topics(server.address)
        yield server
    finally:
        server.stop()


@pytest.fixture
def gateway(broker_of_ours: EmbeddedBroker, tmp_path: Path) -> Iterator[GatewayProcess]:
    running = GatewayProcess(broker_of_ours.address, tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


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
    broker_of_ours: EmbeddedBroker, gateway: GatewayProcess
) -> None:
    first = send(gateway, 1)
    assert (first.status_code, first.json()["duplicate"]) == (202, False)
    broker_of_ours.stop()
    refused = send(gateway, 2)
    assert (refused.status_code, refused.json()["title"], int(refused.headers["Retry-After"]) > 0) == (503, "Broker away", True)
    assert httpx.get(f"{gateway.url}/readyz").status_code == 503
    broker_of_ours.start()
    broker_of_ours.wait_ready()
    answers = [first, send_until_taken(gateway, 2), send_until_taken(gateway, 3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert gateway.close() == 0, gateway.log
    jobs = [record for record in read_to_end(broker_of_ours.address, "ci.events") if isinstance(record, JobFinished)]
    # One that was answered 503 may have arrived all the same; then its second record has the same id.
    assert {id_of(job) for job in jobs} == {answer.json()["records"][0] for answer in answers}
    assert {(job.project, job.run_id) for job in jobs} == {("acme/shop", str(number)) for number in (1, 2, 3)}
