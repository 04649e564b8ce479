"""What the page and the REST interface show, asked of the read model: lists with filters and pages, one case, bars, changes."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.readmodel import IncidentView, Pending
from console.recoveries import Recovery, recoveries_of
from console.site.store import decoded, model_of, records_of
from schemas.decisions import Decision
from schemas.errors import NotFoundError, UsageError
from schemas.ids import Record, id_of, micros

Row = dict[str, object]
MAX_PAGE = 200
_CURSOR = re.compile(r"(\d{1,18})-(.{1,80})")
_PATTERN_LETTERS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked of the history; an empty text asks nothing, ``target`` is the beginning of a name."""

    state: str = ""
    kind: str = ""
    target: str = ""
    strategy: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and where the next ones begin; empty when there are no more."""

    items: list[Row]
    next: str = ""


def incidents(base: sqlite3.Connection, filters: Filters, limit: int, after: str = "") -> Page:
    """Return the incidents, the newest first; raises UsageError for an ``after`` that was never given out."""
    where, values = _where(filters)
    return _page(base, "incidents", "opened", (where, values), (limit, after))


def recoveries(base: sqlite3.Connection, limit: int, after: str = "", *, going: bool = False) -> Page:
    """Return the recoveries, the newest first; ``going``: only those that have not ended."""
    return _page(base, "recoveries", "at", (["going = 1"] if going else [], []), (limit, after))


def _where(filters: Filters) -> tuple[list[str], list[object]]:
    where, values = [], []
    for name in ("state", "kind", "strategy"):
        if getattr(filters, name):
            where.append(f"{name} = ?")
            values.append(getattr(filters, name))
    if filters.target:
        where.append(r"target LIKE ? ESCAPE '\'")
        values.append(filters.target.translate(_PATTERN_LETTERS) + "%")
    for word, moment in ((">=", filters.since), ("<", filters.until)):
        if moment is not None:
            where.append(f"opened {word} ?")
            values.append(micros(moment))
    return where, values


def _page(base: sqlite3.Connection, table: str, order: str, asked: tuple[list[str], list[object]], place: tuple[int, str]) -> Page:
    (where, values), (limit, after) = asked, place
    if after:
        found = _CURSOR.fullmatch(after)
        if found is None:
            raise UsageError(f"after {after[:40]!r}", "no page begins there", "Begin with the first page and follow its `next`")
        where, values = [*where, f"({order}, id) < (?, ?)"], [*values, int(found[1]), found[2]]
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    ask = f"SELECT {order}, id, line FROM {table} {condition} ORDER BY {order} DESC, id DESC LIMIT ?"  # noqa: S608 - our own texts only
    rows = base.execute(ask, (*values, limit + 1)).fetchall()
    shown = rows[:limit]
    more = f"{shown[-1][0]}-{shown[-1][1]}" if len(rows) > limit else ""
    return Page([json.loads(line) for _, _, line in shown], more)


def incident_named(base: sqlite3.Connection, prefix: str) -> tuple[str, IncidentView]:
    """Return the one incident whose id begins so, with all that was said of it; raises NotFoundError."""
    ask = "SELECT id FROM incidents WHERE id >= ? AND id < ? LIMIT 2"
    names = [name for (name,) in base.execute(ask, (prefix, f"{prefix}\U0010ffff"))] if prefix else []
    if len(names) != 1:
        why = "more than one incident begins so" if names else "there is none"
        raise NotFoundError(f"incident {prefix[:64]}", why, "List them with `healstream incident list -o json`")
    return names[0], model_of(base, names).incidents[names[0]]


def recoveries_on(base: sqlite3.Connection, incident: str) -> tuple[Recovery, ...]:
    """Return an incident's recoveries, the newest first."""
    return recoveries_of(records_of(base, incident))


def incident_of_recovery(base: sqlite3.Connection, prefix: str) -> str:
    """Return the incident of the recoveries whose id or incident begins so, the prefix itself when there is none."""
    ends = (prefix, f"{prefix}\U0010ffff")
    ask = """
    SELECT incident FROM recoveries WHERE id >= ? AND id < ?
    UNION SELECT incident FROM recoveries WHERE incident >= ? AND incident < ? LIMIT 2
    """
    found = base.execute(ask, ends + ends).fetchall() if prefix else []
    return str(found[0][0]) if len(found) == 1 else prefix


def pending(base: sqlite3.Connection, now: datetime) -> list[Pending]:
    """Return what waits for people now, what ends first at the front."""
    waiting = [name for (name,) in base.execute("SELECT id FROM incidents WHERE waits = 1")]
    return sorted(model_of(base, waiting).pending(now), key=lambda row: row.decision.expires_at)


def newest(base: sqlite3.Connection, kind: str, limit: int, before: int = 0) -> list[tuple[int, Record]]:
    """Return the newest records of a kind with their places, the newest first; ``before`` is a place."""
    ask = "SELECT seq, raw FROM records WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    rows = base.execute(ask, (kind, before or 2**62, limit)).fetchall()
    return [(seq, record) for seq, raw in rows for record in decoded([raw])]


def decisions(base: sqlite3.Connection, limit: int, after: str = "") -> Page:
    """Return the decisions, the newest first; raises UsageError for an ``after`` that was never given out."""
    if after and not after.isdecimal():
        raise UsageError(f"after {after[:40]!r}", "no page begins there", "Begin with the first page and follow its `next`")
    rows = newest(base, Decision.RECORD, limit + 1, int(after or 0))
    shown = rows[:limit]
    items = [_decision(record) for _, record in shown if isinstance(record, Decision)]
    return Page(items, str(shown[-1][0]) if len(rows) > limit else "")


def _decision(record: Decision) -> Row:
    return {
        "id": id_of(record),
        "incident_id": record.incident_id,
        "verdict": record.verdict.value,
        "target": record.target,
        "strategy": record.strategy,
        "risk": record.risk.score,
        "reason": record.reason,
        "at": record.decided_at.isoformat(),
    }


def counts(base: sqlite3.Connection) -> dict[str, int]:
    """Return how many incidents stand in each state."""
    return {state: int(n) for state, n in base.execute("SELECT state, COUNT(*) FROM incidents GROUP BY state")}


def bars(base: sqlite3.Connection, now: datetime, hours: int = 24) -> list[Row]:
    """Return one row an hour, the oldest first: how many incidents ended as what."""
    begin = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    rows: list[Row] = [{"at": (begin + timedelta(hours=n)).isoformat(), "ends": {}} for n in range(hours)]
    ask = "SELECT (ended - ?) / 3600000000, state, COUNT(*) FROM incidents WHERE ended >= ? GROUP BY 1, 2"
    for number, state, count in base.execute(ask, (micros(begin), micros(begin))):
        ends = rows[number]["ends"] if number < hours else None
        if isinstance(ends, dict):
            ends[state] = int(count)
    return rows


def last_change(base: sqlite3.Connection) -> int:
    """Return the number of the newest change, 0 when nothing ever changed."""
    return int(base.execute("SELECT COALESCE(MAX(seq), 0) FROM changes").fetchone()[0])


def changes_after(base: sqlite3.Connection, number: int, limit: int = 500) -> list[tuple[int, str, str]]:
    """Return the changes after a number: each with its own, what it is about, and that one's id."""
    return base.execute("SELECT seq, what, id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", (number, limit)).fetchall()


def has_gap(base: sqlite3.Connection, number: int) -> bool:
    """Tell whether changes after that number are forgotten, or it is of another read model: whoever asks must look at everything anew."""
    oldest, newest_one = base.execute("SELECT MIN(seq), MAX(seq) FROM changes").fetchone()
    return number > (newest_one or 0) or (oldest is not None and number < oldest - 1)
