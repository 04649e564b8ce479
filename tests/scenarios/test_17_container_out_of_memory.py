"""Row 17: a container is killed for its memory; it gets half as much again, up to its cap, once. A leak is a person's."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.box_world import begin_with_box, kill_for_memory
from tests.support.runs import BOX
from tests.support.story import actions_on, seconds_to_detect, steps_done, told_of, untouched


def test_a_container_out_of_memory_gets_more_and_runs() -> None:
    flow = begin_with_box()

    kill_for_memory(flow)
    flow.pass_time(40)

    told = told_of(flow, BOX)
    [incident] = told.incidents
    assert incident.kind is Kind.OUT_OF_MEMORY
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("container_memory", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["limit:box", "start:box"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"engine", "proc", "network", "stream"}
    assert flow.world.containers.rows["box"].memory_bytes == 150
    assert flow.world.containers.ledger == [("limit", "box"), ("start", "box")]
    assert actions_on(flow, BOX)[-1] == "recovery.healed"


def test_a_second_time_is_a_leak_and_is_refused_untouched() -> None:
    flow = begin_with_box()
    kill_for_memory(flow)
    flow.pass_time(40)
    before = list(flow.world.containers.ledger)

    kill_for_memory(flow)
    flow.pass_time(40)

    told = told_of(flow, BOX)
    assert (told.outcomes[-1].status, told.outcomes[-1].reason) == (OutcomeStatus.REFUSED, "plan_out_of_bounds")
    assert flow.world.containers.ledger == before


def test_memory_that_somebody_else_has_changed_is_left_alone() -> None:
    flow = begin_with_box()
    flow.world.containers.rows["box"] = replace(flow.world.containers.rows["box"], memory_bytes=120)

    kill_for_memory(flow)
    flow.pass_time(40)

    assert told_of(flow, BOX).final.status is OutcomeStatus.REFUSED
    assert untouched(flow)
