"""What people see of a strategy's level is what decide told, and what decide would refuse is refused at the command line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from console.rollout_words import rollout_word, said_of, standings_of
from console.words import Speaker
from schemas.control_words import why_not_counted
from schemas.decisions import Oversight
from schemas.errors import DeniedError
from schemas.outputs import Output
from schemas.oversight import AuditEntry, Control, Rollout, RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.signing import sign
from streams.decide import Decide, DecideEvent, DecideRules
from tests.streams.test_demotions import decided, ended
from tests.support.failures import KEYS, PLACE, at, configuration, records

RULES = configuration()
STRATEGY = "rerun_job"


def word(by: str, level: RolloutLevel, seconds: float) -> Control:
    return sign(Control(f"rollout/{STRATEGY}", by, at(seconds), rollout=Rollout(level)), KEYS[by])


def told(outputs: Sequence[Output]) -> list[AuditEntry]:
    return [entry for entry in records(outputs, AuditEntry) if isinstance(entry, AuditEntry)]


def test_people_see_what_decide_obeys_after_every_word_and_outcome() -> None:
    """Given words down, up by the same and by another, and failures, then at each the shown level is the one of the next decision."""
    decide, entries = Decide.from_state({}, DecideRules(RULES)), list[AuditEntry]()
    events: list[DecideEvent] = [
        word("olga", RolloutLevel.SHADOW, 1),
        word("olga", RolloutLevel.AUTOMATIC, 2),
        word("anton", RolloutLevel.AUTOMATIC, 3),
        *(ended(OutcomeStatus.ROLLED_BACK, number) for number in range(20)),
        word("vera", RolloutLevel.AUTOMATIC, 500),
        word("anton", RolloutLevel.AUTOMATIC, 501),
    ]
    levels = []
    for number, event in enumerate(events):
        entries += told(decide.on_event(event, PLACE, at(400)))
        standing = standings_of(entries, RULES.policy, RULES.people)[STRATEGY]
        levels.append(standing.level_at(at(1000)).value)
        assert levels[-1] == dict(decided(decide, f"r{number}").inputs)["level"]

    assert told(decide.on_event(events[-1], PLACE, at(400))) == []
    assert levels[:3] == ["shadow", "shadow", "automatic"]
    assert levels[11:13] == ["canary", "canary"]
    assert levels[-3:] == ["approve", "approve", "automatic"]
    assert [entry.action for entry in entries] == [
        "rollout.set", "rollout.refused", "rollout.set", "strategy.demoted", "strategy.demoted", "rollout.set",
    ]  # fmt: skip
    assert standings_of(entries, RULES.policy, RULES.people)["service_restart"].story == ()


def test_a_word_is_signed_or_refused_as_decide_would() -> None:
    entries = told(Decide.from_state({}, DecideRules(RULES)).on_event(word("olga", RolloutLevel.SHADOW, 1), PLACE, at(1)))
    standing = standings_of(entries, RULES.policy, RULES.people)[STRATEGY]

    def said(by: str, level: RolloutLevel) -> Control:
        return rollout_word(standing, level, Speaker(by, KEYS[by]), RULES.people, Oversight.TWO_PERSON, at(9))

    assert why_not_counted(said("anton", RolloutLevel.CANARY), RULES.people) is None
    assert said("olga", RolloutLevel.OBSERVE).rollout == Rollout(RolloutLevel.OBSERVE)
    with pytest.raises(DeniedError, match="takes another person"):
        said("olga", RolloutLevel.APPROVE)
    with pytest.raises(DeniedError, match="no right to engage_switch"):
        said("vera", RolloutLevel.OBSERVE)


def test_a_word_above_the_policy_is_told_to_have_no_effect() -> None:
    standing = standings_of([], Policy(), RULES.people)[STRATEGY]

    assert standing.row(at(0))["level"] == "observe"
    assert "raise `level`" in said_of(standing, RolloutLevel.AUTOMATIC)
    assert "rollout get" in said_of(standing, RolloutLevel.OBSERVE)


def test_what_others_than_decide_tell_changes_nothing() -> None:
    forged = AuditEntry("mallory", "rollout.set", STRATEGY, at(1), (("by", "anton"), ("level", "observe"), ("lowered_by", "")))
    unknown = AuditEntry("decide", "rollout.set", "no_such", at(1), (("by", "anton"), ("level", "observe"), ("lowered_by", "")))

    assert standings_of([forged, unknown], RULES.policy, RULES.people) == standings_of([], RULES.policy, RULES.people)
