"""Breakers, budgets and the audit chain in the read model say what admit and the notary keep; built anew they say the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.brake_words import circuit_rows
from console.site.brakes import budgets_in, circuits_in
from console.site.chronicle import AUDIT_KEPT, audit_rows, chain_in, chain_row, level_entries
from console.site.store import take
from console.site.tables import FORMAT, connect, forget
from schemas.errors import UsageError
from schemas.ids import Record
from schemas.oversight import AuditEntry, AuditRecord
from schemas.policy import Budget, Policy
from schemas.services import Services
from schemas.signing import public_text
from streams.breakers import Breakers
from streams.budgets import Budgets
from tests.streams.test_admit import decision
from tests.support.brake_entries import chained, door_messages
from tests.support.many_incidents import Tape

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
POLICY = Policy(breaker_failures=2, breaker_open_s=100.0, target_budget=Budget(2, 3600.0))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "read.sqlite")) as found:
        yield found


def chain_of(said: list[AuditEntry]) -> list[Record]:
    return list(chained(said, KEY))


def entry(number: int, action: str = "command.admitted", actor: str = "admit", **details: str) -> AuditEntry:
    return AuditEntry(actor, action, f"service:web-{number % 7}", NOW + timedelta(seconds=number), tuple(details.items()))


def test_breakers_are_those_of_the_door_with_when_they_half_open_and_go_when_they_close(base: sqlite3.Connection) -> None:
    kept = Breakers({}, POLICY)
    kept.record("c1", ("target/service:web", "strategy/restart"), False, NOW)
    kept.record("c2", ("target/service:web",), False, NOW + timedelta(seconds=10))
    take(base, door_messages(kept.rows.take_changes()))
    later = NOW + timedelta(seconds=20)

    [first, second] = circuits_in(base, POLICY, later)

    told = {row["circuit"]: row["state"] for row in circuit_rows(kept.rows.snapshot(), POLICY, later)}
    assert {row["circuit"]: row["state"] for row in (first, second)} == told
    assert (first["circuit"], first["state"], first["failures"], first["needed"]) == ("target/service:web", "open", 2, 2)
    assert first["half_opens_at"] == (NOW + timedelta(seconds=110)).isoformat()
    assert circuits_in(base, POLICY, NOW + timedelta(seconds=120))[0]["state"] == "half_open"
    kept.reset("target/service:web")
    take(base, door_messages(kept.rows.take_changes(), 10))
    assert [row["circuit"] for row in circuits_in(base, POLICY, later)] == ["strategy/restart"]


def test_budgets_count_what_admit_counts_within_each_window(base: sqlite3.Connection) -> None:
    kept = Budgets({}, POLICY, Services())
    for number in range(2):
        kept.spend(f"c{number}", decision(1), NOW + timedelta(seconds=number))
    take(base, door_messages(kept.rows.take_changes()))
    target = decision(1).target

    rows = {str(row["budget"]): row for row in budgets_in(base, POLICY, Services(), NOW + timedelta(minutes=1))}

    assert kept.spent_out(decision(1), NOW + timedelta(minutes=1)) == f"target/{target}: 2 in 3600 s"
    assert (rows[f"target/{target}"]["used"], rows[f"target/{target}"]["spent_out"]) == (2, True)
    assert (rows["fleet"]["used"], rows["fleet"]["spent_out"]) == (2, False)
    after = {str(row["budget"]): row["used"] for row in budgets_in(base, POLICY, Services(), NOW + timedelta(hours=2))}
    assert after == {"fleet": 0, "service groups changed": 0}


@pytest.mark.parametrize("cut", [1, 99, 100, 101, 249])
def test_the_chain_is_verified_to_its_newest_record_in_any_batches(base: sqlite3.Connection, cut: int) -> None:
    messages = Tape().messages(chain_of([entry(n) for n in range(250)]))
    for batch in (messages[:cut], messages[cut:]):
        take(base, batch)

    row = chain_row(chain_in(base), public_text(KEY))

    assert (row["verified_from"], row["verified_to"], row["breaks"], row["checkpoint"]) == (0, 249, 0, 199)
    assert (row["signed"], row["is_well"]) == ("signed by the notary", True)
    assert "not on this machine" in str(chain_row(chain_in(base), "")["signed"])
    other = public_text(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert (chain_row(chain_in(base), other)["is_well"], chain_row(None, other)["verified_to"]) == (False, None)


def test_a_record_that_was_changed_is_the_newest_break_with_its_place(base: sqlite3.Connection) -> None:
    records = [row for row in chain_of([entry(n) for n in range(120)]) if isinstance(row, AuditRecord)]
    records[40] = replace(records[40], entry=entry(40, "nothing.happened"))
    records[99] = replace(records[99], checkpoint="")
    take(base, Tape().messages(list(records)))

    row = chain_row(chain_in(base), public_text(KEY))

    assert (row["breaks"], row["is_well"]) == (2, False)
    assert row["newest_break"] == "record 99: its checkpoint is missing"


def test_a_chain_whose_beginning_retention_took_is_verified_from_what_is_left(base: sqlite3.Connection) -> None:
    take(base, Tape().messages(chain_of([entry(n) for n in range(60)])[20:]))
    row = chain_row(chain_in(base), "")
    assert (row["verified_from"], row["verified_to"], row["breaks"]) == (20, 59, 0)


def test_records_are_found_by_every_word_and_page_by_page(base: sqlite3.Connection) -> None:
    take(base, Tape().messages(chain_of([entry(n, by="ada" if n % 2 else "bob", note="100%_sure") for n in range(40)])))

    found, after = audit_rows(base, "ADA web-3", 2)

    assert [row["sequence"] for row in found] == [31, 17]
    assert [row["sequence"] for row in audit_rows(base, "ADA web-3", 2, after)[0]] == [3]
    assert len(audit_rows(base, "100%_sure", 200)[0]) == 40
    assert audit_rows(base, "100_%", 200)[0] == []
    with pytest.raises(UsageError):
        audit_rows(base, "", 2, "x")


def test_what_decide_told_of_levels_is_kept_however_old(base: sqlite3.Connection) -> None:
    told = entry(0, "rollout.set", "decide", by="ada", level="shadow", lowered_by="ada")
    records = chain_of([told, *(entry(n) for n in range(1, AUDIT_KEPT + 20))])
    take(base, Tape().messages(records))

    assert base.execute("SELECT COUNT(*) FROM audit").fetchone()[0] == AUDIT_KEPT + 1
    assert level_entries(base) == [told]


def test_a_file_of_an_earlier_release_is_emptied_and_filled_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE offsets (topic TEXT, partition INTEGER, next INTEGER)")
        old.execute("INSERT INTO offsets VALUES ('heal.audit', 0, 5)")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    with closing(connect(path)) as base:
        assert base.execute("PRAGMA user_version").fetchone()[0] == FORMAT
        assert take(base, Tape().messages(chain_of([entry(1)]))) == 1


def test_what_is_forgotten_and_read_again_says_the_same(base: sqlite3.Connection) -> None:
    kept = Breakers({}, POLICY)
    kept.record("c1", ("target/service:web",), False, NOW)
    messages = [*door_messages(kept.rows.take_changes()), *Tape().messages(chain_of([entry(n) for n in range(5)]))]
    take(base, messages)
    before = (circuits_in(base, POLICY, NOW), chain_in(base), audit_rows(base, "", 9))
    forget(base)
    assert (circuits_in(base, POLICY, NOW), chain_in(base)) == ([], None)
    take(base, messages)
    assert (circuits_in(base, POLICY, NOW), chain_in(base), audit_rows(base, "", 9)) == before
