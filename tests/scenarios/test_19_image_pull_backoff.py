"""Row 19: a new image cannot be pulled; the last good one takes its place by a person's approval, or the new one comes back."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.cluster_world import GOOD_REF, SHOP_DEPLOYMENT, UNPULLED_REF, WEB, begin_with_cluster
from tests.support.memory_flow import MemoryFlow
from tests.support.story import approve_plan, steps_done, told_of, untouched

TARGET = SHOP_DEPLOYMENT.target


def fail(flow: MemoryFlow) -> None:
    """Let somebody roll out an image that nobody can pull."""
    flow.world.cluster.place(WEB, UNPULLED_REF)


def test_an_image_that_cannot_be_pulled_waits_for_a_yes_and_is_then_replaced() -> None:
    flow = begin_with_cluster()
    fail(flow)
    flow.pass_time(15)
    assert untouched(flow)

    approve_plan(flow)
    flow.pass_time(40)

    told = told_of(flow, TARGET)
    assert [row.kind for row in told.incidents] == [Kind.CONTAINER_RUNTIME]
    assert steps_done(told) == [f"image:{WEB}"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.cluster.workloads[WEB].image == GOOD_REF


def test_a_good_image_that_does_not_answer_is_taken_back() -> None:
    flow = begin_with_cluster()
    fail(flow)
    flow.world.health.silent |= {"deployed-tcp"}
    flow.pass_time(15)

    approve_plan(flow)
    flow.pass_time(190)

    # It is still down, so another incident waits for people by now.
    ended = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.status is not OutcomeStatus.PLANNED]
    assert [(row.status, row.final) for row in ended] == [(OutcomeStatus.ROLLED_BACK, True)]
    assert flow.world.cluster.workloads[WEB].image == UNPULLED_REF


def test_a_deployment_that_somebody_changes_before_the_yes_is_not_what_the_yes_was_for() -> None:
    flow = begin_with_cluster()
    fail(flow)
    flow.pass_time(15)

    flow.world.cluster.place(WEB, GOOD_REF)
    approve_plan(flow)
    flow.pass_time(40)

    assert told_of(flow, TARGET).final.status is OutcomeStatus.SELF_HEALED
    assert untouched(flow)
