"""The recipes by name: ours in one tuple, others by the entry point group ``healstream.recipes``. Built once by the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from recoverers.cluster_port import ClusterPort
from recoverers.cluster_view import ClusterView
from recoverers.container_port import ContainerPort
from recoverers.container_view import ContainerView
from recoverers.host_ports import CachePort, DiskPort, IndexPort
from recoverers.job_attempts import JobAttempts
from recoverers.limit_port import LimitPort
from recoverers.lockfile_ports import PackagePort, ProposalPort
from recoverers.ports import CiPort, ConfigFilePort, HealthPort, ProcessPort, Recipe
from recoverers.push_port import PushPort
from recoverers.recipes.await_upstream import AwaitUpstream
from recoverers.recipes.cache_rebuild import CacheRebuild
from recoverers.recipes.commit_revert import CommitRevert
from recoverers.recipes.config_restore import ConfigRestore
from recoverers.recipes.container_image import ContainerImage
from recoverers.recipes.container_memory import ContainerMemory
from recoverers.recipes.container_restart import ContainerRestart
from recoverers.recipes.deployment_image import DeploymentImage
from recoverers.recipes.deployment_rollback import DeploymentRollback
from recoverers.recipes.deployment_scale import DeploymentScale
from recoverers.recipes.disk_cleanup import DiskCleanup
from recoverers.recipes.flaky_quarantine import FlakyQuarantine
from recoverers.recipes.limit_raise import LimitRaise
from recoverers.recipes.lockfile_repair import LockfileRepair
from recoverers.recipes.mirror_switch import LISTS_TRAITS, SWITCH_TRAITS, MirrorSwitch
from recoverers.recipes.node_cordon_drain import NodeCordonDrain
from recoverers.recipes.pod_delete import PodDelete
from recoverers.recipes.push_rebase import PushRebase
from recoverers.recipes.rerun_elsewhere import RETRY_TRAITS, RerunElsewhere
from recoverers.recipes.rerun_job import RerunJob
from recoverers.recipes.resolve_retry import ResolveRetry
from recoverers.recipes.runner_drop import RunnerDrop
from recoverers.recipes.service_restart import ServiceRestart
from recoverers.recipes.workflow import WorkflowRecipe
from recoverers.runner_pool import RunnerPool
from recoverers.trunk_port import QuarantinePort, TrunkPort
from schemas.services import Services
from schemas.vocabulary import Kind
from schemas.workflows import Workflow, uses_in

ENTRY_POINTS = "healstream.recipes"


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a recipe may be built from."""

    services: Services
    processes: ProcessPort
    files: ConfigFilePort
    health: HealthPort
    ci: CiPort
    kinds_in: Callable[[bytes], frozenset[Kind]]
    containers: ContainerPort
    disks: DiskPort
    caches: CachePort
    packages: PackagePort
    proposals: ProposalPort
    limits: LimitPort
    indexes: IndexPort
    cluster: ClusterPort
    trunks: TrunkPort
    quarantines: QuarantinePort
    pushes: PushPort


RecipeMaker = Callable[[World], Recipe]


def make_service_restart(world: World) -> Recipe:
    """Return the recipe that starts services."""
    return ServiceRestart(world.services, world.processes, world.health)


def make_config_restore(world: World) -> Recipe:
    """Return the recipe that restores configuration files."""
    return ConfigRestore(world.services, world.files, world.processes, world.health)


def make_rerun_job(world: World) -> Recipe:
    """Return the recipe that re-runs CI jobs."""
    return RerunJob(JobAttempts(world.ci, world.kinds_in))


def make_rerun_elsewhere(world: World) -> Recipe:
    """Return the recipe that re-runs CI jobs on another runner."""
    return RerunElsewhere(RunnerPool(JobAttempts(world.ci, world.kinds_in)))


def make_retry_elsewhere(world: World) -> Recipe:
    """Return the recipe that moves a CI job which was run again in vain."""
    return RerunElsewhere(RunnerPool(JobAttempts(world.ci, world.kinds_in)), RETRY_TRAITS)


def make_runner_drop(world: World) -> Recipe:
    """Return the recipe that takes runners without names out of their pool."""
    return RunnerDrop(world.services, world.health, RunnerPool(JobAttempts(world.ci, world.kinds_in)))


def make_await_upstream(world: World) -> Recipe:
    """Return the recipe that waits for known upstreams."""
    return AwaitUpstream(world.services, world.health)


def make_container_restart(world: World) -> Recipe:
    """Return the recipe that starts containers."""
    return ContainerRestart(ContainerView(world.services, world.containers, world.health))


def make_container_memory(world: World) -> Recipe:
    """Return the recipe that raises a container's memory."""
    return ContainerMemory(ContainerView(world.services, world.containers, world.health))


def make_container_image(world: World) -> Recipe:
    """Return the recipe that takes back a container's image."""
    return ContainerImage(ContainerView(world.services, world.containers, world.health))


def make_disk_cleanup(world: World) -> Recipe:
    """Return the recipe that makes room on full disks."""
    return DiskCleanup(world.services, world.disks)


def make_cache_rebuild(world: World) -> Recipe:
    """Return the recipe that builds broken cache entries anew."""
    return CacheRebuild(world.services, world.caches)


def make_lockfile_repair(world: World) -> Recipe:
    """Return the recipe that writes lock files anew."""
    return LockfileRepair(world.services, world.packages, world.proposals)


def make_flaky_quarantine(world: World) -> Recipe:
    """Return the recipe that leaves flaky tests out for a while."""
    return FlakyQuarantine(world.services, world.ci, world.trunks, world.quarantines, world.proposals)


def make_commit_revert(world: World) -> Recipe:
    """Return the recipe that proposes to take a commit back."""
    return CommitRevert(world.services, JobAttempts(world.ci, world.kinds_in), world.trunks, world.proposals)


def make_resolve_retry(world: World) -> Recipe:
    """Return the recipe that runs a job again when its manifest can be met."""
    return ResolveRetry(world.services, JobAttempts(world.ci, world.kinds_in), world.trunks)


def make_mirror_switch(world: World) -> Recipe:
    """Return the recipe that runs a job again from another mirror."""
    return MirrorSwitch(world.services, world.indexes, JobAttempts(world.ci, world.kinds_in), SWITCH_TRAITS)


def make_lists_refresh(world: World) -> Recipe:
    """Return the recipe that fetches apt's lists anew from another mirror."""
    return MirrorSwitch(world.services, world.indexes, JobAttempts(world.ci, world.kinds_in), LISTS_TRAITS)


def make_limit_raise(world: World) -> Recipe:
    """Return the recipe that raises kernel limits."""
    return LimitRaise(world.services, world.limits)


def make_deployment_rollback(world: World) -> Recipe:
    """Return the recipe that takes rollouts back."""
    return DeploymentRollback(ClusterView(world.services, world.cluster, world.health))


def make_deployment_image(world: World) -> Recipe:
    """Return the recipe that takes back a deployment's image."""
    return DeploymentImage(ClusterView(world.services, world.cluster, world.health))


def make_deployment_scale(world: World) -> Recipe:
    """Return the recipe that keeps replicas between their bounds."""
    return DeploymentScale(ClusterView(world.services, world.cluster, world.health))


def make_pod_delete(world: World) -> Recipe:
    """Return the recipe that removes stuck pods."""
    return PodDelete(ClusterView(world.services, world.cluster, world.health))


def make_node_cordon_drain(world: World) -> Recipe:
    """Return the recipe that empties nodes."""
    return NodeCordonDrain(world.services, world.cluster)


def make_push_rebase(world: World) -> Recipe:
    """Return the recipe that ends the races of bots' pushes."""
    return PushRebase(world.services, world.pushes)


MAKERS: tuple[RecipeMaker, ...] = (
    make_service_restart,
    make_config_restore,
    make_rerun_job,
    make_rerun_elsewhere,
    make_retry_elsewhere,
    make_await_upstream,
    make_container_restart,
    make_container_memory,
    make_container_image,
    make_disk_cleanup,
    make_cache_rebuild,
    make_lockfile_repair,
    make_flaky_quarantine,
    make_commit_revert,
    make_resolve_retry,
    make_mirror_switch,
    make_lists_refresh,
    make_limit_raise,
    make_deployment_rollback,
    make_deployment_image,
    make_deployment_scale,
    make_pod_delete,
    make_node_cordon_drain,
    make_push_rebase,
    make_runner_drop,
)


def with_workflows(recipes: Mapping[str, Recipe], workflows: Iterable[Workflow]) -> Mapping[str, Recipe]:
    """Return the recipes and the workflows over them; a workflow over a recipe that this executor has not is none of it."""
    made = {row.name: WorkflowRecipe(row, recipes) for row in workflows if all(use.recipe in recipes for use in uses_in(row.body))}
    return {**made, **recipes}


def recipes_for(world: World, others: Iterable[RecipeMaker] = ()) -> Mapping[str, Recipe]:
    """Return the recipes by name; a plug-in may not take one of our names."""
    made = [make(world) for make in (*MAKERS, *others)]
    return {recipe.traits.name: recipe for recipe in reversed(made)}
