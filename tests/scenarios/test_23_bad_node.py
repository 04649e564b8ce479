"""Rows 9, 22 and 23: a node comes into a condition that it should not serve in; it is closed and emptied, never repaired in place."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.cluster_world import NODE_1, begin_with_cluster, break_node
from tests.support.story import steps_done, told_of, untouched

TARGET = NODE_1.target


def test_a_bad_node_is_closed_and_emptied_but_for_what_belongs_to_it() -> None:
    flow = begin_with_cluster()

    break_node(flow.world.cluster, "ReadonlyFilesystem")
    flow.pass_time(30)

    told = told_of(flow, TARGET)
    assert [row.kind for row in told.incidents] == [Kind.SERVICE_DEGRADED]
    assert [row.strategy for row in told.decisions] == ["node_cordon_drain"]
    assert steps_done(told) == ["cordon:node-1", "drain:node-1"]
    assert told.final.status is OutcomeStatus.HEALED
    node = flow.world.cluster.nodes["node-1"]
    assert node.unschedulable
    assert [pod.name for pod in node.pods] == ["agent-1"]
    # What is wrong with it is still there, and harms nobody: no second incident.
    flow.pass_time(30)
    assert len(told_of(flow, TARGET).incidents) == 1


def test_when_too_few_others_serve_the_node_stays_open() -> None:
    flow = begin_with_cluster()
    nodes = flow.world.cluster.nodes
    nodes["node-2"] = replace(nodes["node-2"], ready=False)

    break_node(flow.world.cluster)
    flow.pass_time(30)

    told = told_of(flow, TARGET)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "too_few_nodes")
    assert untouched(flow)
