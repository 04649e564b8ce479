"""Which logs are asked for: those of failed jobs of configured servers whose event came without one. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from schemas.events import JobFinished, Provenance
from schemas.ids import Record
from schemas.services import CiServer, Services
from schemas.vocabulary import FAILED_RESULTS

_RUN_ID = re.compile(r"[0-9]{1,20}")
_JOB_IN_URL = re.compile(r"/actions/runs/(?P<run>[0-9]{1,20})/jobs?/(?P<job>[0-9]{1,18})$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One log to ask for; ``job_id`` is 0 when the event does not name it. Its chunks carry the event's own time and provenance."""

    server: CiServer
    project: str
    run_id: str
    attempt: int
    job: str
    job_id: int
    at: datetime
    provenance: Provenance


def server_of(services: Services, source: str, project: str) -> CiServer | None:
    """Return the configured server of a project."""
    return next((row for row in services.ci if row.source == source and project in row.projects), None)


def wanted_of(record: Record, services: Services) -> Wanted | None:
    """Return the log that an event is in want of, None when there is nothing to ask for.

    A check of another app and a deployment have runs of our own naming, and no log that could be asked for.
    """
    if not isinstance(record, JobFinished) or record.result not in FAILED_RESULTS or record.log_chunks is not None:
        return None
    server = server_of(services, record.source, record.project)
    if server is None or not server.fetch_logs or not _RUN_ID.fullmatch(record.run_id):
        return None
    named = _JOB_IN_URL.search(record.url)
    job_id = int(named["job"]) if named and named["run"] == record.run_id else 0
    return Wanted(server, record.project, record.run_id, record.attempt, record.job, job_id, record.finished_at, record.provenance)
