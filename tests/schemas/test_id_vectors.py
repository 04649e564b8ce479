"""The vectors in ``docs/ids.md`` are what the code makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from schemas.ids import content_id

TABLE = Path(__file__).parents[2] / "docs" / "ids.md"


def test_every_vector_of_the_documentation_holds() -> None:
    rows = re.findall(r"^\| `(\[.*\])` \| `([0-9a-f]{32})` \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 5
    for text, expected in rows:
        record, version, *fields = json.loads(text)
        assert version == "v1"
        assert content_id(record, *fields) == expected
