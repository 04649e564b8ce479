"""``healstream send logs|junit|event|events|health|follow``: tells of what happened from files, so that anything can be connected.

To the broker of this machine, or with ``--gateway`` over HTTP to a gateway wherever it is; reports, single ends and what grows go there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import typer

from console.cli.deeds import DRY, tell
from console.cli.explain import read_log
from console.cli.send_follow import follow
from console.cli.show import NAME, brokers_of, talk
from console.gateway_client import URL_VARIABLE, GatewayClient, client_in
from infra.kafka import codec_of, deliver
from schemas.avro_shape import record_from_plain
from schemas.door import redact
from schemas.errors import NotFoundError, UsageError
from schemas.events import HealthCheck, HealthStatus, JobFinished, JobStarted, LogChunk, Origin, Provenance, Trust, WorkflowFinished
from schemas.ids import Record
from schemas.vocabulary import Result, result_from_word

CHUNK_LETTERS = 16 * 1024
FLUSH_S = 30.0
RUN = typer.Option(..., help="SOURCE/PROJECT/RUN_ID/JOB; the project may hold slashes")
ATTEMPT = typer.Option(1, min=1)
GATEWAY = typer.Option("", envvar=URL_VARIABLE, help="the gateway's address; without it the broker of this machine is told")
NEEDED_GATEWAY = typer.Option(..., "--gateway", envvar=URL_VARIABLE, help="the gateway's address")
WITH = typer.Option([], "--with", help="NAME=VALUE more of it: workflow, commit, branch, trigger, runner, url, actor, trust, log_chunks")
_MORE = frozenset({"workflow", "commit", "branch", "trigger", "runner", "url", "actor", "trust"})
LOCAL = Provenance(Origin.LOCAL, Trust.UNKNOWN, "healstream send")


class EventName(StrEnum):
    """The records that ``send events`` takes."""

    STARTED = "JobStarted"
    FINISHED = "JobFinished"
    WORKFLOW = "WorkflowFinished"


_EVENTS: dict[EventName, type[Record]] = {
    EventName.STARTED: JobStarted,
    EventName.FINISHED: JobFinished,
    EventName.WORKFLOW: WorkflowFinished,
}


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("logs")(logs)
    noun.command("junit")(junit)
    noun.command("event")(event)
    noun.command("events")(events)
    noun.command("health")(health)
    noun.command("follow")(follow)
    app.add_typer(noun, name="send", help=text)


def pieces(text: str, size: int = CHUNK_LETTERS) -> Iterator[str]:
    """Cut a text at line ends into pieces of about ``size`` letters; an empty text is one empty piece."""
    rest = text
    while len(rest) > size:
        cut = rest.rfind("\n", 0, size) + 1 or size
        yield rest[:cut]
        rest = rest[cut:]
    yield rest


def chunks_of(run: Sequence[str], attempt: int, text: str, at: datetime, provenance: Provenance) -> list[LogChunk]:
    """Return a job's log as chunks; ``run`` is source, project, run id and job."""
    source, project, run_id, job = run
    parts = list(pieces(text))
    return [
        LogChunk(source, project, run_id, attempt, job, seq, part, seq == len(parts) - 1, at, provenance=provenance)
        for seq, part in enumerate(parts)
    ]


def _send(name: str, records: Sequence[Record], who: str = "ci-producer", *, dry: bool) -> None:
    brokers = brokers_of(name, who)
    if not dry:
        deliver(brokers, records, codec_of(brokers), FLUSH_S)
    tell(f"{len(records)} records sent", dry=dry)


def _parts_of(run: str) -> tuple[str, str, str, str]:
    words = run.split("/")
    if len(words) < 4:
        raise UsageError("--run", f"{run!r} has fewer than four parts", "Give SOURCE/PROJECT/RUN_ID/JOB")
    return words[0], "/".join(words[1:-2]), words[-2], words[-1]


def logs(  # noqa: PLR0913, PLR0917 - an option each
    file: str = typer.Argument(help="the log, or -"),
    run: str = RUN,
    attempt: int = ATTEMPT,
    result: str = typer.Option("", help="when given, a JobFinished with this result follows"),
    gateway: str = GATEWAY,
    name: str = NAME,
    dry: bool = DRY,
) -> None:
    """Send one job's log, redacted here already."""
    parts, text, now = _parts_of(run), redact(read_log(file)), datetime.now(UTC)
    if gateway and dry:
        client_in(os.environ, gateway)
        tell(f"{len(text)} letters of {run} are sent to {gateway}", dry=True)
        return
    if gateway:
        client = client_in(os.environ, gateway)
        count = client.send_log(run, attempt, text.encode())
        talk(f"{count} chunks taken")
        if result:
            _end(client, run, attempt, {"result": result, "log_chunks": count, "trigger": "manual"})
        return
    records: list[Record] = [*chunks_of(parts, attempt, text, now, LOCAL)]
    if result:
        records.append(finished(parts, attempt, result_from_word(result), now, LOCAL))
    _send(name, records, dry=dry)


def junit(  # noqa: PLR0913, PLR0917 - an option each
    file: str = typer.Argument(help="the report that a test runner wrote"),
    run: str = RUN,
    attempt: int = ATTEMPT,
    commit: str = typer.Option(""),
    branch: str = typer.Option(""),
    gateway: str = NEEDED_GATEWAY,
    dry: bool = DRY,
) -> None:
    """Send one JUnit report; what failed in it becomes a job of its own beside the job that ran it."""
    _parts_of(run)
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise NotFoundError(file, str(error.strerror), "Give the file that the test runner wrote") from error
    asked = {"run": run, "attempt": str(attempt), "commit": commit, "branch": branch}
    client = client_in(os.environ, gateway)
    if dry:
        tell(f"{len(content)} bytes of {run} are sent to {gateway}", dry=True)
        return
    said = client.post("/ingest/junit", content, "application/xml", asked)
    talk(f"taken as {said.get('id')}")


def event(
    run: str = RUN,
    result: str = typer.Option(..., help="how the job ended, in GitHub's words or OpenTelemetry's"),
    attempt: int = ATTEMPT,
    more: list[str] = WITH,
    gateway: str = NEEDED_GATEWAY,
    dry: bool = DRY,
) -> None:
    """Tell how one job ended."""
    _parts_of(run)
    client, told = client_in(os.environ, gateway), {"result": result, **_told(more)}
    if dry:
        tell(f"the end of {run} is told to {gateway}", dry=True)
        return
    _end(client, run, attempt, told)


def _told(more: Sequence[str]) -> dict[str, object]:
    told: dict[str, object] = {}
    for row in more:
        name, is_there, value = row.partition("=")
        if is_there and name == "log_chunks" and value.isdecimal():
            told[name] = int(value)
        elif is_there and name in _MORE:
            told[name] = value
        else:
            raise UsageError("--with", f"{row[:60]!r} is no NAME=VALUE with a known name", f"Names: {', '.join(sorted(_MORE))}, log_chunks")
    return told


def _end(client: GatewayClient, run: str, attempt: int, told: dict[str, object]) -> None:
    said = client.post("/ingest/job", json.dumps(told).encode(), "application/json", {"run": run, "attempt": str(attempt)})
    talk(f"taken as {said.get('id')}")


def finished(run: Sequence[str], attempt: int, result: Result, at: datetime, provenance: Provenance) -> JobFinished:
    """Return the end of a job that a person describes; what they do not know stays empty."""
    source, project, run_id, job = run
    return JobFinished(source, project, run_id, attempt, "", job, "", "", "manual", result, at, provenance=provenance)


def events(record: EventName, file: str = typer.Argument(help="JSON lines, or -"), name: str = NAME, dry: bool = DRY) -> None:
    """Send records given as JSON lines, times as ISO 8601."""
    rows = [_record(record, f"{file}:{number}", line) for number, line in enumerate(read_log(file).splitlines(), 1) if line.strip()]
    _send(name, rows, dry=dry)


def _record(named: EventName, place: str, line: str) -> Record:
    try:
        row = json.loads(line)
        times = {key: datetime.fromisoformat(value) for key, value in row.items() if key.endswith("_at") and isinstance(value, str)}
        made = record_from_plain(_EVENTS[named])({**row, **times})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(place, f"this is no {named}: {type(error).__name__} {error}", "See the schema in schemas/avro") from error
    if not isinstance(made, JobStarted | JobFinished | WorkflowFinished):
        raise UsageError(place, f"this is no {named}", "See the schema in schemas/avro")
    return made


def health(
    target: str,
    status: HealthStatus,
    probe: str = typer.Option("manual"),
    detail: str = typer.Option(""),
    name: str = NAME,
    dry: bool = DRY,
) -> None:
    """Send one health check."""
    _send(
        name, [HealthCheck(target, probe, status, datetime.now(UTC), detail=redact(detail), provenance=LOCAL)], "target-producer", dry=dry
    )
