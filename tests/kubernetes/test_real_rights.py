"""What each component may do on a real Kubernetes API with the roles that come with the project: what it needs, and nothing else."""

from __future__ import annotations

import pytest
from lightkube import Client, KubeConfig

from infra.adapters.cluster import DEPLOYMENTS, Cluster, client_of
from schemas.attempts import StepStatus
from schemas.workloads import Change
from tests.support.cluster_world import GOOD_REF
from tests.support.kubernetes_server import may
from tests.support.kubernetes_world import Shop

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
PLACES = (
    ("apps/deployments", "web"),
    ("apps/deployments", "another"),
    ("apps/deployments/scale", "web"),
    ("apps/replicasets", ""),
    ("apps/statefulsets", ""),
    ("apps/daemonsets", ""),
    ("batch/jobs", ""),
    ("/pods", ""),
    ("/pods/eviction", ""),
    ("/pods/exec", ""),
    ("/pods/log", ""),
    ("/secrets", ""),
    ("/configmaps", ""),
    ("/services", ""),
    ("/serviceaccounts/token", ""),
    ("policy/poddisruptionbudgets", ""),
    ("rbac.authorization.k8s.io/roles", ""),
    ("rbac.authorization.k8s.io/rolebindings", ""),
)
WIDE = (("/nodes", "node-1"), ("/nodes", "another"), ("/nodes", ""), ("/namespaces", ""), ("rbac.authorization.k8s.io/clusterroles", ""))
# All that may be done; everything else of the verbs and places above is refused.
CAN_I = {
    "healstream-executor": (
        "here: get apps/deployments web",
        "here: patch apps/deployments web",
        "here: list apps/replicasets",
        "here: list /pods",
        "here: create /pods/eviction",
        "elsewhere: list /pods",
        "elsewhere: create /pods/eviction",
        "cluster: get /nodes node-1",
        "cluster: list /nodes node-1",
        "cluster: patch /nodes node-1",
        "cluster: list /nodes another",
        "cluster: list /nodes",
    ),
    "healstream-prober": (
        "here: get apps/deployments web",
        "here: list apps/replicasets",
        "here: list /pods",
        "elsewhere: list /pods",
        "cluster: list /nodes node-1",
        "cluster: list /nodes another",
        "cluster: list /nodes",
    ),
    "stranger": (),
}


def _allowed(shop: Shop, client: Client) -> list[str]:
    namespaces = {"here": shop.spec.namespace, "elsewhere": "kube-system"}
    asked = [(where, namespace, *place) for where, namespace in namespaces.items() for place in PLACES]
    asked += [("cluster", "", *place) for place in WIDE]
    allowed = (
        f"{where}: {verb} {resource} {name}".rstrip()
        for where, namespace, resource, name in asked
        for verb in VERBS
        if may(client, verb, resource, namespace, name)
    )
    return sorted(allowed)


@pytest.mark.parametrize("user", CAN_I)
def test_each_component_may_do_what_it_needs_and_nothing_else(shop: Shop, user: str) -> None:
    shop.deploy(GOOD_REF)
    assert _allowed(shop, shop.server.client(user)) == sorted(CAN_I[user])


@pytest.mark.parametrize("account", ["healstream-executor", "healstream-prober"])
def test_a_component_in_a_pod_may_do_the_same_by_its_account(shop: Shop, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deploy(GOOD_REF)
    seen = shop.wait_well()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(shop.server.port))
    mounted = shop.server.mount_account("healstream", account)
    client = client_of(KubeConfig.from_service_account(mounted))
    assert _allowed(shop, client) == sorted(CAN_I[account])
    found = Cluster(lambda: client).deployment(shop.spec)
    assert found is not None
    assert (found.generation, found.template, found.pods) == (seen.generation, seen.template, seen.pods)


def test_a_prober_cannot_change_what_it_sees_and_a_stranger_sees_nothing(shop: Shop) -> None:
    shop.deploy(GOOD_REF)
    generation = shop.wait_well().generation
    prober, stranger = (shop.server.client(user) for user in ("healstream-prober", "stranger"))
    seen = Cluster(lambda: prober).deployment(shop.spec)
    assert seen is not None
    assert (seen.generation, seen.ready, seen.template) == (generation, 3, shop.state().template)
    result = Cluster(lambda: prober).scale(shop.spec, 1, Change("k", generation))
    assert (result.status, "the cluster refuses" in result.detail) == (StepStatus.FAILED, True)
    assert Cluster(lambda: stranger).deployment(shop.spec) is None
    assert shop.admin.get(DEPLOYMENTS, "web", namespace=shop.spec.namespace)["spec"]["replicas"] == 3
