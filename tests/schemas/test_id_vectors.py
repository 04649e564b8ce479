"""The vectors in ``docs/ids.md`` are what the code makes."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from pathlib import Path

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import content_id

TABLE = Path(__file__).parents[2] / "docs" / "ids.md"


def test_every_vector_of_the_documentation_holds() -> None:
    rows = re.findall(r"^\| `(\[.*\])` \| `([0-9a-f]{32})` \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 5
    for text, expected in rows:
        record, version, *fields = json.loads(text)
        assert version == "v1"
        assert content_id(record, *fields) == expected


FLAT = st.one_of(
    st.text(), st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)


@given(st.lists(st.one_of(FLAT, st.lists(FLAT, max_size=3)), max_size=6))
def test_an_id_is_made_over_the_canonical_text_whatever_the_fields_are(fields: list[str | int | float | bool | None]) -> None:
    canonical = rfc8785.dumps(["Name", "v1", *fields])
    assert content_id("Name", *fields) == blake2b(canonical, digest_size=16).hexdigest()
