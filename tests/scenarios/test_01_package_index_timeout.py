"""Row 1: a package index read times out; the failed job only is run again and is green on the same commit."""

from __future__ import annotations

from schemas.decisions import AdmissionState
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.memory_flow import TICK_S, MemoryFlow
from tests.support.memory_world import COMMIT, Job
from tests.support.story import begin, steps_done, told_of

TIMED_OUT = (
    "Collecting six\n"
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded with "
    "url: /simple/six/ (Caused by ReadTimeoutError(\"HTTPSConnectionPool(host='index.example', port=443): Read timed out. "
    '(read timeout=15)"))\n\n##[error]Process completed with exit code 1.\n'
)
FIRST_WAIT_S = Policy().again_first_wait_s
PASSED = "Collecting six\nSuccessfully installed six-1.17.0\n"


def test_the_failed_job_is_run_again_on_the_same_commit() -> None:
    flow = begin()
    job = Job((TIMED_OUT, PASSED))

    flow.world.run_job(job, flow.now)
    flow.pass_time(30)

    told = told_of(flow, job.target)
    [incident] = told.incidents
    assert (incident.kind, incident.run and incident.run.commit) == (Kind.NETWORK_CONNECTIVITY, COMMIT)
    assert any("pip-gave-up-connecting" in reason for reason in incident.reasons)
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {"attempt_concluded_success", "log_without_pattern", "log_silence"}
    assert flow.world.ci.asked == 1


def test_a_job_that_fails_again_in_the_same_way_is_run_as_often_as_the_card_allows() -> None:
    flow = begin()
    job = Job((TIMED_OUT,))

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(60)

    told = told_of(flow, job.target)
    assert flow.world.ci.asked == 2
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert [row.attempt for row in told.decisions] == [1, 2]
    assert len({row.incident_id for row in told.outcomes}) == 1


def waits_of(flow: MemoryFlow, job: Job) -> list[float]:
    """Return for how many seconds each attempt at a job waited at the door."""
    told = told_of(flow, job.target)
    pairs = zip(told.decisions, told.commands, strict=True)
    return [(command.issued_at - decision.decided_at).total_seconds() for decision, command in pairs]


def test_the_second_attempt_waits_with_jitter_and_says_until_when() -> None:
    flow = begin()
    jobs = [Job((TIMED_OUT,), run_id=str(100 + number), commit=f"{number}" * 40) for number in range(2)]
    for job in jobs:
        flow.world.run_job(job, flow.now, ("failure",))
        flow.pass_time(25)

    waited = [waits_of(flow, job) for job in jobs]
    assert all(first < 1.0 and FIRST_WAIT_S / 2 <= second <= FIRST_WAIT_S + TICK_S for first, second in waited), waited
    assert len({second for _, second in waited}) > 1, "not all wait equally long"
    [queued] = [row for row in told_of(flow, jobs[0].target).admissions if row.state is AdmissionState.QUEUED]
    assert queued.reason.startswith("budget: attempt 2 waits until")
    assert queued.until is not None
    assert abs((queued.until - queued.at).total_seconds() - waited[0][1]) <= 2 * TICK_S


def test_a_restart_of_the_door_shortens_no_wait() -> None:
    flow = begin()
    job = Job((TIMED_OUT,))
    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(5)
    flow.restart("admit")
    flow.pass_time(3)
    assert flow.world.ci.asked == 1

    flow.pass_time(20)
    assert flow.world.ci.asked == 2
    assert waits_of(flow, job)[1] >= FIRST_WAIT_S / 2


def test_a_job_that_is_green_while_it_waits_for_its_second_attempt_is_not_run_again() -> None:
    flow = begin()
    job = Job((TIMED_OUT, TIMED_OUT, PASSED))
    flow.world.run_job(job, flow.now, ("failure", "failure", "success"))
    flow.pass_time(5)

    flow.world.ci.rerun(job.target, 102)
    flow.pass_time(25)

    assert told_of(flow, job.target).final.status is OutcomeStatus.SELF_HEALED
    assert flow.world.ci.asked == 2, "ours and the one that somebody asked for"


def test_a_job_that_fails_again_in_another_way_is_given_to_a_person() -> None:
    flow = begin()
    failing = (
        "tests/test_cart.py:7: AssertionError\n====== 1 failed, 2 passed in 0.04s ======\n##[error]Process completed with exit code 1.\n"
    )
    job = Job((TIMED_OUT, failing))

    flow.world.run_job(job, flow.now, ("failure", "failure"))
    flow.pass_time(200)

    told = told_of(flow, job.target)
    assert flow.world.ci.asked == 1
    assert told.final.status is OutcomeStatus.ESCALATED
