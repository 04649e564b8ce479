"""Named points at which a chaos test lets a process die as kill -9 would; without ``HEALSTREAM_CHAOS=1`` there are none."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping

KILLED = 137


class FailPoints:
    """``HEALSTREAM_FAIL_POINT=before-intent:2`` ends the process when the point is reached for the second time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the one point, if any."""
        wanted = environ.get("HEALSTREAM_FAIL_POINT", "") if environ.get("HEALSTREAM_CHAOS") == "1" else ""
        self._name, _, times = wanted.partition(":")
        self._times = int(times or 1)
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Count the point and end the process when it is the wanted one."""
        with self._lock:
            self._seen[name] += 1
            seen = self._seen[name]
        if name == self._name and seen == self._times:
            os._exit(KILLED)
