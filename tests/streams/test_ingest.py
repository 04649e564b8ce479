"""The door of the streams: what becomes of good, bad, doubled, stray and future records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.patterns.secret_hints import SecretHints
from schemas.avro_codec import Codec
from schemas.door import redact
from schemas.events import (
    Alert,
    AlertStatus,
    Event,
    HealthCheck,
    HealthStatus,
    JobFinished,
    JobStarted,
    LogChunk,
    MetricBatch,
    Sample,
    WorkflowFinished,
)
from schemas.ids import Record, id_of
from schemas.outputs import Late
from schemas.oversight import DeadLetter, Lease
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.topics import ALL_RECORDS, TOPIC_OF, key_of
from schemas.vocabulary import Result
from streams.ingest import Accepted, Duplicate, Forward, Ingest, RawRecord, redact_log, time_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CODEC = Codec(ALL_RECORDS)
HINTS = SecretHints()
CHECK = HealthCheck("service:web", "tcp", HealthStatus.PASS, NOW)
CHUNK = LogChunk("github", "acme/api", "7", 1, "build", 0, "fine\n", eof=False, at=NOW)


def raw_of(record: Record, topic: str = "") -> RawRecord:
    key = key_of(record).encode()
    return RawRecord(topic or TOPIC_OF[type(record)], partition_of(key, 4), 9, NOW, key, CODEC.encode(record))


def door(policy: Policy | None = None) -> Ingest:
    return Ingest(CODEC, lambda: policy or Policy(), {"infra.health": 4, "ci.logs": 4}, HINTS)


def test_a_good_record_becomes_an_event_and_is_counted() -> None:
    read, counts = door().read(raw_of(CHECK), NOW)
    assert read == Accepted(CHECK)
    assert [count.metric for count in counts] == ["healstream_events_total"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": None}, "empty"),
        ({"value": b"\xff\x00 token=hunter2hunter2"}, "undecodable"),
        ({"value": b"x" * (2 * 1024 * 1024 + 1)}, "oversized"),
        ({"key": b"service:other"}, "invalid: the key is not the record's own"),
        ({"key": None}, "invalid"),
        ({"value": CODEC.encode(Lease(1, 1, NOW))}, "invalid: Lease does not belong"),
    ],
)
def test_what_cannot_be_used_becomes_a_dead_letter_with_its_origin(change: dict[str, bytes | None], reason: str) -> None:
    bad = replace(raw_of(CHECK), headers=(("who", b"password=swordfish1"),), **change)  # type: ignore[arg-type]
    read, counts = door().read(bad, NOW)
    assert isinstance(read, DeadLetter)
    assert read.error.startswith(reason)
    assert (read.origin.topic, read.origin.offset, read.stage) == ("infra.health", 9, "ingest")
    assert "swordfish1" not in str(read)
    assert counts[0].metric == "healstream_events_rejected_total"


def test_log_text_beyond_its_cap_a_negative_seq_and_too_many_samples_are_refused() -> None:
    samples = (Sample("x", "1", 1.0, NOW),) * 10_001
    for bad in (replace(CHUNK, text="é" * 140_000), replace(CHUNK, seq=-1), MetricBatch("host:a", "s", NOW, NOW, samples, "")):
        read, _ = door().read(raw_of(bad), NOW)
        assert isinstance(read, DeadLetter)
    read, _ = door().read(raw_of(replace(CHUNK, text="e" * 140_000)), NOW)
    assert isinstance(read, Accepted)


def test_a_repeated_event_is_known_until_its_partition_is_assigned_anew() -> None:
    stage, raw = door(), raw_of(CHECK)
    stage.read(raw, NOW)
    assert stage.read(raw, NOW)[0] == Duplicate(id_of(CHECK))
    stage.forget(raw.topic, raw.partition)
    assert isinstance(stage.read(raw, NOW)[0], Accepted)


def test_a_stray_record_goes_to_the_partition_of_its_key_once() -> None:
    raw = raw_of(CHECK)
    stray = replace(raw, partition=(raw.partition + 1) % 4)
    read, _ = door().read(stray, NOW)
    assert isinstance(read, Forward)
    assert (read.partition, read.value) == (raw.partition, raw.value)
    assert read.headers[-1] == ("hs-rekeyed", str(stray.partition).encode())
    again, _ = door().read(replace(stray, headers=read.headers), NOW)
    assert isinstance(again, Accepted)


def test_an_event_from_the_far_future_is_late_and_one_from_the_near_future_is_not() -> None:
    #   now ------- +300 s | +301 s
    #         accepted     |  side output
    near, far = (replace(CHECK, at=NOW + timedelta(seconds=seconds)) for seconds in (300, 301))
    assert isinstance(door().read(raw_of(near), NOW)[0], Accepted)
    assert door().read(raw_of(far), NOW)[0] == Late(far, "from the future")


def test_a_clock_that_is_set_back_makes_no_event_one_of_the_future() -> None:
    #   clock   0 s ------ 10 s | set back by 1 h: -3590 s ------ -2000 s | put right: 1610 s
    ingest = door()
    assert isinstance(ingest.read(raw_of(CHECK), NOW)[0], Accepted)
    for number, (shown, true) in enumerate(((10, 10), (-3590, 10), (-3580, 20), (-2000, 1600), (1610, 1610))):
        check = replace(CHECK, target=f"service:{number}", at=NOW + timedelta(seconds=true))
        assert isinstance(ingest.read(raw_of(check), NOW + timedelta(seconds=shown))[0], Accepted), number
    for seconds in (1610 + 301, 1610 + 3600):
        far = replace(CHECK, at=NOW + timedelta(seconds=seconds))
        assert ingest.read(raw_of(far), NOW + timedelta(seconds=1610))[0] == Late(far, "from the future")


def test_what_is_of_the_future_stays_so_while_the_clock_is_set_back() -> None:
    ingest = door()
    ingest.read(raw_of(CHECK), NOW)
    far = replace(CHECK, at=NOW + timedelta(days=1))
    assert ingest.read(raw_of(far), NOW - timedelta(hours=1))[0] == Late(far, "from the future")


def test_log_text_is_redacted_before_any_stage_sees_it() -> None:
    told = replace(CHUNK, text="a\nAPI_KEY=abcdef123456\nour-literal\nz\n")
    read, _ = door(Policy(secrets=("our-literal",))).read(raw_of(told), NOW)
    assert isinstance(read, Accepted)
    assert isinstance(read.event, LogChunk)
    assert read.event.text == "a\nAPI_KEY=[redacted]\n[redacted]\nz\n"


LINES = st.sampled_from(
    [
        "plain words",
        "see https://host.example/a",
        "fetch https://me:hunter22@host.example/a",
        "Password:",
        "  = abcdef123",
        "ghp_" + "a" * 36,
        "AKIA" + "A" * 16,
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "Authorization: Bearer abcdefghijklmnop",
        "",
        "GitHub token: 'abcdefgh1'",
        "İstanbul secret=abcdefg",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_the_fast_redaction_equals_the_slow_one(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert redact_log(text, HINTS) == redact(text)


WORD = st.sampled_from(["password", "PassWd", "SECRET", "to\u212aen", "\u017fecret", "token", "api_key", "ApiKey", "token_of_build"])
SPACE = st.text(st.sampled_from(" \t\n\x1c\x85\u00a0\u2028"), max_size=4)
ASSIGNED = st.builds("{}{}{}{}{}{}".format, WORD, SPACE, st.sampled_from("=:"), SPACE, st.sampled_from(["", "'", '"']), st.text(min_size=4))
KNOWN = st.sampled_from(
    [
        *(f"gh{letter}_{'a1B2' * 5}" for letter in "pousr"),
        "github_pat_" + "a_1B" * 5,
        "glpat-" + "a-_1" * 5,
        "ASIA" + "A1" * 8,
        "xoxb-" + "1-2-3-4-5-",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "ftp://\u00e9me:\u00fcp\u00e4ss@h",
        "npm_" + "aA1" * 12,
        "pypi-" + "aA1_-" * 8,
        "bearer aA1._~+/=-aA",
        "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
    ]
)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.lists(st.one_of(PLAIN, KNOWN, ASSIGNED, LINES, st.sampled_from(["\n", " ", "x", "\u00e9", ": "])), max_size=14))
def test_a_planted_secret_among_any_text_is_masked_as_the_slow_redaction_masks_it(parts: list[str]) -> None:
    text = "".join(parts)
    assert redact_log(text, HINTS) == redact(text)


@given(KNOWN)
def test_every_known_format_is_found_in_the_middle_of_a_long_log(secret: str) -> None:
    noise = "an ordinary line of a build, see https://host.example/a\n" * 200
    masked = redact_log(f"{noise}before {secret} after\n{noise}", HINTS)
    assert secret not in masked
    assert masked == redact(f"{noise}before {secret} after\n{noise}")


def test_a_text_of_nothing_but_hints_is_read_as_a_whole() -> None:
    text = "token=abcdef123\n" * 3000
    assert redact_log(text, HINTS) == redact(text)


def test_a_private_key_that_is_cut_by_the_chunks_end_goes_too() -> None:
    assert redact_log("x\n-----BEGIN RSA PRIVATE KEY-----\nMIIabc", HINTS) == "x\n[redacted]"
    whole = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\ny"
    assert redact_log(whole, HINTS) == "[redacted]\ny"


def test_every_event_has_its_own_time() -> None:
    job = ("github", "a", "7", 1, "ci", "build", "c", "main", "push")
    events: list[Event] = [
        CHUNK,
        CHECK,
        JobStarted(*job, NOW),
        JobFinished(*job, Result.SUCCESS, NOW),
        WorkflowFinished("github", "a", "7", 1, "ci", "c", "main", "push", Result.SUCCESS, NOW),
        MetricBatch("host:a", "s", NOW, NOW, (), ""),
        Alert("host:a", "n", AlertStatus.FIRING, "critical", NOW, "f"),
    ]
    assert {time_of(event) for event in events} == {NOW}
