"""The recipes' refusals and doubts: targets that are gone, off limits, too wide for the bounds, or unreachable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recoverers.ci_view import CiView
from recoverers.ports import Call, Facts, Found
from recoverers.recipes.config_restore import ConfigRestore
from recoverers.recipes.rerun_job import RerunJob
from recoverers.recipes.service_restart import ServiceRestart
from schemas.attempts import StepStatus
from schemas.services import Services
from tests.support.fakes import FakeCi, FakeFiles, FakeHealth, FakeProcesses
from tests.support.runs import JOB, RECIPES, SERVICES, Sandbox, command

RESTART = command("service_restart", "service:web")
RESTORE = command("config_restore", "config:web-conf")
RERUN = command("rerun_job", JOB)


def _restart(services: Services = SERVICES) -> ServiceRestart:
    processes = FakeProcesses()
    return ServiceRestart(services, processes, FakeHealth(processes))


def _restore(services: Services = SERVICES) -> ConfigRestore:
    processes = FakeProcesses(alive={"web"})
    return ConfigRestore(services, FakeFiles({"web-conf": b"x"}, {"web-conf": b"y"}), processes, FakeHealth(processes))


def _off(services: Services) -> Services:
    return replace(services, services=tuple(replace(row, healing=False) for row in services.services))


def test_services_that_may_not_be_healed_or_depend_in_a_ring_are_refused() -> None:
    ring = replace(SERVICES, services=tuple(replace(row, depends_on=("web",)) for row in SERVICES.services))
    assert _restart(_off(SERVICES)).gather(RESTART).refusal == "healing_off"
    assert _restart(ring).gather(RESTART).refusal == "dependency_ring"
    assert _restore(_off(SERVICES)).gather(RESTORE).refusal == "healing_off"


def test_more_services_than_the_bound_allows_give_no_plan() -> None:
    recipe = _restart()
    order = replace(RESTART, bounds=(("max_services", 2),))
    assert recipe.plan(order, recipe.gather(order)) is None


@pytest.mark.parametrize("recipe", [_restart(Services()), _restore(Services())])
def test_a_target_that_left_the_catalogue_meanwhile_fails_each_step_and_is_unclear(recipe: ServiceRestart | ConfigRestore) -> None:
    call = Call(RESTART, Facts(), "start:web", "k", '{"hash": ""}')
    assert recipe.act(call).status is StepStatus.FAILED
    assert recipe.undo(call).status is StepStatus.FAILED
    assert recipe.probe(call) is Found.UNCLEAR
    assert not recipe.check(RESTART, Facts(), "process_alive").passed


def test_a_service_that_dies_after_its_start_fails_its_validation() -> None:
    assert _restart().act(Call(RESTART, Facts(), "validate:web", "k")).status is StepStatus.FAILED


def test_a_service_named_with_its_path_is_the_same_configuration() -> None:
    assert _restore().gather(replace(RESTORE, target="config:web:/srv/web/conf")).refusal == ""


def test_a_reload_in_doubt_is_repeated() -> None:
    assert _restore().probe(Call(RESTORE, Facts(), "reload:web", "k")) is Found.MISSING


@pytest.mark.parametrize(("conclusion", "refusal"), [("", "target_changed"), ("skipped", "not_failed")])
def test_a_job_that_goes_on_or_was_skipped_is_left_alone(conclusion: str, refusal: str) -> None:
    assert RerunJob(CiView(FakeCi([conclusion]), lambda _: frozenset())).gather(RERUN).refusal == refusal


def test_a_server_that_does_not_answer_leaves_a_rerun_unclear() -> None:
    recipe = RerunJob(CiView(FakeCi(), lambda _: frozenset()))
    call = Call(replace(RERUN, target="nowhere"), Facts(values=(("attempt", "1"), ("job_id", "101"))), "rerun:job", "k")
    assert recipe.act(call).status is StepStatus.FAILED
    assert recipe.probe(call) is Found.UNCLEAR
    assert recipe.undo(call).status is StepStatus.OK
    assert not recipe.check(RERUN, call.facts, "log_without_pattern").passed


def test_the_sandbox_knows_every_recipe() -> None:
    assert all(Sandbox.for_recipe(name).terms(command(name, target)).recipe.traits.name == name for name, target in RECIPES)
