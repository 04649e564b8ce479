"""What the gateway is told: secrets from variables and files, and no door to other machines without TLS."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from console.serve import listener
from infra.broker.server import free_ports
from infra.gateway_settings import GatewaySettings, secret_in
from infra.outbox import Outbox
from schemas.errors import ConfigurationError, UnreachableError
from schemas.events import HealthCheck, HealthStatus
from tests.support.records import AT

BROKERS = {"HEALSTREAM_BROKERS": "127.0.0.1:9092"}
LONG = "a-secret-of-enough-letters"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    return path


def test_without_anything_set_it_is_reached_from_this_machine_only() -> None:
    settings = GatewaySettings.from_environment(BROKERS)
    assert (settings.host, settings.port, settings.is_local, settings.github) == ("127.0.0.1", 0, True, ())


def test_a_file_may_hold_the_old_secret_and_the_new_one(file: Path) -> None:
    file.write_text(f"{LONG}\nanother-{LONG}\n\n", encoding="utf-8")
    settings = GatewaySettings.from_environment({**BROKERS, "HEALSTREAM_GITHUB_SECRET_FILE": str(file)})
    assert settings.github == (LONG, f"another-{LONG}")
    assert LONG not in repr(settings)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "not set"),
        ({**BROKERS, "HEALSTREAM_SERVE_PORT": "99999"}, "not a port"),
        ({**BROKERS, "HEALSTREAM_METRICS_PORT": "x"}, "METRICS_PORT"),
        ({**BROKERS, "HEALSTREAM_INGEST_TOKEN": "short"}, "fewer than 16 letters"),
        ({**BROKERS, "HEALSTREAM_SERVE_HOST": "0.0.0.0"}, "no TLS"),
        ({**BROKERS, "HEALSTREAM_SERVE_HOST": "gateway.example"}, "no TLS"),
        ({**BROKERS, "HEALSTREAM_GITLAB_SECRET": LONG, "HEALSTREAM_GITLAB_SECRET_FILE": "/x"}, "set too"),
        ({**BROKERS, "HEALSTREAM_GITLAB_SECRET_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_its_variable(told: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        GatewaySettings.from_environment(told)


def test_a_secret_file_that_others_may_read_or_that_is_empty_is_refused(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="is empty"):
        secret_in({"X_FILE": str(file)}, "X")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read"):
        secret_in({"X_FILE": str(file)}, "X")


def test_an_address_that_is_taken_is_named() -> None:
    with listener(GatewaySettings("127.0.0.1:1")) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(UnreachableError, match="HEALSTREAM_SERVE_PORT"):
            listener(GatewaySettings("127.0.0.1:1", port=port))


def test_the_second_piece_of_an_answer_does_not_wait_until_the_first_is_acknowledged() -> None:
    with listener(GatewaySettings("127.0.0.1:1")) as bound, socket.create_connection(bound.getsockname()):
        taken, _ = bound.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_without_a_broker_nothing_is_said_to_be_delivered_and_the_next_one_need_not_wait() -> None:
    outbox = Outbox(f"127.0.0.1:{free_ports(1)[0]}", acknowledge_s=0.3)
    check = HealthCheck("service:web", "tcp", HealthStatus.PASS, AT)
    with pytest.raises(UnreachableError, match="did not acknowledge"):
        await outbox.deliver([check, check])
    assert outbox.fault()
    with pytest.raises(UnreachableError, match="takes nothing"):
        await outbox.deliver([check])
    outbox.close(0.1)
