"""Avro single-object encoding as the Avro 1.11 specification says it, from the ``.avsc`` files alone; used by the foreign programs.

Nothing of healstream is imported here: a stranger who has the schema files and the specification could have written this.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import fastavro

MARKER = b"\xc3\x01"
HEADER_BYTES = 10
EMPTY = 0xC15D213AA4D7A795
PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
KEPT = ("name", "type", "fields", "symbols", "items", "values", "size")
NAMED = {"record", "enum", "fixed"}


def crc_64_avro(text: bytes) -> int:
    """Return the Rabin fingerprint of "Schema Fingerprints", computed bit by bit."""
    mark = EMPTY
    for letter in text:
        mark ^= letter
        for _ in range(8):
            mark = (mark >> 1) ^ (EMPTY if mark & 1 else 0)
    return mark


def canonical(schema: object, namespace: str = "") -> object:
    """Return the schema after the transformations of "Parsing Canonical Form": full names, simple primitives, kept attributes in order."""
    if isinstance(schema, str):
        return schema if schema in PRIMITIVES or "." in schema or not namespace else f"{namespace}.{schema}"
    if isinstance(schema, list):
        return [canonical(branch, namespace) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    kind = schema["type"]
    if isinstance(kind, str) and kind in PRIMITIVES:
        return kind
    if kind in NAMED:
        namespace = str(schema.get("namespace", namespace))
        name = str(schema["name"])
        schema = {**schema, "name": name if "." in name or not namespace else f"{namespace}.{name}"}
    return {name: _attribute(name, schema[name], namespace) for name in KEPT if name in schema}


def _attribute(name: str, value: object, namespace: str) -> object:
    if name == "fields" and isinstance(value, list):
        return [{"name": field["name"], "type": canonical(field["type"], namespace)} for field in value]
    return canonical(value, namespace) if name in {"items", "values"} else value


def mark_of(schema: object) -> bytes:
    """Return the eight bytes, little-endian, that name a schema in the header."""
    text = json.dumps(canonical(schema), separators=(",", ":"), ensure_ascii=False)
    return crc_64_avro(text.encode()).to_bytes(8, "little")


class Schemas:
    """The ``.avsc`` files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read them all."""
        self._texts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.avsc")}
        self._names = {mark_of(schema): name for name, schema in self._texts.items()}

    def encode(self, name: str, row: Mapping[str, object]) -> bytes:
        """Return a record's bytes."""
        out = io.BytesIO()
        out.write(MARKER + mark_of(self._texts[name]))
        fastavro.schemaless_writer(out, fastavro.parse_schema(self._texts[name]), dict(row))
        return out.getvalue()

    def decode(self, raw: bytes) -> tuple[str, object]:
        """Return the name of a record and its fields; raises KeyError for bytes of another form."""
        if raw[:2] != MARKER:
            raise KeyError(raw[:2])
        name = self._names[raw[2:HEADER_BYTES]]
        body = io.BytesIO(raw[HEADER_BYTES:])
        row = fastavro.schemaless_reader(body, fastavro.parse_schema(self._texts[name]), None)
        if body.read(1):
            raise KeyError(name)
        return name, row
