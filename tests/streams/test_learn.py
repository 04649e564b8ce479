"""learn: what an outcome and a person may teach, and that only another person lets a challenger take over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from learning.classifier import Classifier
from schemas.decisions import Candidate, Decision, Verdict
from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Count, Output
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.recoveries import FactorResult, OutcomeStatus, RecoveryOutcome
from schemas.signing import sign
from schemas.vocabulary import Kind, group_of
from streams.learn import Learn, LearnEvent, LearnRules
from tests.support.failures import KEYS, PLACE, T0, at, configuration, incident, outcome, records

JOB = incident()
# Nobody's pattern explains it: what people say of it can only come from the model.
PUZZLE = replace(JOB, kind=Kind.UNKNOWN, group=group_of(Kind.UNKNOWN), abstained=True, confidence=0.0, hits=())
RULES = LearnRules(configuration(), json.dumps(Classifier().snapshot()), min_examples=5, source_cap=100)


def stage(rules: LearnRules = RULES, on: Incident = JOB) -> Learn:
    learn = Learn.from_state({}, rules)
    say(learn, on)
    return learn


def puzzled(rules: LearnRules = RULES) -> Learn:
    return stage(rules, PUZZLE)


def say(learn: Learn, event: LearnEvent) -> Sequence[Output]:
    return learn.on_event(event, PLACE, T0)


def decision_on(of: Incident, attempt: int = 1, chance: float = 1.0, verdict: Verdict = Verdict.HEAL) -> Decision:
    return Decision(
        incident_id=id_of(of), target=of.target, scope=of.scope, kind=of.kind, fingerprint="f", opened_at=T0, detected_at=T0,
        attempt=attempt, max_attempts=2, verdict=verdict, decided_at=T0, expires_at=at(60), strategy="rerun_job",
        candidates=(Candidate("other", 1.0 - chance), Candidate("rerun_job", chance)),
    )  # fmt: skip


def acted(of: Incident, status: OutcomeStatus, seconds: float, attempt: int = 1) -> RecoveryOutcome:
    """Return an outcome of the decision that ``decision_on`` makes."""
    return replace(outcome(of, status, seconds, attempt), decision_id=id_of(decision_on(of, attempt)))


def word(by: str = "olga", seconds: float = 0, kind: Kind | None = Kind.DISK_FULL, **more: object) -> Feedback:
    said = replace(Feedback(id_of(JOB), "person", by, at(seconds), kind), **more)  # type: ignore[arg-type]
    return sign(said, KEYS[by]) if by in KEYS else said


def actions(outputs: Sequence[Output]) -> list[str]:
    return [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)]


def taught(learn: Learn, by: Sequence[str] = ("olga", "anton"), n: int = 60) -> list[Output]:
    return [output for number in range(n) for output in say(learn, word(by[number % len(by)], number))]


@pytest.mark.parametrize(
    "forged",
    [
        replace(word(), signature=""),
        replace(word(), kind=Kind.DNS_RESOLUTION),
        replace(word(), note="another one"),
        replace(word("anton"), by="olga"),
    ],
)
def test_a_word_that_its_person_did_not_sign_teaches_nothing_and_does_not_keep_theirs_out(forged: Feedback) -> None:
    learn = puzzled()
    [refused] = records(say(learn, forged), AuditEntry)
    assert refused == AuditEntry("olga", "lesson.refused", id_of(JOB), at(0), (("why", "the signature is not theirs"),))
    assert actions(say(learn, word())) == ["lesson.learned"]


def proposal_of(outputs: Sequence[Output]) -> ModelRecord:
    [found] = [row for row in records(outputs, ModelRecord) if cast("ModelRecord", row).change is ModelChange.PROPOSED]
    return cast("ModelRecord", found)


def promotion(of: ModelRecord, by: str) -> ModelRecord:
    return sign(replace(of, change=ModelChange.PROMOTED, by=by, body="", at=at(99), signature=""), KEYS[by])


def test_a_green_rerun_teaches_transient_and_no_kind() -> None:
    healed = replace(acted(JOB, OutcomeStatus.HEALED, 9), verification=(FactorResult("a", "x", True), FactorResult("b", "y", True)))
    learn = stage()
    assert say(learn, decision_on(JOB)) == ()
    [lesson] = records(say(learn, healed), Feedback)
    assert isinstance(lesson, Feedback)
    assert (lesson.transient, lesson.kind, lesson.reward, lesson.verified) == (True, None, 1.0, True)
    assert say(learn, healed) == ()
    assert say(learn, lesson) == ()


@pytest.mark.parametrize("status", [OutcomeStatus.ESCALATED, OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED])
def test_what_was_not_done_teaches_nothing(status: OutcomeStatus) -> None:
    assert say(stage(), outcome(JOB, status, 9)) == ()


def test_each_failed_attempt_is_a_bad_reward_with_the_chance_of_its_choice() -> None:
    learn = stage()
    say(learn, decision_on(JOB, chance=0.05))
    say(learn, decision_on(JOB, 2))
    found = [record for n in (1, 2) for record in records(say(learn, acted(JOB, OutcomeStatus.ROLLED_BACK, 9 * n, n)), Feedback)]
    told = [(row.reward, row.transient, row.propensity, row.strategy) for row in cast("list[Feedback]", found)]
    assert told == [(-1.0, None, 0.05, "rerun_job"), (-1.0, None, 1.0, "rerun_job")]
    assert not [name for name in learn.snapshot() if name.startswith(("chance/", "early/"))]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_outcome_that_is_read_before_its_decision_waits_for_it(restarts: bool) -> None:
    learn = stage()
    for _ in range(2):
        assert say(learn, acted(JOB, OutcomeStatus.ROLLBACK_FAILED, 5)) == ()
    learn = Learn.from_state(dict(learn.snapshot()), RULES) if restarts else learn
    [lesson] = records(say(learn, decision_on(JOB, chance=0.25)), Feedback)
    assert cast("Feedback", lesson).propensity == 0.25
    assert say(learn, acted(JOB, OutcomeStatus.ROLLBACK_FAILED, 5)) == ()
    assert not [name for name in learn.snapshot() if name.startswith(("chance/", "early/"))]


def test_what_ends_without_an_act_leaves_nothing_behind() -> None:
    learn = stage()
    say(learn, decision_on(JOB, verdict=Verdict.OBSERVE))
    assert not [name for name in learn.snapshot() if name.startswith("chance/")]
    say(learn, decision_on(JOB))
    say(learn, replace(acted(JOB, OutcomeStatus.SELF_HEALED, 5), final=True))
    assert not [name for name in learn.snapshot() if name.startswith("chance/")]


def test_a_fork_and_a_rehearsal_teach_nobody() -> None:
    learn = Learn.from_state({}, RULES)
    say(learn, replace(JOB, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)))
    say(learn, decision_on(JOB))
    assert say(learn, acted(JOB, OutcomeStatus.HEALED, 9)) == ()
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
    outputs = taught(puzzled())
    proposal = proposal_of(outputs)
    assert proposal.by == "healstream"
    assert actions(outputs).count("model.proposed") == 1


def test_a_person_with_the_right_promotes_what_was_proposed() -> None:
    learn = puzzled()
    proposal = proposal_of(taught(learn))
    assert actions(say(learn, promotion(proposal, "olga"))) == ["model.promotion_refused"]
    assert actions(say(learn, replace(promotion(proposal, "anton"), signature=""))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(replace(proposal, version="other"), "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(replace(proposal, sha256="other"), "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(proposal, "anton"))) == ["model.promoted"]
    assert say(learn, promotion(proposal, "anton")) == ()
    assert say(learn, proposal) == ()


def test_who_taught_alone_does_not_promote() -> None:
    learn = puzzled()
    proposal = proposal_of(taught(learn, by=("anton",)))
    assert proposal.by == "anton"
    assert actions(say(learn, promotion(proposal, "anton"))) == ["model.promotion_refused"]
    assert actions(say(learn, promotion(proposal, "ada"))) == ["model.promoted"]


def test_one_step_back_is_a_promotion_of_what_acted_before() -> None:
    """Given a promoted challenger, when a person promotes the version before it, then that one acts again and nothing learned is kept."""
    learn = puzzled()
    first = learn.snapshot()["model/champion"]
    proposal = proposal_of(taught(learn))
    sent = [cast("ModelRecord", row) for row in records(say(learn, promotion(proposal, "anton")), ModelRecord)]
    assert [(row.change, row.version) for row in sent] == [(ModelChange.ACTING, proposal.version), (ModelChange.SNAPSHOT, sent[1].version)]
    assert sent[1].body == first
    assert learn.snapshot()["model/champion"] != first
    back = sign(replace(sent[1], change=ModelChange.PROMOTED, by="anton", body="", at=at(200), signature=""), KEYS["anton"])
    assert actions(say(learn, replace(back, by="olga"))) == ["model.promotion_refused"]
    assert actions(say(learn, back)) == ["model.promoted"]
    assert learn.snapshot()["model/champion"] == first
    assert json.loads(learn.snapshot()["model/counts"])["taught"] == 0


def test_a_challenger_that_makes_a_split_worse_is_held_back() -> None:
    """Given a guard that names a split, then there is an audit entry, no proposal, and the guard is asked again only 25 lessons later."""
    asked: list[float] = []

    def guard(champion: Classifier, challenger: Classifier) -> tuple[str, ...]:
        asked.append(challenger.learned - champion.learned)
        return ("family:pip",)

    outputs = taught(puzzled(replace(RULES, guard=guard)), n=100)
    assert not records(outputs, ModelRecord)
    # The proposal as it is, and more careful ones that name less and less infrastructure, are asked about each time.
    assert actions(outputs).count("model.held_back") == len(set(asked)) == 3
    [held, *_] = [row for row in records(outputs, AuditEntry) if cast("AuditEntry", row).action == "model.held_back"]
    assert dict(cast("AuditEntry", held).details)["splits"] == "family:pip"


def test_a_promotion_is_refused_when_the_guard_has_come_to_know_better() -> None:
    """Given a guard that lets a proposal pass and names a split when it is promoted, then it is refused, and nothing waits any more."""
    splits: list[str] = []
    learn = puzzled(replace(RULES, guard=lambda _, __: tuple(splits)))
    proposal = proposal_of(taught(learn))
    before = learn.snapshot()["model/champion"]
    splits.append("family:new")
    [entry] = records(say(learn, promotion(proposal, "anton")), AuditEntry)
    assert cast("AuditEntry", entry).action == "model.promotion_refused"
    assert "family:new" in dict(cast("AuditEntry", entry).details)["why"]
    assert learn.snapshot()["model/champion"] == before
    assert "model/proposal" not in learn.snapshot()


def test_who_contradicts_what_is_settled_stops_teaching() -> None:
    """Given incidents whose pattern is sure, when one person labels them otherwise again and again, then the person teaches no more."""
    learn = stage()
    said = [actions(say(learn, word("olga", n)))[0] for n in range(12)]
    assert said[:8] == ["lesson.learned"] * 8
    assert set(said[8:]) == {"lesson.refused"}


def test_a_verified_success_teaches_only_the_cause_it_proves() -> None:
    healed = replace(acted(PUZZLE, OutcomeStatus.HEALED, 9), verification=(FactorResult("a", "x", True),), strategy="disk_cleanup")
    learn = puzzled()
    say(learn, decision_on(PUZZLE))
    outputs = say(learn, healed)
    assert actions(outputs) == ["lesson.learned"]
    [lesson] = records(outputs, Feedback)
    assert isinstance(lesson, Feedback)
    assert (lesson.kind, lesson.verified, lesson.transient) == (Kind.DISK_FULL, True, None)
    assert json.loads(learn.snapshot()["model/counts"])["taught"] == 1
    unproven = puzzled()
    say(unproven, decision_on(PUZZLE))
    assert actions(say(unproven, replace(healed, verification=()))) == []


def test_labels_that_turn_wrong_are_seen_as_drift() -> None:
    """Given 60 confirming words and then corrections, then drift is counted, once, for labels."""
    learn = stage(replace(RULES, source_cap=1000))
    right = [output for n in range(60) for output in say(learn, word(("olga", "anton")[n % 2], n, kind=None, correct=True))]
    wrong = [output for n in range(60, 80) for output in say(learn, word(("olga", "anton")[n % 2], n))]
    counted = [output for output in (*right, *wrong) if isinstance(output, Count)]
    assert [row.labels for row in counted] == [(("model", "labels/wrong"),)]
    assert "drift.detected" in actions(wrong)


def test_a_flood_of_puzzles_is_seen_as_drift() -> None:
    """Given 150 explained failures and then failures nobody explains, then drift of the abstentions is counted."""
    learn = Learn.from_state({}, RULES)

    def failure(number: int, of: Incident) -> Incident:
        return replace(of, origin_key=("github", "acme/api", str(number), "build", "1"))

    calm = [output for n in range(150) for output in say(learn, failure(n, JOB))]
    storm = [output for n in range(150, 200) for output in say(learn, failure(n, PUZZLE))]
    assert not [row for row in calm if isinstance(row, Count) and row.labels == (("model", "inputs/abstained"),)]
    assert [row.labels for row in storm if isinstance(row, Count)][:1] == [(("model", "inputs/abstained"),)]


def test_a_restart_at_any_point_gives_the_same_outputs() -> None:
    proposal = proposal_of(taught(puzzled()))
    events: list[LearnEvent] = [
        PUZZLE,
        decision_on(PUZZLE),
        acted(PUZZLE, OutcomeStatus.HEALED, 9),
        *(word(("olga", "anton")[n % 2], n) for n in range(60)),
    ]
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
    assert broken.snapshot() == plain.snapshot()
