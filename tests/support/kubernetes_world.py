"""A Deployment in a namespace of its own on a real control plane: how people deploy it, how it is broken, and how recipes heal it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightkube import Client
from lightkube.codecs import load_all_yaml
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.core_v1 import Namespace, Node, Pod
from lightkube.resources.policy_v1 import PodDisruptionBudget
from lightkube.types import PatchType

from infra.adapters.checks import Checks
from infra.adapters.cluster import DEPLOYMENTS, PODS, Cluster
from recoverers.cluster_view import ClusterView
from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.ports import Recipe
from recoverers.recipes.deployment_image import DeploymentImage
from recoverers.recipes.deployment_rollback import DeploymentRollback
from recoverers.recipes.deployment_scale import DeploymentScale
from recoverers.recipes.node_cordon_drain import NodeCordonDrain
from recoverers.recipes.pod_delete import PodDelete
from recoverers.terms import Terms
from schemas.catalogue import CARDS, card_named
from schemas.recoveries import RecoveryOutcome
from schemas.services import Services
from schemas.targets.deployment import DeploymentSpec
from schemas.targets.node import NodeSpec
from schemas.workloads import DeploymentState
from tests.support.cluster_world import GOOD_REF
from tests.support.executor_world import wait_for
from tests.support.kubernetes_server import Kubernetes, may
from tests.support.real_hands import RealHands
from tests.support.runs import command

MANIFESTS = Path(__file__).parents[2] / "infra" / "deploy" / "kubernetes"
# A slow machine may take its time; nothing here is judged by it.
PATIENCE_S = 120.0
DAEMON_SETS = create_namespaced_resource("apps", "v1", "DaemonSet", "daemonsets")
HOLD = "shop.example/hold"


def manifests(namespace: str) -> list[Any]:
    """Return the roles that come with the project, for one namespace."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(MANIFESTS.glob("*.yaml"))]
    return [row for text in texts for row in load_all_yaml(text.replace("namespace: shop", f"namespace: {namespace}"))]


@dataclass
class Shop:
    """One Deployment ``web`` in a new namespace; people change it by ``admin``, recipes by ``cluster`` with the executor's rights."""

    server: Kubernetes
    spec: DeploymentSpec = field(default_factory=lambda: DeploymentSpec(f"shop-{uuid4().hex[:8]}", "web", container="app", image=GOOD_REF))
    nodes: tuple[NodeSpec, ...] = ()
    healed: int = 0

    def __post_init__(self) -> None:
        self.admin: Client = self.server.client()
        executor = self.server.client("healstream-executor")
        self.cluster = Cluster(lambda: executor)
        self.admin.create(Namespace(metadata=ObjectMeta(name=self.spec.namespace)))
        for row in manifests(self.spec.namespace):
            self.admin.apply(row, field_manager="people", force=True)
        prober = self.server.client("healstream-prober")
        # The API hears of new roles a little later than it takes them.
        assert wait_for(lambda: all(may(client, "list", "/pods", self.spec.namespace) for client in (executor, prober)), PATIENCE_S)
        assert wait_for(lambda: all(may(client, "list", "/nodes") for client in (executor, prober)), PATIENCE_S)

    def deploy(self, image: str, plays: str = "", replicas: int = 3) -> None:
        """Let people roll an image out; ``plays`` says how its pods fare."""
        labels = {"app": "web", **({"plays": plays} if plays else {})}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        metadata = {"name": "web", "namespace": self.spec.namespace}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        self.admin.apply(DEPLOYMENTS.from_dict(body), field_manager="people", force=True)

    def deploy_agent(self) -> None:
        """Let people run an agent on every node."""
        labels = {"app": "agent"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "agent", "image": GOOD_REF}]}}
        metadata = {"name": "agent", "namespace": self.spec.namespace}
        body = {"metadata": metadata, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        self.admin.apply(DAEMON_SETS.from_dict({"apiVersion": "apps/v1", "kind": "DaemonSet", **body}), field_manager="people", force=True)

    def deploy_onto(self, node: str, replicas: int = 6) -> DeploymentState:
        """Let people deploy it so that some of its pods run on a node, however late the scheduler hears of that one."""
        self.deploy(GOOD_REF, replicas=replicas)

        def is_there() -> bool:
            self.wait_well()
            found = self.cluster.node(node)
            if found and any(pod.namespace == self.spec.namespace for pod in found.movable):
                return True
            self.admin.deletecollection(PODS, namespace=self.spec.namespace)
            return False

        assert wait_for(is_there, PATIENCE_S)
        return self.state()

    def change(self, **spec: object) -> None:
        """Let people change what is wanted."""
        self.admin.patch(DEPLOYMENTS, "web", {"spec": spec}, namespace=self.spec.namespace, patch_type=PatchType.MERGE)

    def touch_status(self) -> None:
        """Let its controller write something that is no change of what is wanted."""
        row = {"type": "Looked", "status": "True", "reason": "Test", "message": "said by a test"}
        body = {"status": {"conditions": [row]}}
        self.admin.patch(DEPLOYMENTS.Status, "web", body, namespace=self.spec.namespace, patch_type=PatchType.STRATEGIC)

    def hang(self, pod: str) -> None:
        """Let the kubelet say that a pod is not ready any more."""
        row = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T12:00:00Z"}
        body = {"status": {"phase": "Running", "conditions": [row]}}
        self.admin.patch(Pod.Status, pod, body, namespace=self.spec.namespace, patch_type=PatchType.STRATEGIC)

    def hold(self, pod: str, *, is_held: bool = True) -> None:
        """Let a pod stay when it is told to go, as one does whose kubelet is slow or silent; or let it go."""
        body = {"metadata": {"finalizers": [HOLD] if is_held else None}}
        self.admin.patch(PODS, pod, body, namespace=self.spec.namespace, patch_type=PatchType.MERGE)

    def begin_to_delete(self) -> None:
        """Let people delete it while something still has to be cleaned up after it."""
        body = {"metadata": {"finalizers": [HOLD]}}
        self.admin.patch(DEPLOYMENTS, "web", body, namespace=self.spec.namespace, patch_type=PatchType.MERGE)
        self.admin.delete(DEPLOYMENTS, "web", namespace=self.spec.namespace)

    def let_all_go(self) -> None:
        """Let all pods go that were held."""
        for pod in self.admin.list(PODS, namespace=self.spec.namespace):
            if pod["metadata"].get("finalizers"):
                self.hold(pod["metadata"]["name"], is_held=False)

    def keep_twice(self) -> None:
        """Let people say the same in two budgets: then the API lets no pod be evicted."""
        self.keep(1, "web")
        self.keep(1, "web-too")

    def keep(self, at_least: int, name: str = "web") -> None:
        """Let people say how many pods must stay."""
        selector = LabelSelector(matchLabels={"app": "web"})
        budget = PodDisruptionBudgetSpec(minAvailable=at_least, selector=selector)
        metadata = ObjectMeta(name=name, namespace=self.spec.namespace)
        self.admin.apply(PodDisruptionBudget(metadata=metadata, spec=budget), field_manager="people", force=True)
        place = self.spec.namespace

        def is_counted() -> bool:
            found = self.admin.get(PodDisruptionBudget, name, namespace=place).status
            return bool(found and found.observedGeneration and found.expectedPods)

        assert wait_for(is_counted, PATIENCE_S)

    def state(self) -> DeploymentState:
        """Return what the adapter says of it."""
        found = self.cluster.deployment(self.spec)
        assert found is not None
        return found

    def wait_until(self, holds: Callable[[DeploymentState], bool]) -> DeploymentState:
        """Wait until something holds of it."""
        assert wait_for(lambda: holds(self.state()), PATIENCE_S), json.dumps(str(self.state()))
        return self.state()

    def wait_well(self) -> DeploymentState:
        """Wait until all of its pods serve."""
        return self.wait_until(lambda state: state.settled and state.ready == state.replicas == len(state.pods))

    def recipe(self, strategy: str) -> Recipe:
        """Return a recipe over this cluster."""
        services = Services(deployments=(self.spec,), nodes=self.nodes)
        view = ClusterView(services, self.cluster, Checks())
        made: dict[str, Recipe] = {
            "deployment_rollback": DeploymentRollback(view),
            "deployment_image": DeploymentImage(view),
            "deployment_scale": DeploymentScale(view),
            "pod_delete": PodDelete(view),
            "node_cordon_drain": NodeCordonDrain(services, self.cluster),
        }
        return made[strategy]

    def heal(self, strategy: str, target: str = "", verify_within_s: float = PATIENCE_S, deadline_s: float = 0.0) -> RecoveryOutcome:
        """Carry out one command of the recipe, for an incident of its own: what was done for one is not done for it again."""
        self.healed += 1
        made = self.recipe(strategy)
        recipe = replace(made, traits=replace(made.traits, verify_within_s=verify_within_s))  # type: ignore[type-var] # each is a dataclass
        card = card_named(CARDS, strategy)
        assert card is not None
        hands, terms = RealHands(), Terms(recipe, card, 0.3, "worker-1", 0)
        order = command(strategy, target or self.spec.target, **({"deadline_s": deadline_s} if deadline_s else {}))
        order = replace(order, decision_id=f"decision-{self.healed}", issued_at=hands.now(), opened_at=hands.now(), detected_at=hands.now())
        accepted = accept(RunState(order), terms, hands)
        hands.append([accepted])
        drive(fold(RunState(order), accepted), terms, hands)
        return next(record for record in hands.others if isinstance(record, RecoveryOutcome))


def add_node(admin: Client, name: str, **labels: str) -> None:
    """Add a node that is played."""
    metadata = ObjectMeta(name=name, labels={"type": "kwok", **labels}, annotations={"kwok.x-k8s.io/node": "fake"})
    admin.apply(Node(metadata=metadata), field_manager="people", force=True)


def kill_kubelet(admin: Client, node: str) -> None:
    """Let a node's kubelet fall silent, and what watches nodes notice it."""
    admin.patch(Node, node, {"metadata": {"labels": {"plays": "dead"}}})
    condition(admin, node, "Ready", "Unknown")


def revive_kubelet(admin: Client, node: str) -> None:
    """Let it come up again."""
    admin.patch(Node, node, {"metadata": {"labels": {"plays": None}}})


def condition(admin: Client, node: str, kind: str, status: str) -> None:
    """Let what watches a node say something of it."""
    row = {"type": kind, "status": status, "reason": "Test", "message": "said by a test"}
    admin.patch(Node.Status, node, {"status": {"conditions": [row]}}, patch_type=PatchType.STRATEGIC)
