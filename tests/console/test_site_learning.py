"""The tab of learning: shares are of what was judged, drift is told, and a model is promoted by who may and did not make it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from console.feedback_words import PERSON
from console.site.lessons import OUTCOMES, PEOPLE
from schemas.ids import id_of
from schemas.oversight import AuditEntry, AuditRecord, Feedback, ModelChange, ModelRecord
from schemas.signing import is_said_by
from schemas.vocabulary import Kind
from tests.support.many_incidents import incident_of
from tests.support.site_world import SiteWorld

BODY = "{}"
DIGEST = sha256(BODY.encode()).hexdigest()


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, datetime.now(UTC))  # noqa: TID251 - a word is signed with the time at which it is said


def judged(world: SiteWorld, number: int, word: str, age: timedelta, *, is_right: bool) -> None:
    """Let one incident be judged by a person or by what its recovery proved."""
    at = world.moment - age
    incident = incident_of(number, at)
    kind = Kind.SERVICE_DOWN if is_right else Kind.DISK_FULL
    told = Feedback(id_of(incident), word, "olga", at, kind, correct=is_right if word == PERSON else None, verified=word != PERSON)
    world.tell(incident, told)


def test_shares_are_of_what_was_judged_by_whom_and_when_and_none_is_said_where_nobody_did(world: SiteWorld) -> None:
    for number, (word, hours, is_right) in enumerate(
        [(PERSON, 1, True), (PERSON, 2, False), (PERSON, 60, True), ("outcome", 3, True), (PERSON, 24 * 40, False)]
    ):
        judged(world, number, word, timedelta(hours=hours), is_right=is_right)

    told = world.browser().log_in("vic").get("/api/v1/accuracy")

    rows = {(row["source"], row["window"]): (row["judged"], row["share"]) for row in told["items"]}  # type: ignore[attr-defined]
    assert rows[PEOPLE, "1 day"] == (2, 0.5)
    assert rows[PEOPLE, "7 days"] == (3, 0.667)
    assert rows[PEOPLE, "30 days"] == (3, 0.667)
    assert rows[OUTCOMES, "1 day"] == (1, 1.0)
    assert told["kinds"] == [{"kind": "service_down", "judged": 4, "right": 3, "share": 0.75}]
    assert "66.7 %" in world.browser().log_in("vic").client.get("/learning").text


def test_nothing_judged_is_said_to_be_nothing(world: SiteWorld) -> None:
    shown = world.browser().log_in("vic").client.get("/learning").text
    assert shown.count("no word yet") == 6
    assert "The shipped model acts" in shown


def test_drift_is_told_as_the_audit_tells_it_and_stays_text(world: SiteWorld) -> None:
    for number, action in enumerate(("drift.detected", "lesson.learned", "killswitch.engaged")):
        entry = AuditEntry("learn", action, "inputs/<b>unseen</b>", world.moment, (("drifts", "2"),))
        world.tell(AuditRecord(entry, number, number, f"h{number - 1}", f"h{number}"))
    vic = world.browser().log_in("vic")
    assert [row["action"] for row in vic.get("/api/v1/drift")["items"]] == ["drift.detected"]  # type: ignore[attr-defined]
    shown = vic.client.get("/learning/now").text
    assert "inputs/&lt;b&gt;unseen&lt;/b&gt;" in shown
    assert "lesson.learned" in shown
    assert "killswitch" not in shown


def propose(world: SiteWorld, by: str = "healstream") -> None:
    """Let a challenger be proposed."""
    at = world.moment - timedelta(minutes=5)
    world.tell(
        ModelRecord("m-2", ModelChange.SNAPSHOT, BODY, DIGEST, by, at),
        ModelRecord("m-2", ModelChange.PROPOSED, "right on 40 of 50, the champion on 30", DIGEST, by, at),
    )


@pytest.mark.parametrize(("who", "status"), [("bob", 200), ("ada", 200), ("olga", 403), ("vic", 403)])
def test_a_model_is_promoted_by_who_may_and_the_word_is_signed_by_their_key(world: SiteWorld, who: str, status: int) -> None:
    propose(world)
    person = world.browser().log_in(who)
    shown = person.client.get("/learning").text
    assert "right on 40 of 50, the champion on 30" in shown
    assert ('data-send="/api/v1/models/m-2/promote"' in shown) == (status == 200)

    said = person.post("/api/v1/models/m-2/promote", {})

    assert said[0] == status, said
    words = [word for word in world.words if isinstance(word, ModelRecord)]
    wanted = [("m-2", ModelChange.PROMOTED, DIGEST)] if status == 200 else []
    assert [(word.version, word.change, word.sha256) for word in words] == wanted
    assert all(is_said_by(word, who, world.site().people()) for word in words)


def test_its_maker_does_not_promote_it_and_what_nobody_proposed_is_not_promoted(world: SiteWorld) -> None:
    propose(world, "bob")
    bob = world.browser().log_in("bob")
    assert 'data-send="/api/v1/models' not in bob.client.get("/learning").text
    assert bob.post("/api/v1/models/m-2/promote", {})[0] == 403
    assert bob.post("/api/v1/models/m-9/promote", {})[0] == 404
    assert bob.client.post("/api/v1/models/m-2/promote", json={}).status_code == 403
    assert world.words == []
