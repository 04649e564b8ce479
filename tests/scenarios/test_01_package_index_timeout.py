"""Row 1: a package index read times out; the failed job only is run again and is green on the same commit."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.memory_world import COMMIT, Job
from tests.support.story import begin, steps_done, told_of

TIMED_OUT = (
    "Collecting six\n"
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded with "
    "url: /simple/six/ (Caused by ReadTimeoutError(\"HTTPSConnectionPool(host='index.example', port=443): Read timed out. "
    '(read timeout=15)"))\n\n##[error]Process completed with exit code 1.\n'
)
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
    flow.pass_time(400)

    told = told_of(flow, job.target)
    assert flow.world.ci.asked == 2
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert [row.attempt for row in told.decisions] == [1, 2]
    assert len({row.incident_id for row in told.outcomes}) == 1


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
