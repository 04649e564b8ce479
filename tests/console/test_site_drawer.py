"""The drawer: what the pattern saw is marked, "was this right?" is answered by who may and shown as given, and commands say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.site.marked import pieces_of
from console.words import speaker_in
from schemas.ids import id_of
from schemas.incidents import HitSeen
from schemas.oversight import Feedback
from schemas.signing import is_said_by
from schemas.vocabulary import Kind
from tests.support.many_incidents import decision_on, ended, incident_of
from tests.support.site_world import SiteWorld, few_patterns

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
RIGHT: dict[str, object] = {"answer": "right"}


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW, shipped=few_patterns(tmp_path / "shipped"))


def healed(world: SiteWorld, text: str = "main process exited", number: int = 3) -> str:
    """Let one incident be healed, and return its id."""
    incident = incident_of(number, NOW, text)
    decision = decision_on(incident)
    world.tell(incident, decision, ended(decision))
    return id_of(incident)


@pytest.mark.parametrize(("who", "status"), [("ada", 200), ("bob", 200), ("olga", 200), ("vic", 403)])
def test_who_may_teach_is_asked_and_the_word_is_signed_by_their_key(world: SiteWorld, who: str, status: int) -> None:
    incident = healed(world)

    said = world.browser().log_in(who).post(f"/api/v1/incidents/{incident}/feedback", {**RIGHT, "note": "so it was"})

    assert said[0] == status, said
    words = [word for word in world.words if isinstance(word, Feedback)]
    assert [(word.incident_id, word.by, word.correct) for word in words] == ([(incident, who, True)] if status == 200 else [])
    assert speaker_in(world.home.people, who)
    assert all(is_said_by(word, who, world.site().people()) for word in words)


def test_a_wrong_kind_and_a_wrong_action_are_two_answers_and_both_are_shown_as_given(world: SiteWorld) -> None:
    incident = healed(world)
    olga = world.browser().log_in("olga")

    olga.post(f"/api/v1/incidents/{incident}/feedback", {"answer": "wrong_kind", "kind": "disk_full", "note": "<b>the disk</b>"})
    olga.post(f"/api/v1/incidents/{incident}/feedback", {"answer": "wrong_action", "note": "a restart hides it"})

    words = [word for word in world.words if isinstance(word, Feedback)]
    assert [(word.kind, word.correct, word.strategy, word.reward) for word in words] == [
        (Kind.DISK_FULL, False, "", 0.0),
        (None, True, "service_restart", -1.0),
    ]
    told = olga.get(f"/api/v1/incidents/{incident}/feedback")["items"]
    assert sorted((row["said"], row["signed"]) for row in told) == [("wrong", "yes"), ("wrong action: service_restart", "yes")]  # type: ignore[attr-defined]
    shown = olga.client.get(f"/incidents/{incident}/feedback").text
    assert "&lt;b&gt;the disk&lt;/b&gt;" in shown
    assert "it was disk full" in shown


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ({"answer": "perhaps"}, 400),
        ({"answer": "wrong_kind", "kind": "bad_luck"}, 400),
        ({"answer": "right", "kind": "disk_full"}, 400),
        ({"answer": "right", "note": "x" * 1001}, 400),
        ({"answer": "wrong_action"}, 400),
        ({"answer": "right", "by": "ada"}, 400),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_what_to_do(world: SiteWorld, word: dict[str, object], status: int) -> None:
    incident = incident_of(3, NOW)
    world.tell(incident)

    said = world.browser().log_in("olga").post(f"/api/v1/incidents/{id_of(incident)}/feedback", word)

    assert (said[0], world.words) == (status, [])
    assert said[1]["next"]


def test_without_the_sessions_token_or_without_kafka_nothing_is_said(world: SiteWorld) -> None:
    incident = healed(world)
    olga = world.browser().log_in("olga")
    assert olga.client.post(f"/api/v1/incidents/{incident}/feedback", json=RIGHT).status_code == 403
    world.reachable = False
    assert olga.post(f"/api/v1/incidents/{incident}/feedback", RIGHT)[0] == 503
    assert olga.post("/api/v1/incidents/zz/feedback", RIGHT)[0] == 404
    assert world.words == []


def test_the_drawer_offers_the_form_to_who_may_and_commands_to_all(world: SiteWorld) -> None:
    incident = healed(world)
    olga, vic = (world.browser().log_in(who).client.get(f"/incidents/{incident}").text for who in ("olga", "vic"))
    assert [f'data-send="/api/v1/incidents/{incident}/feedback"' in shown for shown in (olga, vic)] == [True, False]
    assert [f"healstream feedback give {incident} --right" in shown for shown in (olga, vic)] == [True, True]
    assert ["Nobody has said so far" in shown for shown in (olga, vic)] == [True, True]


def test_what_a_pattern_matched_is_cut_out_and_several_matches_do_not_overlap() -> None:
    assert pieces_of("no space left on device", ["space left", "left on"]) == [("no ", False), ("space left", True), (" on device", False)]
    assert pieces_of("<b>nothing</b>", ["other", ""]) == [("<b>nothing</b>", False)]
    assert pieces_of("", ["x"]) == []


def full_disk(world: SiteWorld) -> str:
    """Let one incident be seen whose line a shipped pattern matches, between what looks like markup, and return its id."""
    hit = HitSeen("no-space-left", Kind.DISK_FULL, 3, "<i>x</i> write failed: No space left on device <script>1</script>")
    incident = replace(incident_of(3, NOW), hits=(hit,), sample=("before <b>", hit.text))
    world.tell(incident)
    return id_of(incident)


def test_the_match_is_marked_and_hostile_text_around_it_stays_text(world: SiteWorld) -> None:
    incident = full_disk(world)

    shown = world.browser().log_in("vic").client.get(f"/incidents/{incident}").text

    assert shown.lower().count("<mark>no space left on device</mark>") == 2
    assert "&lt;i&gt;x&lt;/i&gt; " in shown
    assert "<script>1" not in shown
    assert "before &lt;b&gt;" in shown


def test_a_mistake_in_a_pattern_file_takes_the_marks_away_and_nothing_else(world: SiteWorld) -> None:
    incident = full_disk(world)
    (world.home.config / "patterns").mkdir(exist_ok=True)
    (world.home.config / "patterns" / "own.json").write_text("{", encoding="utf-8")

    shown = world.browser().log_in("vic").client.get(f"/incidents/{incident}")

    assert (shown.status_code, "No space left on device" in shown.text, "<mark>" in shown.text) == (200, True, False)
