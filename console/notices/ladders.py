"""Who is told next while nobody acknowledges: a climb is a row of state, so a restart goes on at the same rung."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from console.notices.cases import Case, News, Said
from console.notices.rules import Ladder, NoticeRules


@dataclass(frozen=True, slots=True)
class Climb:
    """One ladder for one piece of news: ``rung`` is the next one, ``began_at`` when the first letters were written."""

    ladder: str
    incident_id: str
    said: Said
    news_key: str
    began_at: datetime
    rung: int = 0


def began(ladder: str, news: News, now: datetime) -> Climb:
    """Return the climb before its first rung."""
    return Climb(ladder, news.incident_id, news.said, news.key, now)


def is_over(climb: Climb, case: Case | None) -> bool:
    """Tell whether nobody is asked any more: an approval that was answered needs no other person."""
    if case is None:
        return True
    return climb.said is Said.APPROVAL and not (case.pending and climb.news_key.endswith(case.pending))


def next_rung(climb: Climb, rules: NoticeRules, now: datetime) -> tuple[tuple[str, ...], Climb | None]:
    """Return who is told now, and the climb as it goes on; None at its end or when the ladder is no more."""
    ladder = rules.ladder(climb.ladder)
    if ladder is None or climb.rung >= len(ladder.rungs):
        return (), None
    if now < _due(climb, ladder):
        return (), climb
    later = replace(climb, rung=climb.rung + 1)
    return ladder.rungs[climb.rung].targets, later if later.rung < len(ladder.rungs) else None


def _due(climb: Climb, ladder: Ladder) -> datetime:
    return climb.began_at + timedelta(minutes=ladder.rungs[climb.rung].after_minutes)
