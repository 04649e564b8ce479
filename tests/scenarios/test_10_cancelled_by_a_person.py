"""Row 10: a person cancelled the run; whatever its log shows, it is left as it is."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.ci_logs import CANCELLED, RUNNER_LOST
from tests.support.memory_world import Job
from tests.support.story import begin, refused

SHOWN = {
    CANCELLED: Kind.RUNNER_LOST_OR_CANCELLED,
    RUNNER_LOST: Kind.RUNNER_LOST_OR_CANCELLED,
    TIMED_OUT: Kind.NETWORK_CONNECTIVITY,
}


def test_a_cancelled_run_is_left_alone_whatever_its_log_shows() -> None:
    flow = begin()
    jobs = [(Job((log,), run_id=str(100 + number)), kind) for number, (log, kind) in enumerate(SHOWN.items())]

    for job, _ in jobs:
        flow.world.run_job(job, flow.now, ("cancelled",))
    flow.pass_time(10)

    for job, kind in jobs:
        told = refused(flow, job.target, "cancel")
        assert [row.kind for row in told.incidents] == [kind]
