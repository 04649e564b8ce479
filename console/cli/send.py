"""``healstream send logs|events|health|follow``: produces records for the in-topics from files, so that anything can be connected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import typer

from console.cli.explain import read_log
from console.cli.send_follow import follow
from console.cli.show import NAME, brokers_of, talk
from infra.kafka import deliver
from schemas.avro_codec import Codec
from schemas.avro_shape import record_from_plain
from schemas.door import redact
from schemas.errors import UsageError
from schemas.events import HealthCheck, HealthStatus, JobFinished, JobStarted, LogChunk, Origin, Provenance, Trust, WorkflowFinished
from schemas.ids import Record
from schemas.topics import ALL_RECORDS
from schemas.vocabulary import Result, result_from_word

CHUNK_LETTERS = 16 * 1024
FLUSH_S = 30.0
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


def _send(name: str, records: Sequence[Record], who: str = "ci-producer") -> None:
    deliver(brokers_of(name, who), records, Codec(ALL_RECORDS), FLUSH_S)
    talk(f"{len(records)} records sent")


def logs(
    file: str = typer.Argument(help="the log, or -"),
    run: str = typer.Option(..., help="SOURCE/PROJECT/RUN_ID/JOB; the project may hold slashes"),
    attempt: int = typer.Option(1, min=1),
    result: str = typer.Option("", help="when given, a JobFinished with this result follows"),
    name: str = NAME,
) -> None:
    """Send one job's log, redacted here already."""
    words = run.split("/")
    if len(words) < 4:
        raise UsageError("--run", f"{run!r} has fewer than four parts", "Give SOURCE/PROJECT/RUN_ID/JOB")
    parts = (words[0], "/".join(words[1:-2]), words[-2], words[-1])
    now = datetime.now(UTC)
    records: list[Record] = [*chunks_of(parts, attempt, redact(read_log(file)), now, LOCAL)]
    if result:
        records.append(finished(parts, attempt, result_from_word(result), now, LOCAL))
    _send(name, records)


def finished(run: Sequence[str], attempt: int, result: Result, at: datetime, provenance: Provenance) -> JobFinished:
    """Return the end of a job that a person describes; what they do not know stays empty."""
    source, project, run_id, job = run
    return JobFinished(source, project, run_id, attempt, "", job, "", "", "manual", result, at, provenance=provenance)


def events(record: EventName, file: str = typer.Argument(help="JSON lines, or -"), name: str = NAME) -> None:
    """Send records given as JSON lines, times as ISO 8601."""
    rows = [_record(record, f"{file}:{number}", line) for number, line in enumerate(read_log(file).splitlines(), 1) if line.strip()]
    _send(name, rows)


def _record(event: EventName, place: str, line: str) -> Record:
    try:
        row = json.loads(line)
        times = {key: datetime.fromisoformat(value) for key, value in row.items() if key.endswith("_at") and isinstance(value, str)}
        made = record_from_plain(_EVENTS[event])({**row, **times})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(place, f"this is no {event}: {type(error).__name__} {error}", "See the schema in schemas/avro") from error
    if not isinstance(made, JobStarted | JobFinished | WorkflowFinished):
        raise UsageError(place, f"this is no {event}", "See the schema in schemas/avro")
    return made


def health(
    target: str,
    status: HealthStatus,
    probe: str = typer.Option("manual"),
    detail: str = typer.Option(""),
    name: str = NAME,
) -> None:
    """Send one health check."""
    _send(name, [HealthCheck(target, probe, status, datetime.now(UTC), detail=redact(detail), provenance=LOCAL)], "target-producer")
