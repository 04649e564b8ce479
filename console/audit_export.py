"""A stretch of the audit chain as a file of lines with its manifest, and the check of such a file without a broker.

Called by ``healstream audit export`` and ``audit verify --file``. The stretch has no gap, so that whoever holds the file can hold every
record against the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.audit_lines import Manifest, is_signed, line_of, manifest_from, manifest_text, record_of, signed
from console.audit_reading import CHECKPOINT_EVERY, Reading
from console.home import write_file
from schemas.errors import ConfigurationError, NotFoundError
from schemas.oversight import AuditRecord
from schemas.signing import public_text
from schemas.topics import BY_NAME
from streams.notary import GENESIS, ChainStart

MANIFEST_ENDING = ".manifest.json"
MAX_LINE_BYTES = 4 * 1024 * 1024
_MODE = 0o644
AUDIT = BY_NAME["heal.audit"]


@dataclass(frozen=True, slots=True)
class Span:
    """Which records are asked for: from the first that is not before ``since`` to the last that is not after ``until``."""

    since: datetime | None = None
    until: datetime | None = None

    def begins_at(self, record: AuditRecord) -> bool:
        """Tell whether the stretch may begin with this record."""
        return self.since is None or record.entry.at >= self.since

    def holds_end(self, record: AuditRecord) -> bool:
        """Tell whether the stretch may end with this record."""
        return self.until is None or record.entry.at <= self.until


def manifest_path(file: Path) -> Path:
    """Return where the manifest of an export lies."""
    return file.with_name(file.name + MANIFEST_ENDING)


def export(records: Iterable[AuditRecord], file: Path, span: Span, key: Ed25519PrivateKey, now: datetime) -> tuple[Manifest, list[str]]:
    """Write the lines, then their manifest, each in one step; return it and what is wrong with the chain that was written.

    Raises NotFoundError when no record is in the span.
    """
    beside = file.with_name(f".{file.name}.new")
    reading = Reading(public_text(key), None)
    try:
        with beside.open("w+b") as out:
            kept = _written(records, out, span)
            out.truncate(kept)
            out.seek(0)
            digest = _read(out, reading)
        if reading.first is None or reading.last is None:
            raise NotFoundError("audit records", "none lies in that span", "See `healstream audit tail`, and widen --since and --until")
        manifest = signed(_manifest(reading, digest, span, public_text(key), now), key)
        beside.replace(file)
        write_file(manifest_path(file), manifest_text(manifest), _MODE)
    finally:
        beside.unlink(missing_ok=True)
    return manifest, reading.said()


def _written(records: Iterable[AuditRecord], out: BinaryIO, span: Span) -> int:
    """Write from the span's begin on; return how many bytes belong to it: entries come nearly, not quite, in the order of their times."""
    has_begun, kept = False, 0
    for record in records:
        has_begun = has_begun or span.begins_at(record)
        if has_begun:
            out.write(line_of(record).encode() + b"\n")
            kept = out.tell() if span.holds_end(record) else kept
    return kept


def _manifest(reading: Reading, digest: str, span: Span, notary: str, now: datetime) -> Manifest:
    first, last = reading.first, reading.last
    newest = max(reading.checkpoints.values(), key=lambda row: row.sequence, default=None)
    return Manifest(
        sha256=digest,
        records=reading.records,
        first_sequence=first.sequence if first else 0,
        first_previous_hash=first.previous_hash if first else "",
        last_sequence=last.sequence if last else 0,
        head_hash=last.hash if last else "",
        checkpoint_sequence=newest.sequence if newest else -1,
        checkpoint=newest.signature if newest else "",
        checkpoint_every=CHECKPOINT_EVERY,
        made_at=now.astimezone(UTC).isoformat(),
        since=span.since.astimezone(UTC).isoformat() if span.since else "",
        until=span.until.astimezone(UTC).isoformat() if span.until else "",
        retention_s=AUDIT.retention_s,
        retention_bytes=AUDIT.retention_bytes,
        notary=notary,
    )


def read_manifest(file: Path) -> Manifest:
    """Return the manifest beside a file of lines; raises NotFoundError or ConfigurationError."""
    path = manifest_path(file)
    try:
        found = manifest_from(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(str(path), str(error), "Name the .jsonl of an export; its manifest lies beside it") from error
    if isinstance(found, str):
        raise ConfigurationError(str(path), found, "Take the export again from who made it")
    return found


def verify_file(file: Path, public_key: str) -> Reading:
    """Return the reading of an export with every fault of its lines, its chain and its manifest; raises what ``read_manifest`` raises."""
    manifest = read_manifest(file)
    reading = Reading(public_key, ChainStart(manifest.first_sequence, manifest.first_previous_hash))
    if not is_signed(manifest, public_key):
        reading.add("manifest: its signature is not the notary's")
    try:
        with file.open("rb") as lines:
            digest = _read(lines, reading)
    except OSError as error:
        raise NotFoundError(str(file), str(error.strerror), "Name the .jsonl of an export") from error
    for fault in _manifest_faults(manifest, reading, digest):
        reading.add(f"manifest: {fault}")
    return reading


def _read(lines: BinaryIO, reading: Reading) -> str:
    """Take every line in and return the digest of all bytes."""
    digest = sha256()
    for number, raw in enumerate(_lines(lines), 1):
        digest.update(raw)
        try:
            found = record_of(raw.removesuffix(b"\n").decode("utf-8"))
        except UnicodeDecodeError as error:
            found = f"it is no UTF-8: {error.reason}"
        if isinstance(found, str):
            reading.add(f"line {number}: {found}")
            continue
        if not raw.endswith(b"\n"):
            reading.add(f"line {number}: it has no end")
        reading.take(found)
    return digest.hexdigest()


def _lines(source: BinaryIO) -> Iterator[bytes]:
    # A file that is one endless line must not fill the memory: it is read, and refused, in pieces.
    while raw := source.readline(MAX_LINE_BYTES):
        yield raw


def _manifest_faults(manifest: Manifest, reading: Reading, digest: str) -> Iterator[str]:
    last = reading.last
    newest = max(reading.checkpoints.values(), key=lambda row: row.sequence, default=None)
    rows: tuple[tuple[str, object, object], ...] = (
        ("digest", manifest.sha256, digest),
        ("count", manifest.records, reading.records),
        ("last sequence", manifest.last_sequence, last.sequence if last else None),
        ("head", manifest.head_hash, last.hash if last else None),
        ("checkpoint's place", manifest.checkpoint_sequence, newest.sequence if newest else -1),
        ("checkpoint", manifest.checkpoint, newest.signature if newest else ""),
        ("count of records between checkpoints", manifest.checkpoint_every, CHECKPOINT_EVERY),
    )
    yield from (f"its {name} is {said!r}, the lines have {is_!r}" for name, said, is_ in rows if said != is_)
    if manifest.first_sequence == 0 and manifest.first_previous_hash != GENESIS:
        yield "it begins with the first record after something else"
