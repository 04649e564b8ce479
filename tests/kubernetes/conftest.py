"""A real control plane with three played nodes for each file of tests in this folder, and a Deployment for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.adapters.cluster import DEPLOYMENTS, PODS
from tests.support.executor_world import wait_for
from tests.support.kubernetes_server import Kubernetes, kubernetes
from tests.support.kubernetes_world import DAEMON_SETS, PATIENCE_S, Shop, add_node

NODES = ("node-1", "node-2", "node-3")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with kubernetes(tmp_path_factory.mktemp("kubernetes")) as running:
        admin = running.client()
        for name in NODES:
            add_node(admin, name)
        yield running


@pytest.fixture
def shop(server: Kubernetes) -> Iterator[Shop]:
    made = Shop(server)
    yield made
    # Its pods would be in the way of a later test's drain.
    made.let_all_go()
    made.admin.delete(DEPLOYMENTS, "web", namespace=made.spec.namespace)
    made.admin.deletecollection(DAEMON_SETS, namespace=made.spec.namespace)
    assert wait_for(lambda: not made.state().exists and not _pods_in(made), PATIENCE_S)


def _pods_in(shop: Shop) -> list[object]:
    return list(shop.admin.list(PODS, namespace=shop.spec.namespace))
