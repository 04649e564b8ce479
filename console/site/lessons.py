"""How well failures are recognised, by who judged it, by time and by kind, and what drifted: asked of the read model.

A verdict is a person's word, or what a verified recovery proved. What nobody judged has no share: it is shown as such.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.feedback_words import PERSON
from console.site import views
from console.site.chronicle import rows_of_actions
from console.site.store import PERSON_WORD
from schemas.oversight import Feedback

WINDOWS = (("1 day", timedelta(days=1)), ("7 days", timedelta(days=7)), ("30 days", timedelta(days=30)))
PEOPLE, OUTCOMES = "people", "verified recoveries"
DRIFT = "drift.detected"
# What the audit says of learning: each begins with one of these.
_LEARNING = ("drift.", "lesson.", "model.")
# As many as are read within the time that a view has.
_NEWEST_WORDS, _SHOWN = 700, 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judged incident: by whom, when, as what it was recognised, and whether that was right."""

    source: str
    at: datetime
    kind: str
    is_right: bool


def verdicts_in(base: sqlite3.Connection) -> list[Verdict]:
    """Return the newest verdicts of people and of recoveries."""
    words = [record for kind in (PERSON_WORD, Feedback.RECORD) for _, record in views.newest(base, kind, _NEWEST_WORDS)]
    told = [word for word in words if isinstance(word, Feedback)]
    kinds = _kinds_of(base, {word.incident_id for word in told})
    return [found for word in told if word.incident_id in kinds for found in _verdict(word, kinds[word.incident_id])]


def _verdict(word: Feedback, kind: str) -> list[Verdict]:
    if word.source == PERSON:
        return [] if word.correct is None else [Verdict(PEOPLE, word.at, kind, word.correct)]
    return [Verdict(OUTCOMES, word.at, kind, word.kind == kind)] if word.verified and word.kind is not None else []


def _kinds_of(base: sqlite3.Connection, names: set[str]) -> dict[str, str]:
    ask = "SELECT kind FROM incidents WHERE id = ?"
    found = ((name, base.execute(ask, (name,)).fetchone()) for name in names)
    return {name: str(row[0]) for name, row in found if row}


def accuracy_rows(verdicts: Iterable[Verdict], now: datetime) -> list[dict[str, object]]:
    """Return for each source and window how many were judged and which share was right."""
    known = list(verdicts)
    return [
        _share({"source": source, "window": name}, [one for one in known if one.source == source and one.at > now - span])
        for source in (PEOPLE, OUTCOMES)
        for name, span in WINDOWS
    ]


def kind_rows(verdicts: Iterable[Verdict], now: datetime) -> list[dict[str, object]]:
    """Return the kinds that were judged within the longest window, those most often wrong at the front."""
    recent = [one for one in verdicts if one.at > now - WINDOWS[-1][1]]
    wrong = Counter(one.kind for one in recent if not one.is_right)
    kinds = sorted({one.kind for one in recent}, key=lambda kind: (-wrong[kind], kind))
    return [_share({"kind": kind}, [one for one in recent if one.kind == kind]) for kind in kinds]


def _share(names: dict[str, object], judged: list[Verdict]) -> dict[str, object]:
    right = sum(one.is_right for one in judged)
    return {**names, "judged": len(judged), "right": right, "share": round(right / len(judged), 3) if judged else None}


def lesson_rows(base: sqlite3.Connection, begins: tuple[str, ...] = _LEARNING) -> list[dict[str, object]]:
    """Return what the audit's newest records say of learning, the newest first."""
    return rows_of_actions(base, begins, _SHOWN)
