"""A strategy that went round in circles on a target asks people there, also when the guard has forgotten; elsewhere it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from schemas.decisions import Decision, Verdict
from schemas.oversight import AuditEntry, Control, Rollout, RolloutLevel
from schemas.signing import sign
from schemas.vocabulary import Kind
from streams.decide import Decide, DecideRules
from streams.loops import LOOPED
from tests.support.failures import KEYS, PLACE, SHOP, admitted, at, configuration, incident, records

LATER = 2 * 3600.0


def decided(decide: Decide, number: int, seconds: float, target: str = "service:api") -> Decision:
    again = replace(incident(target), kind=Kind.SERVICE_DOWN, origin_key=(SHOP.scope_of(target), str(number)))
    [decision] = records(decide.on_event(again, PLACE, at(seconds)), Decision)
    found = cast("Decision", decision)
    decide.on_event(admitted(found.incident_id, seconds, f"c{target}{number}"), PLACE, at(seconds))
    return found


def looped() -> Decide:
    decide = Decide.from_state({}, DecideRules(configuration()))
    assert [decided(decide, number, number * 60.0).verdict for number in range(4)] == [Verdict.HEAL] * 3 + [Verdict.ESCALATE]
    return Decide.from_state(decide.snapshot(), DecideRules(configuration()))


def test_after_a_loop_the_target_is_asked_for_and_no_other() -> None:
    decide = looped()
    assert decided(decide, 9, LATER).verdict is Verdict.ASK
    assert decided(decide, 10, LATER, "service:store").verdict is Verdict.HEAL


def test_a_person_who_may_raises_it_again() -> None:
    decide = looped()
    word = Control("rollout/service_restart", "anton", at(LATER), rollout=Rollout(RolloutLevel.AUTOMATIC))
    decide.on_event(sign(word, KEYS["anton"]), PLACE, at(LATER))
    assert decided(decide, 9, LATER + 1).verdict is Verdict.HEAL


def test_the_loop_is_audited_with_the_times_of_its_commands() -> None:
    decide = Decide.from_state({}, DecideRules(configuration()))
    for number in range(3):
        decided(decide, number, number * 60.0)
    last = replace(incident("service:api"), kind=Kind.SERVICE_DOWN, origin_key=("group:shop", "3"))
    said = [cast("AuditEntry", row) for row in records(decide.on_event(last, PLACE, at(180)), AuditEntry)]
    [entry] = [row for row in said if row.action == LOOPED]
    assert (entry.subject, dict(entry.details)["target"]) == ("service_restart", "service:api")
    assert all(at(number * 60.0).isoformat() in dict(entry.details)["why"] for number in range(3))
