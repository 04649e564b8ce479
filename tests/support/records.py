"""One filled record of every class, for tests that go over all of them."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from schemas.ids import Record

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_TIMES = st.integers(0, 10**9).map(lambda n: AT + timedelta(microseconds=n))
_TEXT = st.text(max_size=12)
_PRIMITIVE = {
    str: _TEXT,
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False, width=32),
    bool: st.booleans(),
    datetime: _TIMES,
}


def _pairs(value: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.dictionaries(_TEXT, value, max_size=3).map(lambda found: tuple(found.items()))


def values_of(hint: object) -> st.SearchStrategy[object]:
    """Return a strategy for values of a field's type."""
    if hint in _PRIMITIVE:
        return _PRIMITIVE[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        return records_of(hint)
    args = get_args(hint)
    if get_origin(hint) is tuple and get_origin(args[0]) is tuple:
        return _pairs(values_of(get_args(args[0])[1]))
    if get_origin(hint) is tuple:
        return st.lists(values_of(args[0]), max_size=2).map(tuple)
    if get_origin(hint) in {Union, types.UnionType}:
        return st.one_of([st.none() if arg is type(None) else values_of(arg) for arg in args])
    raise AssertionError(hint)


def records_of(record: type) -> st.SearchStrategy[object]:
    """Return a strategy for filled records of a class."""
    hints = get_type_hints(record)
    return st.builds(record, **{field.name: values_of(hints[field.name]) for field in fields(record)})


def any_of(record: type[Record]) -> st.SearchStrategy[Record]:
    """Return a strategy for one record class that crosses a topic."""
    return records_of(record)  # type: ignore[return-value]
