"""A whole system beside a GitHub-shaped server whose jobs are told of by signed webhooks, without a log, as GitHub tells of them."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from console.demo.github_server import GithubServer, JobSpec
from console.system_paths import shipped_patterns
from infra.broker.server import free_ports
from schemas.events import JobFinished
from schemas.ids import Record
from schemas.services import CiReport, CiServer
from tests.support.gateway import signed
from tests.support.gateway_process import GatewayProcess
from tests.support.github_api import GithubApi, serve
from tests.support.github_hooks import workflow_job, workflow_run
from tests.support.whole_system import WholeSystem

ROOTS = ("console.fetch_logs", "console.report_runs")
OURS, A_FORKS = 10, 99
# Fails as pip does when nobody listens, until the file is there, which the first attempt makes.
FLAKY = """
import pathlib, sys
file = pathlib.Path(sys.argv[1])
if not file.exists():
    file.touch()
    print("ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded "
          "with url: /simple/six/ (Caused by NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f38>: "
          "Failed to establish a new connection: [Errno 111] Connection refused'))")
    sys.exit(1)
print("Successfully installed six-1.17.0")
"""
STRANGE = "print('stage nine begins\\nflux regulator says 0x17 and stops'); raise SystemExit(1)"
T = TypeVar("T")


def patterns(*names: str) -> tuple[tuple[str, str], ...]:
    """Return some of the shipped pattern files."""
    return tuple((name, (shipped_patterns() / name).read_text(encoding="utf-8")) for name in names)


@dataclass
class GithubFlow:
    """Made by ``at_github`` before the system starts; ``begin`` adds gateway, fetcher and reporter to it."""

    api: GithubApi
    jobs: GithubServer
    folder: Path
    told_s: dict[str, float] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    gateway: GatewayProcess | None = None
    is_over: bool = False

    @property
    def ci(self) -> CiServer:
        """Return the server as the catalogue has it."""
        reports = (CiReport.CHECKS, CiReport.ISSUES)
        return CiServer("github", self.api.url, "", ("acme/shop",), fetch_logs=True, log_hosts=("127.0.0.1",), reports=reports)

    @contextmanager
    def begin(self, system: WholeSystem) -> Iterator[None]:
        """Run the three processes beside the system's own."""
        self.gateway = GatewayProcess(system.address, self.folder)
        self.gateway.start()
        try:
            for name in ROOTS:
                [system.ports[name]] = free_ports(1)
                system.run(name)
            for name in ROOTS:
                system.wait_ready(name, 120)
            yield
        finally:
            self.is_over = True
            self.gateway.process.kill()
            self.gateway.process.wait()

    def push(self, run_id: str, script: str, head: int = OURS) -> str:
        """Let a job fail for the first time, of a head repository; return its target."""
        self.heads[run_id] = head
        self._post("workflow_run", workflow_run("requested", head, "pull_request", id=int(run_id), run_attempt=1))
        argv = (sys.executable, "-I", "-S", "-c", script, str(self.folder / f"made-by-{run_id}"))
        # A commit of its own: on one and the same few re-runs are allowed.
        self.jobs.push(JobSpec("acme/shop", run_id, "build", argv, "/", (), f"{int(run_id):040x}"))
        return f"job:github/acme/shop/{run_id}/build"

    def hear(self, records: Sequence[Record]) -> None:
        """Tell the gateway of an attempt that has ended; its log stays where it is."""
        [ended] = [record for record in records if isinstance(record, JobFinished)]
        attempt = self.jobs.attempts(ended.run_id)[-1]
        times = {"started_at": attempt.started_at.isoformat(), "completed_at": ended.finished_at.isoformat()}
        url = f"https://github.example/acme/shop/actions/runs/{ended.run_id}/job/{attempt.job_id}"
        named = {"id": attempt.job_id, "run_id": int(ended.run_id), "run_attempt": ended.attempt, "html_url": url, "name": ended.job}
        self.told_s.setdefault(ended.run_id, time.monotonic())
        try:
            self._post("workflow_job", workflow_job("completed", attempt.conclusion, **named, **times, head_sha=ended.commit))
        except httpx.TransportError:
            # The last attempt may end when nobody listens any more.
            if not self.is_over:
                raise

    def rerun_s(self, run_id: str) -> float | None:
        """Return how long after the webhook's sending the re-run of a run's first attempt was asked for."""
        path = f"/repos/acme/shop/actions/jobs/{self.jobs.attempts(run_id)[0].job_id}/rerun"
        at = self.api.posted_s.get(path)
        return None if at is None else at - self.told_s[run_id]

    def _post(self, name: str, doc: dict[str, object]) -> None:
        assert self.gateway is not None
        body = json.dumps(doc).encode()
        delivery = f"{name}-{len(self.told_s)}-{threading.get_ident()}-{time.monotonic_ns()}"
        headers = {**signed(body), "X-GitHub-Event": name, "X-GitHub-Delivery": delivery}
        answer = httpx.post(f"{self.gateway.url}/ingest/github", content=body, headers=headers, timeout=60)
        assert answer.status_code == 202, answer.text


@contextmanager
def at_github(folder: Path) -> Iterator[GithubFlow]:
    """Serve jobs, logs, check runs and issues."""
    held: list[GithubFlow] = []

    def hear(records: Sequence[Record]) -> None:
        [flow] = held
        flow.hear(records)

    jobs = GithubServer(0, hear)
    jobs.start()
    try:
        with serve(jobs) as api:
            held.append(GithubFlow(api, jobs, folder))
            yield held[0]
    finally:
        jobs.stop()


def until(look: Callable[[], T | None], seconds: float, why: Callable[[], str]) -> T:
    """Return what ``look`` finds once it is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, why()
        time.sleep(0.2)
    return found
