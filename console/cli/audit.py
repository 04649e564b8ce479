"""``healstream audit verify|export|publish|tail``."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from console.audit_accounts import incomplete
from console.audit_checkpoints import compare, compare_stretch, publish_to, read_place
from console.audit_export import AUDIT, Span, manifest_path, verify_file
from console.audit_export import export as write_export
from console.audit_reading import Checkpoint, Reading
from console.audit_retention import retention_faults, settings_of
from console.audit_stored import chain_records
from console.cli.deeds import DRY, tell
from console.cli.formats import Output, Row
from console.cli.show import EVERY_S, NAME, OUTPUT, SINCE, WATCH, brokers_of, home, show, show_changes, talk
from console.configuration import HEALSTREAM, load_checkpoints_place
from console.keys import load_key
from console.periods import begin_of
from infra.state_log import read_entries
from schemas.errors import DeniedError, UsageError
from schemas.oversight import AuditRecord
from schemas.signing import public_text
from streams.notary import BEGINNING

PROBLEMS = 8
Comparing = Callable[[Sequence[Checkpoint], Reading, str, datetime], list[str]]
READ_S = 600.0
_COLUMNS = ("sequence", "at", "actor", "action", "subject", "details")
FILE = typer.Option("", "--file", help="an export to check without a broker")
KEY = typer.Option("", "--key", help="the notary's public key (base64), or a file with it; this machine's when not given")
PLACE = typer.Option("", "--checkpoints", help="compare with what was published: a folder, git:PATH or s3:BUCKET/PREFIX")
TO = typer.Option("", "--to", help="a folder, git:PATH or s3:BUCKET/PREFIX; that of healstream.yaml when not given")
COMPLETE = typer.Option(False, "--complete", help="also hold the chain against all other topics: is everything accounted for?")
SETTLED = typer.Option(300, "--settle", min=0, help="with --complete: seconds within which something may still be under way")
UNTIL = typer.Option("", "--until", help="only what is older: the same forms as --since")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("verify")(verify)
    noun.command("export")(export)
    noun.command("publish")(publish)
    noun.command("tail")(tail)
    app.add_typer(noun, name="audit", help=text)


def _key_of(name: str, given: str) -> str:
    """Return the notary's public key; raises DeniedError when none is given and this machine has none."""
    if given:
        return Path(given).read_text(encoding="utf-8").strip() if Path(given).is_file() else given
    try:
        return public_text(load_key(home(name).keys / "notary.key"))
    except DeniedError as error:
        raise DeniedError(error.what, error.why, "Give the notary's public key with --key: whoever runs the notary has it") from error


def _records(name: str, reading: Reading | None = None) -> Iterator[AuditRecord]:
    return chain_records(brokers_of(name), reading.add if reading else _pass_over)


def _pass_over(_fault: str) -> None:
    """Leave out of an export what is no record of the chain: it has no place in it."""


def _head(name: str) -> str | None:
    return read_entries(brokers_of(name), "heal.state.notary", 0, READ_S).get("head")


def _read_topic(name: str, public_key: str, *, vouched: bool) -> Reading:
    """Read the whole topic between two looks at the notary's own head."""
    before = _head(name)
    reading = Reading(public_key, None if vouched else BEGINNING)
    for record in _records(name, reading):
        reading.take(record)
    for fault in (*reading.against_head(before, _head(name)), *retention_faults(AUDIT, settings_of(brokers_of(name), AUDIT))):
        reading.add(fault)
    return reading


def _configured_place(name: str) -> str:
    folder = home(name).config
    return load_checkpoints_place(folder) if (folder / HEALSTREAM).is_file() else ""


def verify(
    name: str = NAME, file: str = FILE, key: str = KEY, checkpoints: str = PLACE, complete: bool = COMPLETE, settle: int = SETTLED
) -> None:
    """Check every link, signature and count of the chain, or of an export; every fault is a line, exit 8 when there is one."""
    if file and complete:
        raise UsageError("--complete", "an export holds no other topics", "Leave out --file, or --complete")
    # Without a broker nothing can be checked, whatever keys there are.
    brokers = "" if file else brokers_of(name)
    public_key, now = _key_of(name, key), datetime.now(UTC)
    place = checkpoints or ("" if file else _configured_place(name))
    reading = verify_file(Path(file), public_key) if file else _read_topic(name, public_key, vouched=bool(place))
    if place:
        _compare_published(reading, place, compare_stretch if file else compare, public_key, now)
    if complete:
        for fault in incomplete(brokers, now, timedelta(seconds=settle)):
            reading.add(fault)
    _tell(reading)
    if reading.faulty:
        raise typer.Exit(PROBLEMS)


def _compare_published(reading: Reading, place: str, judge: Comparing, public_key: str, now: datetime) -> None:
    published = read_place(place, os.environ, reading.last.sequence if reading.last else -1)
    talk(f"{len(published)} checkpoints are published in {place}")
    for fault in judge(published, reading, public_key, now):
        reading.add(fault)


def _tell(reading: Reading) -> None:
    for fault in reading.said():
        typer.echo(fault)
    ends = f"{reading.first.sequence} to {reading.last.sequence}, " if reading.first and reading.last else ""
    talk(f"{reading.records} records, {ends}{len(reading.checkpoints)} signed checkpoints")
    talk(f"the topic keeps {AUDIT.retention_s // 86400} days or {AUDIT.retention_bytes >> 20} MiB, whichever is less")
    if reading.first and reading.first.sequence and reading.faulty:
        talk(f"if the records before {reading.first.sequence} are gone by age, --checkpoints names what vouches for the rest")
    talk(f"{reading.faulty} faults" if reading.faulty else "one unbroken chain")


def export(file: Path, name: str = NAME, since: str = SINCE, until: str = UNTIL) -> None:
    """Write records as JSON lines, with a signed manifest beside them, for a check without a broker; exit 8 when the chain is broken."""
    now = datetime.now(UTC)
    span = Span(begin_of(since, now) if since else None, begin_of(until, now) if until else None)
    manifest, faults = write_export(_records(name), file, span, load_key(home(name).keys / "notary.key"), now)
    talk(f"{manifest.records} records, {manifest.first_sequence} to {manifest.last_sequence}, are in {file} and {manifest_path(file)}")
    talk(f"check them anywhere: healstream audit verify --file {file} --key {manifest.notary}")
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(PROBLEMS)


def publish(name: str = NAME, to: str = TO, dry: bool = DRY) -> None:
    """Copy every checkpoint of the chain to another place now; exit 8 when another chain was published there before."""
    place = to or _configured_place(name)
    if not place:
        raise UsageError("audit publish", "no place is named", "Give --to PLACE, or set checkpoints in healstream.yaml")
    reading = _read_topic(name, _key_of(name, ""), vouched=True)
    added, faults = publish_to(place, os.environ, reading.checkpoints.values(), None if dry else datetime.now(UTC))
    tell(f"{added} of {len(reading.checkpoints)} checkpoints are new in {place}", dry=dry)
    for fault in (*reading.said(), *faults):
        typer.echo(fault)
    if reading.faulty or faults:
        raise typer.Exit(PROBLEMS)


def tail(name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(20, min=1), since: str = SINCE, watch: bool = WATCH) -> None:
    """Show the newest records."""
    if watch:
        show_changes(lambda: [(str(row["sequence"]), row) for row in _newest(name, since, limit)], _COLUMNS, output, EVERY_S)
    show(_newest(name, since, limit), output, _COLUMNS)


def _newest(name: str, since: str, limit: int) -> list[Row]:
    begin = begin_of(since, datetime.now(UTC)) if since else None
    return [
        {
            "sequence": row.sequence,
            "at": row.entry.at.isoformat(),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "subject": row.entry.subject,
            "details": ", ".join(f"{key}={value}" for key, value in row.entry.details),
        }
        for row in deque((row for row in _records(name) if begin is None or row.entry.at >= begin), limit)
    ]
