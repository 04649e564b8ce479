"""The desk: who is told what and when, once, whatever the topics repeat, in storms, in quiet hours, and after every restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.brake_words import acknowledgement_of
from console.notices.cases import Said
from console.notices.desk import NoticeDesk
from console.notices.desk_rules import DeskRules
from console.notices.letters import GIVEN_UP_AFTER, Letter
from console.notices.rules import Dialect, Ladder, NoticeRules, NoticeTarget, Route, Rung, Severity, StormRule
from console.words import Speaker
from schemas.cdevents import CdEvent, CdType
from schemas.decisions import Admission, AdmissionState, Decision, Risk, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.outputs import Count, Emit, Place
from schemas.oversight import Control
from schemas.people import People, Person, Role
from schemas.recoveries import OutcomeStatus, PlanShown, RecoveryOutcome, StepDone
from schemas.services import Environment, Services, ServiceSpec
from schemas.signing import public_text
from schemas.vocabulary import Group, Kind
from schemas.windows import WindowRule
from tests.streams.test_admit import at as door_at
from tests.streams.test_admit import commands, decision, door, ended, take, tick

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ADA = Ed25519PrivateKey.generate()
PEOPLE = People((Person("ada", frozenset({Role.OPERATOR}), public_text(ADA)),))
WEB = ServiceSpec("web", "shop", ("web",), "/", "/run/web.pid", team="shop", environment=Environment.PRODUCTION)
INCIDENT = Incident(
    origin_key=("group:g", "1"), kind=Kind.SERVICE_DOWN, group=Group.RUNTIME, confidence=0.95, fingerprint="f", target="service:web",
    scope="group:g", severity="warning", complete=True, opened_at=NOW, detected_at=NOW,
)  # fmt: skip
NAME = id_of(INCIDENT)
DECISION = Decision(
    incident_id=NAME, target="service:web", scope="group:g", kind=Kind.SERVICE_DOWN, fingerprint="f", opened_at=NOW, detected_at=NOW,
    attempt=1, max_attempts=2, verdict=Verdict.ASK, decided_at=NOW, expires_at=NOW + timedelta(hours=1), strategy="service_restart",
    plan_hash="first", approvals_required=1, risk=Risk(42.0),
)  # fmt: skip
ASKED = Admission(NAME, id_of(DECISION), AdmissionState.QUEUED, "approval: 1 more for plan abc", NOW)
ADMITTED = replace(ASKED, state=AdmissionState.ADMITTED, reason="all agree", at=NOW + timedelta(minutes=1))
ESCALATED = RecoveryOutcome(
    incident_id=NAME, decision_id=id_of(DECISION), attempt=1, final=True, target="service:web", kind=Kind.SERVICE_DOWN,
    status=OutcomeStatus.ESCALATED, reason="<!here> nobody knows", opened_at=NOW, detected_at=NOW, finished_at=NOW,
)  # fmt: skip
PLACE = Place("heal.incidents", 0, 0)
OPS, LEAD = NoticeTarget("ops", "json://127.0.0.1:1"), NoticeTarget("lead", "json://127.0.0.1:2")
NIGHT = WindowRule("night", zone="Europe/Berlin", from_time="20:00", to_time="07:00")
ALL = Route("all", ("ops",), Severity.INFO)
PLAIN = {"ops": Dialect.PLAIN, "lead": Dialect.PLAIN}


def rules(**changes: object) -> DeskRules:
    plan = replace(NoticeRules((OPS, LEAD), (ALL,), base_url="https://heal.example"), **changes)  # type: ignore[arg-type]
    return DeskRules(plan, Services((WEB,)), PEOPLE, PLAIN)


def desk_of(*records: Record, plan: DeskRules | None = None, at: datetime = NOW) -> NoticeDesk:
    desk = NoticeDesk({}, plan or rules())
    for record in records:
        desk.on_event(record, PLACE, at)
    desk.on_tick(at)
    return desk


def said(desk: NoticeDesk, at: datetime = NOW) -> list[tuple[str, str]]:
    return [(letter.target, letter.said.value) for letter in desk.outbox.ready(at)]


def again(desk: NoticeDesk, plan: DeskRules | None = None) -> NoticeDesk:
    return NoticeDesk.from_state(dict(desk.snapshot()), plan or desk.rules)


def cdevents(desk: NoticeDesk, record: Record, at: datetime = NOW) -> list[CdEvent]:
    found = [output.record for output in desk.on_event(record, PLACE, at) if isinstance(output, Emit)]
    return [record for record in found if isinstance(record, CdEvent)]


def incidents(count: int, **changes: object) -> list[Incident]:
    return [replace(INCIDENT, origin_key=("group:g", str(n)), target=f"service:s{n}", **changes) for n in range(count)]  # type: ignore[arg-type]


def test_the_same_is_told_once_in_any_order_of_the_topics_and_across_a_restart() -> None:
    rows: tuple[Record, ...] = (INCIDENT, DECISION, ASKED)
    for order in permutations(rows):
        desk = again(desk_of(*order, *order))
        for record in order:
            desk.on_event(record, PLACE, NOW)
        desk.on_tick(NOW)
        assert sorted(said(desk)) == [("ops", "approval"), ("ops", "opened")]


def test_a_letter_that_was_taken_is_not_written_again_after_a_restart() -> None:
    desk = desk_of(INCIDENT)
    [letter] = desk.outbox.ready(NOW)
    assert desk.outbox.taken(letter.key) == (Count("healstream_events_total", (("source", "notices"), ("kind", "opened"))),)

    later = again(desk)
    later.on_event(INCIDENT, PLACE, NOW)
    later.on_tick(NOW)

    assert later.outbox.ready(NOW + timedelta(days=1)) == ()
    assert later.outbox.taken(letter.key) == ()


def test_an_approval_says_what_whose_how_risky_and_the_commands_and_its_link_only_shows() -> None:
    [letter] = [one for one in desk_of(INCIDENT, DECISION, ASKED).outbox.ready(NOW) if one.said is Said.APPROVAL]
    assert letter.title == "[warning] approval: service:web"
    assert letter.body.splitlines() == [
        "service restart on service:web waits for one person to say yes (risk 42, until 2026-01-05 13:00 UTC).",
        "Owner: shop in production.",
        f"Yes: healstream approval approve {id_of(DECISION)[:12]}",
        f"No: healstream approval deny {id_of(DECISION)[:12]}",
        f"Look: healstream incident explain {NAME[:12]}",
        f"Page: https://heal.example/?incident={NAME}",
        f"Reference {letter.key}",
    ]


def test_a_strangers_words_call_nobody() -> None:
    [letter] = desk_of(ESCALATED).outbox.ready(NOW)
    assert "<!here>" not in letter.body
    assert "nobody knows" in letter.body


def test_a_plan_that_the_executor_has_not_shown_yet_is_put_to_nobody() -> None:
    desk = desk_of(DECISION, replace(ASKED, reason="approval: the executor's plan is awaited"))
    assert said(desk) == []


def test_the_doors_own_words_are_understood() -> None:
    made, stage = decision(verdict=Verdict.ASK, approvals_required=1), door()
    take(stage, made)
    [command] = commands(tick(stage))
    take(stage, ended(made, command, OutcomeStatus.PLANNED, final=False, plan=PlanShown((), ("start",), "shown")))
    asked = [record for record in tick(stage, 20) if isinstance(record, Admission)]
    desk = desk_of(made, *asked, at=door_at(20))
    assert said(desk, door_at(20)) == [("ops", "approval")]


def test_a_question_that_was_answered_before_its_letter_went_is_taken_back() -> None:
    held = rules(targets=(replace(OPS, quiet=("night",)),), hours=(replace(NIGHT, from_time="00:00", to_time="24:00"),))
    desk = desk_of(DECISION, ASKED, ADMITTED, plan=held)
    assert [name for name in desk.snapshot() if name.startswith("letter/")] == []


def test_what_was_over_before_the_first_start_is_learned_and_an_open_question_is_told_all_the_same() -> None:
    old = NOW - timedelta(minutes=30)
    desk = desk_of(replace(INCIDENT, detected_at=old), replace(DECISION, decided_at=old), replace(ASKED, at=old))
    assert said(desk) == [("ops", "approval")]


@pytest.mark.parametrize(
    ("route", "is_told"),
    [
        (Route("r", ("ops",), Severity.ERROR), True),
        (Route("r", ("ops",), Severity.CRITICAL), False),
        (Route("r", ("ops",), teams=("shop",)), True),
        (Route("r", ("ops",), teams=("other",)), False),
        (Route("r", ("ops",), environments=("production",)), True),
        (Route("r", ("ops",), environments=("staging",)), False),
        (Route("r", ("ops",), during=("night",)), False),
    ],
)
def test_routes_go_by_severity_owner_and_time_of_day(route: Route, is_told: bool) -> None:
    desk = desk_of(ESCALATED, plan=rules(routes=(route,), hours=(NIGHT,)))
    assert bool(said(desk)) is is_told


def test_what_needs_a_person_and_fits_no_route_goes_to_otherwise() -> None:
    plan = rules(routes=(), otherwise=("lead",))
    assert said(desk_of(INCIDENT, ESCALATED, plan=plan)) == [("lead", "escalated")]


def test_quiet_hours_hold_all_but_what_may_break_them() -> None:
    night = datetime(2026, 1, 5, 22, tzinfo=UTC)
    plan = rules(targets=(replace(OPS, quiet=("night",)),), hours=(NIGHT,))
    lost = replace(ESCALATED, status=OutcomeStatus.ROLLBACK_FAILED, incident_id="other", finished_at=night)
    desk = desk_of(replace(ESCALATED, finished_at=night), lost, plan=plan, at=night)
    assert said(desk, night) == [("ops", "rollback_failed")]

    morning = datetime(2026, 1, 6, 6, tzinfo=UTC)
    desk = again(desk)
    desk.on_tick(morning - timedelta(seconds=1))
    assert ("ops", "escalated") not in said(desk, morning)
    desk.on_tick(morning)
    assert ("ops", "escalated") in said(desk, morning)


def test_a_storm_comes_as_a_few_letters_and_one_summary_a_window() -> None:
    #   t=0: 5 come one by one, 2 more wait      t=window: one summary of the 2, and it alone
    plan = rules(storm=StormRule(300.0, 5))
    desk = desk_of(*incidents(5), plan=plan)
    assert len(desk.outbox.ready(NOW)) == 5
    for incident in incidents(7):
        desk.on_event(incident, PLACE, NOW)
    desk = again(desk)
    desk.on_tick(NOW + timedelta(seconds=299))
    assert len(desk.outbox.ready(NOW + timedelta(seconds=299))) == 5

    desk.on_tick(NOW + timedelta(seconds=300))

    summaries = [one for one in desk.outbox.ready(NOW + timedelta(seconds=300)) if one.members]
    assert [len(one.members) for one in summaries] == [2]
    assert summaries[0].body.startswith("2 notices together: 2 opened.\n- service down on service:s")


def test_many_at_once_are_one_summary_and_what_is_critical_comes_beside_it() -> None:
    lost = replace(ESCALATED, status=OutcomeStatus.ROLLBACK_FAILED)
    desk = desk_of(*incidents(200), lost)
    assert sorted(len(one.members) for one in desk.outbox.ready(NOW)) == [0, 200]
    [alone] = [one for one in desk.outbox.ready(NOW) if not one.members]
    assert alone.severity is Severity.CRITICAL


def test_a_storms_members_are_not_told_beside_their_parent() -> None:
    assert said(desk_of(*incidents(20, parent="the storm"))) == []


LADDER = Ladder("duty", (Rung(10.0, ("lead",)), Rung(30.0, ("ops",))))
CLIMBING = {"ladders": (LADDER,), "routes": (replace(ALL, ladder="duty", severity=Severity.ERROR),)}


def at_minute(desk: NoticeDesk, minute: float) -> list[tuple[str, str]]:
    for letter in desk.outbox.ready(NOW + timedelta(days=1)):
        desk.outbox.taken(letter.key)
    desk.on_tick(NOW + timedelta(minutes=minute))
    return said(desk, NOW + timedelta(minutes=minute))


def test_the_next_on_the_ladder_are_told_until_its_end_across_restarts() -> None:
    desk = desk_of(ESCALATED, plan=rules(**CLIMBING))
    assert said(desk) == [("ops", "escalated")]
    assert at_minute(desk, 9.9) == []
    desk = again(desk)
    assert at_minute(desk, 10) == [("lead", "escalated")]
    desk = again(desk)
    assert at_minute(desk, 29.9) == []
    assert at_minute(desk, 30) == [("ops", "escalated")]
    assert at_minute(desk, 500) == []


def acknowledged(by: str = "ada") -> Control:
    return acknowledgement_of(NAME, "looking", Speaker(by, ADA), NOW)


def test_somebody_who_acknowledges_stops_the_ladder_and_a_strangers_word_does_not() -> None:
    desk = desk_of(ESCALATED, plan=rules(**CLIMBING))
    desk.on_event(acknowledged("eve"), PLACE, NOW)
    desk.on_event(replace(acknowledged(), signature=""), PLACE, NOW)
    assert at_minute(desk, 10) == [("lead", "escalated")]
    desk.on_event(acknowledged(), PLACE, NOW)
    assert at_minute(desk, 40) == []


def test_an_answered_question_needs_no_other_person() -> None:
    plan = rules(ladders=(LADDER,), routes=(replace(ALL, ladder="duty"),))
    desk = desk_of(DECISION, ASKED, plan=plan)
    desk.on_event(ADMITTED, PLACE, NOW)
    assert at_minute(desk, 40) == []


def test_a_refused_letter_waits_longer_each_time_and_is_given_up_after_a_day() -> None:
    desk, now = desk_of(INCIDENT), NOW
    waits = []
    while letters := desk.outbox.ready(now):
        outputs = desk.outbox.refused(letters[0].key, now)
        due = list(letters_in(again(desk)))
        if not due:
            assert outputs == (Count("healstream_events_rejected_total", (("source", "notices"), ("reason", "undeliverable"))),)
            break
        waits.append((due[0].due_at - now).total_seconds())
        now = due[0].due_at
    assert 0.5 <= waits[0] <= 1
    assert 150 <= waits[-1] <= 300
    assert now - NOW >= GIVEN_UP_AFTER


def test_letters_above_the_bound_are_said_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.notices.outbox.MAX_LETTERS", 3)
    desk = NoticeDesk({}, rules())
    for incident in incidents(5):
        desk.on_event(incident, PLACE, NOW)
    assert desk.on_tick(NOW) == (Count("healstream_events_rejected_total", (("source", "notices"), ("reason", "overflow")), 2),)
    assert len(desk.outbox.ready(NOW)) == 3


def letters_in(desk: NoticeDesk) -> tuple[Letter, ...]:
    return desk.outbox.ready(NOW + timedelta(days=30))


def test_programs_are_told_in_cdevents_once() -> None:
    desk = desk_of()
    healed = replace(ESCALATED, status=OutcomeStatus.HEALED)
    undone = replace(ESCALATED, status=OutcomeStatus.ROLLED_BACK, final=False, rollback=(StepDone("undo", "done"),), attempt=2)
    assert [found.type for found in cdevents(desk, INCIDENT)] == [CdType.INCIDENT_DETECTED]
    assert [(found.type, found.subject) for found in cdevents(desk, undone)] == [(CdType.SERVICE_ROLLEDBACK, "web")]
    assert [(found.type, found.subject) for found in cdevents(desk, healed)] == [(CdType.INCIDENT_RESOLVED, NAME)]
    assert [cdevents(again(desk), record) for record in (INCIDENT, undone, healed)] == [[], [], []]
    assert cdevents(desk_of(), replace(undone, target="job:github/acme/shop/7/build")) == []
