"""The recipes by name: ours in one tuple, others by the entry point group ``healstream.recipes``. Built once by the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from recoverers.ports import CiPort, ConfigFilePort, HealthPort, ProcessPort, Recipe
from recoverers.recipes.await_upstream import AwaitUpstream
from recoverers.recipes.config_restore import ConfigRestore
from recoverers.recipes.rerun_job import RerunJob
from recoverers.recipes.service_restart import ServiceRestart
from recoverers.recipes.workflow import WorkflowRecipe
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


RecipeMaker = Callable[[World], Recipe]


def make_service_restart(world: World) -> Recipe:
    """Return the recipe that starts services."""
    return ServiceRestart(world.services, world.processes, world.health)


def make_config_restore(world: World) -> Recipe:
    """Return the recipe that restores configuration files."""
    return ConfigRestore(world.services, world.files, world.processes, world.health)


def make_rerun_job(world: World) -> Recipe:
    """Return the recipe that re-runs CI jobs."""
    return RerunJob(world.ci, world.kinds_in)


def make_await_upstream(world: World) -> Recipe:
    """Return the recipe that waits for known upstreams."""
    return AwaitUpstream(world.services, world.health)


MAKERS: tuple[RecipeMaker, ...] = (make_service_restart, make_config_restore, make_rerun_job, make_await_upstream)


def with_workflows(recipes: Mapping[str, Recipe], workflows: Iterable[Workflow]) -> Mapping[str, Recipe]:
    """Return the recipes and the workflows over them; a workflow over a recipe that this executor has not is none of it."""
    made = {row.name: WorkflowRecipe(row, recipes) for row in workflows if all(use.recipe in recipes for use in uses_in(row.body))}
    return {**made, **recipes}


def recipes_for(world: World, others: Iterable[RecipeMaker] = ()) -> Mapping[str, Recipe]:
    """Return the recipes by name; a plug-in may not take one of our names."""
    made = [make(world) for make in (*MAKERS, *others)]
    return {recipe.traits.name: recipe for recipe in reversed(made)}
