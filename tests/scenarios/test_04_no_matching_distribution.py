"""Row 4, both ways: the index has no such version, so nothing is retried; or it has it, and the job is run again. No lock file changes."""

from __future__ import annotations

from dataclasses import replace

from schemas.decisions import Verdict
from schemas.recoveries import OutcomeStatus
from schemas.targets.trunk import TrunkSpec
from schemas.vocabulary import Kind
from tests.support.ci_logs import GREEN, INDEX_NOT_ASKED, NO_SUCH_PACKAGE
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, SHOP, Job, MemoryWorld
from tests.support.story import begin, refused, seconds_to_detect, steps_done, told_of, untouched

TRUNK = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",), resolve=("resolve",))


def failed(*logs: str, unmet: bool) -> tuple[MemoryFlow, Job]:
    """Return a flow with a resolver, in which a job found no matching distribution."""

    def ready(world: MemoryWorld) -> None:
        world.trunks.tests[COMMIT] = frozenset()
        world.trunks.unmet = {COMMIT} if unmet else set()

    flow, job = begin(services=replace(SHOP, trunks=(TRUNK,)), prepare=ready), Job((NO_SUCH_PACKAGE, *logs))
    flow.world.run_job(job, flow.now, ("failure", "success" if logs else "failure"))
    flow.pass_time(10)
    return flow, job


def test_a_version_that_the_index_has_is_resolved_anew_and_the_job_run_again() -> None:
    flow, job = failed(GREEN, unmet=False)

    told = told_of(flow, job.target)
    assert [row.kind for row in told.incidents] == [Kind.DEPENDENCY_RESOLUTION]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("resolve_retry", 0)
    assert steps_done(told) == ["resolve:api", "rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert ("manifest_resolves", "resolver") in {(row.factor, row.source) for row in told.final.verification if row.passed}
    assert (flow.world.ci.asked, flow.world.packages.ledger, flow.world.trunks.ledger) == (1, [], [])


def test_a_version_that_the_index_does_not_have_is_refused_by_the_resolver() -> None:
    flow, job = failed(unmet=True)

    told = told_of(flow, job.target)
    assert [row.verdict for row in told.decisions] == [Verdict.HEAL]
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "does_not_resolve")
    assert untouched(flow)


def test_without_a_resolver_a_package_that_the_index_does_not_have_is_refused_and_no_lock_file_changed() -> None:
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
