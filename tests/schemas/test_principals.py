"""The table of rights: one process orders healing, nobody has a right that no row gives, and the page says what the table says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.principals import LOOKERS, PRINCIPALS, Operation, Resource, Right, all_rights, faults_of, render, rights_of
from schemas.topics import TOPICS

WRITERS = {topic.name: {one.name for one in PRINCIPALS if topic.name in one.writes} for topic in TOPICS}
COMMAND = Right("healstream-prober", Resource.TOPIC, "recovery.commands", Operation.WRITE)


def test_what_must_have_one_writer_is_written_by_one_process() -> None:
    sole = {"recovery.commands": "gatekeeper", "heal.lease": "gatekeeper", "heal.admissions": "gatekeeper", "heal.audit": "gatekeeper"}
    sole |= {"recovery.journal": "executor", "heal.detections": "detect", "heal.incidents": "middle", "heal.decisions": "middle"}
    assert {name: WRITERS[name] for name in sole} == {name: {writer} for name, writer in sole.items()}


def test_what_comes_from_outside_writes_only_where_programs_may_produce() -> None:
    outside = {one.name: one.writes for one in PRINCIPALS if not one.looks}
    assert outside == {
        "ci-producer": ("ci.logs", "ci.events"),
        "target-producer": ("infra.metrics", "infra.health"),
        "outcome-reader": (),
    }


def test_a_process_keeps_its_state_for_itself() -> None:
    states = [name for name in WRITERS if name.startswith("heal.state.")]
    assert states
    for name in states:
        readers = {one.name for one in PRINCIPALS if name in one.all_reads}
        # People look at what is held and tried; nobody but the owner writes it.
        assert readers == WRITERS[name] | {"operator"}
        assert len(WRITERS[name]) == 1


def test_every_writer_of_the_topics_is_a_process() -> None:
    said = {writer for topic in TOPICS for writer in topic.writers}
    spoken = [writer for one in PRINCIPALS for writer in one.writers]
    assert said == set(spoken)


@pytest.mark.parametrize("resource", [Resource.GROUP, Resource.TRANSACTION])
def test_no_beginning_of_a_name_is_another_principals_too(resource: Resource) -> None:
    rows = [(right.principal, right.name) for right in all_rights() if right.resource == resource and right.name != LOOKERS]
    assert rows
    assert all(not name.startswith(other) for who, name in rows for owner, other in rows if owner != who)


def test_the_page_is_the_table() -> None:
    assert (Path(__file__).parents[2] / "docs" / "principals.md").read_text(encoding="utf-8") == render()


def test_the_rules_of_the_table_are_without_fault() -> None:
    assert faults_of(all_rights()) == []
    assert all(rights_of(one) <= all_rights() for one in PRINCIPALS)


def test_a_missing_right_is_named() -> None:
    [right] = [one for one in all_rights() if one.operation == Operation.WRITE and one.name == "recovery.commands"]
    assert faults_of(all_rights() - {right}) == ["missing: healstream-gatekeeper may WRITE TOPIC recovery.commands"]


SURPLUS = [
    COMMAND,
    replace(COMMAND, name="recovery.", is_prefix=True),
    replace(COMMAND, name="*"),
    replace(COMMAND, operation="ALL"),
    replace(COMMAND, host="192.0.2.7"),
    replace(COMMAND, is_denial=True),
    replace(COMMAND, resource=Resource.GROUP, name="healstream-executor", operation="READ"),
]


@pytest.mark.parametrize("right", SURPLUS, ids=str)
def test_a_right_of_ours_that_no_row_gives_is_named(right: Right) -> None:
    assert faults_of(all_rights() | {right}) == [f"not in the table: {right}"]


@pytest.mark.parametrize("right", SURPLUS[:5], ids=str)
def test_a_stranger_who_may_order_healing_is_named(right: Right) -> None:
    stranger = replace(right, principal="somebody")
    assert faults_of(all_rights() | {stranger}) == [f"a stranger's: {stranger}"]


def test_strangers_may_read_and_may_produce_where_programs_do() -> None:
    outcomes = Right("dashboard", Resource.TOPIC, "recovery.outcomes", Operation.READ)
    group = Right("dashboard", Resource.GROUP, "dashboard", Operation.READ, is_prefix=True)
    logs = Right("runner", Resource.TOPIC, "ci.", Operation.WRITE, is_prefix=True)
    other = Right("shop", Resource.TOPIC, "orders", "ALL")
    assert faults_of(all_rights() | {outcomes, group, logs, other}) == []
