"""Records to bytes and back: Avro single-object encoding, or the Confluent wire format when a registry is configured.

The ``.avsc`` files beside this one are the contract; ``make schemas`` writes them and a test holds them equal to the classes.
Formats: Avro 1.11 specification, "Single-object encoding" (marker C3 01, CRC-64-AVRO fingerprint, little endian); Confluent wire
format (byte 0, schema id as 4 bytes big endian). Readers accept both.

A process knows the schemas of the releases before its own (``avro/earlier``) and none of those to come. So that two releases can run side
by side, a record that says nothing which the release before could not have said is written by that one's schema.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol, cast

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, fingerprint, parse_schema, to_parsing_canonical_form

from schemas.avro_shape import Plain, record_from_plain, record_to_plain
from schemas.errors import RecordShapeError
from schemas.ids import Record, id_of

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
_HEADER = 10
_CONFLUENT_HEADER = 5
# What a broken record makes fastavro, UTF-8 decoding or a dataclass raise; anything else is a defect and must surface.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, StopIteration, AttributeError, MemoryError)
# What a stranger's schema can do beside that: be none, nest for ever, or be of records that cannot become ours.
_UNFIT = (SchemaParseException, SchemaResolutionError, RecursionError)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are no record of the expected ones, and why."""

    why: str


class SchemaIds(Protocol):
    """The schema registry as the codec sees it."""

    def id_of(self, record: str) -> int | None:
        """Return the registry's id of a record's schema, or None when no registry is configured."""
        ...

    def schema_of(self, schema_id: int) -> str | None:
        """Return the schema's JSON text, or None when the id is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class _Earlier:
    """How the release before writes a record: its schema, and what it knows nothing of, each with the value that says nothing."""

    schema: fastavro.types.Schema
    mark: bytes
    added: tuple[tuple[str, object], ...]

    def loses_nothing_of(self, plain: Mapping[str, object]) -> bool:
        """Tell whether the record says nothing that this schema cannot hold."""
        return all(plain[name] == silent for name, silent in self.added)


@dataclass(frozen=True, slots=True)
class _Form:
    schema: fastavro.types.Schema
    mark: bytes
    to_plain: Plain
    from_plain: Plain
    earlier: _Earlier | None = None

    def writer_for(self, plain: Mapping[str, object]) -> tuple[fastavro.types.Schema, bytes]:
        """Return the schema to write by, and its mark."""
        if self.earlier is not None and self.earlier.loses_nothing_of(plain):
            return self.earlier.schema, self.earlier.mark
        return self.schema, self.mark


def schema_text(record: str) -> str:
    """Return the text of a record's ``.avsc`` file."""
    return files("schemas").joinpath("avro", f"{record}.avsc").read_text(encoding="utf-8")


@cache
def earlier_texts() -> Mapping[str, tuple[str, ...]]:
    """Return by record the schemas of earlier releases that differ from today's, the oldest first."""
    found: dict[str, tuple[str, ...]] = {}
    releases = sorted(files("schemas").joinpath("avro", "earlier").iterdir(), key=lambda folder: folder.name)
    for text in (file.read_text(encoding="utf-8") for folder in releases for file in folder.iterdir()):
        name = str(json.loads(text)["name"])
        found[name] = (*found.get(name, ()), text)
    return found


def _earlier_form(name: str, text: str) -> _Earlier | None:
    """Return how the release before writes; None where there is no other, or where more has changed than that fields were added."""
    before = earlier_texts().get(name, ())
    if not before:
        return None
    old, new = json.loads(before[-1])["fields"], json.loads(text)["fields"]
    if new[: len(old)] != old:
        return None
    added = tuple((field["name"], field["default"]) for field in new[len(old) :])
    return _Earlier(parse_schema(json.loads(before[-1])), fingerprint_of(before[-1]), added)


def fingerprint_of(text: str) -> bytes:
    """Return the 8 bytes by which a single-object header names a schema."""
    canonical = to_parsing_canonical_form(json.loads(text))
    # fastavro gives the bytes in the order of the header already: little-endian.
    return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))


class Codec:
    """Encodes and decodes a fixed set of records; ``older`` are schema texts of earlier releases that must stay readable."""

    def __init__(
        self, records: Sequence[type[Record]], registry: SchemaIds | None = None, older: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Parse each record's schema once."""
        self._registry = registry
        self._types = {record.RECORD: record for record in records}
        self._forms = {name: self._form(name, record) for name, record in self._types.items()}
        self._by_mark = {form.mark: (name, form.schema) for name, form in self._forms.items()}
        for name, texts in (*earlier_texts().items(), *(older or {}).items()):
            for text in texts if name in self._types else ():
                self._by_mark.setdefault(fingerprint_of(text), (name, parse_schema(json.loads(text))))
        self._by_id: dict[int, tuple[str, fastavro.types.Schema]] = {}

    def make_ready(self) -> None:
        """Ask the registry for everything that will be written, so that one which goes away later is not missed; raises as it does."""
        if self._registry:
            for name in self._types:
                self._registry.id_of(name)

    @staticmethod
    def _form(name: str, record: type[Record]) -> _Form:
        text = schema_text(name)
        to_plain, from_plain = record_to_plain(record), record_from_plain(record)
        return _Form(parse_schema(json.loads(text)), fingerprint_of(text), to_plain, from_plain, _earlier_form(name, text))

    def encode(self, record: Record) -> bytes:
        """Return the record's bytes; raises RecordShapeError when it does not fit its schema, which is a defect of ours."""
        return self._bytes_of(record, self._registry.id_of(record.RECORD) if self._registry else None)

    def _bytes_of(self, record: Record, number: int | None) -> bytes:
        form = self._forms[record.RECORD]
        out = io.BytesIO()
        plain = cast("dict[str, object]", form.to_plain(record))
        plain["id"] = id_of(record)
        # Who reads by a registry can ask it for any schema.
        schema, mark = form.writer_for(plain) if number is None else (form.schema, b"")
        out.write(SINGLE_OBJECT + mark if number is None else CONFLUENT + number.to_bytes(4, "big"))
        try:
            fastavro.schemaless_writer(out, schema, plain)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RecordShapeError(record.RECORD, str(error), "This is a defect in the code that built the record; report it") from error
        return out.getvalue()

    def decode(self, raw: bytes | None) -> Record | Undecodable:
        """Return the record that the bytes hold, or why they hold none."""
        if not raw:
            return Undecodable("empty value")
        named = self._writer_of(raw)
        if isinstance(named, Undecodable):
            return named
        name, writer, start = named
        form = self._forms[name]
        body = io.BytesIO(raw)
        body.seek(start)
        try:
            plain = fastavro.schemaless_reader(body, writer, None if writer is form.schema else form.schema)
            record = cast("Record", form.from_plain(plain))
        except (*_BROKEN, *_UNFIT) as error:
            return Undecodable(f"{name}: {type(error).__name__}: {error}"[:300])
        if body.tell() != len(raw):
            return Undecodable(f"{name}: {len(raw) - body.tell()} bytes after the record's end")
        return record

    def at_rest(self, raw: bytes) -> bytes:
        """Return bytes as they can be kept: a record that came by the registry as one that is read without it, all else as it is."""
        if not self._registry or raw[:1] != CONFLUENT:
            return raw
        record = self.decode(raw)
        return raw if isinstance(record, Undecodable) else self._bytes_of(record, None)

    def _writer_of(self, raw: bytes) -> tuple[str, fastavro.types.Schema, int] | Undecodable:
        if raw[:2] == SINGLE_OBJECT and len(raw) >= _HEADER:
            found = self._by_mark.get(raw[2:_HEADER])
            return (*found, _HEADER) if found else Undecodable(f"unknown schema fingerprint {raw[2:_HEADER].hex()}")
        if raw[:1] == CONFLUENT and len(raw) >= _CONFLUENT_HEADER:
            return self._registered(int.from_bytes(raw[1:_CONFLUENT_HEADER], "big"))
        return Undecodable("neither Avro single-object encoding nor the Confluent wire format")

    def _registered(self, schema_id: int) -> tuple[str, fastavro.types.Schema, int] | Undecodable:
        if schema_id not in self._by_id:
            text = self._registry.schema_of(schema_id) if self._registry else None
            if text is None:
                return Undecodable(f"unknown schema id {schema_id}")
            found = self._parsed(schema_id, text)
            if isinstance(found, Undecodable):
                return found
            self._by_id[schema_id] = found
        return (*self._by_id[schema_id], _CONFLUENT_HEADER)

    def _parsed(self, schema_id: int, text: str) -> tuple[str, fastavro.types.Schema] | Undecodable:
        try:
            schema = json.loads(text)
            name = str(schema.get("name", ""))
            if name not in self._forms:
                return Undecodable(f"schema id {schema_id} is {name!r}, which does not belong on this topic")
            return name, parse_schema(schema)
        except (*_BROKEN, *_UNFIT) as error:
            return Undecodable(f"schema id {schema_id} cannot be used: {type(error).__name__}: {error}"[:300])
