"""The door as real processes on the real broker: one owner, every command once across kill -9 and a long pause, one audit chain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.kafka import producer_settings, read_to_end, send
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.configuration import Keys, keys_body, people_body, policy_body, services_body
from schemas.decisions import Admission, Decision, HealingCommand, Verdict
from schemas.ids import id_of
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, EvidenceRef
from schemas.oversight import AuditRecord, CatalogueEntry, Control, EntryKind, KillSwitch, Lease, SwitchMode
from schemas.people import People, Person, Role
from schemas.policy import Budget, Policy
from schemas.services import Services
from schemas.signing import is_signed_by, private_bytes, public_text, sign
from schemas.topics import ALL_RECORDS
from schemas.vocabulary import Kind
from streams.notary import find_breaks
from tests.support.earlier_code import code_before
from tests.support.unmeasured import unmeasured

ROOT = Path(__file__).parents[2]
CODEC = Codec(ALL_RECORDS)
ADMIT, NOTARY, PUBLISHER = (Ed25519PrivateKey.generate() for _ in range(3))
ADA = Ed25519PrivateKey.generate()
PEOPLE = People((Person("ada", frozenset({Role.OPERATOR}), public_text(ADA)),))
ENOUGH = Budget(10_000, 3600.0)


@pytest.fixture(scope="module")
def environment(broker: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    create_topics(broker)
    keys = tmp_path_factory.mktemp("keys")
    (keys / "admit.key").write_bytes(private_bytes(ADMIT))
    (keys / "notary.key").write_bytes(private_bytes(NOTARY))
    policy = Policy(strategy_budget=ENOUGH, fleet_budget=ENOUGH)
    bodies = {"policy": policy_body(policy), "services": services_body(Services()), "people": people_body(PEOPLE)}
    bodies["keys"] = keys_body(Keys(public_text(ADMIT), public_text(NOTARY)))
    producer = Producer(producer_settings(broker))
    for name, body in bodies.items():
        send(producer, sign(CatalogueEntry(name, "1", EntryKind.CONFIGURATION, body, datetime.now(UTC)), PUBLISHER), CODEC)
    assert producer.flush(30) == 0
    return {
        # Nearly all of them are killed.
        **unmeasured(os.environ),
        "HEALSTREAM_BROKERS": broker,
        "HEALSTREAM_STATE": str(keys),
        "HEALSTREAM_KEYS": str(keys),
        "HEALSTREAM_PUBLISHER_KEY": public_text(PUBLISHER),
    }


@contextmanager
def gatekeeper(environment: dict[str, str], code: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "streams.gatekeeper"], env=environment, cwd=code)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def decide(broker: str, marker: str, count: int, start: int = 0) -> set[str]:
    now = datetime.now(UTC)
    producer = Producer(producer_settings(broker))
    made = [
        Decision(
            incident_id=f"{marker}-{number}",
            target=f"service:{marker}-{number}",
            scope=f"group:{marker}-{number}",
            kind=Kind.SERVICE_DOWN,
            fingerprint="f",
            opened_at=now,
            detected_at=now,
            attempt=1,
            max_attempts=1,
            verdict=Verdict.HEAL,
            decided_at=now,
            expires_at=now + timedelta(hours=1),
            strategy="service_restart",
            recipe_version=1,
            plan_hash="plan",
        )
        for number in range(start, start + count)
    ]
    for one in made:
        send(producer, one, CODEC)
    assert producer.flush(30) == 0
    return {id_of(one) for one in made}


def commands(broker: str, marker: str) -> list[HealingCommand]:
    return [
        record
        for record in read_to_end(broker, "recovery.commands")
        if isinstance(record, HealingCommand) and record.incident_id.startswith(marker)
    ]


def wait_for(broker: str, marker: str, count: int, deadline_s: float = 120) -> list[HealingCommand]:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = commands(broker, marker)
        if len(found) >= count:
            return found
    raise AssertionError(f"{len(commands(broker, marker))} of {count} commands after {deadline_s} s")


def test_each_decision_becomes_one_command_across_kill_9_and_a_paused_owner_that_wakes(environment: dict[str, str]) -> None:
    broker, marker = environment["HEALSTREAM_BROKERS"], uuid4().hex
    with gatekeeper(environment) as first, gatekeeper(environment) as second:
        wanted = decide(broker, marker, 50)
        wait_for(broker, marker, 50)
        first.kill()
        wanted |= decide(broker, marker, 50, start=50)
        wait_for(broker, marker, 100)
        with gatekeeper(environment):
            second.send_signal(signal.SIGSTOP)
            wanted |= decide(broker, marker, 50, start=100)
            wait_for(broker, marker, 150)
            second.send_signal(signal.SIGCONT)
            wanted |= decide(broker, marker, 50, start=150)
            found = wait_for(broker, marker, 200)
            # The owner that was paused finds itself fenced and ends, or has left the group; it writes nothing.
            assert Counter(command.decision_id for command in found) == Counter(dict.fromkeys(wanted, 1))
    assert all(is_signed_by(command, public_text(ADMIT)) for command in found)
    epochs = [command.epoch for command in sorted(found, key=lambda command: command.issued_at)]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) >= 2


def test_two_releases_side_by_side_give_each_decision_one_command_and_an_upgrade_can_be_gone_back_on(
    environment: dict[str, str], tmp_path: Path
) -> None:
    broker, marker, before = environment["HEALSTREAM_BROKERS"], uuid4().hex, code_before(tmp_path)
    producer = Producer(producer_settings(broker))
    with gatekeeper(environment, before) as old:
        # given the release before, that has done something
        wanted = decide(broker, marker, 10)
        wait_for(broker, marker, 10)
        with gatekeeper(environment) as new:
            # when both run, and a person halts a scope by the new one's command line
            halt = Control(f"killswitch/group:{marker}-35", "ada", datetime.now(UTC), killswitch=KillSwitch(SwitchMode.HALT, "drill"))
            send(producer, sign(halt, ADA), CODEC)
            assert producer.flush(30) == 0
            wanted |= decide(broker, marker, 10, start=10)
            wait_for(broker, marker, 20)
            # and the old one ends, and the new one is gone back on
            old.terminate()
            old.wait(60)
            wanted |= decide(broker, marker, 10, start=20)
            wait_for(broker, marker, 30)
            with gatekeeper(environment, before):
                new.terminate()
                new.wait(60)
                wanted |= decide(broker, marker, 10, start=30)
                found = wait_for(broker, marker, 39)
    # then each has one command, but for the one in the scope that every owner knew to be halted
    halted = [command for command in found if command.scope == f"group:{marker}-35"]
    assert halted == []
    assert len(wanted) == 40
    assert Counter(command.decision_id for command in found) == Counter(dict.fromkeys({command.decision_id for command in found}, 1))
    assert len(found) == 39
    epochs = [command.epoch for command in sorted(found, key=lambda command: command.issued_at)]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) >= 3


def test_the_audit_chain_has_no_breaks_whoever_wrote_it_and_leases_rise(environment: dict[str, str]) -> None:
    broker, marker = environment["HEALSTREAM_BROKERS"], uuid4().hex
    earlier = len(read_to_end(broker, "heal.lease"))
    with gatekeeper(environment):
        decide(broker, marker, 20)
        wait_for(broker, marker, 20)
        end = time.monotonic() + 60
        chain: list[AuditRecord] = []
        while time.monotonic() < end and sum(record.entry.subject.startswith(marker) for record in chain) < 20:
            chain = [record for record in read_to_end(broker, "heal.audit") if isinstance(record, AuditRecord)]
        leases: list[tuple[int, int]] = []
        while time.monotonic() < end and len(leases) < 2:
            leases = [
                (record.epoch, record.sequence) for record in read_to_end(broker, "heal.lease")[earlier:] if isinstance(record, Lease)
            ]
    assert sum(record.entry.subject.startswith(marker) for record in chain) >= 20
    assert find_breaks(chain, public_text(NOTARY), 100) == []
    assert len(leases) > 1
    assert leases == sorted(set(leases))


def test_a_gatekeeper_without_its_key_says_which_file_is_missing(environment: dict[str, str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "streams.gatekeeper"],
        env={**environment, "HEALSTREAM_KEYS": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "admit.key" in ended.stderr


def workflow(marker: str, status: DetectionStatus) -> Detection:
    now, signals = datetime.now(UTC), (("run", marker), ("rule", "deploy"), ("deployment", "true"), ("longest_s", "600"))
    ref = EvidenceRef("ci.events", 0, 0, f"{marker}-{status}")
    return Detection(status, f"group:{marker}-0", f"group:{marker}-0", WORKFLOW, True, now, now, "info", (ref,), signals=signals)


def test_a_deployment_holds_what_it_touches_across_a_killed_owner_until_its_end(environment: dict[str, str]) -> None:
    broker, marker = environment["HEALSTREAM_BROKERS"], uuid4().hex
    producer = Producer(producer_settings(broker))
    with gatekeeper(environment) as first:
        # given a deployment that is known, because what was decided after it is held
        send(producer, workflow(marker, DetectionStatus.FIRING), CODEC)
        assert producer.flush(30) == 0
        [held] = decide(broker, marker, 1)
        end = time.monotonic() + 60
        while not [row for row in read_to_end(broker, "heal.admissions") if isinstance(row, Admission) and row.decision_id == held]:
            assert time.monotonic() < end, "the decision was not taken in"
        said = [row for row in read_to_end(broker, "heal.admissions") if isinstance(row, Admission) and row.decision_id == held]
        assert [row.reason.partition(",")[0] for row in said] == [f"freeze: workflow deploy runs as {marker}"]
        first.kill()
    with gatekeeper(environment):
        # when a new owner has let something else through and then hears of the end
        decide(broker, marker, 1, start=1)
        assert [command.scope for command in wait_for(broker, marker, 1)] == [f"group:{marker}-1"]
        send(producer, workflow(marker, DetectionStatus.RESOLVED), CODEC)
        assert producer.flush(30) == 0
        # then it goes
        assert held in {command.decision_id for command in wait_for(broker, marker, 2)}


def test_a_forged_release_is_put_right_on_the_topic_and_the_door_goes_on(environment: dict[str, str]) -> None:
    broker, marker = environment["HEALSTREAM_BROKERS"], uuid4().hex
    key, producer = f"killswitch/group:{marker}-0", Producer(producer_settings(broker))
    halt = sign(Control(key, "ada", datetime.now(UTC), killswitch=KillSwitch(SwitchMode.HALT, "drill")), ADA)
    with gatekeeper(environment):
        # given a halt, and then a release that nobody signed
        for word in (halt, Control(key, "ada", datetime.now(UTC), killswitch=KillSwitch(SwitchMode.OFF, "forged"))):
            send(producer, word, CODEC)
        assert producer.flush(30) == 0
        # then the last word on the topic is the halt again, nothing goes where it is on, and elsewhere all goes on
        end = time.monotonic() + 60
        said: list[Control] = []
        while len(said) < 3:
            assert time.monotonic() < end, said
            said = [row for row in read_to_end(broker, "heal.control") if isinstance(row, Control) and row.key == key]
        assert said[-1] == halt
        decide(broker, marker, 2)
        assert [command.scope for command in wait_for(broker, marker, 1)] == [f"group:{marker}-1"]
