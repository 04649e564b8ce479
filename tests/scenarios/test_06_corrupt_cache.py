"""Row 6: an entry of a cache is corrupt; it is set aside, built anew and read cold, or the previous one comes back."""

from __future__ import annotations

from dataclasses import replace

from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.targets.cache import CacheSpec
from schemas.vocabulary import Kind
from tests.support.fake_caches import GOOD
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

CACHE = CacheSpec("wheels", "/var/cache/wheels", ("fill",), ("read",), group="build", every_s=1.0)


def rotten(policy: Policy | None = None) -> MemoryFlow:
    """Return a flow with two entries of which one is cut off."""
    flow = begin(policy, services=replace(SHOP, caches=(CACHE,)))
    flow.world.caches.entries |= {"six.whl": "cut off", "attrs.whl": GOOD}
    return flow


def test_a_corrupt_entry_is_set_aside_built_anew_and_read_cold() -> None:
    flow = rotten()

    flow.pass_time(10)

    told = told_of(flow, CACHE.target)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence >= 0.9) == (Kind.INTEGRITY_OR_CACHE, True)
    assert seconds_to_detect(told) < 5
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required, decision.parameters) == ("cache_rebuild", 0, (("cache", "wheels"),))
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["aside:wheels", "rebuild:wheels"]
    assert [row[:2] for row in flow.world.caches.ledger] == [("aside", "six.whl"), ("rebuild", "wheels")]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification if row.passed} == {
        ("entry_hash_good", "digest"),
        ("cold_read_passes", "cold_build"),
        ("log_silence", "stream"),
    }
    assert flow.world.caches.entries == {"six.whl": GOOD, "attrs.whl": GOOD}
    assert actions_on(flow, CACHE.target)[-1] == "recovery.healed"


def test_the_previous_entry_comes_back_when_the_command_fails() -> None:
    flow = rotten()
    flow.world.caches.rebuild_fails = True
    before = dict(flow.world.caches.entries)

    flow.pass_time(10)

    outcome = told_of(flow, CACHE.target).outcomes[0]
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert [step.name for step in outcome.rollback][-1] == "aside:wheels"
    assert flow.world.caches.entries == before


def test_a_cache_that_is_only_observed_is_not_touched() -> None:
    flow = rotten(Policy())

    flow.pass_time(8)

    told = told_of(flow, CACHE.target)
    assert told.final.status is OutcomeStatus.OBSERVED
    assert told.commands == []
    assert untouched(flow)
