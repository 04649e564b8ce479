"""Which patterns hit a run that succeeded, as signals of its detection and back; bounded, and without any text of the log.

Written by ``streams/detectors/job_log.py``, read by ``streams/green_watch.py`` and by ``healstream pattern audit``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from schemas.incidents import HitSeen

# A success in which more patterns than this have hits is no log that tells them apart; those with the most hits are named.
MAX_NAMED = 50
ACTING, SHADOW = "hits/", "shadow/"
_LOG = ("log", "seen")


def to_signals(hits: Iterable[HitSeen]) -> tuple[tuple[str, str], ...]:
    """Return that a log was seen, and how often each pattern hit it; those that only shadow stand under another name."""
    counts = Counter(f"{SHADOW if hit.shadow else ACTING}{hit.pattern}" for hit in hits)
    most = sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:MAX_NAMED]
    return (*((name, str(count)) for name, count in sorted(most)), _LOG)


def has_log(signals: Mapping[str, str]) -> bool:
    """Tell whether anything of the run's log had come by its end: without it, that nothing hit says nothing."""
    return signals.get(_LOG[0]) == _LOG[1]


def from_signals(signals: Mapping[str, str], prefix: str = ACTING) -> dict[str, int]:
    """Return the counts by pattern of those that may decide, or of those in shadow."""
    return {name.removeprefix(prefix): int(count) for name, count in signals.items() if name.startswith(prefix)}
