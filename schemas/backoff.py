"""How long what failed waits before it is done again: longer each time, and not in step with others.

``recoverers/tries.py`` asks it for the steps of a workflow, ``streams/holds.py`` for jobs that are run again.
"""

from __future__ import annotations

from schemas.ids import content_id
from schemas.workflows import Retry


def wait_before_s(retry: Retry, failures: int, key: str) -> float:
    """Return the seconds to wait after so many failures: half of it is fixed, the rest differs from key to key and is the same again."""
    try:
        whole = min(retry.longest_wait_s, retry.first_wait_s * retry.factor ** (failures - 1))
    except OverflowError:
        # So many failures that the power is no number any more.
        whole = retry.longest_wait_s
    spread = int(content_id("Jitter", key, failures)[:8], 16) / 0xFFFFFFFF
    return whole * (0.5 + spread / 2)
