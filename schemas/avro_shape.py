"""From a record's dataclass to its Avro schema and to the two converters between them; used by ``avro_codec`` and ``make schemas``.

Pairs of texts become Avro maps, times ``timestamp-micros``, enums strings (so that an old reader survives a new word), options a
union with null. Every record starts with its ``id``.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter, itemgetter
from typing import Union, get_args, get_origin, get_type_hints

Plain = Callable[[object], object]

NAMESPACE = "healstream"
_PRIMITIVES: dict[object, object] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
}
_SCALAR: list[object] = ["boolean", "long", "double", "string", {"type": "array", "items": "string"}]


def _is_union(hint: object) -> bool:
    return get_origin(hint) in {Union, types.UnionType}


def _option_of(hint: object) -> object | None:
    """Return X when the hint is ``X | None``."""
    rest = [arg for arg in get_args(hint) if arg is not type(None)]
    return rest[0] if _is_union(hint) and len(rest) == 1 and len(get_args(hint)) > 1 else None


def _pair_value(hint: object) -> object | None:
    """Return V when the hint is ``tuple[tuple[str, V], ...]``, which is a map on the wire."""
    args = get_args(hint)
    if get_origin(hint) is tuple and len(args) > 1 and args[1] is Ellipsis and get_origin(args[0]) is tuple:
        return get_args(args[0])[1]  # type: ignore[no-any-return]
    return None


def _schema_of_hint(hint: object, seen: set[str]) -> object:
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "string"
    option = _option_of(hint)
    if option is not None:
        return ["null", _schema_of_hint(option, seen)]
    pair = _pair_value(hint)
    if pair is not None:
        return {"type": "map", "values": _schema_of_hint(pair, seen)}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _schema_of_hint(get_args(hint)[0], seen)}
    if _is_union(hint):
        return _SCALAR
    return schema_of(hint, seen)  # type: ignore[arg-type]


def schema_of(record: type, seen: set[str] | None = None) -> object:
    """Return the Avro schema of a record's class; a nested class is spelled out once and named after that."""
    known = set() if seen is None else seen
    if record.__name__ in known:
        return f"{NAMESPACE}.{record.__name__}"
    known.add(record.__name__)
    hints = get_type_hints(record)
    columns: list[object] = [{"name": "id", "type": "string", "default": ""}] if hasattr(record, "id_fields") else []
    for field in fields(record):
        column: dict[str, object] = {"name": field.name, "type": _schema_of_hint(hints[field.name], known)}
        if field.default is not MISSING:
            column["default"] = _default(field.default, hints[field.name])
        columns.append(column)
    doc = (record.__doc__ or "").strip()
    return {"type": "record", "name": record.__name__, "namespace": NAMESPACE, "doc": doc, "fields": columns}


def _default(value: object, hint: object) -> object:
    if value == () and _pair_value(hint) is not None:
        return {}
    return to_plain_of(hint)(value)


def _tuple_to_plain(item: Plain) -> Plain:
    return lambda value: list(map(item, value))  # type: ignore[call-overload]


def _once(make: Callable[[type], Plain]) -> Callable[[type], Plain]:
    """Make a record's converter once: reading its hints takes longer than converting a hundred, and every stage asks at its birth."""
    return cache(make)


def _is_same_both_ways(hint: object) -> bool:
    """Tell whether a value of the hint's type is its own plain form."""
    option = _option_of(hint)
    return _is_same_both_ways(option) if option is not None else hint in {str, int, float, bool, datetime}


def to_plain_of(hint: object) -> Plain:
    """Return the converter from a value of the hint's type to what Avro and JSON know."""
    option = _option_of(hint)
    if option is not None:
        inner = to_plain_of(option)
        return lambda value: None if value is None else inner(value)
    if _pair_value(hint) is not None:
        return lambda value: {key: _scalar_to_plain(part) for key, part in value}  # type: ignore[attr-defined]
    if get_origin(hint) is tuple:
        return _tuple_to_plain(to_plain_of(get_args(hint)[0]))
    if isinstance(hint, type) and is_dataclass(hint):
        return record_to_plain(hint)
    return _scalar_to_plain


def _scalar_to_plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


@_once
def record_to_plain(record: type) -> Plain:
    """Return the converter from a record to a dict with the schema's field names (without ``id``)."""
    hints = get_type_hints(record)
    columns = [(field.name, None if _is_same_both_ways(hints[field.name]) else to_plain_of(hints[field.name])) for field in fields(record)]
    if len(columns) > 1 and not any(plain for _, plain in columns):
        # Records of texts and numbers come by the hundred in others.
        names = tuple(name for name, _ in columns)
        values = attrgetter(*names)
        return lambda value: dict(zip(names, values(value), strict=True))
    return lambda value: {name: plain(getattr(value, name)) if plain else getattr(value, name) for name, plain in columns}


def from_plain_of(hint: object) -> Plain:
    """Return the converter back; an unknown word of an enum becomes its ``unknown`` member where it has one."""
    option = _option_of(hint)
    if option is not None:
        inner = from_plain_of(option)
        return lambda value: None if value is None else inner(value)
    if _pair_value(hint) is not None:
        return lambda value: tuple((key, _scalar_from_plain(part)) for key, part in value.items())  # type: ignore[attr-defined]
    if get_origin(hint) is tuple:
        item = from_plain_of(get_args(hint)[0])
        return lambda value: tuple(map(item, value))  # type: ignore[call-overload]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum_from_plain(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return record_from_plain(hint)
    return _scalar_from_plain


def _enum_from_plain(words: type[StrEnum]) -> Plain:
    members: Mapping[str, StrEnum] = {word.value: word for word in words}
    unknown = members.get("unknown")

    def read(value: object) -> object:
        found = members.get(str(value), unknown)
        if found is None:
            message = f"{value!r} is not one of {', '.join(members)}"
            raise ValueError(message)
        return found

    return read


def _scalar_from_plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@_once
def record_from_plain(record: type) -> Plain:
    """Return the converter from a decoded dict to a record; fields that the writer did not know take their defaults."""
    hints = get_type_hints(record)
    columns = [
        (field.name, None if _is_same_both_ways(hints[field.name]) else from_plain_of(hints[field.name])) for field in fields(record)
    ]
    names = frozenset(name for name, _ in columns)

    def build(value: object) -> object:
        given: Mapping[str, object] = value  # type: ignore[assignment]
        # By place is faster, and a record of our own release has every field.
        if names <= given.keys():
            return record(*[read(given[name]) if read else given[name] for name, read in columns])
        return record(**{name: read(given[name]) if read else given[name] for name, read in columns if name in given})

    # Of one name itemgetter makes no tuple.
    if len(columns) < 2 or any(read for _, read in columns):
        return build
    values = itemgetter(*(name for name, _ in columns))

    def build_small(value: object) -> object:
        try:
            return record(*values(value))  # type: ignore[arg-type]
        except KeyError:
            return build(value)

    return build_small
