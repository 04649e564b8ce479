"""The seven targets as the read model shows them: value, target, whether it is met, and a line of one point a day.

What nobody could tell yet has no value: it is shown as such and never as met.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.ids import micros

DAYS = 30
_DAY = 24 * 3600 * 1_000_000
Sums = Mapping[str, float]

_ASK = """
SELECT COUNT(*), SUM(state = 'healed'), SUM(state IN ('escalated', 'rolled_back', 'rollback_failed')),
  SUM(CASE WHEN state = 'healed' THEN recover_s END), COUNT(CASE WHEN state = 'healed' THEN recover_s END),
  SUM(detect_s), COUNT(detect_s), SUM(acted AND state = 'healed'), SUM(acted), SUM(state = 'healed' AND by_two),
  COUNT(back_s), SUM(state = 'rolled_back' AND back_s < 60)
FROM incidents INDEXED BY incidents_ended WHERE ended >= :begin AND ended < :end
"""
_JUDGED = "SELECT (at - :begin) / :day AS day, COUNT(*), SUM(is_right) FROM judged WHERE at >= :begin GROUP BY 1"
_NAMES = ("healed", "left", "recover_s", "recovered", "detect_s", "detected", "acted_healed", "acted", "by_two", "undone", "undone_soon")


@dataclass(frozen=True, slots=True)
class Target:
    """One target: how it is made of a day's sums (part, whole), and from which value on it is met."""

    name: str
    what: str
    unit: str
    at_least: float | None
    below: float | None
    of: Callable[[Sums], tuple[float, float]]

    def is_met(self, value: float) -> bool:
        """Tell whether the value is good enough."""
        return value >= self.at_least if self.at_least is not None else self.below is not None and value < self.below


SEVEN = (
    Target("avoided", "Interventions avoided", "%", 90, None, lambda s: (100 * s["healed"], s["healed"] + s["left"])),
    Target("recover", "Time to recover", "s", None, 300, lambda s: (s["recover_s"], s["recovered"])),
    Target("detect", "Time to detect", "s", None, 120, lambda s: (s["detect_s"], s["detected"])),
    Target("recognised", "Recognised right", "%", 95, None, lambda s: (100 * s["right"], s["judged"])),
    Target("success", "Recoveries that healed", "%", 90, None, lambda s: (100 * s["acted_healed"], s["acted"])),
    Target("verified", "Verified by two factors", "%", 100, None, lambda s: (100 * s["by_two"], s["healed"])),
    Target("undone", "Taken back in a minute", "%", 100, None, lambda s: (100 * s["undone_soon"], s["undone"])),
)


def seven_targets(base: sqlite3.Connection, now: datetime) -> list[dict[str, object]]:
    """Return the seven over the last thirty days."""
    begin = micros(now - timedelta(days=DAYS))
    days: dict[int, dict[str, float]] = {}
    # A day at a time: in the order of its index, so that nothing is sorted.
    for day in range(DAYS + 1):
        count, *rest = base.execute(_ASK, {"begin": begin + day * _DAY, "end": begin + (day + 1) * _DAY}).fetchone()
        if count:
            days[day] = dict(zip(_NAMES, (value or 0 for value in rest), strict=True))
    for day, judged, right in base.execute(_JUDGED, {"begin": begin, "day": _DAY}):
        days.setdefault(day, dict.fromkeys(_NAMES, 0)).update(judged=judged, right=right)
    return [_row(target, days) for target in SEVEN]


def _row(target: Target, days: Mapping[int, Sums]) -> dict[str, object]:
    filled = {day: {"right": 0, "judged": 0, **sums} for day, sums in days.items()}
    parts = {day: target.of(sums) for day, sums in filled.items()}
    part, whole = sum(part for part, _ in parts.values()), sum(whole for _, whole in parts.values())
    value = round(part / whole, 2) if whole else None
    goal = f">= {target.at_least:g}" if target.at_least is not None else f"< {target.below:g}"
    line = [round(parts[day][0] / parts[day][1], 2) if day in parts and parts[day][1] else None for day in range(DAYS)]
    met = None if value is None else target.is_met(value)
    return {
        "name": target.name,
        "what": target.what,
        "unit": target.unit,
        "value": value,
        "target": goal,
        "met": met,
        "of": whole,
        "line": line,
    }
