"""learn: what an outcome and a person may teach, and that only another person lets a challenger take over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from learning.classifier import Classifier
from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of
from schemas.incidents import IncidentUpdate, UpdateCause
from schemas.outputs import Output
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.recoveries import FactorResult, OutcomeStatus
from schemas.signing import sign
from schemas.vocabulary import Kind
from streams.learn import Learn, LearnEvent, LearnRules
from tests.support.failures import KEYS, PLACE, T0, at, configuration, incident, outcome, records

JOB = incident()
RULES = LearnRules(configuration(), json.dumps(Classifier().snapshot()), min_examples=5, source_cap=25)


def stage(rules: LearnRules = RULES) -> Learn:
    learn = Learn.from_state({}, rules)
    say(learn, JOB)
    return learn


def say(learn: Learn, event: LearnEvent) -> Sequence[Output]:
    return learn.on_event(event, PLACE, T0)


def word(by: str = "olga", seconds: float = 0, kind: Kind | None = Kind.DISK_FULL, **more: object) -> Feedback:
    return replace(Feedback(id_of(JOB), "person", by, at(seconds), kind), **more)  # type: ignore[arg-type]


def actions(outputs: Sequence[Output]) -> list[str]:
    return [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)]


def taught(learn: Learn, by: Sequence[str] = ("olga", "anton"), n: int = 12) -> list[Output]:
    return [output for number in range(n) for output in say(learn, word(by[number % len(by)], number))]


def proposal_of(outputs: Sequence[Output]) -> ModelRecord:
    [found] = [row for row in records(outputs, ModelRecord) if cast("ModelRecord", row).change is ModelChange.PROPOSED]
    return cast("ModelRecord", found)


def promotion(of: ModelRecord, by: str) -> ModelRecord:
    return sign(replace(of, change=ModelChange.PROMOTED, by=by, body="", at=at(99), signature=""), KEYS[by])


def test_a_green_rerun_teaches_transient_and_no_kind() -> None:
    healed = replace(outcome(JOB, OutcomeStatus.HEALED, 9), verification=(FactorResult("a", "x", True), FactorResult("b", "y", True)))
    learn = stage()
    [lesson] = records(say(learn, healed), Feedback)
    assert isinstance(lesson, Feedback)
    assert (lesson.transient, lesson.kind, lesson.reward, lesson.verified) == (True, None, 1.0, True)
    assert say(learn, healed) == ()
    assert say(learn, lesson) == ()


@pytest.mark.parametrize("status", [OutcomeStatus.ESCALATED, OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED])
def test_what_was_not_done_teaches_nothing(status: OutcomeStatus) -> None:
    assert say(stage(), outcome(JOB, status, 9)) == ()


def test_a_failed_recovery_is_a_bad_reward_at_its_end_only() -> None:
    learn = stage()
    assert say(learn, outcome(JOB, OutcomeStatus.ROLLED_BACK, 5)) == ()
    [lesson] = records(say(learn, outcome(JOB, OutcomeStatus.ROLLED_BACK, 9, attempt=2)), Feedback)
    assert isinstance(lesson, Feedback)
    assert (lesson.reward, lesson.transient) == (-1.0, None)


def test_a_fork_and_a_rehearsal_teach_nobody() -> None:
    learn = Learn.from_state({}, RULES)
    say(learn, replace(JOB, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)))
    assert say(learn, outcome(JOB, OutcomeStatus.HEALED, 9)) == ()
    assert actions(say(learn, word())) == ["lesson.refused"]
    assert say(stage(), replace(outcome(JOB, OutcomeStatus.HEALED, 9), dry_run=True)) == ()


@pytest.mark.parametrize(
    "feedback",
    [word("vera"), word("nobody"), word(kind=None), word(kind=Kind.UNKNOWN), word(weight=0.0), word(incident_id="unseen")],
)
def test_feedback_that_may_not_teach_is_refused_and_audited(feedback: Feedback) -> None:
    assert actions(say(stage(), feedback)) == ["lesson.refused"]


def test_a_person_teaches_a_kind_once_and_confirming_is_teaching_too() -> None:
    learn = stage()
    assert actions(say(learn, word())) == ["lesson.learned"]
    assert say(learn, word()) == ()
    assert actions(say(learn, word("anton", kind=None, correct=True))) == ["lesson.learned"]
    assert say(learn, IncidentUpdate(id_of(JOB), UpdateCause.EVIDENCE, "d", T0)) == ()


def test_one_person_on_one_source_teaches_so_much_a_day() -> None:
    learn = stage(replace(RULES, source_cap=2))
    assert [actions(say(learn, word(seconds=number)))[0] for number in range(3)] == ["lesson.learned", "lesson.learned", "lesson.refused"]
    assert actions(say(learn, word(seconds=90_000))) == ["lesson.learned"]


def test_a_better_challenger_is_proposed_once_and_waits() -> None:
    outputs = taught(stage())
    proposal = proposal_of(outputs)
    assert proposal.by == "healstream"
    assert actions(outputs).count("model.proposed") == 1


def test_a_person_with_the_right_promotes_what_was_proposed() -> None:
    learn = stage()
    proposal = proposal_of(taught(learn))
    assert actions(say(learn, promotion(proposal, "olga"))) == ["model.promotion_refused"]
    assert actions(say(learn, replace(promotion(proposal, "anton"), signature=""))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(replace(proposal, version="other"), "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(replace(proposal, sha256="other"), "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(proposal, "anton"))) == ["model.promoted"]
    assert say(learn, promotion(proposal, "anton")) == ()
    assert say(learn, proposal) == ()


def test_who_taught_alone_does_not_promote() -> None:
    learn = stage()
    proposal = proposal_of(taught(learn, by=("anton",)))
    assert proposal.by == "anton"
    assert actions(say(learn, promotion(proposal, "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(proposal, "ada"))) == ["model.promoted"]


def test_a_restart_at_any_point_gives_the_same_outputs() -> None:
    proposal = proposal_of(taught(stage()))
    events: list[LearnEvent] = [JOB, outcome(JOB, OutcomeStatus.HEALED, 9), *(word(("olga", "anton")[n % 2], n) for n in range(12))]
    events.append(promotion(proposal, "anton"))
    plain, broken = Learn.from_state({}, RULES), Learn.from_state({}, RULES)
    kept: dict[str, str] = {}
    for event in events:
        assert say(broken, event) == say(plain, event)
        assert say(plain, event) == ()
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        assert {**broken.snapshot(), **kept} == broken.snapshot()
        assert broken.on_tick(T0) == ()
        broken = Learn.from_state(kept, RULES)
