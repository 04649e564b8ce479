"""What the cluster adapter makes of answers that it does not hope for: conflicts, refusals, silence, and changes between look and write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from lightkube import Client, ConfigError, KubeConfig

from infra.adapters.cluster import KEPT_S, Cluster, KeptClient, client_of
from infra.adapters.cluster_documents import deployment_from, node_from, pods_from, template_of
from infra.adapters.probes import Probes
from schemas.attempts import StepResult, StepStatus
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.workloads import Change
from tests.support.cluster_world import BAD_REF, GOOD_REF, NODE_1, SHOP_DEPLOYMENT, UNPULLED_REF, WEB, break_node, stick_pods, well_cluster
from tests.support.fake_api import FakeApi, serve
from tests.support.fake_cluster import FakeCluster


@dataclass
class Bench:
    """A small server and the adapter that asks it."""

    api: FakeApi
    adapter: Cluster
    memory: FakeCluster

    def change(self, key: str = "k1") -> Change:
        return Change(key, self.memory.workloads[WEB].generation)


@pytest.fixture
def bench() -> Iterator[Bench]:
    memory = well_cluster()
    with serve(memory) as api:
        client = api.client()
        yield Bench(api, Cluster(lambda: client), memory)


CHANGES: dict[str, Callable[[Bench], StepResult]] = {
    "scale": lambda bench: bench.adapter.scale(SHOP_DEPLOYMENT, 2, bench.change()),
    "restart": lambda bench: bench.adapter.restart(SHOP_DEPLOYMENT, bench.change()),
    "set_image": lambda bench: bench.adapter.set_image(SHOP_DEPLOYMENT, BAD_REF, bench.change()),
    "roll_to": lambda bench: bench.adapter.roll_to(SHOP_DEPLOYMENT, GOOD_REF, bench.change()),
    "cordon": lambda bench: bench.adapter.cordon("node-1", "k1"),
}
each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@each_change
def test_an_object_that_others_write_in_between_is_read_again_and_changed_once(bench: Bench, change: Callable[[Bench], StepResult]) -> None:
    bench.api.refusals = {"PATCH": [409, 409]}
    assert change(bench).status is StepStatus.OK
    assert [verb for verb, _ in bench.api.asked].count("PATCH") == 3
    assert len(bench.memory.ledger) == 1


@each_change
def test_an_object_that_is_never_left_alone_is_given_up_unchanged(bench: Bench, change: Callable[[Bench], StepResult]) -> None:
    bench.api.refusals = {"PATCH": [409] * 99}
    result = change(bench)
    assert (result.status, result.detail) == (StepStatus.FAILED, "it is being changed all the time")
    assert not bench.memory.ledger


@each_change
@pytest.mark.parametrize(("code", "status"), [(403, StepStatus.FAILED), (422, StepStatus.FAILED), (500, StepStatus.UNCERTAIN)])
def test_a_refusal_has_changed_nothing_and_an_error_leaves_it_open(
    bench: Bench, change: Callable[[Bench], StepResult], code: int, status: StepStatus
) -> None:
    bench.api.refusals = {"PATCH": [code]}
    assert change(bench).status is status
    assert not bench.memory.ledger


def test_a_change_of_what_is_wanted_between_look_and_write_wins(bench: Bench) -> None:
    def scale_it() -> None:
        if bench.memory.workloads[WEB].replicas == 3:
            bench.memory.workloads[WEB].replicas = 9
            bench.memory.workloads[WEB].generation += 1

    bench.api.meddle = scale_it
    result = bench.adapter.scale(SHOP_DEPLOYMENT, 2, bench.change())
    assert (result.status, result.detail) == (StepStatus.FAILED, "it changed between diagnosis and act")
    assert bench.memory.workloads[WEB].replicas == 9


def test_a_status_that_is_written_between_look_and_write_is_no_change_of_what_is_wanted(bench: Bench) -> None:
    def write_status() -> None:
        bench.api.touched = min(bench.api.touched + 1, 2)

    bench.api.meddle = write_status
    assert bench.adapter.scale(SHOP_DEPLOYMENT, 2, bench.change()).status is StepStatus.OK
    assert [verb for verb, _ in bench.api.asked].count("PATCH") == 3
    assert bench.memory.workloads[WEB].replicas == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [(404, StepStatus.OK), (409, StepStatus.PENDING), (429, StepStatus.PENDING), (403, StepStatus.FAILED), (500, StepStatus.UNCERTAIN)],
)
def test_an_eviction_is_done_when_the_pod_has_gone_and_waits_for_its_budget(bench: Bench, code: int, status: StepStatus) -> None:
    bench.api.refusals = {"POST": [code]}
    assert bench.adapter.evict(bench.memory.workloads[WEB].pods[0]).status is status
    assert not bench.memory.ledger


def test_a_pod_of_the_same_name_that_was_made_since_is_not_meant(bench: Bench) -> None:
    assert bench.adapter.evict(replace(bench.memory.workloads[WEB].pods[0], uid="another")).status is StepStatus.PENDING
    assert not bench.memory.ledger


def test_a_cluster_that_cannot_be_reached_is_nothing_to_go_by_and_has_done_nothing(bench: Bench) -> None:
    for code in (403, 500):
        bench.api.refusals = {"GET": [code, code]}
        assert bench.adapter.deployment(SHOP_DEPLOYMENT) is None
        assert bench.adapter.node("node-1") is None
    nowhere = FakeApi(FakeCluster(), port=1)
    adapters = (Cluster(nowhere.client), Cluster(lambda: client_of(KubeConfig(clusters={}, contexts={}))))
    for adapter in adapters:
        assert adapter.deployment(SHOP_DEPLOYMENT) is None
        assert adapter.node("node-1") is None
        assert adapter.scale(SHOP_DEPLOYMENT, 2, Change("k", 1)).status is StepStatus.FAILED
        assert adapter.evict(bench.memory.workloads[WEB].pods[0]).status is StepStatus.FAILED


def test_a_configuration_that_names_nobody_is_said_to_do_so() -> None:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    }
    with pytest.raises(ConfigError, match="names no user"):
        client_of(KubeConfig.from_dict({**document, "current-context": "c"}))


def test_a_client_is_kept_for_a_minute_and_then_made_anew() -> None:
    clock, api = [0.0], FakeApi(FakeCluster(), port=1)
    made: list[Client] = []

    def make() -> Client:
        made.append(api.client())
        return made[-1]

    kept = KeptClient(make, lambda: clock[0])
    assert kept() is kept()
    clock[0] = KEPT_S - 1
    kept()
    assert len(made) == 1
    clock[0] = KEPT_S
    assert kept() is made[1]


@dataclass
class Looker:
    """The prober's looks over the small server."""

    bench: Bench
    services: Services = field(default_factory=lambda: Services(deployments=(SHOP_DEPLOYMENT,), nodes=(NODE_1,)))

    async def look(self, kind: ProbeKind, target: str = "") -> tuple[HealthStatus, str]:
        probes = Probes(self.services, cluster=self.bench.adapter)
        address = target or (NODE_1.target if kind is ProbeKind.NODE_CONDITION else SHOP_DEPLOYMENT.target)
        found = await probes.look(ProbeSpec("look", kind, address, timeout_s=60.0))
        return found.status, found.detail


KINDS = (
    ProbeKind.DEPLOYMENT_CRASHES,
    ProbeKind.DEPLOYMENT_IMAGE,
    ProbeKind.DEPLOYMENT_PODS,
    ProbeKind.DEPLOYMENT_SCALE,
    ProbeKind.NODE_CONDITION,
)


Prepare = Callable[[FakeCluster], object]


def _scale_to(replicas: int) -> Prepare:
    def scale(memory: FakeCluster) -> None:
        memory.workloads[WEB].replicas = replicas
        memory.place(WEB, GOOD_REF)

    return scale


@pytest.mark.parametrize(
    ("prepare", "failing"),
    [
        (lambda _: None, set()),
        (lambda memory: memory.place(WEB, BAD_REF), {ProbeKind.DEPLOYMENT_CRASHES}),
        (lambda memory: memory.place(WEB, UNPULLED_REF), {ProbeKind.DEPLOYMENT_IMAGE}),
        (stick_pods, {ProbeKind.DEPLOYMENT_PODS}),
        (_scale_to(0), {ProbeKind.DEPLOYMENT_SCALE}),
        (_scale_to(7), {ProbeKind.DEPLOYMENT_SCALE}),
        (break_node, {ProbeKind.NODE_CONDITION}),
        (lambda memory: memory.workloads.clear(), {ProbeKind.DEPLOYMENT_PODS}),
        (lambda memory: memory.nodes.clear(), {ProbeKind.NODE_CONDITION}),
    ],
)
async def test_each_look_names_one_thing_that_is_wrong(
    bench: Bench, prepare: Callable[[FakeCluster], object], failing: set[ProbeKind]
) -> None:
    prepare(bench.memory)
    looker = Looker(bench)
    seen = {kind for kind in KINDS if (await looker.look(kind))[0] is HealthStatus.FAIL}
    assert seen == failing


async def test_a_silent_cluster_says_nothing_of_what_it_runs_and_a_stranger_is_named(bench: Bench) -> None:
    looker = Looker(bench)
    assert "neither" in (await looker.look(ProbeKind.DEPLOYMENT_PODS, "deployment:shop/other"))[1]
    assert "neither" in (await looker.look(ProbeKind.NODE_CONDITION, "node:other"))[1]
    bench.api.refusals = {"GET": [500, 500]}
    for kind in (ProbeKind.DEPLOYMENT_PODS, ProbeKind.NODE_CONDITION):
        assert await looker.look(kind) == (HealthStatus.DEGRADED, "the cluster does not answer")


NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


def test_documents_with_nothing_in_them_but_what_the_api_promises_are_read() -> None:
    bare = {"metadata": {"name": "web", "generation": 4}, "spec": {"template": {"spec": {}}, "selector": {}}}
    state = deployment_from(bare, [], [], NOW)
    assert (state.exists, state.replicas, state.template, state.settled, state.changed_by) == (True, 1, "", False, "")
    pod = {"metadata": {"namespace": "a", "name": "p", "uid": "u", "creationTimestamp": "2026-03-01T12:59:00Z"}, "spec": {}}
    finished = {**pod, "status": {"phase": "Failed"}}
    [read] = pods_from([pod, finished], NOW)
    assert (read.ready, read.owner, read.unready_s, read.is_bound) == (False, "", timedelta(minutes=1).total_seconds(), False)
    node = node_from({"metadata": {"name": "n"}}, [], [], NOW)
    assert (node.ready, node.unschedulable, node.holding) == (False, False, ())


def test_scratch_folders_static_pods_and_waiting_first_containers_are_seen() -> None:
    metadata = {"namespace": "a", "name": "p", "uid": "u", "creationTimestamp": "2026-03-01T12:59:00Z"}
    static = {"metadata": {**metadata, "annotations": {"kubernetes.io/config.mirror": "x"}}, "spec": {"volumes": [{"emptyDir": {}}]}}
    static |= {"status": {"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, {"state": {"running": {}}}]}}
    [pod] = pods_from([static], NOW)
    assert (pod.is_bound, pod.has_local_data, pod.waiting) == (True, True, ("CrashLoopBackOff",))


@pytest.mark.parametrize(("kind", "traits"), [("ReplicaSet", (False, False)), ("StatefulSet", (False, True)), ("DaemonSet", (True, False))])
def test_whose_a_pod_is_says_whether_it_moves_and_whether_it_has_a_successor_at_once(kind: str, traits: tuple[bool, bool]) -> None:
    owner = {"kind": kind, "name": "web", "uid": "o", "controller": True}
    metadata = {"namespace": "a", "name": "p", "uid": "u", "creationTimestamp": "2026-03-01T12:59:00Z", "ownerReferences": [owner]}
    [pod] = pods_from([{"metadata": metadata, "spec": {}}], NOW)
    assert (pod.is_bound, pod.is_unique) == traits


def test_a_template_is_taken_over_with_fields_that_nobody_knows_and_without_its_hash() -> None:
    template = {"metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}}, "spec": {"aFieldOfTomorrow": [1, {"x": None}]}}
    taken = template_of({"spec": {"template": template}})
    assert taken == {"metadata": {"labels": {"app": "web"}}, "spec": {"aFieldOfTomorrow": [1, {"x": None}]}}
    assert template["metadata"] == {"labels": {"app": "web", "pod-template-hash": "abc"}}
