"""Deployments and nodes of ``services.yaml``: their records, and each mistake at its line."""

from __future__ import annotations

import pytest

from schemas.configuration import Configuration, services_body
from schemas.probes import ProbeKind, ProbeSpec
from schemas.targets.deployment import DeploymentSpec, repository_of
from schemas.targets.node import NodeSpec
from tests.console.test_target_shapes import told
from tests.support.cluster_world import GOOD_REF

_LOOK = "{name: p, kind: tcp, address: 'h:1'}"
DEPLOYED = f"  - {{namespace: shop, name: web, group: shop, container: app, image: '{GOOD_REF}', most_replicas: 4, probes: [{_LOOK}]}}\n"
NODE = "  - {name: node-1.example, bad_conditions: [KernelDeadlock]}\n"


def test_deployments_and_nodes_become_their_records() -> None:
    found = told(f"deployments:\n{DEPLOYED}nodes:\n{NODE}")
    assert isinstance(found, Configuration)
    [web], [node] = found.services.deployments, found.services.nodes
    assert web == DeploymentSpec("shop", "web", "shop", "app", GOOD_REF, most_replicas=4, answers=(ProbeSpec("p", ProbeKind.TCP, "h:1"),))
    assert [probe.name for probe in web.probes] == ["deployment-crashes", "deployment-pods", "deployment-image", "deployment-scale", "p"]
    assert node == NodeSpec("node-1.example", bad_conditions=("KernelDeadlock",))
    assert [(spec.target, spec.scope) for spec in found.services.others()] == [
        ("deployment:shop/web", "group:shop"),
        ("node:node-1.example", "node:node-1.example"),
    ]
    # Without a list of repositories only that of the good image may come back.
    assert web.allows("registry.example/shop/web:1.2")
    assert not web.allows("registry.example/shop/web-admin:1.2")
    assert not web.allows("elsewhere.example:5000/shop/web")
    assert repository_of("elsewhere.example:5000/shop/web") == "elsewhere.example:5000/shop/web"
    assert services_body(found.services)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"deployments:\n{DEPLOYED}{DEPLOYED}", "twice"),
        (f"nodes:\n{NODE}{NODE}", "twice"),
        (f"deployments:\n{DEPLOYED.replace('name: web', 'name: ../web')}", "pattern"),
        (f"deployments:\n{DEPLOYED.replace('@sha256:', ':')}", "pattern"),
        (f"deployments:\n{DEPLOYED.replace('container: app, ', '')}", "belong together"),
        (f"deployments:\n{DEPLOYED.replace('most_replicas: 4', 'least_replicas: 5, most_replicas: 4')}", "must not be below"),
        (f"deployments:\n{DEPLOYED.replace('most_replicas: 4', 'repositories: [registry.example/other]')}", "not among the repositories"),
        (f"deployments:\n{DEPLOYED.replace('kind: tcp', 'kind: process')}", "write tcp or http"),
        (f"nodes:\n{NODE.replace('KernelDeadlock', 'no condition')}", "pattern"),
    ],
)
def test_a_mistake_in_what_a_cluster_runs_is_named_at_its_line(text: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")
