"""Check runs and issues on a server that answers as GitHub does: each is there once, whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from console.demo.github_server import GithubServer
from infra.adapters.ci_answers import Heard, Trouble
from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_reports import CiReports, Put
from schemas.services import CiReport, CiServer
from tests.support.github_api import GithubApi, Mood, serve

COMMIT = "c" * 40
MARKER = "<!-- healstream-incident: abc -->"
CHECK: dict[str, object] = {
    "name": "healstream: build", "head_sha": COMMIT, "external_id": "abc", "status": "in_progress",
    "output": {"title": "t", "summary": "s"},
}  # fmt: skip
DONE = {**CHECK, "status": "completed", "conclusion": "success"}
ISSUE: dict[str, object] = {"title": "t", "body": f"{MARKER}\nmore", "state": "", "since": "2026-03-04T05:00:00Z"}


@pytest.fixture
def api() -> Iterator[GithubApi]:
    inner = GithubServer(0, lambda _records: None)
    inner.start()
    with serve(inner) as found:
        yield found
    inner.stop()


@pytest.fixture
def server(api: GithubApi) -> CiServer:
    return CiServer("github", api.url, "", ("acme/shop",), reports=(CiReport.CHECKS, CiReport.ISSUES))


def checks(api: GithubApi) -> list[dict[str, object]]:
    assert api.inner is not None
    return [row for _, row in api.inner.checks.rows]


def issues(api: GithubApi) -> list[tuple[str, str]]:
    assert api.inner is not None
    return [(row.body, row.state) for row in api.inner.pulls.rows]


def test_a_check_is_made_once_and_then_changed(api: GithubApi, server: CiServer) -> None:
    reports = CiReports(CiLogins())
    first = reports.put_check(server, "acme/shop", CHECK, 0)
    # Without its number, as after a crash, it is found by the incident's id.
    again = reports.put_check(server, "acme/shop", DONE, 0)
    assert isinstance(first, Put)
    assert first == again == reports.put_check(server, "acme/shop", DONE, first.number)
    [row] = checks(api)
    assert (row["external_id"], row["conclusion"], row["head_sha"]) == ("abc", "success", COMMIT)
    other = reports.put_check(server, "acme/shop", {**DONE, "external_id": "other"}, 0)
    assert (isinstance(other, Put), len(checks(api))) == (True, 2)


def test_an_issue_is_opened_once_changed_and_closed(api: GithubApi, server: CiServer) -> None:
    reports = CiReports(CiLogins())
    first = reports.put_issue(server, "acme/shop", ISSUE, MARKER, 0)
    assert isinstance(first, Put)
    assert reports.put_issue(server, "acme/shop", {**ISSUE, "title": "u"}, MARKER, 0) == first
    assert issues(api) == [(f"{MARKER}\nmore", "open")]
    assert reports.put_issue(server, "acme/shop", {**ISSUE, "state": "closed"}, MARKER, first.number) == first
    # What people have closed stays closed as long as nothing says otherwise.
    reports.put_issue(server, "acme/shop", ISSUE, MARKER, first.number)
    assert issues(api) == [(f"{MARKER}\nmore", "closed")]


def test_an_answer_that_is_lost_makes_no_second_issue(api: GithubApi, server: CiServer) -> None:
    reports = CiReports(CiLogins())
    assert api.inner is not None
    api.inner.answer_post("/repos/acme/shop/issues", json.dumps(ISSUE).encode())
    assert isinstance(reports.put_issue(server, "acme/shop", ISSUE, MARKER, 0), Put)
    assert len(issues(api)) == 1


def test_who_quotes_an_issue_of_ours_does_not_take_its_place(api: GithubApi, server: CiServer) -> None:
    assert api.inner is not None
    api.inner.answer_post("/repos/acme/shop/issues", json.dumps({"title": "q", "body": f"> {MARKER}"}).encode())
    assert isinstance(CiReports(CiLogins()).put_issue(server, "acme/shop", ISSUE, MARKER, 0), Put)
    assert len(issues(api)) == 2


def test_an_issue_on_a_later_page_is_found(api: GithubApi, server: CiServer) -> None:
    assert api.inner is not None
    for body in (str(ISSUE["body"]), *("another",) * 120):
        api.inner.answer_post("/repos/acme/shop/issues", json.dumps({"title": "q", "body": body}).encode())
    assert CiReports(CiLogins()).put_issue(server, "acme/shop", ISSUE, MARKER, 0) == Put(1)


def test_nothing_is_opened_only_to_be_closed(api: GithubApi, server: CiServer) -> None:
    assert CiReports(CiLogins()).put_issue(server, "acme/shop", {**ISSUE, "state": "closed"}, MARKER, 0) == Put(0)
    assert issues(api) == []


@pytest.mark.parametrize(
    ("mood", "heard", "wait_s"),
    [
        (Mood("check-runs", 401), Heard.DENIED, 0.0),
        (Mood("check-runs", 403), Heard.DENIED, 0.0),
        (Mood("check-runs", 404), Heard.MISSING, 0.0),
        (Mood("check-runs", 410), Heard.GONE, 0.0),
        (Mood("check-runs", 422), Heard.REFUSED, 0.0),
        (Mood("check-runs", 429, {"Retry-After": "30"}), Heard.LIMITED, 30.0),
        (Mood("check-runs", 502), Heard.AWAY, 0.0),
        (Mood("check-runs", 200, {}, b"nonsense"), Heard.AWAY, 0.0),
        (Mood("check-runs", 200, {}, b'{"check_runs": 7}'), Heard.AWAY, 0.0),
    ],
)
def test_a_refusal_writes_nothing_and_says_whether_to_come_again(
    api: GithubApi, server: CiServer, mood: Mood, heard: Heard, wait_s: float
) -> None:
    api.moods.append(mood)
    found = CiReports(CiLogins()).put_check(server, "acme/shop", CHECK, 0)
    assert isinstance(found, Trouble)
    assert (found.heard, found.wait_s, checks(api)) == (heard, wait_s, [])


def test_a_dead_server_and_a_missing_token_are_said() -> None:
    for file, heard in (("", Heard.AWAY), ("/nowhere/token", Heard.DENIED)):
        dead = CiServer("github", "http://127.0.0.1:9", file, ("acme/shop",))
        found = CiReports(CiLogins()).put_check(dead, "acme/shop", CHECK, 0)
        assert isinstance(found, Trouble)
        assert found.heard is heard
