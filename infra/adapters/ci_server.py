"""A GitHub-shaped REST server: fits ``CiPort``. Only the configured address, its own token, no redirects but a log's, bounded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

import httpx

from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_logs import CiLogs, LogBounds, LogEnd
from schemas.attempts import CiJob, RunnerState, StepResult, StepStatus
from schemas.services import CiServer, Services

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_NO_SERVER = StepResult(StepStatus.FAILED, "no configured server for this target")


@dataclass(frozen=True, slots=True)
class _Run:
    server: CiServer
    logins: CiLogins
    project: str
    run_id: str
    job: str

    @property
    def path(self) -> str:
        """The repository's part of every address."""
        return f"/repos/{quote(self.project, safe='/')}/actions"


@dataclass(frozen=True, slots=True)
class CiServers:
    """The real adapter over the servers of the catalogue."""

    services: Services
    logins: CiLogins = field(default_factory=CiLogins)

    def latest_attempt(self, target: str) -> int | None:
        """Return ``run_attempt`` of the run."""
        run = self._run(target)
        found = _get_json(run, f"/runs/{quote(run.run_id, safe='')}") if run else None
        attempt = found.get("run_attempt") if isinstance(found, dict) else None
        return attempt if isinstance(attempt, int) else None

    def job(self, target: str, attempt: int) -> CiJob | None:
        """Return the job of that name in the attempt."""
        run = self._run(target)
        found = _get_json(run, f"/runs/{quote(run.run_id, safe='')}/attempts/{attempt}/jobs?per_page=100") if run else None
        rows = found.get("jobs") if isinstance(found, dict) else None
        for row in rows if isinstance(rows, list) else []:
            if run and isinstance(row, dict) and row.get("name") == run.job and isinstance(row.get("id"), int):
                ended, commit, runner = (str(row.get(name) or "") for name in ("conclusion", "head_sha", "runner_name"))
                return CiJob(row["id"], attempt, ended, commit, runner, _seconds_of(row))
        return None

    def durations(self, target: str, most: int) -> tuple[float, ...] | None:
        """Ask for the workflow of the run, its newest passing runs, and the job in each of them; one that has no answer spoils them all."""
        run = self._run(target)
        own = _get_json(run, f"/runs/{quote(run.run_id, safe='')}") if run else None
        workflow = own.get("workflow_id") if isinstance(own, dict) else None
        if run is None or not isinstance(workflow, int):
            return None
        listed = _rows_in(_get_json(run, f"/workflows/{workflow}/runs?status=success&per_page={most}"), "workflow_runs")
        found: list[float] = []
        for row in (listed or ())[:most]:
            jobs = _rows_in(_get_json(run, f"/runs/{row.get('id')}/jobs?per_page=100"), "jobs") if isinstance(row.get("id"), int) else None
            if jobs is None:
                return None
            # Of a run that passed some jobs were left out: they took no time and say nothing.
            took = (_seconds_of(job) for job in jobs if job.get("name") == run.job and job.get("conclusion") == "success")
            found += [seconds for seconds in took if seconds is not None][:1]
        return None if listed is None else tuple(reversed(found))

    def conclusion_on(self, target: str, commit: str) -> str | None:
        """Ask for the newest check of the job's name on the commit."""
        run = self._run(target)
        path = (
            f"/repos/{quote(run.project, safe='/')}/commits/{quote(commit, safe='')}/check-runs?check_name={quote(run.job, safe='')}"
            if run
            else ""
        )
        found = _json_in(_get_whole(run, path)) if run else None
        rows = found.get("check_runs") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            return None
        known = [row for row in rows if run and isinstance(row, dict) and row.get("name") == run.job and isinstance(row.get("id"), int)]
        newest = max(known, key=lambda row: int(row["id"]), default={})
        return str(newest.get("conclusion") or "")

    def rerun(self, target: str, job_id: int) -> StepResult:
        """Ask for the re-run; without an answer nobody knows whether it was heard."""
        run = self._run(target)
        return ask_server(run.server, self.logins, "POST", f"{run.path}/jobs/{job_id}/rerun") if run else _NO_SERVER

    def log(self, target: str, job_id: int) -> bytes | None:
        """Return the job's log, None when it cannot be read whole."""
        run = self._run(target)
        found = CiLogs(self.logins, LogBounds(kept=MAX_ANSWER_BYTES)).end_of(run.server, run.project, job_id) if run else None
        # Of a log whose beginning is missing nobody can say that something does not stand in it.
        return found.content if isinstance(found, LogEnd) and found.is_whole else None

    def runner(self, target: str, name: str) -> RunnerState | None:
        """Return the runner of that name among those of the repository."""
        run = self._run(target)
        found = _get_json(run, f"/runners?per_page=100&name={quote(name, safe='')}") if run else None
        rows = found.get("runners") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            return None
        known = (_runner_in(row) for row in rows if isinstance(row, dict) and row.get("name") == name)
        return next(known, RunnerState(exists=False))

    def set_labels(self, target: str, runner_id: int, labels: tuple[str, ...]) -> StepResult:
        """Replace the labels; the same ones twice change nothing more."""
        run = self._run(target)
        if run is None:
            return _NO_SERVER
        return ask_server(run.server, self.logins, "PUT", f"{run.path}/runners/{runner_id}/labels", {"labels": list(labels)})

    def _run(self, target: str) -> _Run | None:
        source, _, rest = target.removeprefix("job:").partition("/")
        if not target.startswith("job:") or ".." in rest.split("/"):
            return None
        for server in self.services.ci:
            # A job's name may hold slashes, as that of a reusable workflow does: the configured project says where the run begins.
            project = next((name for name in server.projects if rest.startswith(f"{name}/")), "") if server.source == source else ""
            run_id, _, job = rest.removeprefix(f"{project}/").partition("/")
            if project and run_id and job:
                return _Run(server, self.logins, project, run_id, job)
        return None


def ask_server(server: CiServer, logins: CiLogins, method: str, path: str, body: object = None) -> StepResult:
    """Ask for a change: failed when it never reached the server or was refused, uncertain when it may have been made."""
    try:
        with logins.client(server) as client:
            answer = client.request(method, path, json=body)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return StepResult(StepStatus.FAILED, f"no connection: {error}")
    except httpx.HTTPError as error:
        return StepResult(StepStatus.UNCERTAIN, f"{type(error).__name__}: {error}")
    except OSError as error:
        return StepResult(StepStatus.FAILED, str(error))
    status = StepStatus.OK if answer.is_success else StepStatus.UNCERTAIN if answer.is_server_error else StepStatus.FAILED
    return StepResult(status, f"HTTP {answer.status_code}")


def _rows_in(found: object, name: str) -> list[Mapping[str, object]] | None:
    rows = found.get(name) if isinstance(found, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _seconds_of(job: Mapping[str, object]) -> float | None:
    """Return how long a job ran by the server's own times."""
    try:
        began, ended = (datetime.fromisoformat(str(job.get(name))) for name in ("started_at", "completed_at"))
        return max(0.0, (ended - began).total_seconds())
    except (ValueError, TypeError):
        # It goes on, or one of its times has no zone and the other one has.
        return None


def _runner_in(row: Mapping[str, object]) -> RunnerState:
    listed = row.get("labels")
    labels = [label for label in listed if isinstance(label, dict)] if isinstance(listed, list) else []
    # What the server itself calls a runner by, such as its system, nobody can take from it.
    custom = tuple(sorted(str(label.get("name")) for label in labels if label.get("type") != "read-only"))
    runner_id = row.get("id")
    return RunnerState(True, runner_id if isinstance(runner_id, int) else 0, row.get("status") == "online", custom)


def _get(run: _Run, path: str) -> bytes | None:
    return _get_whole(run, run.path + path)


def _get_whole(run: _Run, path: str) -> bytes | None:
    try:
        with run.logins.client(run.server) as client, client.stream("GET", path) as answer:
            if not answer.is_success:
                return None
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > MAX_ANSWER_BYTES:
                    return None
            return bytes(content)
    except (httpx.HTTPError, OSError):
        return None


def _get_json(run: _Run, path: str) -> object:
    return _json_in(_get(run, path))


def _json_in(content: bytes | None) -> object:
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return None
