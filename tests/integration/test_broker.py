"""The embedded broker is a real one: it keeps what it is given, and says clearly why it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.broker.ahead import ahead_file
from infra.broker.install import work_ahead
from infra.broker.server import BrokerError, BrokerPlace, EmbeddedBroker, free_ports


def read_one(address: str, topic: str, group: str) -> bytes:
    consumer = Consumer({"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(30)
        assert message is not None
        assert message.error() is None
        value = message.value()
        assert isinstance(value, bytes)
        return value
    finally:
        consumer.close()


def test_a_record_is_still_there_after_a_restart(jars: tuple[Path, ...], tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path / "kafka", port, controller_port), jars)
    server.start()
    try:
        server.wait_ready()
        admin = AdminClient({"bootstrap.servers": server.address})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(30)
        producer = Producer({"bootstrap.servers": server.address})
        producer.produce("kept", b"here")
        assert producer.flush(30) == 0
        assert read_one(server.address, "kept", "first") == b"here"
        server.stop()
        assert server.pid is None
        server.start()
        server.wait_ready()
        assert read_one(server.address, "kept", "second") == b"here"
    finally:
        server.stop()


def test_a_taken_port_is_named(jars: tuple[Path, ...], tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {taken}: it is in use"):
            EmbeddedBroker(BrokerPlace(tmp_path, taken, free_ports(1)[0]), jars).start()


def test_a_folder_that_cannot_be_written_is_named(jars: tuple[Path, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    port, controller_port = free_ports(2)
    with pytest.raises(BrokerError, match="broker data folder"):
        EmbeddedBroker(BrokerPlace(tmp_path / "file" / "kafka", port, controller_port), jars).start()


def test_a_broker_that_ends_while_starting_shows_its_last_lines(tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    with pytest.raises(BrokerError, match="formatting the data folder failed"):
        EmbeddedBroker(BrokerPlace(tmp_path, port, controller_port), ()).start()


STARTER = """
import os, sys
from pathlib import Path
from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
server = EmbeddedBroker(BrokerPlace(Path(sys.argv[1]), *free_ports(2)), install(cache_folder(os.environ)))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def test_no_broker_outlives_a_starter_that_is_killed(jars: tuple[Path, ...], tmp_path: Path) -> None:
    assert jars
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "kafka")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as starter:
        assert starter.stdout is not None
        broker = psutil.Process(int(starter.stdout.readline()))
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait(10)
    gone, alive = psutil.wait_procs([broker], timeout=10)
    assert [broker] == gone or all(one.status() == psutil.STATUS_ZOMBIE for one in alive)


def is_mapped(file: Path, server: EmbeddedBroker) -> bool:
    return str(file) in Path(f"/proc/{server.pid}/maps").read_text(encoding="utf-8")


def test_a_start_uses_what_java_kept_of_another_and_what_is_spoilt_is_passed_over(jars: tuple[Path, ...], tmp_path: Path) -> None:
    # given the record that set-up made, and jars of our own with one that was cut short
    own = tuple(tmp_path / jar.name for jar in jars)
    for jar, linked in zip(jars, own, strict=True):
        linked.symlink_to(jar)
    kept, spoilt = ahead_file(jars), ahead_file(own)
    assert kept is not None
    assert spoilt is not None
    assert work_ahead(jars)
    spoilt.write_bytes(kept.read_bytes()[:5000])
    # when a broker starts by each
    for seen, place in ((jars, "first"), (own, "second")):
        server = EmbeddedBroker(BrokerPlace(tmp_path / place, *free_ports(2)), seen)
        server.start()
        try:
            server.wait_ready()
            # then both answer, and the sound one was read
            assert (is_mapped(kept, server), is_mapped(spoilt, server)) == (seen is jars, False)
        finally:
            server.stop()


def test_jars_that_were_fetched_again_have_a_record_of_their_own(tmp_path: Path) -> None:
    jar = tmp_path / "part-1.0.jar"
    jar.write_bytes(b"the bytes of a jar")
    before = ahead_file((jar,))
    os.utime(jar, (1, 1))
    assert ahead_file((jar,)) != before
    assert ahead_file((jar, tmp_path / "gone-1.0.jar")) is None
