"""Breakers, freezes, levels and the audit at the page's interface: who may say what, what a stale page is told, and the signed export."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.audit_export import verify_file
from console.keys import load_key
from console.site.store import take
from console.site.tables import connect
from schemas.decisions import Admission, AdmissionState
from schemas.ids import id_of
from schemas.oversight import Approval, AuditEntry, Control, RolloutLevel
from schemas.signing import public_text
from tests.support.brake_entries import chained, door_messages, failed
from tests.support.many_incidents import decision_on, ended, incident_of, waiting
from tests.support.site_world import SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
CIRCUIT = "target/service:web"


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def trip(world: SiteWorld, circuit: str = CIRCUIT) -> None:
    """Let the door's breaker of a target open."""
    base = connect(world.site().base_path)
    take(base, door_messages(failed(circuit, 3, world.moment).rows.take_changes()))
    base.close()


def notarise(world: SiteWorld, *entries: AuditEntry) -> None:
    """Let the notary chain entries, with the copy's own key."""
    world.chain = chained(entries, load_key(world.home.keys / "notary.key"))
    world.tell(*world.chain)


def rows(found: dict[str, object]) -> list[dict[str, object]]:
    items = found["items"]
    assert isinstance(items, list)
    return items


def test_a_breaker_is_closed_by_an_operators_signed_word_and_a_second_one_hears_who_did_it(world: SiteWorld) -> None:
    trip(world)
    olga, vic = world.browser().log_in("olga"), world.browser().log_in("vic")
    word: dict[str, object] = {"circuit": CIRCUIT, "reason": "the disk is new"}
    [row] = rows(vic.get("/api/v1/circuits"))
    assert (row["state"], row["half_opens_at"]) == ("open", (NOW + timedelta(seconds=1800)).isoformat())

    assert vic.post("/api/v1/circuits/reset", word)[0] == 403
    status, told = olga.post("/api/v1/circuits/reset", word)

    assert (status, told["said"]) == (200, f"{CIRCUIT} is closed by olga")
    assert [(one.key, one.by, bool(one.signature)) for one in world.said] == [(f"circuit/{CIRCUIT}", "olga", True)]
    base = connect(world.site().base_path)
    take(base, door_messages({f"circuit/{CIRCUIT}": None}, 10))
    base.close()
    status, told = olga.post("/api/v1/circuits/reset", word)
    assert (status, told["detail"]) == (409, "olga closed it at 12:30:00 UTC")


def test_a_target_is_left_alone_and_freed_and_a_stale_page_hears_when_it_ended(world: SiteWorld) -> None:
    olga, vic = world.browser().log_in("olga"), world.browser().log_in("vic")
    word: dict[str, object] = {"target": "fleet", "span": "2h", "reason": "we look"}

    assert vic.post("/api/v1/freezes", word)[0] == 403
    assert olga.post("/api/v1/freezes", {**word, "target": "web; rm"})[0] == 400
    assert olga.post("/api/v1/freezes", {**word, "target": "service:nobody"})[0] == 400
    assert olga.post("/api/v1/freezes", {**word, "span": "60d"})[0] == 400
    assert olga.post("/api/v1/freezes", word)[0] == 200

    [row] = rows(vic.get("/api/v1/freezes"))
    assert (row["what"], row["by"], row["until"]) == ("fleet", "olga", (NOW + timedelta(hours=2)).isoformat())
    assert vic.post(f"/api/v1/freezes/{row['id']}/lift", {})[0] == 403
    world.later(timedelta(minutes=1))
    assert olga.post(f"/api/v1/freezes/{row['id']}/lift", {})[0] == 200
    assert rows(vic.get("/api/v1/freezes")) == []
    status, told = olga.post(f"/api/v1/freezes/{row['id']}/lift", {})
    assert (status, told["detail"]) == (409, "it ended at 12:31:00 UTC, by the word of olga")
    assert olga.post("/api/v1/freezes/zz/lift", {})[0] == 404


def level_entry(level: RolloutLevel, by: str, at: datetime) -> AuditEntry:
    return AuditEntry("decide", "rollout.set", "rerun_job", at, (("by", by), ("level", level.value), ("lowered_by", by)))


def test_a_level_is_set_from_what_was_seen_and_not_over_what_another_said_meanwhile(world: SiteWorld) -> None:
    olga, bob = world.browser().log_in("olga"), world.browser().log_in("bob")
    notarise(world, level_entry(RolloutLevel.SHADOW, "bob", NOW))
    world.later(timedelta(minutes=1))
    row = next(one for one in rows(olga.get("/api/v1/rollouts")) if one["strategy"] == "rerun_job")
    assert (row["level"], row["people"], row["by"], row["asked"]) == ("observe", "shadow", "bob", "")

    status, told = bob.post("/api/v1/rollouts/rerun_job", {"level": "approve", "seen": row["seen"]})
    assert (status, "takes another person" in str(told["detail"])) == (403, True)
    assert olga.post("/api/v1/rollouts/rerun_job", {"level": "approve", "seen": row["seen"]})[0] == 200

    row = next(one for one in rows(bob.get("/api/v1/rollouts")) if one["strategy"] == "rerun_job")
    assert row["asked"] == "approve by olga"
    status, told = bob.post("/api/v1/rollouts/rerun_job", {"level": "observe", "seen": "observe"})
    assert (status, "observe approve by olga" in str(told["detail"])) == (409, True)
    assert [(one.key, one.by) for one in world.said] == [("rollout/rerun_job", "olga")]
    assert bob.post("/api/v1/rollouts/nothing", {"level": "observe", "seen": "observe"})[0] == 404


def test_the_audit_is_searched_and_told_to_be_whole(world: SiteWorld) -> None:
    notarise(world, *(AuditEntry("admit", "command.admitted", f"service:web-{n}", NOW, (("by", "x"),)) for n in range(120)))
    vic = world.browser().log_in("vic")

    [row] = rows(vic.get("/api/v1/audit/chain"))

    assert (row["verified_to"], row["breaks"], row["checkpoint"], row["signed"]) == (119, 0, 99, "signed by the notary")
    assert [one["sequence"] for one in rows(vic.get("/api/v1/audit?q=WEB-11&limit=3"))] == [119, 118, 117]
    assert vic.client.get("/api/v1/audit?after=x").status_code == 400


def test_the_export_is_the_command_lines_and_is_checked_without_a_broker(world: SiteWorld, tmp_path: Path) -> None:
    notarise(world, *(AuditEntry("admit", "command.admitted", f"s{n}", NOW + timedelta(minutes=n)) for n in range(120)))
    vic = world.browser().log_in("vic")

    answer = vic.client.get("/api/v1/audit/export?since=2026-01-02T12:40")

    assert answer.headers["content-disposition"].startswith('attachment; filename="healstream-audit-20260102')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path / "out")
        assert sorted(packed.namelist()) == ["audit.jsonl", "audit.jsonl.manifest.json"]
    reading = verify_file(tmp_path / "out" / "audit.jsonl", public_text(load_key(world.home.keys / "notary.key")))
    assert (reading.records, reading.said()) == (110, [])
    assert list(world.site().base_path.parent.glob("audit-*")) == []
    assert vic.client.get("/api/v1/audit/export?since=soon").status_code == 400
    assert vic.client.get("/api/v1/audit/export?since=2030-01-01").status_code == 404
    assert world.browser().client.get("/api/v1/audit/export").status_code == 401


def test_an_export_without_the_notarys_key_is_refused_with_why(world: SiteWorld) -> None:
    notarise(world, AuditEntry("admit", "command.admitted", "s", NOW))
    (world.home.keys / "notary.key").unlink()
    vic = world.browser().log_in("vic")
    assert vic.client.get("/api/v1/audit/export").status_code == 403
    assert "not on this machine" in str(rows(vic.get("/api/v1/audit/chain"))[0]["signed"]) or rows(vic.get("/api/v1/audit/chain"))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (AdmissionState.ADMITTED, "it was let go, and runs"),
        (AdmissionState.DENIED, "it was refused"),
        (AdmissionState.SELF_HEALED, "the failure healed by itself"),
    ],
)
def test_an_approval_from_an_old_page_is_told_who_said_what_and_what_became_of_it(
    world: SiteWorld, state: AdmissionState, told: str
) -> None:
    incident = incident_of(7, NOW)
    decision = decision_on(incident)
    yes = Control(f"approval/{id_of(decision)}/ada", "ada", NOW, approval=Approval("shown-plan", True, NOW + timedelta(hours=1), "n"))
    world.tell(incident, decision, *waiting(decision), yes)
    word: dict[str, object] = {"approve": True, "plan_hash": "shown-plan"}
    bob = world.browser().log_in("bob")
    world.tell(Admission(decision.incident_id, id_of(decision), state, "", NOW, target=decision.target))

    status, said = bob.post(f"/api/v1/approvals/{id_of(decision)}", word)
    assert (status, said["detail"]) == (409, f"ada said yes at 12:30:00 UTC; {told}")
    world.tell(ended(decision))
    assert "it ended healed at" in str(bob.post(f"/api/v1/approvals/{id_of(decision)}", word)[1]["detail"])
    assert bob.post("/api/v1/approvals/zz", word)[0] == 404
