"""A server on loopback that speaks the part of a cluster's API that healing uses, over a cluster in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lightkube import Client, KubeConfig
from typing_extensions import override

from infra.adapters.cluster import client_of
from infra.adapters.cluster_documents import RESTART, STEP
from schemas.attempts import StepStatus
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import Change, NodeState, PodState
from tests.support.fake_cluster import FakeCluster, FakeWorkload

Document = dict[str, Any]
CREATED = "2026-03-01T12:00:00Z"


class AnswerError(Exception):
    """The server refuses with this status."""

    def __init__(self, code: int, said: str = "") -> None:
        super().__init__(said or f"refused with {code}")
        self.code = code


@dataclass
class FakeApi:
    """The server. ``refusals`` are the statuses that the next requests by a verb get; ``meddle`` runs after a Deployment was read."""

    cluster: FakeCluster
    port: int = 0
    refusals: dict[str, list[int]] = field(default_factory=dict)
    meddle: Callable[[], None] = lambda: None
    # Whatever is written beside what is wanted: each makes another version of everything.
    touched: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def client(self) -> Client:
        """Return a client of this server."""
        config = {
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
            "users": [{"name": "here", "user": {}}],
            "current-context": "here",
        }
        return client_of(KubeConfig.from_dict(config))

    def answer(self, verb: str, path: str, query: Mapping[str, list[str]], body: Any) -> Document:
        """Answer one request."""
        self.asked.append((verb, path))
        if self.refusals.get(verb):
            raise AnswerError(self.refusals[verb].pop(0))
        parts = path.strip("/").split("/")
        where = parts.index("namespaces") if "namespaces" in parts else -1
        namespace, rest = (parts[where + 1], parts[where + 2 :]) if where >= 0 else ("", parts[2:])
        if rest[-1] == "eviction":
            return self._evict(namespace, rest[1], body)
        if rest[0] == "nodes":
            return self._nodes(verb, rest[1:], body)
        if rest[0] == "pods":
            return _list([self._pod(pod) for pod in self._pods_of(namespace, query)])
        if rest[0] == "replicasets":
            rows = [(key, row) for key, row in self.cluster.workloads.items() if key.startswith(f"{namespace}/")]
            return _list([self._replica_set(key, row, name) for key, row in rows for name in row.revisions])
        return self._deployment(verb, f"{namespace}/{rest[1]}", body)

    def _deployment(self, verb: str, key: str, body: Any) -> Document:
        workload = self.cluster.workloads.get(key)
        if workload is None:
            raise AnswerError(404)
        if verb == "PATCH":
            self._patch(key, workload, body)
        document = self._document(key, workload)
        if verb == "GET":
            self.meddle()
        return document

    def _patch(self, key: str, workload: FakeWorkload, body: Any) -> None:
        wanted = {row["path"]: row["value"] for row in body} if isinstance(body, list) else {}
        metadata = body["metadata"] if isinstance(body, dict) else {}
        version = wanted.get("/metadata/resourceVersion") or metadata.get("resourceVersion")
        marks = wanted.get("/metadata/annotations") or metadata["annotations"]
        if version != self._version(workload.generation):
            raise AnswerError(409)
        namespace, _, name = key.partition("/")
        spec, change = DeploymentSpec(namespace, name, container="app"), Change(marks[STEP], workload.generation)
        if wanted:
            self.cluster.roll_to(spec, _name_of(wanted["/spec/template"]), change)
            return
        template = body["spec"].get("template", {})
        if "replicas" in body["spec"]:
            self.cluster.scale(spec, body["spec"]["replicas"], change)
        elif "spec" in template:
            [container] = template["spec"]["containers"]
            self.cluster.set_image(spec, container["image"], change)
        else:
            assert template["metadata"]["annotations"] == {RESTART: marks[STEP]}
            self.cluster.restart(spec, change)

    def _evict(self, namespace: str, name: str, body: Document) -> Document:
        pods = {pod.name: pod for pod in self._pods_of(namespace, {})}
        if name not in pods:
            raise AnswerError(404)
        if pods[name].uid != body["deleteOptions"]["preconditions"]["uid"]:
            raise AnswerError(409)
        result = self.cluster.evict(pods[name])
        if result.status is StepStatus.FAILED:
            raise AnswerError(500, "This pod has more than one PodDisruptionBudget")
        if result.detail:
            raise AnswerError(429)
        return {"kind": "Status", "status": "Success", "metadata": {}}

    def _nodes(self, verb: str, rest: list[str], body: Document) -> Document:
        if not rest:
            return _list([self._node(name, row) for name, row in self.cluster.nodes.items()])
        [name] = rest
        if name not in self.cluster.nodes:
            raise AnswerError(404)
        if verb == "PATCH":
            if body["metadata"]["resourceVersion"] != self._version(0):
                raise AnswerError(409)
            key = body["metadata"]["annotations"][STEP]
            before = self.cluster.nodes[name].changed_by
            (self.cluster.cordon(name, key) if body["spec"]["unschedulable"] else self.cluster.uncordon(name, before))
        return self._node(name, self.cluster.nodes[name])

    def _version(self, generation: int) -> str:
        return f"{generation}.{self.touched}"

    def _pods_of(self, namespace: str, query: Mapping[str, list[str]]) -> list[PodState]:
        pods = [pod for row in self.cluster.workloads.values() for pod in row.pods]
        [node] = [text.partition("=")[2] for text in query.get("fieldSelector", [])] or [""]
        if node:
            return list(self.cluster.nodes[node].pods)
        pods += [pod for row in self.cluster.nodes.values() for pod in row.pods]
        return [pod for pod in pods if not namespace or pod.namespace == namespace]

    def _document(self, key: str, workload: FakeWorkload) -> Document:
        ready, wanted = sum(1 for pod in workload.pods if pod.ready), workload.replicas
        metadata = {"name": key.partition("/")[2], "uid": f"uid-of-{key}", "generation": workload.generation}
        metadata |= {"resourceVersion": self._version(workload.generation)}
        metadata |= {"annotations": {STEP: workload.changed_by}} if workload.changed_by else {}
        metadata |= {"deletionTimestamp": CREATED} if workload.leaving else {}
        spec = {"replicas": wanted, "selector": {"matchLabels": {"app": "web"}}, "paused": workload.paused}
        counts = {"replicas": len(workload.pods), "updatedReplicas": len(workload.pods), "availableReplicas": ready}
        status = {"observedGeneration": workload.generation, **counts}
        return {"metadata": metadata, "spec": {**spec, "template": _template_of(workload.template)}, "status": status}

    def _replica_set(self, key: str, workload: FakeWorkload, name: str) -> Document:
        template = _template_of(name)
        template["metadata"]["labels"]["pod-template-hash"] = name
        metadata: Document = {"name": name, "uid": f"set-{name}", "creationTimestamp": CREATED, "labels": {"pod-template-hash": name}}
        metadata |= {"annotations": {"deployment.kubernetes.io/revision": str(workload.revisions[name].number)}}
        metadata |= {"ownerReferences": [{"kind": "Deployment", "name": key, "uid": f"uid-of-{key}", "controller": True}]}
        return {"metadata": metadata, "spec": {"template": template}}

    def _pod(self, pod: PodState) -> Document:
        owner = {"kind": _kind_of_owner(pod), "name": pod.owner, "uid": f"set-{pod.template}", "controller": True}
        metadata: Document = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "creationTimestamp": CREATED}
        metadata |= {"labels": {"app": "web", "pod-template-hash": pod.template}, "ownerReferences": [owner] if pod.owner else []}
        metadata |= {"deletionTimestamp": CREATED} if pod.leaving else {}
        spec = {"containers": [{"name": name, "image": image} for name, image in pod.images]}
        waiting: list[Document] = [{"state": {"waiting": {"reason": reason}}} for reason in pod.waiting]
        ready = {"type": "Ready", "status": str(pod.ready), "lastTransitionTime": CREATED}
        return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "conditions": [ready], "containerStatuses": waiting}}

    def _node(self, name: str, node: NodeState) -> Document:
        metadata: Document = {"name": name, "resourceVersion": self._version(0)}
        metadata |= {"annotations": {STEP: node.changed_by}} if node.changed_by else {}
        holding = [*(["Ready"] if node.ready else []), *node.holding]
        status = {"conditions": [{"type": kind, "status": "True"} for kind in holding]}
        return {"metadata": metadata, "spec": {"unschedulable": True} if node.unschedulable else {}, "status": status}


@contextmanager
def serve(cluster: FakeCluster) -> Iterator[FakeApi]:
    """Serve the cluster on a free loopback port."""
    api = FakeApi(cluster)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, verb: str) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            parts = urlsplit(self.path)
            try:
                code, said = 200, api.answer(verb, parts.path, parse_qs(parts.query), body)
            except AnswerError as error:
                code, said = error.code, {"kind": "Status", "code": error.code, "message": str(error), "metadata": {}}
            raw = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        @override
        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def _list(items: list[Document]) -> Document:
    return {"kind": "List", "metadata": {}, "items": items}


def _kind_of_owner(pod: PodState) -> str:
    return "DaemonSet" if pod.is_bound else "StatefulSet" if pod.is_unique else "ReplicaSet"


def _template_of(name: str) -> Document:
    image, _, restarted = name.partition("+")
    metadata: Document = {"labels": {"app": "web"}}
    metadata |= {"annotations": {RESTART: restarted}} if restarted else {}
    return {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": image}]}}


def _name_of(template: Document) -> str:
    [container] = template["spec"]["containers"]
    restarted = template["metadata"].get("annotations", {}).get(RESTART, "")
    return f"{container['image']}+{restarted}" if restarted else str(container["image"])
