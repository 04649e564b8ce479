"""Row 24: a kernel's table is full; its limit is raised once within its cap, and the declared value comes back when that does not help."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.targets.limit import LimitSpec, LimitUse
from schemas.vocabulary import Kind
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, MemoryWorld
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

CONNTRACK = LimitSpec("conntrack", "/proc/sys/net/netfilter/nf_conntrack_max", "/proc/sys/net/netfilter/nf_conntrack_count", 1000, 1200)


def _half_used(world: MemoryWorld) -> None:
    world.limits.rows["conntrack"] = LimitUse(1000, 500)


def begin_tracking() -> MemoryFlow:
    return begin(services=replace(SHOP, limits=(replace(CONNTRACK, every_s=1.0),)), prepare=_half_used)


def fail(flow: MemoryFlow, seed: int = 0) -> str:
    """Let the table be all but full."""
    flow.world.limits.rows["conntrack"] = LimitUse(1000, 1000 - seed)
    return CONNTRACK.target


def test_a_full_table_gets_half_as_much_again_but_no_more_than_its_cap() -> None:
    flow = begin_tracking()

    target = fail(flow)
    flow.pass_time(15)

    told = told_of(flow, target)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence) == (Kind.METRIC_ANOMALY, 0.99)
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("limit_raise", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["raise:conntrack"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification} == {
        ("limit_is_raised", "limit"),
        ("use_is_well", "use"),
        ("log_silence", "stream"),
    }
    assert flow.world.limits.ledger == [("conntrack", 1200)]
    assert actions_on(flow, target)[-1] == "recovery.healed"


def test_when_what_is_used_grows_with_it_the_declared_value_comes_back() -> None:
    flow = begin_tracking()
    flow.world.limits.leaks = True

    target = fail(flow)
    flow.pass_time(60)

    told = told_of(flow, target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert flow.world.limits.ledger == [("conntrack", 1200), ("conntrack", 1000)]
    assert told.final.rollback_s is not None
    assert told.final.rollback_s < 60


def test_a_table_that_was_raised_before_is_not_raised_again_and_a_person_is_told() -> None:
    flow = begin_tracking()

    flow.world.limits.rows["conntrack"] = LimitUse(1200, 1200)
    flow.pass_time(15)

    told = told_of(flow, CONNTRACK.target)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.ESCALATED, "limit_not_as_declared")
    assert untouched(flow)
