"""The canonical JSON (RFC 8785) under every id, signature and link of the audit chain; used by ``ids.py`` and ``signing.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping

import rfc8785

_LARGEST_INT = 2**53 - 1
# Between these ECMAScript and Python write a number that is not whole with the same digits, and neither uses an exponent.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-4, 1e16
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical_json(value: object) -> bytes:
    """Return the value's canonical form: JSON of texts, numbers, lists and maps; raises what ``rfc8785`` raises for anything else.

    For nearly all of our records the standard library writes the very same bytes, many times faster; the rest goes the long way.
    """
    return _write(value).encode() if _is_written_alike(value) else rfc8785.dumps(value)  # type: ignore[arg-type]


def _is_written_alike(value: object) -> bool:
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, int):
        return abs(value) <= _LARGEST_INT
    if isinstance(value, float):
        return _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN and not value.is_integer()
    if isinstance(value, list):
        return all(type(part) is str or _is_written_alike(part) for part in value)
    # Keys are sorted by UTF-16 units there and by code points here: of ASCII these are the same.
    return isinstance(value, Mapping) and all(key.isascii() and _is_written_alike(part) for key, part in value.items())
