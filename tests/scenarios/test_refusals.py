"""The refuse rows side by side in one flow: none is healed because of another, and what may be healed beside them still is."""

from __future__ import annotations

from schemas.events import Origin, Provenance, Trust
from schemas.recoveries import OutcomeStatus
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.ci_logs import CANCELLED, COMPILER, GREEN, LOGIN_REFUSED, NO_SUCH_PACKAGE
from tests.support.memory_world import Job
from tests.support.story import begin, refused, steps_done, told_of

FORK = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger")
LEFT_ALONE = (
    (Job((NO_SUCH_PACKAGE,), "104"), "failure", "until its owner mends it"),
    (Job((CANCELLED,), "110"), "cancelled", "cancel"),
    (Job((COMPILER,), "115"), "failure", "fault of the code"),
    (Job((LOGIN_REFUSED,), "131"), "failure", "until its owner mends it"),
    (Job((TIMED_OUT,), "135", provenance=FORK, trigger="pull_request"), "failure", "comes from a fork"),
)


def test_every_refuse_row_is_refused_with_its_own_reason_while_another_job_is_healed() -> None:
    flow = begin()
    for job, conclusion, _ in LEFT_ALONE:
        flow.world.run_job(job, flow.now, (conclusion,))
    flow.pass_time(10)
    for job, _, word in LEFT_ALONE:
        refused(flow, job.target, word)

    healed = Job((TIMED_OUT, GREEN))
    flow.world.run_job(healed, flow.now)
    flow.pass_time(10)

    told = told_of(flow, healed.target)
    assert (told.final.status, steps_done(told)) == (OutcomeStatus.HEALED, ["rerun:job"])
    assert flow.world.ci.asked == 1, "and nothing else was run again"
