"""The embedded broker for the integration tests: one real Apache Kafka per test session, on free loopback ports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from schemas.policy import Policy
from tests.support.kafka_container import kafka_container
from tests.support.whole_system import WholeSystem


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if "tests/integration" in str(item.path):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def jars() -> tuple[Path, ...]:
    """Return the locked jars."""
    return install(cache_folder(os.environ))


@pytest.fixture(scope="session")
def broker(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the bootstrap address of a running broker without topics; in a container when ``HEALSTREAM_TEST_BROKER=container``."""
    if os.environ.get("HEALSTREAM_TEST_BROKER") == "container":
        with kafka_container(jars, tmp_path_factory.mktemp("container")) as address:
            yield address
        return
    port, controller_port = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path_factory.mktemp("broker"), port, controller_port), jars)
    server.start()
    try:
        server.wait_ready()
        yield server.address
    finally:
        server.stop()


@pytest.fixture
def system(tmp_path: Path, jars: tuple[Path, ...]) -> Iterator[WholeSystem]:
    """Yield a broker of its own with one running worker that carries every Faust stage."""
    found = WholeSystem(tmp_path, jars)
    try:
        found.start_broker(Policy())
        found.run("streams.app")
        found.wait_ready("streams.app")
        yield found
    finally:
        found.close()
