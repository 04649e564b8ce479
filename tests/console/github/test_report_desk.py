"""Reports on incidents of jobs: each is kept until it is written, says what it may of a stranger's words, and has one issue at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.github.desk import Report, ReportDesk, ReportRules, Written
from console.github.wording import MOST_BYTES, code, marker_of
from console.report_runs import check_body, issue_body
from infra.adapters.ci_answers import Heard, Trouble
from schemas.decisions import Decision, Risk, Verdict
from schemas.events import Origin, Provenance, Trust
from schemas.ids import Record, id_of
from schemas.incidents import HitSeen, Incident, RunRef
from schemas.outputs import Count, Place
from schemas.recoveries import FactorResult, OutcomeStatus, Recommendation, RecoveryOutcome, StepDone
from schemas.services import CiReport, CiServer, Services
from schemas.vocabulary import Group, Kind

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
SERVER = CiServer("github", "https://api.example", "", ("acme/shop",), reports=(CiReport.CHECKS, CiReport.ISSUES))
PLACE = Place("heal.incidents", 0, 0)
TARGET = "job:github/acme/shop/7/build"
HOSTILE = "`](https://evil.example) @everyone fixes #1\n# big <img src=x onerror=1> \u202e"
INCIDENT = Incident(
    origin_key=("job", "7"), kind=Kind.NETWORK_CONNECTIVITY, group=Group.INFRA, confidence=0.93, fingerprint="f", target=TARGET,
    scope="run:github/acme/shop/7", severity="warning", complete=True, opened_at=NOW, detected_at=NOW, reasons=("a pattern hits",),
    run=RunRef("github", "acme/shop", "7", 1, "build", "ci", "c" * 40),
    hits=(HitSeen("pip-refused", Kind.NETWORK_CONNECTIVITY, 12, HOSTILE),),
    provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.SAME_REPOSITORY),
)  # fmt: skip


def decision_on(incident: Incident, verdict: Verdict = Verdict.HEAL) -> Decision:
    return Decision(
        id_of(incident), incident.target, incident.scope, incident.kind, "f", NOW, NOW, 1, 2, verdict, NOW, NOW + timedelta(minutes=5),
        strategy="rerun_job", reason="every gate agrees", risk=Risk(12.0),
    )  # fmt: skip


def outcome_of(incident: Incident, status: OutcomeStatus, final: bool = True, at: datetime = LATER) -> RecoveryOutcome:
    return RecoveryOutcome(
        id_of(incident), "d", 1, final, incident.target, incident.kind, status, "because", NOW, NOW, at, strategy="rerun_job",
        steps=(StepDone("rerun:job", "ok"),),
        verification=(FactorResult("attempt_concluded_success", "rest_conclusion", True, "attempt 2"),),
        recommendations=(Recommendation("look at the proxy", "12 runs"),),
    )  # fmt: skip


def desk(entries: dict[str, str] | None = None, *servers: CiServer) -> ReportDesk:
    found = ReportDesk(entries or {}, ReportRules(Services(ci=servers or (SERVER,)), "https://heal.example"), lambda: 0.5)
    found.on_tick(NOW)
    return found


def tell(made: ReportDesk, *records: Record, now: datetime = LATER) -> list[Report]:
    for record in records:
        made.on_event(record, PLACE, now)
    made.on_tick(now)
    return made.ready(now)


def healed(incident: Incident = INCIDENT) -> tuple[Record, ...]:
    return incident, decision_on(incident), outcome_of(incident, OutcomeStatus.HEALED)


def escalated(incident: Incident = INCIDENT) -> tuple[Record, ...]:
    return incident, decision_on(incident, Verdict.ESCALATE), outcome_of(incident, OutcomeStatus.ESCALATED)


def test_a_healed_job_gets_a_check_that_says_kind_evidence_action_and_verification_and_no_issue() -> None:
    [report] = tell(desk(), *healed())
    assert report.issue is None
    assert report.check is not None
    body = check_body(report.check)
    assert (body["name"], body["head_sha"], body["external_id"]) == ("healstream: build", "c" * 40, id_of(INCIDENT))
    assert (body["status"], body["conclusion"]) == ("completed", "success")
    assert body["details_url"] == f"https://heal.example/incidents/{id_of(INCIDENT)}"
    for words in (
        "network connectivity", "Line 12", "pip-refused", "a pattern hits", "every gate agrees", "rerun:job: ok",
        "attempt_concluded_success (rest_conclusion): passed attempt 2", "look at the proxy", f"explain {id_of(INCIDENT)[:12]}",
    ):  # fmt: skip
        assert words in report.check.summary


def test_a_strangers_words_stand_as_code_on_one_line_and_do_nothing() -> None:
    [report] = tell(desk(), *escalated(replace(INCIDENT, run=replace(INCIDENT.run, job="a @b `c`") if INCIDENT.run else None)))
    assert report.check is not None
    assert report.issue is not None
    for text in (report.check.summary, report.issue.body):
        outside = "".join(line for number, line in enumerate(text.split("`")) if number % 2 == 0)
        assert not any(sign in outside for sign in ("evil", "@", "#1", "<img", "\u202e"))
    assert "@" not in report.issue.title


def test_code_cannot_be_left_by_what_stands_in_it() -> None:
    assert code("a`b``c\nd\x1b[31m") == "`a'b''c d[31m`"
    assert code("") == "`-`"
    assert len(code("x" * 1000)) == 302


def test_while_it_goes_on_the_check_is_in_progress() -> None:
    [report] = tell(desk(), INCIDENT, decision_on(INCIDENT))
    assert report.check is not None
    assert check_body(report.check)["status"] == "in_progress"


@pytest.mark.parametrize("status", [one for one in OutcomeStatus if one is not OutcomeStatus.PLANNED])
def test_a_check_never_fails_a_commit_for_a_second_time(status: OutcomeStatus) -> None:
    [report] = tell(desk(), INCIDENT, decision_on(INCIDENT), outcome_of(INCIDENT, status))
    assert report.check is not None
    is_well = status in {OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED}
    assert report.check.conclusion == ("success" if is_well else "neutral")


def test_what_needs_a_person_has_an_issue_that_is_found_again_and_closed_when_it_is_healed() -> None:
    made = desk()
    [report] = tell(made, INCIDENT, decision_on(INCIDENT), outcome_of(INCIDENT, OutcomeStatus.ROLLED_BACK, final=False))
    assert report.issue is not None
    assert report.issue.body.startswith(marker_of(id_of(INCIDENT)))
    body = issue_body(report.issue, report.opened_at)
    assert (body["state"], body["since"]) == ("", "2026-03-04T04:56:07Z")
    made.written(report, Written(11, 22), LATER)
    [report] = tell(made, outcome_of(INCIDENT, OutcomeStatus.HEALED))
    assert report.issue is not None
    assert (report.check_id, report.issue_number, report.issue.state) == (11, 22, "closed")


def test_an_incident_that_was_opened_again_goes_on_in_the_issue_of_the_first() -> None:
    made = desk()
    [report] = tell(made, *escalated())
    made.written(report, Written(11, 22), LATER)
    again = replace(INCIDENT, origin_key=("nonce",), reopens=id_of(INCIDENT))
    [report] = tell(made, again, decision_on(again), outcome_of(again, OutcomeStatus.ESCALATED))
    assert report.issue is not None
    assert (report.issue.marker, report.issue.state, report.issue_number) == (marker_of(id_of(INCIDENT)), "open", 22)
    made.written(report, Written(12, 22), LATER)
    third = replace(INCIDENT, origin_key=("nonce 2",), reopens=id_of(again))
    [report] = tell(made, *healed(third))
    assert report.issue is not None
    assert (report.issue.marker, report.issue.state) == (marker_of(id_of(INCIDENT)), "closed")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_in_which_the_topics_are_read_does_not_matter(order: tuple[int, ...]) -> None:
    records = healed()
    [report] = tell(desk(), *(records[number] for number in order))
    assert report.check is not None
    assert report.check.conclusion == "success"


def test_a_fork_has_a_check_and_never_an_issue() -> None:
    fork = replace(INCIDENT, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK))
    [report] = tell(desk(), *escalated(fork))
    assert (report.check is not None, report.issue) == (True, None)


@pytest.mark.parametrize(
    ("incident", "servers"),
    [
        (replace(INCIDENT, provenance=Provenance()), (SERVER,)),
        (INCIDENT, (replace(SERVER, projects=("acme/other",)),)),
        (INCIDENT, (replace(SERVER, reports=()),)),
        (replace(INCIDENT, run=None, target="service:web"), (SERVER,)),
    ],
)
def test_of_what_nobody_vouches_for_or_asked_for_nothing_is_written(incident: Incident, servers: tuple[CiServer, ...]) -> None:
    assert tell(desk(None, *servers), *escalated(incident)) == []


def test_only_what_was_asked_for_is_written() -> None:
    [report] = tell(desk(None, replace(SERVER, reports=(CiReport.ISSUES,))), *escalated())
    assert (report.check, report.issue is not None) == (None, True)
    assert tell(desk(None, replace(SERVER, reports=(CiReport.ISSUES,))), *healed()) == []


def test_nothing_is_given_out_before_the_transaction_that_holds_it_is_over_and_a_restart_gives_it_out_again() -> None:
    made = desk()
    for record in healed():
        made.on_event(record, PLACE, LATER)
    assert made.ready(LATER) == []
    made.on_tick(LATER)
    again = desk(dict(made.snapshot()))
    assert again.ready(LATER) == made.ready(LATER) != []


def test_what_was_written_is_not_written_again_and_what_came_meanwhile_is() -> None:
    made = desk()
    [report] = tell(made, INCIDENT, decision_on(INCIDENT))
    made.on_event(outcome_of(INCIDENT, OutcomeStatus.HEALED), PLACE, LATER)
    made.written(report, Written(11, 0), LATER)
    [report] = tell(made)
    assert report.check_id == 11
    made.written(report, Written(11, 0), LATER)
    assert tell(made, *healed()) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_what_happened_before_the_first_start_is_not_told_whichever_topic_is_read_first(order: tuple[int, ...]) -> None:
    old = replace(INCIDENT, opened_at=NOW - timedelta(days=2), detected_at=NOW - timedelta(days=2))
    records = old, decision_on(old), outcome_of(old, OutcomeStatus.ESCALATED, at=NOW - timedelta(days=1))
    made = desk()
    assert tell(made, *(records[number] for number in order)) == []
    assert not any(name.startswith("due/") for name in made.snapshot())


def test_a_server_that_is_away_is_tried_again_and_its_limit_holds_all_its_reports() -> None:
    made = desk()
    other = replace(INCIDENT, origin_key=("job", "8"))
    first, _ = tell(made, *healed(), *healed(other))
    assert made.refused(first, Trouble(Heard.LIMITED, "HTTP 429", 60.0), LATER) == ()
    assert made.ready(LATER + timedelta(seconds=59)) == []
    assert len(made.ready(LATER + timedelta(seconds=62))) == 2


def test_what_is_refused_for_good_is_given_up_and_counted() -> None:
    for trouble, after in ((Trouble(Heard.REFUSED, "422"), 0), (Trouble(Heard.MISSING, "404"), 0), (Trouble(Heard.AWAY, "502"), 90_000)):
        made = desk()
        [report] = tell(made, *healed())
        [count] = made.refused(report, trouble, LATER + timedelta(seconds=after))
        assert isinstance(count, Count)
        assert made.ready(LATER + timedelta(days=2)) == []


def test_a_summary_fits_whatever_is_told() -> None:
    long = tuple(StepDone(f"step {number}", "ok", "\u00e4" * 5000) for number in range(500))
    many = replace(outcome_of(INCIDENT, OutcomeStatus.ESCALATED), steps=long, recommendations=(Recommendation("x" * 99_999, ""),) * 99)
    [report] = tell(desk(), INCIDENT, decision_on(INCIDENT), many)
    assert report.check is not None
    assert report.issue is not None
    assert len(report.check.summary.encode()) <= MOST_BYTES
    assert len(report.issue.body.encode()) <= MOST_BYTES
