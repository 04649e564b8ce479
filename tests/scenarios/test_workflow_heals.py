"""Row 27 again, by a workflow of the configuration folder: from the drifted file over decide and admit to the verified outcome."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.configuration import Files, configuration_of
from console.publish import entries_of
from schemas.configuration import Configuration, Keys, configuration_from
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import JournalKind, OutcomeStatus
from schemas.signing import public_text
from tests.support.fakes import START
from tests.support.memory_flow import MemoryFlow, shipped_rules
from tests.support.memory_world import CONFIG_TARGET, DRIFTED, PINNED, SHOP, MemoryWorld
from tests.support.story import PEOPLE, told_of

TEXT = """\
name: restore_and_start
version: 1
title: Put a drifted file back, and start what is down beside it
heals: [config_drift]
targets: [config]
deadline: 1m
inputs:
  start: {type: bool, default: true}
steps:
  - step: restore
    use: config_restore
    with: {max_bytes: 65536}
    retry: {attempts: 2, first_wait: 500ms, longest: 1s}
  - parallel:
      branches:
        - {step: api, use: service_restart, on: service:api}
        - {step: web, use: service_restart, on: service:web, when: inputs.start && steps.restore.done}
outputs:
  before: {type: string, cel: steps.restore.drifted}
"""


@cache
def configuration() -> Configuration:
    found = configuration_of(Files({"healstream.yaml": "version: 1\n", "workflows/a.yaml": TEXT}, {}), Keys())
    assert isinstance(found, Configuration)
    policy = Policy(strategies=(StrategyPolicy("restore_and_start", RolloutLevel.AUTOMATIC),))
    return replace(found, policy=policy, services=SHOP, people=PEOPLE)


def begun() -> MemoryFlow:
    flow = MemoryFlow(configuration(), MemoryWorld(shipped_rules().detect.matcher))
    flow.pass_time(5)
    return flow


def test_a_workflow_that_the_policy_lets_act_heals_and_says_what_it_left_out() -> None:
    flow = begun()

    flow.world.files.live["web-conf"] = DRIFTED
    flow.pass_time(30)

    told = told_of(flow, CONFIG_TARGET)
    assert (told.final.status, told.final.strategy) == (OutcomeStatus.HEALED, "restore_and_start")
    assert [step.name for step in told.final.steps] == ["restore/write:web-conf", "restore/reload:web"]
    assert {row.factor for row in told.final.verification} == {
        "restore.hash_equals_commit",
        "restore.health_answers",
        "log_silence",
        "neighbours",
    }
    entered = [record.step for record in told.journal if record.kind is JournalKind.PLANNED and record.step]
    assert sorted(entered) == ["api", "restore", "web"]
    assert flow.world.files.live["web-conf"] == PINNED


def test_a_workflow_that_does_not_help_puts_everything_back() -> None:
    flow = begun()
    flow.world.processes.reload_fails = True

    flow.world.files.live["web-conf"] = DRIFTED
    flow.pass_time(120)

    told = told_of(flow, CONFIG_TARGET)
    assert told.final.status in {OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED}
    assert flow.world.files.live["web-conf"] == DRIFTED


def test_the_published_catalogue_carries_the_workflows_to_every_worker() -> None:
    key = Ed25519PrivateKey.generate()
    read = configuration_from(entries_of(configuration(), key, START), public_text(key))
    assert isinstance(read, Configuration)
    assert (read.workflows, read.cards) == (configuration().workflows, configuration().cards)
