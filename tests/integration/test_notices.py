"""Notices on the real broker through the real Apprise: a channel that is away, refuses and hangs gets each of them, and each once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.broker.server import free_ports
from infra.kafka import deliver, header, messages_to_end
from infra.state_log import read_entries
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.cdevents import CdType
from schemas.configuration import Keys, keys_body, people_body, policy_body, services_body
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.people import People
from schemas.policy import Policy
from schemas.services import Services
from schemas.signing import public_text, sign
from schemas.topics import ALL_RECORDS
from schemas.vocabulary import Group, Kind
from tests.support.moody_server import MoodyServer

ROOT = Path(__file__).parents[2]
CODEC = Codec(ALL_RECORDS)
PUBLISHER = Ed25519PrivateKey.generate()
LIMIT_S = 90.0


def until(look: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def incidents(count: int) -> list[Incident]:
    now, mark = datetime.now(UTC), uuid4().hex
    made = Incident(
        origin_key=("",), kind=Kind.SERVICE_DOWN, group=Group.RUNTIME, confidence=0.9, fingerprint="f", target="", scope="s",
        severity="critical", complete=True, opened_at=now, detected_at=now,
    )  # fmt: skip
    return [replace(made, origin_key=(mark, str(n)), target=f"service:{mark[:8]}-{n}") for n in range(count)]


@pytest.fixture
def server() -> Iterator[MoodyServer]:
    found = MoodyServer(free_ports(1)[0], moods=(500, 0))
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def environment(broker: str, tmp_path: Path, server: MoodyServer) -> dict[str, str]:
    create_topics(broker)
    bodies = {"policy": policy_body(Policy()), "services": services_body(Services()), "people": people_body(People())}
    bodies["keys"] = keys_body(Keys())
    rows = [CatalogueEntry(name, "1", EntryKind.CONFIGURATION, body, datetime.now(UTC)) for name, body in bodies.items()]
    deliver(broker, [sign(row, PUBLISHER) for row in rows], CODEC, 30)
    (tmp_path / "healstream.yaml").write_text("")
    url = tmp_path / "ops.url"
    url.write_text(f"json://127.0.0.1:{server.port}/?rto=1&cto=1\n")
    url.chmod(0o600)
    (tmp_path / "notices.yaml").write_text(
        f"targets: [{{name: ops, url_file: {url}}}]\nroutes: [{{name: all, severity: info, targets: [ops]}}]\nstorm: {{most: 100}}\n"
    )
    told = {"HEALSTREAM_BROKERS": broker, "HEALSTREAM_CONFIG": str(tmp_path), "HEALSTREAM_STATE": str(tmp_path)}
    return {**os.environ, **told, "HEALSTREAM_PUBLISHER_KEY": public_text(PUBLISHER)}


@contextmanager
def notify(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "console.notify"], env=environment, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield process
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()


def letters_of(broker: str) -> dict[str, str]:
    return {name: text for name, text in read_entries(broker, "heal.state.notify", 0, 30).items() if name.startswith("letter/")}


def test_a_channel_that_is_away_refuses_and_hangs_gets_each_notice_once(
    broker: str, environment: dict[str, str], server: MoodyServer, tmp_path: Path
) -> None:
    log, first, later = tmp_path / "notify.log", incidents(4), incidents(1)

    def said(words: str) -> bool:
        return words in log.read_text()

    def has(count: int) -> bool:
        return sum(any(row.target in text for row in (*first, *later)) for text in server.messages()) >= count

    # Given a channel that is away, what is told waits ...
    with notify(environment, log):
        until(lambda: bool(read_entries(broker, "heal.state.notify", 0, 30).get("@epoch")), "the notices have no owner")
        until(lambda: any(name.startswith("since/") for name in read_entries(broker, "heal.state.notify", 0, 30)), "no first tick")
        deliver(broker, [replace(row, detected_at=datetime.now(UTC)) for row in first], CODEC, 30)
        until(lambda: said("notice not taken"), "nothing was tried")
        # ... and when it is there again, refuses one and keeps another waiting, all of it arrives.
        server.start()
        until(lambda: has(4), "not all has arrived")
        until(lambda: not letters_of(broker), "what was taken is not noted")
    assert sorted(server.refused) == [0, 500]

    # When the process begins anew and the topics repeat themselves
    with notify(environment, log):
        deliver(broker, [*first, *(replace(row, detected_at=datetime.now(UTC)) for row in later)], CODEC, 30)
        until(lambda: has(5), "the new one has not arrived")

    # Then each was taken once, and programs are told of each once.
    counts = Counter(row.target for text in server.messages() for row in (*first, *later) if row.target in text)
    assert counts == {row.target: 1 for row in (*first, *later)}
    names = {id_of(row) for row in (*first, *later)}
    told = [message for message in messages_to_end(broker, "heal.cdevents") if bytes(message.key() or b"").decode() in names]
    assert Counter(header(message, "ce_type") for message in told) == {CdType.INCIDENT_DETECTED.value: 5}
    events = [json.loads(bytes(message.value() or b"")) for message in told]
    assert {event["subject"]["id"] for event in events} == names
    assert {header(message, "ce_id") for message in told} == {event["context"]["id"] for event in events}
