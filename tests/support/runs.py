"""A small world of three services, one configuration file and one CI job, and commands that heal them; for tests of the recoverers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from recoverers.execute import drive
from recoverers.journal import RunState, fold, replay
from recoverers.perform import accept
from recoverers.ports import Recipe, StreamPort
from recoverers.recipes.table import RecipeMaker, World, recipes_for
from recoverers.terms import Around, Terms
from schemas.attempts import ContainerState
from schemas.catalogue import CARDS, card_named
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.ids import id_of
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import RecoveryOutcome
from schemas.services import ConfigSpec, Services, ServiceSpec, UpstreamSpec
from schemas.targets.cache import CacheSpec
from schemas.targets.container import ContainerSpec
from schemas.targets.disk import CleanRule, DiskSpec
from schemas.targets.index import IndexSpec, IndexTool
from schemas.targets.limit import LimitSpec, LimitUse
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.targets.push import PushSpec
from schemas.targets.runner import RunnerSpec
from schemas.targets.trunk import TrunkSpec
from schemas.vocabulary import Kind
from tests.support.cluster_world import NODE_1, SHOP_DEPLOYMENT, cluster_for, cluster_state
from tests.support.fake_caches import GOOD, FakeCaches
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_containers import FakeContainers
from tests.support.fake_disks import FakeDisks
from tests.support.fake_indexes import FakeIndexes
from tests.support.fake_limits import FakeLimits
from tests.support.fake_lockfiles import FakePackages, FakeProposals
from tests.support.fake_pushes import FakePushes
from tests.support.fake_trunks import COMMIT, FakeQuarantines, FakeTrunks, back
from tests.support.fakes import START, CrashedError, FakeCi, FakeFiles, FakeHands, FakeHealth, FakeProcesses, FakeSurroundings

DISK = DiskSpec(
    "db-1", "/srv/db", "shop", (CleanRule("logs", "*.log", 60.0), CleanRule("tmp", "*", 60.0, regenerable=True)), quarantine="/spare"
)
WHEELS = CacheSpec("wheels", "/var/cache/wheels", ("fill",), ("read",))
SHOP_LOCK = LockfileSpec("shop", "/srv/git/shop", LockTool.NPM, "package.json", "package-lock.json", "github", "acme/shop")
MIRRORS = ("http://one.example/debian", "http://two.example/debian")
APT = IndexSpec("apt", IndexTool.APT, "/srv/apt/sources.list", MIRRORS, "github", ("acme/api",), ("update",), "/srv/apt/lists")
CONNTRACK = LimitSpec("conntrack", "/proc/sys/most", "/proc/sys/count", 1000, 4000, group="shop")
BUMP = PushSpec("bump", "/srv/git/bump", "/srv/git/api.git", "github", "acme/api", ("bump",))
RUNNERS = ("build-1", "build-2")
JOB = "job:github/acme/api/77/build"
TRUNK = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",), ("list",), "/srv/api/left-out.json", ("resolve",))
OLDER, NEWER = "a" * 40, "d" * 40
FLAKY = "tests/test_cart.py::test_total"


def service(name: str, *needs: str) -> ServiceSpec:
    probes = (ProbeSpec(f"{name}-tcp", ProbeKind.TCP, name), ProbeSpec(f"{name}-http", ProbeKind.HTTP, name))
    return ServiceSpec(name, "shop", ("serve", name), f"/srv/{name}", f"/srv/{name}/pid", needs, probes)


GOOD_IMAGE, NEW_IMAGE = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SERVICES = Services(
    services=(service("db"), service("api", "db"), service("web", "api")),
    configs=(ConfigSpec("web-conf", "web", "/srv/web/conf", "/srv/repo", "web.conf", "a" * 40),),
    upstreams=(
        UpstreamSpec(
            "index",
            ("index.example",),
            (ProbeSpec("index-page", ProbeKind.HTTP, "index"), ProbeSpec("index-port", ProbeKind.TCP, "index")),
        ),
    ),
    containers=(ContainerSpec("box", "shop", GOOD_IMAGE, 100, 1000, (ProbeSpec("box-tcp", ProbeKind.TCP, "web"),)),),
    disks=(DISK,),
    caches=(WHEELS,),
    lockfiles=(SHOP_LOCK,),
    indexes=(APT,),
    limits=(CONNTRACK,),
    deployments=(SHOP_DEPLOYMENT,),
    nodes=(NODE_1,),
    trunks=(TRUNK,),
    pushes=(BUMP,),
    runners=tuple(RunnerSpec(name, "github", ("acme/api",), ProbeSpec(f"{name}-dns", ProbeKind.HTTP, name)) for name in RUNNERS),
)
INDEX = "upstream:index"
BUMPING = "job:github/acme/api/77/bump"
BOX = "container:box"
RECIPES = (
    ("service_restart", "service:web"),
    ("config_restore", "config:web-conf"),
    ("rerun_job", JOB),
    ("rerun_elsewhere", JOB),
    ("retry_elsewhere", JOB),
    ("await_upstream", INDEX),
    ("container_restart", BOX),
    ("container_memory", BOX),
    ("container_image", BOX),
    ("disk_cleanup", DISK.target),
    ("cache_rebuild", WHEELS.target),
    ("lockfile_repair", SHOP_LOCK.target),
    ("flaky_quarantine", JOB),
    ("commit_revert", JOB),
    ("resolve_retry", JOB),
    ("mirror_switch", JOB),
    ("lists_refresh", JOB),
    ("limit_raise", CONNTRACK.target),
    ("deployment_rollback", SHOP_DEPLOYMENT.target),
    ("deployment_image", SHOP_DEPLOYMENT.target),
    ("deployment_scale", SHOP_DEPLOYMENT.target),
    ("pod_delete", SHOP_DEPLOYMENT.target),
    ("node_cordon_drain", NODE_1.target),
    ("push_rebase", BUMPING),
    ("runner_drop", JOB),
)


# What a strategy that heals several kinds is ordered for, where a test says nothing else.
USUAL = {"rerun_job": Kind.NETWORK_CONNECTIVITY, "service_restart": Kind.SERVICE_DOWN}


def command(strategy: str, target: str, **changes: object) -> HealingCommand:
    card = card_named(CARDS, strategy)
    assert card is not None
    fields: dict[str, object] = {
        "mode": Mode.RUN,
        "incident_id": "incident",
        "decision_id": "decision",
        "attempt": 1,
        "max_attempts": card.max_attempts,
        "kind": USUAL.get(strategy) or min(card.heals),
        "opened_at": START - timedelta(seconds=5),
        "detected_at": START - timedelta(seconds=4),
        "target": target,
        "scope": SERVICES.scope_of(target),
        "strategy": strategy,
        "recipe_version": 1,
        "plan_hash": plan_hash_of(strategy, 1, target, (), card.bounds),
        "epoch": 1,
        "issued_at": START,
        "not_after": START + timedelta(seconds=120),
        "deadline_s": card.deadline_s,
        "bounds": card.bounds,
        **changes,
    }
    return HealingCommand(**fields)  # type: ignore[arg-type]


def ci_for(strategy: str) -> FakeCi:
    """Return a CI server on which a job has failed as what the recipe heals."""
    if strategy == "flaky_quarantine":
        return FakeCi(logs={101: f"FAILED {FLAKY} - assert 3 == 4\n".encode()})
    if strategy == "commit_revert":
        return FakeCi(next_conclusion="failure", checks={OLDER: "success", NEWER: "failure", back(COMMIT): "success"})
    return FakeCi()


ENDED_BOX = ContainerState(exists=True, exit_code=137, image=NEW_IMAGE, memory_bytes=100, swap_bytes=200)


@dataclass
class Sandbox:
    """The fakes of one test and the runs over them."""

    processes: FakeProcesses = field(default_factory=lambda: FakeProcesses(alive={"web"}))
    files: FakeFiles = field(default_factory=lambda: FakeFiles({"web-conf": b"drifted"}, {"web-conf": b"pinned"}))
    ci: FakeCi = field(default_factory=FakeCi)
    containers: FakeContainers = field(default_factory=lambda: FakeContainers({"box": ENDED_BOX}, {NEW_IMAGE}))
    silent: set[str] = field(default_factory=set)
    script: dict[str, list[bool]] = field(default_factory=dict)
    disks: FakeDisks = field(default_factory=FakeDisks)
    caches: FakeCaches = field(default_factory=lambda: FakeCaches({"six.whl": "rot", "attrs.whl": GOOD}))
    services: Services = SERVICES
    packages: FakePackages = field(default_factory=FakePackages)
    proposals: FakeProposals = field(default_factory=FakeProposals)
    indexes: FakeIndexes = field(default_factory=lambda: FakeIndexes({"apt": f"deb {MIRRORS[0]} stable main"}, {"main"}, {MIRRORS[0]}))
    around: FakeSurroundings = field(default_factory=FakeSurroundings)
    stream: StreamPort | None = None
    limits: FakeLimits = field(default_factory=lambda: FakeLimits({"conntrack": LimitUse(1000, 1000)}))
    cluster: FakeCluster = field(default_factory=FakeCluster)
    trunks: FakeTrunks = field(
        default_factory=lambda: FakeTrunks(
            {COMMIT: frozenset({FLAKY, "tests/test_cart.py::test_tax"}), NEWER: frozenset({FLAKY})},
            parents={NEWER: COMMIT, COMMIT: OLDER},
            branches={"main": NEWER},
        )
    )
    quarantines: FakeQuarantines = field(default_factory=FakeQuarantines)
    pushes: FakePushes = field(default_factory=FakePushes)

    @classmethod
    def for_recipe(cls, strategy: str) -> Sandbox:
        """Return a sandbox in which the recipe has something to heal: two services down, or a drifted file, or a failed job."""
        disks = FakeDisks(room=500)
        for path, size in (("data", 550), ("logs/old.log", 250), ("tmp/wheel", 180)):
            disks.put(path, size)
        alive: set[str] = set() if strategy == "service_restart" else {"db", "api", "web", "index", "build-2"}
        # Only a swap of its image helps a container whose image is bad.
        bad = {NEW_IMAGE} if strategy == "container_image" else set()
        return cls(
            processes=FakeProcesses(alive=alive),
            containers=FakeContainers({"box": ENDED_BOX}, bad),
            script={"index-page": [False, False, True, False]},
            ci=ci_for(strategy),
            disks=disks,
            cluster=cluster_for(strategy),
        )

    def recipes(self, services: Services | None = None, others: Sequence[RecipeMaker] = ()) -> Mapping[str, Recipe]:
        """Return every recipe over the fakes, and those of third parties."""
        health = FakeHealth(self.processes, silent=self.silent, script=self.script)

        def kinds_in(text: bytes) -> frozenset[Kind]:
            return frozenset({Kind.NETWORK_CONNECTIVITY}) if b"unreachable" in text else frozenset()

        on_host = (self.containers, self.disks, self.caches, self.packages, self.proposals, self.limits, self.indexes, self.cluster)
        ports = (*on_host, self.trunks, self.quarantines, self.pushes)
        return recipes_for(World(services or self.services, self.processes, self.files, health, self.ci, kinds_in, *ports), others)

    def terms(self, order: HealingCommand) -> Terms:
        """Return what the order's run is carried out with."""
        card = card_named(CARDS, order.strategy)
        assert card is not None
        return Terms(self.recipes()[order.strategy], card, 1.0, "worker-1", 0, around=Around(self.services, self.around, self.stream))

    def run(self, order: HealingCommand, hands: FakeHands) -> RecoveryOutcome:
        """Accept the command unless the journal has it, then carry it to its end, over again after each crash."""
        while True:
            try:
                state = self._resume(order, hands)
                drive(state, self.terms(order), hands)
            except CrashedError:
                continue
            return outcomes(hands)[0]

    def _resume(self, order: HealingCommand, hands: FakeHands) -> RunState:
        known = replay(hands.journal).get(id_of(order))
        if known:
            return known
        accepted = accept(RunState(order), self.terms(order), hands)
        hands.append([accepted])
        return fold(RunState(order), accepted)

    def effects(self) -> tuple[object, ...]:
        """Return what the targets themselves recorded."""
        return (
            tuple(self.processes.ledger),
            tuple(self.files.ledger),
            self.ci.asked,
            tuple(self.ci.labelled),
            tuple(self.containers.ledger),
            tuple(self.disks.ledger),
            tuple(self.caches.ledger),
            tuple(self.packages.ledger),
            tuple(self.proposals.ledger),
            tuple(self.indexes.ledger),
            tuple(self.limits.ledger),
            tuple(self.cluster.ledger),
            tuple(self.quarantines.ledger),
            tuple(self.trunks.ledger),
            tuple(self.pushes.ledger),
        )

    def state(self) -> tuple[object, ...]:
        """Return the targets' states."""
        return (
            frozenset(self.processes.alive),
            tuple(sorted(self.files.live.items())),
            len(self.ci.conclusions),
            tuple((name, row.labels) for name, row in sorted(self.ci.runners.items())),
            self._boxes(),
            tuple(sorted(self.disks.live.items())),
            tuple(sorted(self.caches.entries.items())),
            tuple(sorted(self.packages.branches.items())),
            tuple(sorted(self.trunks.branches.items())),
            (frozenset(self.proposals.waiting), frozenset(self.proposals.issues)),
            tuple(sorted(self.quarantines.lists.items())) if any(self.quarantines.lists.values()) else (),
            (tuple(sorted(self.indexes.files.items())), frozenset(self.indexes.lists)),
            tuple(sorted((name, row.value) for name, row in self.limits.rows.items())),
            cluster_state(self.cluster),
            (self.pushes.clone, self.pushes.remote),
        )

    def _boxes(self) -> tuple[tuple[str, bool, str, int], ...]:
        return tuple((name, row.running, row.image, row.memory_bytes) for name, row in sorted(self.containers.rows.items()))


def outcomes(hands: FakeHands) -> list[RecoveryOutcome]:
    """Return the outcomes that were written."""
    return [record for record in hands.others if isinstance(record, RecoveryOutcome)]
