"""Kinds of mutation of an audit chain by their names, each as what it makes of good evidence; used by ``test_audit_mutations.py``.

``EDITS`` alter one record in place, ``CHAINS`` what lies in the topic, ``KEEPERS`` what is kept beside it.
"""

from __future__ import annotations

import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from console.audit_reading import Checkpoint
from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import sign_bytes
from streams.notary import first_hash_of, hash_of
from tests.support.chain_evidence import COUNT, NOTARY, STRANGER, Evidence, chained, entry

Edit = Callable[[AuditRecord], AuditRecord]
Records = Callable[[Sequence[AuditRecord]], Sequence[AuditRecord]]
Keeper = Callable[[Evidence], Evidence]
# A record in the middle of a stretch, and one that carries a checkpoint.
PLAIN, SIGNED = 142, 199


def on_entry(edit: Callable[[AuditEntry], AuditEntry]) -> Edit:
    """Return the edit of a record's entry."""
    return lambda record: replace(record, entry=edit(record.entry))


def text(name: str, edit: Callable[[str], str]) -> Edit:
    """Return the edit of one of the entry's texts."""
    return on_entry(lambda one: replace(one, **{name: edit(getattr(one, name))}))  # type: ignore[arg-type]


def details(edit: Callable[[tuple[tuple[str, str], ...]], tuple[tuple[str, str], ...]]) -> Edit:
    """Return the edit of the entry's details."""
    return on_entry(lambda one: replace(one, details=edit(one.details)))


def evidence(edit: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Edit:
    """Return the edit of the entry's evidence."""
    return on_entry(lambda one: replace(one, evidence=edit(one.evidence)))


def value(edit: Callable[[str], str]) -> Edit:
    """Return the edit of the last detail's value."""
    return details(lambda rows: (*rows[:-1], (rows[-1][0], edit(rows[-1][1]))))


EDITS: Mapping[str, Edit] = {
    "another actor": text("actor", lambda _: "eve"),
    "no actor": text("actor", lambda _: ""),
    "another action": text("action", lambda _: "decision.refuse"),
    "another subject": text("subject", lambda _: "incident-1"),
    "the subject in capitals": text("subject", str.upper),
    "another trace": text("traceparent", lambda _: "00-0"),
    "no trace": text("traceparent", lambda _: ""),
    "a microsecond later": on_entry(lambda one: replace(one, at=one.at + timedelta(microseconds=1))),
    "a day earlier": on_entry(lambda one: replace(one, at=one.at - timedelta(days=1))),
    "another value": value(lambda _: "because"),
    "no value": value(lambda _: ""),
    "another name of a detail": details(lambda rows: (("try", rows[0][1]), *rows[1:])),
    "a detail less": details(lambda rows: rows[1:]),
    "no details": details(lambda _: ()),
    "a detail more": details(lambda rows: (*rows, ("by", "eve"))),
    "an empty detail more": details(lambda rows: (*rows, ("", ""))),
    "a detail twice": details(lambda rows: (*rows, rows[0])),
    "details in another order": details(lambda rows: rows[::-1]),
    "a name and its value exchanged": details(lambda rows: ((rows[0][1], rows[0][0]), *rows[1:])),
    "two values exchanged": details(lambda rows: ((rows[0][0], rows[1][1]), (rows[1][0], rows[0][1]))),
    "two details made one": details(lambda rows: (("".join(rows[0]), "".join(rows[1])),)),
    "a name's end moved into its value": details(lambda rows: ((rows[0][0][:-1], rows[0][0][-1] + rows[0][1]), *rows[1:])),
    "another evidence": evidence(lambda ids: (*ids[:-1], "c" * 32)),
    "an evidence less": evidence(lambda ids: ids[1:]),
    "no evidence": evidence(lambda _: ()),
    "an evidence more": evidence(lambda ids: (*ids, "c" * 32)),
    "an evidence twice": evidence(lambda ids: (*ids, ids[-1])),
    "evidence in another order": evidence(lambda ids: ids[::-1]),
    "two evidences made one": evidence(lambda ids: ("".join(ids),)),
    "evidence moved into the details": on_entry(lambda one: replace(one, details=(*one.details, one.evidence), evidence=())),  # type: ignore[arg-type]
    "actor and action exchanged": on_entry(lambda one: replace(one, actor=one.action, action=one.actor)),
    "the actor's end moved into the action": on_entry(lambda one: replace(one, actor=one.actor[:-1], action=one.actor[-1] + one.action)),
    "a space at the end": text("actor", lambda old: f"{old} "),
    "a zero byte at the end": text("actor", lambda old: f"{old}\0"),
    "a new line within": value(lambda old: f"{old}\n{{}}"),
    "a look-alike letter": text("actor", lambda old: old.replace("e", "\u0435")),
    "letter and accent apart": value(lambda old: unicodedata.normalize("NFD", old)),
    "a space of no width": text("subject", lambda old: f"{old}\u200b"),
    "a mark that turns the line round": text("subject", lambda old: f"\u202e{old}"),
    "a byte order mark": text("subject", lambda old: f"\ufeff{old}"),
    "an escape written out": text("actor", lambda old: old.replace("d", "\\u0064", 1)),
    "half a character": text("subject", lambda old: f"{old}\ud800"),
    "sequence raised": lambda record: replace(record, sequence=record.sequence + 1),
    "sequence lowered": lambda record: replace(record, sequence=record.sequence - 1),
    "sequence nought": lambda record: replace(record, sequence=0),
    "sequence negative": lambda record: replace(record, sequence=-record.sequence),
    "offset raised": lambda record: replace(record, entry_offset=record.entry_offset + 1),
    "offset lowered": lambda record: replace(record, entry_offset=record.entry_offset - 1),
    "offset nought": lambda record: replace(record, entry_offset=0),
    "sequence and offset exchanged": lambda record: replace(record, sequence=record.entry_offset, entry_offset=record.sequence),
    "a digit of the link": lambda record: replace(
        record, previous_hash=f"{int(record.previous_hash[0], 16) ^ 1:x}{record.previous_hash[1:]}"
    ),
    "the link in capitals": lambda record: replace(record, previous_hash=record.previous_hash.upper()),
    "no link": lambda record: replace(record, previous_hash=""),
    "the link to itself": lambda record: replace(record, previous_hash=record.hash),
    "a digit of the hash": lambda record: replace(record, hash=f"{int(record.hash[0], 16) ^ 1:x}{record.hash[1:]}"),
    "the hash in capitals": lambda record: replace(record, hash=record.hash.upper()),
    "the hash cut short": lambda record: replace(record, hash=record.hash[:32]),
    "a space after the hash": lambda record: replace(record, hash=f"{record.hash} "),
    "no hash": lambda record: replace(record, hash=""),
    "the hash of the first form": lambda record: replace(record, hash=first_hash_of(record)),
    "link and hash exchanged": lambda record: replace(record, previous_hash=record.hash, hash=record.previous_hash),
}
CHECKPOINTS: Mapping[str, Edit] = {
    "no checkpoint": lambda record: replace(record, checkpoint=""),
    "a word for a checkpoint": lambda record: replace(record, checkpoint="signed"),
    "a stranger's checkpoint": lambda record: replace(record, checkpoint=sign_bytes(record.hash.encode(), STRANGER)),
    "a checkpoint of nothing": lambda record: replace(record, checkpoint=b64encode(bytes(64)).decode()),
    "the checkpoint of the link": lambda record: replace(record, checkpoint=sign_bytes(record.previous_hash.encode(), NOTARY)),
    "a new line in the checkpoint": lambda record: replace(record, checkpoint=f"{record.checkpoint[:40]}\n{record.checkpoint[40:]}"),
    "a sign of no meaning in the checkpoint": lambda record: replace(
        record, checkpoint=f"{record.checkpoint[:40]}!{record.checkpoint[40:]}"
    ),
    "the checkpoint unpadded": lambda record: replace(record, checkpoint=record.checkpoint.rstrip("=")),
    "the checkpoint padded twice": lambda record: replace(record, checkpoint=f"{record.checkpoint}=="),
    "the checkpoint's unused bits": lambda record: replace(
        record, checkpoint=f"{record.checkpoint[:-3]}{_next_letter(record.checkpoint[-3])}=="
    ),
    "the checkpoint in other digits": lambda record: replace(record, checkpoint=b64decode(record.checkpoint).hex()),
}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _next_letter(letter: str) -> str:
    return _LETTERS[_LETTERS.index(letter) ^ 1]


def edited(record: AuditRecord) -> AuditRecord:
    """Return the record with another actor."""
    return replace(record, entry=replace(record.entry, actor="eve"))


def rehashed(record: AuditRecord) -> AuditRecord:
    """Return the record with the hash that its content has now."""
    return replace(record, hash=hash_of(record))


def from_on(records: Sequence[AuditRecord], number: int, rest: Sequence[AuditRecord], *, resign: bool = False) -> list[AuditRecord]:
    """Return the records up to one, and a chain of the rest after it."""
    return [*records[:number], *chained(rest, STRANGER if resign else None, records[number - 1].hash, number)]


def at(number: int, edit: Edit) -> Records:
    """Return the edit of one record of many."""
    return lambda records: [*records[:number], edit(records[number]), *records[number + 1 :]]


def extra(number: int) -> AuditRecord:
    """Return a record that the notary never wrote, as it would follow."""
    return AuditRecord(replace(entry(number), actor="eve"), number, 3 * number, "", "")


def after(records: Sequence[AuditRecord]) -> AuditRecord:
    """Return the record that somebody adds after the last one."""
    return rehashed(replace(extra(COUNT), previous_hash=records[-1].hash))


CHAINS: Mapping[str, Records] = {
    "one record cut out": lambda records: [*records[:PLAIN], *records[PLAIN + 1 :]],
    "a checkpoint cut out": lambda records: [*records[:SIGNED], *records[SIGNED + 1 :]],
    "the first record cut off": lambda records: records[1:],
    "the first hundred cut off": lambda records: records[100:],
    "the first hundred and a half cut off": lambda records: records[150:],
    "the last record cut off": lambda records: records[:-1],
    "the end cut off at a checkpoint": lambda records: records[:300],
    "the end cut off before a checkpoint": lambda records: records[:250],
    "a stretch between checkpoints cut out": lambda records: [*records[:100], *records[200:]],
    "every second record cut out": lambda records: records[::2],
    "everything cut out": lambda _: (),
    "one record twice": lambda records: [*records[:PLAIN], records[PLAIN], *records[PLAIN:]],
    "an old record again at the end": lambda records: [*records, records[PLAIN]],
    "the whole chain twice": lambda records: [*records, *records],
    "two neighbours exchanged": lambda records: [*records[:PLAIN], records[PLAIN + 1], records[PLAIN], *records[PLAIN + 2 :]],
    "two stretches exchanged": lambda records: [*records[:100], *records[200:300], *records[100:200], *records[300:]],
    "the order reversed": lambda records: records[::-1],
    "two entries exchanged": lambda records: at(PLAIN, lambda one: replace(one, entry=records[PLAIN + 1].entry))(records),
    "two offsets exchanged": lambda records: at(PLAIN, lambda one: replace(one, entry_offset=records[PLAIN + 1].entry_offset))(records),
    "a record put in": lambda records: [*records[:PLAIN], extra(PLAIN), *records[PLAIN:]],
    "a record put in and all after it chained anew": lambda records: from_on(records, PLAIN, [extra(PLAIN), *records[PLAIN:]]),
    "a record added at the end": lambda records: [*records, after(records)],
    "an entry again as the next record": lambda records: from_on(records, COUNT, [records[-1]]),
    "an edit with its own hash": at(PLAIN, lambda one: rehashed(edited(one))),
    "an edit and all after it chained anew": lambda records: from_on(records, PLAIN, [edited(records[PLAIN]), *records[PLAIN + 1 :]]),
    "an edit and the chain anew up to the checkpoint": lambda records: [
        *from_on(records, PLAIN, [edited(records[PLAIN]), *records[PLAIN + 1 : SIGNED]]),
        *records[SIGNED:],
    ],
    "an edit and all after it signed by a stranger": lambda records: from_on(
        records, PLAIN, [edited(records[PLAIN]), *records[PLAIN + 1 :]], resign=True
    ),
    "an edit after the last checkpoint chained anew": lambda records: from_on(records, 320, [edited(records[320]), *records[321:]]),
    "a record cut out and the rest numbered anew": lambda records: from_on(records, PLAIN, records[PLAIN + 1 :]),
    "a fork: one sequence twice": lambda records: [*records[:PLAIN], rehashed(edited(records[PLAIN])), *records[PLAIN:]],
    "a fork: going on from an older record": lambda records: [*records, *from_on(records, PLAIN, [edited(records[PLAIN])])[PLAIN:]],
    "a fork: another chain after a checkpoint": lambda records: from_on(records, 300, [edited(one) for one in records[300:]]),
    "begun anew in the middle": lambda records: [*records[:PLAIN], *chained(records[PLAIN:], None)],
    "begun after something else": lambda records: chained(records, STRANGER, "f" * 64),
    "written anew by a stranger": lambda records: chained(records, STRANGER),
    "written anew with the notary's own key": lambda records: chained([edited(records[0]), *records[1:]], NOTARY),
    "cut and written anew with the notary's own key": lambda records: chained(records[1:], NOTARY),
    "offsets shifted and written anew with the notary's own key": lambda records: chained(
        [replace(one, entry_offset=one.entry_offset + 1) for one in records], NOTARY
    ),
    "offsets that fall": lambda records: chained([replace(one, entry_offset=-one.entry_offset) for one in records], NOTARY),
    "a checkpoint on the next record": lambda records: at(SIGNED + 1, lambda one: replace(one, checkpoint=records[SIGNED].checkpoint))(
        at(SIGNED, lambda one: replace(one, checkpoint=""))(records)
    ),
    "a checkpoint where none belongs": at(PLAIN, lambda one: replace(one, checkpoint=sign_bytes(one.hash.encode(), NOTARY))),
    "two checkpoints exchanged": lambda records: at(SIGNED, lambda one: replace(one, checkpoint=records[99].checkpoint))(records),
    "no checkpoints at all": lambda records: [replace(one, checkpoint="") for one in records],
}


def kept(edit: Callable[[Sequence[Checkpoint]], Sequence[Checkpoint]]) -> Keeper:
    """Return the edit of what was published elsewhere."""
    return lambda found: replace(found, published=tuple(edit(found.published)))


def second(edit: Callable[[Checkpoint], Checkpoint]) -> Keeper:
    """Return the edit of the second published checkpoint."""
    return kept(lambda rows: [rows[0], edit(rows[1]), *rows[2:]])


def moved_head(edit: Callable[[str], str | None]) -> Keeper:
    """Return the edit of the head that the notary has stored."""
    return lambda found: replace(found, head=edit(str(found.head)))


KEEPERS: Mapping[str, Keeper] = {
    "published: one less": kept(lambda rows: [rows[0], *rows[2:]]),
    "published: the first less": kept(lambda rows: rows[1:]),
    "published: the last less": kept(lambda rows: rows[:-1]),
    "published: nothing": kept(lambda _: ()),
    "published: one twice": kept(lambda rows: [*rows, rows[-1]]),
    "published: in another order": kept(lambda rows: rows[::-1]),
    "published: another hash": second(lambda row: replace(row, hash="0" * 64)),
    "published: another hash, signed": second(lambda row: replace(row, hash="0" * 64, signature=sign_bytes(b"0" * 64, NOTARY))),
    "published: no signature": second(lambda row: replace(row, signature="")),
    "published: a stranger's signature": second(lambda row: replace(row, signature=sign_bytes(row.hash.encode(), STRANGER))),
    "published: another's signature": kept(lambda rows: [rows[0], replace(rows[1], signature=rows[0].signature), *rows[2:]]),
    "published: another sequence": second(lambda row: replace(row, sequence=row.sequence + 1)),
    "published: a later time": second(lambda row: replace(row, at=row.at + timedelta(seconds=1))),
    "published: an earlier begin": second(lambda row: replace(row, since=row.since - timedelta(days=400))),
    "published: one more than the chain has": kept(lambda rows: [*rows, replace(rows[-1], sequence=rows[-1].sequence + 100)]),
    "head: none": moved_head(lambda _: None),
    "head: not to be read": moved_head(lambda _: "here"),
    "head: further on": moved_head(lambda old: old.replace("349", "350", 1)),
    "head: further back": moved_head(lambda old: old.replace("349", "348", 1)),
    "head: another hash": moved_head(lambda old: f"349 {'0' * 64} {old.rpartition(' ')[2]}"),
}


def mutants() -> Mapping[str, Keeper]:
    """Return every mutation of a topic and its keepers by name."""
    edits = {f"{name} in record {number}": at(number, edit) for name, edit in EDITS.items() for number in (PLAIN,)}
    signed = {f"{name} in record {SIGNED}": at(SIGNED, edit) for name, edit in CHECKPOINTS.items()}
    return {**{name: _on_records(edit) for name, edit in {**edits, **signed, **CHAINS}.items()}, **KEEPERS}


def _on_records(edit: Records) -> Keeper:
    return lambda found: found.with_records(edit(found.records))
