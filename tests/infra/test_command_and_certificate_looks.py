"""Looks by a command of the catalogue and at a certificate, against real programs and a real TLS port."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.adapters.look import Look
from infra.adapters.probes import Probes
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services, ServiceSpec
from tests.corpus.certificates import Certificate, server_context, write_certificates


def run(*argv: str, timeout_s: float = 30.0, is_listed: bool = True) -> Look:
    probe = ProbeSpec("own", ProbeKind.COMMAND, "", timeout_s=timeout_s, argv=argv)
    service = ServiceSpec("web", "shop", ("x",), "/", "/p", probes=(probe,) if is_listed else ())
    return asyncio.run(Probes(Services((service,))).look(probe))


@pytest.mark.parametrize(
    ("code", "status"),
    [(0, HealthStatus.PASS), (1, HealthStatus.DEGRADED), (2, HealthStatus.FAIL), (3, HealthStatus.DEGRADED), (77, HealthStatus.DEGRADED)],
)
def test_a_command_tells_by_its_exit_code_as_nagios_plugins_do(code: int, status: HealthStatus) -> None:
    look = run("/bin/sh", "-c", f"echo so it is; echo more; exit {code}")
    assert (look.status, look.detail) == (status, f"ended with {code}: so it is")


def test_no_shell_reads_a_commands_words_and_it_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALSTREAM_SECRET", "hidden")
    trap = tmp_path / "trap"
    assert run("/bin/echo", f"$(touch {trap})", ";", "touch", str(trap)).detail == f"ended with 0: $(touch {trap}) ; touch {trap}"
    assert not trap.exists()
    assert run("/usr/bin/env").detail.count("hidden") == 0


def test_a_command_that_is_not_in_the_catalogue_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    assert run("/usr/bin/touch", str(trap), is_listed=False) == Look(HealthStatus.DEGRADED, "the catalogue has no such command")
    assert not trap.exists()


def test_a_command_that_hangs_or_is_missing_says_nothing_of_its_target() -> None:
    assert run("/bin/sleep", "60", timeout_s=0.5).status is HealthStatus.DEGRADED
    assert "does not start" in run("/nowhere/check").detail


@contextmanager
def port_with(folder: Path, kind: Certificate) -> Iterator[str]:
    context = server_context(folder, kind)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                connection.settimeout(30.0)
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(30.0)


def see(address: str) -> Look:
    return asyncio.run(Probes(Services()).look(ProbeSpec("tls", ProbeKind.CERTIFICATE, address, timeout_s=30.0)))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    write_certificates(folder, datetime.now(UTC))  # noqa: TID251 - what is valid, is so by the real clock
    return folder


@pytest.mark.parametrize(
    ("kind", "status", "is_left"),
    [
        (Certificate.GOOD, HealthStatus.PASS, True),
        (Certificate.SELF_SIGNED, HealthStatus.PASS, True),
        (Certificate.EXPIRED, HealthStatus.FAIL, False),
    ],
)
def test_a_certificate_tells_how_long_it_is_valid(certificates: Path, kind: Certificate, status: HealthStatus, is_left: bool) -> None:
    with port_with(certificates, kind) as address:
        look = see(address)
    assert look.status is status
    [figure] = look.figures
    assert (figure.metric, figure.unit, figure.value > 0) == ("probe_certificate_left_seconds", "s", is_left)


def test_a_certificate_that_is_not_valid_yet_fails(certificates: Path) -> None:
    with port_with(certificates, Certificate.NOT_YET) as address:
        look = see(address)
    assert (look.status, look.figures, "only from" in look.detail) == (HealthStatus.FAIL, (), True)


def test_a_port_that_shows_no_certificate_says_nothing_of_it_and_strange_hosts_are_not_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    assert see(address).status is HealthStatus.DEGRADED
    assert see("192.0.2.7:443").detail == "not a port of loopback or of an allowed host"
