"""The fault server as a plain client sees it: every row of the table does what its name says, and only to the requests it is meant for."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.vocabulary import Group, group_of
from tests.corpus.certificates import write_certificates
from tests.corpus.fault_server import FaultServer, changed
from tests.corpus.faults import CLONE, FAULTS, FETCH, IMAGES, PACKAGES, Behaviour

SITE = {"/file.tar.gz": bytes(range(256)) * 40, "/index/": b"<a href='/file.tar.gz'>one</a>"}
HOST = "registry.example"
STATUSES = sorted(name for name, fault in FAULTS.items() if fault.status and not fault.times)
CERTIFICATES = {
    "expired": "certificate has expired",
    "not_yet": "certificate is not yet valid",
    "self_signed": "self[- ]signed certificate",
    "wrong_host": "Hostname mismatch",
    "unknown_authority": "unable to get (?:local )?issuer certificate",
    "not_tls": "WRONG_VERSION_NUMBER|wrong version number|record layer failure",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every kind of certificate."""
    folder = tmp_path_factory.mktemp("certificates")
    write_certificates(folder, dt.datetime.now(dt.UTC))
    return folder


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """Return a loopback address of the test's own, so that the well-known ports are free where this user may take them."""
    number = abs(hash(request.node.nodeid)) % 60000
    return f"127.{200 + number % 40}.{number // 250 % 250}.{1 + number % 250}"


@pytest.fixture
def shown(certificates: Path, address: str, request: pytest.FixtureRequest) -> Iterator[FaultServer]:
    """Yield a server that shows the fault of the test's parameter."""
    with FaultServer(FAULTS[request.param], certificates, SITE, address=address) as server:
        yield server


def ask(server: FaultServer, path: str = "/file.tar.gz", patience: float = 5.0) -> bytes:
    """Return all that the server says to one plain request."""
    with socket.create_connection((server.address, server.http_port), patience) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """Return what comes until the connection ends."""
    told = b""
    while read := client.recv(65536):
        told += read
    return told


def body(told: bytes) -> bytes:
    return told.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("shown", STATUSES, indirect=True)
def test_a_status_is_answered_with_its_headers(shown: FaultServer, request: pytest.FixtureRequest) -> None:
    fault = FAULTS[request.node.callspec.params["shown"]]
    told = ask(shown)
    assert told.startswith(f"HTTP/1.1 {fault.status} ".encode())
    assert [name for name, value in fault.headers.items() if f"\r\n{name}: {value}\r\n".encode() not in told] == []
    assert body(told) == fault.body.encode()
    assert shown.met == 1


@pytest.mark.parametrize("shown", ["refused", "unresolved", "no_resolver"], indirect=True)
def test_nobody_listens_at_a_closed_port(shown: FaultServer) -> None:
    for port in (shown.http_port, shown.https_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((shown.address, port), 5)


@pytest.mark.parametrize("shown", ["unanswered"], indirect=True)
def test_a_full_backlog_answers_no_call(shown: FaultServer) -> None:
    with pytest.raises(TimeoutError):
        socket.create_connection((shown.address, shown.http_port), 1.0)


@pytest.mark.parametrize("shown", ["hang"], indirect=True)
def test_a_hanging_server_takes_the_call_and_says_nothing(shown: FaultServer) -> None:
    with pytest.raises(TimeoutError):
        ask(shown, patience=1.0)
    assert shown.met == 1


@pytest.mark.parametrize("shown", ["reset"], indirect=True)
def test_a_reset_comes_instead_of_an_answer(shown: FaultServer) -> None:
    with pytest.raises(ConnectionResetError):
        ask(shown)


@pytest.mark.parametrize("shown", ["reset_body"], indirect=True)
def test_a_reset_comes_in_the_middle_of_the_body(shown: FaultServer) -> None:
    with socket.create_connection((shown.address, shown.http_port), 5) as client:
        client.sendall(b"GET /file.tar.gz HTTP/1.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ConnectionResetError):
            read_all(client)


@pytest.mark.parametrize("shown", ["empty"], indirect=True)
def test_an_empty_answer_is_no_answer(shown: FaultServer) -> None:
    assert ask(shown) == b""


@pytest.mark.parametrize("shown", ["truncated"], indirect=True)
def test_a_cut_body_is_shorter_than_its_announced_length(shown: FaultServer) -> None:
    told = ask(shown)
    assert f"Content-Length: {len(SITE['/file.tar.gz'])}".encode() in told
    assert len(body(told)) == len(SITE["/file.tar.gz"]) // 2


@pytest.mark.parametrize("shown", ["wrong_content"], indirect=True)
def test_changed_bytes_have_the_right_length(shown: FaultServer) -> None:
    told = body(ask(shown))
    assert told != SITE["/file.tar.gz"]
    assert len(told) == len(SITE["/file.tar.gz"])
    assert changed(b"") == b""


@pytest.mark.parametrize("shown", ["none"], indirect=True)
def test_a_healthy_server_answers_from_its_site(shown: FaultServer) -> None:
    assert body(ask(shown)) == SITE["/file.tar.gz"]
    assert ask(shown, "/nothing").startswith(b"HTTP/1.1 404 ")
    assert b"Content-Type: text/html" in ask(shown, "/index/")


@pytest.mark.parametrize("shown", sorted(name for name in FAULTS if name.startswith("flaky")), indirect=True)
def test_a_fault_that_ends_is_over_at_the_second_request(shown: FaultServer, request: pytest.FixtureRequest) -> None:
    try:
        first = body(ask(shown))
    except ConnectionResetError:
        first = b""
    assert first != SITE["/file.tar.gz"], request.node.callspec.params["shown"]
    assert body(ask(shown)) == SITE["/file.tar.gz"]


def test_a_fault_meets_only_the_requests_it_is_meant_for(certificates: Path, address: str) -> None:
    with FaultServer(FAULTS["503"], certificates, SITE, where="tar", address=address) as server:
        assert ask(server, "/index/").startswith(b"HTTP/1.1 200 ")
        assert server.met == 0
        assert ask(server).startswith(b"HTTP/1.1 503 ")
        assert server.met == 1


def test_a_site_may_name_the_server_itself(certificates: Path, address: str) -> None:
    with FaultServer(FAULTS["none"], certificates, {"/a": b"see @BASE@/b"}, address=address, host="mirror.example") as server:
        assert body(ask(server, "/a")) == b"see http://mirror.example/b"


def shaken(server: FaultServer, certificates: Path) -> bytes:
    """Return what the server says over TLS to a client that trusts the authority and checks the name."""
    trust = ssl.create_default_context(cafile=str(certificates / "authority.pem"))
    with (
        socket.create_connection((server.address, server.https_port), 5) as plain,
        trust.wrap_socket(plain, server_hostname=HOST) as client,
    ):
        client.sendall(b"GET /index/ HTTP/1.1\r\n\r\n")
        return read_all(client)


@pytest.mark.parametrize("shown", ["none"], indirect=True)
def test_the_good_certificate_is_trusted(shown: FaultServer, certificates: Path) -> None:
    assert body(shaken(shown, certificates)) == SITE["/index/"]


@pytest.mark.parametrize("shown", sorted(CERTIFICATES), indirect=True)
def test_a_bad_certificate_is_refused_for_its_own_reason(shown: FaultServer, certificates: Path, request: pytest.FixtureRequest) -> None:
    with pytest.raises(ssl.SSLError, match=CERTIFICATES[request.node.callspec.params["shown"]]):
        shaken(shown, certificates)
    assert shown.met == 1


def test_every_fault_has_a_label_in_every_table() -> None:
    for table in (FETCH, PACKAGES, CLONE, IMAGES):
        assert set(table) == set(FAULTS)
        assert {group_of(kind) for kind in table.values()} == {Group.INFRA, Group.NONE}
    assert all(replace(fault, times=0).behaviour in set(Behaviour) for fault in FAULTS.values())
