"""Row 33: the condition clears before the act; nothing is done and no credit is taken."""

from __future__ import annotations

from dataclasses import replace

from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from tests.support.story import AUTOMATIC, begin, told_of, untouched


def test_a_service_that_comes_back_while_people_are_asked_is_recorded_as_self_healed() -> None:
    flow = begin(replace(Policy(strategies=AUTOMATIC), medium_from=1, high_from=2))

    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    flow.world.processes.alive |= {"api"}
    flow.pass_time(20)

    told = told_of(flow, "service:api")
    assert told.admissions[0].state == "queued"
    assert told.final.status is OutcomeStatus.SELF_HEALED
    assert untouched(flow)
