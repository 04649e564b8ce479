"""A workflow on a real broker: an executor dies with two branches in flight, and its successor ends the run with no effect twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.adapters.launch import ledger_rows
from infra.kafka import read_to_end
from infra.topics_admin import create_topics
from schemas.catalogue import CARDS
from schemas.configuration import WORKFLOWS_ENTRY
from schemas.decisions import plan_hash_of
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus
from schemas.signing import sign
from schemas.vocabulary import Kind
from schemas.workflow_cards import card_of
from schemas.workflow_text import workflows_body
from schemas.workflows import Chain, Fork, Given, Use, Workflow
from tests.support.executor_world import PATIENCE_S, ExecutorWorld, ports, service_in, wait_for

BOTH = Workflow(
    "start_both", 1, "Start two services at the same time", frozenset({Kind.SERVICE_DOWN}), frozenset({"service"}),
    Chain((Fork(tuple(Use(name, "service_restart", Given("on", f"service:{name}")) for name in ("web", "api"))),)),
)  # fmt: skip


def recovery(broker: str, *words: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "console.cli.main", "recovery", *words]
    return subprocess.run(call, env={**os.environ, "HEALSTREAM_BROKERS": broker}, capture_output=True, text=True, check=False)


@pytest.mark.integration
def test_a_successor_ends_a_workflow_whose_executor_died_with_two_branches_in_flight(broker: str, tmp_path: Path) -> None:
    # given two services that are down, a published workflow over both, and an executor that dies before it knows what came of a step
    create_topics(broker)
    first, second, metrics_port = ports(3)
    world = ExecutorWorld(broker, tmp_path, (service_in(tmp_path, "web", first), service_in(tmp_path, "api", second)), metrics_port)
    try:
        entry = CatalogueEntry(WORKFLOWS_ENTRY, "1", EntryKind.CONFIGURATION, workflows_body([BOTH]), datetime.now(UTC))
        world.send(sign(entry, world.key))
        card = card_of(BOTH, CARDS)
        # Of a name of its own: other tests' commands lie on the same broker.
        order = world.command("service:web", BOTH.name)
        hashed = plan_hash_of(BOTH.name, 1, "service:web", (), card.bounds)
        order = replace(order, strategy=BOTH.name, bounds=card.bounds, plan_hash=hashed, deadline_s=card.deadline_s)
        dying = world.start_worker("before-done:1")
        # when the command arrives, the executor dies, and another one starts
        world.send(sign(order, world.key))
        assert dying.wait(PATIENCE_S) == 137
        world.start_worker()
        # then both services were started once, and the run is verified and healed
        assert wait_for(lambda: order.incident_id in {row.incident_id for row in world.outcomes()})
        (outcome,) = [row for row in world.outcomes() if row.incident_id == order.incident_id]
        assert outcome.status is OutcomeStatus.HEALED, outcome
        assert {step.name for step in outcome.steps} == {
            f"{name}/{verb}:{name}" for name in ("web", "api") for verb in ("start", "validate")
        }
        assert [len(ledger_rows(tmp_path / name / "effects.jsonl")) for name in ("web", "api")] == [1, 1]
        journal = [record for record in read_to_end(broker, "recovery.journal") if isinstance(record, JournalRecord)]
        assert sum(record.kind is JournalKind.IN_DOUBT and record.command_id == outcome.command_id for record in journal) == 2
        # and people see it, and are told why it cannot be rolled back
        rows = json.loads(recovery(broker, "list", "--output", "json").stdout)["items"]
        (row,) = [found for found in rows if found["strategy"] == BOTH.name]
        assert row["state"] == "healed"
        refused = recovery(broker, "rollback", row["id"][:12])
        assert refused.returncode == 2
        assert "its target may have changed since" in refused.stderr
    finally:
        world.close()
