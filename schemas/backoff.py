"""How long what failed waits before it is done again: longer each time, and not in step with others.

``recoverers/tries.py`` asks it for the steps of a workflow, ``streams/holds.py`` for jobs that are run again.
"""

from __future__ import annotations

from schemas.ids import content_id
from schemas.workflows import Retry

# Beyond any longest wait, and far from where a power is no number any more.
_MOST_POWERS = 64


def wait_before_s(retry: Retry, failures: int, key: str) -> float:
    """Return the seconds to wait after so many failures: half of it is fixed, the rest differs from key to key and is the same again."""
    whole = min(retry.longest_wait_s, retry.first_wait_s * retry.factor ** min(failures - 1, _MOST_POWERS))
    spread = int(content_id("Jitter", key, failures)[:8], 16) / 0xFFFFFFFF
    return whole * (0.5 + spread / 2)
