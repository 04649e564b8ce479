"""Workflows as JSON text and back: how they cross ``heal.catalogue`` and stand in a run's journal, whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import cast

from schemas.avro_shape import record_from_plain, record_to_plain
from schemas.ids import content_id
from schemas.vocabulary import Kind
from schemas.workflows import Chain, Fork, Input, Join, Node, Output, Use, Workflow

Plain = Mapping[str, object]


def plain_of_workflow(workflow: Workflow) -> dict[str, object]:
    """Return a workflow as plain values."""
    return {
        "name": workflow.name,
        "version": workflow.version,
        "title": workflow.title,
        "heals": sorted(workflow.heals),
        "targets": sorted(workflow.targets),
        "body": _plain_of_node(workflow.body),
        "inputs": [record_to_plain(Input)(row) for row in workflow.inputs],
        "outputs": [record_to_plain(Output)(row) for row in workflow.outputs],
        "verify": list(workflow.verify),
        "deadline_s": workflow.deadline_s,
        "max_attempts": workflow.max_attempts,
    }


def workflow_of(plain: Plain) -> Workflow:
    """Return the workflow that ``plain_of_workflow`` wrote; raises ValueError, KeyError or TypeError when it did not."""
    body = _node_of(cast("Plain", plain["body"]))
    if not isinstance(body, Chain):
        raise TypeError("a workflow's body is a sequence")
    return Workflow(
        name=str(plain["name"]),
        version=int(cast("int", plain["version"])),
        title=str(plain["title"]),
        heals=frozenset(Kind(word) for word in cast("list[str]", plain["heals"])),
        targets=frozenset(cast("list[str]", plain["targets"])),
        body=body,
        inputs=tuple(cast("Input", record_from_plain(Input)(row)) for row in cast("list[Plain]", plain["inputs"])),
        outputs=tuple(cast("Output", record_from_plain(Output)(row)) for row in cast("list[Plain]", plain["outputs"])),
        verify=tuple(cast("list[str]", plain["verify"])),
        deadline_s=float(cast("float", plain["deadline_s"])),
        max_attempts=int(cast("int", plain["max_attempts"])),
    )


def workflows_body(workflows: Iterable[Workflow]) -> str:
    """Return workflows as their catalogue entry's JSON text."""
    return json.dumps([plain_of_workflow(workflow) for workflow in workflows], sort_keys=True)


def workflows_from(body: str) -> tuple[Workflow, ...]:
    """Return the workflows in the text."""
    return tuple(workflow_of(row) for row in json.loads(body or "[]"))


def content_of(workflow: Workflow) -> str:
    """Return the id of exactly this content: what people approve is one text, not one name."""
    return content_id("Workflow", json.dumps(plain_of_workflow(workflow), sort_keys=True))


def _plain_of_node(node: Node) -> dict[str, object]:
    match node:
        case Use():
            return {"use": record_to_plain(Use)(node)}
        case Chain(steps):
            return {"chain": [_plain_of_node(step) for step in steps]}
        case Fork(branches, join):
            return {"fork": [_plain_of_node(branch) for branch in branches], "join": join.value}


def _node_of(plain: Plain) -> Node:
    if "use" in plain:
        return cast("Use", record_from_plain(Use)(plain["use"]))
    if "chain" in plain:
        return Chain(_nodes(plain["chain"]))
    return Fork(_nodes(plain["fork"]), Join(str(plain["join"])))


def _nodes(rows: object) -> tuple[Node, ...]:
    return tuple(_node_of(row) for row in cast("list[Plain]", rows))
