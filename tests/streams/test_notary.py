"""The audit chain: one writer, every entry once, and every kind of tampering found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from schemas.outputs import Emit, Place, Reject
from schemas.oversight import AuditEntry, AuditRecord, Lease
from schemas.signing import private_key_from, public_text
from streams.notary import Notary, NotaryRules, find_breaks, hash_of
from tests.support.records import AT

KEY = private_key_from(bytes(range(32)))
RULES = NotaryRules(KEY, checkpoint_every=4)


def entry(number: int) -> AuditEntry:
    return AuditEntry("healstream", "decided", f"incident-{number}", AT, (("why", "because"),), ("evidence",))


def chain(count: int, notary: Notary | None = None, start: int = 0) -> list[AuditRecord]:
    owner = notary or Notary.from_state({}, RULES)
    found = []
    for number in range(start, start + count):
        for output in owner.on_event(entry(number), Place("heal.audit.entries", 0, number), AT):
            assert isinstance(output, Emit)
            assert isinstance(output.record, AuditRecord)
            found.append(output.record)
    return found


def breaks(records: list[AuditRecord]) -> list[str]:
    return find_breaks(records, public_text(KEY), RULES.checkpoint_every)


def test_an_untouched_chain_has_no_breaks_and_signed_checkpoints() -> None:
    records = chain(9)
    assert breaks(records) == []
    assert [record.sequence for record in records if record.checkpoint] == [3, 7]


def test_a_new_owner_goes_on_where_the_last_one_stopped() -> None:
    first = Notary.from_state({}, RULES)
    head = chain(5, first)
    assert first.take_changes() == first.snapshot()
    assert first.take_changes() == {}
    second = Notary.from_state(first.snapshot(), RULES)
    assert breaks(head + chain(5, second, start=5)) == []


def test_applying_an_event_twice_chains_it_once() -> None:
    owner = Notary.from_state({}, RULES)
    assert len(chain(3, owner)) == 3
    assert chain(3, owner) == []
    assert owner.on_event(entry(0), Place("heal.audit.entries", 0, 99), AT) == ()
    assert owner.on_tick(AT) == ()


def test_what_is_no_audit_entry_is_rejected() -> None:
    assert isinstance(Notary.from_state({}, RULES).on_event(Lease(1, 1, AT), Place("t", 0, 0), AT)[0], Reject)


def edit(records: list[AuditRecord]) -> list[AuditRecord]:
    return [replace(record, entry=replace(record.entry, actor="eve")) if record.sequence == 2 else record for record in records]


def rehash_after_edit(records: list[AuditRecord]) -> list[AuditRecord]:
    """Rebuild the whole chain after the edit, without the notary's key."""
    found, previous = [], records[0].previous_hash
    for record in edit(records):
        fresh = replace(record, previous_hash=previous)
        fresh = replace(fresh, hash=hash_of(fresh))
        found.append(fresh)
        previous = fresh.hash
    return found


MUTATIONS: dict[str, Callable[[list[AuditRecord]], list[AuditRecord]]] = {
    "edit": edit,
    "edit and rehash": rehash_after_edit,
    "cut": lambda records: records[:3] + records[4:],
    "swap": lambda records: [records[0], records[2], records[1], *records[3:]],
    "insert": lambda records: [*records[:2], records[1], *records[2:]],
    "cut the head": lambda records: records[1:],
    "drop a checkpoint": lambda records: [replace(record, checkpoint="") for record in records],
    "forge a checkpoint": lambda records: [replace(record, checkpoint="x") for record in records],
    "change an offset": lambda records: [replace(records[0], entry_offset=7), *records[1:]],
}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_every_kind_of_tampering_is_found(name: str) -> None:
    assert breaks(MUTATIONS[name](chain(9))) != []
