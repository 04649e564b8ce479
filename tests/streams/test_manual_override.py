"""A person's word on one incident at the door: what it does, whose word it must be, and that no word passes the kill switch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from schemas.configuration import Configuration, Keys
from schemas.decisions import Decision, HealingCommand, Mode, Verdict
from schemas.ids import Record, content_id
from schemas.incidents import Incident
from schemas.oversight import AuditEntry, CircuitReset, Control, KillSwitch, Override, Rollout, RolloutLevel, SwitchMode
from schemas.people import People, Person, Role
from schemas.policy import Budget, Policy
from schemas.recoveries import OutcomeStatus
from schemas.signing import private_key_from, public_text, sign
from streams.admission_records import AdmitRules
from streams.admit import Admit
from tests.streams.test_admit import ADMIT_KEY, PEOPLE, at, commands, decision, emitted, ended, holds, outcomes, switch, take, tick, word

EVE = private_key_from(b"eve".ljust(32, b"."))
ALL = People((*PEOPLE.persons, Person("eve", frozenset({Role.ADMIN}), public_text(EVE))))
TIGHT = Policy(target_budget=Budget(1, 1000.0), breaker_failures=1)


def door(policy: Policy = TIGHT, before: Admit | None = None) -> Admit:
    configuration = Configuration(policy=policy, people=ALL, keys=Keys(public_text(ADMIT_KEY), ""))
    return Admit.from_state(before.snapshot() if before else {}, AdmitRules(configuration, ADMIT_KEY, 3))


def by_eve(key: str, override: Override) -> Control:
    return sign(Control(key, "eve", at(2), override=override), EVE)


def on(wanted: Decision, override: Override, by: str = "ada") -> Control:
    key = f"override/{wanted.incident_id}/{override.nonce}"
    return by_eve(key, override) if by == "eve" else word(by, key, override=override)


def spent() -> tuple[Admit, Decision]:
    """Return a door whose budget for the target is used up, and a decision that waits for it."""
    stage = door()
    first = decision(1, target="service:same")
    take(stage, first)
    [command] = commands(tick(stage, 2))
    take(stage, ended(first, command, OutcomeStatus.HEALED), 3)
    second = decision(2, target="service:same")
    take(stage, second, 4)
    assert holds(tick(stage, 4)) == ["budget: target/service:same: 1 in 1000 s"]
    return stage, second


@pytest.mark.parametrize(("by", "goes"), [("eve", True), ("ada", False), ("bob", False), ("cyd", False)])
def test_only_an_admins_word_to_run_it_passes_a_budget_that_is_spent(by: str, goes: bool) -> None:
    stage, waiting = spent()
    take(stage, on(waiting, Override("n", run=True), by), 5)
    stage = door(before=stage)
    said = emitted(stage.on_tick(at(5)))
    assert bool(commands(said)) is goes
    audited = [dict(row.details) for row in said if isinstance(row, AuditEntry) and row.action == "command.admitted"]
    assert [row["passed_by_an_admin"] for row in audited] == ["target/service:same: 1 in 1000 s"] * goes


def second_attempt(stage: Admit) -> Decision:
    """Return the second attempt at a job, which waits at the door."""
    again = decision(5, target="job:github/acme/api/1/build", attempt=2, max_attempts=3, decided_at=at(4))
    take(stage, again, 4)
    [said] = holds(tick(stage, 4))
    assert said.startswith("budget: attempt 2 waits until")
    return again


@pytest.mark.parametrize(("by", "goes"), [("eve", True), ("ada", False)])
def test_only_an_admins_word_to_run_it_spares_a_second_attempt_its_wait(by: str, goes: bool) -> None:
    stage = door()
    again = second_attempt(stage)
    take(stage, on(again, Override("n", run=True), by), 5)
    assert bool(commands(tick(stage, 5))) is goes


def test_a_second_attempt_goes_when_its_wait_is_over_and_another_door_waits_as_long() -> None:
    stage = door()
    second_attempt(stage)
    went = [next(second for second in range(5, 60) if commands(tick(door(before=stage), second))) for _ in range(2)]
    assert went[0] == went[1]
    assert 4 + 10 <= went[0] <= 4 + 20 + 1


def test_what_is_no_job_and_a_first_attempt_do_not_wait() -> None:
    stage = door()
    take(stage, decision(6, attempt=2), 4)
    take(stage, decision(7, target="job:github/acme/api/2/build"), 4)
    assert len(commands(tick(stage, 4))) == 2


def test_an_admins_word_on_a_closed_incident_counts_for_the_one_that_is_opened_for_it() -> None:
    stage, _ = spent()
    take(stage, by_eve("override/long ago/n7", Override("n7", run=True)), 5)
    reopened = decision(3, target="service:same", incident_id=content_id(Incident.RECORD, "n7"), proposer="eve")
    take(stage, reopened, 6)
    assert [command.incident_id for command in commands(tick(stage, 6))] == [reopened.incident_id]


def test_no_word_passes_the_kill_switch_a_freeze_or_an_open_breaker() -> None:
    stage, waiting = spent()
    take(stage, switch("ada", SwitchMode.HALT))
    take(stage, on(waiting, Override("n", run=True), "eve"), 5)
    assert commands(tick(stage, 5)) == []
    take(stage, switch("bob", SwitchMode.OFF), 6)
    [command] = commands(tick(stage, 6))
    take(stage, ended(waiting, command, OutcomeStatus.ROLLED_BACK), 7)
    later = decision(4, target="service:same")
    take(stage, later, 8)
    take(stage, on(later, Override("m", run=True), "eve"), 8)
    assert holds(tick(stage, 8)) == ["budget: the breaker of target/service:same is open"]


def test_an_admin_does_not_approve_by_running_it() -> None:
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1)
    take(stage, wanted)
    take(stage, on(wanted, Override("n", run=True), "eve"))
    assert [command.mode for command in commands(tick(stage, 5))] == [Mode.PLAN]


@pytest.mark.parametrize("verdict", ["observe", "escalate", "refuse"])
def test_a_stricter_verdict_ends_what_waits_and_names_who_said_it(verdict: str) -> None:
    stage, waiting = spent()
    take(stage, on(waiting, Override("n", force_verdict=verdict)), 5)
    [outcome] = outcomes(tick(stage, 5))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, f"ada said {verdict}")


@pytest.mark.parametrize("verdict", ["heal", "ask", "dance"])
def test_a_looser_verdict_changes_nothing(verdict: str) -> None:
    stage, waiting = spent()
    take(stage, on(waiting, Override("n", force_verdict=verdict)), 5)
    assert tick(stage, 5) == []


@pytest.mark.parametrize("scope", ["fleet", "group:g1", "service:s1", "strategy:service_restart"])
@pytest.mark.parametrize("mode", [SwitchMode.HALT, SwitchMode.DRAIN])
def test_a_switch_holds_by_the_same_words_at_the_door_as_at_the_executors(scope: str, mode: SwitchMode) -> None:
    stage = door()
    take(stage, switch("ada", mode, scope))
    take(stage, decision(1))
    assert holds(tick(stage, 5)) == [f"freeze: kill switch {mode} by ada"]


@pytest.mark.parametrize(
    "refused",
    [
        lambda: switch("ada", SwitchMode.OFF),
        lambda: switch("cyd", SwitchMode.OFF),
        lambda: switch("cyd", SwitchMode.HALT),
        lambda: Control("killswitch/fleet", "bob", at(2), killswitch=KillSwitch(SwitchMode.OFF, "forged")),
        lambda: Control("killswitch/fleet", "bob", at(2)),
        lambda: word("ada", "killswitch/fleet", override=Override("n", run=True)),
        lambda: word("bob", "killswitch/fleet", killswitch=KillSwitch(SwitchMode.OFF, "x"), rollout=Rollout(RolloutLevel.OBSERVE)),
    ],
    ids=["by who engaged it", "by a viewer", "a viewer's halt", "forged", "empty", "another kind of word", "two words in one"],
)
def test_a_word_that_does_not_count_never_stands_last_on_the_topic_in_place_of_an_engaged_switch(refused: Callable[[], Control]) -> None:
    halt = switch("ada", SwitchMode.HALT)
    stage = door()
    take(stage, halt)
    stage = door(before=stage)
    take(stage, refused(), 3)
    stage = door(before=stage)
    assert controls(tick(stage, 3)) == [halt]
    take(stage, halt, 4)
    assert controls(tick(stage, 4)) == [], "its own word ends the exchange"
    assert stage.lease(at(5), 0) is None
    take(stage, switch("bob", SwitchMode.OFF), 6)
    take(stage, refused(), 7)
    assert controls(tick(stage, 7)) == []
    assert stage.lease(at(8), 0) is not None


def test_an_engaged_switch_is_not_said_again_after_a_release_that_was_already_on_its_way() -> None:
    stage = door()
    take(stage, switch("ada", SwitchMode.HALT))
    take(stage, switch("ada", SwitchMode.OFF), 3)
    take(stage, switch("bob", SwitchMode.OFF), 3)
    assert controls(tick(stage, 3)) == []
    assert stage.lease(at(4), 0) is not None


def controls(records: Sequence[Record]) -> list[Control]:
    return [record for record in records if isinstance(record, Control)]


def test_who_engaged_a_halt_does_not_turn_it_into_a_drain_and_another_person_may() -> None:
    stage = door()
    take(stage, switch("ada", SwitchMode.HALT))
    take(stage, switch("ada", SwitchMode.DRAIN), 3)
    assert stage.lease(at(4), 0) is None
    take(stage, switch("bob", SwitchMode.DRAIN), 5)
    assert stage.lease(at(6), 0) is not None
    take(stage, switch("bob", SwitchMode.HALT), 7)
    assert stage.lease(at(8), 0) is None, "harder is everybody's who may engage one"


def failed_once(stage: Admit) -> list[HealingCommand]:
    first = decision(1, target="service:same")
    take(stage, first)
    [command] = commands(tick(stage, 2))
    take(stage, ended(first, command, OutcomeStatus.ROLLED_BACK), 3)
    take(stage, decision(2, target="service:same"), 4)
    return commands(tick(stage, 4))


def reset(by: str, name: str) -> Control:
    key = f"circuit/{name}"
    return (
        sign(Control(key, "eve", at(2), circuit=CircuitReset("mended")), EVE)
        if by == "eve"
        else word(by, key, circuit=CircuitReset("mended"))
    )


@pytest.mark.parametrize(
    ("said", "goes"),
    [
        (lambda: reset("eve", "target/service:same"), True),
        (lambda: reset("ada", "target/service:same"), True),
        (lambda: reset("cyd", "target/service:same"), False),
        (lambda: reset("ada", "target/service:other"), False),
        (lambda: Control("circuit/target/service:same", "ada", at(2), circuit=CircuitReset("mended")), False),
    ],
)
def test_a_breaker_is_reset_by_the_signed_word_of_somebody_with_the_right(said: Callable[[], Control], goes: bool) -> None:
    stage = door(Policy(breaker_failures=1))
    assert failed_once(stage) == []
    take(stage, said(), 5)
    assert bool(commands(tick(stage, 6))) is goes
