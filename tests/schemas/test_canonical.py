"""Canonical JSON is what RFC 8785 asks for, whichever way it is written."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonical_json

LEAF = st.one_of(
    st.none(), st.booleans(), st.text(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
VALUE = st.recursive(
    LEAF, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)), max_leaves=20
)


@given(VALUE)
def test_every_value_is_written_as_the_reference_writes_it(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.floats(min_value=1e-5, max_value=1e17))
def test_numbers_at_the_border_of_exponents_are_written_as_the_reference_writes_them(number: float) -> None:
    assert canonical_json([number]) == rfc8785.dumps([number])


def test_a_number_that_json_cannot_hold_exactly_is_refused() -> None:
    with pytest.raises(rfc8785.IntegerDomainError):
        canonical_json([2**53])
