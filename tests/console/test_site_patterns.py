"""The tab of patterns: a log is tried and stays text, patterns are found, proposals are answered by who may, a pattern is tried on logs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.pattern_files import read_shelf
from console.site.judging import Trials
from schemas.errors import TooManyError
from schemas.ids import id_of
from schemas.oversight import AuditEntry
from schemas.pattern_review import PatternState
from schemas.proposals import EvidenceLine, PatternProposal, ProposalVerdict, ProposalWord, TriedOn
from schemas.vocabulary import Kind
from tests.support.own_pattern import OWN_ROW
from tests.support.site_world import SiteWorld, few_patterns

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0"
LOG = (
    f"step one <script>alert(1)</script>\nexport TOKEN={TOKEN}\n"
    "tar: write error: No space left on device\nError: Process completed with exit code 2."
)


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    now = datetime.now(UTC)  # noqa: TID251 - a word is signed with the time at which it is said
    return SiteWorld(tmp_path, now, shipped=few_patterns(tmp_path / "shipped"))


def proposed(world: SiteWorld, **other: object) -> PatternProposal:
    """Let one pattern be proposed."""
    at = world.moment
    found = PatternProposal(
        name="flux-phase", pattern=json.dumps(OWN_ROW), template="flux is out of phase", runs=12, repositories=4, first_at=at, last_at=at,
        at=at, expires_at=at + timedelta(days=14), tried=TriedOn(10, 5), kind=Kind.ENVIRONMENT_CONFIG, confidence=0.5,
        evidence=(EvidenceLine("<img src=x> the flux is out of phase", "i1"),),
    )  # fmt: skip
    found = replace(found, **other)  # type: ignore[arg-type]
    world.tell(found)
    return found


def test_a_tried_log_shows_kind_pattern_and_line_and_its_secrets_are_masked(world: SiteWorld) -> None:
    vic = world.browser().log_in("vic")

    status, told = vic.post("/api/v1/patterns/try", {"text": LOG})

    assert status == 200, told
    assert told["verdict"]["kind"] == "disk_full"  # type: ignore[index]
    hits = {(row["line"], row["pattern"], row["kind"], row["state"]) for row in told["items"]}  # type: ignore[attr-defined]
    assert (3, "no-space-left", "disk_full", "acting") in hits
    shown = vic.client.post("/patterns/try", data={"text": LOG}, headers={"x-csrf-token": vic.csrf}).text
    assert "<mark>No space left on device</mark>" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script" not in shown
    assert TOKEN not in shown + json.dumps(told)
    assert "[redacted]" in shown
    assert (world.said, world.words) == ([], [])


def test_a_log_that_nothing_matches_an_empty_and_a_huge_one_are_answered(world: SiteWorld) -> None:
    vic = world.browser().log_in("vic")
    token = {"x-csrf-token": vic.csrf}
    assert vic.post("/api/v1/patterns/try", {"text": "all is well"})[1]["items"] == []
    assert vic.post("/api/v1/patterns/try", {"text": ""})[0] == 400
    assert vic.post("/api/v1/patterns/try", {"text": "x" * 40_001})[0] == 400
    assert vic.client.post("/patterns/try", data={"text": "x" * 70_000}, headers=token).status_code == 400
    assert "is shown here" in vic.client.post("/patterns/try", data={"text": " "}, headers=token).text
    assert vic.client.post("/patterns/try", data={"text": "x"}).status_code == 403


def test_patterns_are_found_by_their_words_and_shown_in_full(world: SiteWorld) -> None:
    client = world.browser().log_in("vic").client
    everything, some = client.get("/patterns").text, client.get("/patterns/found?find=no-space-left").text
    assert everything.count('<button type="button" class="link"') > some.count('<button type="button" class="link"') > 0
    assert ">no-space-left</button>" in some
    assert "0 found" in client.get("/patterns/found?find=nosuchword").text
    assert "expressions" in client.get("/patterns/one/no-space-left").text
    assert client.get("/patterns/one/nothing").status_code == 404


def test_a_proposal_is_shown_with_its_back_test_and_its_evidence_stays_text(world: SiteWorld) -> None:
    proposed(world)
    bob, vic = (world.browser().log_in(who) for who in ("bob", "vic"))
    shown = bob.client.get("/patterns").text
    assert "12 runs of 4 repositories" in shown
    assert "10 logs, 5 of them successful" in shown
    assert "&lt;img src=x&gt;" in shown
    assert 'data-send="/api/v1/patterns/flux-phase/accept"' in shown
    assert 'data-send="/api/v1/patterns/flux-phase/' not in vic.client.get("/patterns").text
    assert [row["name"] for row in vic.get("/api/v1/proposals")["items"]] == ["flux-phase"]  # type: ignore[attr-defined]


def test_who_may_not_answer_a_proposal_is_told_so_and_a_refusal_wants_a_reason(world: SiteWorld) -> None:
    made = proposed(world)
    vic, olga = world.browser().log_in("vic"), world.browser().log_in("olga")
    assert vic.post("/api/v1/patterns/flux-phase/accept", {})[0] == 403
    assert vic.post("/api/v1/patterns/flux-phase/refuse", {"why": "x"})[0] == 403
    assert olga.post("/api/v1/patterns/flux-phase/accept", {})[0] == 403
    assert olga.post("/api/v1/patterns/flux-phase/refuse", {"why": ""})[0] == 400
    assert olga.post("/api/v1/patterns/other/refuse", {"why": "x"})[0] == 404
    assert olga.post("/api/v1/patterns/no-space-left/refuse", {})[0] == 404
    assert olga.client.post("/api/v1/patterns/flux-phase/refuse", json={"why": "x"}).status_code == 403
    assert world.words == []

    assert olga.post("/api/v1/patterns/flux-phase/refuse", {"why": "a word of one team"})[0] == 200

    words = [word for word in world.words if isinstance(word, ProposalWord)]
    assert [(word.proposal, word.verdict, word.by, word.why) for word in words] == [
        (id_of(made), ProposalVerdict.REFUSED, "olga", "a word of one team")
    ]
    assert olga.get("/api/v1/proposals")["items"] == []
    assert olga.get("/api/v1/proposals?every=true")["items"][0]["state"] == "refused"  # type: ignore[index]
    assert olga.post("/api/v1/patterns/flux-phase/refuse", {"why": "again"})[0] == 403


def test_an_accepted_proposal_acts_after_a_back_test_and_the_audit_has_it_first(world: SiteWorld) -> None:
    proposed(world)
    bob = world.browser().log_in("bob")
    world.reachable = False
    assert bob.post("/api/v1/patterns/flux-phase/accept", {})[0] == 503
    assert not (world.home.config / "patterns" / "own.json").exists()
    world.reachable = True

    status, told = bob.post("/api/v1/patterns/flux-phase/accept", {})

    assert status == 200, told
    assert [type(word) for word in world.words] == [AuditEntry, ProposalWord]
    shelf = read_shelf(world.home.config, world.shipped)
    assert shelf.state(shelf.named("flux-phase"), world.site().people()) is PatternState.ACTING
    assert bob.get("/api/v1/proposals")["items"] == []


def test_a_back_test_runs_alone_and_tells_what_it_saw(world: SiteWorld) -> None:
    vic = world.browser().log_in("vic")
    status, told = vic.post("/api/v1/patterns/no-space-left/backtest", {})
    assert (status, told["pattern"], bool(told["green"])) == (200, "no-space-left", bool(told["refused"]))
    assert int(str(told["right"])) > 0
    assert int(str(told["logs"])) > int(str(told["successes"])) > 0
    trials = Trials()
    with trials.only_one(), pytest.raises(TooManyError, match="another one runs"), trials.only_one():
        pass
    with trials.only_one():
        pass
