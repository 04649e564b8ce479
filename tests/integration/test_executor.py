"""The executor as a process on a real broker: a signed command heals a killed service, a forged one is a dead letter."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.launch import ledger_rows
from infra.failpoints import KILLED
from infra.kafka import read_to_end
from infra.topics_admin import create_topics
from schemas.oversight import DeadLetter
from schemas.recoveries import OutcomeStatus
from tests.support.earlier_code import code_before
from tests.support.executor_world import ExecutorWorld, ports, service_in, wait_for


def metrics_of(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.integration
def test_a_run_that_an_executor_of_the_release_before_left_open_is_ended_by_the_new_one_and_acts_once(broker: str, tmp_path: Path) -> None:
    # given an executor of the release before that dies once it has acted, with nothing of that on the journal
    create_topics(broker)
    [port] = ports(1)
    world = ExecutorWorld(broker, tmp_path, (service_in(tmp_path, "web", port, "elder"),))
    try:
        old = world.start_worker("before-done:1", code_before(tmp_path))
        order = world.command("service:web", "left open")
        world.send(order)
        assert wait_for(lambda: old.poll() is not None), "it did not reach the step's end"
        assert old.returncode == KILLED
        # when one of this release comes
        world.start_worker()
        # then the run ends healed, and what the old one did was not done again
        assert wait_for(lambda: order.incident_id in {row.incident_id for row in world.outcomes()})
        (outcome,) = [row for row in world.outcomes() if row.incident_id == order.incident_id]
        assert outcome.status is OutcomeStatus.HEALED, outcome
        assert len(ledger_rows(tmp_path / "web" / "effects.jsonl")) == 1
    finally:
        world.close()


@pytest.mark.integration
def test_a_signed_command_heals_a_killed_service_and_a_forged_one_touches_nothing(broker: str, tmp_path: Path) -> None:
    # given a service that is down and one executor
    create_topics(broker)
    port, metrics_port = ports(2)
    world = ExecutorWorld(broker, tmp_path, (service_in(tmp_path, "web", port),), metrics_port)
    try:
        world.start_worker()
        # when a forged command and a signed one arrive
        order = world.command("service:web", "one")
        world.send(replace(order, incident_id="forged"))
        world.send(order)
        # then only the signed one acts, once, and is verified from two sources
        assert wait_for(lambda: order.incident_id in {row.incident_id for row in world.outcomes()})
        (outcome,) = [row for row in world.outcomes() if row.incident_id == order.incident_id]
        assert outcome.status is OutcomeStatus.HEALED, outcome
        assert len({row.source for row in outcome.verification if row.passed}) >= 2
        assert len(ledger_rows(tmp_path / "web" / "effects.jsonl")) == 1
        dead = [record for record in read_to_end(broker, "heal.deadletter") if isinstance(record, DeadLetter)]
        assert any("signature" in row.error for row in dead if row.stage == "execute")
        # and its metrics say so
        assert wait_for(lambda: 'healstream_consumer_lag_messages{topic="recovery.commands"} 0.0' in metrics_of(metrics_port))
        assert 'healstream_recoveries_total{outcome="healed",strategy="service_restart"} 1.0' in metrics_of(metrics_port)
    finally:
        world.close()
