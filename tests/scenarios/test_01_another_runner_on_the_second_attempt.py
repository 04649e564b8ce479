"""Row 1, the second attempt where the runner is known: it goes elsewhere than where the job failed, after a wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.attempts import CORDONED
from schemas.decisions import AdmissionState
from schemas.recoveries import OutcomeStatus
from tests.scenarios.test_01_package_index_timeout import FIRST_WAIT_S, PASSED, TIMED_OUT
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import Job
from tests.support.story import Told, begin, steps_done, told_of

LABELS = ("docker", "large")


def story(job: Job, *ends: str, is_visible: bool = True) -> tuple[MemoryFlow, Told]:
    """Let a job fail, and its attempts end so; a server shows its runners only to those who may see them."""
    flow = begin()
    if not is_visible:
        flow.world.ci.runners = {name: replace(row, labels=()) for name, row in flow.world.ci.runners.items()}
    flow.world.run_job(job, flow.now, ends)
    flow.pass_time(30)
    return flow, told_of(flow, job.target)


def test_what_was_run_again_in_vain_waits_and_goes_to_another_runner_and_is_green_on_the_same_commit() -> None:
    flow, told = story(Job((TIMED_OUT, TIMED_OUT, PASSED), runner="build-1"), "failure", "failure", "success")

    assert [(row.attempt, row.strategy, row.approvals_required) for row in told.decisions] == [
        (1, "rerun_job", 0),
        (2, "retry_elsewhere", 0),
    ]
    assert (told.commands[1].issued_at - told.decisions[1].decided_at).total_seconds() >= FIRST_WAIT_S / 2
    assert [row.attempt for row in told.outcomes] == [1, 2]
    again = replace(told, journal=[row for row in told.journal if row.command_id == told.final.command_id])
    assert steps_done(again) == ["cordon:runner", "rerun:job", "return:runner"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.ci.ran_on == ["build-1", "build-1", "build-2"], "first as before, then elsewhere"
    assert flow.world.ci.labelled == [(1, (CORDONED,)), (1, LABELS)], "out of the pool for the placing, then back"


def test_a_job_that_fails_elsewhere_too_is_a_persons_and_the_runner_is_back() -> None:
    flow, told = story(Job((TIMED_OUT,), runner="build-1"), "failure")

    assert (told.final.status, told.final.strategy) == (OutcomeStatus.ROLLED_BACK, "retry_elsewhere")
    assert flow.world.ci.ran_on == ["build-1", "build-1", "build-2"]
    assert flow.world.ci.runners["build-1"].labels == LABELS
    assert flow.world.ci.asked == 2


def test_where_no_runner_can_be_taken_out_of_the_pool_the_job_is_run_again_wherever_the_server_likes() -> None:
    flow, told = story(Job((TIMED_OUT, TIMED_OUT, PASSED), runner="build-1"), "failure", "failure", "success", is_visible=False)

    assert (told.final.status, told.final.strategy) == (OutcomeStatus.HEALED, "retry_elsewhere")
    assert flow.world.ci.ran_on == ["build-1"] * 3
    assert flow.world.ci.labelled == []


@pytest.mark.parametrize("runner", ["", "build-1"])
def test_a_failure_that_passes_at_once_leaves_every_runner_in_its_pool(runner: str) -> None:
    flow, told = story(Job((TIMED_OUT, PASSED), runner=runner), "failure", "success")

    assert [row.strategy for row in told.decisions] == ["rerun_job"]
    assert [row.state for row in told.admissions] == [AdmissionState.ADMITTED]
    assert flow.world.ci.labelled == []
