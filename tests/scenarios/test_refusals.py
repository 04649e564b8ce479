"""Rows 10, 15, 31 and 35: what must be refused, says why, and touches nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.events import Origin, Provenance, Trust
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.memory_world import Job
from tests.support.story import begin, told_of, untouched

EXIT_1 = "##[error]Process completed with exit code 1.\n"
COMPILER = "src/main.c:7:5: error: expected ';' before 'return'\nmake: *** [Makefile:3: main.o] Error 1\n" + EXIT_1
PYTEST = (
    "=================================== FAILURES ===================================\n"
    "E       assert 3 == 4\n\ntests/test_cart.py:7: AssertionError\n"
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    "========================= 1 failed, 2 passed in 0.04s ==========================\n" + EXIT_1
)
DENIED = "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://git.example/acme/api.git/'\n" + EXIT_1
CANCELLED = "##[error]The operation was canceled.\n"


@pytest.mark.parametrize(
    ("log", "conclusion", "kind", "word"),
    [
        (COMPILER, "failure", Kind.COMPILE_ERROR, "fault of the code"),
        (PYTEST, "failure", Kind.TEST_FAILURE, "fault of the code"),
        (DENIED, "failure", Kind.AUTH_CREDENTIALS, "auth_credentials"),
        (CANCELLED, "cancelled", Kind.RUNNER_LOST_OR_CANCELLED, "cancel"),
        (TIMED_OUT, "cancelled", Kind.NETWORK_CONNECTIVITY, "cancel"),
    ],
    ids=["compiler", "pytest", "permission", "cancelled by a person", "cancelled with an infra error in its log"],
)
def test_what_no_retry_may_touch_is_refused_with_the_reason(log: str, conclusion: str, kind: Kind, word: str) -> None:
    flow = begin()
    job = Job((log,))

    flow.world.run_job(job, flow.now, (conclusion,))
    flow.pass_time(60)

    told = told_of(flow, job.target)
    assert told.incidents[0].kind is kind
    assert told.final.status is OutcomeStatus.REFUSED
    assert word in told.final.reason
    assert told.commands == []
    assert untouched(flow)


def test_a_forks_job_that_prints_a_patterns_text_is_not_healed() -> None:
    flow = begin()
    job = Job((TIMED_OUT,), provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger"), trigger="pull_request")

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(60)

    told = told_of(flow, job.target)
    assert told.final.status in {OutcomeStatus.REFUSED, OutcomeStatus.ESCALATED}
    assert told.commands == []
    assert untouched(flow)


def test_a_healthy_job_that_prints_every_patterns_text_opens_nothing() -> None:
    flow = begin()
    job = Job((TIMED_OUT + COMPILER + DENIED,))

    flow.world.run_job(replace(job, run_id="78"), flow.now, ("success",))
    flow.pass_time(60)

    assert flow.of(Incident, "heal.incidents") == []
    assert untouched(flow)
