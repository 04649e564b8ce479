"""Row 31: a login, a key or a permission is missing; a retry is as forbidden, so the owner is told and nothing is tried."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.support.ci_logs import FILE_REFUSED, KEY_REFUSED, LOGIN_REFUSED, REGISTRY_REFUSED
from tests.support.memory_world import Job
from tests.support.story import begin, refused

SHOWN = {
    LOGIN_REFUSED: Kind.AUTH_CREDENTIALS,
    KEY_REFUSED: Kind.AUTH_CREDENTIALS,
    REGISTRY_REFUSED: Kind.AUTH_CREDENTIALS,
    FILE_REFUSED: Kind.ENVIRONMENT_CONFIG,
}


def test_what_is_forbidden_is_refused_and_its_owner_told() -> None:
    flow = begin()
    jobs = [(Job((log,), run_id=str(100 + number)), kind) for number, (log, kind) in enumerate(SHOWN.items())]

    for job, _ in jobs:
        flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(10)

    for job, kind in jobs:
        told = refused(flow, job.target, "until its owner mends it")
        assert [row.kind for row in told.incidents] == [kind]
