"""The read model: topics in any order of each other give the same view; and its case file says what a person needs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.brake_words import override_of
from console.casefile import case_json, case_markdown
from console.readmodel import ReadModel, summary_of
from console.words import Speaker, approval_of
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState, Decision, Verdict
from schemas.errors import DeniedError
from schemas.ids import Record, id_of
from schemas.incidents import HitSeen, Incident
from schemas.lifecycle import Life
from schemas.oversight import Control, Override
from schemas.people import People, Person, Role
from schemas.recoveries import OutcomeStatus, PlanShown, RecoveryOutcome
from schemas.signing import public_text
from schemas.vocabulary import Group, Kind

NOW = datetime(2026, 1, 2, tzinfo=UTC)
INCIDENT = Incident(
    origin_key=("group:g", "1"), kind=Kind.SERVICE_DOWN, group=Group.RUNTIME, confidence=0.95, fingerprint="f", target="service:web",
    scope="group:g", severity="critical", complete=True, opened_at=NOW, detected_at=NOW, reasons=("a probe failed",),
    hits=(HitSeen("p", Kind.SERVICE_DOWN, 3, "a `quoted`\nline"),),
)  # fmt: skip
NAME = id_of(INCIDENT)
DECISION = Decision(
    incident_id=NAME, target="service:web", scope="group:g", kind=Kind.SERVICE_DOWN, fingerprint="f", opened_at=NOW, detected_at=NOW,
    attempt=1, max_attempts=2, verdict=Verdict.ASK, decided_at=NOW, expires_at=NOW + timedelta(hours=1), strategy="service_restart",
    plan_hash="first", approvals_required=1,
)  # fmt: skip
QUEUED = Admission(NAME, id_of(DECISION), AdmissionState.QUEUED, "approval: one needed", NOW)
PLANNED = RecoveryOutcome(
    incident_id=NAME, decision_id=id_of(DECISION), attempt=1, final=False, target="service:web", kind=Kind.SERVICE_DOWN,
    status=OutcomeStatus.PLANNED, reason="planned", opened_at=NOW, detected_at=NOW, finished_at=NOW,
    plan=PlanShown((), ("start:web",), "shown"),
)  # fmt: skip
ESCALATED = replace(PLANNED, final=True, status=OutcomeStatus.ESCALATED, reason="nobody knows", plan=None)


def model_of(*records: Record) -> ReadModel:
    model = ReadModel()
    model.apply_all(records)
    return model


def test_any_order_of_the_topics_gives_one_view_and_repeats_change_nothing() -> None:
    rows: tuple[Record, ...] = (INCIDENT, DECISION, QUEUED, PLANNED)
    for order in permutations(rows):
        model = model_of(*order, *order)

        view = model.incidents[NAME]

        assert (len(view.decisions), len(view.admissions), len(view.outcomes)) == (1, 1, 1)
        assert view.life() is Life.QUEUED
        assert [(row.plan_hash, row.steps) for row in model.pending(NOW)] == [("shown", ("start:web",))]


def test_what_has_ended_or_expired_waits_for_nobody() -> None:
    assert model_of(INCIDENT, DECISION, QUEUED, ESCALATED).pending(NOW) == []
    assert model_of(INCIDENT, DECISION, QUEUED).pending(NOW + timedelta(hours=2)) == []
    assert summary_of(NAME, model_of(INCIDENT, ESCALATED).incidents[NAME])["state"] == "escalated"


def test_a_case_file_holds_the_evidence_and_a_log_line_cannot_end_its_code() -> None:
    view = model_of(INCIDENT, DECISION, QUEUED, ESCALATED).incidents[NAME]

    page, whole = case_markdown(NAME, view), json.loads(case_json(NAME, view))

    assert "nobody knows" in page
    assert "`a 'quoted' line`" in page
    assert whole["outcomes"][0]["reason"] == "nobody knows"
    assert whole["incident"]["opened_at"] == NOW.isoformat()


def test_an_approval_is_for_the_shown_plan_and_never_the_proposers() -> None:
    (pending,) = model_of(INCIDENT, DECISION, QUEUED, PLANNED).pending(NOW)
    ada, proposer = Speaker("ada", Ed25519PrivateKey.generate()), Speaker("healstream", Ed25519PrivateKey.generate())

    said = approval_of(pending, ada, "n", NOW, approve=True)

    assert said.key == f"approval/{id_of(DECISION)}/ada"
    assert said.approval is not None
    assert said.approval.plan_hash == "shown"
    with pytest.raises(DeniedError):
        approval_of(pending, proposer, "n", NOW, approve=True)


def test_only_a_signed_yes_to_the_shown_plan_of_one_who_may_is_shown_as_given() -> None:
    key = Ed25519PrivateKey.generate()
    people = People(
        tuple(Person(name, frozenset({role}), public_text(key)) for name, role in (("ada", Role.APPROVER), ("vic", Role.VIEWER)))
    )
    (asked,) = model_of(INCIDENT, DECISION, QUEUED, PLANNED).pending(NOW)
    yes = approval_of(asked, Speaker("ada", key), "n", NOW, approve=True)
    older = approval_of(replace(asked, plan_hash="older"), Speaker("ada", key), "n", NOW, approve=True)
    no = approval_of(asked, Speaker("ada", key), "n", NOW, approve=False)
    unsigned, by_a_viewer = replace(yes, signature=""), approval_of(asked, Speaker("vic", key), "n", NOW, approve=True)

    def given(word: Control, seconds: float = 1) -> tuple[str, ...]:
        (row,) = model_of(INCIDENT, DECISION, QUEUED, PLANNED, word).pending(NOW)
        return row.given(people, NOW + timedelta(seconds=seconds))

    assert given(yes) == ("ada",)
    assert [given(word) for word in (older, no, unsigned, by_a_viewer)] == [()] * 4
    assert given(yes, 3600) == ()


def test_a_word_that_a_cause_is_gone_counts_by_the_key_of_one_who_may_override() -> None:
    key = Ed25519PrivateKey.generate()
    word = override_of(NAME, Override("n1", mark_healed=True), Speaker("ada", key), NOW)
    assert (word.key, word.override and word.override.mark_healed) == (f"override/{NAME}/n1", True)
    ada = Person("ada", frozenset({Role.OPERATOR}), public_text(key))
    assert why_not_counted(word, People((ada,))) is None
    assert why_not_counted(word, People((replace(ada, roles=frozenset({Role.VIEWER})),))) is not None
