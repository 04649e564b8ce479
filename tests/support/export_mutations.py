"""Kinds of mutation of an audit export by their names: each alters the lines' bytes or the manifest; used by ``test_audit_mutations.py``.

After each change of the lines the manifest is made right again in all that anybody can compute, so that only the signature, the chain or
the form can tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from console.audit_lines import Manifest, line_of, manifest_from, manifest_text, record_of, signed
from schemas.oversight import AuditRecord
from tests.support.chain_evidence import STRANGER, chained

LINE = 42


@dataclass(frozen=True, slots=True)
class Export:
    """The bytes of both files."""

    lines: bytes
    manifest: str


Bytes = Callable[[list[bytes]], list[bytes]]


def remade(export: Export, lines: bytes) -> Export:
    """Return other lines with a manifest that fits them, as far as it can be made without the notary's key."""
    old = manifest_from(export.manifest)
    assert isinstance(old, Manifest)
    return replace(export, lines=lines, manifest=manifest_text(replace(old, sha256=sha256(lines).hexdigest(), records=lines.count(b"\n"))))


def on_lines(edit: Bytes) -> Callable[[Export], Export]:
    """Return the edit of the list of lines, each with its end."""
    return lambda export: remade(export, b"".join(edit(export.lines.splitlines(keepends=True))))


def on_line(edit: Callable[[bytes], bytes]) -> Callable[[Export], Export]:
    """Return the edit of one line without its end."""
    return on_lines(lambda rows: [*rows[:LINE], edit(rows[LINE][:-1]) + b"\n", *rows[LINE + 1 :]])


def on_row(edit: Callable[[dict[str, object]], object]) -> Callable[[Export], Export]:
    """Return the edit of one line's members, written in the canonical way."""

    def rewritten(line: bytes) -> bytes:
        return json.dumps(edit(json.loads(line)), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    return on_line(rewritten)


def on_manifest(**fields: object) -> Callable[[Export], Export]:
    """Return the edit of the manifest's fields; its signature stays."""

    def edit(export: Export) -> Export:
        old = manifest_from(export.manifest)
        assert isinstance(old, Manifest)
        return replace(export, manifest=manifest_text(replace(old, **fields)))  # type: ignore[arg-type]

    return edit


def on_text(edit: Callable[[str], str]) -> Callable[[Export], Export]:
    """Return the edit of the manifest's text."""
    return lambda export: replace(export, manifest=edit(export.manifest))


def records_in(export: Export) -> list[AuditRecord]:
    """Return the records of the lines."""
    found = [record_of(line) for line in export.lines.decode().splitlines()]
    return [record for record in found if isinstance(record, AuditRecord)]


def by_stranger(export: Export) -> Export:
    """Return the export as somebody else's chain, signed with their key."""
    records = chained(records_in(export), STRANGER)
    lines = "".join(f"{line_of(record)}\n" for record in records).encode()
    old = manifest_from(remade(export, lines).manifest)
    assert isinstance(old, Manifest)
    last = [record for record in records if record.checkpoint][-1]
    fitting = replace(old, head_hash=records[-1].hash, checkpoint=last.checkpoint, checkpoint_sequence=last.sequence)
    return Export(lines, manifest_text(signed(fitting, STRANGER)))


def resigned(**fields: object) -> Callable[[Export], Export]:
    """Return the edit of a manifest by somebody who signs with another key."""

    def edit(export: Export) -> Export:
        old = manifest_from(on_manifest(**fields)(export).manifest)
        assert isinstance(old, Manifest)
        return replace(export, manifest=manifest_text(signed(old, STRANGER)))

    return edit


LINES: Mapping[str, Callable[[Export], Export]] = {
    "line: a member edited": on_row(lambda row: {**row, "actor": "eve"}),
    "line: a time in another zone": on_row(lambda row: {**row, "at": str(row["at"]).replace("+00:00", "Z")}),
    "line: a time without a zone": on_row(lambda row: {**row, "at": str(row["at"]).replace("+00:00", "")}),
    "line: a time as a number": on_row(lambda row: {**row, "at": 0}),
    "line: a member more": on_row(lambda row: {**row, "note": ""}),
    "line: a member less": on_row(lambda row: {name: value for name, value in row.items() if name != "traceparent"}),
    "line: a sequence as text": on_row(lambda row: {**row, "sequence": str(row["sequence"])}),
    "line: a sequence with a point": on_row(lambda row: {**row, "sequence": float(str(row["sequence"]))}),
    "line: a sequence as a word": on_row(lambda row: {**row, "sequence": True}),
    "line: details as a map": on_row(lambda row: {**row, "details": {"attempt": "1"}}),
    "line: details in threes": on_row(lambda row: {**row, "details": [["a", "b", "c"]]}),
    "line: evidence as one text": on_row(lambda row: {**row, "evidence": "abc"}),
    "line: nothing for a text": on_row(lambda row: {**row, "actor": None}),
    "line: a list": on_row(lambda row: [row]),
    "line: a number": on_line(lambda _: b"1"),
    "line: no JSON": on_line(lambda line: line[:-1]),
    "line: a member twice": on_line(lambda line: b'{"actor":"eve",' + line[1:]),
    "line: a letter escaped": on_line(lambda line: line.replace(b"decide", b"d\\u0065cide")),
    "line: an accent escaped": on_line(lambda line: line.replace("é".encode(), b"\\u00e9")),
    "line: members in another order": on_line(lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode()),
    "line: a space more": on_line(lambda line: line.replace(b":", b": ", 1)),
    "line: a space at the end": on_line(lambda line: line + b" "),
    "line: a carriage return": on_line(lambda line: line + b"\r"),
    "line: a byte order mark": on_line(lambda line: b"\xef\xbb\xbf" + line),
    "line: no UTF-8": on_line(lambda line: line.replace(b"decide", b"\xff")),
    "line: an overlong letter": on_line(lambda line: line.replace(b"decide", b"\xc1\xa4ecide")),
    "line: a nesting without end": on_line(lambda _: b"[" * 100_000),
    "lines: an empty one": on_lines(lambda rows: [*rows[:LINE], b"\n", *rows[LINE:]]),
    "lines: one less": on_lines(lambda rows: [*rows[:LINE], *rows[LINE + 1 :]]),
    "lines: the last less": on_lines(lambda rows: rows[:-1]),
    "lines: the first less": on_lines(lambda rows: rows[1:]),
    "lines: one twice": on_lines(lambda rows: [*rows[:LINE], rows[LINE], *rows[LINE:]]),
    "lines: two exchanged": on_lines(lambda rows: [*rows[:LINE], rows[LINE + 1], rows[LINE], *rows[LINE + 2 :]]),
    "lines: two made one": on_lines(lambda rows: [*rows[:LINE], rows[LINE][:-1] + rows[LINE + 1], *rows[LINE + 2 :]]),
    "lines: none": on_lines(lambda _: []),
    "lines: the last without its end": on_lines(lambda rows: [*rows[:-1], rows[-1][:-1]]),
    "lines: the last cut in half": on_lines(lambda rows: [*rows[:-1], rows[-1][: len(rows[-1]) // 2]]),
    "lines: zero bytes after them": on_lines(lambda rows: [*rows, bytes(16)]),
    "lines: another end of line": on_lines(lambda rows: [row.replace(b"\n", b"\r\n") for row in rows]),
    "lines: a stranger's chain": by_stranger,
}
MANIFESTS: Mapping[str, Callable[[Export], Export]] = {
    "manifest: another digest": on_manifest(sha256="0" * 64),
    "manifest: another count": on_manifest(records=1),
    "manifest: another begin": on_manifest(first_sequence=1),
    "manifest: another link": on_manifest(first_previous_hash="f" * 64),
    "manifest: another end": on_manifest(last_sequence=1),
    "manifest: another head": on_manifest(head_hash="0" * 64),
    "manifest: another place of the checkpoint": on_manifest(checkpoint_sequence=99),
    "manifest: no checkpoint": on_manifest(checkpoint="", checkpoint_sequence=-1),
    "manifest: rarer checkpoints": on_manifest(checkpoint_every=1000),
    "manifest: another day": on_manifest(made_at="2020-01-01T00:00:00+00:00"),
    "manifest: another begin asked for": on_manifest(since="2020-01-01T00:00:00+00:00"),
    "manifest: another end asked for": on_manifest(until="2020-01-01T00:00:00+00:00"),
    "manifest: a shorter retention": on_manifest(retention_s=1),
    "manifest: a smaller retention": on_manifest(retention_bytes=1),
    "manifest: another notary": on_manifest(notary="A" * 43 + "="),
    "manifest: no signature": on_manifest(signature=""),
    "manifest: a stranger's signature": resigned(),
    "manifest: a stranger's word on the time": resigned(made_at="2020-01-01T00:00:00+00:00"),
    "manifest: a member twice": on_text(lambda text: text.replace("{", '{\n "records": 1,', 1)),
    "manifest: a member more": on_text(lambda text: text.replace("{", '{\n "note": "",', 1)),
    "manifest: a space more": on_text(lambda text: text.replace(":", " :", 1)),
    "manifest: another format": on_text(lambda text: text.replace('"format": 1', '"format": 2')),
    "manifest: a number as text": on_text(lambda text: text.replace('"format": 1', '"format": "1"')),
    "manifest: no JSON": on_text(lambda text: text[:-3]),
    "manifest: empty": on_text(lambda _: ""),
}
