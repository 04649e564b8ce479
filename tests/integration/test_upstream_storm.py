"""A real index that is down and comes back: real jobs of five repositories wait for it behind one incident, over a restart of the door."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from typing_extensions import override

from console.demo.github_server import GithubServer, JobSpec
from console.system_paths import shipped_patterns
from infra.broker.server import free_ports
from infra.kafka import read_to_end
from schemas.decisions import Admission, AdmissionState, HealingCommand
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Budget, Policy, StrategyPolicy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.services import CiServer, UpstreamSpec
from tests.support.whole_system import WholeSystem

NEEDED = ("streams.app", "streams.gatekeeper", "recoverers.worker")
REPOSITORIES = 5
# A job as a build is: it reads from the index, and says what its tool says when it cannot.
JOB = """
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=2).read()
except OSError as error:
    print("Collecting six")
    print("ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded "
          "with url: /simple/six/ (Caused by NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f38>: "
          "Failed to establish a new connection: [Errno 111] Connection refused'))")
    sys.exit(1)
print("Collecting six")
print("Successfully installed six-1.17.0")
"""
R = TypeVar("R", bound=Record)
POLICY = Policy(
    strategies=tuple(StrategyPolicy(name, RolloutLevel.AUTOMATIC) for name in ("rerun_job", "await_upstream")),
    storm_repositories=3,
    storm_release=Budget(limit=2, window_s=2.0),
)


class Index(BaseHTTPRequestHandler):
    """Answers every page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    @override
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def system(jars: tuple[Path, ...], tmp_path: Path) -> Iterator[WholeSystem]:
    index, ci = free_ports(2)
    running = WholeSystem(tmp_path, jars)
    page = ProbeSpec("index-page", ProbeKind.HTTP, f"http://127.0.0.1:{index}/simple/", timeout_s=1.0)
    port = ProbeSpec("index-port", ProbeKind.TCP, f"127.0.0.1:{index}", timeout_s=1.0)
    running.upstreams = (UpstreamSpec("index", ("index.example",), (page, port)),)
    running.ci = (CiServer("github", f"http://127.0.0.1:{ci}", "", tuple(f"acme/r{number}" for number in range(REPOSITORIES))),)
    running.patterns = (("pip.json", (shipped_patterns() / "pip.json").read_text(encoding="utf-8")),)
    try:
        running.start_broker(POLICY)
        for name in NEEDED:
            running.run(name)
        for name in NEEDED:
            running.wait_ready(name)
        yield running
    finally:
        running.close()


def read(system: WholeSystem, topic: str, kind: type[R]) -> list[R]:
    return [row for row in read_to_end(system.address, topic) if isinstance(row, kind)]


def wait_until(system: WholeSystem, what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "\n".join(system.log(name) for name in NEEDED)
        time.sleep(0.3)


def push_all(github: GithubServer, url: str) -> list[str]:
    """Run a job of each repository; return them as targets."""
    argv = (sys.executable, "-I", "-S", "-c", JOB, url)
    specs = [JobSpec(f"acme/r{number}", str(number), "build", argv, "/", ()) for number in range(REPOSITORIES)]
    for spec in specs:
        github.push(spec)
    return [f"job:github/{spec.project}/{spec.run_id}/build" for spec in specs]


def stormy_words(system: WholeSystem) -> list[Admission]:
    rows = read(system, "heal.admissions", Admission)
    return [row for row in rows if row.state is AdmissionState.QUEUED and row.reason.startswith("storm")]


@contextmanager
def index_at(port: int) -> Iterator[None]:
    """Let a real index answer."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def test_jobs_of_many_repositories_wait_for_a_real_index_and_are_all_healed_when_it_is_back(system: WholeSystem) -> None:
    [index] = system.upstreams
    lock = threading.Lock()

    def emit(records: Sequence[Record]) -> None:
        with lock:
            for record in records:
                system.send(record)

    github = GithubServer(int(system.ci[0].api_url.rpartition(":")[2]), emit)
    github.start()
    try:
        jobs = push_all(github, index.probes[0].address)
        wait_until(system, lambda: len({row.target for row in stormy_words(system)}) >= REPOSITORIES - 2, 40)
        system.end("streams.gatekeeper")
        system.run("streams.gatekeeper")
        with index_at(int(index.probes[1].address.rpartition(":")[2])):
            wait_until(system, lambda: set(jobs) <= {row.target for row in system.final_outcomes()}, 60)
    finally:
        github.stop()
    assert_one_incident_and_every_job_healed(system, jobs)


def assert_one_incident_and_every_job_healed(system: WholeSystem, jobs: list[str]) -> None:
    incidents, finals = read(system, "heal.incidents", Incident), system.final_outcomes()
    [parent] = [row for row in incidents if row.is_storm()]
    [waited] = [row for row in finals if row.incident_id == id_of(parent)]
    assert parent.target == "upstream:index"
    assert (waited.status, {row.source for row in waited.verification}) == (OutcomeStatus.HEALED, {"http", "tcp", "stream"})
    assert Counter(row.status for row in finals if row.target in jobs) == {OutcomeStatus.HEALED: REPOSITORIES}, [
        row.reason for row in finals
    ]
    assert sorted(map(id_of, incidents)) == sorted(row.incident_id for row in finals), "each incident has exactly one end"
    held = Counter(row.decision_id for row in stormy_words(system))
    assert set(held.values()) == {1}, "one word each, also over the restart of the door"
    sent = [row for row in read(system, "recovery.commands", HealingCommand) if row.decision_id in held]
    assert all(row.issued_at >= waited.finished_at for row in sent), "what was held was run again only after the index was back"
