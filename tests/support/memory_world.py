"""What the flow in memory heals: fake services, a configuration file and CI jobs, with probes that look at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from infra.adapters.cluster_looks import IN_CLUSTER, judge_deployment, judge_node
from infra.adapters.probes import judge_container
from recoverers.ports import Recipe
from recoverers.recipes.table import World, recipes_for
from schemas.attempts import Sight, StepResult
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.ids import Record
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import ConfigSpec, Services, ServiceSpec
from schemas.targets.spec import spec_for
from schemas.vocabulary import Kind, Result, result_from_word
from schemas.watches import Watch, quick_watches_of, watches_of
from schemas.workloads import DeploymentState, NodeState
from streams.detectors.run_evidence import LogMatcher
from tests.support.fake_caches import FakeCaches
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_containers import FakeContainers
from tests.support.fake_disks import FakeDisks
from tests.support.fake_indexes import FakeIndexes
from tests.support.fake_limits import FakeLimits
from tests.support.fake_lockfiles import FakePackages, FakeProposals
from tests.support.fake_pushes import FakePushes
from tests.support.fake_trunks import FakeQuarantines, FakeTrunks
from tests.support.fakes import FakeCi, FakeFiles, FakeHealth, FakeProcesses

PROTECTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
LOCAL = Provenance(Origin.LOCAL, Trust.SAME_REPOSITORY, "prober")
PINNED, DRIFTED = b"limit = 10\n", b"limit = 500\n"
COMMIT = "c" * 40


def shop_service(name: str, *needs: str, config: str = "") -> ServiceSpec:
    """Return a service with a process, a port and a page that are looked at every second."""
    probes = [
        ProbeSpec(f"{name}-process", ProbeKind.PROCESS, name, 1.0),
        ProbeSpec(f"{name}-tcp", ProbeKind.TCP, name, 1.0),
        ProbeSpec(f"{name}-http", ProbeKind.HTTP, name, 1.0),
    ]
    probes += [ProbeSpec(f"{name}-file", ProbeKind.FILE_HASH, config, 1.0)] if config else []
    configs = (config,) if config else ()
    return ServiceSpec(name, "shop", ("serve", name), f"/srv/{name}", f"/srv/{name}/pid", needs, tuple(probes), configs)


SHOP = Services(
    services=(shop_service("db"), shop_service("api", "db"), shop_service("web", "api", config="web-conf")),
    configs=(ConfigSpec("web-conf", "web", "/srv/web/conf", "/srv/repo", "web.conf", COMMIT),),
)
CONFIG_TARGET = "config:web-conf:/srv/web/conf"


@dataclass
class MemoryCi(FakeCi):
    """A CI server whose new attempts end at once: ``on_rerun`` is told the number of each."""

    on_rerun: Callable[[int], None] = lambda _: None

    @override
    def rerun(self, target: str, job_id: int) -> StepResult:
        asked = super().rerun(target, job_id)
        self.on_rerun(len(self.conclusions))
        return asked


@dataclass(frozen=True)
class Job:
    """One CI job as its producer names it, and the log that each attempt prints (the last one goes on for ever)."""

    logs: tuple[str, ...]
    run_id: str = "77"
    name: str = "build"
    trigger: str = "push"
    provenance: Provenance = PROTECTED
    commit: str = COMMIT
    branch: str = "main"
    # The runner of its first attempt, where its producer names one.
    runner: str = ""

    @property
    def target(self) -> str:
        """Return the job as a target."""
        return f"job:github/acme/api/{self.run_id}/{self.name}"


@dataclass
class MemoryWorld:
    """The fakes; ``emit`` produces a record into the flow that the world belongs to."""

    matcher: LogMatcher
    processes: FakeProcesses = field(default_factory=lambda: FakeProcesses(alive={"db", "api", "web"}))
    files: FakeFiles = field(default_factory=lambda: FakeFiles({"web-conf": PINNED}, {"web-conf": PINNED}))
    ci: MemoryCi = field(default_factory=MemoryCi)
    containers: FakeContainers = field(default_factory=FakeContainers)
    services: Services = SHOP
    emit: Callable[[Record], None] = lambda _: None
    is_looked_at: bool = True
    # Services that tell of themselves, and so only while they live; of one that is muted nothing is heard at all.
    tellers: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    disks: FakeDisks = field(default_factory=FakeDisks)
    caches: FakeCaches = field(default_factory=FakeCaches)
    packages: FakePackages = field(default_factory=FakePackages)
    proposals: FakeProposals = field(default_factory=FakeProposals)
    limits: FakeLimits = field(default_factory=FakeLimits)
    indexes: FakeIndexes = field(default_factory=FakeIndexes)
    metrics: dict[str, Sight] = field(default_factory=dict)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    trunks: FakeTrunks = field(default_factory=FakeTrunks)
    quarantines: FakeQuarantines = field(default_factory=FakeQuarantines)
    pushes: FakePushes = field(default_factory=FakePushes)

    def __post_init__(self) -> None:
        self.health = FakeHealth(self.processes)

    def recipes(self) -> Mapping[str, Recipe]:
        """Return every recipe over the fakes."""
        on_host = (self.disks, self.caches, self.packages, self.proposals, self.limits, self.indexes, self.cluster)
        of_code = (self.trunks, self.quarantines, self.pushes)
        return recipes_for(
            World(self.services, self.processes, self.files, self.health, self.ci, self._kinds_in, self.containers, *on_host, *of_code)
        )

    def _kinds_in(self, text: bytes) -> frozenset[Kind]:
        return frozenset(hit.kind for hit in self.matcher.read(text).hits)

    def look(self, now: datetime) -> None:
        """Let every probe look once."""
        for watch in watches_of(self.services) if self.is_looked_at else ():
            name = watch.target.partition(":")[2]
            if name in self.muted or (name in self.tellers and name not in self.processes.alive):
                continue
            status = HealthStatus.PASS if self.is_well(watch) else HealthStatus.FAIL
            self.emit(HealthCheck(watch.target, watch.probe.name, status, now, provenance=LOCAL))

    def is_well(self, watch: Watch) -> bool:
        """Say what one probe sees now."""
        container = spec_for(watch.probe.address, self.services.containers)
        state = self.containers.state(container.name) if container else None
        if container and state:
            return judge_container(container, state, watch.probe.kind).status is HealthStatus.PASS
        looks: dict[ProbeKind, Callable[[Watch], bool]] = {
            ProbeKind.FILE_HASH: lambda asked: self.files.live[asked.probe.address] == self.files.pinned[asked.probe.address],
            ProbeKind.PROMETHEUS: lambda asked: MemorySurroundings(self).ask(asked.probe).condition is Condition.WELL,
            ProbeKind.DISK_USAGE: lambda asked: self._has_room(asked.target),
            ProbeKind.LOCKFILE: lambda asked: self._fits(asked.target),
            ProbeKind.CACHE_DIGEST: lambda asked: self._is_whole(asked.target),
            ProbeKind.LIMIT_USE: lambda asked: self._is_enough(asked.target),
            **dict.fromkeys(IN_CLUSTER, self._is_well_in_cluster),
        }
        look = looks.get(watch.probe.kind)
        return look(watch) if look else self.health.passes(watch.probe)

    def _is_whole(self, target: str) -> bool:
        [cache] = [spec for spec in self.services.caches if spec.target == target]
        return self.caches.bad_entries(cache) == ()

    def _is_enough(self, target: str) -> bool:
        [spec] = [limit for limit in self.services.limits if limit.target == target]
        use = self.limits.use(spec)
        return use is not None and not use.is_full(spec.full_percent)

    def _is_well_in_cluster(self, watch: Watch) -> bool:
        node = spec_for(watch.target, self.services.nodes)
        if node:
            return judge_node(node, self.cluster.node(node.name) or NodeState(exists=False)).status is HealthStatus.PASS
        [spec] = [row for row in self.services.deployments if row.target == watch.target]
        state = self.cluster.deployment(spec) or DeploymentState(exists=False)
        return judge_deployment(spec, state, watch.probe.kind).status is HealthStatus.PASS

    def _fits(self, target: str) -> bool:
        [lock] = [spec for spec in self.services.lockfiles if spec.target == target]
        is_mended = any(self.packages.in_step(lock, head) for head in self.packages.branches.values())
        return is_mended or bool(self.packages.in_step(lock, self.packages.base_of(lock)))

    def _has_room(self, target: str) -> bool:
        [spec] = [disk for disk in self.services.disks if disk.target == target]
        use = self.disks.usage(spec)
        return use is not None and use.percent_without() < spec.full_percent

    def run_job(self, job: Job, at: datetime, conclusions: tuple[str, ...] = ("failure", "success")) -> None:
        """Let a job's first attempt end; re-runs end as the next of ``conclusions`` says."""
        self.ci.conclusions = [conclusions[0]]

        def attempt(number: int) -> None:
            said = conclusions[min(number, len(conclusions)) - 1]
            self.ci.conclusions[number - 1] = said
            self.ci.commits = (job.commit,)
            log = job.logs[min(number, len(job.logs)) - 1]
            self.ci.log_text = self.ci.logs[100 + number] = log.encode()
            self._end(job, number, log, said, at)

        self.ci.on_rerun = attempt
        attempt(1)

    def _end(self, job: Job, attempt: int, log: str, conclusion: str, at: datetime) -> None:
        place = ("github", "acme/api", job.run_id, attempt)
        self.emit(LogChunk(*place, job.name, 0, log, True, at, provenance=job.provenance))
        ended = JobFinished(*place, "ci", job.name, job.commit, job.branch, job.trigger, Result.UNKNOWN, at, provenance=job.provenance)
        runner = job.runner if attempt == 1 else ""
        self.emit(replace(ended, result=result_from_word(conclusion), log_chunks=1, runner=runner))


@dataclass(frozen=True)
class MemorySurroundings:
    """What the executor sees of the world beside its target: fits ``SurroundingsPort``."""

    world: MemoryWorld

    def ask(self, probe: ProbeSpec) -> Sight:
        """Say what a metric of the world shows; nobody measures what is not in it."""
        return self.world.metrics.get(probe.name, Sight(probe.name, Condition.UNREADABLE, "there is no sample"))

    def look(self, targets: Sequence[str]) -> Sequence[Sight]:
        """Look once at each neighbour by its quick probes."""
        watches = quick_watches_of(self.world.services)
        return [Sight(name, self._condition(watches[name])) for name in targets if name in watches]

    def _condition(self, watches: Sequence[Watch]) -> Condition:
        return Condition.WELL if all(self.world.is_well(watch) for watch in watches) else Condition.ILL
