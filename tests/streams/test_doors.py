"""The doors let in what belongs, and say what becomes of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from learning.patterns.secret_hints import SecretHints
from schemas.avro_codec import Codec
from schemas.door import Refused
from schemas.events import LogChunk
from schemas.outputs import Count, Emit, Late, Place
from schemas.oversight import AuditEntry, DeadLetter
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.topics import ALL_RECORDS, BY_NAME, key_of
from streams.binding import Incoming
from streams.doors import Door, IngestDoor, Opened, PlainDoor

AT = datetime(2026, 1, 2, tzinfo=UTC)
CODEC = Codec(ALL_RECORDS)
CHUNK = LogChunk("github", "acme/api", "77", 1, "build", 0, "text", eof=False, at=AT)
KEY = key_of(CHUNK).encode()
HOME = partition_of(KEY, BY_NAME["ci.logs"].partitions)


def came(raw: bytes | None, partition: int = HOME, offset: int = 0) -> Incoming:
    return Incoming(Place("ci.logs", partition, offset), AT, KEY, raw)


def ingest() -> IngestDoor:
    return IngestDoor(CODEC, Policy, ("ci.logs", "ci.events"), SecretHints())


def opened(door: Door, incoming: Incoming, now: datetime = AT) -> Opened:
    found = door.open(incoming, now)
    assert isinstance(found, Opened)
    return found


def test_the_plain_door_passes_a_record_of_the_topic_and_refuses_others() -> None:
    door = PlainDoor(CODEC)
    assert door.open(came(CODEC.encode(CHUNK)), AT) == Opened(CHUNK)
    wrong = door.open(came(CODEC.encode(AuditEntry("a", "b", "c", AT)), offset=1), AT)
    assert isinstance(wrong, Refused)
    assert wrong.detail == "AuditEntry does not belong on ci.logs"
    empty = door.open(came(None, offset=2), AT)
    assert isinstance(empty, Refused)
    door.forget(0)


def test_the_plain_door_decodes_what_stands_at_a_place_once_for_all_stages_that_share_it() -> None:
    door = PlainDoor(CODEC)
    first = opened(door, came(CODEC.encode(CHUNK)))
    assert opened(door, came(CODEC.encode(CHUNK))) is first
    assert opened(door, came(CODEC.encode(CHUNK), offset=1)) is not first


def test_ingest_passes_an_event_once_and_again_after_the_partition_was_forgotten() -> None:
    door, raw = ingest(), CODEC.encode(CHUNK)
    assert opened(door, came(raw)).event == CHUNK
    again = opened(door, came(raw, offset=1))
    assert again.event is None
    assert all(isinstance(output, Count) for output in again.outputs)
    door.forget(HOME)
    assert opened(door, came(raw)).event == CHUNK


def test_ingest_turns_poison_into_a_dead_letter_and_a_count() -> None:
    found = opened(ingest(), came(b"poison"))
    assert found.event is None
    assert isinstance(found.outputs[0], Emit)
    assert isinstance(found.outputs[0].record, DeadLetter)


def test_ingest_forwards_a_stray_record_as_it_is_and_sets_a_future_one_aside() -> None:
    raw = CODEC.encode(CHUNK)
    stray = opened(ingest(), came(raw, partition=(HOME + 1) % 4))
    assert [(letter.partition, letter.value) for letter in stray.letters] == [(HOME, raw)]
    early = opened(ingest(), came(raw), AT - timedelta(days=1))
    assert isinstance(early.outputs[0], Late)
