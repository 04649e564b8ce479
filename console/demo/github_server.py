"""A GitHub-shaped REST server that really runs its jobs and hands their logs and ends on as records; used by the demo and by tests.

It knows what ``rerun_job`` asks: a run, the jobs of an attempt, a job's log, and the re-run of one job; how a job ended on a commit; and
pull requests and issues, as far as recipes open and close them (``pull_requests.py``).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from typing_extensions import override

from console.demo.check_runs import CheckRuns
from console.demo.pull_requests import MOST_BODY_BYTES, PullRequests
from schemas.events import JobFinished, LogChunk, Origin, Provenance, StepResult, Trust
from schemas.ids import Record
from schemas.vocabulary import Result

JOB_S = 60.0
STOP_S = 15.0
PIECE_LETTERS = 16 * 1024
SOURCE = "github"
_OURS = Provenance(Origin.LOCAL, Trust.SAME_REPOSITORY, "demo")
_RUN = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/actions/runs/(?P<run>[^/]+)$")
_JOBS = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/actions/runs/(?P<run>[^/]+)/attempts/(?P<attempt>\d+)/jobs(\?.*)?$")
_LOG = re.compile(r"^/repos/[^/]+/[^/]+/actions/jobs/(?P<job>\d+)/logs$")
_CHECKS = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/commits/(?P<commit>[0-9a-f]+)/check-runs\?check_name=(?P<job>[^&]+)$")
_RERUN = re.compile(r"^/repos/[^/]+/[^/]+/actions/jobs/(?P<job>\d+)/rerun$")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job of one run: the command that it is."""

    project: str
    run_id: str
    job: str
    argv: tuple[str, ...]
    cwd: str
    environ: tuple[tuple[str, str], ...]
    commit: str = "4f1d2c3b5a69788796a5b4c3d2e1f00112233445"


@dataclass(slots=True)
class Attempt:
    """One attempt of a job; ``conclusion`` is empty while it runs."""

    number: int
    job_id: int
    started_at: datetime
    conclusion: str = ""
    log: str = ""


@dataclass(slots=True)
class Job:
    """A job with all its attempts."""

    spec: JobSpec
    attempts: list[Attempt] = field(default_factory=list)


def records_of(spec: JobSpec, attempt: Attempt, at: datetime) -> list[Record]:
    """Return the attempt's log as chunks and its end, as a producer would send them."""
    place = (SOURCE, spec.project, spec.run_id, attempt.number, spec.job)
    parts = [attempt.log[begin : begin + PIECE_LETTERS] for begin in range(0, max(len(attempt.log), 1), PIECE_LETTERS)]
    chunks: list[Record] = [LogChunk(*place, seq, text, seq == len(parts) - 1, at, provenance=_OURS) for seq, text in enumerate(parts)]
    result = Result.SUCCESS if attempt.conclusion == "success" else Result.FAILURE
    finished = JobFinished(
        source=SOURCE,
        project=spec.project,
        run_id=spec.run_id,
        attempt=attempt.number,
        workflow="build",
        job=spec.job,
        commit=spec.commit,
        branch="main",
        trigger="push",
        result=result,
        finished_at=at,
        started_at=attempt.started_at,
        steps=(StepResult(spec.job, 1, result),),
        log_chunks=len(parts),
        provenance=_OURS,
    )
    return [*chunks, finished]


class GithubServer:
    """The server and its jobs; ``emit`` takes the records of every ended attempt."""

    def __init__(self, port: int, emit: Callable[[Sequence[Record]], None]) -> None:
        """Bind the port; ``start`` serves."""
        self._emit = emit
        self._jobs: dict[tuple[str, str], Job] = {}
        self._lock = threading.Lock()
        self._running: list[threading.Thread] = []
        self._processes: set[subprocess.Popen[str]] = set()
        self._is_stopped = False
        self.pulls = PullRequests()
        self.checks = CheckRuns()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _page_of(self))
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Serve from a thread."""
        threading.Thread(target=self._server.serve_forever, name="github", daemon=True).start()

    def stop(self) -> None:
        """End the server and whatever job still runs, with all that it started; none begins any more."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            self._is_stopped = True
            running = tuple(self._processes)
        for process in running:
            _end_group(process)
        for thread in self._running:
            thread.join(STOP_S)

    def push(self, spec: JobSpec) -> None:
        """Run a job for the first time, as a push does."""
        with self._lock:
            self._jobs[spec.project, spec.run_id] = Job(spec)
        self._begin(self._jobs[spec.project, spec.run_id])

    def attempts(self, run_id: str) -> list[Attempt]:
        """Return the attempts of a run."""
        return next((list(job.attempts) for (_, run), job in self._jobs.items() if run == run_id), [])

    def answer_get(self, path: str) -> tuple[int, bytes]:
        """Answer a GET."""
        if found := _RUN.match(path):
            job = self._jobs.get((found["project"], found["run"]))
            return _json({"id": found["run"], "run_attempt": len(job.attempts)}) if job else (404, b"{}")
        if found := _JOBS.match(path):
            return self._answer_jobs(found["project"], found["run"], int(found["attempt"]))
        if found := _LOG.match(path):
            _, attempt = self._attempt(int(found["job"]))
            return (200, attempt.log.encode()) if attempt and attempt.conclusion else (404, b"")
        written = self.checks.answer("GET", path, b"")
        if written is not None:
            return written
        if found := _CHECKS.match(path):
            return _answer_checks(tuple(self._jobs.values()), found["project"], found["commit"], unquote(found["job"]))
        return self.pulls.answer("GET", path, b"")

    def answer_post(self, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Answer a POST: the re-run of a job that has ended, or a pull request."""
        found = _RERUN.match(path)
        if found is None:
            return self.checks.answer("POST", path, body) or self.pulls.answer("POST", path, body)
        job, attempt = self._attempt(int(found["job"]))
        if job is None or attempt is None:
            return 404, b"{}"
        if not attempt.conclusion or attempt is not job.attempts[-1]:
            return 403, b'{"message": "the job is not the newest or still runs"}'
        self._begin(job)
        return 201, b"{}"

    def _answer_jobs(self, project: str, run: str, number: int) -> tuple[int, bytes]:
        job = self._jobs.get((project, run))
        rows = [
            {"id": row.job_id, "name": job.spec.job, "conclusion": row.conclusion or None, "head_sha": job.spec.commit}
            for row in (job.attempts if job else [])
            if row.number == number and job
        ]
        return _json({"total_count": len(rows), "jobs": rows})

    def _attempt(self, job_id: int) -> tuple[Job | None, Attempt | None]:
        for job in tuple(self._jobs.values()):
            for attempt in job.attempts:
                if attempt.job_id == job_id:
                    return job, attempt
        return None, None

    def _begin(self, job: Job) -> None:
        with self._lock:
            number = sum(len(other.attempts) for other in self._jobs.values())
            attempt = Attempt(len(job.attempts) + 1, 1000 + number, datetime.now(UTC))
            job.attempts.append(attempt)
        thread = threading.Thread(target=self._run, args=(job.spec, attempt), name=f"job-{attempt.job_id}", daemon=True)
        self._running.append(thread)
        thread.start()

    def _run(self, spec: JobSpec, attempt: Attempt) -> None:
        with self._lock:
            if self._is_stopped:
                return
            process = subprocess.Popen(
                spec.argv,
                cwd=spec.cwd,
                env=dict(spec.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # A Ctrl-C is not the job's: it is ended with all that it started.
                start_new_session=True,
            )
            self._processes.add(process)
        try:
            attempt.log, _ = process.communicate(timeout=JOB_S)
        except subprocess.TimeoutExpired:
            _end_group(process)
            attempt.log, _ = process.communicate()
        self._processes.discard(process)
        if self._is_stopped:
            return
        if process.returncode:
            attempt.log += f"##[error]Process completed with exit code {process.returncode}.\n"
        attempt.conclusion = "success" if process.returncode == 0 else "failure"
        self._emit(records_of(spec, attempt, datetime.now(UTC)))


def answer_patch(server: GithubServer, path: str, body: bytes) -> tuple[int, bytes]:
    """Answer a PATCH: of a check run, a pull request or an issue."""
    return server.checks.answer("PATCH", path, body) or server.pulls.answer("PATCH", path, body)


def _answer_checks(jobs: Sequence[Job], project: str, commit: str, name: str) -> tuple[int, bytes]:
    known = [job for job in jobs if (job.spec.project, job.spec.commit, job.spec.job) == (project, commit, name)]
    # The newest attempt of each run stands for it.
    newest = [job.attempts[-1] for job in known if job.attempts]
    rows = [{"id": row.job_id, "name": name, "conclusion": row.conclusion or None} for row in newest]
    return _json({"total_count": len(rows), "check_runs": rows})


def _end_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _json(value: object) -> tuple[int, bytes]:
    return 200, json.dumps(value).encode()


def _page_of(server: GithubServer) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library calls it by this name
            self._write(*server.answer_get(self.path))

        def do_POST(self) -> None:  # the library calls it by this name
            self._write(*server.answer_post(self.path, self._body()))

        def do_PATCH(self) -> None:  # the library calls it by this name
            self._write(*answer_patch(server, self.path, self._body()))

        def _body(self) -> bytes:
            return self.rfile.read(min(int(self.headers.get("Content-Length", "0")), MOST_BODY_BYTES))

        def _write(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    return Page
