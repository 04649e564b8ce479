"""Row 12: a container's new image does not run; the last good one takes its place by a person's approval, or the new one comes back."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.box_world import begin_with_box, deploy
from tests.support.runs import BOX, GOOD_IMAGE, NEW_IMAGE
from tests.support.story import approve_plan, steps_done, told_of, untouched


def test_a_bad_image_waits_for_a_yes_and_is_then_replaced() -> None:
    flow = begin_with_box()
    deploy(flow, NEW_IMAGE)
    flow.pass_time(15)
    assert untouched(flow)

    approve_plan(flow)
    flow.pass_time(40)

    told = told_of(flow, BOX)
    assert [row.kind for row in told.incidents] == [Kind.CONTAINER_RUNTIME]
    assert steps_done(told) == ["swap:box"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.containers.rows["box"].image == GOOD_IMAGE


def test_a_good_image_that_does_not_answer_is_taken_back() -> None:
    flow = begin_with_box()
    deploy(flow, NEW_IMAGE)
    flow.world.health.silent |= {"box-tcp"}
    flow.pass_time(15)

    approve_plan(flow)
    flow.pass_time(90)

    # It is still down, so another incident waits for people by now.
    ended = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.status is not OutcomeStatus.PLANNED]
    assert [(row.status, row.final) for row in ended] == [(OutcomeStatus.ROLLED_BACK, True)]
    assert flow.world.containers.rows["box"].image == NEW_IMAGE
    assert flow.world.containers.ledger[-1] == ("swap_back", "box")
