"""The processes that run here with readiness and lag, as the running supervisor names them; for ``healstream status`` and the page."""

from __future__ import annotations

import re
import urllib.request

from console.home import Home, read_running
from console.supervise import is_ready

_LAG = re.compile(r'^healstream_consumer_lag_messages\{topic="([^"]+)"\} ([0-9.e+]+)$', re.MULTILINE)


def lag_in(metrics: str) -> dict[str, int]:
    """Return topic -> messages not read yet, from a metrics page."""
    return {topic: int(float(value)) for topic, value in _LAG.findall(metrics)}


def _lag_of(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            return sum(lag_in(answer.read().decode()).values())
    except OSError:
        return 0


def worker_rows(place: Home) -> list[dict[str, object]]:
    """Return a row for each process; none when nothing runs here."""
    found = read_running(place).get("processes")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return [{**row, "ready": is_ready(int(row["port"])), "lag": _lag_of(int(row["port"]))} for row in rows]
