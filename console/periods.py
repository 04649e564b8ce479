"""From what a person types after ``--since`` or ``--for`` to the time that is meant; called by the commands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import UsageError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGO = re.compile(r"(\d{1,5})([mhdw])")


def span_of(text: str, option: str, now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when ``30m``, ``2h`` or two ISO times with a slash are; raises UsageError for anything else."""
    found = _AGO.fullmatch(text)
    if found:
        return now, now + int(found.group(1)) * _UNITS[found.group(2)]
    begin, _, end = text.partition("/")
    try:
        times = [datetime.fromisoformat(part) for part in (begin, end)]
    except ValueError as error:
        raise UsageError(f"{option} {text}", "this is no period", "Write 30m, 2h, 7d, 2w or two times with a slash") from error
    from_at, until = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in times)
    return from_at, until


def begin_of(text: str, now: datetime) -> datetime:
    """Return when ``24h``, ``7d`` or an ISO time begins, UTC where it names no zone; raises UsageError for anything else."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - int(ago.group(1)) * _UNITS[ago.group(2)]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since {text}", "this is no period and no time", "Write 30m, 24h, 7d, 2w or 2026-01-31T12:00") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
