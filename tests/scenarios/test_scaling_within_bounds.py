"""Replicas within bounds: too many are brought back, a burning budget gets half as many again; beyond the most a person is told."""

from __future__ import annotations

import pytest

from schemas.events import Alert, AlertStatus
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.cluster_world import GOOD_REF, SHOP_DEPLOYMENT, WEB, begin_with_cluster
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import LOCAL
from tests.support.story import seconds_to_detect, steps_done, told_of, untouched

TARGET = SHOP_DEPLOYMENT.target


def wants(flow: MemoryFlow, replicas: int) -> None:
    """Let somebody want so many replicas of the service, all of which run."""
    flow.world.cluster.workloads[WEB].replicas = replicas
    flow.world.cluster.place(WEB, GOOD_REF)


def burn(flow: MemoryFlow) -> None:
    """Let the service be so slow that its error budget burns."""
    flow.send(Alert(TARGET, "ErrorBudgetBurn", AlertStatus.FIRING, "critical", flow.now, "burn-1", provenance=LOCAL))


@pytest.mark.parametrize(("replicas", "after"), [(40, 6), (0, 1)])
def test_replicas_beyond_their_bounds_are_brought_back_to_them(replicas: int, after: int) -> None:
    flow = begin_with_cluster()

    wants(flow, replicas)
    flow.pass_time(25)

    told = told_of(flow, TARGET)
    assert [row.kind for row in told.incidents] == [Kind.CONFIG_DRIFT]
    assert seconds_to_detect(told) < 10
    assert told.decisions[0].strategy == "deployment_scale"
    assert steps_done(told) == [f"scale:{WEB}"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.cluster.workloads[WEB].replicas == after


def test_a_service_that_burns_its_budget_gets_half_as_many_again() -> None:
    flow = begin_with_cluster()

    burn(flow)
    flow.pass_time(25)

    told = told_of(flow, TARGET)
    assert [row.kind for row in told.incidents] == [Kind.SLO_BURN]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.cluster.workloads[WEB].replicas == 5


def test_one_that_has_all_that_it_may_have_is_left_as_it_is_and_a_person_is_told() -> None:
    flow = begin_with_cluster()
    wants(flow, SHOP_DEPLOYMENT.most_replicas)

    burn(flow)
    flow.pass_time(10)

    told = told_of(flow, TARGET)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "scaled_to_the_most")
    assert told.final.recommendations[0].what.startswith("Scale")
    assert untouched(flow)
