"""From the documents of a cluster's API to the values that recipes read: pure, and tolerant of fields that a cluster leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.workloads import DeploymentState, NodeState, PodState, Revision

Document = Mapping[str, Any]
# Where the key of the last change is written. Deployments and nodes only: on a pod's template it would be a rollout.
STEP = "healstream-step"
RESTART = "healstream-restart"
_HASH = "pod-template-hash"
_NUMBER = "deployment.kubernetes.io/revision"
_STATIC = "kubernetes.io/config.mirror"
_FINISHED = frozenset({"Succeeded", "Failed"})


def annotations_of(document: Document) -> Mapping[str, str]:
    """Return an object's annotations."""
    return document["metadata"].get("annotations") or {}


def is_leaving(document: Document) -> bool:
    """Tell whether an object was deleted and only waits for what depends on it: its controller does nothing more for it."""
    return "deletionTimestamp" in document["metadata"]


def template_of(replica_set: Document) -> dict[str, Any]:
    """Return the pods' template without the label that its controller has put in."""
    template: dict[str, Any] = json.loads(json.dumps(replica_set["spec"]["template"]))
    metadata = template.setdefault("metadata", {})
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != _HASH}
    metadata["labels"] = labels
    return template


def hash_of(replica_set: Document) -> str:
    """Return the name of a revision: the hash of its template, which stays when the revision is taken up again."""
    labels = replica_set["metadata"].get("labels") or {}
    return str(labels.get(_HASH, ""))


def owned_by(documents: Iterable[Document], uids: frozenset[str]) -> list[Document]:
    """Return the objects whose controller is one of these."""
    return [row for row in documents if _controller_of(row).get("uid") in uids]


def deployment_from(document: Document, replica_sets: Sequence[Document], pods: Sequence[Document], now: datetime) -> DeploymentState:
    """Return a Deployment's state from its own document, those of its ReplicaSets and those of its pods."""
    spec, status = document["spec"], document.get("status") or {}
    wanted, generation = int(spec.get("replicas", 1)), int(document["metadata"]["generation"])
    current = next((row for row in replica_sets if _is_wanted(row, document)), None)
    counts = [int(status.get(name, 0)) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return DeploymentState(
        exists=True,
        generation=generation,
        changed_by=annotations_of(document).get(STEP, ""),
        replicas=wanted,
        template=hash_of(current) if current else "",
        images=images_in(spec["template"]["spec"]),
        settled=int(status.get("observedGeneration", 0)) >= generation and counts == [wanted] * 3,
        detail=f"{counts[1]} of {wanted} are of the wanted revision, {counts[2]} available, {counts[0]} in all",
        paused=bool(spec.get("paused", False)),
        rollout_age_s=_since(current["metadata"]["creationTimestamp"], now) if current else 0.0,
        revisions=tuple(_revision_of(row) for row in replica_sets),
        pods=pods_from(pods, now),
    )


def pods_from(documents: Iterable[Document], now: datetime) -> tuple[PodState, ...]:
    """Return the pods that have not finished."""
    return tuple(_pod_from(row, now) for row in documents if (row.get("status") or {}).get("phase") not in _FINISHED)


def node_from(document: Document, nodes: Sequence[Document], pods: Sequence[Document], now: datetime) -> NodeState:
    """Return a node's state from its own document, those of all nodes and those of the pods on it."""
    return NodeState(
        exists=True,
        changed_by=annotations_of(document).get(STEP, ""),
        unschedulable=_is_closed(document),
        ready="Ready" in _holding(document),
        holding=tuple(sorted(_holding(document) - {"Ready"})),
        pods=pods_from(pods, now),
        serving=sum(1 for row in nodes if "Ready" in _holding(row) and not _is_closed(row)),
        nodes=len(nodes),
    )


def images_in(pod_spec: Document) -> tuple[tuple[str, str], ...]:
    """Return each container with its image."""
    return tuple((str(row["name"]), str(row.get("image", ""))) for row in pod_spec.get("containers") or ())


def _is_wanted(replica_set: Document, deployment: Document) -> bool:
    # Both were filled up by the same server, so equal ones are equal to the letter.
    return template_of(replica_set) == template_of(deployment)


def _revision_of(replica_set: Document) -> Revision:
    number = annotations_of(replica_set).get(_NUMBER, "0")
    return Revision(hash_of(replica_set), int(number) if number.isdecimal() else 0, images_in(replica_set["spec"]["template"]["spec"]))


def _pod_from(document: Document, now: datetime) -> PodState:
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    ready: Document = next((row for row in status.get("conditions") or () if row["type"] == "Ready"), {})
    is_ready = ready.get("status") == "True"
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [str((row.get("state") or {}).get("waiting", {}).get("reason", "")) for row in containers]
    owner = _controller_of(document)
    return PodState(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        template=str((metadata.get("labels") or {}).get(_HASH, "")),
        ready=is_ready,
        images=images_in(spec),
        waiting=tuple(reason for reason in waiting if reason),
        unready_s=0.0 if is_ready else _since(ready.get("lastTransitionTime") or metadata["creationTimestamp"], now),
        leaving=is_leaving(document),
        owner=str(owner.get("name", "")),
        is_unique=owner.get("kind") == "StatefulSet",
        is_bound=owner.get("kind") in {"DaemonSet", "Node"} or _STATIC in annotations_of(document),
        has_local_data=any("emptyDir" in volume for volume in spec.get("volumes") or ()),
    )


def _controller_of(document: Document) -> Mapping[str, Any]:
    owners = document["metadata"].get("ownerReferences") or ()
    return next((row for row in owners if row.get("controller")), {})


def _holding(node: Document) -> frozenset[str]:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return frozenset(str(row["type"]) for row in conditions if row.get("status") == "True")


def _is_closed(node: Document) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable", False))


def _since(text: str, now: datetime) -> float:
    then = datetime.fromisoformat(text)
    return max((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds(), 0.0)
