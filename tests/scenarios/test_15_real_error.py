"""Row 15: the code does not compile or its tests fail; no retry hides that, and the change is named."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.support.ci_logs import COMPILER, PYTEST
from tests.support.memory_world import COMMIT, Job
from tests.support.story import begin, refused


def test_a_fault_of_the_code_is_refused_every_time_and_its_commit_named() -> None:
    flow = begin()
    jobs = [(Job((COMPILER,), "80"), Kind.COMPILE_ERROR), *((Job((PYTEST,), run), Kind.TEST_FAILURE) for run in ("81", "82", "83"))]

    for job, _ in jobs:
        flow.world.run_job(job, flow.now, ("failure",))
        flow.pass_time(5)

    for job, kind in jobs:
        told = refused(flow, job.target, "fault of the code")
        [incident] = told.incidents
        assert (incident.kind, incident.run and incident.run.commit) == (kind, COMMIT)
        assert dict(told.decisions[0].inputs)["commit"] == COMMIT
