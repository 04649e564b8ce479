"""Outputs become letters, offsets a guard, failures dead letters: without a broker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.avro_codec import Codec
from schemas.door import Refused
from schemas.errors import RecordShapeError
from schemas.events import LogChunk
from schemas.outputs import Count, Emit, Gauge, Late, Observe, Place, Reject
from schemas.oversight import AuditEntry, DeadLetter
from schemas.partitioning import partition_of
from schemas.topics import ALL_RECORDS, BY_NAME, MAX_RECORD_BYTES, key_of
from streams.binding import (
    Guard,
    Incoming,
    dead_letter,
    letter_of,
    letters_of,
    measures_of,
    new_traceparent,
    stage_entries,
    state_letters,
    traceparent_in,
)

AT = datetime(2026, 1, 2, tzinfo=UTC)
CODEC = Codec(ALL_RECORDS)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CHUNK = LogChunk("github", "acme/api", "77", 1, "build", 0, "text", eof=False, at=AT)
ENTRY = AuditEntry("healstream", "decided", "incident", AT)


def came(offset: int = 5, headers: tuple[tuple[str, bytes], ...] = (("traceparent", TRACE.encode()),)) -> Incoming:
    return Incoming(Place("ci.logs", 2, offset), AT, b"key", b"raw", headers)


def test_a_record_goes_to_its_topic_under_its_key_with_murmur2_and_the_source_s_trace() -> None:
    letter = letters_of([Emit(CHUNK)], came(), "detect", CODEC)[0]
    assert (letter.topic, letter.key) == ("ci.logs", key_of(CHUNK).encode())
    assert letter.partition == partition_of(key_of(CHUNK).encode(), BY_NAME["ci.logs"].partitions)
    assert dict(letter.headers) == {"hs-schema": b"LogChunk", "traceparent": TRACE.encode()}
    assert CODEC.decode(letter.value) == CHUNK


def test_a_record_s_own_trace_wins_over_that_of_its_source() -> None:
    own = TRACE.replace("0af7", "ffff")
    letter = letters_of([Emit(replace(ENTRY, traceparent=own))], came(), "decide", CODEC)[0]
    assert dict(letter.headers)["traceparent"] == own.encode()
    assert letter.key is None


def test_a_tick_s_record_without_a_trace_carries_no_empty_header() -> None:
    assert "traceparent" not in dict(letters_of([Emit(ENTRY)], None, "decide", CODEC)[0].headers)


def test_a_late_event_goes_to_the_side_output_with_the_reason() -> None:
    letter = letters_of([Late(CHUNK, "from the future")], came(), "detect", CODEC)[0]
    assert letter.topic == "heal.side"
    assert letter.partition == 0
    assert dict(letter.headers)["hs-late"] == b"from the future"
    assert CODEC.decode(letter.value) == CHUNK


def test_a_rejected_event_becomes_a_dead_letter_that_names_its_origin() -> None:
    letter = letters_of([Reject("seq is negative")], came(), "detect", CODEC)[0]
    found = CODEC.decode(letter.value)
    assert letter.topic == "heal.deadletter"
    assert isinstance(found, DeadLetter)
    assert (found.origin.topic, found.origin.partition, found.origin.offset) == ("ci.logs", 2, 5)
    assert found.error == "rejected: seq is negative"
    assert letters_of([Reject("no source")], None, "detect", CODEC) == ()


def test_a_dead_letter_is_bounded_and_redacted() -> None:
    secret = b"ghp_" + b"a" * 36
    incoming = came(headers=tuple((f"h{n}", secret if n == 0 else b"x" * 9999) for n in range(40)))
    letter = dead_letter(incoming, "detect", Refused("invalid", "y" * 5000, "00", "é" * 70_000))
    assert len(letter.origin.headers) == 16
    assert letter.origin.headers[0][1] == "[redacted]"
    assert len(letter.error) == 1000
    assert len(letter.value.encode()) <= 64 * 1024


def test_measures_are_kept_apart_from_letters() -> None:
    measures = (Count("a"), Observe("b", 1.0), Gauge("c", 2.0))
    assert letters_of(measures, came(), "detect", CODEC) == ()
    assert measures_of([*measures, Emit(ENTRY)]) == measures


def test_an_output_larger_than_the_cap_is_a_defect_of_the_stage() -> None:
    with pytest.raises(RecordShapeError, match="the cap is"):
        letter_of(replace(CHUNK, text="x" * (MAX_RECORD_BYTES + 1)), "", CODEC)
    with pytest.raises(RecordShapeError, match="the cap is"):
        state_letters("heal.state.classify", 0, {"big": "x" * (MAX_RECORD_BYTES + 1)}, Guard())


def test_the_guard_knows_redelivered_events_after_a_restart() -> None:
    # given a guard whose state was written at offset 5 and read again, as after a kill
    guard = Guard()
    guard.advance(Place("ci.logs", 2, 5))
    written = {
        str(letter.key, "utf-8"): str(letter.value, "utf-8") for letter in state_letters("s", 2, {}, guard) if letter.key and letter.value
    }
    again = Guard.from_entries(written)
    # then 4 and 5 are skipped, 6 and the other topic's 0 are not
    applied = [
        again.has_applied(Place(topic, 2, offset)) for topic, offset in (("ci.logs", 4), ("ci.logs", 5), ("ci.logs", 6), ("ci.events", 0))
    ]
    assert applied == [True, True, False, False]


def test_the_guard_is_written_after_the_entries_and_is_not_shown_to_the_stage() -> None:
    guard = Guard({"ci.logs": 9})
    letters = state_letters("heal.state.detect-runs", 3, {"run/1": "{}", "run/0": None}, guard)
    assert [(letter.key, letter.value) for letter in letters] == [(b"run/1", b"{}"), (b"run/0", None), (b"@offsets/ci.logs", b"9")]
    assert {(letter.topic, letter.partition) for letter in letters} == {("heal.state.detect-runs", 3)}
    assert stage_entries({"run/1": "{}", "@offsets/ci.logs": "9"}) == {"run/1": "{}"}


@pytest.mark.parametrize("broken", ["", "00", TRACE.upper(), TRACE.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32), TRACE + "-x"])
def test_a_malformed_traceparent_is_none(broken: str) -> None:
    assert traceparent_in((("traceparent", broken.encode()),)) == ""


def test_a_new_traceparent_is_well_formed() -> None:
    made = new_traceparent(bytes(range(1, 25)))
    assert traceparent_in((("traceparent", made.encode()),)) == made
