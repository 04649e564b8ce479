"""The rows of the scenario table that ``recovery.py`` plays under faults: how each begins, fails, and what is right in the end.

Each begins and fails as its file in ``tests/scenarios`` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from schemas.attempts import CORDONED
from schemas.events import Origin, Provenance, Trust
from schemas.recoveries import OutcomeStatus
from tests.scenarios.test_01_package_index_timeout import PASSED, TIMED_OUT
from tests.scenarios.test_05_lockfile import JOB as LOCK_JOB
from tests.scenarios.test_05_lockfile import LOCK
from tests.scenarios.test_06_corrupt_cache import CACHE
from tests.scenarios.test_07_disk_full import TARGET as DISK_TARGET
from tests.scenarios.test_07_disk_full import full_disk
from tests.scenarios.test_08_job_out_of_time import LABELS
from tests.scenarios.test_08_job_out_of_time import fail as run_out_of_time
from tests.scenarios.test_08_job_out_of_time import job_of as job_out_of_time
from tests.scenarios.test_09_runner_lost import JOB as LOST_JOB
from tests.scenarios.test_09_runner_lost import fail as lose_runner
from tests.scenarios.test_11_rate_limit import UPSTREAM, WAITS_ALONE
from tests.scenarios.test_11_rate_limit import fail as limit_rate
from tests.scenarios.test_13_dns_broken_on_one_node import LABELS as POOL
from tests.scenarios.test_13_dns_broken_on_one_node import begin_resolving
from tests.scenarios.test_13_dns_broken_on_one_node import fail as resolve_no_names
from tests.scenarios.test_14_flaky_test import JOB as FLAKY
from tests.scenarios.test_14_flaky_test import TEST as FLAKY_TEST
from tests.scenarios.test_14_flaky_test import fail as fail_test
from tests.scenarios.test_14_flaky_test import pass_again, started
from tests.scenarios.test_16_broken_branch import BROKEN, NEWER, REVERT, begin_green, fail_on
from tests.scenarios.test_16_broken_branch import fail as break_branch
from tests.scenarios.test_18_crash_loop_after_rollout import fail as roll_out
from tests.scenarios.test_19_image_pull_backoff import fail as roll_out_unpulled
from tests.scenarios.test_24_connection_tracking_full import CONNTRACK, begin_tracking
from tests.scenarios.test_24_connection_tracking_full import fail as fill_table
from tests.scenarios.test_25_web_tier_behind_a_full_volume import DISK as VOLUME
from tests.scenarios.test_25_web_tier_behind_a_full_volume import fill
from tests.scenarios.test_26_broker_dead import FIRST as FIRST_BROKER
from tests.scenarios.test_26_broker_dead import NAMES as BROKERS
from tests.scenarios.test_26_broker_dead import begin_bus
from tests.scenarios.test_26_broker_dead import fail as kill_broker
from tests.scenarios.test_28_mass_failure import NAMES, fleet
from tests.scenarios.test_32_push_race import begin_racing
from tests.scenarios.test_32_push_race import fail as lose_race
from tests.scenarios.test_36_heartbeat_missing import WEB as SILENT
from tests.scenarios.test_36_heartbeat_missing import begin_telling
from tests.scenarios.test_36_heartbeat_missing import fail as fall_silent
from tests.support.box_world import begin_with_box, deploy, kill_for_memory
from tests.support.ci_logs import APT_IN_MID_SYNC, CANCELLED, COMPILER, GIT_HUNG_UP, GREEN, LOGIN_REFUSED, PYTEST
from tests.support.cluster_world import BAD_REF, GOOD_REF, NODE_1, SHOP_DEPLOYMENT, WEB, begin_with_cluster, break_node, stick_pods
from tests.support.fake_caches import GOOD
from tests.support.fake_pushes import BASE, OURS, THEIRS
from tests.support.fake_trunks import back
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, CONFIG_TARGET, DRIFTED, PINNED, SHOP, Job
from tests.support.runs import BOX, GOOD_IMAGE, NEW_IMAGE
from tests.support.storm_world import StormWorld, begin_storm
from tests.support.story import begin, untouched

# The rows that are to be healed, by the table of scenarios.
HEAL = (1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 32, 36)
REFUSE = (10, 15, 28, 31, 35)
FORK = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger")
NO = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.ESCALATED, OutcomeStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is played: ``begin`` a flow that is well, let it ``fail``, and give it ``for_s`` virtual seconds.

    ``is_well`` reads the targets, not the system's word for them. ``meanwhile`` is what the world does by itself at a second.
    """

    number: int
    name: str
    begin: Callable[[], MemoryFlow]
    fail: Callable[[MemoryFlow], object]
    targets: tuple[str, ...]
    is_well: Callable[[MemoryFlow], bool]
    ends: frozenset[OutcomeStatus] = frozenset({OutcomeStatus.HEALED})
    for_s: float = 400.0
    meanwhile: tuple[tuple[float, Callable[[MemoryFlow], None]], ...] = ()

    @property
    def heals(self) -> bool:
        """Tell whether it is to be healed."""
        return self.number in HEAL


def _run(job: Job, *conclusions: str) -> Callable[[MemoryFlow], None]:
    return lambda flow: flow.world.run_job(job, flow.now, conclusions)


def _die(*names: str) -> Callable[[MemoryFlow], None]:
    def fail(flow: MemoryFlow) -> None:
        flow.world.processes.alive -= set(names)

    return fail


def _drift(flow: MemoryFlow) -> None:
    flow.world.files.live["web-conf"] = DRIFTED


def _rot(flow: MemoryFlow) -> None:
    flow.world.caches.entries |= {"six.whl": "cut off", "attrs.whl": GOOD}


def _fill_volume(flow: MemoryFlow) -> None:
    fill(flow)
    flow.world.processes.alive -= {"db"}
    flow.world.health.silent |= {"web-http"}


def _has_room(flow: MemoryFlow) -> bool:
    disks = flow.world.disks
    return "data/orders.db" in disks.live and sum(row.bytes for row in disks.live.values()) < 0.9 * disks.size


def _page_answers(flow: MemoryFlow) -> None:
    flow.world.health.silent -= {"web-http"}


def _ran_elsewhere(flow: MemoryFlow, labels: tuple[str, ...]) -> bool:
    """Tell whether the job ran once more, on the other runner, and the first one has these labels now."""
    ci = flow.world.ci
    return (ci.ran_on, ci.asked, ci.runners["build-1"].labels) == (["build-1", "build-2"], 1, labels)


def _is_back(flow: MemoryFlow) -> bool:
    """Tell whether the job ran once more, and the runner that resolves names again is in its pool, taken out meanwhile or not."""
    ci = flow.world.ci
    return (ci.asked, ci.conclusions[-1], ci.runners["build-1"].labels) == (1, "success", POOL)


def _is_held(flow: MemoryFlow) -> bool:
    """Tell whether this test alone is left out, and people know it."""
    world = flow.world
    held = [row.test for row in world.quarantines.lists.get("api", ())]
    return (held, [*world.proposals.issues], world.ci.asked) == ([FLAKY_TEST], [f"Flaky test: {FLAKY_TEST}"], 0)


def _is_proposed(flow: MemoryFlow) -> bool:
    """Tell whether the revert waits for people, and the main branch is as they left it."""
    world = flow.world
    return ([*world.proposals.waiting], world.trunks.branches) == ([REVERT], {"main": NEWER, REVERT: back(COMMIT)})


def _storm(flow: MemoryFlow) -> StormWorld:
    assert isinstance(flow.world, StormWorld), "the row was begun in a world of many repositories"
    return flow.world


def _serves(flow: MemoryFlow, image: str) -> bool:
    """Tell whether all of the Deployment's pods run this image and are ready."""
    workload = flow.world.cluster.workloads[WEB]
    return workload.image == image and [pod.ready for pod in workload.pods] == [True] * 3


def _is_emptied(flow: MemoryFlow) -> bool:
    node = flow.world.cluster.nodes["node-1"]
    return node.unschedulable and [pod.name for pod in node.pods] == ["agent-1"]


def _nothing(_flow: MemoryFlow) -> None:
    """Let nothing more fail: the world was begun broken."""


def _refused(number: int, name: str, job: Job, conclusion: str) -> Row:
    return Row(number, name, begin, _run(job, conclusion), (job.target,), untouched, NO, 120.0)


MID_SYNC, HUNG_UP = Job((APT_IN_MID_SYNC, GREEN)), Job((GIT_HUNG_UP, GREEN))
PIP, PARTED = Job((TIMED_OUT, PASSED)), Job((TIMED_OUT, TIMED_OUT, PASSED))
TIMED, LIMITED, DEPLOYED = job_out_of_time().target, "job:github/acme/r0/1/build", SHOP_DEPLOYMENT.target
DEAF, RACED = "job:github/acme/api/1300/build", "job:github/acme/api/3200/bump"
FORKED = Job((TIMED_OUT,), provenance=FORK, trigger="pull_request")
ROWS: tuple[Row, ...] = (
    Row(1, "package index times out", begin, _run(PIP, "failure", "success"), (PIP.target,), lambda flow: flow.world.ci.asked == 1),
    Row(
        1,
        "package index times out twice",
        begin,
        _run(PARTED, "failure", "failure", "success"),
        (PARTED.target,),
        lambda flow: flow.world.ci.asked == 2,
    ),
    Row(
        2,
        "apt mirror in mid-sync",
        begin,
        _run(MID_SYNC, "failure", "success"),
        (MID_SYNC.target,),
        lambda flow: flow.world.ci.asked == 1,
    ),
    Row(
        3,
        "git remote hung up",
        begin,
        _run(HUNG_UP, "failure", "success"),
        (HUNG_UP.target,),
        lambda flow: flow.world.ci.asked == 1,
    ),
    Row(
        5,
        "lock file out of step",
        lambda: begin(services=replace(SHOP, lockfiles=(LOCK,))),
        _run(LOCK_JOB, "failure"),
        (LOCK_JOB.target,),
        lambda flow: len(flow.world.proposals.waiting) == 1,
    ),
    Row(
        6,
        "corrupt cache entry",
        lambda: begin(services=replace(SHOP, caches=(CACHE,))),
        _rot,
        (CACHE.target,),
        lambda flow: flow.world.caches.entries == {"six.whl": GOOD, "attrs.whl": GOOD},
    ),
    Row(7, "disk full", full_disk, _nothing, (DISK_TARGET,), _has_room),
    Row(8, "job out of time", begin, run_out_of_time, (TIMED,), partial(_ran_elsewhere, labels=LABELS)),
    Row(9, "runner lost", begin, lose_runner, (LOST_JOB.target,), partial(_ran_elsewhere, labels=(CORDONED,))),
    Row(
        9,
        "runner lost and back",
        begin,
        partial(lose_runner, comes_back=True),
        (LOST_JOB.target,),
        partial(_ran_elsewhere, labels=LABELS),
    ),
    Row(
        11,
        "API rate limit",
        lambda: begin_storm(WAITS_ALONE)[0],
        lambda flow: limit_rate(_storm(flow)),
        (UPSTREAM, LIMITED),
        lambda flow: _storm(flow).is_up and _storm(flow).jobs.asked == [LIMITED],
    ),
    Row(
        12,
        "container image does not run",
        begin_with_box,
        lambda flow: deploy(flow, NEW_IMAGE),
        (BOX,),
        lambda flow: flow.world.containers.rows["box"].image == GOOD_IMAGE,
    ),
    Row(13, "runner resolves no names for a while", begin_resolving, resolve_no_names, (DEAF,), _is_back),
    Row(
        13,
        "runner resolves no names any more",
        begin_resolving,
        partial(resolve_no_names, looks=1000),
        (DEAF,),
        partial(_ran_elsewhere, labels=(CORDONED,)),
    ),
    Row(14, "flaky test", started, fail_test, (FLAKY.target,), _is_held, meanwhile=((5.0, pass_again),)),
    Row(16, "branch broken", begin_green, break_branch, (BROKEN.target,), _is_proposed, meanwhile=((5.0, fail_on),)),
    Row(
        17,
        "container out of memory",
        begin_with_box,
        kill_for_memory,
        (BOX,),
        lambda flow: (flow.world.containers.rows["box"].running, flow.world.containers.rows["box"].memory_bytes) == (True, 150),
    ),
    Row(18, "crash loop after a rollout", begin_with_cluster, roll_out, (DEPLOYED,), partial(_serves, image=GOOD_REF)),
    Row(
        18,
        "crash loop long after its rollout",
        begin_with_cluster,
        partial(roll_out, age_s=3600.0),
        (DEPLOYED,),
        partial(_serves, image=BAD_REF),
    ),
    Row(19, "image pull back-off", begin_with_cluster, roll_out_unpulled, (DEPLOYED,), partial(_serves, image=GOOD_REF)),
    Row(20, "stuck pod", begin_with_cluster, lambda flow: stick_pods(flow.world.cluster), (DEPLOYED,), partial(_serves, image=GOOD_REF)),
    Row(
        21,
        "service process dead",
        begin,
        _die("api"),
        ("service:api",),
        lambda flow: flow.world.processes.alive == {"db", "api", "web"},
    ),
    Row(23, "kernel task blocked", begin_with_cluster, lambda flow: break_node(flow.world.cluster), (NODE_1.target,), _is_emptied),
    Row(
        24,
        "connection tracking full",
        begin_tracking,
        fill_table,
        (CONNTRACK.target,),
        lambda flow: flow.world.limits.rows["conntrack"].value == CONNTRACK.cap,
    ),
    Row(
        25,
        "web tier behind a full volume",
        lambda: begin(services=replace(SHOP, disks=(VOLUME,))),
        _fill_volume,
        (VOLUME.target, "service:db"),
        lambda flow: flow.world.processes.alive == {"db", "api", "web"} and "tables/orders" in flow.world.disks.live,
        meanwhile=((60.0, _page_answers),),
    ),
    Row(
        26,
        "broker dead",
        begin_bus,
        kill_broker,
        (FIRST_BROKER,),
        lambda flow: flow.world.processes.alive == {"db", "api", "web", *BROKERS},
    ),
    Row(27, "configuration drift", begin, _drift, (CONFIG_TARGET,), lambda flow: flow.world.files.live["web-conf"] == PINNED),
    Row(
        32,
        "push race of a bot",
        begin_racing,
        lose_race,
        (RACED,),
        lambda flow: (flow.world.pushes.remote, flow.world.pushes.clone) == ((BASE, THEIRS, OURS),) * 2,
    ),
    Row(
        36,
        "heartbeat missing",
        begin_telling,
        fall_silent,
        (SILENT,),
        lambda flow: flow.world.processes.alive == {"db", "api", "web"},
    ),
    _refused(10, "cancelled by a person", Job((CANCELLED,)), "cancelled"),
    _refused(10, "cancelled, with an infra error in its log", Job((TIMED_OUT,)), "cancelled"),
    _refused(15, "compile error", Job((COMPILER,)), "failure"),
    _refused(15, "failing test", Job((PYTEST,)), "failure"),
    Row(
        28,
        "mass failure",
        fleet,
        _die(*NAMES[:12]),
        tuple(f"service:{name}" for name in NAMES[:12]),
        lambda flow: flow.world.processes.ledger == [],
        NO,
        180.0,
    ),
    _refused(31, "permission failure", Job((LOGIN_REFUSED,)), "failure"),
    _refused(35, "a fork's job prints a pattern's text", FORKED, "failure"),
)
