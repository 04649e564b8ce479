"""Row 4, both ways: the index has no such package, so nothing is retried; or it could not be asked, so the job is run again."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.ci_logs import GREEN, INDEX_NOT_ASKED, NO_SUCH_PACKAGE
from tests.support.memory_world import Job
from tests.support.story import begin, refused, steps_done, told_of


def test_a_package_that_the_index_does_not_have_is_refused_and_no_lock_file_changed() -> None:
    flow = begin()
    job = Job((NO_SUCH_PACKAGE,))

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(10)

    told = refused(flow, job.target, "until its owner mends it")
    assert [row.kind for row in told.incidents] == [Kind.DEPENDENCY_RESOLUTION]
    assert list(flow.world.packages.branches) == ["main"]


def test_the_same_words_of_an_index_that_could_not_be_asked_are_a_network_failure_and_retried() -> None:
    flow = begin()
    job = Job((INDEX_NOT_ASKED, GREEN))

    flow.world.run_job(job, flow.now)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert [row.kind for row in told.incidents] == [Kind.NETWORK_CONNECTIVITY]
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.packages.ledger == []
