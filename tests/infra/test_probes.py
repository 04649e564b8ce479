"""The four probes against real processes, sockets, a real HTTP server and a real git repository."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from dulwich import porcelain
from typing_extensions import override

from infra.adapters.disk_usage import usage_of
from infra.adapters.lockfiles import Lockfiles
from infra.adapters.look import Look
from infra.adapters.probes import Probes
from schemas.attempts import StepStatus
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, Services
from schemas.targets.cache import CacheSpec
from schemas.targets.disk import DiskSpec
from schemas.targets.limit import LimitSpec
from tests.contracts.test_lockfile_ports import tiny_lock


def look(kind: ProbeKind, address: str, services: Services | None = None, timeout_s: float = 2.0) -> Look:
    return asyncio.run(Probes(services or Services()).look(ProbeSpec("p", kind, address, timeout_s=timeout_s)))


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_process_passes_while_it_lives_and_fails_as_a_zombie_and_when_it_is_gone(tmp_path: Path) -> None:
    pid_file = tmp_path / "web.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        pid_file.write_text(str(child.pid))
        assert look(ProbeKind.PROCESS, str(pid_file)).status is HealthStatus.PASS
        child.kill()
        # The child is dead and not yet waited for: a zombie.
        for _ in range(10_000):
            if look(ProbeKind.PROCESS, str(pid_file)).status is HealthStatus.FAIL:
                break
        assert Path(f"/proc/{child.pid}").exists()
        assert "not alive" in look(ProbeKind.PROCESS, str(pid_file)).detail
    assert look(ProbeKind.PROCESS, str(pid_file)).status is HealthStatus.FAIL
    assert look(ProbeKind.PROCESS, str(tmp_path / "none")).status is HealthStatus.FAIL


def test_a_port_passes_while_somebody_listens(port: int) -> None:
    assert look(ProbeKind.TCP, f"127.0.0.1:{port}").status is HealthStatus.PASS
    assert look(ProbeKind.TCP, f"localhost:{port}").status is HealthStatus.PASS
    assert look(ProbeKind.TCP, "127.0.0.1:1").status is HealthStatus.FAIL


@pytest.mark.parametrize("address", ["198.51.100.7:80", "127.0.0.1", "127.0.0.1:x", "host.example:80"])
def test_only_ports_of_loopback_and_allowed_hosts_are_asked(address: str) -> None:
    assert look(ProbeKind.TCP, address).detail == "not a port of loopback or of an allowed host"


def test_an_allowed_host_is_asked() -> None:
    seen = asyncio.run(Probes(Services(), frozenset({"host.invalid"})).look(ProbeSpec("p", ProbeKind.TCP, "host.invalid:80")))
    assert seen.status is HealthStatus.FAIL
    assert "allowed" not in seen.detail


@pytest.mark.parametrize(
    ("code", "status"),
    [(200, HealthStatus.PASS), (204, HealthStatus.PASS), (302, HealthStatus.FAIL), (429, HealthStatus.DEGRADED), (500, HealthStatus.FAIL)],
)
def test_a_page_is_judged_by_its_status_and_redirects_are_not_followed(port: int, code: int, status: HealthStatus) -> None:
    assert look(ProbeKind.HTTP, f"http://127.0.0.1:{port}/{code}").status is status


@pytest.mark.parametrize("address", ["http://host.example/", "file:///etc/hosts", "http://[::1", "http://127.0.0.1:1/"])
def test_a_page_that_may_not_or_cannot_be_asked_fails(address: str) -> None:
    assert look(ProbeKind.HTTP, address).status is HealthStatus.FAIL


def test_a_target_that_does_not_answer_fails_at_its_time_out() -> None:
    async def silent() -> Look:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        seen = await Probes(Services()).look(ProbeSpec("p", ProbeKind.HTTP, address, timeout_s=0.2))
        server.close()
        return seen

    assert asyncio.run(silent()).status is HealthStatus.FAIL


def test_a_file_is_compared_with_its_blob_at_the_pinned_commit(tmp_path: Path) -> None:
    repository, live = tmp_path / "repo", tmp_path / "web.yaml"
    with porcelain.init(str(repository)) as made:
        (repository / "web.yaml").write_text("port: 1\n")
        porcelain.add(made, paths=[str(repository / "web.yaml")])
        commit = porcelain.commit(made, message=b"first", author=b"a <a@host.example>", committer=b"a <a@host.example>").decode()
    services = Services(configs=(ConfigSpec("web", "web", str(live), str(repository), "web.yaml", commit),))
    live.write_text("port: 1\n")
    assert look(ProbeKind.FILE_HASH, "web", services).status is HealthStatus.PASS
    live.write_text("port: 2\n")
    drifted = look(ProbeKind.FILE_HASH, "web", services)
    assert (drifted.status, "pinned is" in drifted.detail) == (HealthStatus.FAIL, True)
    live.write_bytes(b"x" * 1_048_577)
    assert "larger" in look(ProbeKind.FILE_HASH, "web", services).detail
    live.unlink()
    assert "cannot be read" in look(ProbeKind.FILE_HASH, "web", services).detail
    assert look(ProbeKind.FILE_HASH, "other", services).status is HealthStatus.FAIL
    unpinned = Services(configs=(ConfigSpec("web", "web", str(live), str(repository), "web.yaml", "main"),))
    assert look(ProbeKind.FILE_HASH, "web", unpinned).status is HealthStatus.DEGRADED


def test_the_statuses_that_a_probe_names_are_the_ones_that_mean_well(port: int) -> None:
    def status(code: int, *wanted: int) -> HealthStatus:
        return asyncio.run(
            Probes(Services()).look(ProbeSpec("p", ProbeKind.HTTP, f"http://127.0.0.1:{port}/{code}", statuses=wanted))
        ).status

    assert [status(401, 200, 401), status(401), status(204, 200)] == [HealthStatus.PASS, HealthStatus.FAIL, HealthStatus.FAIL]


def test_a_disk_fails_from_its_limit_on_and_one_that_cannot_be_read_or_is_unknown_is_not_called_full(tmp_path: Path) -> None:
    used = usage_of(DiskSpec("here", str(tmp_path))).percent_without()
    assert 0 < used < 100
    full = DiskSpec("here", str(tmp_path), full_percent=used / 2)
    roomy = DiskSpec("there", str(tmp_path), full_percent=100.0)
    gone = DiskSpec("gone", str(tmp_path / "nothing"))
    services = Services(disks=(full, roomy, gone))
    seen = [look(ProbeKind.DISK_USAGE, spec.target, services).status for spec in services.disks]
    assert seen == [HealthStatus.FAIL, HealthStatus.PASS, HealthStatus.DEGRADED]
    assert "no disk" in look(ProbeKind.DISK_USAGE, "disk:other:/", services).detail


def test_a_folder_with_a_bound_is_full_when_its_own_files_fill_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(bytes(960 * 1024))
    (full, roomy) = (DiskSpec(name, str(tmp_path), size_bytes=size) for name, size in (("full", 1024**2), ("roomy", 2 * 1024**2)))
    gone = DiskSpec("gone", str(tmp_path / "nothing"), size_bytes=1024**2)
    services = Services(disks=(full, replace(full, host="smaller", full_percent=90.0), roomy, gone))

    seen = [look(ProbeKind.DISK_USAGE, spec.target, services) for spec in services.disks]

    assert [row.status for row in seen] == [HealthStatus.PASS, HealthStatus.FAIL, HealthStatus.PASS, HealthStatus.DEGRADED]
    assert [row.detail for row in seen[:3]] == ["93.8 % used", "93.8 % used", "46.9 % used"]


def test_a_caches_entries_are_compared_with_their_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "SHA256SUMS").write_text(f"{sha256(b'one').hexdigest()}  a\n", encoding="utf-8")
    cache = CacheSpec("c", str(tmp_path), ("fill",), ("read",))
    services = Services(caches=(cache, replace(cache, name="gone", folder="/nowhere")))

    assert look(ProbeKind.CACHE_DIGEST, "cache:c", services).status is HealthStatus.PASS
    (tmp_path / "a").write_bytes(b"o")
    found = look(ProbeKind.CACHE_DIGEST, "cache:c", services)
    assert (found.status, "the first is a" in found.detail) == (HealthStatus.FAIL, True)
    assert look(ProbeKind.CACHE_DIGEST, "cache:gone", services).status is HealthStatus.DEGRADED
    assert "no cache" in look(ProbeKind.CACHE_DIGEST, "cache:other", services).detail


def test_a_lock_file_is_asked_for_by_its_tool_and_well_while_a_new_one_waits_on_its_branch(tmp_path: Path) -> None:
    lock, repositories = replace(tiny_lock(tmp_path), every_s=60.0), Lockfiles()
    services = Services(lockfiles=(lock, replace(lock, name="gone", repository="/nowhere")))
    assert [probe.kind for probe in lock.probes] == [ProbeKind.LOCKFILE]
    assert replace(lock, every_s=0.0).probes == ()

    assert look(ProbeKind.LOCKFILE, "repo:shop", services).status is HealthStatus.FAIL
    assert look(ProbeKind.LOCKFILE, "repo:gone", services).status is HealthStatus.DEGRADED
    assert "no repository" in look(ProbeKind.LOCKFILE, "repo:other", services).detail
    assert repositories.create_branch(lock, "healstream/x", repositories.base_of(lock)).status is StepStatus.OK
    assert look(ProbeKind.LOCKFILE, "repo:shop", services).status is HealthStatus.FAIL
    assert repositories.regenerate(lock, "healstream/x").status is StepStatus.OK
    assert look(ProbeKind.LOCKFILE, "repo:shop", services).detail == "a new lock file waits on its branch"
    assert repositories.drop_branch(lock, "healstream/x").status is StepStatus.OK
    assert look(ProbeKind.LOCKFILE, "repo:shop", services).status is HealthStatus.FAIL


def test_a_limit_is_full_or_not_and_one_that_cannot_be_read_is_somebodys_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "max").write_text("100\n", encoding="ascii")
    (tmp_path / "count").write_text("94\n", encoding="ascii")
    limit = LimitSpec("c", str(tmp_path / "max"), str(tmp_path / "count"), 100, 200)
    services = Services(limits=(limit, replace(limit, name="gone", path=str(tmp_path / "gone"))))

    assert look(ProbeKind.LIMIT_USE, "limit:c", services).status is HealthStatus.PASS
    (tmp_path / "count").write_text("95\n", encoding="ascii")
    assert look(ProbeKind.LIMIT_USE, "limit:c", services).status is HealthStatus.FAIL
    assert look(ProbeKind.LIMIT_USE, "limit:gone", services).status is HealthStatus.DEGRADED
    assert "no limit" in look(ProbeKind.LIMIT_USE, "limit:other", services).detail


def test_a_cluster_is_asked_on_loopback_only_and_one_that_is_silent_is_not_well() -> None:
    services = Services()
    assert look(ProbeKind.IN_SYNC, "127.0.0.1:9", services, timeout_s=0.5).status is not HealthStatus.PASS
    assert "not brokers" in look(ProbeKind.IN_SYNC, "127.0.0.1:9,broker.example:9092", services).detail


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 No Content\r\n\r\n", "204"),
        (b"HTTP/1.1 200\r\n\r\n", "200"),
        (b"SSH-2.0-server of something else\r\n", "no answer in HTTP"),
        (b"HTTP/1.1 999 Odd\r\n\r\n", "no answer in HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "no answer in HTTP"),
        (b"", "no answer in HTTP"),
    ],
)
def test_what_a_port_says_is_a_status_or_no_http(said: bytes, word: str) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        seen = look(ProbeKind.HTTP, f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=30.0)
        thread.join(30.0)
    assert word in seen.detail
    assert seen.status is (HealthStatus.PASS if word.isdecimal() else HealthStatus.FAIL)


def test_a_login_of_an_address_is_told_as_such_and_not_as_a_host() -> None:
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            asked.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        look(ProbeKind.HTTP, f"http://olga:se%40cret@127.0.0.1:{port}/page?x=1", timeout_s=30.0)
        thread.join(30.0)
    lines = asked[0].decode().splitlines()
    assert lines[:2] == ["GET /page?x=1 HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    assert "Authorization: Basic b2xnYTpzZUBjcmV0" in lines
