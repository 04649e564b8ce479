"""Storms at the door: members wait with one word each, go at a rate when their parent is over, and each has one end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.fenced_loop import LoopPlan
from schemas.avro_codec import Codec
from schemas.decisions import Admission, AdmissionState, Decision, Tier, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import FLEET, STORM, Incident, IncidentUpdate, UpdateCause
from schemas.lifecycle import LIFE, Hold, Life
from schemas.oversight import Override, SwitchMode
from schemas.policy import Budget, Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Group, Kind
from streams.admit import MAX_OUTPUTS, Admit
from streams.door_state import MAX_QUEUED
from streams.gatekeeper import ADMIT_ONLY_WITH
from tests.streams.test_admit import at, commands, decision, door, ended, holds, outcomes, switch, take, tick, word

WIDE = Budget(limit=1_000_000, window_s=3600.0)
POLICY = Policy(
    target_budget=WIDE,
    strategy_budget=WIDE,
    fleet_budget=WIDE,
    storm_release=Budget(limit=3, window_s=60.0),
    storm_hold_s=600.0,
    decision_valid_s=3600.0,
)
WAIT = {"strategy": "await_upstream", "target": "upstream:index", "scope": "upstream:index", "fingerprint": "f"}


def storm(target: str = "upstream:index", number: int = 0) -> Incident:
    times = (at(1), at(1))
    return Incident((STORM, "f", str(number)), Kind.NETWORK_CONNECTIVITY, Group.INFRA, 0.97, "f", target, target, "warning", True, *times)


PARENT = storm()
ON_PARENT = decision(0, incident_id=id_of(PARENT), **WAIT)
ON_FLEET = replace(ON_PARENT, target=FLEET, scope=FLEET, strategy="", verdict=Verdict.ESCALATE, reason="strategy: none")


def member(number: int, **changes: object) -> Decision:
    job = f"job:github/acme/r{number}/1/build"
    return decision(number, target=job, scope=f"run:{number}", strategy="rerun_job", **changes)


def test_the_doors_loop_reads_of_all_incidents_storms_and_what_has_ended_only() -> None:
    codec = Codec([Incident, IncidentUpdate])
    plan = LoopPlan("admit", (), "", lambda *_: door(), only_with=ADMIT_ONLY_WITH)
    told = IncidentUpdate("i", UpdateCause.RESOLVED, "d", at(1))
    passes = {record: plan.is_for_stage("heal.incidents", codec.encode(record)) for record in (PARENT, told)}
    single = replace(PARENT, origin_key=("github", "acme/api", "1", "build", "1"))
    others = (single, replace(told, cause=UpdateCause.MEMBERS), replace(told, cause=UpdateCause.EVIDENCE))
    assert passes == {PARENT: True, told: True}
    assert not any(plan.is_for_stage("heal.incidents", codec.encode(record)) for record in others)


def over(status: OutcomeStatus, of: Decision = ON_PARENT) -> RecoveryOutcome:
    return replace(
        RecoveryOutcome(of.incident_id, id_of(of), 1, True, of.target, of.kind, status, "", at(0), at(1), at(50)), scope=of.scope
    )


def stormy(count: int, policy: Policy = POLICY) -> Admit:
    """Return a door at which the parent's wait runs and ``count`` members wait."""
    stage = door(policy)
    take(stage, PARENT)
    take(stage, ON_PARENT)
    for number in range(1, count + 1):
        take(stage, member(number, parent=id_of(PARENT)))
    return stage


def admitted(records: list[Record]) -> list[str]:
    return [one.target for one in commands(records)]


def test_members_wait_with_one_word_each_while_their_parent_is_open() -> None:
    stage = stormy(5)
    first = tick(stage, 2)
    assert admitted(first) == ["upstream:index"], "the parent itself goes"
    assert holds(first) == [f"{Hold.STORM}: {id_of(PARENT)}"] * 5
    assert [record for second in range(3, 60) for record in tick(stage, second)] == []


def test_what_waited_before_the_parent_opened_is_held_too_and_other_failures_are_not() -> None:
    stage = door(replace(POLICY, fleet_budget=Budget(limit=1, window_s=3600.0)))
    take(stage, decision(8, fingerprint="other"))
    take(stage, member(1))
    take(stage, decision(9, fingerprint="other"))
    assert admitted(tick(stage, 2)) == ["service:s8"]
    take(stage, PARENT, 3)
    said = tick(stage, 3)
    assert [(one.incident_id, one.reason.partition(":")[0]) for one in said if isinstance(one, Admission)] == [("incident-1", "storm")]


def test_a_member_that_is_read_before_its_parent_waits_as_well() -> None:
    stage = door(POLICY)
    take(stage, member(1, parent=id_of(PARENT)))
    assert holds(tick(stage, 2)) == [f"storm: {id_of(PARENT)}"]
    take(stage, ON_PARENT, 3)
    assert admitted(tick(stage, 3)) == ["upstream:index"]


def test_a_member_stamped_by_a_clock_that_is_ahead_is_not_younger_than_the_end_of_its_storm() -> None:
    """Given a parent in a person's hands, which holds for a while, then a member of before waits as the others do."""
    stage = door(POLICY)
    take(stage, PARENT)
    take(stage, ON_FLEET)
    take(stage, member(1, parent=id_of(PARENT), decided_at=at(3601), expires_at=at(7201)))
    take(stage, over(OutcomeStatus.ESCALATED, ON_FLEET), 2)
    assert admitted(tick(stage, 3)) == []


@pytest.mark.parametrize("status", [OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED])
def test_when_the_parent_is_healed_members_go_at_the_rate_and_never_more_in_any_window(status: OutcomeStatus) -> None:
    stage = stormy(10)
    tick(stage, 2)
    take(stage, over(status), 50)
    gone = {second: len(admitted(tick(stage, second))) for second in range(50, 400)}
    times = [second for second, count in gone.items() for _ in range(count)]
    assert len(times) == 10
    assert all(sum(begin <= second < begin + 60 for second in times) <= 3 for begin in range(50, 400))
    assert times[-1] < 50 + 4 * 60


def test_a_restart_in_the_middle_forgets_neither_who_waits_nor_who_went() -> None:
    straight, restarted = stormy(10), stormy(10)
    said: list[list[Record]] = [[], []]
    for second in range(2, 240):
        if second == 50:
            take(straight, over(OutcomeStatus.HEALED), 50)
            take(restarted, over(OutcomeStatus.HEALED), 50)
        restarted = door(POLICY, restarted)
        said[0] += tick(straight, second)
        said[1] += tick(restarted, second)
    assert said[0] == said[1]
    assert len(commands(said[0])) == 11


def test_a_released_member_is_judged_anew_and_keeps_its_one_word() -> None:
    tight = replace(POLICY, fleet_budget=Budget(limit=1, window_s=600.0))
    stage = stormy(3, tight)
    said = tick(stage, 2)
    take(stage, over(OutcomeStatus.HEALED), 50)
    said += [record for second in range(50, 560) for record in tick(stage, second)]
    assert admitted(said) == ["upstream:index"], "the fleet has had its share"
    assert len(holds(said)) == 3
    assert len(admitted(tick(stage, 602))) == 1


def test_a_member_that_is_well_by_itself_is_let_out_as_self_healed_and_is_not_run_again() -> None:
    stage = stormy(2)
    tick(stage, 2)
    said = take(stage, IncidentUpdate("incident-1", UpdateCause.RESOLVED, "green", at(30)), 30)
    assert [one.status for one in outcomes(said)] == [OutcomeStatus.SELF_HEALED]
    take(stage, over(OutcomeStatus.HEALED), 50)
    assert admitted(tick(stage, 50)) == [member(2).target]


def test_a_kill_switch_at_the_end_of_a_storm_costs_no_turn_and_no_word() -> None:
    stage = stormy(2)
    tick(stage, 2)
    take(stage, switch("ada", SwitchMode.DRAIN), 40)
    take(stage, over(OutcomeStatus.HEALED), 50)
    assert tick(stage, 50) == []


def test_approval_is_asked_for_only_when_the_storm_is_over() -> None:
    stage = door(POLICY)
    take(stage, PARENT)
    asks = member(1, verdict=Verdict.ASK, tier=Tier.HIGH, approvals_required=1, parent=id_of(PARENT))
    take(stage, asks)
    assert commands(tick(stage, 2)) == []
    take(stage, over(OutcomeStatus.HEALED), 50)
    said = tick(stage, 50)
    assert [one.mode for one in commands(said)] == ["plan"]
    assert holds(said)[0].startswith(Hold.APPROVAL)
    assert tick(stage, 51) == []


@pytest.mark.parametrize("target", [FLEET, "upstream:index"])
def test_members_of_a_parent_in_a_persons_hands_wait_as_configured_and_expire_at_their_own_time(target: str) -> None:
    stage = door(replace(POLICY, storm_hold_s=3600.0))
    take(stage, storm(target))
    members = [member(number, parent=id_of(storm(target)), expires_at=at(100 * number)) for number in (1, 2)]
    for one in members:
        take(stage, one)
    take(stage, replace(over(OutcomeStatus.ESCALATED), target=target), 50)
    said = [(second, record.status) for second in range(2, 300) for record in outcomes(tick(stage, second))]
    assert said == [(100, OutcomeStatus.EXPIRED), (200, OutcomeStatus.EXPIRED)]


def test_the_fleet_has_no_strategy_so_its_parent_is_escalated_once_and_its_members_are_held() -> None:
    stage = door(POLICY)
    take(stage, storm(FLEET))
    said = take(stage, ON_FLEET)
    assert [(one.status, one.final) for one in outcomes(said)] == [(OutcomeStatus.ESCALATED, True)]
    assert take(stage, ON_FLEET) == [], "one page"
    take(stage, member(1, parent=ON_FLEET.incident_id))
    take(stage, outcomes(said)[0], 5)
    assert holds(tick(stage, 6)) == [f"storm: {ON_FLEET.incident_id}"]
    assert admitted(tick(stage, 604)) == []
    assert admitted(tick(stage, 606)) == [member(1).target], "the configured time is over"


def test_a_person_who_marks_the_parent_healed_lets_its_members_go() -> None:
    stage = stormy(2)
    tick(stage, 2)
    take(stage, over(OutcomeStatus.ESCALATED), 50)
    assert tick(stage, 51) == []
    key = f"override/{id_of(PARENT)}/n1"
    take(stage, word("cyd", key, override=Override("n1", mark_healed=True)), 52)
    assert tick(stage, 53) == [], "who may only look lets nothing go"
    take(stage, word("ada", key, override=Override("n1", mark_healed=True)), 54)
    assert len(admitted(tick(stage, 54))) == 2


@pytest.mark.parametrize("status", [OutcomeStatus.OBSERVED, OutcomeStatus.REFUSED])
def test_a_storm_that_is_only_shown_holds_nothing_at_no_rate(status: OutcomeStatus) -> None:
    stage = stormy(10)
    tick(stage, 2)
    take(stage, over(status), 3)
    assert len(admitted(tick(stage, 4))) == 10


def test_a_second_storm_of_the_same_failure_holds_what_the_first_let_go_and_what_came_after() -> None:
    stage = stormy(1, replace(POLICY, target_budget=Budget(limit=1, window_s=3600.0)))
    tick(stage, 2)
    take(stage, over(OutcomeStatus.HEALED), 50)
    fresh = replace(member(2), decided_at=at(55))
    take(stage, fresh, 55)
    assert len(admitted(tick(stage, 56))) == 2, "a failure after the end is no member"
    second = storm(number=1)
    take(stage, second, 60)
    take(stage, replace(member(3), decided_at=at(61)), 61)
    assert holds(tick(stage, 62)) == [f"storm: {id_of(second)}"]


def test_old_storms_are_forgotten_and_the_state_is_empty_in_the_end() -> None:
    stage = stormy(3)
    tick(stage, 2)
    take(stage, over(OutcomeStatus.HEALED), 50)
    for second in range(50, 200, 10):
        tick(stage, second)
    tick(stage, 50 + 3601)
    assert [name for name in stage.snapshot() if name.startswith(("storm/", "queue/"))] == []


def test_ten_thousand_members_keep_a_bounded_state_and_have_one_end_each() -> None:
    stage = stormy(10_000)
    said = [record for second in range(2, 12) for record in tick(stage, second)]
    assert len(holds(said)) == 10_000
    state = stage.snapshot()
    assert sum(name.startswith("queue/") for name in state) == 10_000
    assert sum(map(len, state.values())) / 10_000 < 2_000, "what the decision rests on stays on the topic"
    ends: Counter[str] = Counter()
    for second in range(3600, 3630):
        batch = stage.on_tick(at(second))
        assert len(batch) < MAX_OUTPUTS + 10, "no tick is one huge transaction"
        ends.update(one.incident_id for one in outcomes([output.record for output in batch if hasattr(output, "record")]))
    assert len(ends) == 10_000
    assert set(ends.values()) == {1}


def test_beyond_the_bound_of_the_queue_a_decision_is_refused_and_said_so() -> None:
    stage = stormy(MAX_QUEUED - 1)
    [refused] = outcomes(take(stage, member(MAX_QUEUED + 5, parent=id_of(PARENT))))
    assert (refused.status, refused.final) == (OutcomeStatus.REFUSED, True)
    assert refused.reason.startswith("queue_full")
    assert sum(name.startswith("queue/") for name in stage.snapshot()) == MAX_QUEUED


def test_the_table_of_an_incidents_life_knows_every_way_out_of_a_storm() -> None:
    assert LIFE[Life.QUEUED] == {Life.ADMITTED, Life.REFUSED, Life.EXPIRED, Life.SELF_HEALED}


_MOVES = st.lists(st.sampled_from(["healed", "escalated", "marked", "green", "restart", "second"]), max_size=6)


@settings(max_examples=40, deadline=None)
@given(moves=_MOVES, count=st.integers(1, 8))
def test_whatever_happens_every_member_has_one_end_or_one_command(moves: list[str], count: int) -> None:
    stage = stormy(count)
    said = tick(stage, 2)
    for number, move in enumerate(moves):
        second = 10.0 * (number + 1)
        if move == "restart":
            stage = door(POLICY, stage)
        elif move == "second":
            said += take(stage, storm(number=1), second)
        elif move == "green":
            said += take(stage, IncidentUpdate("incident-1", UpdateCause.RESOLVED, "green", at(second)), second)
        elif move == "marked":
            said += take(stage, word("ada", f"override/{id_of(PARENT)}/n", override=Override("n", mark_healed=True)), second)
        else:
            said += take(stage, over(OutcomeStatus(move)), second)
        said += tick(stage, second + 1)
    said += [record for second in (*range(100, 3600, 20), 3600, 3601) for record in tick(stage, second)]
    ends = Counter(one.incident_id for one in said if isinstance(one, RecoveryOutcome) and one.final)
    ends.update(one.incident_id for one in commands(said) if one.strategy == "rerun_job")
    assert all(ends[f"incident-{number}"] == 1 for number in range(1, count + 1))
    stormy_words = Counter(
        one.incident_id
        for one in said
        if isinstance(one, Admission) and one.state is AdmissionState.QUEUED and one.reason.startswith("storm")
    )
    assert max(stormy_words.values()) <= 1 + moves.count("second")


def test_an_outcome_of_a_members_command_ends_no_storm() -> None:
    stage = stormy(2)
    tick(stage, 2)
    order = commands(tick(stage, 3))
    assert order == []
    one = member(1)
    [sent] = commands(tick(door(POLICY, _with(one)), 4))
    take(stage, ended(one, sent, OutcomeStatus.HEALED), 5)
    assert tick(stage, 6) == []


def _with(one: Decision) -> Admit:
    stage = door(POLICY)
    take(stage, one)
    return stage
