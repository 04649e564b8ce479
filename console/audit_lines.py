"""One record of the audit chain as one line of text and back, and the manifest that lies beside such lines. Pure.

Called by ``audit_export.py``. There is one way to write a record and one to write a manifest: whatever differs from it by a single byte
is not what was exported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import are_signed_by, sign_bytes

FORMAT = 1
_ENTRY_TEXTS = ("actor", "action", "subject", "traceparent")
_RECORD_TEXTS = ("previous_hash", "hash", "checkpoint")
_NUMBERS = ("sequence", "entry_offset")
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself, signed with the notary's key: the lines' digest, their range, and the chain's head there.

    ``since`` and ``until`` are what was asked for, empty when nothing was; ``checkpoint`` is the last signed one among the lines.
    """

    sha256: str
    records: int
    first_sequence: int
    first_previous_hash: str
    last_sequence: int
    head_hash: str
    checkpoint_sequence: int
    checkpoint: str
    checkpoint_every: int
    made_at: str
    since: str
    until: str
    retention_s: int
    retention_bytes: int
    notary: str
    format: int = FORMAT
    signature: str = ""


_TEXTS_OF_MANIFEST = frozenset(name for name, hint in Manifest.__annotations__.items() if hint == "str")


def line_of(record: AuditRecord) -> str:
    """Return the record as canonical JSON, without the line's end."""
    entry = record.entry
    # In the order of the canonical form: sorting them for each of a million lines would cost time.
    return _write(
        {
            "action": entry.action,
            "actor": entry.actor,
            "at": entry.at.astimezone(UTC).isoformat(),
            "checkpoint": record.checkpoint,
            "details": entry.details,
            "entry_offset": record.entry_offset,
            "evidence": entry.evidence,
            "hash": record.hash,
            "previous_hash": record.previous_hash,
            "sequence": record.sequence,
            "subject": entry.subject,
            "traceparent": entry.traceparent,
        }
    )


def record_of(line: str) -> AuditRecord | str:
    """Return the record of a line, or why it is none."""
    try:
        row = json.loads(line)
        record = _built(row)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return f"it is no record of an export: {type(error).__name__}: {error}"[:200]
    return record if line_of(record) == line else "it is not written as an export writes it"


def _built(row: Mapping[str, object]) -> AuditRecord:
    texts = {name: _text(row[name]) for name in (*_ENTRY_TEXTS, *_RECORD_TEXTS)}
    numbers = {name: _number(row[name]) for name in _NUMBERS}
    details = tuple((_text(name), _text(value)) for name, value in cast("list[list[object]]", row["details"]))
    evidence = tuple(_text(name) for name in cast("list[object]", row["evidence"]))
    at = datetime.fromisoformat(_text(row["at"]))
    if at.utcoffset() is None:
        raise ValueError("its time has no zone")
    entry = AuditEntry(texts["actor"], texts["action"], texts["subject"], at, details, evidence, texts["traceparent"])
    return AuditRecord(
        entry, numbers["sequence"], numbers["entry_offset"], texts["previous_hash"], texts["hash"], checkpoint=texts["checkpoint"]
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def manifest_text(manifest: Manifest) -> str:
    """Return the manifest as its file holds it."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n"


def manifest_from(text: str) -> Manifest | str:
    """Return the manifest in a file's text, or why it is none."""
    try:
        row = json.loads(text)
        fields = {name: _text(value) if name in _TEXTS_OF_MANIFEST else _number(value) for name, value in row.items()}
        found = Manifest(**fields)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return f"it is no manifest of an export: {error}"[:200]
    if found.format != FORMAT:
        return f"its format is {found.format}, this release reads {FORMAT}"
    return found if manifest_text(found) == text else "it is not written as an export writes it"


def signed(manifest: Manifest, key: Ed25519PrivateKey) -> Manifest:
    """Return the manifest with the notary's signature over all of it."""
    return replace(manifest, signature=sign_bytes(_signed_bytes(manifest), key))


def is_signed(manifest: Manifest, public_key: str) -> bool:
    """Tell whether the notary signed exactly this manifest."""
    return are_signed_by(_signed_bytes(manifest), manifest.signature, public_key)


def _signed_bytes(manifest: Manifest) -> bytes:
    return manifest_text(replace(manifest, signature="")).encode()
