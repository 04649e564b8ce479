"""Each process that cannot begin says what is missing, why, and the next command, and exits 5: no broker, no topics, a taken port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.broker.server import free_ports
from infra.topics_admin import create_topics
from schemas.policy import Policy
from schemas.signing import public_text
from schemas.topics import TOPICS
from tests.support.whole_system import PROCESSES, ROOT, WholeSystem

CANNOT_REACH = 5
LIMIT_S = 30.0
each_process = pytest.mark.parametrize("name", PROCESSES)


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    said: str
    took_s: float


def run_all(folder: Path, environ: Mapping[str, str]) -> dict[str, Ended]:
    """Run every process at once, as two cores would see them after a reboot, and return how each ended."""
    folder.mkdir()
    began = time.monotonic()
    running: dict[str, subprocess.Popen[bytes]] = {}
    for name in PROCESSES:
        with (folder / f"{name}.log").open("wb") as log:
            running[name] = subprocess.Popen([sys.executable, "-m", name], cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log)
    ended: dict[str, Ended] = {}
    while len(ended) < len(running):
        for name, process in running.items():
            late = time.monotonic() - began > 2 * LIMIT_S
            if late:
                process.kill()
            if name not in ended and (late or process.poll() is not None):
                said = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                ended[name] = Ended(process.wait(), said, time.monotonic() - began)
        time.sleep(0.05)
    return ended


@pytest.fixture(scope="module")
def system(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    """Yield a system of which only the broker runs, without topics."""
    made = WholeSystem(tmp_path_factory.mktemp("refused"), jars)
    try:
        made.broker.start()
        made.broker.wait_ready()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def without_broker(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    ended = run_all(tmp_path_factory.mktemp("none") / "logs", {"HEALSTREAM_BROKERS": address})
    return {name: Ended(row.code, row.said.replace(address, "ADDRESS"), row.took_s) for name, row in ended.items()}


@pytest.fixture(scope="module")
def without_topics(system: WholeSystem) -> dict[str, Ended]:
    return run_all(system.folder / "bare", {"HEALSTREAM_BROKERS": system.address})


@pytest.fixture(scope="module")
def without_port(system: WholeSystem, without_topics: dict[str, Ended]) -> dict[str, Ended]:
    assert without_topics
    create_topics(system.address)
    system.publish(Policy())
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = str(holder.getsockname()[1])
        told = {"HEALSTREAM_KEYS": str(system.folder / "keys"), "HEALSTREAM_PUBLISHER_KEY": public_text(system.keys["publisher"])}
        port = {"HEALSTREAM_METRICS_PORT": taken, "HEALSTREAM_BROKERS": system.address, "HEALSTREAM_STATE": str(system.folder / "state")}
        ended = run_all(system.folder / "taken", {**told, **port})
    return {name: Ended(row.code, row.said.replace(taken, "PORT"), row.took_s) for name, row in ended.items()}


@each_process
def test_without_a_broker_it_says_where_it_looked_and_how_to_start_one(name: str, without_broker: dict[str, Ended]) -> None:
    ended = without_broker[name]
    assert ended.code == CANNOT_REACH, ended.said
    assert "broker ADDRESS" in ended.said
    assert "healstream up" in ended.said
    assert "Traceback" not in ended.said
    assert ended.took_s < LIMIT_S


@each_process
def test_without_topics_it_names_them_and_the_command_that_makes_them(name: str, without_topics: dict[str, Ended]) -> None:
    ended = without_topics[name]
    assert ended.code == CANNOT_REACH, ended.said
    assert [topic.name for topic in TOPICS if f"topic {topic.name} is missing" not in ended.said] == []
    assert "healstream topics create" in ended.said
    assert "Traceback" not in ended.said
    assert ended.took_s < LIMIT_S


@each_process
def test_a_metrics_port_in_use_is_named_with_the_setting_that_chooses_another(name: str, without_port: dict[str, Ended]) -> None:
    ended = without_port[name]
    assert ended.code == CANNOT_REACH, ended.said
    assert "metrics port PORT" in ended.said
    assert "in use" in ended.said
    assert "HEALSTREAM_METRICS_PORT" in ended.said
    assert "Traceback" not in ended.said
    assert ended.took_s < LIMIT_S
