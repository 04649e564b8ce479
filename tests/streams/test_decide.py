"""decide: verdict, plan and risk of an incident; further attempts only from evidence; a decision is made again from its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.redecide import rebuilt
from schemas.decisions import Decision, Tier, Verdict, plan_hash_of
from schemas.ids import id_of
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry, Control, Rollout, RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import OutcomeStatus
from schemas.services import UpstreamSpec
from schemas.signing import sign
from schemas.vocabulary import Kind, Result
from streams.choice_record import rechoose
from streams.decide import GATES, Decide, DecideEvent, DecideRules
from tests.support.failures import KEYS, PLACE, T0, admitted, at, configuration, incident, outcome, override, records

JOB = incident()
STORE = incident("service:store", Kind.SERVICE_DOWN)


def stage(level: RolloutLevel = RolloutLevel.AUTOMATIC, policy: Policy | None = None, targets: tuple[str, ...] = ()) -> Decide:
    return Decide.from_state({}, DecideRules(configuration(level, policy, targets), "m1"))


def say(decide: Decide, event: DecideEvent, seconds: float = 0) -> Sequence[Output]:
    return decide.on_event(event, PLACE, at(seconds))


def decided(outputs: Sequence[Output]) -> Decision:
    [found] = records(outputs, Decision)
    return cast("Decision", found)


def seen(attempt: int, kind: Kind = JOB.kind, result: Result = Result.FAILURE) -> IncidentUpdate:
    return IncidentUpdate(id_of(JOB), UpdateCause.EVIDENCE, f"x{attempt}", T0, attempt, kind, 0.97, result)


def test_a_service_that_is_down_is_started_by_name_with_a_plan_that_can_be_reproduced() -> None:
    outputs = say(stage(), STORE, 2)
    found = decided(outputs)
    assert (found.verdict, found.strategy, found.parameters) == (Verdict.HEAL, "service_restart", (("service", "store"),))
    assert found.plan_hash == plan_hash_of("service_restart", 1, "service:store", found.parameters, found.bounds)
    assert sum(row.points for row in found.risk.factors) == found.risk.score
    assert len(found.gates) == len(GATES)
    [audit] = records(outputs, AuditEntry)
    assert dict(cast("AuditEntry", audit).details)["reason"] == found.reason


def upstream_decided(name: str = "index", healing: bool = True, level: RolloutLevel = RolloutLevel.AUTOMATIC) -> Decision:
    base = configuration()
    row = StrategyPolicy("await_upstream", level)
    known = replace(base.services, upstreams=(UpstreamSpec("index", ("index.example",), (), healing),))
    given_rules = replace(base, services=known, policy=replace(base.policy, strategies=(*base.policy.strategies, row)))
    parent = replace(JOB, target=f"upstream:{name}", scope=f"upstream:{name}", run=None, result=None, origin_key=("storm", "f", "1"))
    return decided(say(Decide.from_state({}, DecideRules(given_rules)), parent, 2))


def test_a_known_upstream_is_waited_for_at_the_lowest_risk_and_by_its_name_alone() -> None:
    found = upstream_decided()
    assert (found.verdict, found.strategy, found.parameters) == (Verdict.HEAL, "await_upstream", (("upstream", "index"),))
    assert (found.tier, found.max_attempts, rebuilt(found).verdict) == (Tier.LOW, 1, Verdict.HEAL)
    assert dict(found.bounds) == {"passes": 3, "first_wait_s": 1.0, "longest_wait_s": 30.0}


def test_an_upstream_that_is_off_limits_unknown_or_not_rolled_out_is_not_waited_for() -> None:
    assert upstream_decided(healing=False).verdict is Verdict.REFUSE
    assert upstream_decided("nobody").verdict is Verdict.ESCALATE
    assert upstream_decided(level=RolloutLevel.OBSERVE).verdict is Verdict.OBSERVE


def test_a_drifted_file_goes_back_to_the_pinned_commit() -> None:
    found = decided(say(stage(), incident("config:web.yaml", Kind.CONFIG_DRIFT)))
    assert found.parameters == (("config", "web.yaml"), ("commit", "c0ffee"))


def test_a_job_is_run_again_as_its_producer_named_it() -> None:
    found = decided(say(stage(), JOB))
    assert dict(found.parameters) == {
        "source": "github", "project": "acme/api", "run_id": "77", "job": "build", "attempt": 1, "pattern": "pip-timeout",
    }  # fmt: skip
    assert found.candidates[0].propensity == 1.0


def test_a_fresh_installation_observes_and_a_shadow_only_pretends() -> None:
    assert decided(say(Decide.from_state({}, DecideRules(replace(configuration(), policy=Policy()))), STORE)).verdict is Verdict.OBSERVE
    shadow = decided(say(stage(RolloutLevel.SHADOW), STORE))
    assert (shadow.verdict, shadow.dry_run) == (Verdict.HEAL, True)
    assert decided(say(stage(targets=("service:api",)), STORE)).verdict is Verdict.OBSERVE


@pytest.mark.parametrize(("high", "critical", "approvals"), [(10.0, 90.0, 1), (10.0, 11.0, 2)])
def test_a_risky_action_waits_for_as_many_people_as_its_tier_asks(high: float, critical: float, approvals: int) -> None:
    found = decided(say(stage(policy=Policy(high_from=high, critical_from=critical)), STORE))
    assert (found.verdict, found.approvals_required) == (Verdict.ASK, approvals)
    assert found.tier is (Tier.HIGH if approvals == 1 else Tier.CRITICAL)


def test_level_approve_needs_one_approval_even_at_low_risk() -> None:
    found = decided(say(stage(RolloutLevel.APPROVE, Policy(medium_from=50.0)), STORE))
    assert (found.verdict, found.approvals_required, found.tier) == (Verdict.ASK, 1, Tier.LOW)


def test_what_no_strategy_heals_is_escalated_with_the_reason() -> None:
    found = decided(say(stage(), incident(kind=Kind.DISK_FULL)))
    assert (found.verdict, found.strategy, found.plan_hash) == (Verdict.ESCALATE, "", "")
    assert found.reason == "strategy: no strategy heals disk_full on job"


def test_the_same_incident_twice_is_decided_once() -> None:
    decide = stage()
    say(decide, JOB)
    assert say(decide, JOB) == ()


def test_a_failed_rerun_is_tried_again_only_after_its_new_attempt_was_seen() -> None:
    decide = stage()
    say(decide, JOB)
    assert say(decide, outcome(JOB, OutcomeStatus.ROLLED_BACK, 10), 10) == ()
    assert say(decide, outcome(JOB, OutcomeStatus.ROLLED_BACK, 10), 11) == ()
    found = decided(say(decide, seen(2), 12))
    assert (found.attempt, found.verdict, dict(found.parameters)["attempt"]) == (2, Verdict.HEAL, 2)


def test_evidence_that_came_before_the_outcome_counts() -> None:
    decide = stage()
    say(decide, JOB)
    say(decide, seen(2))
    assert decided(say(decide, outcome(JOB, OutcomeStatus.ROLLED_BACK, 10))).verdict is Verdict.HEAL


@pytest.mark.parametrize(("kind", "result"), [(Kind.TEST_FAILURE, Result.FAILURE), (JOB.kind, Result.SUCCESS)])
def test_a_rerun_that_ended_in_another_way_is_escalated(kind: Kind, result: Result) -> None:
    decide = stage()
    say(decide, JOB)
    say(decide, outcome(JOB, OutcomeStatus.ROLLED_BACK, 10))
    found = decided(say(decide, seen(2, kind, result)))
    assert (found.attempt, found.verdict) == (2, Verdict.ESCALATE)
    assert found.reason.startswith("previous_attempt")


@pytest.mark.parametrize("stamped_s", [10, 3610, -3590], ids=["by a right clock", "by one an hour ahead", "by one an hour behind"])
def test_a_new_attempt_that_is_not_seen_in_time_is_escalated_once(stamped_s: float) -> None:
    decide = stage()
    say(decide, JOB)
    say(decide, outcome(JOB, OutcomeStatus.ROLLED_BACK, stamped_s), 10)
    assert decide.on_tick(at(129)) == []
    assert decided(decide.on_tick(at(130))).verdict is Verdict.ESCALATE
    assert decide.on_tick(at(999)) == []


def test_a_service_is_tried_again_from_its_failed_verification_and_never_after_the_end() -> None:
    decide = stage()
    say(decide, STORE)
    found = decided(say(decide, outcome(STORE, OutcomeStatus.ROLLED_BACK, 5)))
    assert found.attempt == 2
    assert found.risk.score > decided(say(stage(), STORE)).risk.score
    say(decide, outcome(STORE, OutcomeStatus.ROLLED_BACK, 9, attempt=2))
    assert say(decide, outcome(STORE, OutcomeStatus.ROLLED_BACK, 5)) == ()


def test_the_loop_guard_counts_commands_over_all_incidents_of_a_target() -> None:
    decide = stage()
    say(decide, STORE)
    for number in range(3):
        say(decide, admitted(id_of(STORE), number, f"c{number}"))
        say(decide, admitted(id_of(STORE), number, f"c{number}"))
    again = decided(say(decide, replace(STORE, origin_key=("group:shop", "2")), 10))
    assert (again.verdict, again.reason.split(":")[0]) == (Verdict.ESCALATE, "loop_guard")
    later = decided(say(decide, replace(STORE, origin_key=("group:shop", "3")), 3700))
    assert next(gate.verdict for gate in later.gates if gate.name == "loop_guard") is Verdict.HEAL


def test_reruns_are_counted_by_commit_over_runs() -> None:
    decide = stage()
    say(decide, JOB)
    for name in ("c1", "c2"):
        say(decide, admitted(id_of(JOB), 1, name))
    found = decided(say(decide, replace(JOB, origin_key=("other",), target="job:github/acme/api/78/build")))
    assert found.reason.startswith("same_commit")


def test_a_signed_control_lowers_a_level_and_raises_none() -> None:
    for level, verdict in ((RolloutLevel.OBSERVE, Verdict.OBSERVE), (RolloutLevel.AUTOMATIC, Verdict.ASK)):
        decide = stage(RolloutLevel.APPROVE)
        control = Control("rollout/service_restart", "olga", T0, rollout=Rollout(level))
        say(decide, control)
        assert decided(say(decide, replace(STORE, origin_key=("unsigned",)))).verdict is Verdict.ASK
        say(decide, sign(control, KEYS["olga"]))
        assert decided(say(decide, STORE)).verdict is verdict


def test_an_override_makes_a_verdict_stricter_and_excludes_its_author_from_approving() -> None:
    reopened = replace(JOB, origin_key=("n1",), reopens="old", opened_by="olga")
    plain = decided(say(stage(), reopened))
    assert (plain.verdict, plain.proposer) == (Verdict.ASK, "olga")
    decide = stage()
    say(decide, override("old", "olga", verdict="refuse"))
    assert decided(say(decide, reopened)).verdict is Verdict.REFUSE


EVENTS: list[DecideEvent] = [
    JOB, STORE, seen(2), seen(3), admitted(id_of(JOB), 1, "c9"), admitted(id_of(STORE), 2), override("old", "ada", verdict="observe"),
    outcome(JOB, OutcomeStatus.ROLLED_BACK, 3), outcome(STORE, OutcomeStatus.ROLLED_BACK, 4), outcome(STORE, OutcomeStatus.HEALED, 9, 2),
    incident(kind=Kind.TEST_FAILURE, target="job:x"), incident("service:web", Kind.SERVICE_DOWN, 0.4),
]  # fmt: skip


@given(order=st.permutations(range(len(EVENTS))), cut=st.integers(0, len(EVENTS)), level=st.sampled_from(RolloutLevel))
@settings(max_examples=60, deadline=None)
def test_restarts_and_repeats_change_nothing_and_every_decision_follows_from_its_record(
    order: list[int], cut: int, level: RolloutLevel
) -> None:
    rules = DecideRules(configuration(level), "m1")
    plain, broken, doubled = (Decide.from_state({}, rules) for _ in range(3))
    kept: dict[str, str] = {}
    for number, index in enumerate(order):
        now = at(100 * number)
        if number == cut:
            broken = Decide.from_state(kept, rules)
        event = EVENTS[index]
        expected = [*plain.on_event(event, PLACE, now), *plain.on_tick(now)]
        assert [*broken.on_event(event, PLACE, now), *broken.on_tick(now)] == expected
        assert [*doubled.on_event(event, PLACE, now), *doubled.on_event(event, PLACE, now), *doubled.on_tick(now)] == expected
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        assert kept == broken.snapshot()
        for output in expected:
            if isinstance(output, Emit) and isinstance(output.record, Decision):
                assert rebuilt(output.record).verdict is output.record.verdict
                chosen = (output.record.strategy, tuple((row.strategy, row.propensity) for row in output.record.candidates))
                assert rechoose(output.record) == (chosen if output.record.strategy else None)


def test_an_incident_keeps_no_features_in_the_state() -> None:
    decide = stage()
    say(decide, JOB)
    [text] = [text for name, text in decide.snapshot().items() if name.startswith("incident/")]
    assert isinstance(JOB, Incident)
    assert '"features":[]' in text
