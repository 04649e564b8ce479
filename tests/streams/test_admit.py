"""The door: what is let through, what waits, what leaves, and that nothing is done twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from schemas.configuration import Configuration, Keys
from schemas.decisions import Admission, AdmissionState, Decision, HealingCommand, Mode, Oversight, Tier, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Output, Place, Reject
from schemas.oversight import Approval, AuditEntry, Control, KillSwitch, Lease, Override, SwitchMode
from schemas.people import People, Person, Role
from schemas.policy import Budget, Policy
from schemas.recoveries import OutcomeStatus, PlanShown, RecoveryOutcome
from schemas.signing import is_signed_by, private_key_from, public_text, sign
from schemas.vocabulary import Kind
from streams.admission_records import AdmitRules
from streams.admit import Admit
from tests.support.records import AT

ADMIT_KEY = private_key_from(bytes(range(32)))
PEOPLE_KEYS = {name: private_key_from(bytes([number]) * 32) for number, name in enumerate(("ada", "bob", "cyd"), 1)}
PEOPLE = People(
    (
        Person("ada", frozenset({Role.OPERATOR, Role.APPROVER}), public_text(PEOPLE_KEYS["ada"])),
        Person("bob", frozenset({Role.APPROVER}), public_text(PEOPLE_KEYS["bob"])),
        Person("cyd", frozenset({Role.VIEWER}), public_text(PEOPLE_KEYS["cyd"])),
    )
)
HERE = Place("t", 0, 0)


def configured(policy: Policy | None = None) -> Configuration:
    return Configuration(policy=policy or Policy(), people=PEOPLE, keys=Keys(public_text(ADMIT_KEY), ""))


def door(policy: Policy | None = None, before: Admit | None = None) -> Admit:
    return Admit.from_state(before.snapshot() if before else {}, AdmitRules(configured(policy), ADMIT_KEY, 3))


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def decision(number: int = 1, **changes: object) -> Decision:
    made = Decision(
        incident_id=f"incident-{number}",
        target=f"service:s{number}",
        scope=f"group:g{number}",
        kind=Kind.SERVICE_DOWN,
        fingerprint="f",
        opened_at=AT,
        detected_at=at(1),
        attempt=1,
        max_attempts=2,
        verdict=Verdict.HEAL,
        decided_at=at(1),
        expires_at=at(3600),
        strategy="service_restart",
        recipe_version=1,
        plan_hash="plan",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def take(stage: Admit, event: Record, seconds: float = 1) -> list[Record]:
    return emitted(stage.on_event(event, HERE, at(seconds)))


def tick(stage: Admit, seconds: float = 1) -> list[Record]:
    return [record for record in emitted(stage.on_tick(at(seconds))) if not isinstance(record, Lease | AuditEntry)]


def emitted(outputs: Sequence[Output]) -> list[Record]:
    return [output.record for output in outputs if isinstance(output, Emit)]


def commands(records: list[Record]) -> list[HealingCommand]:
    return [record for record in records if isinstance(record, HealingCommand)]


def outcomes(records: list[Record]) -> list[RecoveryOutcome]:
    return [record for record in records if isinstance(record, RecoveryOutcome)]


def holds(records: list[Record]) -> list[str]:
    return [record.reason for record in records if isinstance(record, Admission) and record.state is AdmissionState.QUEUED]


def word(by: str, key: str, **value: object) -> Control:
    return sign(Control(key=key, by=by, at=at(2), **value), PEOPLE_KEYS[by])  # type: ignore[arg-type]


def approval(of: Decision, by: str, plan_hash: str = "plan", approve: bool = True, until: float = 1800) -> Control:
    return word(by, f"approval/{id_of(of)}/{by}", approval=Approval(plan_hash, approve, at(until), f"nonce-{by}"))


def switch(by: str, mode: SwitchMode, scope: str = "fleet") -> Control:
    return word(by, f"killswitch/{scope}", killswitch=KillSwitch(mode, "drill"))


def ended(
    of: Decision, command: HealingCommand, status: OutcomeStatus, final: bool = True, plan: PlanShown | None = None
) -> RecoveryOutcome:
    return RecoveryOutcome(
        incident_id=of.incident_id,
        decision_id=id_of(of),
        attempt=1,
        final=final,
        target=of.target,
        kind=of.kind,
        status=status,
        reason="",
        opened_at=AT,
        detected_at=at(1),
        finished_at=at(9),
        command_id=id_of(command),
        strategy=of.strategy,
        scope=of.scope,
        plan=plan,
    )


def test_a_decision_to_heal_becomes_one_signed_command() -> None:
    stage = door()
    assert take(stage, decision()) == []
    found = tick(stage)
    [command] = commands(found)
    assert is_signed_by(command, public_text(ADMIT_KEY))
    assert (command.mode, command.epoch, command.decision_id) == (Mode.RUN, 3, id_of(decision()))
    assert command.not_after <= at(1 + 120)
    assert [record.state for record in found if isinstance(record, Admission)] == [AdmissionState.ADMITTED]
    assert commands(tick(stage, 5)) == []


def test_applying_an_event_twice_changes_nothing() -> None:
    stage = door()
    take(stage, decision())
    take(stage, decision())
    assert len(commands(tick(stage))) == 1
    assert take(stage, decision()) == []
    assert commands(tick(stage)) == []


def test_a_new_owner_from_state_goes_on_where_the_old_one_stopped() -> None:
    first = door()
    take(first, decision(1))
    take(first, decision(2))
    taken = first.take_changes()
    assert set(taken) == set(first.snapshot())
    second = door(before=first)
    assert len(commands(tick(second))) == 2
    assert commands(tick(door(before=second))) == []


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.REFUSE, OutcomeStatus.REFUSED), (Verdict.ESCALATE, OutcomeStatus.ESCALATED), (Verdict.OBSERVE, OutcomeStatus.OBSERVED)],
)
def test_what_never_runs_ends_at_once_with_one_final_outcome(verdict: Verdict, status: OutcomeStatus) -> None:
    stage = door()
    [outcome] = outcomes(take(stage, decision(verdict=verdict, reason="because")))
    assert (outcome.status, outcome.final, outcome.reason) == (status, True, "because")
    assert tick(stage) == []


def test_one_changing_command_a_scope_at_a_time() -> None:
    stage = door()
    first, second = decision(1, scope="group:shared"), decision(2, scope="group:shared")
    take(stage, first)
    take(stage, second)
    found = tick(stage)
    [command] = commands(found)
    assert holds(found) == ["budget: another command runs in group:shared"]
    take(stage, ended(first, command, OutcomeStatus.HEALED))
    assert [one.decision_id for one in commands(tick(stage, 10))] == [id_of(second)]


def test_budgets_hold_to_the_unit_and_across_a_restart() -> None:
    policy = Policy(target_budget=Budget(2, 100.0))
    stage = door(policy)
    for number in range(3):
        wanted = decision(number, target="service:same")
        take(stage, wanted)
        for command in commands(tick(stage, number)):
            take(stage, ended(wanted, command, OutcomeStatus.HEALED), number)
        stage = door(policy, before=stage)
    assert commands(tick(stage, 50)) == []
    assert len(commands(tick(stage, 101))) == 1


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_through_later() -> None:
    policy = Policy(breaker_failures=2, breaker_open_s=1000.0, target_budget=Budget(99, 1.0))
    stage = door(policy)
    for number in range(2):
        wanted = decision(number, target="service:same")
        take(stage, wanted)
        [command] = commands(tick(stage, number))
        take(stage, ended(wanted, command, OutcomeStatus.ROLLED_BACK), number)
    late = decision(9, target="service:same")
    take(stage, late, 2)
    assert holds(tick(stage, 2)) == ["budget: the breaker of target/service:same is open"]
    assert not [command for second in range(50, 1001, 50) for command in commands(tick(stage, second))]
    [command] = commands(tick(stage, 1002))
    take(stage, ended(late, command, OutcomeStatus.HEALED), 1003)
    take(stage, decision(10, target="service:same"), 1004)
    assert len(commands(tick(stage, 1004))) == 1


def asked() -> tuple[Admit, Decision, HealingCommand]:
    """Return a door, a high-tier decision at it, and the plan that was ordered."""
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1, tier=Tier.HIGH)
    take(stage, wanted)
    [plan] = commands(tick(stage))
    assert plan.mode is Mode.PLAN
    assert commands(tick(stage)) == []
    return stage, wanted, plan


def test_an_approval_of_exactly_the_executors_plan_lets_the_command_through() -> None:
    stage, wanted, plan = asked()
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="shown")))
    assert commands(tick(stage)) == []
    take(stage, approval(wanted, "bob", "another plan"))
    assert commands(tick(stage)) == []
    take(stage, approval(wanted, "bob", "shown"))
    [command] = commands(tick(stage))
    assert command.mode is Mode.RUN
    assert [(one.person, one.plan_hash) for one in command.approvals] == [("bob", "shown")]


@pytest.mark.parametrize("refused", ["viewer", "forged", "another's name", "expired", "proposer"])
def test_an_approval_that_does_not_count_changes_nothing(refused: str) -> None:
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1, tier=Tier.HIGH, proposer="ada")
    take(stage, wanted)
    [plan] = commands(tick(stage))
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    given = {
        "viewer": approval(wanted, "cyd"),
        "forged": replace(approval(wanted, "bob"), signature=approval(wanted, "ada").signature),
        "another's name": sign(replace(approval(wanted, "bob"), by="ada"), PEOPLE_KEYS["ada"]),
        "expired": approval(wanted, "bob", until=3),
        "proposer": approval(wanted, "ada"),
    }[refused]
    take(stage, given)
    assert commands(tick(stage, 5)) == []


def test_the_highest_tier_takes_two_different_people() -> None:
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=2, tier=Tier.CRITICAL)
    take(stage, wanted)
    [plan] = commands(tick(stage))
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    take(stage, approval(wanted, "bob"))
    take(stage, approval(wanted, "bob"))
    assert commands(tick(stage)) == []
    take(stage, approval(wanted, "ada"))
    assert len(commands(tick(stage))) == 1


def test_an_early_approval_is_kept_until_the_plan_is_shown() -> None:
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1, tier=Tier.HIGH)
    take(stage, approval(wanted, "bob"))
    take(stage, wanted)
    [plan] = commands(tick(stage))
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    assert len(commands(tick(stage))) == 1


def test_a_denial_ends_it_and_names_who_said_no() -> None:
    stage, wanted, _plan = asked()
    take(stage, approval(wanted, "bob", approve=False))
    found = tick(stage)
    [outcome] = outcomes(found)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, "denied")
    assert [record.by for record in found if isinstance(record, Admission)] == ["bob"]


def test_a_decision_that_waits_too_long_expires() -> None:
    stage, _wanted, _plan = asked()
    [outcome] = outcomes(tick(stage, 3600))
    assert outcome.status is OutcomeStatus.EXPIRED


def test_an_executor_that_refuses_to_plan_ends_the_waiting() -> None:
    stage, wanted, plan = asked()
    said = take(stage, ended(wanted, plan, OutcomeStatus.REFUSED, final=False))
    [last] = outcomes(said)
    assert (last.status, last.final, last.command_id) == (OutcomeStatus.REFUSED, True, None)
    assert [one.action for one in said if isinstance(one, AuditEntry)] == ["incident.refused"]
    assert tick(stage, 3600) == []


def test_a_refusal_to_plan_after_the_decision_has_left_says_nothing_more() -> None:
    stage, wanted, plan = asked()
    assert len(outcomes(tick(stage, 3600))) == 1
    assert take(stage, ended(wanted, plan, OutcomeStatus.EXPIRED, final=False)) == []


def test_an_older_executors_last_word_on_a_plan_is_not_said_twice() -> None:
    stage, wanted, plan = asked()
    assert take(stage, ended(wanted, plan, OutcomeStatus.REFUSED)) == tick(stage, 3600) == []


def test_a_halt_stops_lease_and_commands_until_another_person_releases_it() -> None:
    stage = door()
    take(stage, switch("ada", SwitchMode.HALT))
    take(stage, decision())
    assert stage.lease(at(3), 0) is None
    assert holds(tick(stage, 3)) == ["freeze: kill switch halt by ada"]
    take(stage, switch("ada", SwitchMode.OFF))
    assert commands(tick(stage, 4)) == []
    take(stage, switch("bob", SwitchMode.OFF))
    assert stage.lease(at(5), 0) is not None
    assert len(commands(tick(stage, 5))) == 1


def test_a_scoped_halt_is_listed_in_the_lease_and_a_drain_leaves_it_alone() -> None:
    stage = door()
    take(stage, switch("ada", SwitchMode.HALT, "group:g1"))
    lease = stage.lease(at(3), 7)
    assert lease is not None
    assert (lease.halted, lease.sequence, lease.epoch) == (("group:g1",), 7, 3)
    take(stage, decision(1))
    take(stage, decision(2))
    assert [command.scope for command in commands(tick(stage, 3))] == ["group:g2"]
    take(stage, switch("ada", SwitchMode.DRAIN))
    assert stage.lease(at(4), 8) is not None
    take(stage, decision(4))
    assert commands(tick(stage, 4)) == []


def test_a_viewer_can_not_engage_and_a_release_of_nothing_is_nothing() -> None:
    stage = door()
    take(stage, switch("cyd", SwitchMode.HALT))
    take(stage, switch("bob", SwitchMode.OFF))
    assert stage.lease(at(3), 0) is not None


def test_a_single_operator_releases_after_a_wait_and_never_approves_the_highest_tier() -> None:
    stage = door(Policy(oversight=Oversight.SINGLE_OPERATOR))
    take(stage, switch("ada", SwitchMode.HALT))
    take(stage, switch("ada", SwitchMode.OFF), 10)
    assert stage.lease(at(69), 0) is None
    assert stage.lease(at(71), 0) is not None
    [outcome] = outcomes(take(stage, decision(verdict=Verdict.ASK, approvals_required=2, oversight=Oversight.SINGLE_OPERATOR)))
    assert outcome.status is OutcomeStatus.REFUSED


def test_a_condition_that_clears_while_waiting_is_self_healed() -> None:
    stage, wanted, _plan = asked()
    assert take(stage, IncidentUpdate(wanted.incident_id, UpdateCause.EVIDENCE, "d", at(3))) == []
    [outcome] = outcomes(take(stage, IncidentUpdate(wanted.incident_id, UpdateCause.RESOLVED, "d", at(3))))
    assert outcome.status is OutcomeStatus.SELF_HEALED
    assert tick(stage, 4) == []


@pytest.mark.parametrize(
    ("override", "status"),
    [
        (Override("n", mark_healed=True), OutcomeStatus.SELF_HEALED),
        (Override("n", hands_off=True), OutcomeStatus.REFUSED),
        (Override("n", cancel=True), OutcomeStatus.REFUSED),
    ],
)
def test_a_persons_override_ends_what_waits(override: Override, status: OutcomeStatus) -> None:
    stage, wanted, _plan = asked()
    take(stage, word("ada", f"override/{wanted.incident_id}/n", override=override))
    [outcome] = outcomes(tick(stage, 4))
    assert outcome.status is status


def test_a_shadow_decision_is_a_dry_run_and_a_stray_record_is_rejected() -> None:
    stage = door()
    take(stage, decision(dry_run=True))
    assert [command.mode for command in commands(tick(stage))] == [Mode.DRY_RUN]
    assert isinstance(stage.on_event(Lease(1, 1, AT), HERE, AT)[0], Reject)
