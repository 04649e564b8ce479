"""Deployments, pods and nodes by a cluster's API: fits ``ClusterPort``, and answers the prober.

The cluster is the one that the pod runs in, else the one that ``KUBECONFIG`` names. Each change is written on the very version of the
object that was read just before (its resourceVersion), and only when its generation is the one that was diagnosed; it carries its key,
so that the object itself says whether it was made. Every call has a time-out; one whose answer was lost is uncertain, never done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2
from lightkube import ApiError, Client, ConfigError, KubeConfig
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.models.meta_v1 import DeleteOptions, ObjectMeta, Preconditions
from lightkube.resources.core_v1 import PodEviction
from lightkube.types import PatchType

from infra.adapters.cluster_documents import (
    RESTART,
    STEP,
    Document,
    annotations_of,
    deployment_from,
    hash_of,
    is_leaving,
    node_from,
    owned_by,
    template_of,
)
from schemas.attempts import StepResult, StepStatus
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import Change, DeploymentState, NodeState, PodState

TIMEOUT_S, KEPT_S = 10.0, 60.0
_MANAGER = "healstream"
# The status of what changes is written all the time; somebody else's change of what is wanted shows in the generation.
_TRIES = 5
# The server calls this an error of its own, yet it has judged and changed nothing.
_TWO_BUDGETS = "more than one PodDisruptionBudget"
_OK = StepResult(StepStatus.OK)
_CHANGED = StepResult(StepStatus.FAILED, "it changed between diagnosis and act")
_BUSY = StepResult(StepStatus.FAILED, "it is being changed all the time")
# As plain documents: a field that this client's models do not know yet is never lost on its way back.
DEPLOYMENTS = create_namespaced_resource("apps", "v1", "Deployment", "deployments")
REPLICA_SETS = create_namespaced_resource("apps", "v1", "ReplicaSet", "replicasets")
PODS = create_namespaced_resource("", "v1", "Pod", "pods")
NODES = create_global_resource("", "v1", "Node", "nodes")
Connect = Callable[[], Client]
Patch = dict[str, Any] | list[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The real adapter; ``connect`` gives a client, so that renewed credentials and a server that comes later are found."""

    connect: Connect

    @classmethod
    def here(cls) -> Cluster:
        """Return the cluster that the environment names."""
        return cls(KeptClient(lambda: client_of(KubeConfig.from_env()), time.monotonic))

    def deployment(self, spec: DeploymentSpec) -> DeploymentState | None:
        """Return the Deployment as it is now, None when the cluster gives no usable answer."""
        return _asked(self.connect, lambda client: _look(client, spec))

    def roll_to(self, spec: DeploymentSpec, template: str, change: Change) -> StepResult:
        """Put the template of a kept revision in the place of the one that is wanted."""

        def patch(client: Client, found: Document) -> Patch | StepResult:
            kept = next((row for row in _replica_sets(client, spec, found) if hash_of(row) == template), None)
            if kept is None:
                return StepResult(StepStatus.FAILED, f"the revision {template} is kept no more")
            marked = {**annotations_of(found), STEP: change.key}
            return [
                # What differs from the stored one is a conflict, as with every other kind of patch.
                {"op": "replace", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]},
                {"op": "add", "path": "/metadata/annotations", "value": marked},
                {"op": "replace", "path": "/spec/template", "value": template_of(kept)},
            ]

        return _change(self.connect, spec, change, patch)

    def restart(self, spec: DeploymentSpec, change: Change) -> StepResult:
        """Write the key on the pods' template: what differs is rolled out."""
        template = {"metadata": {"annotations": {RESTART: change.key}}}
        return _change(self.connect, spec, change, lambda _, found: _marked(found, change.key, {"template": template}))

    def scale(self, spec: DeploymentSpec, replicas: int, change: Change) -> StepResult:
        """Set how many replicas are wanted."""
        return _change(self.connect, spec, change, lambda _, found: _marked(found, change.key, {"replicas": replicas}))

    def set_image(self, spec: DeploymentSpec, image: str, change: Change) -> StepResult:
        """Set the image of the spec's container; the other containers stay as they are."""
        template = {"spec": {"containers": [{"name": spec.container, "image": image}]}}
        return _change(self.connect, spec, change, lambda _, found: _marked(found, change.key, {"template": template}))

    def evict(self, pod: PodState) -> StepResult:
        """Evict by the pod's uid: a pod of the same name that was made since is not meant."""
        options = DeleteOptions(preconditions=Preconditions(uid=pod.uid))
        meant = PodEviction(metadata=ObjectMeta(name=pod.name, namespace=pod.namespace), deleteOptions=options)

        def go(client: Client) -> StepResult:
            try:
                client.create(meant, pod.name, namespace=pod.namespace)
            except ApiError as error:
                if error.response.status_code == 404:
                    return _OK
                if error.response.status_code in {409, 429}:
                    return StepResult(StepStatus.PENDING, f"{pod.name}: {error}"[:300], 1.0)
                if _TWO_BUDGETS in str(error):
                    return StepResult(StepStatus.FAILED, f"{pod.name}: more than one disruption budget covers it: leave one of them")
                raise
            return _OK

        return _changed(self.connect, go)

    def node(self, name: str) -> NodeState | None:
        """Return the node as it is now, None when the cluster gives no usable answer."""

        def look(client: Client) -> NodeState:
            nodes = list(client.list(NODES))
            found = next((row for row in nodes if row["metadata"]["name"] == name), None)
            if found is None:
                return NodeState(exists=False)
            return node_from(found, nodes, list(client.list(PODS, namespace="*", fields={"spec.nodeName": name})), _now())

        return _asked(self.connect, look)

    def cordon(self, name: str, key: str) -> StepResult:
        """Close the node and write the key on it; one that is closed already stays as it is."""
        return _set_node(self.connect, name, lambda found: None if _is_closed(found) else _marked(found, key, {"unschedulable": True}))

    def uncordon(self, name: str, key: str) -> StepResult:
        """Open the node when this key has closed it."""

        def patch(found: Document) -> Patch | None:
            ours = _is_closed(found) and annotations_of(found).get(STEP) == key
            return _marked(found, None, {"unschedulable": None}) if ours else None

        return _set_node(self.connect, name, patch)


class KeptClient:
    """Makes a client and keeps it for a minute: to make one costs more than to ask, and a pod's token is renewed within the hour."""

    def __init__(self, make: Connect, clock: Callable[[], float]) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Client] | None = None

    def __call__(self) -> Client:
        """Return the client; one that is replaced may be in use yet, and ends with its last user."""
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] >= KEPT_S:
                self._kept = self._clock(), self._make()
            return self._kept[1]


def client_of(config: KubeConfig) -> Client:
    """Return a client that answers within its time, or fails; raises ConfigError for what names nobody who asks."""
    chosen = config.get()
    if chosen is None or chosen.user is None:
        raise ConfigError("the current context names no user")
    return Client(config=chosen, timeout=httpx2.Timeout(TIMEOUT_S), field_manager=_MANAGER, trust_env=False)


def _change(connect: Connect, spec: DeploymentSpec, change: Change, patch: Callable[[Client, Document], Patch | StepResult]) -> StepResult:
    def write(client: Client) -> StepResult:
        found = client.get(DEPLOYMENTS, spec.name, namespace=spec.namespace)
        if annotations_of(found).get(STEP) == change.key:
            return _OK
        if is_leaving(found) or found["metadata"]["generation"] != change.generation:
            return _CHANGED
        body = patch(client, found)
        if isinstance(body, StepResult):
            return body
        kind = PatchType.JSON if isinstance(body, list) else PatchType.STRATEGIC
        client.patch(DEPLOYMENTS, spec.name, body, namespace=spec.namespace, patch_type=kind)
        return _OK

    return _changed(connect, lambda client: _in_turns(lambda: write(client)))


def _set_node(connect: Connect, name: str, patch: Callable[[Document], Patch | None]) -> StepResult:
    def write(client: Client) -> StepResult:
        body = patch(client.get(NODES, name))
        if body is not None:
            client.patch(NODES, name, body, patch_type=PatchType.STRATEGIC)
        return _OK

    return _changed(connect, lambda client: _in_turns(lambda: write(client)))


def _look(client: Client, spec: DeploymentSpec) -> DeploymentState:
    try:
        found = client.get(DEPLOYMENTS, spec.name, namespace=spec.namespace)
    except ApiError as error:
        if error.response.status_code == 404:
            return DeploymentState(exists=False)
        raise
    if is_leaving(found):
        return DeploymentState(exists=False)
    replica_sets = _replica_sets(client, spec, found)
    owners = frozenset(str(row["metadata"]["uid"]) for row in replica_sets)
    pods = owned_by(client.list(PODS, namespace=spec.namespace, labels=_labels(found)), owners)
    return deployment_from(found, replica_sets, pods, _now())


def _replica_sets(client: Client, spec: DeploymentSpec, found: Document) -> list[Document]:
    rows = client.list(REPLICA_SETS, namespace=spec.namespace, labels=_labels(found))
    return owned_by(rows, frozenset({str(found["metadata"]["uid"])}))


def _labels(found: Document) -> dict[str, Any]:
    # What its selector says beside these only narrows further; whose an object is, its owner says.
    return dict(found["spec"]["selector"].get("matchLabels") or {})


def _marked(found: Document, key: str | None, spec: Mapping[str, Any]) -> Patch:
    """Return the patch of the very version that was read, with the key of who makes it."""
    return {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": {STEP: key}}, "spec": spec}


def _is_closed(node: Document) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable", False))


def _in_turns(write: Callable[[], StepResult]) -> StepResult:
    """Read and write until nothing was written in between."""
    for _ in range(_TRIES):
        try:
            return write()
        except ApiError as error:
            if error.response.status_code != 409:
                raise
    return _BUSY


def _asked(connect: Connect, ask: Callable[[Client], T]) -> T | None:
    """Return an answer of the cluster, None when it gives no usable one."""
    try:
        return ask(connect())
    except (httpx2.HTTPError, ConfigError, OSError, KeyError, ValueError):
        return None


def _changed(connect: Connect, do: Callable[[Client], StepResult]) -> StepResult:
    try:
        return do(connect())
    except ApiError as error:
        # A refusal changes nothing; an error of the server's own says nothing of what was done before it.
        status = StepStatus.FAILED if error.response.is_client_error else StepStatus.UNCERTAIN
        return StepResult(status, f"the cluster refuses: {error}"[:300])
    except (httpx2.ConnectError, ConfigError, OSError) as error:
        return StepResult(StepStatus.FAILED, f"the cluster cannot be reached: {error}"[:300])
    except (httpx2.HTTPError, KeyError, ValueError) as error:
        return StepResult(StepStatus.UNCERTAIN, f"no usable answer from the cluster: {type(error).__name__}")


def _now() -> datetime:
    return datetime.now(tz=UTC)
