"""Row 13: one runner resolves no names; it leaves the pool, its job goes to another, and it comes back when it is seen to resolve again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.attempts import CORDONED
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.targets.runner import RunnerSpec
from schemas.vocabulary import Kind
from tests.support.ci_logs import GREEN, NAME_NOT_RESOLVED
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, Job, MemoryWorld
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

LABELS = ("docker", "large")
NAMES = ("build-1", "build-2", "build-3")
RUNNERS = tuple(RunnerSpec(name, "github", ("acme/api",), ProbeSpec(f"{name}-dns", ProbeKind.HTTP, name)) for name in NAMES)


def _resolve(world: MemoryWorld) -> None:
    world.processes.alive |= set(NAMES)


def begin_resolving() -> MemoryFlow:
    """Return a flow whose runners all resolve names."""
    return begin(services=replace(SHOP, runners=RUNNERS), prepare=_resolve)


def fail(flow: MemoryFlow, seed: int = 0, looks: int = 3) -> Job:
    """Let one runner resolve no names for so many looks at it, and a job fail there."""
    flow.world.health.script["build-1-dns"] = [False] * looks
    job = Job((NAME_NOT_RESOLVED, GREEN), run_id=str(1300 + seed), runner="build-1")
    flow.world.run_job(job, flow.now)
    return job


@pytest.mark.parametrize(("looks", "left"), [(3, LABELS), (1000, (CORDONED,))], ids=["it resolves again", "it stays deaf"])
def test_the_job_goes_elsewhere_and_the_runner_is_returned_when_the_probe_from_it_passes(looks: int, left: tuple[str, ...]) -> None:
    flow = begin_resolving()

    job = fail(flow, looks=looks)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert [row.kind for row in told.incidents] == [Kind.DNS_RESOLUTION]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("runner_drop", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["cordon:runner", "rerun:job", "return:runner"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification} == {
        ("log_silence", "stream"),
        ("attempt_concluded_success", "rest_conclusion"),
        ("log_without_pattern", "rest_log"),
        ("resolves_where_it_ran", "resolver"),
    }
    assert flow.world.ci.ran_on == ["build-1", "build-2"]
    assert flow.world.ci.runners["build-1"].labels == left
    assert actions_on(flow, job.target)[-1] == "recovery.healed"


def test_a_runner_that_resolves_again_is_left_in_its_pool_and_the_job_is_run_again() -> None:
    flow = begin_resolving()

    job = fail(flow, looks=0)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert (told.final.status, steps_done(told)) == (OutcomeStatus.HEALED, ["rerun:job"])
    assert flow.world.ci.labelled == []


def test_names_that_no_runner_resolves_are_no_runners_fault_and_a_person_is_told() -> None:
    flow = begin_resolving()
    flow.world.health.silent |= {"build-2-dns"}

    job = fail(flow)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.ESCALATED, "not_one_runner_alone")
    assert untouched(flow)
    assert flow.world.ci.labelled == []
