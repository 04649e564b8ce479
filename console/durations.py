"""Durations as people write them, ``90s``, ``1m30s`` or ``500ms``, as seconds; called by ``console/workflow_shapes.py``."""

from __future__ import annotations

import re

PATTERN = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
_PARTS = re.compile(PATTERN)
_SECONDS = (3600.0, 60.0, 1.0, 0.001)


def seconds_in(text: object) -> float:
    """Return the seconds; raises ValueError that says how a duration is written."""
    found = _PARTS.fullmatch(text) if isinstance(text, str) and 0 < len(text) <= 20 else None
    if found is None:
        raise ValueError(f"{text!r} is no duration: write 30s, 1m30s, 2h or 500ms")
    return sum(int(re.sub(r"\D", "", part)) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)
