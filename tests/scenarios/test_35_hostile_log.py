"""Row 35: a log prints the text of patterns to be healed; a healthy job opens nothing, and a fork's job is refused."""

from __future__ import annotations

import json

from schemas.events import Origin, Provenance, Trust
from schemas.incidents import Incident
from schemas.oversight import DeadLetter
from streams.bounds import shipped
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.ci_logs import APT_IN_MID_SYNC, GIT_HUNG_UP, OUT_OF_TIME, RUNNER_LOST
from tests.support.memory_world import Job
from tests.support.story import begin, refused, untouched

STRANGER = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger")


def every_patterns_own_text() -> str:
    files = [json.loads(text) for text in shipped().patterns.values()]
    return "\n".join(pattern["examples"][0] for file in files for pattern in file["patterns"])


def test_a_healthy_job_that_prints_every_patterns_own_text_opens_nothing() -> None:
    flow = begin()

    flow.world.run_job(Job((every_patterns_own_text(),), run_id="78"), flow.now, ("success",))
    flow.pass_time(10)

    assert flow.of(Incident, "heal.incidents") == []
    assert flow.of(DeadLetter, "heal.deadletter") == [], "the log was read"
    assert untouched(flow)


def test_a_forks_job_that_prints_a_patterns_text_is_refused() -> None:
    flow = begin()
    logs = (TIMED_OUT, RUNNER_LOST, APT_IN_MID_SYNC + GIT_HUNG_UP + OUT_OF_TIME)
    jobs = [Job((log,), str(90 + number), provenance=STRANGER, trigger="pull_request") for number, log in enumerate(logs)]

    for job in jobs:
        flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(10)

    for job in jobs:
        refused(flow, job.target, "comes from a fork")
